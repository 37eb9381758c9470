"""Reads a stamp template from TOML and names everything that is wrong with it: file, line, and the right word.

::

    [stamp]
    vi = "Chữ ký có họ tên và thời gian"
    en = "Signature with name and time"
    width_mm = 60
    height_mm = 34

    [[image]]
    box_mm = [0, 0, 60, 22]

    [[lines]]
    box_mm = [0, 22, 60, 12]
    align = "centre"
    text = ["{signer}", "{time:%d/%m/%Y %H:%M:%S} {time:%z}"]

Further tables: ``[[qr]]`` (a QR code), ``[[border]]`` (a rectangle), ``[variables.NAME]`` (a variable of its own). What
an entry may hold is written in ``_TABLES`` below, and nothing else is accepted: a misspelt entry would otherwise be a
default in disguise.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kyso_stamps.template import (
    KNOWN_VARIABLES,
    MIN_SIZE_PT,
    SIZE_PT,
    WORDS,
    BorderSlot,
    Fragments,
    ImageSlot,
    LinesSlot,
    Placeholder,
    QrSlot,
    Slot,
    Template,
    TextFault,
    Variable,
    parse_text,
    placeholders,
    wrong_directive,
)
from kyso_stamps.toml_lines import entry_lines

MAX_BYTES = 64 * 1024
MAX_SLOTS = 60
MAX_SIDE_MM = 1000.0
MAX_SIZE_PT = 400.0
MAX_TEXT = 500

_TOLERANCE_MM = 0.01
_HEX_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_SYNTAX_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a template; `code` has words in the catalogues.

    :param parameters: what the words mention, among it `file`, `line` (text; ``?`` where it is not known), `entry`.
    """

    code: str
    parameters: Mapping[str, object]


class _Unfit(Exception):
    """A value is not what its entry needs. The code ends with `what`."""

    def __init__(self, what: str, hint: str = "", **parameters: object) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.parameters = parameters


def _millimetres(value: Any) -> float:
    return _number(value, 0.0, MAX_SIDE_MM, "mm")


def _number(value: Any, above: float, most: float, what: str = "number") -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _Unfit(what)
    if not above < value <= most:
        raise _Unfit(what, least=f"{above:g}", most=f"{most:g}")
    return float(value)


def _points(value: Any) -> float:
    return _number(value, 0.0, MAX_SIZE_PT, "points")


def _line_width(value: Any) -> float:
    return 0.0 if value == 0 and not isinstance(value, bool) else _points(value)


def _leading(value: Any) -> float:
    return _number(value, 0.0, 10.0)


def _box(value: Any) -> tuple[float, float, float, float]:
    if not isinstance(value, list) or len(value) != 4:
        raise _Unfit("box")
    left, top, width, height = (
        _number(item, -_TOLERANCE_MM if at < 2 else 0.0, MAX_SIDE_MM, "box") for at, item in enumerate(value)
    )
    return left, top, width, height


