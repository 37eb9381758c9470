"""Urgency and receipt on digitised paper: their size, their red, and nothing on the page covered."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kyso.document.opening import open_letter
from kyso.errors import KysoError
from kyso.geometry import RectMm, Rotation
from tests.plugins.decree30 import letters
from tests.support import judges
from tests.support.pixels import find, reddish
from tests.support.placing import place, written
from tests.support.sheets import PT, Setup, Sheet, variant

PAGE = RectMm(0, 0, 210, 297)
RECEIVED = {"number": "345", "forward_to": "Phòng Tổ chức - Hành chính", "file_symbol": "12/TCHC"}
MARKS = [
    ("decree30.urgency", {"urgency": "HỎA TỐC"}, (30, 8)),
    ("decree30.urgency", {"urgency": "thượng khẩn"}, (40, 8)),
    ("decree30.urgency", {"urgency": "KHẨN"}, (20, 8)),
    ("decree30.incoming", RECEIVED, (50, 35)),
]


@pytest.mark.parametrize(("policy", "settings", "size"), MARKS)
@pytest.mark.parametrize("setup", [Setup(), Setup(270, (12, -7), 9, 1.0)], ids=str)
def test_the_mark_has_its_size_on_empty_paper(
    policy: str, settings: dict[str, str], size: tuple[float, float], setup: Setup
) -> None:
    """Measured as rendered; every red pixel stands where the paper was empty."""
    sample = next(sample for sample in letters.samples() if sample.name == "deputy")
    data = variant(sample.data, setup)
    placement = place(data, policy, settings)
    assert [notice.code for notice in placement.notices] == ["decree30.mark_of_paper"]
    red = find(judges.render_poppler(written(data, placement), 1, 200.0), PAGE, reddish)
    assert red is not None
    assert (red.width, red.height) == pytest.approx(size, abs=0.35)
    with open_letter(data) as letter:
        assert placement.rect_mm is not None
        assert letter.free_of_ink(1, placement.rect_mm)


def test_an_urgency_mark_stands_in_the_top_margin_and_a_second_mark_beside_it() -> None:
    """Two marks on one page keep apart."""
    data = next(sample for sample in letters.samples() if sample.name == "deputy").data
    first = place(data, "decree30.urgency", {"urgency": "KHẨN"})
    assert first.rect_mm is not None
    assert first.rect_mm.bottom < 20
    second = place(written(data, first), "decree30.urgency", {"urgency": "HỎA TỐC"})
    assert second.rect_mm is not None
    assert not second.rect_mm.intersects(first.rect_mm)


def test_the_stamp_of_receipt_says_who_received_what_when() -> None:
    """Organisation, number, date, who deals with it and the file; what is not given stays dotted."""
    placement = place(Sheet().pdf(), "decree30.incoming", {**RECEIVED, "date": "21/11/2026"})
    assert placement.stamp is not None
    words = [line for item in placement.stamp.items for line in getattr(item, "lines", ())]
    assert words[:2] == ["ỦY BAN NHÂN DÂN TỈNH ABC", "ĐẾN"]
    assert words[2:] == [
        "Số: 345",
        "Ngày: 21/11/2026",
        "Chuyển: Phòng Tổ chức - Hành chính",
        "Số và ký hiệu HS: 12/TCHC",
    ]
    today = place(Sheet().pdf(), "decree30.incoming", {"number": "1", "organisation": "Sở Y tế"})
    assert today.stamp is not None
    assert "Ngày: 22/11/2026" in [line for item in today.stamp.items for line in getattr(item, "lines", ())]


def test_a_full_page_and_a_small_place_are_refused() -> None:
    """Nothing is ever covered, and a mark keeps its size."""
    sheet = Sheet()
    sheet.box(0, 0, 210, 297, (0.2, 0.4, 0.2))
    for data, given, code in (
        (sheet.pdf(), {}, "decree30.no_empty_paper"),
        (Sheet().pdf(), {"page": 1, "rect_mm": RectMm(20, 20, 18, 8)}, "decree30.mark_larger_than_place"),
    ):
        with pytest.raises(KysoError) as refused:
            place(data, "decree30.urgency", {"urgency": "KHẨN"}, **given)  # type: ignore[arg-type]  # passed on
        assert refused.value.code == code
    placed = place(Sheet().pdf(), "decree30.urgency", {"urgency": "KHẨN"}, page=1, rect_mm=RectMm(20, 30, 60, 20))
    assert placed.rect_mm == RectMm(20, 30, 20, 8)


def test_an_urgency_mark_fits_on_a_card() -> None:
    """A page narrower than the usual margins takes the mark in the middle of its head."""
    placement = place(Sheet((70.0, 100.0)).pdf(), "decree30.urgency", {"urgency": "HỎA TỐC"})
    assert placement.rect_mm is not None
    assert placement.rect_mm.centre_x == pytest.approx(35, abs=0.1)


def bright_red(pixels: np.ndarray) -> np.ndarray:
    """Mark red that is no coloured fringe of black letters, which pdfium draws with subpixels on a picture."""
    return (pixels[..., 0] - np.maximum(pixels[..., 1], pixels[..., 2])) > 110


def scanned(size_mm: tuple[float, float]) -> bytes:
    """Return a page that is nothing but a picture: yellowish paper with specks, and some print."""
    paper = Image.new("L", (round(size_mm[0] * 4), round(size_mm[1] * 4)), 236)
    drawing = ImageDraw.Draw(paper)
    for speck in range(40):
        drawing.point((speck * 197 % paper.width, speck * 389 % paper.height), fill=150)
    for row in range(24, round(size_mm[1]) - 20, 7):
        drawing.rectangle((120, row * 4, paper.width - 80, row * 4 + 10), fill=60)
    sheet = Sheet(size_mm)
    sheet.canvas.drawInlineImage(paper, 0, 0, size_mm[0] * PT, size_mm[1] * PT)
    return sheet.pdf()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("size_mm", [(148.0, 210.0), (210.0, 297.0), (420.0, 297.0)], ids=str)
def test_scans_of_any_size_and_turn_take_their_marks_upright(size_mm: tuple[float, float], rotate: Rotation) -> None:
    """The degree of urgency and a copy's line find the empty margin of a scanned page, upright for the reader."""
    data = variant(scanned(size_mm), Setup(rotate, (11, -6), 5))
    page = RectMm(0, 0, *size_mm)
    urgency = place(data, "decree30.urgency", {"urgency": "HỎA TỐC"})
    copy = place(written(data, urgency), "decree30.copy", {"copy_form": "TRÍCH SAO", "organisation": "UBND XÃ AN BÌNH"})
    assert urgency.rect_mm is not None
    assert copy.rect_mm is not None
    assert "decree30.mark_covers" not in [notice.code for notice in copy.notices]
    assert not copy.rect_mm.intersects(urgency.rect_mm)
    both = written(written(data, urgency), copy)
    red = find(judges.render_pdfium(both, 1, 100.0), page, bright_red)
    assert red is not None
    assert (red.width, red.height) == pytest.approx((30, 8), abs=0.6)
    assert red.bottom < 24
    with open_letter(data) as letter:
        assert letter.free_of_ink(1, urgency.rect_mm)
        assert letter.free_of_ink(1, copy.rect_mm)
