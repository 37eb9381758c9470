"""What a stamp looks like, in millimetres: the input of the stamp engine.

A stamp is a box `width_mm` x `height_mm` with items in it. Positions count from the box's top left, x to the right, y
downwards. Items are drawn in order, later ones on top.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Colour = tuple[float, float, float]
"""Red, green and blue from 0 to 1 (DeviceRGB)."""

BLACK: Colour = (0.0, 0.0, 0.0)

BoxMm = tuple[float, float, float, float]
"""(left, top, width, height) in mm from the stamp's top left."""


@dataclass(frozen=True, slots=True)
class ImageItem:
    """A picture: PNG (transparent or not), JPEG, or the first page of a PDF as vectors.

    :param box_mm: the picture's place; its physical size, whatever DPI the file claims.
    :param fit: ``exact`` fills the box, ``contain`` keeps the aspect ratio and centres the picture in the box.
    """

    path: Path
    box_mm: BoxMm
    fit: Literal["exact", "contain"] = "contain"


@dataclass(frozen=True, slots=True)
class TextItem:
    """Lines of text in a box.

    :param lines: logical lines; each is NFC-normalised, and wrapped at spaces when `wrap` is set.
    :param size_pt: wished font size.
    :param min_size_pt: smallest size the text may be shrunk to before it is refused; equal to `size_pt` forbids it.
    :param leading: distance between baselines as a multiple of the size.
    """

    lines: tuple[str, ...]
    box_mm: BoxMm
    size_pt: float = 10.0
    min_size_pt: float = 10.0
    align: Literal["left", "centre", "right"] = "left"
    vertical: Literal["top", "middle", "bottom"] = "top"
    bold: bool = False
    italic: bool = False
    colour: Colour = BLACK
    leading: float = 1.2
    wrap: bool = True


@dataclass(frozen=True, slots=True)
class FrameItem:
    """A rectangle: outlined, filled, or both."""

    box_mm: BoxMm
    line_pt: float = 0.75
    colour: Colour = BLACK
    fill: Colour | None = None


@dataclass(frozen=True, slots=True)
class QrItem:
    """A QR code (ISO/IEC 18004) as vectors, as large as its box allows, on white with its quiet zone of four modules.

    :param error_correction: L, M, Q or H: 7, 15, 25 or 30 % of the code may be lost; raised where it costs no module.
    """

    content: str
    box_mm: BoxMm
    error_correction: Literal["L", "M", "Q", "H"] = "M"
    colour: Colour = BLACK


StampItem = ImageItem | TextItem | FrameItem | QrItem


@dataclass(frozen=True, slots=True)
class StampSpec:
    """A whole stamp: its true size and what is in it."""

    width_mm: float
    height_mm: float
    items: tuple[StampItem, ...] = ()
