"""What a person reads: messages and next steps, in Vietnamese and English, from catalogues.

Every package that speaks to people ships its catalogue beside its code: ``messages.vi.toml`` and ``messages.en.toml``,
and one such pair for each of its rooms that wants its own (``messages.document.vi.toml``). An entry is a table named
after a code::

    ["document.encrypted"]
    message = "Tệp {name} được bảo vệ bằng mật khẩu."
    next = "Nhập mật khẩu bằng --password-env."

``next`` is optional. Placeholders are filled with the parameters of the error or notice. Catalogues are read when the
first text is needed, never at import.
"""

from __future__ import annotations

import dataclasses
import re
import string
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from kyso.frozen import dataclass

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")

# Bidirectional overrides and isolates can make a file name read backwards; see rule 10 of the design.
_BIDI = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])

_packages: list[str] = ["kyso", "kyso_stamps"]


@dataclass(frozen=True, slots=True)
class Text:
    """One short text in both languages, for values that describe themselves (a plugin's summary)."""

    vi: str
    en: str

    def of(self, language: Language) -> str:
        """Return the text in `language`."""
        return self.vi if language == "vi" else self.en


@dataclass(frozen=True, slots=True)
class Phrase:
    """A catalogue text as a value, for parameters that are themselves to be read in the reader's language."""

    code: str
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def of(self, language: Language) -> str:
        """Return the text in `language`."""
        return message(self.code, language, self.parameters)


@dataclass(frozen=True, slots=True)
class Entry:
    """A catalogue entry: the message and, where there is one, the next step."""

    message: str
    next_step: str | None


def add_catalogue(package: str) -> None:
    """Make the catalogue of `package` known. Adding it again changes nothing."""
    if package not in _packages:
        _packages.append(package)
        _entries.cache_clear()


def catalogue_packages() -> tuple[str, ...]:
    """Return the packages whose catalogues are known, in the order of lookup."""
    return tuple(_packages)


def catalogue_files(package: str, language: Language) -> tuple[Path, ...]:
    """Return the catalogue files of `package`: ``messages.vi.toml``, then ``messages.*.vi.toml`` by name."""
    # Found, not imported: the stamp engine is not loaded for its words alone.
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    return tuple(
        file
        for folder in folders
        for pattern in (f"messages.{language}.toml", f"messages.*.{language}.toml")
        for file in sorted(folder.glob(pattern))
    )


def read_catalogue(package: str, language: Language) -> dict[str, Entry]:
    """Read one package's catalogue; a package without one has no entries."""
    entries: dict[str, Entry] = {}
    for file in catalogue_files(package, language):
        source = file.read_text(encoding="utf-8")
        found = _read_plain(source)
        if found is None:
            import tomllib

            tables = tomllib.loads(source)
            found = {code: Entry(str(table["message"]), table.get("next")) for code, table in tables.items()}
        entries.update(found)
    return entries


_TEXT = r'"([^"\\\n]*(?:\\["\\nt][^"\\\n]*)*)"'
_GAP = r"(?:#.*\n|[ \t]*\n)*"
_ENTRY = re.compile(_GAP + r'\["([\w.-]+)"\]\nmessage = ' + _TEXT + r"\n(?:next = " + _TEXT + r"\n)?" + _GAP)


def _read_plain(source: str) -> dict[str, Entry] | None:
    """Read a catalogue that keeps to one text a line, or return ``None`` where it uses more of TOML.

    For 300 entries tomllib takes 17 ms, a tenth of a whole cold command, and this takes 1 ms.
    """
    entries: dict[str, Entry] = {}
    end = 0
    for found in _ENTRY.finditer(source + "\n"):
        code, text, step = found.groups()
        if found.start() != end or code in entries:
            return None
        entries[code] = Entry(_unescaped(text), None if step is None else _unescaped(step))
        end = found.end()
    return entries if end == len(source) + 1 else None


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    import json

    # With these four escapes a TOML basic string is a JSON string.
    unescaped: str = json.loads(f'"{text}"', strict=False)
    return unescaped


@cache
def _entries(language: Language) -> dict[str, Entry]:
    merged: dict[str, Entry] = {}
    for package in _packages:
        try:
            entries = read_catalogue(package, language)
        # A plugin's broken catalogue must not swallow everybody's errors; `kyso plugins` says what is wrong with it.
        except Exception:  # noqa: BLE001, S112 - see above
            continue
        for code, entry in entries.items():
            merged.setdefault(code, entry)
    return merged


def shown(value: object) -> str:
    """Return `value` as text that is safe to show: NFC, without control, ANSI and bidirectional characters."""
    plain = unicodedata.normalize("NFC", str(value)).translate(_BIDI)
    return "".join(
        character if character == "\n" or unicodedata.category(character) != "Cc" else "\N{REPLACEMENT CHARACTER}"
        for character in plain
    )


class _Lenient(string.Formatter):
    """Fills what it is given and leaves an unknown placeholder visible instead of failing inside an error."""

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(str(key), "{" + str(key) + "}")


_formatter = _Lenient()


def has_text(code: str) -> bool:
    """Tell whether any known catalogue has an entry for `code`."""
    return code in _entries("vi")


def message(code: str, language: Language, parameters: Mapping[str, object] | None = None) -> str:
    """Return the message of `code` in `language` with `parameters` filled in."""
    entry = _entries(language).get(code)
    if entry is None:
        return code
    return _fill(entry.message, language, parameters)


def next_step(code: str, language: Language, parameters: Mapping[str, object] | None = None) -> str | None:
    """Return what the reader should do next about `code`, or ``None`` where nothing is to be done."""
    entry = _entries(language).get(code)
    if entry is None or entry.next_step is None:
        return None
    return _fill(entry.next_step, language, parameters)


def _fill(template: str, language: Language, parameters: Mapping[str, object] | None) -> str:
    safe = {name: _listed(value, language) for name, value in (parameters or {}).items()}
    return _formatter.vformat(template, (), safe)


def _listed(value: object, language: Language) -> str:
    if isinstance(value, (Text, Phrase)):
        return value.of(language)
    if isinstance(value, (list, tuple, set, frozenset)):
        # Whole sentences stand on lines of their own, names on one line.
        between = "\n  - " if any(isinstance(item, Phrase) for item in value) else ", "
        return between.join(_listed(item, language) for item in value)
    return shown(value)
