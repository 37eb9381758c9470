"""``--set template=NAME``: an organisation's own picture of a signature, at the place that the policy decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso import Config, Engine, Preview
from kyso.config import LeaderSection, OrganisationSection, SealSection, SigningSection, StampsSection
from kyso.errors import KysoError, SigningRefused, WrongUse
from kyso.geometry import RectMm
from kyso.models import SignRequest
from kyso.plugins import create_plugin_manager
from kyso_stamps import ImageItem, QrItem, TextItem
from tests.support.placing import SIGNED_AT

OWN = """
[stamp]
vi = "Mẫu của cơ quan"
en = "The office's own"
width_mm = 60
height_mm = 20

[[border]]
box_mm = [0, 0, 60, 20]

[[image]]
box_mm = [1, 1, 58, 10]
required = false

[[lines]]
box_mm = [1, 11, 58, 9]
text = ["{signer} - {department}", "{reason?}", "{issuer?}", "{time:%d/%m/%Y}"]
size_pt = 5

[variables.department]
vi = "Phòng"
en = "Department"
sample = "Phòng Mẫu"
"""
RECT = RectMm(20, 100, 80, 30)


@pytest.fixture
def engine(tmp_path: Path, pfx: Path, signature_image: Path, seal_image: Path) -> Iterator[Engine]:
    """An office with a template of its own."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "own.toml").write_text(OWN, encoding="utf-8")
    config = Config(
        path=tmp_path / "kyso.toml",
        organisation=OrganisationSection("UBND XÃ AN BÌNH"),
        stamps=StampsSection(folder),
        leader=LeaderSection(signature_image, max_width_mm=40.0),
        seal=SealSection(seal_image, diameter_mm=36.0),
        signing=SigningSection(time_pattern="%d/%m/%Y"),
    )
    with Engine(config, create_plugin_manager()) as opened:
        yield opened


def asked(engine: Engine, letter: bytes, pfx: Path, policy: str = "fixed", **given: object) -> Preview:
    """Preview a letter with a template; the certificate is not known without a password."""
    request = SignRequest(letter, f"pfx:{pfx}", policy, signed_at=SIGNED_AT)
    if policy == "fixed":
        request = dataclasses.replace(request, page=1, rect_mm=RECT)
    return engine.preview(dataclasses.replace(request, **given))  # type: ignore[arg-type]  # fields by name


def words(preview: Preview) -> list[str]:
    """Return the lines that the stamp shows."""
    assert preview.placement.stamp is not None
    return [line for item in preview.placement.stamp.items if isinstance(item, TextItem) for line in item.lines]


