"""The fields that a letter was given for its number and date before the authorised person signed.

Recognised by what they are called (``so``, ``so_ky_hieu``, ``ngay_ban_hanh``, ``thang`` ..., or the label for people),
else by where they stand: in the row of ``Số:`` or between the words ``ngày``, ``tháng``, ``năm`` of page 1.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from kyso.placement.lettering import Lettering, set_lines
from kyso.plugin import FieldFill, RectMm, SigningRefused
from kyso_decree30.head import HEAD_PART, Head
from kyso_stamps import StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kyso.plugin import Letter, PlacementIntent, TextFieldInfo
    from kyso_stamps import TextItem

Role = Literal["number", "date", "day", "month", "year"]

SIZE_PT = 13.0
LEAST_SIZE_PT = 8.0

_NAMES: Mapping[str, Role] = {
    **dict.fromkeys(("so", "sovanban", "sokyhieu", "sovakyhieu", "sohieu", "sokh", "number"), "number"),
    **dict.fromkeys(("docnumber", "documentnumber", "numberandsymbol"), "number"),
    **dict.fromkeys(("ngaybanhanh", "ngaythangnam", "ngayvanban", "date", "issueddate", "dateofissue"), "date"),
    **dict.fromkeys(("ngay", "day"), "day"),
    **dict.fromkeys(("thang", "month"), "month"),
    **dict.fromkeys(("nam", "year"), "year"),
}
_ROW_MM = 3.5
_PARTS: tuple[Role, ...] = ("day", "month", "year")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_DATE = re.compile(r"(\d{1,2})\D+(\d{1,2})\D+(\d{4})")


@dataclass(frozen=True, slots=True)
class PlacedText:
    """One text at its place on page 1.

    :param rect_mm: its line box in display space.
    """

    rect_mm: RectMm
    lettering: Lettering

    def item(self, origin: RectMm) -> TextItem:
        """Return it for a stamp whose box is `origin`."""
        return self.lettering.item(
            "left",
            width_mm=self.rect_mm.width,
            left_mm=self.rect_mm.left - origin.left,
            top_mm=self.rect_mm.top - origin.top,
        )


@dataclass(frozen=True, slots=True)
class IntoFields:
    """What goes into text fields: filled in where that harms no signature, else drawn at the field's place."""

    drawn: tuple[PlacedText, ...] = ()
    fills: tuple[FieldFill, ...] = ()


@dataclass(frozen=True, slots=True)
class IssueFields:
    """The text fields for number and date; a whole date, or its parts."""

    by_role: Mapping[Role, TextFieldInfo]

    @property
    def number(self) -> TextFieldInfo | None:
        """The field for number and symbol."""
        return self.by_role.get("number")

    @property
    def date_fields(self) -> Mapping[Role, TextFieldInfo]:
        """The field for the whole date, or those for its parts."""
        whole = self.by_role.get("date")
        if whole is not None:
            return {"date": whole}
        return {role: field for role, field in self.by_role.items() if role != "number"}

    @property
    def number_value(self) -> str:
        """What the number's field holds."""
        return self.number.value.strip() if self.number is not None else ""

    def date_value(self, printed: tuple[int | None, int | None, int | None]) -> date | None:
        """Return the date that the fields hold, ``None`` where a part of it is still empty.

        :param printed: day, month and year as far as they are printed.
        """
        whole = self.by_role.get("date")
        if whole is not None:
            return _date(whole.value)
        filled = [_figure(self.by_role[role].value) if role in self.by_role else None for role in _PARTS]
        day, month, year = (one if one is not None else other for one, other in zip(filled, printed, strict=True))
        if day is None or month is None or year is None:
            return None
        try:
            return date(year, month, day)
        except ValueError:
            return None


def issue_fields(letter: Letter, head: Head) -> IssueFields:
    """Return the text fields of page 1 that were made for number and date."""
    page = letter.page(1)
    fields = [
        field
        for field in letter.text_fields
        if field.page == 1 and field.rect_mm.centre_y <= HEAD_PART * page.height_mm
    ]
    found: dict[Role, TextFieldInfo] = {}
    for field in fields:
        role = _role_by_name(field)
        if role is not None:
            found.setdefault(role, field)
    if "day" in found and not {"month", "year"} & set(found) and _is_wide(found["day"], head):
        # "ngay" alone is the whole date; beside "thang" it is the day.
        found["date"] = found.pop("day")
    known = {field.name for field in found.values()}
    others = [field for field in fields if field.name not in known]
    for role, field in (*_in_number_row(others, head), *_in_date_row(others, head)):
        found.setdefault(role, field)
    return IssueFields(found)


