"""Renders stamps with three independent renderers and measures what they show."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice, packaged_serif
from kyso_stamps.fontsearch import liberation_serif, times_new_roman

if TYPE_CHECKING:
    from pathlib import Path

    from kyso_stamps import StampSpec

DPI = 300
PX_PER_MM = DPI / 25.4


@dataclass(frozen=True, slots=True)
class Drawing:
    """A rendered stamp: RGB pixels at 300 dpi on white paper."""

    pixels: np.ndarray

    def ink(self, channel: int | None = None, threshold: int = 40) -> tuple[float, float, float, float] | None:
        """Return (left, top, right, bottom) in mm of what is darker than paper, in all channels or in one."""
        darkness = 255 - self.pixels.astype(int)
        dark = (darkness.max(axis=2) if channel is None else darkness[:, :, channel]) > threshold
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        if not rows.size:
            return None
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        return tuple(float(edge) / PX_PER_MM for edge in box)

    def at(self, x_mm: float, y_mm: float) -> tuple[int, int, int]:
        """Return the colour at a point."""
        return tuple(int(level) for level in self.pixels[int(y_mm * PX_PER_MM), int(x_mm * PX_PER_MM)])


def _pdfium(pdf: bytes, folder: Path) -> Drawing:
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=DPI / 72).to_pil().convert("RGB")
    document.close()
    return Drawing(np.asarray(image))


def _run(command: list[str], output: Path) -> Drawing:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    with Image.open(output) as image:
        return Drawing(np.asarray(image.convert("RGB")))


def _poppler(pdf: bytes, folder: Path) -> Drawing:
    (folder / "stamp.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-r", str(DPI), "-png", "-singlefile", str(folder / "stamp.pdf"), str(folder / "poppler")]
    return _run(command, folder / "poppler.png")


def _mupdf(pdf: bytes, folder: Path) -> Drawing:
    (folder / "stamp.pdf").write_bytes(pdf)
    command = ["mutool", "draw", "-q", "-r", str(DPI), "-o", str(folder / "mupdf.png"), str(folder / "stamp.pdf"), "1"]
    return _run(command, folder / "mupdf.png")


def _if_there(tool: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")]


RENDERERS = [
    pytest.param(_pdfium, id="pdfium"),
    pytest.param(_poppler, id="poppler", marks=_if_there("pdftoppm")),
    pytest.param(_mupdf, id="mupdf", marks=_if_there("mutool")),
]


def rendered(spec: StampSpec, fonts: FontChoice | None = None) -> Drawing:
    """Draw `spec` and render it with pdfium."""
    pdf = appearance_to_pdf(draw(spec, fonts or FontChoice()))
    document = pypdfium2.PdfDocument(pdf)
    image = document[0].render(scale=DPI / 72).to_pil().convert("RGB")
    document.close()
    return Drawing(np.asarray(image))


def available_fonts() -> list[object]:
    """Return every font of the search order that this machine has, as test parameters."""
    choices = [pytest.param(FontChoice(regular=packaged_serif()), id="packaged")]
    for label, search in (("liberation", liberation_serif), ("times", times_new_roman)):
        font = search((False, False))
        if font is not None:
            choices.append(pytest.param(FontChoice(regular=font.path), id=label))
    return choices


def png(image: Image.Image, path: Path, **options: object) -> Path:
    """Save `image` as PNG and return its path."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    path.write_bytes(buffer.getvalue())
    return path
