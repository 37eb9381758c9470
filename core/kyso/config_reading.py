"""Turns the tables of a kyso.toml into a :class:`~kyso.config.Config` and names everything that is wrong in them."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from kyso import models, text
from kyso.config import Config, KeySection
from kyso.frozen import dataclass
from kyso.text import Phrase

GREATEST_LENGTH_MM = 2000.0

_SECRET_WORDS = frozenset(
    ("pin", "password", "passphrase", "passwd", "pwd", "secret", "token", "matkhau", "khau")  # mat_khau
)
_SECRET_IN_URI = re.compile(r"[?&;]pin-value=|//[^/@\s]*:[^/@\s]*@", re.IGNORECASE)
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:.")


@dataclass(frozen=True, slots=True)
class Entry:
    """How one entry of a section is read."""

    kind: Literal["text", "texts", "path", "paths", "mm", "flag", "choice"]
    choices: tuple[str, ...] = ()


def entries(section: type) -> dict[str, Entry]:
    """Return how the entries of a section's dataclass are read, from its annotations."""
    hints = typing.get_type_hints(section, localns={**vars(text), **vars(models)})
    return {
        field.name: _entry(hints[field.name])
        for field in dataclasses.fields(section)
        if typing.get_origin(hints[field.name]) is not Mapping
    }


