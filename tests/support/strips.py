"""Strips of a page at high resolution, and where ink begins in them to a fraction of a pixel.

An edge is where half of a pixel is covered: a renderer's antialiasing then counts for nothing, and one pixel of
1200 dpi, a fiftieth of a millimetre, is the coarsest that can be wrong.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from kyso.geometry import RectMm
from tests.support.judges import need_tool

if TYPE_CHECKING:
    from collections.abc import Callable

Strip = tuple[Image.Image, float, float]
"""The picture, and the display position in mm of its left and upper edge."""

Image.MAX_IMAGE_PIXELS = None


def pdfium_strip(data: bytes, page: int, area: RectMm, dpi: float) -> Strip:
    """Render `area` of a page of user unit 1 by pdfium."""
    import pypdfium2

    with pypdfium2.PdfDocument(data) as document:
        document.init_forms()
        sheet = document[page - 1]
        width, height = sheet.get_size()
        left, top, right, bottom = _whole_pixels(area, dpi)
        points = 72 / dpi
        crop = (left * points, height - bottom * points, width - right * points, top * points)
        rendered = sheet.render(scale=dpi / 72, crop=crop, may_draw_forms=True)
        return rendered.to_pil().convert("RGB"), left * 25.4 / dpi, top * 25.4 / dpi


def poppler_strip(data: bytes, page: int, area: RectMm, dpi: float) -> Strip:
    """Render `area` of a page of user unit 1 by poppler."""
    left, top, right, bottom = _whole_pixels(area, dpi)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.pdf", Path(folder) / "strip"
        source.write_bytes(data)
        subprocess.run(
            [
                *(need_tool("pdftoppm"), "-r", str(dpi), "-cropbox", "-f", str(page), "-l", str(page), "-singlefile"),
                *("-x", str(left), "-y", str(top), "-W", str(right - left), "-H", str(bottom - top)),
                *(str(source), str(target)),
            ],
            check=True,
            timeout=120,
        )
        with Image.open(target.with_suffix(".ppm")) as image:
            return image.convert("RGB"), left * 25.4 / dpi, top * 25.4 / dpi


def _whole_pixels(area: RectMm, dpi: float) -> tuple[int, int, int, int]:
    scale = dpi / 25.4
    return round(area.left * scale), round(area.top * scale), round(area.right * scale), round(area.bottom * scale)


def ink_span(strip: Strip, coverage: Callable[[np.ndarray], np.ndarray], dpi: float) -> tuple[float, float] | None:
    """Return the left and right end of the ink in display mm, ``None`` where half a pixel is covered nowhere.

    :param coverage: how much of each pixel is ink, from 0 to 1, of an integer array (height, width, RGB).
    """
    image, left_mm, _ = strip
    covered = coverage(np.asarray(image).astype(float))
    inked = covered >= 0.5
    rows = np.flatnonzero(inked.any(axis=1))
    if not len(rows):
        return None
    first = [_crossing(covered[row], int(np.argmax(inked[row]))) for row in rows]
    last = [covered.shape[1] - _crossing(covered[row][::-1], int(np.argmax(inked[row][::-1]))) for row in rows]
    mm = 25.4 / dpi
    return left_mm + min(first) * mm, left_mm + max(last) * mm


def _crossing(levels: np.ndarray, index: int) -> float:
    """Return where the coverage passes one half before the pixel `index`, in pixels from the row's beginning."""
    if index == 0:
        return 0.0
    before, here = levels[index - 1], levels[index]
    return float(index + 0.5 - (here - 0.5) / (here - before))
