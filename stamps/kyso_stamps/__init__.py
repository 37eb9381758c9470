"""The stamp engine: millimetres in, one PDF appearance out. It knows nothing of keys or letters."""

from __future__ import annotations

from kyso_stamps.appearance import Appearance, Part
from kyso_stamps.errors import StampError
from kyso_stamps.spec import BLACK, BoxMm, Colour, FrameItem, ImageItem, QrItem, StampItem, StampSpec, TextItem

__all__ = [
    "BLACK",
    "Appearance",
    "BoxMm",
    "Colour",
    "FrameItem",
    "ImageItem",
    "Part",
    "QrItem",
    "StampError",
    "StampItem",
    "StampSpec",
    "TextItem",
]
