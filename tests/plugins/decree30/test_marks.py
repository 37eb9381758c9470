"""The marks on separate attachments and digitised copies: top right of page 1, black, size 10, upright."""

from __future__ import annotations

import pytest

from kyso.document.opening import open_letter
from kyso.errors import KysoError, SigningRefused, WrongUse
from kyso.geometry import RectMm
from tests.support import judges
from tests.support.pixels import dark, find
from tests.support.placing import place, written
from tests.support.sheets import SETUPS, Setup, Sheet, variant

NUMBER = {"number": "12/QĐ-ABC"}
COPY = {"copy_form": "sao y"}
PAGE = RectMm(0, 0, 210, 297)


def blank(size: tuple[float, float] = (210.0, 297.0)) -> bytes:
    return Sheet(size).pdf()


@pytest.mark.parametrize("renderer", [judges.render_pdfium, judges.render_poppler, judges.render_mupdf])
@pytest.mark.parametrize("setup", [SETUPS[0], SETUPS[4], SETUPS[7], SETUPS[10], Setup(90, (5, 5), 3, 2.0)], ids=str)
def test_the_ink_ends_15_mm_from_the_right_and_starts_10_mm_from_the_top(setup: Setup, renderer: object) -> None:
    """Measured on rendered pages of every rotation, cropped and with a user unit."""
    assert callable(renderer)
    data = variant(blank(), setup)
    for policy, settings in (("decree30.attachment", NUMBER), ("decree30.copy", COPY)):
        placement = place(data, policy, settings)
        dpi = 200.0 if renderer is judges.render_mupdf else 200.0 * setup.user_unit
        found = find(renderer(written(data, placement), 1, dpi), PAGE, dark)
        assert found is not None
        assert found.right == pytest.approx(210 - 15, abs=0.4)
        assert found.top == pytest.approx(10, abs=0.3)
        assert found.height < 6


def test_the_words_are_the_decrees() -> None:
    """Number and time on an attachment; form, organisation and time on a copy; read back from the page."""
    time = "22/11/2026; 09:15:07 +07:00"
    iso = {**NUMBER, "time_pattern": "%Y-%m-%dT%H:%M:%S+07:00"}
    other = {"copy_form": "TRÍCH SAO", "organisation": "Sở Y tế"}
    for policy, settings, words in (
        ("decree30.attachment", NUMBER, f"Số: 12/QĐ-ABC; {time}"),
        ("decree30.attachment", {"number": "Số: 7/QĐ-ABC"}, f"Số: 07/QĐ-ABC; {time}"),
        ("decree30.copy", COPY, f"SAO Y; ỦY BAN NHÂN DÂN TỈNH ABC; {time}"),
        ("decree30.copy", other, f"TRÍCH SAO; Sở Y tế; {time}"),
        ("decree30.attachment", iso, "Số: 12/QĐ-ABC; 2026-11-22T09:15:07+07:00"),
    ):
        placement = place(blank(), policy, settings)
        assert placement.stamp is not None
        assert [line for item in placement.stamp.items for line in getattr(item, "lines", ())] == [words]


def test_long_text_is_broken_never_clipped() -> None:
    """A long organisation name takes a second line that ends at the same edge; nothing leaves the page."""
    name = "BAN QUẢN LÝ DỰ ÁN ĐẦU TƯ XÂY DỰNG CÁC CÔNG TRÌNH GIAO THÔNG VÀ DÂN DỤNG THÀNH PHỐ HỒ CHÍ MINH"
    data = blank()
    placement = place(data, "decree30.copy", {**COPY, "organisation": name})
    found = find(judges.render_pdfium(written(data, placement), 1, 200.0), PAGE, dark)
    assert found is not None
    assert found.height > 5.5
    assert found.left >= 14.5
    assert found.right == pytest.approx(195, abs=0.4)
    narrow = blank((60.0, 80.0))
    small = place(narrow, "decree30.copy", {**COPY, "organisation": name})
    assert small.rect_mm is not None
    assert RectMm(0, 0, 60, 80).contains(small.rect_mm)


def test_what_stands_in_the_corner_is_not_covered() -> None:
    """Print or an earlier mark at the rule's place moves the mark along the same right edge, onto empty paper."""
    sheet = Sheet()
    sheet.text(195, 13, "Mẫu số 01/BM", 11, align="right")
    data = sheet.pdf()
    first = place(data, "decree30.attachment", NUMBER)
    assert first.notices == ()
    assert first.rect_mm is not None
    assert first.rect_mm.right == pytest.approx(195)
    with open_letter(data) as letter:
        assert letter.free_of_ink(1, first.rect_mm)
    second = place(written(data, first), "decree30.attachment", NUMBER)
    assert second.rect_mm is not None
    assert not second.rect_mm.intersects(first.rect_mm)


def test_where_all_is_printed_on_the_rule_wins_with_a_notice() -> None:
    """A page full of print keeps the mark at the rule's place and says that it covers something."""
    sheet = Sheet()
    for row in range(70):
        sheet.text(20, 4 + 4 * row, "Nội dung " * 14, 9)
    placement = place(sheet.pdf(), "decree30.attachment", NUMBER)
    assert [notice.code for notice in placement.notices] == ["decree30.mark_covers"]
    assert placement.rect_mm is not None
    assert placement.rect_mm.top == pytest.approx(10, abs=0.9)


@pytest.mark.parametrize(
    ("policy", "settings", "given", "code"),
    [
        ("decree30.attachment", {}, {}, "setting.missing"),
        ("decree30.copy", {"copy_form": "SAO"}, {}, "setting.wrong_choice"),
        ("decree30.copy", COPY, {"organisation": ""}, "decree30.organisation_missing"),
        ("decree30.attachment", {"number": "12/QĐ-\U0001f600"}, {}, "stamp.glyph_missing"),
        ("decree30.attachment", NUMBER, {"page": 1, "rect_mm": RectMm(20, 20, 30, 4)}, "decree30.mark_too_large"),
        ("decree30.attachment", NUMBER, {"page": 1, "rect_mm": RectMm(20, 20, 5, 40)}, "stamp.text_too_long"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_drawn_is_refused(
    policy: str, settings: dict[str, str], given: dict[str, object], code: str
) -> None:
    """Missing or wrong settings, missing glyphs and places too small are refused with their own codes."""
    with pytest.raises(KysoError) as refused:
        place(blank(), policy, settings, **given)
    assert refused.value.code == code
    assert isinstance(refused.value, (WrongUse, SigningRefused))


def test_a_pattern_that_shows_nothing_is_refused() -> None:
    """The time has to be seen: a pattern of spaces alone cannot be used."""
    for policy, settings in (("decree30.attachment", NUMBER), ("decree30.copy", COPY)):
        with pytest.raises(WrongUse) as refused:
            place(blank(), policy, {**settings, "time_pattern": "%t%n"})
        assert refused.value.code == "placement.time_pattern_wrong"


def test_the_next_free_place_of_the_top_margin_is_taken() -> None:
    """Where the corner is printed on from the edge down, the mark moves to the left before it covers anything."""
    sheet = Sheet()
    for row in range(30):
        sheet.text(195, 5 + 4 * row, "Mẫu số 01/BM-KT", 11, align="right")
    data = sheet.pdf()
    placement = place(data, "decree30.attachment", NUMBER)
    assert placement.notices == ()
    assert placement.rect_mm is not None
    assert placement.rect_mm.bottom <= 25
    assert placement.rect_mm.centre_x > 105
    with open_letter(data) as letter:
        assert letter.free_of_ink(1, placement.rect_mm)
