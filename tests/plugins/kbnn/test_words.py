"""Words and pages: every code has words in both languages, every correction and every uncovered field is documented."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from kyso import text
from kyso.cli.common import Common, take_common
from kyso.cli.group_help import parameters_of
from kyso.cli.help import parameter_code
from kyso.cli.parsing import run_group
from kyso.text import LANGUAGES, read_catalogue
from kyso_kbnn.commands import app
from kyso_kbnn.profile import default_profile
from kyso_kbnn.rules import uncovered_fields

PLUGIN = Path(__file__).resolve().parents[3] / "plugins" / "kyso_kbnn"
DOCS = Path(__file__).resolve().parents[3] / "docs"
text.add_catalogue("kyso_kbnn")

BUILT = re.compile(r"^kbnn\.(state|verdict|short|role|rule)_")


def test_every_code_in_the_code_has_words_and_every_word_is_used() -> None:
    """Codes in the sources and entries in the catalogues are the same, apart from those put together at run time."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PLUGIN.glob("*.py"))
    used = set(re.findall(r'"(kbnn\.[a-z0-9_]+)"', sources))
    vi, en = read_catalogue("kyso_kbnn", "vi"), read_catalogue("kyso_kbnn", "en")
    known = {code for code in vi if code.startswith("kbnn.")}
    contributions = {"kbnn.attachment", "kbnn.envelope", "kbnn.dossier", "kbnn.voucher"}
    assert used - known - contributions == set()
    assert {code for code in known - used if not BUILT.match(code)} == set()
    assert set(vi) == set(en)


@pytest.mark.parametrize("name", [str(command.name) for command in app.registered_commands])
def test_every_command_has_help_in_both_languages(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The page shows description, every parameter with words of its own language, and examples that can be typed."""
    command: Any = get_command(app)
    within = command.commands[name]
    pages = {}
    for language in LANGUAGES:
        assert run_group("kbnn", app, [name, "--help"], Common(language)) == 0
        pages[language] = capsys.readouterr().out
        assert "help." not in pages[language]
        for line in text.message(f"help.kbnn_{name.replace('-', '_')}.examples", language).split("\n"):
            words = take_common(shlex.split(line))[1]
            assert words[:3] == ["kyso", "kbnn", name]
            within.make_context(name, words[3:])
    for parameter in parameters_of(within):
        assert text.has_text(parameter_code(f"kbnn {name}", parameter.name)), parameter.name
    assert pages["vi"] != pages["en"]


def test_the_group_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """`kyso kbnn --help` names every command with a summary in the language asked for."""
    assert run_group("kbnn", app, ["--help"], Common("vi")) == 0
    page = capsys.readouterr().out
    assert all(f"  kbnn {command.name} " in page for command in app.registered_commands)
    assert "Kho bạc Nhà nước" in page


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_correction_of_the_text_is_documented(language: str) -> None:
    """A name, type, width or tag that is read otherwise than printed stands on the page of faults."""
    page = (DOCS / language / "kbnn" / "faults.md").read_text(encoding="utf-8")
    profile = default_profile()
    for table in profile.tables.values():
        for field in table.fields:
            if field.source_name or field.source_type or field.source_max:
                assert f"| {table.source} | `{field.name}` |" in page
    for form in profile.forms.values():
        for element in (*form.xml.header, *form.xml.lines):
            if element.source_tag:
                assert f"`{element.source_tag}`" in page


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_uncovered_field_is_documented(language: str) -> None:
    """The page names each field that no signature covers, form by form."""
    page = (DOCS / language / "kbnn" / "uncovered.md").read_text(encoding="utf-8")
    profile = default_profile()
    for form in profile.forms.values():
        section = page.split(f"## {form.name} (")[1].split("\n## ")[0]
        named = set(re.findall(r"^- `(\w+)`", section, re.MULTILINE))
        assert named == {field.name for field in uncovered_fields(form, profile)}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_assumption_names_an_entry_that_exists(language: str) -> None:
    """The last column of the table of assumptions leads to entries of the profile."""
    import tomllib

    tables = tomllib.loads((PLUGIN / "profile.toml").read_text(encoding="utf-8"))
    page = (DOCS / language / "kbnn" / "assumptions.md").read_text(encoding="utf-8")
    entries = [
        entry
        for line in page.splitlines()
        if line.startswith("| ")
        for entry in re.findall(r"`([a-z0-9_.*]+)`", line.rsplit("|", 2)[1])
    ]
    assert len(entries) > 20
    for entry in entries:
        section, _, name = entry.partition(".")
        if section in tables and name not in ("", "*"):
            assert name in tables[section]
        else:
            assert section in tables or section == "proposed"
