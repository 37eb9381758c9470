"""``kyso stamps list``, ``show`` and ``check``."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Kyso

OWN = """[stamp]
vi = "Mẫu riêng"
en = "Own template"
width_mm = 50
height_mm = 20

[[lines]]
box_mm = [0, 0, 50, 20]
text = ["{signer}", "{time:%d/%m/%Y}", "{title?}"]
"""


@pytest.fixture
def own(office: Path) -> Path:
    """A folder with an organisation's own template in place of the built-in one for leaders."""
    folder = office / "templates"
    folder.mkdir()
    (folder / "leader.toml").write_text(OWN, encoding="utf-8")
    return folder


def test_the_list_names_each_template_with_its_variables(kyso: Kyso, own: Path) -> None:
    """Built-in templates are listed, and the organisation's own one stands in the place of its namesake."""
    result = kyso("stamps", "list", "--folder", own, "--format", "json")
    assert result.code == 0, result.err
    assert result.json["schema"] == "kyso.stamps/1"
    templates = {each["name"]: each for each in result.json["templates"]}
    assert templates["seal"]["origin"] == "built_in"
    leader = templates["leader"]
    assert (leader["origin"], leader["width_mm"], len(leader["hides"])) == ("folder", 50, 1)
    assert {each["name"]: each["required"] for each in leader["variables"]} == {
        "signer": True,
        "time": True,
        "title": False,
    }
    assert all(each["message_vi"] != each["message_en"] for each in leader["variables"])
    shown = kyso("stamps", "list", "--folder", own, "--lang", "vi").out
    assert "thư mục của cơ quan" in shown
    assert "title?" in shown


def test_a_wrong_file_is_listed_with_what_is_wrong(kyso: Kyso, own: Path) -> None:
    """One broken template does not hide the others."""
    (own / "broken.toml").write_text(OWN.replace("width_mm", "widht_mm"), encoding="utf-8")
    result = kyso("stamps", "list", "--folder", own, "--format", "json")
    assert result.code == 0
    templates = {each["name"]: each for each in result.json["templates"]}
    assert templates["broken"]["problems"]
    assert templates["leader"]["problems"] == []
    assert "width_mm" in kyso("stamps", "list", "--folder", own).out


def test_a_picture_shows_what_signing_would_draw(kyso: Kyso, own: Path, office: Path) -> None:
    """The PNG has the template's size at the resolution asked for, and ink; a name and a file both serve."""
    result = kyso("stamps", "show", "leader", "--folder", own, "--out", "a.png", "--dpi", "254")
    assert result.code == 0, result.err
    with Image.open(office / "a.png") as picture:
        assert picture.size == pytest.approx((500, 200), abs=1)
        assert picture.convert("L").getextrema()[0] < 100
    assert kyso("stamps", "show", own / "leader.toml", "--out", "b.png", "--set", "signer=LÊ THỊ B").code == 0
    assert (office / "a.png").read_bytes() != (office / "b.png").read_bytes()


def test_the_configured_seal_is_drawn_at_its_size(kyso: Kyso, office: Path) -> None:
    """With a picture the configured diameter holds, unless another size is given; too large a one is refused."""
    assert kyso("stamps", "show", "seal", "--image", "seal.png", "--out", "a.png", "--dpi", "254").code == 0
    with Image.open(office / "a.png") as picture:
        red = picture.convert("RGB").split()
        width = red[1].crop((0, 0, 640, 441)).point(lambda level: 255 if level < 200 else 0).getbbox()
    assert width is not None
    assert width[2] - width[0] == pytest.approx(360, abs=4)
    refused = kyso("stamps", "show", "seal", "--image", "seal.png", "--image-mm", "60,60", "--out", "c.png")
    assert (refused.code, (office / "c.png").exists()) == (7, False)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("laeder", "--out", "x.png"), "stamp.template_unknown"),
        (("leader", "--out", "x.png", "--set", "sinegr=A"), "stamp.template_no_such_value"),
        (("leader", "--out", "x.png", "--set", "time=hôm nay"), "stamps.bad_time"),
        (("leader", "--out", "x.png", "--dpi", "9"), "cli.bad_dpi"),
        (("seal", "--out", "x.png", "--image-mm", "36"), "stamps.bad_size"),
        (("leader", "--out", "letter.pdf"), "cli.output_exists"),
        (("leader", "--out", "x.png", "--folder", "absent"), "stamp.template_folder"),
    ],
)
def test_wrong_uses_of_show(kyso: Kyso, office: Path, arguments: tuple[str, ...], code: str) -> None:
    """Each ends with 7, its code, and no picture."""
    result = kyso("stamps", "show", *arguments)
    assert result.code == 7
    assert f"[{code}]" in result.err
    assert not (office / "x.png").exists()


