"""Number and date of issue: on the letter, given to the seal's step, or signed in before it (articles 13 to 15)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from kyso.document.opening import open_letter
from kyso.errors import KysoError, SigningRefused
from kyso.geometry import RectMm
from kyso.models import Placement
from kyso.text import Phrase
from kyso_decree30.head import read_head
from tests.plugins.decree30.drafts import DATE_LINES, NUMBER_LINES, Draft, draft
from tests.plugins.decree30.test_seal import fields_of, report
from tests.support import judges
from tests.support.pixels import dark, find
from tests.support.placing import place, written
from tests.support.sheets import Setup

PAGE = RectMm(0, 0, 210, 297)
DONE = ("Số: 07/UBND-VP", "Hà Nội, ngày 22 tháng 11 năm 2026")
GIVEN = {"diameter_mm": "36", "number": "7/UBND-VP", "date": "22/11/2026"}


def by_leader(sample: Draft, image: Path) -> bytes:
    return written(sample.data, place(sample.data, "decree30.leader", image=image, signer=sample.truth.name))


def seal(data: bytes, image: Path, settings: dict[str, str]) -> Placement:
    return place(data, "decree30.seal", settings, image=image, report=report(fields_of(data)))


def words(placement: Placement) -> list[str]:
    assert placement.stamp is not None
    return [line for item in placement.stamp.items for line in getattr(item, "lines", ())]


@pytest.mark.parametrize(
    ("number", "dated", "found"),
    [
        (*DONE, ("07", "UBND-VP", date(2026, 11, 22))),
        ("Số:07/2026/NĐ-CP", "Hà Nội, ngày 5 tháng 3 năm 2026", ("07", "2026/NĐ-CP", date(2026, 3, 5))),
        ("Số: 12a/QĐ-ABC", "Huế, 05/01/2026", ("12a", "QĐ-ABC", date(2026, 1, 5))),
        ("Số 15-QĐ/TU", "Hà Nội, ngày 31 tháng 02 năm 2026", ("15", "QĐ/TU", None)),
        (NUMBER_LINES["spaces"], DATE_LINES["spaces"], ("", "UBND-VP", None)),
        (NUMBER_LINES["dots"], DATE_LINES["dots"], ("", "UBND-VP", None)),
        (NUMBER_LINES["full-stops"], DATE_LINES["day-only"], ("", "UBND-VP", None)),
        (NUMBER_LINES["label-only"], None, ("", "", None)),
    ],
)
def test_number_and_date_are_read_from_page_1(number: str, dated: str | None, found: tuple[object, ...]) -> None:
    """Printed ones are read, blanks and dots are blank, and dates inside the text are nobody's date of issue."""
    with open_letter(draft(number, dated).data) as letter:
        head = read_head(letter)
    assert head.number is not None
    printed = head.date.value if head.date is not None else None
    assert (head.number.number, head.number.symbol, printed) == found


def test_a_letter_without_number_or_date_is_not_sealed(signature_image: Path, seal_image: Path) -> None:
    """The refusal names what is missing; a person may confirm what cannot be read, and that is said."""
    for lines, missing in (
        ((NUMBER_LINES["spaces"], DONE[1]), "decree30.part.number"),
        ((DONE[0], DATE_LINES["spaces"]), "decree30.part.date"),
        ((None, None), "decree30.part.number_and_date"),
    ):
        data = by_leader(draft(*lines), signature_image)
        with pytest.raises(SigningRefused) as refused:
            seal(data, seal_image, {"diameter_mm": "36"})
        assert refused.value.code == "decree30.number_missing"
        assert refused.value.parameters["missing"] == Phrase(missing)
        confirmed = seal(data, seal_image, {"diameter_mm": "36", "confirm_number": "yes"})
        assert [notice.code for notice in confirmed.notices] == ["decree30.number_confirmed"]


def test_a_date_other_than_todays_wants_confirmation(signature_image: Path, seal_image: Path) -> None:
    """Today is Vietnam's; confirmed, the difference stays as a notice."""
    data = by_leader(draft(DONE[0], "Hà Nội, ngày 20 tháng 11 năm 2026"), signature_image)
    with pytest.raises(SigningRefused) as refused:
        seal(data, seal_image, {"diameter_mm": "36"})
    assert refused.value.code == "decree30.date_unconfirmed"
    assert refused.value.parameters == {"date": "20/11/2026", "today": "22/11/2026"}
    confirmed = seal(data, seal_image, {"diameter_mm": "36", "confirm_date": "yes"})
    assert [notice.code for notice in confirmed.notices] == ["decree30.date_differs"]
    assert seal(by_leader(draft(*DONE), signature_image), seal_image, {"diameter_mm": "36"}).notices == ()


