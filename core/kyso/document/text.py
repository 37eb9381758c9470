"""A page's text as lines with boxes in display space, whatever way its producer drew them.

pdfium tells which characters belong to one text object and where each object's ink is. Objects are cut where a wide
gap inside them separates columns, put on rows by their baselines and joined from left to right: a line drawn letter by
letter comes out whole, and two columns side by side become two lines.

Only upright text counts: watermarks across the page and captions along its edge are no lines of a letter. Text that is
drawn invisibly counts, because that is how the text layer of a scan is made.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from kyso.contracts import TextLine
from kyso.document import pdfium
from kyso.geometry import RectMm, pt_to_mm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.document.pdfium import RenderableLetter
    from kyso.geometry import PageGeometry

MAX_CHARACTERS = 100_000
"""No more characters of a page than this are read: a page of a letter has about 3,000, a dense drawing 50,000."""

# Fractions of the font size. A space is at least a fifth of it, letters of one word hardly ever part by more than a
# tenth; the spaces of a justified line stay below one and a half, a tab or a table column is wider.
_WORD_GAP = 0.16
_COLUMN_GAP = 1.6
_SAME_BASELINE = 0.3
_OVERHANG = 0.3

# Upright within this angle: scans are straightened by a degree or two.
_UPRIGHT_SINE = 0.05

_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
# pdfium marks a hyphen at the end of a line as U+0002 or U+FFFE; soft hyphens and zero-width characters are no text.
_CLEANED: dict[int, str | None] = {
    **_LIGATURES,
    0x0002: "-",
    0xFFFE: "-",
    0x00AD: None,
    0x0000: None,
    **dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF]),
}
_SPACES = re.compile(r"\s+")


@dataclass(slots=True)
class _Run:
    """A piece of one text object without a wide gap inside.

    :param baseline_mm: counts downwards like `rect`.
    :param end_mm: right edge of its last letter; a mark over that letter may reach farther.
    :param spaced: whether a space was drawn, or seen by pdfium, before it.
    """

    text: str
    rect: RectMm
    baseline_mm: float
    size_mm: float
    end_mm: float
    spaced: bool


@cache
def _fast_calls() -> tuple[Any, Any]:
    """Return GetTextObject and GetUnicode as functions over plain integers, several times faster a call."""
    raw = pdfium.library()
    handle, index = ctypes.c_void_p, ctypes.c_int
    text_object = ctypes.PYFUNCTYPE(ctypes.c_void_p, handle, index)
    unicode = ctypes.PYFUNCTYPE(ctypes.c_uint, handle, index)
    return (
        text_object(ctypes.cast(raw.FPDFText_GetTextObject, handle).value or 0),
        unicode(ctypes.cast(raw.FPDFText_GetUnicode, handle).value or 0),
    )


def text_lines(letter: RenderableLetter, number: int) -> tuple[TextLine, ...]:
    """Return the lines of page `number`, from top to bottom and from left to right; empty on a picture-only page.

    Only this page is read.

    :param number: page from 1, or from the end with negative numbers.
    :raises InputRefused: there is no such page, or pdfium cannot read it.
    """
    geometry = letter.page(number)
    with (
        pdfium.of_letter(letter) as document,
        document.loaded_text(geometry.number) as page,
    ):
        runs = list(_TextPage(page, geometry).runs())
    return tuple(_assembled(runs))


class _TextPage:
    """Reads the runs of one loaded page."""

    __slots__ = ("_box", "_geometry", "_handle", "_matrix", "_page", "_pointers", "_raw")

    def __init__(self, page: Any, geometry: PageGeometry) -> None:
        self._raw = pdfium.library()
        self._page = page
        self._handle = ctypes.cast(page, ctypes.c_void_p).value
        self._geometry = geometry
        self._box = [ctypes.c_double() for _ in range(4)]
        self._pointers = [ctypes.byref(value) for value in self._box]
        self._matrix = self._raw.FS_MATRIX()

    def runs(self) -> Iterator[_Run]:
        """Yield every upright run of the page in the order it was drawn."""
        text = self._characters()
        start = 0
        while start < len(text):
            end = text.find("\r\n", start)
            end = len(text) if end < 0 else end
            yield from self._runs_of_line(text, start, end)
            start = end + 2

    def _characters(self) -> str:
        """Return one character for each of pdfium's character indices."""
        count = min(self._raw.FPDFText_CountChars(self._page), MAX_CHARACTERS)
        if count <= 0:
            return ""
        buffer = (ctypes.c_ushort * (2 * count + 2))()
        written = self._raw.FPDFText_GetText(self._page, 0, count, buffer)
        if written == count + 1:
            return "".join(map(chr, buffer[:count]))
        # Characters without a Unicode value are left out of the text, so its indices are not those of the boxes.
        unicode = _fast_calls()[1]
        return "".join(chr(min(unicode(self._handle, index), 0x10FFFF)) for index in range(count))

    def _runs_of_line(self, text: str, start: int, end: int) -> Iterator[_Run]:
        if start >= end:
            return
        if self._raw.FPDFText_CountRects(self._page, start, end - start) == 1:
            yield from self._cut_at_gaps(text, start, end)
            return
        text_object = _fast_calls()[0]
        first, current = start, None
        for index in range(start, end):
            owner = text_object(self._handle, index)
            if owner != current:
                if current is not None:
                    yield from self._cut_at_gaps(text, first, index)
                # Characters that pdfium added belong to no object.
                first, current = index, owner
        if current is not None:
            yield from self._cut_at_gaps(text, first, end)

    def _cut_at_gaps(self, text: str, start: int, end: int) -> Iterator[_Run]:
        """Yield the run of the characters from `start` to before `end`, cut where columns part."""
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start == end:
            return
        size, upright = self._size_and_uprightness(start)
        if not upright:
            return
        first = start
        spaced = first > 0 and text[first - 1].isspace()
        index = text.find(" ", start, end)
        while index >= 0:
            after = index + 1
            while text[after].isspace():
                after += 1
            if self._gap_pt(index - 1, after) > _COLUMN_GAP * size:
                yield self._run(text, first, index, size, spaced)
                first, spaced = after, True
            index = text.find(" ", after, end)
        yield self._run(text, first, end, size, spaced)

    def _size_and_uprightness(self, index: int) -> tuple[float, bool]:
        """Return the font size in user space units and whether the reader sees the character upright."""
        raw, matrix = self._raw, self._matrix
        if not raw.FPDFText_GetMatrix(self._page, index, ctypes.byref(matrix)):
            return 1.0, False
        scale = math.hypot(matrix.a, matrix.b)
        size = raw.FPDFText_GetFontSize(self._page, index) * math.hypot(matrix.c, matrix.d)
        if scale <= 0 or size <= 0 or not math.isfinite(size):
            return 1.0, False
        cosine, sine = matrix.a / scale, matrix.b / scale
        # The direction of writing that a page turned clockwise by /Rotate shows from left to right.
        along, across = {0: (cosine, sine), 90: (sine, -cosine), 180: (-cosine, -sine), 270: (-sine, cosine)}[
            self._geometry.rotation
        ]
        return size, along > 0 and abs(across) < _UPRIGHT_SINE

    def _gap_pt(self, before: int, after: int) -> float:
        """Return the distance between two characters' boxes along the line, in user space units."""
        one, other = self._character_box(before), self._character_box(after)
        if self._geometry.rotation in (0, 180):
            return max(other[0] - one[1], one[0] - other[1])
        return max(other[2] - one[3], one[2] - other[3])

    def _character_box(self, index: int) -> tuple[float, float, float, float]:
        """Return (left, right, bottom, top) in user space."""
        self._raw.FPDFText_GetCharBox(self._page, index, *self._pointers)
        left, right, bottom, top = self._box
        return left.value, right.value, bottom.value, top.value

    def _run(self, text: str, start: int, end: int, size: float, spaced: bool) -> _Run:
        raw = self._raw
        left, right, bottom, top = math.inf, -math.inf, math.inf, -math.inf
        for index in range(raw.FPDFText_CountRects(self._page, start, end - start)):
            # FPDFText_GetRect answers left, top, right, bottom.
            raw.FPDFText_GetRect(self._page, index, *self._pointers)
            x0, y1, x1, y0 = (value.value for value in self._box)
            left, right, bottom, top = min(left, x0), max(right, x1), min(bottom, y0), max(top, y1)
        if left > right:
            left, right, bottom, top = self._character_box(start)
        x, y = self._box[0], self._box[1]
        raw.FPDFText_GetCharOrigin(self._page, start, self._pointers[0], self._pointers[1])
        geometry = self._geometry
        baseline = geometry.point_to_display(x.value, y.value)[1]
        rect = geometry.to_display((left, bottom, right, top))
        last = end - 1
        while last > start and unicodedata.combining(text[last]):
            last -= 1
        end_mm = rect.right
        if last < end - 1:
            x0, x1, y0, y1 = self._character_box(last)
            end_mm = geometry.to_display((x0, y0, x1, y1)).right
        return _Run(text[start:end], rect, baseline, pt_to_mm(size * geometry.user_unit), end_mm, spaced)