def _is_wide(field: TextFieldInfo, head: Head) -> bool:
    """Tell whether a field has room for a whole date: where the words around it are not printed."""
    return head.date is None or field.rect_mm.width >= 30


def into_fields(values: Iterable[tuple[TextFieldInfo, str, bool]], intent: PlacementIntent) -> IntoFields:
    """Return how the fields show their values: each (field, value, italic) set in the middle of the field.

    :raises SigningRefused: a field is too small for its value.
    """
    drawn, fills = [], []
    for field, value, italic in values:
        rect = field.rect_mm
        lettering = _set_in(rect, value, intent, italic=italic)
        top = max(0.0, (rect.height - lettering.height_mm) / 2)
        if field.fillable:
            item = lettering.item("centre", width_mm=rect.width, top_mm=top)
            fills.append(FieldFill(field.name, value, StampSpec(rect.width, rect.height, (item,))))
        else:
            left = rect.centre_x - lettering.width_mm / 2
            place = RectMm(left, rect.top + top, lettering.width_mm, lettering.height_mm)
            drawn.append(PlacedText(place, lettering))
    return IntoFields(tuple(drawn), tuple(fills))


def words_before(letter: Letter, field: TextFieldInfo) -> str:
    """Return what is printed directly before a field in its row."""
    row = [
        line
        for line in letter.text_lines(field.page)
        if abs(line.rect_mm.centre_y - field.rect_mm.centre_y) <= _ROW_MM
        and line.rect_mm.right <= field.rect_mm.left + 2
    ]
    return max(row, key=lambda line: line.rect_mm.right).text if row else ""


def _set_in(rect: RectMm, value: str, intent: PlacementIntent, *, italic: bool) -> Lettering:
    """Return `value` set as large as `rect` has room for.

    :raises SigningRefused: ``decree30.blank_too_narrow``.
    """
    for half_points in range(int(SIZE_PT * 2), int(LEAST_SIZE_PT * 2) - 1, -1):
        lettering = set_lines((value,), size_pt=half_points / 2, max_width_mm=1000.0, fonts=intent.fonts, italic=italic)
        if lettering.width_mm <= rect.width and lettering.height_mm <= rect.height:
            return lettering
    raise SigningRefused("decree30.blank_too_narrow", text=value, room=f"{rect.width:.1f} x {rect.height:.1f}")


def _role_by_name(field: TextFieldInfo) -> Role | None:
    for words in (field.name.rpartition(".")[2], field.label):
        plain = _plain(words)
        if plain in _NAMES:
            return _NAMES[plain]
    return None


def _plain(text: str) -> str:
    """Return letters without marks and case, nothing else: ``Số, ký hiệu`` is ``sokyhieu``."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "d"))
    return "".join(character for character in decomposed if character.isalpha() and character.isascii()).lower()


def signature_field_beside(letter: Letter, head: Head) -> str | None:
    """Return the empty signature field that stands in the row of the number, made for a signature that shows it."""
    for field in letter.signature_fields:
        if not field.signed and field.page == 1 and field.rect_mm is not None and _beside_label(field.rect_mm, head):
            return field.name
    return None


def _in_number_row(fields: Iterable[TextFieldInfo], head: Head) -> Iterable[tuple[Role, TextFieldInfo]]:
    field = next((field for field in fields if _beside_label(field.rect_mm, head)), None)
    if field is not None:
        yield "number", field


def _beside_label(rect: RectMm, head: Head) -> bool:
    if head.number is None:
        return False
    label = head.number.pieces[0].rect_mm
    beside = label.left < rect.centre_x < label.left + 90 and rect.left < label.right + 40
    return beside and abs(rect.centre_y - label.centre_y) <= _ROW_MM


def _in_date_row(fields: Sequence[TextFieldInfo], head: Head) -> Iterable[tuple[Role, TextFieldInfo]]:
    if head.date is None:
        return
    line = head.date.pieces
    left = min(piece.rect_mm.left for piece in line)
    level = line[0].rect_mm.centre_y
    row = sorted(
        (field for field in fields if abs(field.rect_mm.centre_y - level) <= _ROW_MM and field.rect_mm.right > left),
        key=lambda field: field.rect_mm.left,
    )
    missing = [
        role
        for role, printed in zip(_PARTS, (head.date.day, head.date.month, head.date.year), strict=True)
        if printed is None
    ]
    if len(row) == len(missing):
        yield from zip(missing, row, strict=True)


def _figure(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and len(text.strip()) <= 4 else None


def _date(text: str) -> date | None:
    iso, plain = _ISO.search(text), _DATE.search(text)
    parts = tuple(map(int, iso.groups())) if iso else tuple(map(int, plain.groups()))[::-1] if plain else None
    try:
        return None if parts is None else date(*parts)
    except ValueError:
        return None
