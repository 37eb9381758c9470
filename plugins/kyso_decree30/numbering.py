"""Number and date of issue: read from the letter, or given to this step and drawn at their place (articles 13 to 15).

They are given after the authorised person has signed, so they can be no page content any more. They are drawn by the
appearance of a signature: by the seal's own where it stands on page 1, else by one of `decree30.number`.

An appearance is not read back as text: a number that an earlier signature drew is known by that signature's policy, its
date by the day of signing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from kyso.placement.lettering import set_lines
from kyso.plugin import Notice, RectMm, SigningRefused, WrongUse
from kyso.text import Phrase
from kyso_decree30.form_fields import (
    IssueFields,
    PlacedText,
    into_fields,
    issue_fields,
    signature_field_beside,
    words_before,
)
from kyso_decree30.head import (
    Columns,
    DateLine,
    Head,
    NumberLine,
    Token,
    folded,
    read_columns,
    read_head,
    tokens,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kyso.plugin import FieldFill, FieldInfo, Letter, PlacementIntent, TextFieldInfo, TextLine

NUMBER = "decree30.number"
SEAL = "decree30.seal"

SIZE_PT = 13.0
LEAST_SIZE_PT = 9.0
"""Number and date are set at the line's own size, and smaller down to this where the blank is narrow."""

