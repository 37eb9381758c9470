"""Text lines: what stands on a page and where, whatever way it was drawn and whatever way the page is set up."""

from __future__ import annotations

import io

import pikepdf
import pytest

from kyso.contracts import TextLine
from kyso.document.opening import open_letter
from kyso.document.pdfium import fitting_dpi, opened, render_page
from kyso.document.text import normalised
from kyso.errors import InputRefused
from kyso.geometry import PageGeometry, RectMm
from tests.support import judges
from tests.support.pixels import assert_close, dark, find
from tests.support.sheets import SETUPS, Setup, Sheet, variant

SENTENCE = "Căn cứ Luật Tổ chức chính quyền địa phương; Quyết định số 12/QĐ-ABC"


def lines_of(data: bytes, page: int = 1) -> tuple[TextLine, ...]:
    with open_letter(data) as letter:
        return letter.text_lines(page)


def texts(data: bytes, page: int = 1) -> list[str]:
    return [line.text for line in lines_of(data, page)]


@pytest.mark.parametrize("decomposed", [False, True], ids=["composed", "decomposed"])
@pytest.mark.parametrize("spelled", [False, True], ids=["whole", "letter-by-letter"])
def test_a_line_comes_out_whole_and_composed(spelled: bool, decomposed: bool) -> None:
    """Whether drawn in one piece or letter by letter, composed or not, the line reads the same, in NFC."""
    sheet = Sheet()
    sheet.text(30, 50, SENTENCE, spelled=spelled, decomposed=decomposed)
    assert texts(sheet.pdf()) == [SENTENCE]


def test_two_columns_side_by_side_are_two_lines() -> None:
    """What stands in two columns at one height is two lines, the left one first."""
    sheet = Sheet()
    sheet.text(30, 200, "Nơi nhận:", 12)
    sheet.text(150, 200, "CHỦ TỊCH", bold=True, align="centre")
    assert texts(sheet.pdf()) == ["Nơi nhận:", "CHỦ TỊCH"]


def test_a_gap_inside_one_text_object_parts_columns_too() -> None:
    """A tab or a run of spaces inside one piece of text separates columns; ordinary spaces do not."""
    sheet = Sheet()
    sheet.text(30, 100, "- Lưu: VT, VP." + " " * 40 + "Nguyễn Văn Mẫu")
    sheet.text(30, 120, "một dòng chữ bình thường có nhiều dấu cách")
    assert texts(sheet.pdf()) == ["- Lưu: VT, VP.", "Nguyễn Văn Mẫu", "một dòng chữ bình thường có nhiều dấu cách"]


def test_a_justified_line_stays_one_line() -> None:
    """Spaces stretched by justification do not part a line."""
    sheet = Sheet()
    drawing = sheet.canvas.beginText(85, 500)
    drawing.setFont(sheet.faces.regular, 14)
    x = 85.0
    for word in SENTENCE.split():
        sheet.canvas.drawString(x, 500, word)
        x += sheet.canvas.stringWidth(word, sheet.faces.regular, 12) + 12
    assert len(texts(sheet.pdf())) == 1


def test_ligatures_and_soft_hyphens_are_spelled_out() -> None:
    """Ligature characters become letters, soft hyphens and zero-width characters go, spaces are single."""
    assert normalised("\ufb01nal\u00ad o\ufb03ce\u200b \u00a0 a") == "final office a"
    assert normalised("Nguye\u0302\u0303n") == "Nguyễn"
    assert normalised("\ud835\udc00") == "\U0001d400"


def test_tilted_text_is_no_line_and_invisible_text_is() -> None:
    """A watermark across the page does not disturb; the text layer of a scan counts."""
    sheet = Sheet()
    sheet.canvas.saveState()
    sheet.canvas.translate(300, 400)
    sheet.canvas.rotate(45)
    sheet.canvas.setFont(sheet.faces.bold, 60)
    sheet.canvas.drawCentredString(0, 0, "DỰ THẢO")
    sheet.canvas.restoreState()
    sheet.text(30, 60, "Kính gửi: Sở Nội vụ", invisible=True)
    assert texts(sheet.pdf()) == ["Kính gửi: Sở Nội vụ"]


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_lines_are_where_the_reader_sees_them_on_any_page(setup: Setup) -> None:
    """Rotation, crop box, origin and user unit change neither text nor place nor size."""
    sheet = Sheet()
    sheet.text(30, 40, "ỦY BAN NHÂN DÂN", 13, bold=True)
    sheet.text(140, 250, "Nguyễn Văn Mẫu", 14, spelled=True)
    upright = sheet.pdf()
    for got, wanted in zip(lines_of(variant(upright, setup)), lines_of(upright), strict=True):
        assert got.text == wanted.text
        assert_close(got.rect_mm, wanted.rect_mm, 0.1)
        assert got.size_pt == pytest.approx(wanted.size_pt, rel=0.01)