def _assembled(runs: list[_Run]) -> Iterator[TextLine]:
    """Put runs on rows by their baselines and join them from left to right."""
    rows: list[list[_Run]] = []
    for run in sorted(_with_marks_attached(runs), key=lambda run: run.baseline_mm):
        row = rows[-1] if rows else None
        if row and run.baseline_mm - row[0].baseline_mm <= _SAME_BASELINE * min(run.size_mm, row[0].size_mm):
            row.append(run)
        else:
            rows.append([run])
    for row in rows:
        row.sort(key=lambda run: run.rect.left)
        yield from _joined(row)


def _with_marks_attached(runs: list[_Run]) -> Iterator[_Run]:
    """Give combining marks that were drawn by themselves back to the letter before them."""
    base: _Run | None = None
    for run in runs:
        if base and unicodedata.combining(run.text[0]) and base.rect.grown(base.size_mm).intersects(run.rect):
            base.text += run.text
            base.rect = base.rect.united(run.rect)
            continue
        if base:
            yield base
        base = run
    if base:
        yield base


def _joined(row: list[_Run]) -> Iterator[TextLine]:
    text, rect, size, end = "", row[0].rect, 0.0, 0.0
    for run in row:
        reach = max(size, run.size_mm)
        gap = run.rect.left - end
        if text and gap > _COLUMN_GAP * reach:
            yield from _line(text, rect, size)
            text, rect, size, end = "", run.rect, 0.0, 0.0
        # Overhanging ink may fill the gap of a space; then what pdfium made of it decides.
        if text and (gap > _WORD_GAP * reach or (run.spaced and gap > -_OVERHANG * reach)):
            text += " "
        text += run.text
        end = max(end, run.end_mm)
        rect = rect.united(run.rect)
        size = max(size, run.size_mm)
    yield from _line(text, rect, size)


def _line(text: str, rect: RectMm, size_mm: float) -> Iterator[TextLine]:
    shown = normalised(text)
    if shown:
        yield TextLine(shown, rect, size_mm / pt_to_mm(1.0))


def normalised(text: str) -> str:
    """Return `text` as lines hold it: NFC, ligatures spelled out, single spaces, no soft hyphens."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text.translate(_CLEANED))).strip()
