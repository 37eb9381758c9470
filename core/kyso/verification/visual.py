"""What a reader saw when the letter was signed, and what he sees now: page by page, side by side, differences framed.

Each picture has the page of the first signed revision on the left and the current one on the right. Green frames are
places where a permitted change was reported (a further signature's stamp), red frames everything else.

What this does not show: what no page draws (scripts, attachments, hidden layers); the review of changes judges that.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from kyso.document.opening import PARSER_ERRORS
from kyso.document.pages import PageTree
from kyso.document.pdfium import fitting_dpi, opened
from kyso.errors import InputRefused
from kyso.frozen import dataclass
from kyso.geometry import MM_PER_INCH, RectMm
from kyso.verification.coverage import check_coverage
from kyso.verification.discovery import find_in_form
from kyso.verification.revisions import open_pdf
from kyso.verification.source import ByteSource, header_offset, open_source

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from kyso.document.pdfium import PdfiumDocument
    from kyso.geometry import PageGeometry
    from kyso.models import Source
    from kyso.secret import Secret
    from kyso.verification.discovery import FoundSignature
    from kyso.verification.report import VerificationReport

MAX_PAGES: Final = 500
_LOOK_DPI: Final = 60.0
_PICTURE_DPI: Final = 110.0
_CELL_PX: Final = 6
_GAP_PX: Final = 16
_VISIBLE_STEP: Final = 4
_RED: Final = (200, 0, 0)
_GREEN: Final = (0, 130, 60)
_GREY: Final = (150, 150, 150)
_SLACK_MM: Final = 2.0

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Differences:
    """What was drawn.

    :param pictures: the files written, one for each page that looks different.
    :param undrawable: pages that cannot be rendered in one of the two revisions; they must be looked at otherwise.
    :param left_out: pages beyond :data:`MAX_PAGES`.
    """

    pictures: tuple[Path, ...] = ()
    undrawable: tuple[int, ...] = ()
    left_out: int = 0


class _Revision:
    """The document up to `size`, for pdfium."""

    def __init__(self, source: ByteSource, size: int) -> None:
        self._source = source
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        return self._source.read(offset, min(length, self.size - offset))


def draw_differences(
    report: VerificationReport, source: Source, folder: Path, *, password: Secret | None = None, overwrite: bool = False
) -> Differences | None:
    """Compare the first signed revision with the current document and write a picture of each page that differs.

    :param report: the verification of `source`; its permitted changes are framed in green.
    :param folder: where the pictures go; made where it is not there.
    :returns: ``None`` where there is nothing to compare: no signature, or nothing was added since the first.
    :raises InputRefused: the document cannot be read.
    :raises WrongUse: a picture exists or cannot be written.
    """
    name = report.file.name
    with open_source(source) as data:
        if header_offset(data) < 0:
            return None
        try:
            return _draw(data, report, folder, password, overwrite)
        except PARSER_ERRORS as error:
            raise InputRefused("verification.damaged", name=name) from error


def differing_areas(
    report: VerificationReport, source: Source, *, pages: Collection[int], password: Secret | None = None
) -> dict[int, tuple[RectMm, ...]]:
    """Return where pages look different from the first signed revision, for whoever shows the document himself.

    :param pages: the pages to compare; those beyond :data:`MAX_PAGES` and those that cannot be drawn are left out.
    :returns: areas in display space by page, without those that a permitted change explains; a page that is new or of
        another size differs as a whole.
    :raises InputRefused: the document cannot be read.
    """
    name = report.file.name
    areas: dict[int, tuple[RectMm, ...]] = {}
    with open_source(source) as data:
        try:
            with _revisions(data, name, password) as both:
                for number in sorted(pages)[:MAX_PAGES] if both is not None else ():
                    assert both is not None
                    try:
                        found = _areas(both, number, _permitted(report, number))
                    except InputRefused:
                        continue
                    if found:
                        areas[number] = found
        except PARSER_ERRORS as error:
            raise InputRefused("verification.damaged", name=name) from error
    return areas


def _areas(both: _Both, number: int, permitted: list[RectMm]) -> tuple[RectMm, ...]:
    before, after = both.geometry(number)
    if after is None:
        return ()
    if before is None or (before.width_mm, before.height_mm) != (after.width_mm, after.height_mm):
        return (after.rect_mm,)
    dpi = fitting_dpi(after, _PICTURE_DPI)
    first, second = both.old.render(before, dpi=dpi), both.new.render(after, dpi=dpi)
    if first.data == second.data:
        return ()
    mm = second.mm_per_px
    boxes = differing_boxes(first.image(), second.image())
    return tuple(
        RectMm(box[0] * mm, box[1] * mm, (box[2] - box[0] + 1) * mm, (box[3] - box[1] + 1) * mm)
        for box in boxes
        if not _within(box, permitted, 1 / mm)
    )


@dataclass(frozen=True, slots=True)
class _Both:
    """The first signed revision and the current one, opened."""

    old: PdfiumDocument
    new: PdfiumDocument
    then_tree: PageTree
    now_tree: PageTree

    @property
    def page_count(self) -> int:
        return max(self.then_tree.count, self.now_tree.count)

    def geometry(self, number: int) -> tuple[PageGeometry | None, PageGeometry | None]:
        return _geometry(self.then_tree, number), _geometry(self.now_tree, number)


@contextmanager
def _revisions(data: ByteSource, name: str, password: Secret | None) -> Iterator[_Both | None]:
    """Open both revisions; ``None`` where nothing follows the first signature."""
    with open_pdf(data, data.size, password) as now:
        now_tree = PageTree(now.Root, name)
        end = _first_signed(data, find_in_form(now, now_tree, name)[0])
        if end is None:
            yield None
            return
        with (
            open_pdf(data, end, password) as then,
            opened(_Revision(data, end), name=name, password=password, forms=True) as old,
            opened(_Revision(data, data.size), name=name, password=password, forms=True) as new,
        ):
            yield _Both(old, new, PageTree(then.Root, name), now_tree)


def _draw(
    data: ByteSource, report: VerificationReport, folder: Path, password: Secret | None, overwrite: bool
) -> Differences | None:
    name = report.file.name
    with _revisions(data, name, password) as both:
        if both is None:
            return None
        pictures: list[Path] = []
        undrawable: list[int] = []
        for number in range(1, min(both.page_count, MAX_PAGES) + 1):
            try:
                before, after = both.geometry(number)
                picture = _page(both.old, before, both.new, after, _permitted(report, number))
            except InputRefused:
                undrawable.append(number)
                continue
            if picture is not None:
                pictures.append(_write(folder / f"{name}.page-{number:03}.png", picture, overwrite))
        return Differences(tuple(pictures), tuple(undrawable), max(0, both.page_count - MAX_PAGES))


def _first_signed(data: ByteSource, found: list[FoundSignature]) -> int | None:
    """Return where the first signed revision ends, ``None`` where nothing follows it."""
    checks = [check_coverage(signature.stated_range, data) for signature in found]
    end = min((check.end for check in checks if check.kind != "partial"), default=data.size)
    return end if end < data.size else None


def _geometry(tree: PageTree, number: int) -> PageGeometry | None:
    return tree.find(number).geometry() if number <= tree.count else None


def _permitted(report: VerificationReport, number: int) -> list[RectMm]:
    return [
        change.rect_mm
        for signature in report.signatures
        for change in signature.change_list
        if change.page == number and change.rect_mm is not None and change.severity == "permitted"
    ]


def _page(
    old: PdfiumDocument,
    before: PageGeometry | None,
    new: PdfiumDocument,
    after: PageGeometry | None,
    permitted: list[RectMm],
) -> bytes | None:
    """Return the picture of one page as PNG, ``None`` where it looks the same."""
    if before is not None and after is not None:
        first, second = (
            document.render(page, dpi=min(_LOOK_DPI, fitting_dpi(page, _LOOK_DPI)))
            for document, page in ((old, before), (new, after))
        )
        if (first.width_px, first.height_px, first.data) == (second.width_px, second.height_px, second.data):
            return None
    shown = after if after is not None else before
    assert shown is not None
    dpi = fitting_dpi(shown, _PICTURE_DPI)
    left = None if before is None else old.render(before, dpi=min(dpi, fitting_dpi(before, dpi))).image()
    right = None if after is None else new.render(after, dpi=dpi).image()
    return _side_by_side(left, right, dpi / MM_PER_INCH, permitted)


def _side_by_side(
    left: Image.Image | None, right: Image.Image | None, px_per_mm: float, permitted: list[RectMm]
) -> bytes:
    from PIL import Image, ImageDraw

    present = [picture for picture in (left, right) if picture is not None]
    width, height = max(picture.width for picture in present), max(picture.height for picture in present)
    canvas = Image.new("RGB", (2 * width + 3 * _GAP_PX, height + 2 * _GAP_PX), (225, 225, 225))
    pen = ImageDraw.Draw(canvas)
    boxes: list[Box]
    if left is not None and right is not None and left.size == right.size:
        boxes = differing_boxes(left, right)
    else:
        # A page that is new, gone or of another size differs as a whole.
        boxes = [(0, 0, width - 1, height - 1)]
    for picture, x in ((left, _GAP_PX), (right, 2 * _GAP_PX + width)):
        if picture is None:
            pen.rectangle((x, _GAP_PX, x + width, _GAP_PX + height), outline=_GREY, width=2)
            continue
        canvas.paste(picture, (x, _GAP_PX))
        for box in boxes:
            colour = _GREEN if _within(box, permitted, px_per_mm) else _RED
            moved = (box[0] + x - 3, box[1] + _GAP_PX - 3, box[2] + x + 3, box[3] + _GAP_PX + 3)
            pen.rectangle(moved, outline=colour, width=3)
    out = io.BytesIO()
    canvas.save(out, "PNG")
    return out.getvalue()


def _within(box: Box, permitted: list[RectMm], px_per_mm: float) -> bool:
    left, top, right, bottom = (side / px_per_mm for side in box)
    return any(
        rect.left - _SLACK_MM <= left
        and rect.top - _SLACK_MM <= top
        and right <= rect.right + _SLACK_MM
        and bottom <= rect.bottom + _SLACK_MM
        for rect in permitted
    )


def differing_boxes(first: Image.Image, second: Image.Image) -> list[Box]:
    """Return boxes (left, top, right, bottom in pixels) around what differs between two pictures of one size."""
    from PIL import ImageChops, ImageFilter

    difference = ImageChops.difference(first, second).convert("L").point(lambda value: 255 * (value >= _VISIBLE_STEP))
    # Cells of a few pixels, grown by one, so that the letters of a word fall into one box.
    cells = difference.reduce(_CELL_PX).point(lambda value: 255 * (value > 0)).filter(ImageFilter.MaxFilter(3))
    width, height = cells.size
    marked = bytearray(cells.tobytes())
    boxes: list[Box] = []
    start = marked.find(255)
    while start >= 0:
        x0 = x1 = start % width
        y0 = y1 = start // width
        marked[start] = 0
        stack = [start]
        while stack:
            y, x = divmod(stack.pop(), width)
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
            for row in range(max(0, y - 1), min(height, y + 2)):
                for place in range(row * width + max(0, x - 1), row * width + min(width, x + 2)):
                    if marked[place]:
                        marked[place] = 0
                        stack.append(place)
        area = (x0 * _CELL_PX, y0 * _CELL_PX, (x1 + 1) * _CELL_PX, (y1 + 1) * _CELL_PX)
        # Growing made the cells larger than what differs in them.
        tight = difference.crop(area).getbbox()
        if tight is not None:
            left, top = area[0] + tight[0], area[1] + tight[1]
            boxes.append((left, top, area[0] + tight[2] - 1, area[1] + tight[3] - 1))
        start = marked.find(255, start)
    return boxes


def _write(path: Path, picture: bytes, overwrite: bool) -> Path:
    from kyso.update.outputs import write_output, writing

    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_output(path, (picture,), overwrite=overwrite)
    return path
