"""Every word of the page is a catalogue entry in both languages, and every entry is used."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import kyso_desk
from kyso import text
from kyso.contracts import Contribution
from kyso.plugins import create_plugin_manager
from kyso.text import LANGUAGES, Language
from kyso_desk.roles import ROLES
from kyso_desk.wording import page_words, told

ASSETS = Path(kyso_desk.__file__).parent / "assets"
_CALL = re.compile(r"""\b(?:t|count|named)\(\s*(?:"([\w.]+)"|`([\w.]*)\$\{[^`]*`)""")
_CHOSEN = re.compile(r"""\?\s*"([\w.]+\.\w+)"\s*:\s*"([\w.]+\.\w+)\"""")
_LISTED = re.compile(r"""\["((?:register|setup)\.\w+)",""")


@cache
def used() -> tuple[frozenset[str], frozenset[str]]:
    """Return the codes the page asks for, and the beginnings of those it puts together."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in ASSETS.glob("*.js"))
    whole = {code for code, _ in _CALL.findall(source) if code}
    whole |= {code for pair in _CHOSEN.findall(source) for code in pair} | set(_LISTED.findall(source))
    return frozenset(whole), frozenset(start for _, start in _CALL.findall(source) if start)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there(language: Language) -> None:
    """No code of the page lacks its text, and the two languages have the same codes."""
    known = page_words(language)
    missing = [code for code in used()[0] if code not in known]
    assert not missing
    assert set(known) == set(page_words("vi"))


def test_no_word_is_left_over() -> None:
    """Every text is asked for by the page, whole or put together."""
    whole, starts = used()
    known = page_words("vi")
    plain = {code.removesuffix("_one") for code in known}
    left = [
        code for code in plain if code not in whole and not any(code.startswith(start) for start in starts if start)
    ]
    assert not [code for code in left if code != "title"]


def test_roles_and_their_settings_have_words() -> None:
    """Each role has its name, and each setting of its policy a short label in both languages."""
    policies = create_plugin_manager().contributions("placement_policies")
    for language in LANGUAGES:
        known = page_words(language)
        for role in ROLES:
            assert f"role.{role.name}" in known
            settings = policies[role.policy].contribution.settings
            assert set(role.asked) <= {setting.name for setting in settings}


def test_steps_for_a_page_name_no_options() -> None:
    """What a policy advises never sends a clerk to an option that is a box on the page."""
    create_plugin_manager()
    for package in ("kyso", "kyso_decree30", "kyso_kbnn"):
        for code, entry in text.read_catalogue(package, "vi").items():
            if entry.next_step is None or not code.startswith(("decree30.", "placement.", "setting.")):
                continue
            for language in LANGUAGES:
                step = told(code)[f"next_{language}"]
                assert step
                assert not re.search("--(set|rect-mm|anchor|page|policy|key)", step), code


def test_every_step_for_the_page_has_its_message() -> None:
    """No step of the page outlives the message it belongs to."""
    create_plugin_manager()
    codes = [code.removeprefix("desk.step.") for code in text.read_catalogue("kyso_desk", "vi")]
    steps = [code for code in codes if f"desk.step.{code}" in text.read_catalogue("kyso_desk", "vi")]
    assert [code for code in steps if not text.has_text(code)] == ["any"]


def test_the_page_holds_no_style_or_script_of_its_own() -> None:
    """The strict policy would forbid them: no inline script, style or handler, and nothing from elsewhere."""
    page = (ASSETS / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", page)
    for path in ASSETS.iterdir():
        source = path.read_text(encoding="utf-8")
        found = re.findall(r"https?://[^\s\"'`)]+", source)
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name
        assert "innerHTML" not in source
        assert "eval(" not in source


def test_the_entry_module_offers_the_command() -> None:
    """The plugin registers `kyso desk` and its catalogue."""
    found: list[Contribution[object]] = []
    kyso_desk.register_commands(found.append)
    assert "desk" in {contribution.name for contribution in found}
    packages: list[str] = []
    kyso_desk.register_catalogues(packages.append)
    assert packages == ["kyso_desk"]