@pytest.mark.parametrize("dated", sorted(DATE_LINES))
@pytest.mark.parametrize("number", sorted(NUMBER_LINES))
def test_given_number_and_date_are_drawn_into_the_blanks(
    number: str, dated: str, signature_image: Path, seal_image: Path
) -> None:
    """The seal's own appearance shows them on the printed line, clear of the words around, and the seal stays exact."""
    sample = draft(NUMBER_LINES[number], DATE_LINES[dated])
    data = by_leader(sample, signature_image)
    placement = seal(data, seal_image, GIVEN)
    day, month = ["22"], ([] if dated == "day-only" else ["11"])
    assert words(placement) == [("07/UBND-VP" if number == "label-only" else "07"), *day, *month]
    before = np.asarray(judges.render_pdfium(data, 1, 200.0).convert("L")).astype(int)
    after = np.asarray(judges.render_pdfium(written(data, placement), 1, 200.0).convert("L")).astype(int)
    band = slice(int(32 / 25.4 * 200), int(40 / 25.4 * 200))
    new = (before[band] - after[band]) > 60
    rows = np.flatnonzero(new.any(axis=1)) / 200 * 25.4 + 32
    # Figures of 13 points stand on the line's baseline at 37 mm; on dots a little above.
    assert rows.max() == pytest.approx(37, abs=0.9)
    assert rows.min() == pytest.approx(37 - 13 * 0.67 / 72 * 25.4, abs=1.0)
    if number not in ("dots", "full-stops") and dated != "dots":
        touched = new & (before[band] < 200)
        assert not touched.any()
    ink = placement.boxes_mm["leader_ink"]
    assert placement.boxes_mm["ink"].right == pytest.approx(ink.left + ink.width / 3, abs=0.05)


