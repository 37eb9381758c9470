"""The demo's papers against Decree 30/2020, annex I: measured on the finished PDF, not on the code that drew it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date

import numpy as np
import pikepdf
import pytest
from PIL import Image

import kyso_stamps.fonts
from kyso.contracts import TextLine
from kyso.demo import typeface
from kyso.demo.attachments import draw_attachment, draw_payment_list
from kyso.demo.letter import draw_letter
from kyso.demo.pictures import seal_png, signature_png
from kyso.demo.scan import SCAN_DPI, scanned
from kyso.demo.tampering import change_one_byte, paint_over
from kyso.demo.wording import sample_letter
from kyso.document.opening import open_letter
from tests.support.judges import differing_box_mm, render_pdfium, render_poppler

DATED = date(2026, 2, 5)


def lines_of(data: bytes, page: int) -> tuple[TextLine, ...]:
    with open_letter(data, name="letter.pdf") as letter:
        return letter.text_lines(page)


@pytest.fixture(scope="module")
def letter() -> bytes:
    return draw_letter(DATED)


def test_letter_is_two_a4_pages_with_embedded_fonts(letter: bytes) -> None:
    """Two pages of A4, every font embedded, and near the size of a real letter."""
    with pikepdf.open(io.BytesIO(letter)) as pdf:
        assert len(pdf.pages) == 2
        for page in pdf.pages:
            assert [round(float(side) * 25.4 / 72) for side in page.mediabox] == [0, 0, 210, 297]
            for font in page.Resources.Font.values():
                assert "/FontFile2" in font.FontDescriptor
    assert 40_000 < len(letter) < 120_000


def test_letter_has_every_box_in_its_place(letter: bytes) -> None:
    """The head stands in two columns, the signature block on the right with room for a signature in it."""
    first = {line.text: line for line in lines_of(letter, 1)}
    motto, issuer = first["Độc lập - Tự do - Hạnh phúc"], first["XÃ AN BÌNH THỬ NGHIỆM"]
    number, dated = first["Số: 07/UBND-VP"], first["An Bình, ngày 05 tháng 02 năm 2026"]
    assert issuer.rect_mm.centre_x < 105 < motto.rect_mm.centre_x
    assert number.rect_mm.centre_x == pytest.approx(issuer.rect_mm.centre_x, abs=0.6)
    assert dated.rect_mm.bottom == pytest.approx(number.rect_mm.bottom, abs=1.0)
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in first

    second = {line.text: line for line in lines_of(letter, 2)}
    title, name = second["PHÓ CHỦ TỊCH"], second["Nguyễn Văn Mẫu"]
    assert second["KT. CHỦ TỊCH"].rect_mm.centre_x == pytest.approx(title.rect_mm.centre_x, abs=0.5)
    assert name.rect_mm.centre_x == pytest.approx(title.rect_mm.centre_x, abs=0.5)
    assert name.rect_mm.top - title.rect_mm.bottom > 25
    assert second["Nơi nhận:"].rect_mm.right < title.rect_mm.left


def test_margins_and_page_number(letter: bytes) -> None:
    """Text keeps the decree's margins; the page number is centred in the upper margin, from page 2 on."""
    for page in (1, 2):
        for line in lines_of(letter, page):
            if line.rect_mm.top < 20 or line.text.startswith("VĂN BẢN MẪU"):
                continue
            assert line.rect_mm.left >= 29.5
            assert line.rect_mm.right <= 190.5
            assert line.rect_mm.bottom <= 277.5
    above = [line for line in lines_of(letter, 2) if line.rect_mm.bottom < 20]
    assert [line.text for line in above] == ["2"]
    assert above[0].rect_mm.centre_x == pytest.approx(105, abs=0.5)
    assert not [line for line in lines_of(letter, 1) if line.rect_mm.bottom < 20]


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2026, 1, 5), "ngày 05 tháng 01 năm 2026"),
        (date(2026, 3, 31), "ngày 31 tháng 3 năm 2026"),
        (date(2026, 11, 9), "ngày 09 tháng 11 năm 2026"),
    ],
)
def test_dates_have_the_decrees_zeros(day: date, written: str) -> None:
    """Days below ten and the months January and February get a leading zero, March to September do not."""
    assert sample_letter(day).place_and_date.endswith(written)


def test_every_paper_says_that_it_is_a_sample(letter: bytes) -> None:
    """Each page of each paper carries the notice that it is made up."""
    for paper in (letter, draw_attachment(DATED), draw_payment_list(DATED)):
        with pikepdf.open(io.BytesIO(paper)) as pdf:
            pages = len(pdf.pages)
        for page in range(1, pages + 1):
            assert any(line.text.startswith("VĂN BẢN MẪU") for line in lines_of(paper, page))


def test_attachment_names_its_letter_and_payment_list_adds_up() -> None:
    """The attachment refers to number and date of its letter; the payment list's total is the sum of its rows."""
    words = " ".join(line.text for line in lines_of(draw_attachment(DATED), 1))
    assert "Kèm theo Công văn số 07/UBND-VP ngày 05 tháng 02 năm 2026" in words
    amounts = [line.text for line in lines_of(draw_payment_list(DATED), 1) if line.text.endswith("000")]
    numbers = [int(amount.replace(".", "")) for amount in amounts if "." in amount]
    assert sum(numbers[:-1]) == numbers[-1] == 12_950_000


