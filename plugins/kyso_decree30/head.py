"""Reads number and date of issue from page 1 (annex I, II.3 and II.4, boxes 3 and 4), printed or still blank.

A draft carries ``Số:      /UBND-VP`` and ``Hà Nội, ngày     tháng     năm 2026``, with room or dots where number and
date go once the authorised person has signed (Decree 30/2020, articles 14 and 15).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kyso.plugin import Letter, RectMm, TextLine

HEAD_PART = 0.45
"""Boxes 1 to 5 stand in this upper part of the page."""

_SAME_ROW_MM = 2.4
_NEAR_NUMBER_MM = 16.0
_SYMBOL_REACH_MM = 40.0

_LABEL = re.compile(r"S[ốỐ]\s*(?P<colon>[:.]?)(?P<blank>[\s.…_]*)(?P<number>\d{1,6}[a-zđ]{0,2})?\s*(?P<tail>.*)")
_DATE_WORDS = re.compile(
    r"\bngày\b(?P<day>[\s\d.…_/]*)\btháng\b(?P<month>[\s\d.…_/]*)\bnăm\b(?P<year>[\s\d.…_/]*)", re.IGNORECASE
)
_DATE_FIGURES = re.compile(r",\s*(?:ngày\s*)?(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})\s*$")
_TOKEN = re.compile(r"(?P<dots>[.…_]{2,}|…)|(?:(?![.…_]{2,}|…)\S)+")
_BLANK_AFTER = ("số", "số:", "số.", "ngày", "tháng", "năm")
_NATION = "cộng hòa xã hội chủ nghĩa việt nam"


@dataclass(frozen=True, slots=True)
class NumberLine:
    """The line of box 3.

    :param number: ``12``, empty where it is still blank.
    :param symbol: ``QĐ-ABC``, empty where none is printed.
    :param pieces: the parts of the line from left to right; a wide blank parts it.
    """

    number: str
    symbol: str
    pieces: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True)
class DateLine:
    """The line of box 4; a part is ``None`` where it is still blank."""

    day: int | None
    month: int | None
    year: int | None
    pieces: tuple[TextLine, ...]

    @property
    def value(self) -> date | None:
        """The whole date, ``None`` when a part is blank or there is no such day."""
        if self.day is None or self.month is None or self.year is None:
            return None
        try:
            return date(self.year, self.month, self.day)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Head:
    """What page 1 says, and where.

    :param readable: whether the page has any text; a scan without a text layer has none.
    """

    readable: bool
    number: NumberLine | None
    date: DateLine | None


def read_head(letter: Letter) -> Head:
    """Read boxes 3 and 4 of page 1."""
    page = letter.page(1)
    lines = letter.text_lines(1)
    upper = [line for line in lines if line.rect_mm.centre_y <= HEAD_PART * page.height_mm]
    number = _number_line(upper)
    return Head(bool(lines), number, _date_line(upper, number, page.rect_mm))


def _row(lines: Iterable[TextLine], one: TextLine) -> list[TextLine]:
    level = one.rect_mm.centre_y
    row = [line for line in lines if abs(line.rect_mm.centre_y - level) <= _SAME_ROW_MM]
    return sorted(row, key=lambda line: line.rect_mm.left)


def _number_line(lines: Sequence[TextLine]) -> NumberLine | None:
    for line in lines:
        if not re.match(r"S[ốỐ](?:\s*[:.]|\s|$)", line.text):
            continue
        pieces = [line]
        for piece in _row(lines, line):
            near = 0 <= piece.rect_mm.left - pieces[-1].rect_mm.right <= _SYMBOL_REACH_MM
            if piece is not line and near and re.match(r"[/\d.…_]", piece.text) and len(pieces) < 4:
                pieces.append(piece)
        found = _LABEL.match(" ".join(piece.text for piece in pieces))
        if found is None:
            continue
        tail = found["tail"].split(" ")[0]
        if not found["colon"] and not tail.startswith(("/", "-")):
            continue  # "Số lượng", "Số 12 phố Huế"
        return NumberLine((found["number"] or "").strip(), tail.strip("/-.,; "), tuple(pieces))
    return None


def _date_line(lines: Sequence[TextLine], number: NumberLine | None, page: RectMm) -> DateLine | None:
    candidates = []
    for line in lines:
        if re.search(r"\bngày\b", line.text, re.IGNORECASE) is None and _DATE_FIGURES.search(line.text) is None:
            continue
        row = [piece for piece in _row(lines, line) if piece.rect_mm.left >= line.rect_mm.left - 0.01]
        joined = " ".join(piece.text for piece in row)
        found = _DATE_WORDS.search(joined) or _DATE_FIGURES.search(joined)
        if found is None:
            continue
        # A date that is mentioned inside a sentence goes on after the year.
        if joined[found.end() :].strip(" ./…_"):
            continue
        if number is not None:
            distance = abs(line.rect_mm.centre_y - number.pieces[0].rect_mm.centre_y)
            if distance > _NEAR_NUMBER_MM:
                continue
        elif row[-1].rect_mm.right < page.centre_x:
            continue
        else:
            distance = line.rect_mm.top
        day, month, year = (_figure(found[name]) for name in ("day", "month", "year"))
        candidates.append((distance, DateLine(day, month, year, tuple(row))))
    return min(candidates, key=lambda candidate: candidate[0])[1] if candidates else None


def _figure(text: str) -> int | None:
    """Return the number that is written there; "20…" is no year yet."""
    if "…" in text or ".." in text or "_" in text:
        return None
    figures = text.strip(" ./")
    return int(figures) if figures.isdigit() else None


# ------------------------------------------------------------------------------------------------- where blanks are


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a line, or a row of dots, and about where it stands.

    :param estimated: whether a blank inside the same piece makes `left` and `right` a guess.
    """

    text: str
    left: float
    right: float
    dots: bool