_AROUND_MM = 0.3
_AFTER_LABEL_MM = 1.4
_ABOVE_DOTS_MM = 0.6
_LOOK_MM = 30.0
_ROWS_BELOW_MM = (4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
_GIVEN_NUMBER = re.compile(r"(?:Số\s*:?\s*)?(?P<number>\d{1,6}[a-zđ]{0,2})\s*(?:/\s*(?P<symbol>\S.*))?")


@dataclass(frozen=True, slots=True)
class Issue:
    """What is to be drawn on page 1 and what to say; nothing to draw where the letter carries number and date.

    :param fills: text fields that take what is not drawn.
    """

    texts: tuple[PlacedText, ...]
    notices: tuple[Notice, ...]
    fills: tuple[FieldFill, ...] = ()


def vietnamese_date(day: date) -> str:
    """Return ``ngày 05 tháng 01 năm 2026``: leading zeros for days below 10 and months 1 and 2 (annex I, II.4)."""
    return f"ngày {_day(day)} tháng {_month(day)} năm {day.year}"


def _day(day: date) -> str:
    return f"{day.day:02d}"


def _month(day: date) -> str:
    return f"{day.month:02d}" if day.month < 3 else str(day.month)


def prepare_issue(letter: Letter, intent: PlacementIntent) -> Issue:
    """Make sure that the letter has a number and a date: printed, given to this step, or confirmed by a person.

    :raises WrongUse: what is given contradicts what is printed, or is no number.
    :raises SigningRefused: ``decree30.number_missing``, ``decree30.date_unconfirmed``, or there is no place to draw.
    """
    head = read_head(letter)
    fields = issue_fields(letter, head)
    number, day = given_number(intent), intent.values.get("date")
    notices: list[Notice] = []
    earlier = numbered_before(letter)
    if not head.readable and not fields.by_role:
        if number is not None or day is not None:
            raise SigningRefused("decree30.no_place_for_number", page=1)
        notices.append(Notice("decree30.number_unread"))
        return Issue((), tuple(notices))
    _check_agreement(head, fields, number, day)
    printed_day = shown_day(head, fields)
    missing = _missing(
        number=number is not None or bool(head.number is not None and head.number.number) or bool(fields.number_value),
        date=day is not None or printed_day is not None,
    )
    if missing is not None and earlier is None and not intent.values["confirm_number"]:
        raise SigningRefused("decree30.number_missing", missing=missing)
    if missing is not None and earlier is None:
        notices.append(Notice("decree30.number_confirmed", {"missing": missing}))
    issued = printed_day or day or _signed_on(intent, earlier)
    if issued is not None and issued != intent.signed_at.date():
        notices.append(date_differs(issued, intent))
    return _issue(letter, intent, head, fields, notices)


def shown_day(head: Head, fields: IssueFields) -> date | None:
    """Return the date that the page shows, printed or filled in."""
    line = head.date
    if line is not None and line.value is not None:
        return line.value
    return fields.date_value((line.day, line.month, line.year) if line is not None else (None, None, None))


def _missing(*, number: bool, date: bool) -> Phrase | None:
    """Return words for what is not there."""
    if number and date:
        return None
    return Phrase("decree30.part." + ("date" if number else "number" if date else "number_and_date"))


def prepare_given(letter: Letter, intent: PlacementIntent) -> Issue:
    """Place what is given to this step and ask for nothing more.

    :raises WrongUse: what is given contradicts what is printed, or is no number.
    :raises SigningRefused: the date is not today's and not confirmed, or there is no place to draw.
    """
    head = read_head(letter)
    fields = issue_fields(letter, head)
    day = intent.values.get("date")
    _check_agreement(head, fields, given_number(intent), day)
    notices = () if day is None or day == intent.signed_at.date() else (date_differs(day, intent),)
    return _issue(letter, intent, head, fields, notices)


def date_differs(shown: date, intent: PlacementIntent) -> Notice:
    """Return the warning that the letter's date is not today's in Vietnam.

    :raises SigningRefused: ``decree30.date_unconfirmed``: nobody confirmed it with ``confirm_date``.
    """
    about = {"date": f"{shown:%d/%m/%Y}", "today": f"{intent.signed_at:%d/%m/%Y}"}
    if not intent.values["confirm_date"]:
        raise SigningRefused("decree30.date_unconfirmed", **about)
    return Notice("decree30.date_differs", about)


def numbered_before(letter: Letter) -> FieldInfo | None:
    """Return the signature that drew the number on page 1: `decree30.number`, or a seal that reaches up there."""
    top = letter.page(1).height_mm / 3
    for field in letter.signature_fields:
        if not field.signed or field.page != 1 or field.rect_mm is None:
            continue
        if field.policy == NUMBER or (field.policy == SEAL and field.rect_mm.top < top):
            return field
    return None


def _signed_on(intent: PlacementIntent, field: FieldInfo | None) -> date | None:
    """Return the day on which the number was signed: what an appearance shows is not read as text."""
    if field is None:
        return None
    for signature in intent.check_signatures().signatures:
        if signature.field == field.name and signature.signing_time.value is not None:
            return signature.signing_time.value.astimezone(intent.signed_at.tzinfo).date()
    return None


def given_number(intent: PlacementIntent) -> tuple[str, str] | None:
    """Return number and symbol as given, the number with its leading zero; the symbol may be empty.

    :raises WrongUse: it is no number.
    """
    text = intent.values.get("number")
    if text is None:
        return None
    parts = given_parts(text)
    if parts is None:
        raise WrongUse("decree30.number_wrong", number=text)
    return parts


def given_parts(text: str) -> tuple[str, str] | None:
    """Return number and symbol of ``12/QĐ-ABC``, ``None`` where it is no number."""
    found = _GIVEN_NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    number = found["number"]
    return (f"0{number}" if len(number) == 1 else number), (found["symbol"] or "").strip()


def _check_agreement(head: Head, fields: IssueFields, number: tuple[str, str] | None, day: date | None) -> None:
    """Refuse what contradicts the print, or what a field holds already.

    :raises WrongUse: ``decree30.number_differs`` or ``decree30.letter_date_differs``.
    """
    line = head.number
    if number is not None and fields.number_value:
        written = given_parts(fields.number_value)
        symbol = written[1] if written is not None else ""
        if written is None or written[0] != number[0] or folded(symbol or number[1]) != folded(number[1] or symbol):
            raise WrongUse("decree30.number_differs", printed=fields.number_value, given="/".join(number))
    filled_day = shown_day(head, fields)
    if day is not None and filled_day not in (None, day):
        raise WrongUse("decree30.letter_date_differs", printed=f"{filled_day:%d/%m/%Y}", given=f"{day:%d/%m/%Y}")
    if number is not None and line is not None:
        printed, given = f"{line.number}/{line.symbol}", f"{number[0]}/{number[1]}"
        same_number = not line.number or line.number.lstrip("0") == number[0].lstrip("0")
        same_symbol = not line.symbol or not number[1] or folded(line.symbol) == folded(number[1])
        if not same_number or not same_symbol:
            raise WrongUse("decree30.number_differs", printed=printed, given=given)
    if number is not None and not number[1] and (line is None or not line.symbol):
        raise WrongUse("decree30.symbol_missing", number=number[0])
    if day is not None and head.date is not None:
        pairs = ((head.date.day, day.day), (head.date.month, day.month), (head.date.year, day.year))
        if any(printed is not None and printed != given for printed, given in pairs):
            shown = " ".join(piece.text for piece in head.date.pieces)
            raise WrongUse("decree30.letter_date_differs", printed=shown, given=f"{day:%d/%m/%Y}")


# ------------------------------------------------------------------------------------------------------- the places


def _issue(
    letter: Letter, intent: PlacementIntent, head: Head, fields: IssueFields, notices: Iterable[Notice]
) -> Issue:
    """Return where number and date go: into fields made for them, else into the blanks or below the head.

    :raises SigningRefused: there is no place for them.
    """
    number, day = given_number(intent), intent.values.get("date")
    values: list[tuple[TextFieldInfo, str, bool]] = []
    if number is not None and fields.number is not None:
        if not fields.number_value:
            values.append((fields.number, _number_for_field(head, number), False))
        number = None
    if day is not None and fields.date_fields:
        parts = {"day": _day(day), "month": _month(day), "year": str(day.year)}
        for role, field in fields.date_fields.items():
            if not field.value.strip():
                value = parts[role] if role in parts else vietnamese_date(day)
                if role == "date" and folded(words_before(letter, field)).endswith("ngày"):
                    value = value.removeprefix("ngày ")
                values.append((field, value, True))
        day = None
    shown = into_fields(values, intent)
    told = [*notices]
    if shown.drawn:
        told.append(Notice("decree30.fields_drawn_over"))
    waiting = None if number is None and day is None else signature_field_beside(letter, head)
    if waiting is not None and intent.field != waiting:
        told.append(Notice("decree30.number_field_waits", {"field": waiting}))
    return Issue((*shown.drawn, *_placed(letter, intent, head, number, day)), tuple(told), shown.fills)


def _number_for_field(head: Head, number: tuple[str, str]) -> str:
    """Return what the field shows beside what is printed around it: label before, symbol behind."""
    if head.number is None:
        return f"Số: {number[0]}/{number[1]}"
    return number[0] if head.number.symbol or not number[1] else f"{number[0]}/{number[1]}"


def _placed(
    letter: Letter, intent: PlacementIntent, head: Head, number: tuple[str, str] | None, day: date | None
) -> Iterable[PlacedText]:
    """Yield what has to be drawn: nothing for what is printed already."""
    if number is not None and head.number is not None and not head.number.number:
        yield from _number_in_line(letter, intent, head.number, number)
    if day is not None and head.date is not None and head.date.value is None:
        yield from _date_in_line(letter, intent, head.date, day)
    lines: list[tuple[str, bool]] = []
    if number is not None and head.number is None:
        lines.append((f"Số: {number[0]}/{number[1]}", False))
    if day is not None and head.date is None:
        lines.append((vietnamese_date(day), True))
    if lines:
        yield from _new_lines(letter, intent, head, lines)


def _number_in_line(
    letter: Letter, intent: PlacementIntent, line: NumberLine, number: tuple[str, str]
) -> Iterable[PlacedText]:
    words = tokens(line.pieces, _width_of(intent, italic=False))
    value = number[0] if line.symbol else f"{number[0]}/{number[1]}"
    yield _in_blank(letter, intent, line.pieces, words, ("số", "số:", "số."), value, italic=False)


def _date_in_line(letter: Letter, intent: PlacementIntent, line: DateLine, day: date) -> Iterable[PlacedText]:
    words = tokens(line.pieces, _width_of(intent, italic=True))
    parts = ((line.day, "ngày", _day(day)), (line.month, "tháng", _month(day)), (line.year, "năm", str(day.year)))
    for printed, word, value in parts:
        if printed is None:
            yield _in_blank(letter, intent, line.pieces, words, (word,), value, italic=True)


def _width_of(intent: PlacementIntent, *, italic: bool) -> _Widths:
    return _Widths(intent, italic)


@dataclass(frozen=True, slots=True)
class _Widths:
    intent: PlacementIntent
    italic: bool

    def __call__(self, text: str, size_pt: float) -> float:
        from kyso_stamps import StampError
        from kyso_stamps.text import measure

        try:
            return measure(text, size_pt, self.intent.fonts, italic=self.italic)
        except StampError:
            # A printed character that our face lacks; only an estimate is wanted.
            return 0.5 * len(text) * size_pt * 25.4 / 72


def _in_blank(
    letter: Letter,
    intent: PlacementIntent,
    pieces: Sequence[TextLine],
    words: Sequence[Token],
    after: tuple[str, ...],
    value: str,
    *,
    italic: bool,
) -> PlacedText:
    """Set `value` into the blank behind the word `after`, on the line's own baseline.

    :raises SigningRefused: the blank is too narrow.
    """
    at = next(index for index, word in enumerate(words) if folded(word.text) in after)
    label, behind = words[at], words[at + 1 :]
    dots = bool(behind) and behind[0].dots
    following = next((word for word in behind if not word.dots), None)
    left = label.right
    right = following.left if following is not None else left + _LOOK_MM
    piece = min(pieces, key=lambda one: abs(one.rect_mm.centre_x - label.left))
    band = RectMm(0.0, piece.rect_mm.top, 0.0, piece.rect_mm.height)
    if not dots:
        left, right = _empty_around(letter, left, right, band)
    room = right - left - 2 * _AROUND_MM
    lettering = None
    for size in (piece.size_pt, *(size / 2 for size in range(int(piece.size_pt * 2) - 1, 0, -1))):
        if size < LEAST_SIZE_PT:
            break
        lettering = set_lines((value,), size_pt=size, max_width_mm=1000.0, fonts=intent.fonts, italic=italic)
        if lettering.width_mm <= room:
            break
    if lettering is None or lettering.width_mm > room:
        raise SigningRefused("decree30.blank_too_narrow", text=value, room=f"{max(room, 0):.1f}")
    # An open end keeps one space from the label; a closed blank is filled in its middle.
    x = (left + right - lettering.width_mm) / 2 if following is not None else left + _AFTER_LABEL_MM
    baseline_top = piece.rect_mm.top - _ink_top(piece, intent, italic=italic)
    # Smaller figures stand on the same baseline, so their line starts lower.
    top = baseline_top + (piece.size_pt - lettering.size_pt) * 25.4 / 72
    if dots:
        # As a pen would: on the dots, not among them.
        top -= _ABOVE_DOTS_MM
    return PlacedText(RectMm(x, top, lettering.width_mm, lettering.height_mm), lettering)


def _ink_top(piece: TextLine, intent: PlacementIntent, *, italic: bool) -> float:
    """Return the distance from the line's top to its ink for the printed words set in our face."""
    words = set_lines((piece.text,), size_pt=piece.size_pt, max_width_mm=1000.0, fonts=intent.fonts, italic=italic)
    return words.ink_top_mm


def _empty_around(letter: Letter, left: float, right: float, band: RectMm) -> tuple[float, float]:
    """Return how far the paper around the middle of an estimated blank is really empty.

    The estimate is made with another font's widths, so its ends may touch print or leave room unused.
    """
    whole = letter.page(1).width_mm
    for middle in _middles(left, right):
        if letter.free_of_ink(1, RectMm(middle - 0.4, band.top, 0.8, band.height)):
            back = _reach(letter, middle, band, -1, middle)
            forth = _reach(letter, middle, band, 1, whole - middle)
            return middle - back, middle + forth
    return left, left


def _middles(left: float, right: float) -> Iterable[float]:
    middle, step = (left + right) / 2, max(right - left, 4.0) / 6
    return (middle, middle + step, middle - step, middle + 2 * step, middle - 2 * step)


def _reach(letter: Letter, middle: float, band: RectMm, sign: int, most: float) -> float:
    """Return how many millimetres beside `middle` are empty, to a third of a millimetre."""
    empty, taken = 0.4, min(_LOOK_MM, most)
    while taken - empty > 0.33:
        half = (empty + taken) / 2
        strip = RectMm(middle if sign > 0 else middle - half, band.top, half, band.height)
        empty, taken = (half, taken) if letter.free_of_ink(1, strip) else (empty, half)
    return empty


def _new_lines(
    letter: Letter, intent: PlacementIntent, head: Head, lines: Sequence[tuple[str, bool]]
) -> Iterable[PlacedText]:
    """Set whole lines where the letter has none: the number below the issuing body, the date below the motto.

    :raises SigningRefused: the head is not recognised, or nothing below it is empty.
    """
    columns = read_columns(letter)
    if columns is None:
        raise SigningRefused("decree30.no_place_for_number", page=1)
    set_ones = [
        (set_lines((text,), size_pt=SIZE_PT, max_width_mm=1000.0, fonts=intent.fonts, italic=italic), italic)
        for text, italic in lines
    ]
    for top in _line_tops(head, columns):
        placed = [
            PlacedText(
                RectMm(
                    (columns.right_axis_mm if italic else columns.left_axis_mm) - lettering.width_mm / 2,
                    top,
                    lettering.width_mm,
                    lettering.height_mm,
                ),
                lettering,
            )
            for lettering, italic in set_ones
        ]
        if all(text.rect_mm.left >= 0 and letter.free_of_ink(1, text.rect_mm) for text in placed):
            return placed
    raise SigningRefused("decree30.no_place_for_number", page=1)


def _line_tops(head: Head, columns: Columns) -> Iterable[float]:
    """Return where the line may start: level with the other of the two where that one is printed."""
    other = head.number or head.date
    if other is not None:
        yield other.pieces[0].rect_mm.top - 0.5
    for distance in _ROWS_BELOW_MM:
        yield columns.top_mm + distance
