"""The paper of a photo: how much light fell on each part of it, and the photo as if the light had been even."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_LIGHT_PX = 220
_REACH = 0.13
"""Half the width, as a share of the shorter side, of the largest solid area of ink that is not taken for paper."""

_LEAST_LIGHT = 24


def light_on_paper(photo: Image) -> Image:
    """Return the paper's brightness, red, green and blue, as a small picture of the whole photo.

    A morphological closing: what is darker than its surroundings and narrower than a quarter of the picture is filled
    with them, so that ink vanishes while shadows and slow changes of the light stay.
    """
    from PIL import Image as Pillow
    from PIL import ImageFilter

    step = max(1.0, max(photo.size) / _LIGHT_PX)
    size = max(1, round(photo.width / step)), max(1, round(photo.height / step))
    small = photo.resize(size, Pillow.Resampling.BOX).filter(ImageFilter.MedianFilter(3))
    reach = max(2, round(min(size) * _REACH))
    # The edge is continued outwards, or the closing would eat ink that comes close to it.
    framed = _framed(small, reach)
    for grow in (ImageFilter.MaxFilter(5), ImageFilter.MinFilter(5)):
        for _ in range(-(-reach // 2)):
            framed = framed.filter(grow)
    light = framed.crop((reach, reach, reach + size[0], reach + size[1]))
    return light.filter(ImageFilter.GaussianBlur(max(1.0, reach / 5)))


def _framed(image: Image, width: int) -> Image:
    from PIL import Image as Pillow

    framed = Pillow.new(image.mode, (image.width + 2 * width, image.height + 2 * width))
    framed.paste(image.resize(framed.size, Pillow.Resampling.NEAREST), (0, 0))
    # Each side is continued by its own pixels, the corners by what the enlarged picture has there.
    framed.paste(image.crop((0, 0, image.width, 1)).resize((image.width, width)), (width, 0))
    last = image.crop((0, image.height - 1, image.width, image.height))
    framed.paste(last.resize((image.width, width)), (width, width + image.height))
    framed.paste(image.crop((0, 0, 1, image.height)).resize((width, image.height)), (0, width))
    right = image.crop((image.width - 1, 0, image.width, image.height))
    framed.paste(right.resize((width, image.height)), (width + image.width, width))
    framed.paste(image, (width, width))
    return framed


def flattened(photo: Image, light: Image) -> Image:
    """Return the photo with its light divided away, so that paper is white; both are of one size."""
    from PIL import Image as Pillow
    from PIL import ImageMath

    def divided(args: dict[str, Any]) -> Any:
        level = args["band"] * 255 / args["max"](args["light"], _LEAST_LIGHT)
        return args["convert"](args["min"](level, 255), "L")

    bands = zip(photo.split(), light.split(), strict=True)
    return Pillow.merge("RGB", [ImageMath.lambda_eval(divided, band=band, light=shine) for band, shine in bands])
