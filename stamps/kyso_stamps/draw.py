"""Draws a stamp: a specification in millimetres becomes one form XObject with its fonts and pictures.

::

    signature = ImageItem(Path("signature.png"), (0, 0, 60, 15))
    name = TextItem(("Nguyễn Văn A",), (0, 15, 60, 10), align="centre")
    appearance = draw(StampSpec(60, 25, (signature, name)), FontChoice())

What does not change from letter to letter (font subset, picture, layout of a text) is prepared once and kept, so that a
later drawing only writes a new content stream. Everything is checked before anything is drawn: characters, sizes,
pictures. Colours are DeviceRGB; a PDF/A letter needs an output intent or /DefaultRGB for them (ISO 19005-2, 6.2.4.3).
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from kyso_stamps.appearance import Appearance, Part
from kyso_stamps.errors import StampError
from kyso_stamps.fonts import choose_face, embedded
from kyso_stamps.pdfsyntax import PT_PER_MM, moved, number, numbers
from kyso_stamps.spec import FrameItem, ImageItem, QrItem, StampSpec, TextItem
from kyso_stamps.subset import EmbeddedFont
from kyso_stamps.text import check_face, clean_lines, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso_stamps.fonts import Face, FontChoice
    from kyso_stamps.fontsearch import Style
    from kyso_stamps.images import PreparedImage
    from kyso_stamps.spec import BoxMm, Colour, StampItem

MAX_SIDE_MM = 5000.0
MAX_SIZE_PT = 400.0
MAX_ITEMS = 200

_TOLERANCE_MM = 0.05
_FLATE_FROM_BYTES = 256
_SMALL_PICTURES = 6 * 1024
"""Beside larger pictures a stamp embeds the letters it needs: the first signature of a file stays within 30 KB."""


def draw(spec: StampSpec, fonts: FontChoice) -> Appearance:
    """Draw `spec`.

    :raises StampError: ``stamp.spec_invalid`` for sizes, colours and boxes that cannot be; ``stamp.glyph_missing`` and
        the other codes of fonts, texts and pictures.
    """
    check_spec(spec)
    texts = [clean_lines(item.lines) if isinstance(item, TextItem) else () for item in spec.items]
    faces = _faces(spec.items, texts, fonts)
    pictures = {item: _picture(item, fonts) for item in spec.items if isinstance(item, ImageItem)}
    pixels = sum(len(part.stream or b"") for picture in pictures.values() for part in picture.parts)
    whole = len(faces) == 1 and pixels <= _SMALL_PICTURES
    subsets = {style: embedded(face, characters, whole=whole) for style, (face, characters) in faces.items()}
    used: list[EmbeddedFont | PreparedImage] = []
    content: list[str] = []
    for item, cleaned in zip(spec.items, texts, strict=True):
        if isinstance(item, TextItem):
            font = subsets[item.bold, item.italic]
            content.append(_text(item, cleaned, font, f"/F{_place(font, used)}", spec.height_mm))
        elif isinstance(item, ImageItem):
            image = pictures[item]
            content.append(_image(item, image, f"/X{_place(image, used)}", spec.height_mm))
        elif isinstance(item, QrItem):
            from kyso_stamps.qr import draw_qr

            content.append(draw_qr(item, spec.height_mm))
        else:
            content.append(_frame(item, spec.height_mm))
    resources, parts = _resources(tuple(used))
    data, filter_entry = "".join(content).encode("ascii"), b">>"
    if len(data) > _FLATE_FROM_BYTES:
        data, filter_entry = zlib.compress(data, 6), b"/Filter/FlateDecode>>"
    width, height = spec.width_mm * PT_PER_MM, spec.height_mm * PT_PER_MM
    start = f"<</Type/XObject/Subtype/Form/BBox[0 0 {numbers(width, height)}]/Resources".encode("ascii")
    return Appearance(width, height, (Part((start, *resources, filter_entry), data), *parts))


def _faces(
    items: Sequence[StampItem], texts: Sequence[tuple[str, ...]], fonts: FontChoice
) -> dict[Style, tuple[Face, frozenset[str]]]:
    """Return the face of each style and the characters it draws, after checking every character of every text."""
    wanted: dict[Style, tuple[Face, frozenset[str]]] = {}
    for item, cleaned in zip(items, texts, strict=True):
        if isinstance(item, TextItem):
            style = item.bold, item.italic
            known = wanted.get(style)
            face = known[0] if known else choose_face(fonts, bold=item.bold, italic=item.italic)
            characters = check_face(cleaned, face)
            wanted[style] = face, (known[1] | characters if known else characters)
    return wanted


def _picture(item: ImageItem, fonts: FontChoice) -> PreparedImage:
    from kyso_stamps.images import prepare_image

    return prepare_image(item.path, item.box_mm[2], item.box_mm[3], item.fit, fonts.cache_dir)


def _place(resource: EmbeddedFont | PreparedImage, used: list[EmbeddedFont | PreparedImage]) -> int:
    for place, known in enumerate(used):
        if known is resource:
            return place
    used.append(resource)
    return len(used) - 1


@lru_cache(maxsize=128)
def _resources(used: tuple[EmbeddedFont | PreparedImage, ...]) -> tuple[tuple[bytes | int, ...], tuple[Part, ...]]:
    """Return the form's resource dictionary and the parts it refers to, counted from 1 (the form itself is 0)."""
    parts: list[Part] = []
    entries: dict[str, list[bytes | int]] = {"/Font": [], "/XObject": []}
    for place, resource in enumerate(used):
        kind, letter = ("/Font", "F") if isinstance(resource, EmbeddedFont) else ("/XObject", "X")
        entries[kind] += [f"/{letter}{place} ".encode("ascii"), len(parts) + 1]
        parts += moved(resource.parts, len(parts) + 1)
    pieces: list[bytes | int] = [b"<<"]
    for kind, found in entries.items():
        if found:
            pieces += [f"{kind}<<".encode("ascii"), *found, b">>"]
    return (*pieces, b">>"), tuple(parts)


