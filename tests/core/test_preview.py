"""The preview is the truth: the same pixels that the written letter shows, with the key untouched."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops

from kyso.document.opening import open_letter
from kyso.geometry import RectMm
from kyso.models import Placement
from kyso.preview import preview_page
from kyso_stamps.draw import draw
from tests.support import judges
from tests.support.pixels import bluish, find
from tests.support.placing import FONTS, place, written
from tests.support.sheets import SETUPS, Setup, Sheet, variant

RECT = RectMm(30, 60, 80, 25)


def preview(source: bytes | Path, placement: Placement, dpi: float = 110.0) -> tuple[Image.Image, dict[str, RectMm]]:
    appearance = None if placement.stamp is None else draw(placement.stamp, FONTS)
    with open_letter(source) as letter:
        png, boxes = preview_page(letter, placement, appearance, dpi)
    return Image.open(io.BytesIO(png)), boxes


@pytest.mark.parametrize("setup", SETUPS[::2], ids=str)
def test_the_preview_shows_what_the_written_letter_shows(setup: Setup, signature_image: Path) -> None:
    """Pixel for pixel the page of the written file, as pdfium renders it, with the measured boxes."""
    sheet = Sheet()
    sheet.text(30, 40, "ỦY BAN NHÂN DÂN")
    data = variant(sheet.pdf(), setup)
    placement = place(data, "fixed", image=signature_image, page=1, rect_mm=RECT)
    image, boxes = preview(data, placement)
    shown = judges.render_pdfium(written(data, placement), 1, 110.0 * setup.user_unit).convert("RGB")
    assert image.size == pytest.approx(shown.size, abs=1)
    difference = ImageChops.difference(image.convert("RGB"), shown.resize(image.size))
    assert sum(difference.convert("L").histogram()[96:]) < image.width * image.height * 0.002
    assert boxes["stamp"] == RECT
    blue = find(image, RectMm(0, 0, 210, 297), bluish)
    assert blue is not None
    assert RECT.grown(0.3).contains(blue)


def test_a_file_is_previewed_like_its_bytes(signature_image: Path, tmp_path: Path) -> None:
    """A path and bytes give the same picture, and the file stays as it was."""
    data = Sheet().pdf()
    path = tmp_path / "letter.pdf"
    path.write_bytes(data)
    placement = place(data, "fixed", image=signature_image, page=1, rect_mm=RECT)
    from_path, from_bytes = preview(path, placement)[0], preview(data, placement)[0]
    assert ImageChops.difference(from_path, from_bytes).getbbox() is None
    assert path.read_bytes() == data
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.pdf"]


def test_an_invisible_signature_leaves_the_page_as_it_is() -> None:
    """The picture is the page itself, without a stamp's box."""
    sheet = Sheet()
    sheet.text(30, 40, "Văn bản")
    data = sheet.pdf()
    image, boxes = preview(data, place(data, "invisible"))
    plain = judges.render_pdfium(data, 1, 110.0).resize(image.size)
    assert ImageChops.difference(image.convert("L"), plain.convert("L")).getextrema()[1] < 200
    assert boxes == {}


def test_a_huge_page_is_previewed_as_finely_as_it_may_be() -> None:
    """A page of 14,400 points lowers the resolution instead of filling the memory."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(14400, 14400))
    saved = io.BytesIO()
    pdf.save(saved)
    placement = place(saved.getvalue(), "fixed", page=1, rect_mm=RectMm(2000, 2000, 900, 300))
    image, _ = preview(saved.getvalue(), placement, 600)
    assert 7000 < image.width <= 8001
