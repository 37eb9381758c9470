"""Templates: what is read from TOML, what is wrong where, how they are filled and found."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyso import text
from kyso_stamps import FrameItem, ImageItem, QrItem, StampError, TextItem
from kyso_stamps.draw import draw
from kyso_stamps.fonts import FontChoice
from kyso_stamps.template import SAMPLE_TIME, Template, shown_moment
from kyso_stamps.template_filling import fill_template
from kyso_stamps.template_reading import MAX_BYTES, read_template
from kyso_stamps.templates import Library, TemplateSource, built_in_templates, check_template
from kyso_stamps.toml_lines import entry_lines
from tests.stamps.rendering import PX_PER_MM, rendered

if TYPE_CHECKING:
    from pathlib import Path

HEAD = '[stamp]\nvi = "Mẫu"\nen = "Sample"\nwidth_mm = 60\nheight_mm = 30\n\n'
NAMES = sorted(source.name for source in built_in_templates())


def read(body: str, folder: Path | None = None) -> Template:
    template, problems = read_template(HEAD + body, "own", file="own.toml", folder=folder)
    assert problems == ()
    assert template is not None
    return template


def problems_of(source: str, folder: Path | None = None) -> list[tuple[str, str]]:
    """Return (line, code without its first part) of every problem."""
    template, problems = read_template(source, "own", file="own.toml", folder=folder)
    assert (template is None) == bool(problems)
    for problem in problems:
        for language in text.LANGUAGES:
            assert text.has_text(problem.code), problem.code
            words = text.message(problem.code, language, problem.parameters)
            assert "own.toml" in words
            assert "{" not in words.replace("“{", "")
            assert text.next_step(problem.code, language, problem.parameters)
    return [
        (str(problem.parameters.get("line", "-")), problem.code.removeprefix("stamp.template_")) for problem in problems
    ]


def samples(template: Template) -> dict[str, object]:
    return {
        variable.name: variable.sample if variable.kind == "text" else SAMPLE_TIME for variable in template.variables
    }


# ------------------------------------------------------------------------------------------------------- built in


@pytest.mark.parametrize("name", NAMES)
def test_each_built_in_template_is_right_and_can_be_drawn(name: str, seal: Path) -> None:
    """What ships has no problem, has words in both languages for all its variables, and shows ink in its box."""
    library = Library()
    template, problems = check_template(library.source(name))
    assert problems == ()
    assert template is not None
    assert template.vi != template.en
    assert all(text.has_text(f"stamp.variable.{variable.name}") for variable in template.variables)
    spec = library.spec(name, samples(template), seal, image_mm=(36, 36))
    ink = rendered(spec).ink()
    assert ink is not None
    assert ink[2] <= template.width_mm + 0.1
    assert ink[3] <= template.height_mm + 0.1


def test_the_templates_that_the_rules_need_ship() -> None:
    """Leader, seal with name and time, attachment, copy, Treasury block and certificate block are there."""
    assert {"leader", "seal", "attachment", "copy", "kbnn", "certificate"} <= set(NAMES)


def test_the_attachment_line_reads_as_the_annex_has_it() -> None:
    """Annex I, II.8.b: number and symbol; date; time with the zone; in ten points, never smaller."""
    spec = Library().spec("attachment", {"number": "12/QĐ-ABC", "time": SAMPLE_TIME})
    (line,) = spec.items
    assert isinstance(line, TextItem)
    assert line.lines == ("Số: 12/QĐ-ABC; 22/11/2026; 09:15:07 +07:00",)
    assert (line.size_pt, line.min_size_pt, line.bold, line.colour) == (10, 10, False, (0, 0, 0))


def test_the_seal_stands_at_its_true_size(seal: Path) -> None:
    """The seal's ink is exactly as large as given, whatever its pixels, and is not made to fit."""
    values = {"organisation": "SỞ Y TẾ", "time": SAMPLE_TIME}
    drawing = rendered(Library().spec("seal", values, seal, image_mm=(34, 34)))
    pixels = drawing.pixels.astype(int)
    rows, columns = np.nonzero(pixels[..., 0] - pixels[..., 1] > 60)
    assert (columns.max() + 1 - columns.min()) / PX_PER_MM == pytest.approx(34, abs=0.2)
    assert rows.min() / PX_PER_MM == pytest.approx(44 - 34, abs=0.2)
    assert (rows.max() + 1) / PX_PER_MM == pytest.approx(44, abs=0.2)
    with pytest.raises(StampError) as caught:
        Library().spec("seal", values, seal, image_mm=(50, 50))
    assert caught.value.code == "stamp.template_image_too_large"
    with pytest.raises(StampError) as caught:
        Library().spec("seal", values, seal)
    assert caught.value.code == "stamp.template_image_size_missing"