def _entry(hint: Any) -> Entry:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is Literal:
        return Entry("choice", typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return Entry("paths" if typing.get_args(hint)[0] is Path else "texts")
    kinds: dict[Any, Literal["text", "path", "mm", "flag"]] = {str: "text", Path: "path", float: "mm", bool: "flag"}
    return Entry(kinds[hint])


class Reading:
    """One reading of one file: collects the problems, so that a person sees them all at once."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        self._lines = source.splitlines()
        self._problems: list[Phrase] = []

    def config(self, tables: Mapping[str, Any]) -> tuple[Config, tuple[Phrase, ...]]:
        """Return the configuration with what could be read, and every problem."""
        self._refuse_secrets(tables, ())
        sections = {field.name: field for field in dataclasses.fields(Config) if field.name != "path"}
        values: dict[str, Any] = {}
        for name, table in tables.items():
            if name not in sections:
                self._unknown((), name, sections)
            elif not isinstance(table, Mapping):
                self._wrong((), name, "config.expected_table", table)
            elif name == "keys":
                values[name] = self._keys(table)
            elif name == "plugins":
                values[name] = self._plugins(table)
            else:
                default: Any = sections[name].default
                values[name] = type(default)(**self._section(type(default), (name,), table))
        config = Config(path=self._path, **values)
        self._check_together(config)
        return config, tuple(self._problems)

    def _keys(self, tables: Mapping[str, Any]) -> dict[str, KeySection]:
        keys: dict[str, KeySection] = {}
        for name, table in tables.items():
            if not isinstance(table, Mapping):
                self._wrong(("keys",), name, "config.expected_table", table)
                continue
            own = entries(KeySection)
            options = {entry: value for entry, value in table.items() if entry not in own}
            values = self._section(
                KeySection, ("keys", name), {entry: value for entry, value in table.items() if entry in own}
            )
            keys[name] = KeySection(**values, options=options)
            if "uri" not in table:
                self._add("config.entry_missing", ("keys", name), "uri")
            elif values.get("uri") and not _SCHEME.match(values["uri"]):
                self._wrong(("keys", name), "uri", "config.expected_key_uri", values["uri"])
            if ":" in name:
                # A name with a colon could never be told from a URI on the command line.
                self._add("config.key_name", ("keys",), name)
        return keys

    def _plugins(self, tables: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        plugins: dict[str, Mapping[str, Any]] = {}
        for name, table in tables.items():
            if isinstance(table, Mapping):
                plugins[name] = dict(table)
            else:
                self._wrong(("plugins",), name, "config.expected_table", table)
        return plugins

    def _section(self, kind: type, place: tuple[str, ...], table: Mapping[str, Any]) -> dict[str, Any]:
        known = entries(kind)
        values: dict[str, Any] = {}
        for name, value in table.items():
            entry = known.get(name)
            if entry is None:
                self._unknown(place, name, known)
                continue
            try:
                values[name] = self._value(entry, value)
            except _Unfit as unfit:
                self._wrong(place, name, unfit.expected, value, choices=entry.choices)
        return values

    # ------------------------------------------------------------------------------------------------------- values

    def _value(self, entry: Entry, value: Any) -> Any:
        if entry.kind == "choice":
            if value not in entry.choices:
                raise _Unfit("config.expected_choice")
            return value
        read: dict[str, Callable[[Any], Any]] = {
            "text": _text,
            "texts": _texts,
            "path": self._file,
            "paths": lambda given: tuple(map(self._file, _texts(given))),
            "mm": _millimetres,
            "flag": _flag,
        }
        return read[entry.kind](value)

    def _file(self, value: Any) -> Path:
        # The path itself is not normalised: file systems tell NFC from NFD.
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            raise _Unfit("config.expected_path")
        return self._path.parent / Path(value).expanduser()

    # ------------------------------------------------------------------------------------------------------ problems

    def _check_together(self, config: Config) -> None:
        seal = config.seal
        if seal.diameter_mm is not None and (seal.width_mm is not None or seal.height_mm is not None):
            self._add("config.seal_sizes", ("seal",), "diameter_mm")
        if (seal.width_mm is None) != (seal.height_mm is None):
            self._add("config.seal_half_size", ("seal",), "height_mm" if seal.height_mm is None else "width_mm")
        key = config.signing.key
        if key is not None and ":" not in key and key not in config.keys:
            self._add("config.unknown_key", ("signing",), "key", name=key, known=_nearest(key, config.keys))
        for url in config.signing.tsa:
            if not re.match(r"https?://\S+$", url):
                self._wrong(("signing",), "tsa", "config.expected_url", url)

    def _refuse_secrets(self, table: Mapping[str, Any], place: tuple[str, ...]) -> None:
        for name, value in table.items():
            words = re.split(r"[_\-. ]", unicodedata.normalize("NFC", name).lower())
            if isinstance(value, Mapping):
                if len(place) < 8:
                    self._refuse_secrets(value, (*place, name))
            elif (isinstance(value, (str, int)) and not isinstance(value, bool) and words[-1] in _SECRET_WORDS) or (
                any(isinstance(text, str) and _SECRET_IN_URI.search(text) for text in _each(value))
            ):
                self._add("config.secret", place, name)

    def _unknown(self, place: tuple[str, ...], name: str, known: Iterable[str]) -> None:
        nearest = _nearest(name, known)
        elsewhere = [f"[{section}] {name}" for section in _sections_with(name) if (section,) != place]
        code = "config.unknown_entry" if place else "config.unknown_section"
        self._add(code, place, name, nearest=elsewhere or nearest)

    def _wrong(
        self, place: tuple[str, ...], name: str, expected: str, value: Any, choices: tuple[str, ...] = ()
    ) -> None:
        self._add(
            "config.wrong_value", place, name, expected=Phrase(expected, {"choices": choices}), found=_brief(value)
        )

    def _add(self, code: str, place: tuple[str, ...], entry: str, /, **parameters: object) -> None:
        table = f"[{'.'.join(place)}]" if place else ""
        where = {"file": self._path, "line": line_of(self._lines, place, entry), "table": table, "entry": entry}
        problem = Phrase(code, {**where, **parameters})
        if problem not in self._problems:
            self._problems.append(problem)


def line_of(lines: Sequence[str], place: tuple[str, ...], name: str) -> str:
    """Return the number of the line that holds entry `name` of the table `place`, for people.

    tomllib does not tell; an unusual way of writing yields "?".
    """
    wanted = ".".join(place)
    table = ""
    for number, line in enumerate(lines, 1):
        header = re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line)
        if header:
            table = header[1].replace('"', "").replace(" ", "")
            if table == (f"{wanted}.{name}" if wanted else name):
                return str(number)
        elif table == wanted and re.match(rf"""\s*["']?{re.escape(name)}["']?\s*[=.]""", line):
            return str(number)
    return "?"


class _Unfit(Exception):
    """A value is not of the kind its entry needs; `expected` is the code of the words that say what is."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unfit("config.expected_text")
    return unicodedata.normalize("NFC", value)


def _texts(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) and item.strip() for item in listed):
        raise _Unfit("config.expected_texts")
    return tuple(listed)


def _millimetres(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Unfit("config.expected_mm")
    length = float(value) if abs(value) <= GREATEST_LENGTH_MM else math.inf
    if not 0 < length <= GREATEST_LENGTH_MM:
        raise _Unfit("config.expected_mm")
    return length


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("config.expected_flag")
    return value


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _brief(value: Any) -> str:
    text = repr(value) if not isinstance(value, Mapping) else "{...}"
    if _SECRET_IN_URI.search(text):
        return "***"
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    import difflib

    names = list(known)
    return difflib.get_close_matches(name, names, n=2, cutoff=0.5) or names


def _sections_with(name: str) -> list[str]:
    return [
        section.name
        for section in dataclasses.fields(Config)
        if dataclasses.is_dataclass(section.default)
        and any(field.name == name for field in dataclasses.fields(section.default))
    ]
