"""Catalogues: every text in both languages, and every code in the source has one."""

from __future__ import annotations

import ast
import string
import tomllib
import unicodedata
from pathlib import Path

import pytest

from kyso import text
from kyso.errors import ConfigWrong
from kyso.text import LANGUAGES, Phrase, Text, catalogue_files, read_catalogue

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    path.name: path
    for folder in ("core", "stamps", "plugins")
    for path in sorted((ROOT / folder).iterdir())
    if (path / "__init__.py").is_file()
}
WITH_CATALOGUE = [name for name, path in PACKAGES.items() if any(path.glob("messages*.toml"))]
ERRORS = {
    "KysoError",
    "InputRefused",
    "SigningRefused",
    "KeyTrouble",
    "RemoteFailed",
    "WrongUse",
    "ConfigWrong",
    "InternalError",
    "StampError",
    "Notice",
    "Phrase",
    "Finding",
}


@pytest.mark.parametrize("package", WITH_CATALOGUE)
def test_both_languages_say_the_same(package: str) -> None:
    """A package's two catalogues have the same codes with the same placeholders and next steps."""
    vietnamese, english = (read_catalogue(package, language) for language in LANGUAGES)
    assert vietnamese.keys() == english.keys()
    for code, entry in vietnamese.items():
        assert _placeholders(entry.message) == _placeholders(english[code].message), code
        assert (entry.next_step is None) == (english[code].next_step is None), code
        assert _placeholders(entry.next_step or "") == _placeholders(english[code].next_step or ""), code


@pytest.mark.parametrize("package", WITH_CATALOGUE)
def test_texts_are_normalised(package: str) -> None:
    """Every catalogue file is NFC, without control characters, and none of its texts is empty."""
    for language in LANGUAGES:
        for file in catalogue_files(package, language):
            source = file.read_text(encoding="utf-8")
            assert unicodedata.is_normalized("NFC", source), file
            assert not any(unicodedata.category(each) == "Cc" for each in source if each != "\n"), file
        for code, entry in read_catalogue(package, language).items():
            assert entry.message.strip(), code


def test_no_code_is_defined_twice() -> None:
    """One code has one home, over all files of all packages."""
    for language in LANGUAGES:
        homes: dict[str, Path] = {}
        for package in WITH_CATALOGUE:
            for file in catalogue_files(package, language):
                for code in tomllib.loads(file.read_text(encoding="utf-8")):
                    assert code not in homes, f"{code} in {homes.get(code)} and {file}"
                    homes[code] = file


@pytest.mark.parametrize("package", WITH_CATALOGUE)
def test_the_quick_reader_reads_as_toml_does(package: str) -> None:
    """The reader for plain catalogues agrees with tomllib on every catalogue here."""
    for language in LANGUAGES:
        whole = {}
        for file in catalogue_files(package, language):
            whole.update(tomllib.loads(file.read_text(encoding="utf-8")))
        read = read_catalogue(package, language)
        assert {code: (entry.message, entry.next_step) for code, entry in read.items()} == {
            code: (table["message"], table.get("next")) for code, table in whole.items()
        }


@pytest.mark.parametrize("package", PACKAGES)
def test_every_code_in_the_source_has_words(package: str) -> None:
    """A code given to an error, a notice or a phrase as a literal is in a catalogue of kyso or of the package."""
    for name in (package, "kyso", "kyso_stamps"):
        text.add_catalogue(name)
    missing = [
        f"{file.relative_to(ROOT)}:{line}: {code}"
        for file in sorted(PACKAGES[package].rglob("*.py"))
        for line, code in _codes(file)
        if not text.has_text(code)
    ]
    assert not missing, "\n".join(missing)


def _codes(file: Path) -> list[tuple[int, str]]:
    """Return the literal codes that a file raises or notes; codes of other trees (stamps) share the same catalogues."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if name in ERRORS and node.args and isinstance(node.args[0], ast.Constant):
            found.append((node.lineno, str(node.args[0].value)))
    return found


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_parameters_are_made_safe() -> None:
    """Control, ANSI and bidirectional characters of a parameter never reach the reader."""
    error = ConfigWrong("config.not_found", file="a\x1b[31m\u202etxt.exe")
    for language in LANGUAGES:
        assert not set(error.message(language)) & {"\x1b", "\u202e"}


def test_parameters_may_be_texts_themselves() -> None:
    """A phrase or a two-language text inside a message is read in the message's language."""
    kind = Text("nguồn khóa", "key source")
    parameters = {"kind": kind, "name": "x", "reason": Phrase("plugins.no_reason"), "step": ""}
    assert "nguồn khóa" in text.message("plugins.unavailable", "vi", parameters)
    assert "the plugin gives no reason" in text.message("plugins.unavailable", "en", parameters)


def test_several_phrases_stand_on_lines() -> None:
    """Problems that are sentences are listed one a line, names with commas."""
    problems = [Phrase("config.expected_flag"), Phrase("config.expected_path")]
    shown = text.message("config.several", "en", {"file": "f", "count": 2, "problems": problems})
    assert shown.endswith("  - true or false\n  - a path")
    assert "a, b" in text.message("plugins.unknown", "en", {"kind": "k", "name": "n", "known": ["a", "b"]})


@pytest.mark.parametrize(
    "source",
    [
        '["a.b"]\nmessage = "x"\n',
        '["a.b"]\nmessage = "x \\"q\\" \\\\ \\n y"\nnext = "z\\t"',
        "# only a comment\n",
        '# head\n\n["a"]\nmessage = "x"\n\n# between\n["b"]\nmessage = ""\n',
        '["a"]\nmessage = """x\ny"""\n',
        "['a']\nmessage = 'x'\n",
        '["a"]\nnext = "n"\nmessage = "m"\n',
        '["a"]\nmessage = "\\u1ea1"\n',
    ],
)
def test_the_quick_reader_never_differs(source: str) -> None:
    """What the quick reader reads is what TOML says; what it cannot read it leaves to tomllib."""
    quick = text._read_plain(source)
    whole = {code: (table["message"], table.get("next")) for code, table in tomllib.loads(source).items()}
    assert quick is None or {code: (entry.message, entry.next_step) for code, entry in quick.items()} == whole


@pytest.mark.parametrize("source", ['["a"]\nmessage = "x"\n["a"]\nmessage = "y"\n', '["a"]\nmessage = "\\q"\n', "["])
def test_the_quick_reader_leaves_faults_to_toml(source: str) -> None:
    """Sources that are not TOML are not read quickly, so that tomllib says what is wrong."""
    assert text._read_plain(source) is None
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads(source)
