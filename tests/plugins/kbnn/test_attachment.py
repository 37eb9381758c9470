"""The Treasury's block: top centre, five facts, and never over another signature."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kyso.document.opening import open_letter
from kyso.errors import KysoError
from kyso.geometry import RectMm
from kyso.models import Placement
from kyso_stamps.templates import Library
from tests.support import judges
from tests.support.pixels import bluish, dark, find
from tests.support.placing import place, written
from tests.support.sheets import SETUPS, Setup, Sheet, variant

FACTS = {"title": "Kế toán trưởng", "budget_code": "1012345", "content": "Bảng thanh toán lương tháng 11 năm 2026"}
PAGE = RectMm(0, 0, 210, 297)


def blank() -> bytes:
    return Sheet().pdf()


def lines_of(placement: Placement) -> list[str]:
    assert placement.stamp is not None
    return [line for item in placement.stamp.items for line in getattr(item, "lines", ())]


def test_the_block_names_the_five_facts() -> None:
    """Signer, date, title, budget code and content, in this order."""
    assert lines_of(place(blank(), "kbnn.attachment", FACTS)) == [
        "Người ký: Nguyễn Văn Mẫu",
        "Ngày ký: 22/11/2026 09:15:07 +07:00",
        "Chức danh: Kế toán trưởng",
        "Mã ĐVQHNS: 1012345",
        "Nội dung: Bảng thanh toán lương tháng 11 năm 2026",
    ]
    dated = place(blank(), "kbnn.attachment", {**FACTS, "date": date(2026, 11, 20).isoformat()})
    assert "Ngày ký: 20/11/2026" in lines_of(dated)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_one_block_stands_centred_at_the_top_of_any_page(setup: Setup) -> None:
    """Rendered on turned, cropped and scaled pages, the block is in the middle of the top."""
    data = variant(blank(), setup)
    placement = place(data, "kbnn.attachment", FACTS)
    assert placement.rect_mm is not None
    assert placement.rect_mm.centre_x == pytest.approx(105, abs=0.01)
    found = find(judges.render_pdfium(written(data, placement), 1, 150.0 * setup.user_unit), PAGE, dark)
    assert found is not None
    assert placement.rect_mm.grown(0.3).contains(found)
    assert found.centre_x == pytest.approx(105, abs=0.6)
    assert found.top < 6


@pytest.mark.parametrize("signers", ["1", "2", "3", "4"])
def test_up_to_four_blocks_never_overlap(signers: str) -> None:
    """Each further signer's block takes a free place in the upper half; rows told beforehand are centred as a whole."""
    data = blank()
    rects: list[RectMm] = []
    for person in ("Trần Thị Kế Toán", "Lê Văn Chủ Tài Khoản", "Phạm Thị Ba", "Hồ Văn Bốn"):
        placement = place(data, "kbnn.attachment", {**FACTS, "signers": signers}, signer=person)
        assert placement.rect_mm is not None
        assert PAGE.contains(placement.rect_mm)
        assert not any(placement.rect_mm.intersects(rect) for rect in rects)
        rects.append(placement.rect_mm)
        data = written(data, placement)
    assert max(rect.bottom for rect in rects) < 150
    if signers == "2":
        assert (rects[0].centre_x + rects[1].centre_x) / 2 == pytest.approx(105, abs=3)
        assert rects[0].centre_x < rects[1].centre_x
        assert rects[0].top == rects[1].top


def test_a_second_signer_without_notice_stands_beside_or_below_the_first() -> None:
    """The first block is centred, the second next to it, and both can be read on the page."""
    data = blank()
    first = place(data, "kbnn.attachment", FACTS)
    data = written(data, first)
    second = place(data, "kbnn.attachment", {**FACTS, "title": "Chủ tài khoản"})
    assert first.rect_mm is not None
    assert second.rect_mm is not None
    assert not first.rect_mm.intersects(second.rect_mm)
    both = find(judges.render_pdfium(written(data, second), 1, 150.0), PAGE, dark)
    assert both is not None
    assert first.rect_mm.united(second.rect_mm).grown(0.3).contains(both)


