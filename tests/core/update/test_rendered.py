"""The stamp is where it was asked to be, measured in pictures of two renderers."""

from __future__ import annotations

import numpy as np
import pikepdf
import pytest
from pikepdf import Array
from PIL import Image

from kyso.document.opening import open_letter
from tests.core.update import shapes
from tests.core.update.signed import PLACE, sign
from tests.support import judges

DPI = 100.0


def red_box_mm(picture: Image.Image, mm_per_px: float) -> tuple[float, float, float, float]:
    """Return (left, top, width, height) of the red pixels."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 180) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90)
    rows, columns = np.nonzero(red.any(axis=1))[0], np.nonzero(red.any(axis=0))[0]
    return (
        columns[0] * mm_per_px,
        rows[0] * mm_per_px,
        (columns[-1] + 1 - columns[0]) * mm_per_px,
        (rows[-1] + 1 - rows[0]) * mm_per_px,
    )


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(
    ("crop", "unit"),
    [(None, 1.0), ([40, 30, 560, 800], 1.0), ([-20, 30, 560, 800], 1.5)],
    ids=["whole", "crop", "unit"],
)
def test_the_stamp_is_drawn_upright_at_its_place(rotation: int, crop: list[int] | None, unit: float) -> None:
    """Turned, cropped and scaled pages: the red box is within half a millimetre, its picture at the lower left."""

    def change(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[0].obj
        page.MediaBox = Array([-50, -50, 595, 842])
        page.Rotate = rotation
        if crop is not None:
            page.CropBox = Array(crop)
        if unit != 1.0:
            page.UserUnit = unit

    signed = sign(shapes.built(change))
    with open_letter(signed) as letter:
        width_mm = letter.page(1).width_mm
    for render in (judges.render_pdfium, judges.render_poppler):
        picture = render(signed, 1, DPI)
        # pdfium ignores /UserUnit when it sizes the picture, poppler does not: the picture's width settles the scale.
        mm_per_px = width_mm / picture.width
        assert red_box_mm(picture, mm_per_px) == pytest.approx(PLACE.as_tuple(), abs=0.5 + mm_per_px)
        blue = picture.getpixel(
            (int((PLACE.left + 5) / mm_per_px), int((PLACE.bottom - 5) / mm_per_px)),
        )
        assert isinstance(blue, tuple)
        assert blue[2] > 180 > blue[0]
