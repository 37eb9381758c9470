"""Presets with lines of text, pictures that are not as the decree asks, and initials."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from kyso.document.opening import open_letter
from kyso.errors import KysoError, SigningRefused, WrongUse
from kyso.geometry import RectMm
from kyso.models import Placement
from kyso_stamps.templates import Library
from tests.plugins.decree30 import letters
from tests.plugins.decree30.test_seal import DIAMETER, SAMPLES, fields_of, report, seal, signed_by_leader
from tests.support import judges
from tests.support.pixels import bluish, find, reddish
from tests.support.placing import place, written
from tests.support.sheets import Sheet

PAGE = RectMm(0, 0, 210, 297)


def words(placement: Placement) -> list[str]:
    assert placement.stamp is not None
    return [line for item in placement.stamp.items for line in getattr(item, "lines", ())]


def codes(placement: Placement) -> list[str]:
    return [notice.code for notice in placement.notices]


def test_the_leaders_name_and_time_stand_under_the_picture(signature_image: Path, seal_image: Path) -> None:
    """The preset keeps title and name free, and the seal still covers a third of the picture alone."""
    sample = SAMPLES["deputy"]
    settings = {"show": "image-name-time"}
    leader = place(sample.data, "decree30.leader", settings, image=signature_image, signer=sample.truth.name)
    assert words(leader) == [sample.truth.name, "22/11/2026 09:15:07 +07:00"]
    assert codes(leader) == ["decree30.lines_added"]
    space, rect = leader.boxes_mm["space"], leader.rect_mm
    assert rect is not None
    assert space.contains(rect)
    assert rect.bottom - leader.boxes_mm["ink"].bottom > 5
    data = written(sample.data, leader)
    placement = seal(data, seal_image)
    ink = leader.boxes_mm["ink"]
    assert placement.boxes_mm["ink"].right == pytest.approx(ink.left + ink.width / 3, abs=0.15)
    crowded = letters.crowded()
    with pytest.raises(SigningRefused) as refused:
        place(crowded, "decree30.leader", settings, image=signature_image)
    assert refused.value.code == "decree30.space_too_small"


def test_the_seals_organisation_and_time_stand_on_empty_paper(signature_image: Path, seal_image: Path) -> None:
    """The preset of the earlier circular says that it differs from the decree; the seal itself stays where it was."""
    data, _ = signed_by_leader("deputy", signature_image)
    plain = seal(data, seal_image)
    placement = seal(data, seal_image, {**DIAMETER, "show": "image-organisation-time"})
    assert words(placement) == ["ỦY BAN NHÂN DÂN TỈNH ABC", "22/11/2026 09:15:07 +07:00"]
    assert codes(placement) == ["decree30.lines_added"]
    assert placement.boxes_mm["ink"] == plain.boxes_mm["ink"]
    before = judges.render_pdfium(data, placement.page, 150.0)
    after = judges.render_pdfium(written(data, placement), placement.page, 150.0)
    new = sum(one != other for one, other in zip(before.tobytes(), after.tobytes(), strict=True))
    assert new > 0
    with open_letter(data) as letter:
        assert placement.rect_mm is not None
        assert letter.page(placement.page).rect_mm.contains(placement.rect_mm)


def test_a_copy_with_the_seal_keeps_its_true_size(seal_image: Path) -> None:
    """The preset sets the seal below the text, right-aligned at its true size, and says that the decree shows none."""
    settings = {"copy_form": "SAO Y", "show": "text-seal", "diameter_mm": "30"}
    data = Sheet().pdf()
    placement = place(data, "decree30.copy", settings, image=seal_image)
    assert codes(placement) == ["decree30.seal_on_copy"]
    red = find(judges.render_poppler(written(data, placement), 1, 200.0), PAGE, reddish)
    assert red is not None
    assert (red.width, red.height) == pytest.approx((30, 30), abs=0.3)
    assert red.right == pytest.approx(195, abs=0.4)
    for wrong, image, code in (
        ({"copy_form": "SAO Y", "diameter_mm": "30"}, None, "decree30.size_without_seal"),
        ({"copy_form": "SAO Y", "show": "text-seal", "diameter_mm": "30"}, None, "decree30.seal_image_missing"),
        ({"copy_form": "SAO Y", "show": "text-seal"}, seal_image, "decree30.seal_size_missing"),
        ({"copy_form": "SAO Y"}, seal_image, "placement.option_unused"),
    ):
        with pytest.raises(WrongUse) as refused:
            place(data, "decree30.copy", wrong, image=image)
        assert refused.value.code == code


def test_pictures_of_the_wrong_ink_are_named(seal_image: Path, signature_image: Path, tmp_path: Path) -> None:
    """A red signature and a blue seal are placed with a warning; a picture too coarse for paper is refused."""
    sample = SAMPLES["deputy"]
    red = place(sample.data, "decree30.leader", image=seal_image, signer=sample.truth.name)
    assert codes(red) == ["picture.wrong_hue_signature"]
    data, leader = signed_by_leader("deputy", signature_image)
    assert leader.notices == ()
    assert seal(data, seal_image).notices == ()
    blue = seal(data, signature_image)
    assert "picture.wrong_hue_seal" in codes(blue)
    coarse = tmp_path / "coarse.png"
    with Image.open(signature_image) as picture:
        picture.resize((40, 20)).save(coarse)
    with pytest.raises(SigningRefused) as refused:
        place(sample.data, "decree30.leader", image=coarse, signer=sample.truth.name)
    assert refused.value.code == "picture.too_coarse"


def test_initials_stand_after_the_last_line_of_the_text(signature_image: Path) -> None:
    """To the right of "./.", level with it, on empty paper; a long last line puts them below its end."""
    sample = SAMPLES["deputy"]
    for given, expected in (({}, ["NVM"]), ({"initials": "Mẫu"}, ["Mẫu"])):
        placement = place(sample.data, "decree30.initial", given)
        line, rect = placement.boxes_mm["line"], placement.rect_mm
        assert rect is not None
        assert words(placement) == expected
        assert 0 < rect.left - line.right < 4
        assert rect.centre_y == pytest.approx(line.centre_y, abs=0.1)
        with open_letter(sample.data) as letter:
            assert letter.free_of_ink(placement.page, rect)
    picture = place(sample.data, "decree30.initial", image=signature_image)
    blue = find(judges.render_pdfium(written(sample.data, picture), picture.page, 200.0), PAGE, bluish)
    assert blue is not None
    assert blue.height <= 8.2
    assert blue.width <= 16.2
    sheet = Sheet()
    width = sheet.text(30, 100, "Đề nghị các cơ quan, đơn vị triển khai thực hiện nghiêm túc các nội dung trên./.", 13)
    long = place(sheet.pdf(), "decree30.initial", {"initials": "ABCDEFG"}, page=1)
    assert long.rect_mm is not None
    assert width > 130
    assert long.rect_mm.top > 95


def test_initials_stand_beside_the_signers_title(signature_image: Path) -> None:
    """Beside the last title line; the leader then signs as if nothing stood there, and the seal finds the leader."""
    sample = SAMPLES["deputy"]
    placement = place(sample.data, "decree30.initial", {"beside": "title", "initials": "HVP"})
    rect = placement.rect_mm
    assert rect is not None
    assert rect.left > sample.truth.axis_mm
    assert rect.centre_y == pytest.approx(sample.truth.above_mm - 1.5, abs=1.5)
    initialled = written(sample.data, placement)
    leader = place(initialled, "decree30.leader", image=signature_image, signer=sample.truth.name)
    assert leader.boxes_mm["ink"].centre_x == pytest.approx(sample.truth.axis_mm, abs=0.5)
    signed = written(initialled, leader)
    assert len(fields_of(signed)) == 2
    assert report(fields_of(signed))().verdict == "valid"


@pytest.mark.parametrize(
    ("make", "settings", "given", "code"),
    [
        (letters.without_block, {"beside": "title"}, {}, "decree30.block_not_found"),
        (lambda: Sheet().pdf(), {}, {}, "decree30.end_of_text_missing"),
        (letters.without_block, {}, {"signer": "(không rõ)"}, "decree30.initials_missing"),
        (letters.without_block, {}, {"page": 1, "rect_mm": RectMm(20, 20, 20, 2)}, "decree30.initials_too_large"),
    ],
)
def test_initials_without_a_place_are_refused(
    make: object, settings: dict[str, str], given: dict[str, object], code: str
) -> None:
    """No end of the text, no title, no letters, too small a place."""
    assert callable(make)
    with pytest.raises(KysoError) as refused:
        place(make(), "decree30.initial", settings, **given)
    assert refused.value.code == code


def test_a_template_leaves_the_seal_on_its_third(signature_image: Path, seal_image: Path, tmp_path: Path) -> None:
    """Whatever a template shows beside the seal, the seal keeps its size and place; text on print is told."""
    data, _ = signed_by_leader("deputy", signature_image)
    plain = seal(data, seal_image)
    template = Library().template("seal")
    placement = seal(data, seal_image, template=template)
    assert placement.boxes_mm["ink"].as_tuple() == pytest.approx(plain.boxes_mm["ink"].as_tuple(), abs=0.01)
    assert words(placement) == ["ỦY BAN NHÂN DÂN TỈNH ABC", "22/11/2026 09:15:07 +07:00"]
    assert codes(placement) == []
    red = find(judges.render_pdfium(written(data, placement), 1, 300.0), PAGE, reddish)
    assert red is not None
    assert red.top == pytest.approx(plain.boxes_mm["ink"].top, abs=0.2)
    for name in ("leader", "certificate"):
        with pytest.raises(WrongUse) as refused:
            seal(data, seal_image, template=Library().template(name))
        assert refused.value.code == "decree30.template_without_seal"
    built_in = Library().source("seal").path.read_text(encoding="utf-8")
    beside = tmp_path / "beside.toml"
    beside.write_text(built_in.replace("[0, 45, 64, 13]", "[30, 36, 34, 20]"), encoding="utf-8")
    told = codes(seal(data, seal_image, template=Library().template(beside)))
    assert told == ["decree30.template_covers"]