# -------------------------------------------------------------------------------------------------------- reading


def test_everything_wrong_is_named_with_its_line() -> None:
    """All problems of a file come at once, in the order of its lines."""
    source = (
        '[stamp]\nvi = "Mẫu"\nen = "Sample"\nwidth_mm = 50\nheigth_mm = 20\n\n'  # 5
        '[[lines]]\nbox_mm = [0, 0, 60, 20]\naling = "left"\n'  # 8, 9
        'text = [\n  "Xin chào",\n  "{singer}",\n  "{time:%d/%B}",\n]\nsize_pt = "x"\n\n'  # 12, 13, 15
        '[[qr]]\nbox_mm = [0, 0]\ncontent = "{url"\n\n[[linse]]\nx = 1\n'  # 18, 19, 21
    )
    assert problems_of(source) == [
        ("1", "missing_entry"),
        ("5", "unknown_entry"),
        ("8", "box_outside"),
        ("9", "unknown_entry"),
        ("12", "unknown_variable"),
        ("13", "pattern"),
        ("15", "wrong_points"),
        ("18", "wrong_box"),
        ("19", "wrong_braces"),
        ("21", "unknown_table"),
    ]


def test_the_right_word_is_named() -> None:
    """A misspelt entry, variable or value comes with the nearest right one."""
    source = HEAD + '[[lines]]\nbox_mm = [0, 0, 9, 9]\ntext = "{organization}"\nalign = "center"\nlinding = 1\n'
    _, problems = read_template(source, "own", file="own.toml")
    assert {problem.parameters.get("nearest", [""])[0] for problem in problems} == {
        "organisation",
        "centre",
        "leading",
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("[[lines]]\nbox_mm = [0, 0, 0, 5]\ntext = 'a'\n", "wrong_box"),
        ("[[lines]]\nbox_mm = [0, 0, nan, 5]\ntext = 'a'\n", "wrong_box"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = []\n", "wrong_text"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = 'a'\ncolour = 'red'\n", "wrong_colour"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = 'a'\nbold = 1\n", "wrong_flag"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = 'a'\nleading = 0\n", "wrong_number"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = 'a'\nsize_pt = 5\nmin_size_pt = 6\n", "sizes"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = '{signer:%d}'\n", "pattern_on_text"),
        ("[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = '{time:}'\n", "pattern"),
        ("[[image]]\nbox_mm = [0, 0, 5, 5]\nfile = '../seal.png'\n", "wrong_file"),
        ("[[image]]\nbox_mm = [0, 0, 5, 5]\nfile = 'absent.png'\n", "no_picture"),
        ("[variables.signer]\nvi = 'a'\nen = 'b'\n[[border]]\nbox_mm = [0, 0, 5, 5]\n", "known_variable"),
        ("[variables.Own]\nvi = 'a'\nen = 'b'\n[[border]]\nbox_mm = [0, 0, 5, 5]\n", "wrong_variable_name"),
        ("[variables.own]\nvi = 'a'\nen = 'b'\n[[border]]\nbox_mm = [0, 0, 5, 5]\n", "unused_variable"),
        ("", "empty"),
        ("lines = 3\n", "wrong_table"),
        ("[[border]]\nbox_mm = [0, 0, 5, 5]\n" * 61, "too_many"),
    ],
)
def test_what_cannot_be_is_refused(body: str, code: str, tmp_path: Path) -> None:
    """Each kind of mistake has a code of its own, with words in both languages."""
    source = body + HEAD if body.startswith("lines") else HEAD + body
    assert code in {found for _, found in problems_of(source, tmp_path)}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[stamp\n", "syntax"),
        (b"a = " + b"[" * 20_000, "syntax"),
        (b"\xff\xfe[stamp]", "not_utf8"),
        (b"#" * (MAX_BYTES + 1), "too_large"),
    ],
)
def test_what_is_no_template_is_refused(data: bytes, code: str) -> None:
    """Broken, deeply nested, foreign and huge files end in a problem, not in a traceback."""
    _, (problem,) = read_template(data, "own", file="own.toml")
    assert problem.code == f"stamp.template_{code}"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(garbage: str) -> None:
    """Whatever is written, the answer is a template or problems."""
    for source in (garbage, HEAD + garbage, HEAD + f"[[lines]]\nbox_mm = [0, 0, 5, 5]\ntext = {garbage!r}\n"):
        template, problems = read_template(source, "own", file="own.toml")
        assert (template is None) == bool(problems)