@pytest.fixture
def without_system_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with neither Times New Roman nor Liberation Serif."""
    caches = (kyso_stamps.fonts._choose, typeface.face_file, typeface.register_faces)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(kyso_stamps.fonts, "times_new_roman", lambda style: None)
    monkeypatch.setattr(kyso_stamps.fonts, "liberation_serif", lambda style: None)
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("without_system_fonts")
def test_letter_stays_two_pages_in_the_packaged_serif() -> None:
    """Without system fonts the wider packaged serif is used, in four true faces, and the letter keeps to two pages."""
    data = draw_letter(DATED)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert len(pdf.pages) == 2
        names = {str(font.BaseFont)[8:] for page in pdf.pages for font in page.Resources.Font.values()}
    assert names == {"NotoSerif-Regular", "NotoSerif-Bold", "NotoSerif-Italic", "NotoSerif-BoldItalic"}
    texts = {line.text for line in lines_of(data, 2)}
    assert {"KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH", "Nguyễn Văn Mẫu"} <= texts


def test_scan_is_colour_at_200_dpi_and_true_size(letter: bytes) -> None:
    """The made-up scan is one colour picture a page, 200 dpi, A4, and looks like the letter."""
    data = scanned(letter)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        assert len(pdf.pages) == 2
        page = pdf.pages[0]
        [image] = page.get_images().values()
        assert image.ColorSpace == "/DeviceRGB"
        width_pt = float(page.mediabox[2])
        assert int(image.Width) / (width_pt / 72) == pytest.approx(SCAN_DPI, abs=1)
        assert width_pt * 25.4 / 72 == pytest.approx(210, abs=0.2)
    first, copy = (np.asarray(render_pdfium(paper, dpi=40).convert("L"), float) for paper in (letter, data))
    assert np.corrcoef(first[:460, :330].ravel(), copy[:460, :330].ravel())[0, 1] > 0.6


def test_signature_picture_is_blue_ink_on_nothing() -> None:
    """The signature is transparent, blue where it is opaque, smooth at the edges, and thick and thin."""
    picture = Image.open(io.BytesIO(signature_png()))
    assert picture.mode == "RGBA"
    pixels = np.asarray(picture)
    alpha = pixels[..., 3]
    assert 0.02 < (alpha > 128).mean() < 0.2
    assert ((alpha > 20) & (alpha < 235)).sum() > 1000
    red, green, blue = pixels[alpha > 128][:, :3].astype(int).T
    assert (blue > red + 60).all()
    assert (blue > green + 60).all()


def test_seal_picture_is_round_red_and_of_true_size() -> None:
    """The seal fills a square of 36 mm at 600 dpi, is round, red, transparent around and between, and is symmetric."""
    picture = Image.open(io.BytesIO(seal_png()))
    assert picture.mode == "RGBA"
    assert picture.width == picture.height == round(36 / 25.4 * 600)
    assert picture.info["dpi"] == pytest.approx((600, 600), abs=0.1)
    pixels = np.asarray(picture)
    alpha = pixels[..., 3]
    assert alpha[0, 0] == alpha[-1, -1] == 0
    assert picture.getchannel("A").getbbox() == (0, 0, 850, 850)
    red, green, blue = pixels[alpha > 128][:, :3].astype(int).T
    assert (red > green + 100).all()
    assert (red > blue + 100).all()
    y, x = np.nonzero(alpha)
    assert np.hypot(x - 424.5, y - 424.5).max() < 426
    # Lettering all around: every twentieth of the band between the rings has ink, above and below.
    angles = np.degrees(np.arctan2(y - 424.5, x - 424.5))
    band = (np.hypot(x - 424.5, y - 424.5) / 425 > 0.62) & (np.hypot(x - 424.5, y - 424.5) / 425 < 0.9)
    histogram, _ = np.histogram(angles[band], bins=20, range=(-180, 180))
    assert (histogram > 0).all()


def test_changed_byte_changes_one_byte(letter: bytes) -> None:
    """The first forgery differs from the letter in exactly one byte."""
    forged = change_one_byte(letter)
    assert len(forged) == len(letter)
    assert sum(a != b for a, b in zip(forged, letter, strict=True)) == 1


@pytest.mark.parametrize("render", [render_pdfium, render_poppler])
def test_painted_over_amount_is_what_readers_see(render: object) -> None:
    """The second forgery keeps every byte of the original, and what readers see changes at the amount alone."""
    assert callable(render)
    payments = draw_payment_list(DATED)
    total = next(line for line in lines_of(payments, 1) if line.text == "12.950.000")
    forged = paint_over(payments, 1, total.rect_mm, "92.950.000")
    assert forged.startswith(payments)
    box = differing_box_mm(render(payments, dpi=150), render(forged, dpi=150), dpi=150)
    assert box is not None
    assert total.rect_mm.left - 1 < box[0]
    assert box[0] + box[2] < total.rect_mm.right + 1
    assert total.rect_mm.top - 1 < box[1]
    assert box[1] + box[3] < total.rect_mm.bottom + 1