def _colour(value: Any) -> tuple[float, float, float]:
    if not isinstance(value, str) or not _HEX_COLOUR.fullmatch(value):
        raise _Unfit("colour")
    red, green, blue = (int(value[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unfit("flag")
    return value


def _plain(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unfit("text")
    if len(value) > MAX_TEXT:
        raise _Unfit("text", limit=MAX_TEXT)
    return unicodedata.normalize("NFC", value)


def _text(value: Any) -> Fragments:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise _Unfit("text", limit=MAX_TEXT)
    if not isinstance(value, str):
        raise _Unfit("text")
    try:
        return parse_text(unicodedata.normalize("NFC", value))
    except TextFault as fault:
        raise _Unfit("braces", hint=fault.at, text=fault.at) from None


def _texts(value: Any) -> tuple[Fragments, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_SLOTS:
        raise _Unfit("text")
    return tuple(map(_text, listed))


def _file(value: Any) -> str:
    name = _plain(value)
    # A template's pictures lie beside it: what is handed over as one folder stays whole, and reads nothing else.
    if Path(name).name != name or "\\" in name or ":" in name or name in (".", "..") or "\0" in name:
        raise _Unfit("file")
    return name


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise _Unfit("choice", choices=list(choices), nearest=_nearest(str(value), choices))
        return str(value)

    return read


_Entries = Mapping[str, Callable[[Any], Any]]

_ALIGN = _one_of("left", "centre", "right")
_VERTICAL = _one_of("top", "middle", "bottom")
_STAMP: _Entries = {"vi": _plain, "en": _plain, "width_mm": _millimetres, "height_mm": _millimetres}
_VARIABLE: _Entries = {
    "vi": _plain,
    "en": _plain,
    "kind": _one_of("text", "time", "date"),
    "sample": _plain,
}
_TABLES: Mapping[str, tuple[type[Any], _Entries]] = {
    "border": (BorderSlot, {"box_mm": _box, "line_pt": _line_width, "colour": _colour, "fill": _colour}),
    "image": (
        ImageSlot,
        {
            "box_mm": _box,
            "file": _file,
            "fit": _one_of("contain", "true_size"),
            "align": _ALIGN,
            "vertical": _VERTICAL,
            "required": _flag,
        },
    ),
    "qr": (
        QrSlot,
        {"box_mm": _box, "content": _text, "error_correction": _one_of("L", "M", "Q", "H"), "colour": _colour},
    ),
    "lines": (
        LinesSlot,
        {
            "box_mm": _box,
            "text": _texts,
            "size_pt": _points,
            "min_size_pt": _points,
            "align": _ALIGN,
            "vertical": _VERTICAL,
            "bold": _flag,
            "italic": _flag,
            "colour": _colour,
            "leading": _leading,
            "wrap": _flag,
        },
    ),
}
"""The slots in the order of drawing, and the entries of each."""


def read_template(
    source: str | bytes, name: str, *, file: str, folder: Path | None = None
) -> tuple[Template | None, tuple[Problem, ...]]:
    """Read a template and return it, or ``None``, with everything that is wrong.

    :param source: the TOML text, or the bytes of the file.
    :param name: the template's name.
    :param file: the file's name, for people.
    :param folder: where pictures of its own lie; ``None`` where it may have none.
    """
    if len(source) > MAX_BYTES:
        return None, (Problem("stamp.template_too_large", {"file": file, "limit": MAX_BYTES // 1024}),)
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
    except UnicodeDecodeError:
        return None, (Problem("stamp.template_not_utf8", {"file": file}),)
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = _SYNTAX_LINE.search(str(error))
        cause = _SYNTAX_LINE.sub("", str(error)) if found else str(error)
        line = found[1] if found else "?"
        return None, (Problem("stamp.template_syntax", {"file": file, "line": line, "cause": cause}),)
    reading = _Reading(text, file)
    template = reading.template(tables, name, folder)
    return template, tuple(sorted(reading.problems, key=_line_number))


class _Reading:
    """One reading of one template."""

    def __init__(self, source: str, file: str) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._file = file
        self._lines: dict[tuple[str | int, ...], int] | None = None

    def template(self, tables: Mapping[str, Any], name: str, folder: Path | None) -> Template | None:
        known = ("stamp", *_TABLES, "variables")
        for entry in tables:
            if entry not in known:
                self._add("unknown_table", (entry,), entry, nearest=_nearest(entry, known))
        stamp = self._table(_STAMP, tables.get("stamp", {}), ("stamp",), frozenset(_STAMP))
        declared = self._declared(tables.get("variables", {}))
        whole = stamp.get("width_mm"), stamp.get("height_mm")
        found: list[dict[str, Any]] = []
        slots: list[Slot] = []
        for kind, (slot_type, entries) in _TABLES.items():
            for table, place in self._slot_tables(kind, tables.get(kind, [])):
                before = len(self.problems)
                values = self._table(entries, table, place, _required(slot_type))
                self._check(slot_type, values, place, whole, folder)
                self._check_variables(values, place, declared)
                found.append(values)
                if len(self.problems) == before:
                    slots.append(_slot(slot_type, values))
        if len(found) > MAX_SLOTS:
            self._add("too_many", (), "", limit=MAX_SLOTS)
        if not found:
            self._add("empty", (), "")
        used = {wanted.name: wanted for values in found for wanted in _variables(values)}
        if not self.problems:
            for variable in declared:
                if variable not in used:
                    self._add("unused_variable", ("variables", variable), variable)
        if self.problems:
            return None
        return Template(
            name=name,
            slots=tuple(slots),
            variables=tuple(declared.get(variable) or KNOWN_VARIABLES[variable] for variable in used),
            required=frozenset(wanted.name for slot in slots for wanted in placeholders(slot) if not wanted.optional),
            folder=folder,
            **stamp,
        )

    # ------------------------------------------------------------------------------------------------------- tables

    def _slot_tables(self, kind: str, value: Any) -> Iterable[tuple[Any, tuple[str | int, ...]]]:
        if isinstance(value, Mapping):  # one table may be written without the double brackets
            yield value, (kind,)
        elif isinstance(value, list):
            for at, table in enumerate(value):
                yield table, (kind, at)
        else:
            self._add("wrong_table", (kind,), kind)

    def _table(
        self, entries: _Entries, table: Any, place: tuple[str | int, ...], required: frozenset[str]
    ) -> dict[str, Any]:
        if not isinstance(table, Mapping):
            self._add("wrong_table", place, str(place[0]))
            return {}
        values: dict[str, Any] = {}
        for entry, value in table.items():
            read = entries.get(entry)
            if read is None:
                self._add("unknown_entry", (*place, entry), entry, table=place[0], nearest=_nearest(entry, entries))
                continue
            try:
                values[entry] = read(value)
            except _Unfit as unfit:
                self._add(
                    f"wrong_{unfit.what}", (*place, entry), entry, unfit.hint, found=_brief(value), **unfit.parameters
                )
        for entry in sorted(required - set(table)):
            self._add("missing_entry", place, entry, table=place[0])
        return values

    def _declared(self, tables: Any) -> dict[str, Variable]:
        if not isinstance(tables, Mapping):
            self._add("wrong_table", ("variables",), "variables")
            return {}
        declared: dict[str, Variable] = {}
        for name, table in tables.items():
            place = ("variables", name)
            values = self._table(_VARIABLE, table, place, frozenset(("vi", "en")))
            if not _VARIABLE_NAME.fullmatch(name):
                self._add("wrong_variable_name", place, name)
            elif name in KNOWN_VARIABLES:
                self._add("known_variable", place, name)
            # Declared even where something about it is wrong, so that its uses are not reported as unknown too.
            declared[name] = Variable(name, **{"vi": "", "en": "", **values})
        return declared

    # ------------------------------------------------------------------------------------------------------- slots

    def _check(
        self,
        slot_type: type[Any],
        values: Mapping[str, Any],
        place: tuple[str | int, ...],
        stamp_mm: tuple[float | None, float | None],
        folder: Path | None,
    ) -> None:
        if "box_mm" in values:
            left, top, width, height = values["box_mm"]
            for edge, whole in zip((left + width, top + height), stamp_mm, strict=True):
                if whole is not None and edge > whole + _TOLERANCE_MM:
                    self._add("box_outside", (*place, "box_mm"), "box_mm", edge=f"{edge:g}", whole=f"{whole:g}")
        size, smallest = values.get("size_pt", SIZE_PT), values.get("min_size_pt")
        if smallest is not None and smallest > size:
            self._add("sizes", (*place, "min_size_pt"), "min_size_pt", size=f"{size:g}", smallest=f"{smallest:g}")
        picture = values.get("file") if slot_type is ImageSlot else None
        if picture is not None:
            if folder is None or not (folder / picture).is_file():
                self._add("no_picture", (*place, "file"), "file", picture=picture)
            if values.get("fit") == "true_size":
                self._add("own_picture_size", (*place, "fit"), "fit", picture=picture)

    def _check_variables(
        self, values: Mapping[str, Any], place: tuple[str | int, ...], declared: Mapping[str, Variable]
    ) -> None:
        entry = "content" if "content" in values else "text"
        variables = {**KNOWN_VARIABLES, **declared}
        for wanted in _variables(values):
            variable = variables.get(wanted.name)
            where = (*place, entry)
            if variable is None:
                nearest = _nearest(wanted.name, variables)
                self._add("unknown_variable", where, entry, wanted.source, variable=wanted.name, nearest=nearest)
            elif wanted.pattern is not None and variable.kind == "text":
                self._add("pattern_on_text", where, entry, wanted.source, variable=wanted.name)
            elif wanted.pattern is not None:
                wrong = wrong_directive(wanted.pattern) if wanted.pattern.strip() else "''"
                if wrong is not None:
                    self._add("pattern", where, entry, wanted.source, directive=wrong, words=WORDS)

    # ----------------------------------------------------------------------------------------------------- problems

    def _add(
        self, what: str, place: tuple[str | int, ...], entry: str, hint: str = "", /, **parameters: object
    ) -> None:
        where = {"file": self._file, "line": self._line(place, hint), "entry": entry}
        problem = Problem(f"stamp.template_{what}", {**where, **parameters})
        if problem not in self.problems:
            self.problems.append(problem)

    def _line(self, place: tuple[str | int, ...], hint: str) -> str:
        """Return the line of an entry, or of the text `hint` within it; of its table where it has none itself."""
        if self._lines is None:
            self._lines = entry_lines(self._source)
        for length in range(len(place), 0, -1):
            line = self._lines.get(place[:length])
            if line is not None:
                break
        else:
            return "1"
        if hint:
            lines = self._source.splitlines()
            return str(next((at for at in range(line, len(lines) + 1) if hint in lines[at - 1]), line))
        return str(line)


def _line_number(problem: Problem) -> int:
    line = str(problem.parameters["line"])
    return int(line) if line.isdecimal() else 0


def _required(slot_type: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(slot_type) if field.default is dataclasses.MISSING)


def _slot(slot_type: type[Any], values: Mapping[str, Any]) -> Slot:
    given = dict(values)
    if slot_type is LinesSlot and "min_size_pt" not in given:
        # Text that is meant to be small is not an error of a default that is larger.
        given["min_size_pt"] = min(MIN_SIZE_PT, given.get("size_pt", SIZE_PT))
    slot: Slot = slot_type(**given)
    return slot


def _variables(values: Mapping[str, Any]) -> list[Placeholder]:
    texts: tuple[Fragments, ...] = (*values.get("text", ()), values.get("content", ()))
    return [fragment for fragments in texts for fragment in fragments if isinstance(fragment, Placeholder)]


def _brief(value: Any) -> str:
    text = "{...}" if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _nearest(name: str, known: Iterable[str]) -> list[str]:
    import difflib

    names = sorted(known)
    return difflib.get_close_matches(name, names, n=2, cutoff=0.5) or names