def tokens(pieces: Sequence[TextLine], width_of: Callable[[str, float], float]) -> list[Token]:
    """Return the words of a line with their places.

    What is known is where each piece begins and ends. Inside a piece, words are set with our own font's widths, and
    what remains is shared by the blanks.

    :param width_of: width in mm of a text at a size in points.
    """
    found: list[Token] = []
    for piece in pieces:
        matches = list(_TOKEN.finditer(piece.text))
        texts = [match[0] for match in matches]
        dots = [match["dots"] is not None for match in matches]
        widths = [width_of(text, piece.size_pt) for text in texts]
        space = width_of(" ", piece.size_pt)
        spaces = [space if match.start() > 0 and piece.text[match.start() - 1].isspace() else 0.0 for match in matches]
        blanks = [index for index in range(1, len(texts)) if _is_blank_between(texts, dots, index)]
        rest = piece.rect_mm.width - sum(widths) - sum(spaces)
        # Without a blank the difference is only another font's width.
        stretch = 1.0 if blanks else piece.rect_mm.width / max(sum(widths) + sum(spaces), 0.1)
        x = piece.rect_mm.left
        for index, text in enumerate(texts):
            x += spaces[index] * stretch
            if index in blanks:
                x += max(0.0, rest / len(blanks))
            found.append(Token(text, x, x + widths[index] * stretch, dots[index]))
            x += widths[index] * stretch
    return found


def _is_blank_between(texts: Sequence[str], dots: Sequence[bool], index: int) -> bool:
    return folded(texts[index - 1]) in _BLANK_AFTER and not dots[index] and not texts[index][0].isdigit()


def folded(text: str) -> str:
    """Return a word without case, as it is compared."""
    return unicodedata.normalize("NFC", text).casefold()


# ---------------------------------------------------------------------------------------------------- without lines


@dataclass(frozen=True, slots=True)
class Columns:
    """The two columns of the head, for a letter that has no number line at all.

    :param left_axis_mm: axis of the issuing body (box 2).
    :param right_axis_mm: axis of nation and motto (box 1).
    :param top_mm: lower edge of both.
    """

    left_axis_mm: float
    right_axis_mm: float
    top_mm: float


def read_columns(letter: Letter) -> Columns | None:
    """Return the columns of the head of page 1, ``None`` where nation, motto or issuing body are not recognised."""
    lines = letter.text_lines(1)
    nation = next((line.rect_mm for line in lines if _is_nation(line.text)), None)
    if nation is None:
        return None
    motto = next(
        (
            line.rect_mm
            for line in lines
            if nation.bottom - 0.5 <= line.rect_mm.top <= nation.bottom + 8
            and nation.left <= line.rect_mm.centre_x <= nation.right
        ),
        nation,
    )
    body = [
        line.rect_mm
        for line in lines
        if line.rect_mm.right < nation.left + 1 and nation.top - 4 <= line.rect_mm.top <= motto.bottom + 3
    ]
    if not body:
        return None
    last = max(body, key=lambda rect: rect.bottom)
    return Columns(last.centre_x, nation.centre_x, max(last.bottom, motto.bottom))


def _is_nation(text: str) -> bool:
    return " ".join(folded(text).replace("hoà", "hòa").split()) == _NATION
