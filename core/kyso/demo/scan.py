"""A made-up scan: the letter as colour pictures, as a scanner would hand it over before it is signed as a copy."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SCAN_DPI = 200
"""The least resolution Decree 30/2020 asks of a digitised copy (annex I, part II.I)."""


def scanned(letter: bytes, pages: tuple[int, ...] = (1, 2)) -> bytes:
    """Return `letter` as a PDF of colour pictures at true size, very slightly turned and on paper that is not white."""
    from PIL import ImageChops

    from kyso.document.opening import open_letter
    from kyso.document.pdfium import render_page

    pictures: list[Image.Image] = []
    with open_letter(letter, name="letter.pdf") as opened:
        for number in pages:
            picture = render_page(opened, number, dpi=SCAN_DPI)
            picture = picture.rotate(0.25 if number % 2 else -0.15, fillcolor=(255, 255, 255))
            pictures.append(ImageChops.multiply(picture, _paper(picture.size)))
    output = io.BytesIO()
    pictures[0].save(output, "PDF", save_all=True, append_images=pictures[1:], resolution=SCAN_DPI, quality=70)
    return output.getvalue()


def _paper(size: tuple[int, int]) -> Image.Image:
    """Return warm paper that is a little darker towards the lower edge."""
    from PIL import Image

    shade = Image.linear_gradient("L").resize(size).point(lambda value: 250 - value // 40)
    return Image.merge("RGB", (shade, shade.point(lambda value: value - 1), shade.point(lambda value: value - 6)))