def _text(item: TextItem, cleaned: tuple[str, ...], font: EmbeddedFont, name: str, stamp_height_mm: float) -> str:
    left, top, width, height = (length * PT_PER_MM for length in item.box_mm)
    fitted = fit(cleaned, font, width, height, item.size_pt, item.min_size_pt, item.leading, item.wrap)
    size = fitted.size_pt
    spare = height - fitted.height_pt(item.leading)
    upper = top + (0.0 if item.vertical == "top" else spare if item.vertical == "bottom" else spare / 2)
    baseline = stamp_height_mm * PT_PER_MM - upper - fitted.top * size / 1000
    share = {"left": 0.0, "centre": 0.5, "right": 1.0}[item.align]
    content = [f"BT\n{name} {number(size)} Tf\n{numbers(*item.colour)} rg\n"]
    for line in fitted.lines:
        if line.code:
            x = left + (width - line.width * size / 1000) * share + line.offset * size / 1000
            content.append(f"1 0 0 1 {numbers(x, baseline)} Tm\n<{line.code}> Tj\n")
        baseline -= item.leading * size
    return "".join(content) + "ET\n"


@lru_cache(maxsize=512)
def _image(item: ImageItem, image: PreparedImage, name: str, stamp_height_mm: float) -> str:
    left, top, width, height = (length * PT_PER_MM for length in item.box_mm)
    if item.fit == "contain":
        scale = min(width / image.width, height / image.height)
        shown_width, shown_height = image.width * scale, image.height * scale
        left, top = left + (width - shown_width) / 2, top + (height - shown_height) / 2
        width, height = shown_width, shown_height
    bottom = stamp_height_mm * PT_PER_MM - top - height
    a, b, c, d, e, f = image.matrix
    matrix = (a * width, b * height, c * width, d * height, e * width + left, f * height + bottom)
    # A vector page is scaled by small numbers; three decimals would show as millimetres on a large one.
    return f"q\n{' '.join(f'{value:.6f}'.rstrip('0').rstrip('.') for value in matrix)} cm\n{name} Do\nQ\n"


