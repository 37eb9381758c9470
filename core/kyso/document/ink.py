"""What is really drawn: the visible picture inside a signature's widget, and whether an area of a page is empty.

The ink of a signature is measured on a rendering of its appearance alone, put on an otherwise empty page by the
algorithm of ISO 32000-2, 12.5.5, so that the text below it and other signatures do not count.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from kyso.document import pdfium
from kyso.document.pdfium import Raster, RenderableLetter
from kyso.geometry import MM_PER_INCH, PageGeometry, RectMm

if TYPE_CHECKING:
    import pikepdf

    from kyso.document.fields import Form
    from kyso.geometry import Matrix, RectPt

_INK_DPI = 600.0
_INK_MAX_PIXELS = 12_000_000
_FREE_DPI = 110.0
_FREE_MAX_PIXELS = 4_000_000

# Grey levels: paper is 255. The faintest edge of a soft picture is lighter than this and is no ink.
_INK_BELOW = 245
_PAPER_ABOVE = 150
_PAPER_TOLERANCE = 40
# Specks that a scanner leaves on empty paper.
_SPECKS = 0.0002

_MAX_APPEARANCE_BYTES = 4_000_000
_PATH_PAINTING = {"S", "s", "f", "F", "f*", "B", "B*", "b", "b*"}


class InkLetter(RenderableLetter, Protocol):
    """An opened letter with its form."""

    @property
    def form(self) -> Form:
        """The interactive form with the signature fields and their objects."""


def ink_mm(letter: InkLetter, field: str) -> RectMm | None:
    """Return the bounding box of what the appearance of `field` visibly draws, in display space of its page.

    For a signature placed by kyso the picture alone counts, without the lines of text that a template may add, because
    the seal has to cover a third of the picture (Decree 30/2020, annex I, II.8.a). An appearance that draws nothing
    visible answers its widget; a field without a visible widget answers ``None``.
    """
    info = next((info for info in letter.form.signature_fields if info.name == field), None)
    if info is None or info.widget is None or info.page is None or info.rect_pt is None or not info.has_area:
        return None
    geometry = letter.page(info.page)
    widget_mm = geometry.to_display(info.rect_pt)
    drawn = appearance_page(info.widget, pictures_only=info.policy is not None)
    if drawn is None:
        return widget_mm
    data, rect_pt = drawn
    page = PageGeometry(1, rect_pt, 0, geometry.user_unit)
    area_in2 = page.width_mm * page.height_mm / MM_PER_INCH**2
    dpi = min(_INK_DPI, math.sqrt(_INK_MAX_PIXELS / max(area_in2, 1e-6)))
    with pdfium.opened(data, name=letter.name) as document:
        ink = ink_of_raster(document.render(page, dpi=dpi, draw_forms=False, grey=True))
    return widget_mm if ink is None else geometry.to_display(page.to_user(ink))


def ink_of_raster(raster: Raster) -> RectMm | None:
    """Return the bounding box of everything darker than paper in a grey rendering, ``None`` on an empty one."""
    marks = bytes(1 if level < _INK_BELOW else 0 for level in range(256))
    left, right, top, bottom = raster.width_px, -1, -1, -1
    for y in range(raster.height_px):
        row = raster.row(y).translate(marks)
        first = row.find(1)
        if first < 0:
            continue
        top, bottom = (y if top < 0 else top), y
        left, right = min(left, first), max(right, row.rfind(1))
    if top < 0:
        return None
    step = raster.mm_per_px
    return RectMm(
        raster.left_mm + left * step, raster.top_mm + top * step, (right + 1 - left) * step, (bottom + 1 - top) * step
    )


def free_of_ink(letter: RenderableLetter, number: int, rect: RectMm) -> bool:
    """Tell whether nothing but paper is seen inside `rect` on page `number`, annotations included.

    The paper of a scan may be grey or yellowish and carry single specks.

    :raises InputRefused: there is no such page, or it cannot be read.
    """
    geometry = letter.page(number)
    if not geometry.rect_mm.intersects(rect):
        return True
    area_in2 = max(rect.width * rect.height, 1e-6) / MM_PER_INCH**2
    dpi = min(_FREE_DPI, math.sqrt(_FREE_MAX_PIXELS / area_in2))
    shared = getattr(letter, "shared_document", None)
    if isinstance(shared, pdfium.SharedDocument):
        raster = shared.grey_part(geometry, dpi, rect)
    else:
        with pdfium.of_letter(letter) as document:
            raster = document.render(geometry, dpi=dpi, area=rect, grey=True)
    levels: Counter[int] = Counter()
    for y in range(raster.height_px):
        levels.update(raster.row(y))
    paper = levels.most_common(1)[0][0]
    if paper < _PAPER_ABOVE:
        return False
    marked = sum(count for level, count in levels.items() if abs(level - paper) > _PAPER_TOLERANCE)
    return marked <= _SPECKS * raster.width_px * raster.height_px


def appearance_page(widget: pikepdf.Object, *, pictures_only: bool) -> tuple[bytes, RectPt] | None:
    """Return a one-page PDF that shows the widget's normal appearance at its place, and that place in user space.

    :param pictures_only: leave text and lines out of an appearance that shows a picture.
    :returns: ``None`` for a widget without a usable appearance.
    """
    import pikepdf

    appearance = _normal_appearance(widget)
    rect = _rectangle(widget.get("/Rect"))
    if appearance is None or rect is None:
        return None
    box = _rectangle(appearance.get("/BBox"))
    matrix = _matrix(appearance.get("/Matrix"))
    if box is None or matrix is None:
        return None
    place = _placed(box, matrix, rect)
    if place is None:
        return None
    page_pdf = pikepdf.new()
    form = page_pdf.copy_foreign(appearance)
    if pictures_only:
        _keep_pictures(form)
    content = b"q %.6f 0 0 %.6f %.6f %.6f cm /Form Do Q" % place
    page = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=list(rect),
        Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(Form=form)),
        Contents=page_pdf.make_stream(content),
    )
    page_pdf.pages.append(pikepdf.Page(page_pdf.make_indirect(page)))
    written = io.BytesIO()
    page_pdf.save(written, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return written.getvalue(), rect


def _normal_appearance(widget: pikepdf.Object) -> pikepdf.Object | None:
    import pikepdf

    states = widget.get("/AP")
    normal = states.get("/N") if isinstance(states, pikepdf.Dictionary) else None
    if isinstance(normal, pikepdf.Dictionary) and not isinstance(normal, pikepdf.Stream):
        state = widget.get("/AS")
        normal = normal.get(str(state)) if isinstance(state, pikepdf.Name) else None
    return normal if isinstance(normal, pikepdf.Stream) else None


def _numbers(value: pikepdf.Object | None, count: int) -> tuple[float, ...] | None:
    import pikepdf

    if not isinstance(value, pikepdf.Array) or len(value) != count:
        return None
    try:
        numbers = tuple(float(item) for item in value)
    except (TypeError, ValueError):
        return None
    return numbers if all(math.isfinite(number) and abs(number) < 1e7 for number in numbers) else None


def _rectangle(value: pikepdf.Object | None) -> RectPt | None:
    numbers = _numbers(value, 4)
    if numbers is None:
        return None
    left, right = sorted((numbers[0], numbers[2]))
    bottom, top = sorted((numbers[1], numbers[3]))
    return (left, bottom, right, top) if right > left and top > bottom else None


def _matrix(value: pikepdf.Object | None) -> Matrix | None:
    if value is None:
        return (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    numbers = _numbers(value, 6)
    return None if numbers is None else (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])


def _placed(box: RectPt, matrix: Matrix, rect: RectPt) -> tuple[float, float, float, float] | None:
    """Return the scale and shift that map the transformed appearance box onto `rect` (ISO 32000-2, 12.5.5)."""
    a, b, c, d, e, f = matrix
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (box[0], box[2]) for y in (box[1], box[3])]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    bottom, top = min(y for _, y in corners), max(y for _, y in corners)
    if right - left < 1e-9 or top - bottom < 1e-9:
        return None
    across, up = (rect[2] - rect[0]) / (right - left), (rect[3] - rect[1]) / (top - bottom)
    return across, up, rect[0] - across * left, rect[1] - up * bottom


def _keep_pictures(form: pikepdf.Object) -> None:
    """Take text, lines and fills out of an appearance that shows at least one picture."""
    import pikepdf

    if len(form.read_raw_bytes()) > _MAX_APPEARANCE_BYTES:
        return
    try:
        instructions = pikepdf.parse_content_stream(form)
    except pikepdf.PdfError:
        return
    if not any(str(instruction.operator) == "Do" for instruction in instructions):
        return
    kept: list[pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage] = []
    end_path = pikepdf.ContentStreamInstruction([], pikepdf.Operator("n"))
    in_text = False
    for instruction in instructions:
        operator = str(instruction.operator)
        in_text = in_text or operator == "BT"
        if operator in _PATH_PAINTING:
            kept.append(end_path)
        elif not in_text and operator != "sh":
            kept.append(instruction)
        if operator == "ET":
            in_text = False
    form.write(pikepdf.unparse_content_stream(kept))