def test_a_template_stands_in_the_middle_of_a_given_place(engine: Engine, letter_pdf: bytes, pfx: Path) -> None:
    """Its variables are settings; what the signature says is filled in; an empty optional line is left out."""
    settings = {"template": "own", "department": "Phòng Nội vụ"}
    placed = asked(engine, letter_pdf, pfx, settings=settings, reason="Ban hành")
    assert placed.placement.rect_mm == RECT
    assert placed.placement.stamp is not None
    frame = placed.placement.stamp.items[0]
    assert frame.box_mm == pytest.approx((10, 5, 60, 20))
    assert words(placed) == ["… - Phòng Nội vụ", "Ban hành", "…", "22/11/2026"]
    without = asked(engine, letter_pdf, pfx, settings=settings)
    assert "Ban hành" not in words(without)


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ({"template": "onw"}, "stamp.template_unknown", "own"),
        ({"template": "../own.toml"}, "stamp.template_unknown", "own"),
        ({"template": "own"}, "stamp.template_value_missing", "department"),
        ({"template": "own", "departmnt": "x"}, "setting.unknown", "department"),
        ({"template": "own", "department": "x", "signer": "Ai Khác"}, "setting.unknown", "signer"),
        ({"template": "own", "department": "x", "time": "hôm qua"}, "setting.unknown", "time"),
        ({"template": "link"}, "stamp.template_value_missing", "url"),
        ({"template": "seal", "department": "x"}, "setting.unknown", "department"),
        ({"department": "x"}, "setting.unknown", "department"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_wish_names_the_right_word(
    engine: Engine, letter_pdf: bytes, pfx: Path, settings: dict[str, str], code: str, told: str
) -> None:
    """Unknown templates and variables, paths, and what only the signature may say are refused as wrong use."""
    with pytest.raises(WrongUse) as refused:
        asked(engine, letter_pdf, pfx, settings=settings)
    assert refused.value.code == code
    for language in ("vi", "en"):
        assert told in refused.value.message(language) + (refused.value.next_step(language) or "")


def test_a_wrong_template_names_file_and_line(engine: Engine, letter_pdf: bytes, pfx: Path, tmp_path: Path) -> None:
    """A mistake in the office's file is told with the file, the line and the right word."""
    (tmp_path / "templates" / "own.toml").write_text(OWN.replace("{department}", "{departmnt}"), encoding="utf-8")
    with pytest.raises(WrongUse) as refused:
        asked(engine, letter_pdf, pfx, settings={"template": "own", "department": "x"})
    assert refused.value.code == "stamp.template_unknown_variable"
    line = OWN.splitlines().index('text = ["{signer} - {department}", "{reason?}", "{issuer?}", "{time:%d/%m/%Y}"]') + 1
    assert (refused.value.parameters["file"], refused.value.parameters["line"]) == ("own.toml", str(line))
    assert "department" in refused.value.message("en")


def test_a_leaders_template_keeps_title_and_name_free(engine: Engine, letter_pdf: bytes, pfx: Path) -> None:
    """It shows the configured signature, shrinks into the space, and tells where the ink is for the seal."""
    placed = asked(engine, letter_pdf, pfx, "decree30.leader", settings={"template": "own", "department": "P"})
    boxes, rect = placed.boxes_mm, placed.placement.rect_mm
    assert rect is not None
    assert boxes["space"].contains(rect)
    assert rect.contains(boxes["ink"])
    assert rect.width / rect.height == pytest.approx(3)
    assert rect.centre_x == pytest.approx(boxes["space"].centre_x, abs=0.01)
    given = RectMm(100, 180, 70, 60)
    seal_like = asked(engine, letter_pdf, pfx, "decree30.leader", settings={"template": "seal"}, page=2, rect_mm=given)
    assert seal_like.boxes_mm["ink"].width <= 40.01
    with pytest.raises(WrongUse) as refused:
        asked(engine, letter_pdf, pfx, "decree30.leader", settings={"template": "certificate"})
    assert refused.value.code == "decree30.template_without_picture"


@pytest.mark.parametrize("replaced", ["show", "max_width_mm", "max_height_mm"])
def test_what_a_template_leaves_without_meaning_is_refused(
    engine: Engine, letter_pdf: bytes, pfx: Path, replaced: str
) -> None:
    """Nothing given is ignored: the picture's limits and the preset have no meaning beside a template."""
    settings = {"template": "leader", replaced: "image" if replaced == "show" else "30"}
    with pytest.raises(WrongUse) as refused:
        asked(engine, letter_pdf, pfx, "decree30.leader", settings=settings)
    assert refused.value.code == "setting.not_together"


def test_marks_take_templates_at_their_own_place(engine: Engine, letter_pdf: bytes, pfx: Path) -> None:
    """A template of an attachment's mark ends at the rule's right edge and starts at its height where that is free."""
    settings = {"template": "link", "number": "12/QĐ-ABC", "url": "https://example.vn/12"}
    placed = asked(engine, letter_pdf, pfx, "decree30.attachment", settings=settings)
    rect = placed.placement.rect_mm
    assert rect is not None
    assert rect.right == pytest.approx(195)
    assert (rect.width, rect.height) == pytest.approx((75, 25))
    assert placed.placement.stamp is not None
    assert any(isinstance(item, QrItem) for item in placed.placement.stamp.items)
    assert "Số: 12/QĐ-ABC" in words(placed)


@pytest.mark.parametrize(
    ("policy", "settings", "size"),
    [
        ("decree30.initial", {}, (70, 25)),
        ("decree30.urgency", {"urgency": "KHẨN"}, (70, 25)),
        ("decree30.incoming", {"number": "7"}, (70, 25)),
        ("decree30.copy", {"copy_form": "SAO Y"}, (70, 25)),
    ],
)
def test_every_visible_policy_takes_a_template(
    engine: Engine, pfx: Path, policy: str, settings: dict[str, str], size: tuple[float, float]
) -> None:
    """Initials, urgency, receipt and copies are shown by a template of the template's size."""
    from tests.support.sheets import Sheet

    sheet = Sheet()
    sheet.text(30, 120, "Đề nghị các đơn vị thực hiện./.", 13)
    placed = asked(engine, sheet.pdf(), pfx, policy, settings={**settings, "template": "certificate"})
    assert placed.placement.rect_mm is not None
    assert (placed.placement.rect_mm.width, placed.placement.rect_mm.height) == pytest.approx(size)


def test_a_copy_shows_the_configured_seal_in_its_true_size(engine: Engine, pfx: Path) -> None:
    """``show=text-seal`` needs neither --image nor diameter_mm where the configuration tells both."""
    from tests.support.sheets import Sheet

    settings = {"copy_form": "SAO Y", "show": "text-seal"}
    placed = asked(engine, Sheet().pdf(), pfx, "decree30.copy", settings=settings)
    assert placed.placement.stamp is not None
    (picture,) = (item for item in placed.placement.stamp.items if isinstance(item, ImageItem))
    assert picture.box_mm[2] == pytest.approx(36, abs=0.1)
    smaller = asked(engine, Sheet().pdf(), pfx, "decree30.copy", settings={**settings, "diameter_mm": "30"})
    assert smaller.placement.stamp is not None
    (picture,) = (item for item in smaller.placement.stamp.items if isinstance(item, ImageItem))
    assert picture.box_mm[2] == pytest.approx(30, abs=0.1)


def test_a_configured_template_gives_way_to_the_request(
    engine: Engine, letter_pdf: bytes, pfx: Path, tmp_path: Path
) -> None:
    """``[plugins.decree30.leader] template`` is used; an option that it would leave without meaning turns it off."""
    plugins = {"decree30": {"leader": {"template": "own", "department": "Phòng Tài chính"}}}
    config = dataclasses.replace(engine.config, plugins=plugins)
    with Engine(config, create_plugin_manager()) as other:
        assert "… - Phòng Tài chính" in words(asked(other, letter_pdf, pfx, "decree30.leader"))
        plain = asked(other, letter_pdf, pfx, "decree30.leader", settings={"show": "image"})
        assert words(plain) == []


def test_text_that_does_not_fit_is_refused_in_words(engine: Engine, letter_pdf: bytes, pfx: Path) -> None:
    """A place too small for the template, and a value too long for its lines."""
    for settings, given, code in (
        ({"template": "certificate"}, {"rect_mm": RectMm(20, 20, 10, 4)}, "stamp.template_place_too_small"),
        ({"template": "own", "department": "x" * 300}, {}, "stamp.text_too_long"),
    ):
        with pytest.raises(KysoError) as refused:
            asked(engine, letter_pdf, pfx, settings=settings, **given)
        assert refused.value.code == code
        assert isinstance(refused.value, (WrongUse, SigningRefused))
