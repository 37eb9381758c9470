"""Looks at a picture before it is signed with: is it transparent, of the right ink, fine enough for print?

Decree 30/2020, annex I, II.7.d and II.8.a, asks for a PNG with a transparent ground, blue for a handwritten signature,
red for a seal, the seal at its true size. What is judged here:

===========================  =========================================  ==========
finding                      when                                       weight
===========================  =========================================  ==========
``picture.too_coarse``       less than 72 dots per inch on paper        refuse
``picture.low_resolution``   less than 150 dots per inch on paper       warn
``picture.opaque``           no transparency: it hides what is below    warn
``picture.colourless_KIND``  black or grey ink                          warn
``picture.wrong_hue_KIND``   another colour than blue or red            warn
``picture.pale``             the right colour, but hardly to be seen    warn
``picture.out_of_shape``     a seal of other proportions than its size  warn
===========================  =========================================  ==========

A PDF as a picture is vectors: it has no resolution and no ground, and its colours are not measured here.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kyso_stamps import cache
from kyso_stamps.images import decoded, picture_state, read_picture_file

if TYPE_CHECKING:
    from PIL.Image import Image

PictureKind = Literal["signature", "seal"]

LEAST_DPI = 72
PRINT_DPI = 150
"""What office printers show of a one-coloured line drawing; less has visible steps."""

HUES: Mapping[PictureKind, tuple[float, float]] = {"signature": (190.0, 270.0), "seal": (335.0, 20.0)}
"""Range of hues in degrees, clockwise from the first to the second: blue inks, red inks."""

COLOURED_FROM = 0.20
"""Saturation (HSV) below which ink is black or grey."""

PALE_FROM = 0.35
"""Saturation below which coloured ink is pale."""

SHAPE_TOLERANCE = 0.06

_MILLIMETRES_PER_INCH = 25.4


@dataclass(frozen=True, slots=True)
class PictureFinding:
    """Something about a picture; `code` has words in the catalogues.

    :param refuse: whether it must not be signed with; else it is a warning.
    """

    code: str
    refuse: bool
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PictureMeasure:
    """What was measured of a picture's visible part.

    :param width_px: width of the visible part in pixels.
    :param height_px: its height.
    :param transparent: whether any of the picture is transparent.
    :param hue_deg: prevailing hue (HSV) of the coloured ink; ``None`` where none is coloured.
    :param saturation: saturation (HSV) from 0 to 1 that half of the ink exceeds.
    """

    width_px: int
    height_px: int
    transparent: bool
    hue_deg: float | None
    saturation: float

    def dpi(self, width_mm: float, height_mm: float) -> float:
        """Return the dots per inch at a physical size of the visible part, of the coarser direction."""
        return min(self.width_px / width_mm, self.height_px / height_mm) * _MILLIMETRES_PER_INCH


def check_picture(
    path: Path, kind: PictureKind, width_mm: float, height_mm: float | None = None, *, cache_dir: Path | None = None
) -> tuple[PictureFinding, ...]:
    """Return what is to be said about a picture at a physical size.

    :param width_mm: width of its visible part on paper.
    :param height_mm: height; ``None`` keeps the proportions. For a seal both are known, and compared with the picture.
    :param cache_dir: where measurements are kept between runs.
    :raises StampError: the file is no picture, or nothing of it can be seen.
    """
    measure = measure_picture(path, cache_dir)
    return () if measure is None else judge(measure, path.name, kind, width_mm, height_mm)


def measure_picture(path: Path, cache_dir: Path | None = None) -> PictureMeasure | None:
    """Measure a picture of pixels; ``None`` for one of vectors.

    :raises StampError: the file is no picture, or nothing of it can be seen.
    """
    return _measured(path, *picture_state(path), cache_dir)


@lru_cache(maxsize=64)
def _measured(path: Path, inode: int, size: int, modified_ns: int, cache_dir: Path | None) -> PictureMeasure | None:
    data, kind = read_picture_file(path)
    if kind == "PDF":
        return None
    key = hashlib.sha256(data).hexdigest()
    found = cache.load(cache_dir, "measure", key)
    if found is not None:
        known = found[0]
        return PictureMeasure(
            known["width_px"], known["height_px"], known["transparent"], known["hue_deg"], known["saturation"]
        )
    measure = measure_image(decoded(data, kind, path.name), path.name)
    header = {name: getattr(measure, name) for name in PictureMeasure.__dataclass_fields__}
    cache.store(cache_dir, "measure", key, header, b"")
    return measure


def measure_image(image: Image, name: str) -> PictureMeasure:
    """Measure a decoded picture.

    :param name: the file's name, for errors.
    :raises StampError: ``stamp.image_empty``.
    """
    from PIL import Image as Pillow
    from PIL import ImageChops

    from kyso_stamps.errors import StampError
    from kyso_stamps.raster import ink_box, split

    box = ink_box(image)
    if box is None:
        raise StampError("stamp.image_empty", name=name)
    colour, alpha = split(image.crop(box))
    # Colours do not need every pixel, and a large scan has millions of them.
    colour = colour.convert("RGB")
    step = max(1, max(colour.size) // 600)
    colour = colour.reduce(step) if step > 1 else colour
    hue, saturation, value = colour.convert("HSV").split()
    if alpha is None:
        # On an opaque ground whatever is darker or more coloured than paper is ink.
        ink = ImageChops.lighter(saturation.point(_from(60)), value.point(_below(160)))
    else:
        ink = (alpha.reduce(step) if step > 1 else alpha).point(_from(128))
    if ink.getbbox() is None:
        ink = Pillow.new("L", colour.size, 255)
    saturations = saturation.histogram(ink)
    coloured = ImageChops.darker(ink, saturation.point(_from(round(COLOURED_FROM * 255))))
    return PictureMeasure(
        box[2] - box[0],
        box[3] - box[1],
        split(image)[1] is not None,
        _prevailing_hue(hue.histogram(coloured)) if coloured.getbbox() is not None else None,
        _median(saturations) / 255,
    )


def judge(
    measure: PictureMeasure, name: str, kind: PictureKind, width_mm: float, height_mm: float | None = None
) -> tuple[PictureFinding, ...]:
    """Return the findings about a measured picture; see :func:`check_picture`."""
    findings: list[PictureFinding] = []

    def find(code: str, *, refuse: bool = False, **parameters: object) -> None:
        findings.append(PictureFinding(f"picture.{code}", refuse, {"name": name, **parameters}))

    natural_mm = width_mm * measure.height_px / measure.width_px
    if height_mm is not None and abs(natural_mm / height_mm - 1) > SHAPE_TOLERANCE:
        shape = f"{measure.width_px} x {measure.height_px}"
        find("out_of_shape", shape=shape, size=f"{width_mm:g} x {height_mm:g}")
    dpi = measure.dpi(width_mm, height_mm or natural_mm)
    if dpi < LEAST_DPI:
        find("too_coarse", refuse=True, dpi=round(dpi), least=LEAST_DPI)
    elif dpi < PRINT_DPI:
        find("low_resolution", dpi=round(dpi), least=PRINT_DPI)
    if not measure.transparent:
        find("opaque")
    if measure.hue_deg is None or measure.saturation < COLOURED_FROM:
        find(f"colourless_{kind}")
    elif not right_hue(measure.hue_deg, kind):
        find(f"wrong_hue_{kind}", hue=round(measure.hue_deg))
    elif measure.saturation < PALE_FROM:
        find("pale", saturation=round(measure.saturation * 100), least=round(PALE_FROM * 100))
    return tuple(findings)


def right_hue(hue_deg: float, kind: PictureKind) -> bool:
    """Tell whether a hue is that of the kind's ink."""
    first, last = HUES[kind]
    return (hue_deg - first) % 360 <= (last - first) % 360


def _prevailing_hue(histogram: Sequence[int]) -> float:
    """Return the mean direction of hues (256 steps a circle), in degrees."""
    angles = [step * 2 * math.pi / 256 for step in range(256)]
    east = sum(count * math.cos(angle) for count, angle in zip(histogram, angles, strict=True))
    north = sum(count * math.sin(angle) for count, angle in zip(histogram, angles, strict=True))
    return math.degrees(math.atan2(north, east)) % 360


def _median(histogram: Sequence[int]) -> int:
    half, seen = sum(histogram) / 2, 0
    for level, count in enumerate(histogram):
        seen += count
        if seen >= half:
            return level
    return 255


def _from(level: int) -> list[int]:
    return [0] * level + [255] * (256 - level)


def _below(level: int) -> list[int]:
    return [255] * level + [0] * (256 - level)
