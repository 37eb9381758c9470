"""Tells ink from paper on an evenly lit picture: how much ink covers each pixel, and what colour it is.

Ink of a colour absorbs the other two: red ink the green and the blue light, blue ink the red and the green. How much is
missing of those two says how much ink there is; how much more is missing of them than of its own colour says whether it
is that ink at all. Shadows and black print miss all three alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from kyso_stamps.picture_checks import PictureKind

LEAST_DARKNESS = 36
"""Ink that darkens paper by less than this (of 255) cannot be told from dirt."""

LEAST_BLACK = 80
"""The same for ink without a colour, which only its darkness tells from the rest of a shadow."""

_LEAST_PIXELS = 40
_PARTS = 8
_SIGMAS = 5
_COLOURED_SHARE = 0.16
_SPECK_SHARE = 0.006
_SPECK_DENSITY = 0.07


@dataclass(frozen=True, slots=True)
class Ink:
    """The ink that prevails.

    :param colour: red, green, blue from 0 to 255 where it is thick.
    :param coloured: whether it has a colour, other than black and grey.
    """

    colour: tuple[int, int, int]
    coloured: bool


@dataclass(frozen=True, slots=True)
class InkMap:
    """:param coverage: how much of each pixel is ink, 0 to 255 (mode L)."""

    coverage: Image
    ink: Ink


def ink_map(image: Image, kind: PictureKind) -> InkMap | None:
    """Return the ink of an evenly lit picture on white paper, ``None`` where there is none.

    :param kind: says what colour is looked for; where nothing has it, any ink is taken.
    """
    from PIL import ImageChops, ImageFilter

    red, green, blue = (ImageChops.invert(band) for band in image.split())
    own, others = (blue, (red, green)) if kind == "signature" else (red, (green, blue))
    absorbed = ImageChops.blend(*others, 0.5)
    black = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    # Half a pixel of blur: cameras store colours more coarsely than brightness.
    soft = absorbed.filter(ImageFilter.GaussianBlur(1.2))
    excess = ImageChops.subtract(soft, own.filter(ImageFilter.GaussianBlur(1.2)))
    noise = _noise(absorbed)
    threshold = max(LEAST_DARKNESS, round(_median(absorbed.histogram()) + _SIGMAS * noise))
    dark = absorbed.point(_step(threshold))
    tinted = ImageChops.darker(dark, _share(excess, soft).point(_step(round(_COLOURED_SHARE * 255))))
    coloured = _count(tinted) >= max(_LEAST_PIXELS, 0.05 * _count(dark))
    if coloured:
        strength, mask = absorbed, tinted
    else:
        strength = black
        threshold = max(LEAST_BLACK, round(_median(black.histogram()) + _SIGMAS * _noise(black)))
        mask = black.point(_step(threshold))
    if _count(mask) < _LEAST_PIXELS:
        return None
    histogram = strength.histogram(mask)
    full = _quantile(histogram, 0.80)
    thick = ImageChops.darker(mask, strength.point(_step(round(full * 0.8))))
    if thick.getbbox() is None:
        thick = mask
    red_level, green_level, blue_level = (_quantile(band.histogram(thick), 0.5) for band in image.split())
    low = max(0.10, 4 * noise / full)
    coverage = strength.point(_ramp(low * full, 0.88 * full))
    if coloured:
        gate = _share(excess, soft).point(_ramp(0.5 * _COLOURED_SHARE * 255, _COLOURED_SHARE * 255))
        coverage = ImageChops.darker(coverage, gate)
    coverage = _without_specks(coverage)
    if _count(coverage.point(_step(128))) < _LEAST_PIXELS:
        return None
    return InkMap(coverage, Ink((red_level, green_level, blue_level), coloured))


def _share(part: Image, whole: Image) -> Image:
    """Return part / whole for each pixel, 255 for all of it; nothing where there is too little to divide."""
    from PIL import ImageMath

    def divided(args: dict[str, Any]) -> Any:
        return args["convert"](args["min"](args["part"] * 255 / args["max"](args["whole"], 12), 255), "L")

    share: Image = ImageMath.lambda_eval(divided, part=part, whole=whole)
    return share


def _without_specks(coverage: Image) -> Image:
    """Return the coverage without dots that stand alone: around ink, more of the paper is inked than around a speck."""
    from PIL import ImageChops, ImageFilter

    solid = coverage.point(_step(77))
    box = solid.getbbox()
    if box is None:
        return coverage
    radius = max(2.0, max(box[2] - box[0], box[3] - box[1]) * _SPECK_SHARE)
    dense = solid.filter(ImageFilter.BoxBlur(radius)).point(_step(max(1, round(_SPECK_DENSITY * 255))))
    core = ImageChops.darker(solid, dense)
    # The soft edge of a stroke lies beside what was kept.
    return ImageChops.darker(coverage, core.filter(ImageFilter.MaxFilter(5)))


def _noise(band: Image) -> float:
    """Return how much the grain of the noisiest part of the paper varies, as a standard deviation.

    Where there was little light the camera's noise was divided by little, so the parts of a picture differ. Ink does
    not count: in each part the median absolute deviation is taken.
    """
    parts = []
    for row in range(_PARTS):
        for column in range(_PARTS):
            box = (
                band.width * column // _PARTS,
                band.height * row // _PARTS,
                band.width * (column + 1) // _PARTS,
                band.height * (row + 1) // _PARTS,
            )
            histogram = band.crop(box).histogram()
            middle = _median(histogram)
            deviations = [0] * 256
            for level, count in enumerate(histogram):
                deviations[abs(level - middle)] += count
            parts.append(_median(deviations))
    # A part that is inked all over says nothing about paper: the noisiest eighth is left aside.
    return 1.4826 * sorted(parts)[len(parts) * 7 // 8]


def _median(histogram: Sequence[int]) -> int:
    return _quantile(histogram, 0.5)


def _quantile(histogram: Sequence[int], share: float) -> int:
    wanted, seen = sum(histogram) * share, 0
    for level, count in enumerate(histogram):
        seen += count
        if seen >= wanted:
            return level
    return 255


def _count(mask: Image) -> int:
    return int(mask.histogram()[255])


def _step(level: int) -> list[int]:
    return [0] * level + [255] * (256 - level)


def _ramp(low: float, high: float) -> list[int]:
    return [round(min(1.0, max(0.0, (level - low) / max(high - low, 1e-6))) * 255) for level in range(256)]