def test_check_says_file_line_and_word(kyso: Kyso, own: Path, office: Path) -> None:
    """A right file passes, with its picture; a wrong one ends with 7 and every problem."""
    right = kyso("stamps", "check", own / "leader.toml", "--out", "x.png")
    assert right.code == 0, right.err
    assert "leader.toml: right" in right.out
    assert (office / "x.png").exists()
    wrong = own / "wrong.toml"
    wrong.write_text(OWN.replace("{signer}", "{singer}").replace("box_mm", "box_nm"), encoding="utf-8")
    result = kyso("stamps", "check", own / "leader.toml", wrong)
    assert result.code == 7
    assert "wrong.toml, line 9" in result.out
    assert "signer" in result.out
    (good, bad) = kyso("stamps", "check", own / "leader.toml", wrong, "--format", "json").lines
    assert (good["ok"], bad["ok"]) == (True, False)
    assert {(each["code"], each["line"]) for each in bad["problems"]} == {
        ("stamp.template_missing_entry", "7"),
        ("stamp.template_unknown_entry", "8"),
        ("stamp.template_unknown_variable", "9"),
    }
    assert all(each["message_vi"] and each["next_vi"] and each["next_en"] for each in bad["problems"])


def test_check_draws_too(kyso: Kyso, own: Path) -> None:
    """A text that cannot fit its box is found although every entry is right."""
    path = own / "tight.toml"
    path.write_text(OWN.replace("[0, 0, 50, 20]", "[0, 0, 5, 5]"), encoding="utf-8")
    result = kyso("stamps", "check", path, "--format", "json")
    assert result.code == 7
    assert [each["code"] for each in result.json["problems"]] == ["stamp.text_too_long"]


def test_absent_files_and_two_pictures(kyso: Kyso, own: Path) -> None:
    """A missing file is a problem of its own; one picture cannot hold two templates."""
    assert kyso("stamps", "check", "absent.toml", "--format", "json").json["problems"][0]["code"] == (
        "stamp.template_unreadable"
    )
    result = kyso("stamps", "check", own / "leader.toml", own / "leader.toml", "--out", "x.png")
    assert (result.code, "[stamps.one_picture]" in result.err) == (7, True)


PLUGIN = """
from pathlib import Path

from kyso.plugin import Contribution, Text, hookimpl


@hookimpl
def register_stamp_templates(register):
    here = Path(__file__).parent
    register(Contribution("stamped", Text("Mẫu", "Template"), load=lambda: here / "stamped_file.toml"))
    register(Contribution("leader", Text("Mẫu", "Template"), load=lambda: here / "stamped_file.toml"))
    register(Contribution("odd", Text("Mẫu", "Template"), load=lambda: print))
"""


def test_a_plugins_template_is_one_of_the_list(
    kyso: Kyso, office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a plugin offers is listed and drawn; it takes no built-in one's place; what is no file is told."""
    site = tmp_path / "site"
    info = site / "kyso_test_stamped-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "kyso_test_stamped.py").write_text(PLUGIN, encoding="utf-8")
    (site / "stamped_file.toml").write_text(OWN, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kyso-test-stamped\nVersion: 1.0\n\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[kyso]\nstamped = kyso_test_stamped\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    result = kyso("stamps", "list", "--format", "json")
    templates = {each["name"]: each for each in result.json["templates"]}
    assert templates["stamped"]["origin"] == "plugin"
    assert templates["leader"]["origin"] == "built_in"
    assert "odd" not in templates
    assert "[stamps.no_source]" in result.err
    assert kyso("stamps", "show", "stamped", "--out", "x.png").code == 0