@lru_cache(maxsize=512)
def _frame(item: FrameItem, stamp_height_mm: float) -> str:
    """Draw a rectangle whose line lies inside its box."""
    left, top, width, height = (length * PT_PER_MM for length in item.box_mm)
    inset = min(item.line_pt, width, height) / 2
    bottom = stamp_height_mm * PT_PER_MM - top - height
    pieces = ["q\n"]
    if item.fill is not None:
        pieces.append(f"{numbers(*item.fill)} rg\n")
    if item.line_pt:
        pieces.append(f"{numbers(*item.colour)} RG\n{number(item.line_pt)} w\n")
    box = numbers(left + inset, bottom + inset, width - 2 * inset, height - 2 * inset)
    paint = "B" if item.fill is not None and item.line_pt else "f" if item.fill is not None else "S"
    return "".join(pieces) + f"{box} re\n{paint}\nQ\n" if item.line_pt or item.fill is not None else ""


def check_spec(spec: StampSpec) -> None:
    """Make sure that a specification can be drawn as it says.

    :raises StampError: ``stamp.spec_invalid`` with the `detail`.
    """
    if not (0 < spec.width_mm <= MAX_SIDE_MM and 0 < spec.height_mm <= MAX_SIDE_MM):
        raise StampError("stamp.spec_invalid", detail=f"{spec.width_mm} x {spec.height_mm} mm")
    if len(spec.items) > MAX_ITEMS:
        raise StampError("stamp.spec_invalid", detail=f"{len(spec.items)} > {MAX_ITEMS} items")
    for item in spec.items:
        _check_box(item.box_mm, spec)
        if isinstance(item, TextItem):
            _check_colour(item.colour)
            sizes_fit = item.min_size_pt > 0 and 0 < item.size_pt <= MAX_SIZE_PT and 0 < item.leading <= 10
            if not sizes_fit:
                detail = f"size {item.size_pt} pt, min {item.min_size_pt} pt, leading {item.leading}"
                raise StampError("stamp.spec_invalid", detail=detail)
        elif isinstance(item, QrItem):
            _check_colour(item.colour)
        elif isinstance(item, FrameItem):
            _check_colour(item.colour)
            if item.fill is not None:
                _check_colour(item.fill)
            if not 0 <= item.line_pt <= MAX_SIZE_PT:
                raise StampError("stamp.spec_invalid", detail=f"line {item.line_pt} pt")


def _check_box(box: BoxMm, spec: StampSpec) -> None:
    """A box must have an area and lie inside the stamp: what leaves it would be cut off by /BBox."""
    left, top, width, height = box
    inside = (
        left >= -_TOLERANCE_MM
        and top >= -_TOLERANCE_MM
        and left + width <= spec.width_mm + _TOLERANCE_MM
        and top + height <= spec.height_mm + _TOLERANCE_MM
    )
    if not (width > 0 and height > 0 and inside):
        raise StampError("stamp.spec_invalid", detail=f"box {box} mm, stamp {spec.width_mm} x {spec.height_mm} mm")


def _check_colour(colour: Colour) -> None:
    if not all(0 <= level <= 1 for level in colour):
        raise StampError("stamp.spec_invalid", detail=f"colour {colour}")


def appearance_to_pdf(appearance: Appearance) -> bytes:
    """Return a PDF of one page that is the stamp, for previews."""
    first = 5
    width, height = number(appearance.width_pt), number(appearance.height_pt)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents 4 0 R"
        f"/Resources<</XObject<</Stamp {first} 0 R>>>>>>".encode("ascii"),
        b"<</Length 9>>\nstream\n/Stamp Do\nendstream",
        *(_source(part, first) for part in appearance.parts),
    ]
    pdf = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for place, source in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%b\nendobj\n" % (place, source)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, len(pdf))
    return bytes(pdf) + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


def _source(part: Part, first: int) -> bytes:
    """Return a part as PDF source, with references to objects counted from `first`."""
    head = b"".join(b"%d 0 R" % (first + piece) if isinstance(piece, int) else piece for piece in part.head)
    if part.stream is None:
        return head
    return b"<</Length %d%b\nstream\n%b\nendstream" % (len(part.stream), head.removeprefix(b"<<"), part.stream)