def test_lines_are_found_in_any_layout() -> None:
    """Comments, long strings and nested arrays do not shift the lines of what follows."""
    source = 'a = 1 # [x]\n[t]\n"k.l" = """\n[no]\nb = 2\n"""\nc = [\n  "]", # ]\n  [1],\n]\n'
    source += "d = '#'\n[[r]]\ne = 1\n[[r]]\ne = 2\n"
    lines = entry_lines(source)
    assert lines["a",] == 1
    assert lines["t", "c"] == 7
    assert lines["t", "d"] == 11
    assert (lines["r", 0, "e"], lines["r", 1, "e"]) == (13, 15)
    assert ("no",) not in lines


# --------------------------------------------------------------------------------------------------------- filling


def test_a_line_without_its_optional_value_is_left_out() -> None:
    """{name?} may be missing, and its line goes; {name} may not."""
    template = read('[[lines]]\nbox_mm = [0, 0, 60, 30]\ntext = ["{signer}", "Chức danh: {title?}", "cuối"]\n')
    spec = fill_template(template, {"signer": "Nguyễn Văn A", "title": ""})
    assert isinstance(spec.items[0], TextItem)
    assert spec.items[0].lines == ("Nguyễn Văn A", "cuối")
    with pytest.raises(StampError) as caught:
        fill_template(template, {"title": "CHỦ TỊCH"})
    assert caught.value.code == "stamp.template_value_missing"
    assert caught.value.parameters["variables"] == ["signer"]


def test_values_that_no_template_knows_are_refused() -> None:
    """A misspelt value would otherwise be a line that silently stays away."""
    template = read('[[lines]]\nbox_mm = [0, 0, 60, 30]\ntext = "{signer}"\n')
    with pytest.raises(StampError) as caught:
        fill_template(template, {"signer": "A", "sinegr": "B"})
    assert caught.value.code == "stamp.template_no_such_value"
    assert fill_template(template, {"signer": "A", "url": "known, and not shown here"}).items


def test_times_are_vietnams_whatever_zone_they_come_in() -> None:
    """A time in UTC is shown seven hours later, with its zone; one without a zone is refused."""
    template = read('[[lines]]\nbox_mm = [0, 0, 60, 30]\ntext = ["{time}", "{time:%H:%M %z}", "{date:words}"]\n')
    moment = datetime(2026, 1, 31, 20, 5, 7, tzinfo=UTC)
    spec = fill_template(template, {"time": moment, "date": date(2026, 3, 5)})
    assert isinstance(spec.items[0], TextItem)
    assert spec.items[0].lines == ("01/02/2026 03:05:07 +07:00", "03:05 +07:00", "ngày 05 tháng 3 năm 2026")
    with pytest.raises(StampError) as caught:
        fill_template(template, {"time": moment.replace(tzinfo=None), "date": moment})
    assert caught.value.code == "stamp.template_value_wrong"


def test_dates_in_words_take_zeros_as_the_decree_writes_them() -> None:
    """Annex I, II.4: days below 10 and the months 1 and 2 take a leading zero, other months none."""
    assert shown_moment(date(2020, 1, 5), "words") == "ngày 05 tháng 01 năm 2020"
    assert shown_moment(date(2020, 9, 15), "words") == "ngày 15 tháng 9 năm 2020"
    assert shown_moment(date(2020, 12, 1), "%d.%m.%y %%") == "01.12.20 %"


def test_own_variables_and_pictures(seal: Path, tmp_path: Path) -> None:
    """A template may declare variables and bring a picture that lies beside it."""
    shutil.copy(seal, tmp_path / "logo.png")
    body = (
        '[variables.department]\nvi = "phòng"\nen = "department"\nsample = "Văn phòng"\n'
        '[[border]]\nbox_mm = [0, 0, 60, 30]\nfill = "#FFFFCC"\n'
        '[image]\nfile = "logo.png"\nbox_mm = [0, 0, 20, 30]\nalign = "left"\nvertical = "top"\n'
        '[[lines]]\nbox_mm = [20, 0, 40, 30]\ntext = "{department} {{}}"\n'
        '[[qr]]\nbox_mm = [40, 10, 20, 20]\ncontent = "{url?}"\n'
    )
    spec = fill_template(read(body, tmp_path), {"department": "Phòng Nội vụ"})
    frame, picture, words = spec.items
    assert isinstance(frame, FrameItem)
    assert isinstance(picture, ImageItem)
    assert picture.box_mm == pytest.approx((0, 0, 20, 20), abs=0.1)
    assert isinstance(words, TextItem)
    assert words.lines == ("Phòng Nội vụ {}",)
    with_code = fill_template(read(body, tmp_path), {"department": "Phòng Nội vụ", "url": "https://example.vn"})
    assert any(isinstance(item, QrItem) for item in with_code.items)


