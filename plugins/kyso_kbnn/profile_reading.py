"""From a profile's TOML to its frozen values: every entry is checked, and one that nothing reads is refused."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar

from kyso.plugin import ConfigWrong
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Condition, Equals, Field, Form, Origin, RuleSet, Table, XmlElement, XmlForm

T = TypeVar("T")


def read_profile(text: str, name: str) -> Profile:
    """Build the profile from TOML `text`.

    :param name: the file's name, for errors.
    :raises ConfigWrong: an entry is missing, unknown or of a wrong kind; the error names the entry.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise ConfigWrong("kbnn.profile_syntax", name=name, detail=str(cause)) from cause
    return _Reader(name).profile(tables)


@cache
def _shape(kind: type[Any]) -> tuple[dict[str, Any], dict[str, dataclasses.Field[Any]]]:
    """The types and fields of a dataclass; evaluating annotations once per row would cost more than all the rest."""
    return typing.get_type_hints(kind), {field.name: field for field in dataclasses.fields(kind)}


class _Reader:
    """Turns TOML tables into frozen values and remembers the file's name for errors."""

    def __init__(self, name: str) -> None:
        self._name = name

    def profile(self, raw: dict[str, Any]) -> Profile:
        raw = dict(raw)
        objects = {
            name: self.build(Table, {"name": name, **table}, f"tables.{name}")
            for name, table in self._pop(raw, "tables", "").items()
        }
        for required in ("unit", "login", "document", "attachment"):
            if required not in objects:
                raise self._wrong(f"tables.{required}")
        rules = {
            name: self.build(RuleSet, table, f"rules.{name}") for name, table in self._pop(raw, "rules", "").items()
        }
        xml = self._pop(raw, "xml", "")
        xml_forms = {
            name: self.build(XmlForm, xml.pop(name), f"xml.{name}")
            for name in [name for name, value in xml.items() if isinstance(value, dict)]
        }
        forms: dict[str, Form] = {}
        for name, table in self._pop(raw, "forms", "").items():
            path = f"forms.{name}"
            linked = {
                "header": self._link(objects, table, "header", path),
                "lines": self._link(objects, table, "lines", path),
                "xml": self._link(xml_forms, table, "xml", path),
                "rules": self._link(rules, table, "rules", path),
            }
            forms[name] = self.build(Form, {**table, "name": name, **linked}, path)
        conditions = {
            name: self.build(Condition, {"name": name, **table}, f"conditions.{name}")
            for name, table in self._pop(raw, "conditions", "").items()
        }
        head = self._pop(raw, "profile", "")
        values = {**head, **raw, "xml": xml, "forms": forms, "tables": objects, "conditions": conditions}
        profile = self.build(Profile, values, "")
        self._check_names(profile)
        return profile

    def build(self, kind: type[T], raw: Any, path: str) -> T:
        """Build the dataclass `kind`, entry by entry, refusing what it does not know."""
        if not isinstance(raw, Mapping):
            raise self._wrong(path)
        hints, known = _shape(kind)  # type: ignore[arg-type]  # classes are hashable
        values: dict[str, Any] = {}
        for key, value in raw.items():
            name = "origin" if key == "from" and kind is XmlElement else key
            if name not in known:
                raise self._wrong(f"{path}.{key}")
            values[name] = self.convert(hints[name], value, f"{path}.{key}")
        for name, field in known.items():
            no_default = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if name not in values and no_default:
                raise self._wrong(f"{path}.{name}")
        return kind(**values)

    def convert(self, hint: Any, value: Any, path: str) -> Any:
        """Check `value` against the type `hint` and freeze it."""
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint in (Origin, Equals):
            try:
                return hint.parse(value)
            except (ValueError, AttributeError) as cause:
                raise self._wrong(path) from cause
        if origin in (types.UnionType, typing.Union):
            return self.convert(next(kind for kind in arguments if kind is not type(None)), value, path)
        if origin is Literal:
            if value not in arguments:
                raise self._wrong(path)
            return value
        if origin is tuple:
            if not isinstance(value, list):
                raise self._wrong(path)
            return tuple(self.convert(arguments[0], item, f"{path}[{index}]") for index, item in enumerate(value))
        if origin in (dict, Mapping):
            if not isinstance(value, dict):
                raise self._wrong(path)
            return {key: self.convert(arguments[1], item, f"{path}.{key}") for key, item in value.items()}
        if dataclasses.is_dataclass(hint):
            return value if isinstance(value, hint) else self.build(hint, value, path)  # type: ignore[arg-type]
        if type(value) is not hint:
            raise self._wrong(path)
        return value

    def _pop(self, raw: dict[str, Any], key: str, path: str) -> dict[str, Any]:
        value = raw.pop(key, None)
        if not isinstance(value, dict):
            raise self._wrong(f"{path}{key}")
        return value

    def _link(self, known: Mapping[str, T], table: Mapping[str, Any], key: str, path: str) -> T:
        found = known.get(str(table.get(key)))
        if found is None:
            raise self._wrong(f"{path}.{key}")
        return found

    def _check_names(self, profile: Profile) -> None:
        """Every name that one entry uses must be another entry's: fields, conditions, expressions."""
        for table in profile.tables.values():
            for field in table.fields:
                path = f"tables.{table.name}.{field.name}"
                for obligation in (field.said, field.proposed):
                    if obligation not in (None, "always") and obligation not in profile.conditions:
                        raise self._wrong(path)
                self._check_pattern(field.expect, path)
        for form in profile.forms.values():
            columns = {"header": form.header.by_name, "lines": form.lines.by_name}
            for part, elements in (("header", form.xml.header), ("lines", form.xml.lines)):
                for element in elements:
                    for origin in (element.origin, element.otherwise):
                        if origin is not None:
                            self._check_origin(profile, form, columns[part], origin, f"xml {form.name} {element.tag}")
        for element in profile.xml.dossier:
            self._check_origin(profile, None, {}, element.origin, f"xml {element.tag}")
        for condition in profile.conditions.values():
            self._check_pattern(condition.form, f"conditions.{condition.name}.form")
            for other in (condition.then_empty, condition.also_proposed):
                if other is not None and other not in profile.conditions:
                    raise self._wrong(f"conditions.{condition.name}")
        for name in ("dossier", "voucher", "prefix", "unit", "treasury"):
            self._check_pattern(getattr(profile.codes, name), f"codes.{name}")

    def _check_origin(
        self, profile: Profile, form: Form | None, columns: Mapping[str, Field], origin: Origin, path: str
    ) -> None:
        tables: dict[str, Mapping[str, Field]] = {
            "field": columns,
            "unit": profile.unit.by_name,
            "document": profile.document.by_name,
            "sum": form.lines.by_name if form else {},
        }
        if origin.kind in tables and origin.name not in tables[origin.kind]:
            raise self._wrong(path)

    def _check_pattern(self, pattern: str | None, path: str) -> None:
        try:
            re.compile(pattern or "")
        except re.error as cause:
            raise self._wrong(path) from cause

    def _wrong(self, path: str) -> ConfigWrong:
        return ConfigWrong("kbnn.profile_wrong", name=self._name, entry=path.lstrip("."))
