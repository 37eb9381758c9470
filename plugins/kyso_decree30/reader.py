"""Reads the head of a letter (annex I, boxes 2 to 5): who issued it, number and date, type and subject.

What it says is for the register of incoming letters, where a person looks at it; nothing is decided by it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kyso.plugin import LetterFacts
from kyso_decree30.head import HEAD_PART, folded, read_columns, read_head

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kyso.plugin import Letter, RectMm, TextLine
    from kyso_decree30.head import Head

KINDS: Final = (
    "Nghị quyết",
    "Quyết định",
    "Chỉ thị",
    "Quy chế",
    "Quy định",
    "Thông cáo",
    "Thông báo",
    "Hướng dẫn",
    "Chương trình",
    "Kế hoạch",
    "Phương án",
    "Đề án",
    "Dự án",
    "Báo cáo",
    "Biên bản",
    "Tờ trình",
    "Hợp đồng",
    "Công điện",
    "Bản ghi nhớ",
    "Bản thỏa thuận",
    "Giấy ủy quyền",
    "Giấy mời",
    "Giấy giới thiệu",
    "Giấy nghỉ phép",
    "Phiếu gửi",
    "Phiếu chuyển",
    "Phiếu báo",
    "Thư công",
)
"""The types of administrative letters (Decree 30/2020, article 7); the official dispatch has no title of its type."""

OFFICIAL_DISPATCH: Final = "Công văn"
_LONGEST_SUBJECT: Final = 500
_MOST_LINES: Final = 8
_KINDS: Final = {folded(kind).replace("uỷ", "ủy").replace("thoả", "thỏa"): kind for kind in KINDS}
_ABOUT: Final = re.compile(r"^(?:V/v|v/v|Về việc|VỀ VIỆC|Về)\b\s*:?\s*")
_END: Final = re.compile(r"^(?:Kính gửi|Căn cứ|Thực hiện|Theo|Xét|[IVX]+\.|\d+[.)]|Điều \d+|[\W_]+$)")


class Decree30Reader:
    """Reads the head of page 1; what it does not find stays empty."""

    def read(self, letter: Letter) -> LetterFacts:
        """Return what the page says."""
        page = letter.page(1)
        lines = [line for line in letter.text_lines(1) if line.rect_mm.centre_y <= HEAD_PART * page.height_mm]
        head = read_head(letter)
        kind, subject = _kind_and_subject(lines, head, page.rect_mm)
        return LetterFacts(
            author=_author(letter, lines),
            number_and_symbol=_number_and_symbol(head),
            dated=None if head.date is None else head.date.value,
            kind=kind,
            subject=subject[:_LONGEST_SUBJECT],
        )


def _number_and_symbol(head: Head) -> str:
    number = head.number
    if number is None or not number.number:
        return ""
    return f"{number.number}/{number.symbol}" if number.symbol else number.number


def _author(letter: Letter, lines: Sequence[TextLine]) -> str:
    """Return the lines of box 2, above the number in the left column; the superior body is among them."""
    columns = read_columns(letter)
    if columns is None:
        return ""
    number = next((line for line in lines if re.match(r"S[ốỐ]\s*[:.]", line.text)), None)
    bottom = columns.top_mm + 4.0 if number is None else number.rect_mm.top
    middle = (columns.left_axis_mm + columns.right_axis_mm) / 2
    names = [
        line
        for line in lines
        if line.rect_mm.centre_y < bottom and line.rect_mm.centre_x < middle and re.search(r"\w", line.text)
    ]
    return " ".join(line.text for line in sorted(names, key=lambda line: line.rect_mm.top))


def _kind_and_subject(lines: Sequence[TextLine], head: Head, page: RectMm) -> tuple[str, str]:
    """Return box 5a, a title of the type with the subject below it, or box 5b, the subject below the number."""
    for place, line in enumerate(lines):
        kind = _KINDS.get(folded(line.text).replace("uỷ", "ủy").replace("thoả", "thỏa"))
        if kind is not None and abs(line.rect_mm.centre_x - page.centre_x) < 0.2 * page.width:
            return kind, " ".join(_following(lines[place + 1 :], line.rect_mm))
    number = None if head.number is None else head.number.pieces[0].rect_mm
    for place, line in enumerate(lines):
        about = _ABOUT.match(line.text)
        if about is None or (number is not None and line.rect_mm.top < number.top):
            continue
        beside = [each for each in lines[place + 1 :] if each.rect_mm.left < page.centre_x]
        return OFFICIAL_DISPATCH, " ".join([line.text[about.end() :], *_following(beside, line.rect_mm)])
    return "", ""


def _following(lines: Sequence[TextLine], first: RectMm) -> Iterator[str]:
    """Yield the lines that go on below one, centred on its axis, up to a gap or the beginning of the text."""
    above = first
    for count, line in enumerate(lines):
        gap = line.rect_mm.top - above.bottom
        if count >= _MOST_LINES or gap > 1.6 * max(line.rect_mm.height, 3.0) or _END.match(line.text):
            return
        if abs(line.rect_mm.centre_x - first.centre_x) > 12.0:
            return
        text = line.text if count else _ABOUT.sub("", line.text)
        if not re.search(r"\w", text):
            return
        yield text
        above = line.rect_mm