def test_a_template_shrinks_into_a_smaller_place_but_not_to_nothing(seal: Path) -> None:
    """In a field of its own size it stands in the middle; too small a place is refused, for a true size always."""
    values = {"signer": "Nguyễn Văn A", "time": SAMPLE_TIME}
    spec = Library().spec("certificate", values, place_mm=(56, 40))
    assert (spec.width_mm, spec.height_mm) == (56, 40)
    frame = spec.items[0]
    assert frame.box_mm == pytest.approx((0, 10, 56, 20))
    assert isinstance(spec.items[1], TextItem)
    assert spec.items[1].size_pt == pytest.approx(7.2)
    draw(spec, FontChoice())
    roomy = Library().spec("certificate", values, place_mm=(100, 50))
    assert roomy.items[0].box_mm == pytest.approx((15, 12.5, 70, 25))
    for name, place in (("certificate", (30, 10)), ("seal", (60, 50))):
        with pytest.raises(StampError) as caught:
            Library().spec(name, {**values, "organisation": "SỞ"}, seal, image_mm=(36, 36), place_mm=place)
        assert caught.value.code == "stamp.template_place_too_small"


def test_a_picture_with_wide_margins_is_not_cut(seal: Path, tmp_path: Path) -> None:
    """Margins around the ink take no room of the slot as long as the whole picture stays inside the stamp."""
    from PIL import Image

    with Image.open(seal) as picture:
        wide = Image.new("RGBA", (picture.width * 2, picture.height), (0, 0, 0, 0))
        wide.paste(picture, (0, 0))
    wide.save(tmp_path / "wide.png")
    template = read("[[image]]\nbox_mm = [0, 0, 60, 30]\n")
    spec = fill_template(template, {}, tmp_path / "wide.png")
    ink = rendered(spec).ink()
    assert ink == pytest.approx((20, 10, 40, 30), abs=0.4) or ink == pytest.approx((20, 5, 40, 25), abs=0.4)


# --------------------------------------------------------------------------------------------------------- library


def test_an_organisations_file_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    """The file of the same name wins over what ships, and what ships over a plugin."""
    (tmp_path / "leader.toml").write_text(
        HEAD + '[[lines]]\nbox_mm = [0, 0, 60, 30]\ntext = "{signer}"\n', encoding="utf-8"
    )
    (tmp_path / "notes.txt").write_text("no template", encoding="utf-8")
    plugin = TemplateSource("copy", tmp_path / "leader.toml")
    library = Library((tmp_path,), (plugin, TemplateSource("own", tmp_path / "leader.toml")))
    listed = library.listed()
    assert listed["leader"].source.origin == "folder"
    assert [hidden.origin for hidden in listed["leader"].hidden] == ["built_in"]
    assert listed["copy"].source.origin == "built_in"
    assert listed["own"].source.origin == "plugin"
    assert len(library.spec("leader", {"signer": "Nguyễn Văn A"}).items) == 1


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """A long-running server shows what the file says now."""
    path = tmp_path / "own.toml"
    path.write_text(HEAD + '[[lines]]\nbox_mm = [0, 0, 60, 30]\ntext = "một"\n', encoding="utf-8")
    library = Library((tmp_path,))
    assert library.spec("own", {}).items[0].lines == ("một",)  # type: ignore[union-attr]
    path.write_text(HEAD + '[[lines]]\nbox_mm = [0, 0, 60, 30]\ntext = "hai chữ"\n', encoding="utf-8")
    assert library.spec("own", {}).items[0].lines == ("hai chữ",)  # type: ignore[union-attr]


def test_unknown_names_and_files(tmp_path: Path) -> None:
    """A wrong name comes with the nearest; a missing file, a folder and an odd file name are named."""
    with pytest.raises(StampError) as caught:
        Library().template("laeder")
    assert caught.value.parameters["nearest"][0] == "leader"  # type: ignore[index]
    for place in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(StampError) as caught:
            Library().template(place)
        assert caught.value.code == "stamp.template_unreadable"
    with pytest.raises(StampError) as caught:
        Library((tmp_path / "absent",)).listed()
    assert caught.value.code == "stamp.template_folder"
    (tmp_path / "Mẫu số 1.toml").write_text(HEAD, encoding="utf-8")
    with pytest.raises(StampError) as caught:
        Library((tmp_path,)).listed()
    assert caught.value.code == "stamp.template_name"