@pytest.mark.parametrize("renderer", [judges.render_pdfium, judges.render_poppler, judges.render_mupdf])
@pytest.mark.parametrize("setup", [SETUPS[0], SETUPS[4], SETUPS[8], SETUPS[11]], ids=str)
def test_the_boxes_are_where_renderers_put_the_ink(setup: Setup, renderer: object) -> None:
    """A line's rectangle is the ink three renderers draw, within 0.3 mm."""
    sheet = Sheet()
    sheet.text(60, 120, "CHỦ TỊCH Ủy ban Ngọc Ấn", 18)
    data = variant(sheet.pdf(), setup)
    assert callable(renderer)
    # MuPDF alone knows /UserUnit; the others show a smaller page.
    image = renderer(data, 1, 150.0 if renderer is judges.render_mupdf else 150.0 * setup.user_unit)
    page = RectMm(0, 0, 210, 297)
    assert_close(find(image, page, dark), lines_of(data)[0].rect_mm, 0.3)


def test_our_own_rendering_shows_the_visible_page_at_its_true_size() -> None:
    """`render_page` gives the cropped, turned page in display space, /UserUnit included."""
    sheet = Sheet()
    sheet.box(50, 80, 40, 20, (1, 0, 0))
    for setup in SETUPS:
        with open_letter(variant(sheet.pdf() if setup is None else _box_sheet(), setup)) as letter:
            image = render_page(letter, 1, dpi=100)
        assert (image.width, image.height) == pytest.approx((210 / 25.4 * 100, 297 / 25.4 * 100), abs=1.01)
        assert_close(
            find(image, RectMm(0, 0, 210, 297), lambda pixels: pixels[..., 1] < 128), RectMm(50, 80, 40, 20), 0.3
        )


def _box_sheet() -> bytes:
    sheet = Sheet()
    sheet.box(50, 80, 40, 20, (1, 0, 0))
    return sheet.pdf()


def test_only_the_asked_page_is_read() -> None:
    """The last of 300 pages is read even where every other page's content is destroyed."""
    sheet = Sheet()
    for number in range(1, 301):
        sheet.text(30, 50, f"Trang {number}")
        if number < 300:
            sheet.next_page()
    with pikepdf.open(io.BytesIO(sheet.pdf())) as pdf:
        for page in list(pdf.pages)[:299]:
            page.obj.Contents = pikepdf.Stream(pdf, b"not deflated at all", Filter=pikepdf.Name.FlateDecode)
        written = io.BytesIO()
        pdf.save(written, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)
    assert texts(written.getvalue(), -1) == ["Trang 300"]


def test_a_page_without_text_has_no_lines() -> None:
    """A picture-only page answers nothing and is no error."""
    sheet = Sheet()
    sheet.box(10, 10, 100, 100, (0.5, 0.5, 0.5))
    assert lines_of(sheet.pdf()) == ()


def test_a_page_too_large_to_render_is_refused_or_rendered_coarser() -> None:
    """A page of 14,400 points is refused at a resolution beyond the cap; the fitting resolution stays within it."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(14400, 14400))
    written = io.BytesIO()
    pdf.save(written)
    with open_letter(written.getvalue()) as letter:
        geometry = letter.page(1)
        with pytest.raises(InputRefused) as refused:
            render_page(letter, 1, dpi=150)
        assert refused.value.code == "page.too_large_to_render"
        assert render_page(letter, 1, dpi=fitting_dpi(geometry, 20)).width == pytest.approx(14400 / 72 * 20, abs=2)
        assert fitting_dpi(geometry, 150) < 41


def test_what_pdfium_cannot_open_is_refused() -> None:
    """Bytes that are no PDF raise a refusal with a code, and a page that is not there too."""
    with pytest.raises(InputRefused) as refused, opened(b"%PDF-1.7 nothing", name="x.pdf"):
        pass
    assert refused.value.code == "page.document_unreadable"
    with opened(_box_sheet(), name="x.pdf") as document, pytest.raises(InputRefused) as missing:
        document.render(PageGeometry(9, (0, 0, 100, 100)), dpi=72)
    assert missing.value.code == "page.unreadable"
