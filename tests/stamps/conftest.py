"""Pictures that the stamp tests draw themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw

from tests.stamps.rendering import png

if TYPE_CHECKING:
    from pathlib import Path

SEAL_RED = (200, 16, 32)


def seal_image(size: int = 400) -> Image.Image:
    """Draw a round red seal, 400 pixels across, that fills its picture; smooth edges, transparent ground."""
    scale = 4
    mask = Image.new("L", (size * scale, size * scale), 0)
    drawing = ImageDraw.Draw(mask)
    edge = size * scale - 1
    drawing.ellipse((0, 0, edge, edge), outline=255, width=size * scale // 30)
    third = size * scale // 3
    drawing.regular_polygon((size * scale / 2, size * scale / 2, third), 5, fill=255)
    picture = Image.new("RGBA", (size, size), (*SEAL_RED, 0))
    picture.putalpha(mask.resize((size, size), Image.Resampling.LANCZOS))
    return picture


@pytest.fixture(scope="session")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round red seal as a transparent PNG."""
    return png(seal_image(), tmp_path_factory.mktemp("pictures") / "seal.png")