def test_the_block_keeps_clear_of_a_letterhead() -> None:
    """Smaller print is taken where that keeps the block above a head that starts at 20 mm; else a notice says so."""
    sheet = Sheet()
    sheet.text(105, 24, "BẢNG THANH TOÁN TIỀN LƯƠNG", 14, bold=True, align="centre")
    data = sheet.pdf()
    placement = place(data, "kbnn.attachment", FACTS)
    assert placement.notices == ()
    assert placement.rect_mm is not None
    with open_letter(data) as letter:
        assert letter.free_of_ink(1, placement.rect_mm)
    crowded = Sheet()
    for row in range(40):
        crowded.text(15, 5 + 7 * row, "Nội dung bảng kê " * 7, 10)
    covering = place(crowded.pdf(), "kbnn.attachment", FACTS)
    assert [notice.code for notice in covering.notices] == ["kbnn.block_covers"]


def test_long_names_and_titles_are_broken_not_clipped() -> None:
    """Long facts wrap inside the block, whose width stays within its column."""
    long = {**FACTS, "title": "Phó Giám đốc phụ trách Ban Quản lý dự án đầu tư xây dựng khu vực huyện Bình Chánh"}
    data = blank()
    placement = place(data, "kbnn.attachment", {**long, "signers": "3"})
    assert placement.rect_mm is not None
    assert placement.rect_mm.width <= (210 - 20 - 6) / 3 + 0.1
    found = find(judges.render_pdfium(written(data, placement), 1, 150.0), PAGE, dark)
    assert found is not None
    assert placement.rect_mm.grown(0.2).contains(found)


def test_a_picture_stands_beside_the_text(signature_image: Path) -> None:
    """An optional signature picture is drawn left of the lines, inside the block."""
    data = blank()
    placement = place(data, "kbnn.attachment", FACTS, image=signature_image)
    image = judges.render_pdfium(written(data, placement), 1, 150.0)
    blue, black = find(image, PAGE, bluish), find(image, PAGE, dark)
    assert blue is not None
    assert black is not None
    assert placement.rect_mm is not None
    assert placement.rect_mm.grown(0.2).contains(blue)
    assert blue.centre_x < black.centre_x


@pytest.mark.parametrize(
    ("settings", "given", "code"),
    [
        ({"title": "x", "content": "y"}, {}, "setting.missing"),
        ({"budget_code": "1", "content": "y"}, {}, "kbnn.title_missing"),
        ({**FACTS, "date": "31/02/2026"}, {}, "setting.wrong_date"),
        (FACTS, {"page": 1, "rect_mm": RectMm(20, 20, 60, 5)}, "kbnn.block_too_large"),
        (FACTS, {"page": 3}, "document.no_such_page"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_missing_facts_and_places_too_small_are_refused(
    settings: dict[str, str], given: dict[str, object], code: str
) -> None:
    """An incomplete block is not drawn."""
    with pytest.raises(KysoError) as refused:
        place(blank(), "kbnn.attachment", settings, **given)
    assert refused.value.code == code


def test_a_template_stands_where_the_block_would() -> None:
    """An office's own block is centred at the top; the next signer's stands beside it, in the row of two as well."""
    template = Library().template("kbnn")
    first = place(blank(), "kbnn.attachment", FACTS, template=template)
    assert first.rect_mm is not None
    assert first.rect_mm.centre_x == pytest.approx(105, abs=0.01)
    assert (first.rect_mm.width, first.rect_mm.height) == pytest.approx((85, 24))
    assert "Mã ĐVQHNS: 1012345" in lines_of(first)
    second = place(written(blank(), first), "kbnn.attachment", FACTS, template=template)
    assert second.rect_mm is not None
    assert not second.rect_mm.intersects(first.rect_mm)
    one = place(blank(), "kbnn.attachment", {**FACTS, "signers": "3"}, template=template)
    assert one.rect_mm is not None
    assert one.rect_mm.width < 65
    with pytest.raises(KysoError) as refused:
        place(blank(), "kbnn.attachment", FACTS, template=template, page=1, rect_mm=RectMm(20, 20, 9, 3))
    assert refused.value.code == "stamp.template_place_too_small"
