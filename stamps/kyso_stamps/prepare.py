"""From a scan or photo of a signature or a seal to a picture for stamps: transparent ground, clean ink, true size.

The steps: what the light did to the paper is measured and divided away (uneven light, shadows, yellowed paper); the ink
is told from the rest by what it absorbs, and by its colour, so that grey shadows and black print under a seal stay
behind; grain and specks go; the ink is cut out; pixels become as fine as the physical size needs.

What this does not do: it turns nothing (lay the paper straight), and it invents nothing: a grey scan of a seal stays
grey, and is refused. What was drawn or stamped is for the person to compare with the original.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso_stamps.errors import StampError
from kyso_stamps.images import decoded, picture_state, read_picture_file
from kyso_stamps.ink import Ink, InkMap, ink_map
from kyso_stamps.paper import flattened, light_on_paper
from kyso_stamps.picture_checks import (
    PRINT_DPI,
    SHAPE_TOLERANCE,
    PictureFinding,
    PictureKind,
    judge,
    measure_image,
    right_hue,
)

if TYPE_CHECKING:
    from PIL.Image import Image

OUTPUT_DPI = 600
"""Finer pixels than this are not kept: the stamp engine embeds at most 300 dpi."""

SIGNATURE_BLUE = (26, 58, 158)
"""What black ink becomes where that is asked for."""

GREATEST_MM = 500.0

_LOOK_PX = 1400
_WORK_PX = 3200
_FRAME = 0.06
# A camera blurs the edge of a seal evenly to both sides; the fine ends of strokes are blurred until little is left.
_EDGE: dict[PictureKind, int] = {"seal": 128, "signature": 56}
_LEVELS = 20
_LEAST_SATURATION = 0.72
_MILLIMETRES_PER_INCH = 25.4

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class PreparedPicture:
    """A picture ready for stamps.

    :param png: the file: RGBA, its physical size in pHYs, nothing else.
    :param width_mm: width on paper, with all of it visible.
    :param dpi: dots per inch on paper.
    :param colour: the ink, red, green, blue from 0 to 255; the mean where each pixel kept its own colour.
    :param findings: what is to be said about the result, and ``picture.cut_off`` where the ink ran off the original.
    """

    png: bytes
    width_px: int
    height_px: int
    width_mm: float
    height_mm: float
    dpi: int
    colour: tuple[int, int, int]
    findings: tuple[PictureFinding, ...]


def prepare_picture(
    path: Path,
    kind: PictureKind,
    width_mm: float | None,
    height_mm: float | None = None,
    *,
    keep_colour: bool = False,
    black_to_blue: bool = False,
) -> PreparedPicture:
    """Prepare a scan or photo.

    :param width_mm: width of the ink on paper; ``None`` where a signature is given by its height.
    :param height_mm: height of the ink on paper; ``None`` keeps the proportions. Both together are a seal's true size.
    :param keep_colour: leave each pixel its own colour instead of one ink colour for all.
    :param black_to_blue: a signature in black or grey ink becomes blue.
    :raises StampError: what is wrong with the file (:func:`kyso_stamps.images.image_ink`), or ``picture.size``,
        ``picture.no_ink``, ``picture.not_blue``, ``picture.not_red``, ``picture.out_of_proportion``,
        ``picture.too_few_pixels``.
    """
    for length in (width_mm, height_mm):
        if length is not None and not 0 < length <= GREATEST_MM:
            raise StampError("picture.size", name=path.name, most=f"{GREATEST_MM:g}")
    if width_mm is None and height_mm is None:
        raise StampError("picture.size", name=path.name, most=f"{GREATEST_MM:g}")
    picture_state(path)
    data, form = read_picture_file(path)
    if form == "PDF":
        raise StampError("picture.vector", name=path.name)
    photo, opaque = _on_white(decoded(data, form, path.name))
    light = light_on_paper(photo)
    area = _ink_area(photo, light, kind, path.name)
    work = _cut(photo, light, area)
    found = ink_map(work, kind)
    if found is None:
        raise StampError("picture.no_ink", name=path.name)
    colour = _colour(found.ink, kind, path.name, keep_colour=keep_colour, black_to_blue=black_to_blue)
    box = _visible_box(found.coverage, kind, path.name)
    width, height = box[2] - box[0], box[3] - box[1]
    size_mm = _size(width / height, width_mm, height_mm, path.name)
    # The working picture may have been made smaller than the photo; what counts is what the camera saw.
    finer = (area[2] - area[0]) / work.width
    dpi = min(width * finer / size_mm[0], height * finer / size_mm[1]) * _MILLIMETRES_PER_INCH
    if dpi < PRINT_DPI:
        raise StampError("picture.too_few_pixels", name=path.name, dpi=round(dpi), least=PRINT_DPI)
    scale = min(OUTPUT_DPI, dpi, width / size_mm[0] * _MILLIMETRES_PER_INCH) / _MILLIMETRES_PER_INCH
    pixels = max(1, round(size_mm[0] * scale)), max(1, round(size_mm[1] * scale))
    picture = _inked(found, work, box, pixels, None if keep_colour else colour)
    findings = list(judge(measure_image(picture, path.name), path.name, kind, *size_mm))
    if opaque and _runs_off(photo, area, box, work):
        findings.append(PictureFinding("picture.cut_off", False, {"name": path.name}))
    return PreparedPicture(
        _png(picture, size_mm),
        *pixels,
        round(size_mm[0], 2),
        round(size_mm[1], 2),
        round(pixels[0] / size_mm[0] * _MILLIMETRES_PER_INCH),
        colour,
        tuple(findings),
    )


def _on_white(image: Image) -> tuple[Image, bool]:
    """Return a picture on white paper, and whether it had no transparency."""
    from PIL import Image as Pillow

    from kyso_stamps.raster import split

    colour, alpha = split(image)
    colour = colour.convert("RGB")
    if alpha is None:
        return colour, True
    return Pillow.composite(colour, Pillow.new("RGB", image.size, (255, 255, 255)), alpha), False


def _ink_area(photo: Image, light: Image, kind: PictureKind, name: str) -> Box:
    """Return where the ink is on the photo, with some paper around it."""
    from PIL import Image as Pillow

    step = max(1.0, max(photo.size) / _LOOK_PX)
    small = photo.resize((max(1, round(photo.width / step)), max(1, round(photo.height / step))), Pillow.Resampling.BOX)
    found = ink_map(flattened(small, light.resize(small.size, Pillow.Resampling.BICUBIC)), kind)
    box = found.coverage.point([0] * 90 + [255] * 166).getbbox() if found is not None else None
    if box is None:
        raise StampError("picture.no_ink", name=name)
    frame = max(4, round(max(box[2] - box[0], box[3] - box[1]) * _FRAME))
    left, top = max(0, round((box[0] - frame) * step)), max(0, round((box[1] - frame) * step))
    right = min(photo.width, round((box[2] + frame) * step))
    return left, top, right, min(photo.height, round((box[3] + frame) * step))


def _cut(photo: Image, light: Image, area: Box) -> Image:
    """Return the area of the photo as if it lay in even white light, not larger than is worth working on."""
    from PIL import Image as Pillow

    width, height = area[2] - area[0], area[3] - area[1]
    step = max(1.0, max(width, height) / _WORK_PX)
    size = max(1, round(width / step)), max(1, round(height / step))
    piece = photo.crop(area) if step == 1.0 else photo.resize(size, Pillow.Resampling.BOX, area)
    across, down = light.width / photo.width, light.height / photo.height
    part = (area[0] * across, area[1] * down, area[2] * across, area[3] * down)
    return flattened(piece, light.resize(size, Pillow.Resampling.BICUBIC, part))


def _visible_box(coverage: Image, kind: PictureKind, name: str) -> Box:
    edge = _EDGE[kind]
    box = coverage.point([0] * edge + [255] * (256 - edge)).getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 2:
        raise StampError("picture.no_ink", name=name)
    return box


def _size(aspect: float, width_mm: float | None, height_mm: float | None, name: str) -> tuple[float, float]:
    if width_mm is not None and height_mm is not None:
        if abs(aspect * height_mm / width_mm - 1) > SHAPE_TOLERANCE:
            size = f"{width_mm:g} x {height_mm:g}"
            raise StampError("picture.out_of_proportion", name=name, found=f"{aspect:.2f}", size=size)
        return width_mm, height_mm
    if width_mm is not None:
        return width_mm, width_mm / aspect
    assert height_mm is not None
    return height_mm * aspect, height_mm


def _colour(ink: Ink, kind: PictureKind, name: str, *, keep_colour: bool, black_to_blue: bool) -> tuple[int, int, int]:
    """Return the colour of the result: the ink's own hue, as deep as print needs.

    :raises StampError: ``picture.not_blue``, ``picture.not_red``.
    """
    import colorsys

    if keep_colour:
        return ink.colour
    hue, saturation, value = colorsys.rgb_to_hsv(*(level / 255 for level in ink.colour))
    if not ink.coloured or not right_hue(hue * 360, kind):
        if kind == "signature" and black_to_blue:
            return SIGNATURE_BLUE
        raise StampError("picture.not_blue" if kind == "signature" else "picture.not_red", name=name)
    deepest = 0.75 if kind == "signature" else 0.88
    deep = colorsys.hsv_to_rgb(hue, max(saturation, _LEAST_SATURATION), min(max(value, 0.5), deepest))
    red, green, blue = (round(level * 255) for level in deep)
    return red, green, blue


def _inked(found: InkMap, work: Image, box: Box, pixels: tuple[int, int], colour: tuple[int, int, int] | None) -> Image:
    """Return the ink alone: one colour, or (``None``) each pixel's own with the paper taken out of it."""
    from PIL import Image as Pillow

    alpha = found.coverage.resize(pixels, Pillow.Resampling.LANCZOS, box)
    if colour is not None:
        picture = Pillow.new("RGB", pixels, colour)
    else:
        picture = _without_paper(work.resize(pixels, Pillow.Resampling.LANCZOS, box), alpha)
    # Finer steps than these are the camera's noise; they cost bytes and nobody sees them.
    picture.putalpha(alpha.point([round(round(level / 255 * _LEVELS) / _LEVELS * 255) for level in range(256)]))
    return picture