def test_without_lines_they_stand_below_the_issuing_body_and_the_motto(signature_image: Path, seal_image: Path) -> None:
    """A letter with a head but without these lines gets whole ones, on one row, each on its column's axis."""
    data = by_leader(draft(None, None), signature_image)
    placement = seal(data, seal_image, GIVEN)
    assert words(placement) == ["Số: 07/UBND-VP", "ngày 22 tháng 11 năm 2026"]
    image = judges.render_poppler(written(data, placement), 1, 150.0)
    band = image.crop((0, round(31 / 25.4 * 150), image.width, round(48 / 25.4 * 150)))
    left = find(band.crop((0, 0, band.width // 2, band.height)), RectMm(0, 0, 105, 17), dark)
    right = find(band.crop((band.width // 2, 0, band.width, band.height)), RectMm(105, 0, 105, 17), dark)
    assert left is not None
    assert right is not None
    assert left.centre_x == pytest.approx(210 * 0.27, abs=0.6)
    assert right.centre_x + 105 == pytest.approx(210 * 0.68, abs=0.8)


def test_the_number_is_drawn_on_turned_and_cropped_pages(signature_image: Path, seal_image: Path) -> None:
    """The blank is found and filled wherever the reader sees it."""
    for setup in (Setup(90, (5, 5), 3, 1.0), Setup(180, (-20, 33), 11, 2.0)):
        data = by_leader(draft(NUMBER_LINES["spaces"], DONE[1], setup=setup), signature_image)
        placement = seal(data, seal_image, {"diameter_mm": "36", "number": "7/UBND-VP"})
        assert placement.rect_mm is not None
        # The blank stands between 43 and 54 mm on the page as read.
        assert placement.rect_mm.left == pytest.approx(46.4, abs=0.6)
        assert placement.rect_mm.top == pytest.approx(33, abs=1)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"number": "8/UBND-VP"}, "decree30.number_differs"),
        ({"number": "7/QĐ-ABC"}, "decree30.number_differs"),
        ({"number": "bảy"}, "decree30.number_wrong"),
        ({"date": "23/11/2026"}, "decree30.letter_date_differs"),
    ],
    ids=str,
)
def test_what_contradicts_the_print_is_refused(
    given: dict[str, str], code: str, signature_image: Path, seal_image: Path
) -> None:
    """A number or date that is printed is never drawn again, let alone another one."""
    data = by_leader(draft(*DONE), signature_image)
    with pytest.raises(KysoError) as refused:
        seal(data, seal_image, {"diameter_mm": "36", **given})
    assert refused.value.code == code
    same = seal(data, seal_image, GIVEN)
    assert words(same) == []


def test_what_has_no_place_is_refused(signature_image: Path, seal_image: Path) -> None:
    """A blank too narrow, a number without symbol, a page without head."""
    narrow = by_leader(draft("Số:   /UBND-VP", DONE[1]), signature_image)
    with pytest.raises(SigningRefused) as refused:
        seal(narrow, seal_image, {"diameter_mm": "36", "number": "1234/UBND-VP"})
    assert refused.value.code == "decree30.blank_too_narrow"
    bare = by_leader(draft("Số:", DONE[1]), signature_image)
    with pytest.raises(KysoError) as without_symbol:
        seal(bare, seal_image, {"diameter_mm": "36", "number": "12"})
    assert without_symbol.value.code == "decree30.symbol_missing"


def test_a_seal_on_a_later_page_takes_the_number_from_a_signature_before_it(
    signature_image: Path, seal_image: Path
) -> None:
    """One appearance stands on one page: number first by decree30.number, then the seal; the order is named."""
    data = by_leader(draft(NUMBER_LINES["spaces"], DATE_LINES["spaces"], pages=2), signature_image)
    with pytest.raises(SigningRefused) as refused:
        seal(data, seal_image, GIVEN)
    assert refused.value.code == "decree30.number_on_other_page"
    number = place(data, "decree30.number", {"number": "7/UBND-VP", "date": "22/11/2026"})
    assert (number.page, words(number)) == (1, ["07", "22", "11"])
    assert number.rect_mm is not None
    assert number.rect_mm.height < 8
    numbered = written(data, number)
    sealed = seal(numbered, seal_image, {"diameter_mm": "36", "confirm_date": "yes"})
    assert sealed.page == 2
    assert words(sealed) == []
    with pytest.raises(KysoError) as again:
        place(numbered, "decree30.number", {"number": "7/UBND-VP"})
    assert again.value.code == "decree30.numbered_already"


def test_the_number_goes_into_a_given_field_or_rectangle() -> None:
    """One place takes one text; both, neither, or a place too small are refused."""
    data = draft(None, None).data
    rect = {"page": 1, "rect_mm": RectMm(30, 80, 60, 8)}
    assert words(place(data, "decree30.number", {"number": "7/QĐ-ABC"}, **rect)) == ["07/QĐ-ABC"]
    assert words(place(data, "decree30.number", {"date": "22/11/2026"}, **rect)) == ["ngày 22 tháng 11 năm 2026"]
    for settings, where, code in (
        ({"number": "7/QĐ-ABC", "date": "22/11/2026"}, rect, "decree30.one_text_one_place"),
        ({}, rect, "decree30.one_text_one_place"),
        ({}, {}, "decree30.nothing_to_number"),
        ({"number": "7/QĐ-ABC"}, {"page": 1, "rect_mm": RectMm(30, 80, 60, 3)}, "decree30.blank_too_narrow"),
        ({"date": "21/11/2026"}, {}, "decree30.date_unconfirmed"),
    ):
        with pytest.raises(KysoError) as refused:
            place(data, "decree30.number", settings, **where)  # type: ignore[arg-type]  # passed on
        assert refused.value.code == code


def test_a_scan_cannot_be_checked_and_says_so(signature_image: Path, seal_image: Path) -> None:
    """Without a text layer number and date are a person's to check; nothing can be drawn at their place."""
    from tests.plugins.decree30 import letters

    data = letters.picture_only()
    leader = place(data, "decree30.leader", image=signature_image, page=1, rect_mm=RectMm(110, 200, 40, 20))
    signed = written(data, leader)
    placement = seal(signed, seal_image, {"diameter_mm": "36"})
    assert "decree30.number_unread" in [notice.code for notice in placement.notices]
    with pytest.raises(SigningRefused) as refused:
        seal(signed, seal_image, GIVEN)
    assert refused.value.code == "decree30.no_place_for_number"


def test_the_second_seal_of_a_joint_letter_sees_what_the_first_one_drew(
    signature_image: Path, seal_image: Path
) -> None:
    """The first seal's widget reaches up to the number, covers no other signature, and numbers the letter for all."""
    from tests.plugins.decree30 import letters
    from tests.support.sheets import Sheet

    sheet = Sheet()
    sheet.text(57, 37, NUMBER_LINES["spaces"], 13, align="centre")
    sheet.text(143, 37, DONE[1], 13, align="centre")
    letters.block(sheet, 150, ["GIÁM ĐỐC SỞ Y TẾ"], ["Bùi Thị Hòa"], axis=62, recipients=False)
    letters.block(sheet, 150, ["GIÁM ĐỐC SỞ TƯ PHÁP"], ["Đỗ Minh Tuấn"], axis=150, recipients=False)
    data = sheet.pdf()
    for signer in ("Bùi Thị Hòa", "Đỗ Minh Tuấn"):
        data = written(data, place(data, "decree30.leader", image=signature_image, signer=signer))
    first, second = fields_of(data)
    settings = {"diameter_mm": "36", "number": "7/UBND-VP"}
    once = place(data, "decree30.seal", settings, image=seal_image, report=report([first, second]), leader_field=second)
    sealed = written(data, once)
    again = place(sealed, "decree30.seal", {"diameter_mm": "36"}, image=seal_image, report=report(fields_of(sealed)))
    assert again.boxes_mm["leader_ink"].centre_x == pytest.approx(62, abs=0.5)
