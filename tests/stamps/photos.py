"""Photos and scans made up for tests: ink on paper under uneven light, with shadow, grain and camera noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from pathlib import Path

PAPER = (248, 246, 238)


def photograph(
    path: Path,
    ink: Image.Image,
    *,
    size: tuple[int, int] = (1700, 1150),
    at: tuple[int, int] = (400, 200),
    strength: float = 1.0,
    shadow: bool = True,
    print_below: bool = False,
    seed: int = 1,
) -> Path:
    """Write a JPEG of `ink` (RGBA) on paper: light that falls by 45 % across, a shadow's edge, grain.

    :param strength: how much of the ink there is, from 0 to 1.
    :param print_below: lines of black print under the ink.
    """
    width, height = size
    paper = Image.new("RGB", size, PAPER)
    if print_below:
        drawing = ImageDraw.Draw(paper)
        for row in range(6):
            # A tight face of rectangles stands for words: what matters is that they are black and thin.
            for word in range(9):
                left, top = at[0] + 30 + word * 90, at[1] + 40 + row * 90
                drawing.rectangle((left, top, left + 60, top + 12), fill=(25, 25, 25))
    layer = Image.new("RGBA", size)
    layer.paste(ink, at)
    inked = np.asarray(layer).astype(float)
    share = inked[..., 3:] / 255 * strength
    seen = np.asarray(paper).astype(float)
    seen = seen * (1 - share) + inked[..., :3] * share * (seen / 255)
    down, across = np.mgrid[0:height, 0:width]
    light = 1 - 0.45 * (across / width * 0.6 + down / height * 0.4)
    if shadow:
        dark = Image.new("L", size, 255)
        ImageDraw.Draw(dark).polygon([(width * 0.6, 0), (width, 0), (width, height), (width * 0.75, height)], fill=150)
        light = light * np.asarray(dark.filter(ImageFilter.GaussianBlur(40))).astype(float) / 255
    seen = seen * light[..., None] * (np.array((250, 240, 215)) / 255)
    noise = np.random.default_rng(seed)
    seen += noise.normal(0, 6, (height, width, 1)) + noise.normal(0, 3, (height, width, 3))
    picture = Image.fromarray(np.clip(seen, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    picture.save(path, "JPEG", quality=85)
    return path