def _without_paper(image: Image, alpha: Image) -> Image:
    """Return the colours that give `image` when they lie on white paper with `alpha`."""
    from PIL import Image as Pillow
    from PIL import ImageMath

    def own(args: dict[str, Any]) -> Any:
        absorbed = (255 - args["band"]) * 255 / args["max"](args["alpha"], 1)
        return args["convert"](255 - args["min"](absorbed, 255), "L")

    return Pillow.merge("RGB", [ImageMath.lambda_eval(own, band=band, alpha=alpha) for band in image.split()])


def _runs_off(photo: Image, area: Box, box: Box, work: Image) -> bool:
    """Tell whether the ink reaches the edge of the photo."""
    near = 2
    return (
        (area[0] == 0 and box[0] <= near)
        or (area[1] == 0 and box[1] <= near)
        or (area[2] == photo.width and box[2] >= work.width - near)
        or (area[3] == photo.height and box[3] >= work.height - near)
    )


def _png(picture: Image, size_mm: tuple[float, float]) -> bytes:
    dpi = (
        picture.width / size_mm[0] * _MILLIMETRES_PER_INCH,
        picture.height / size_mm[1] * _MILLIMETRES_PER_INCH,
    )
    output = io.BytesIO()
    picture.save(output, "PNG", optimize=True, dpi=dpi)
    return output.getvalue()
