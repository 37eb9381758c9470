"""Reading a dossier from JSON: kyso's own form, and the body that the gateway takes.

kyso's form::

    {"unit": {...}, "document": {"v_tieu_de": "..."},
     "vouchers": [{"form": "16a1", "header": {...}, "lines": [{...}]}],
     "attachments": [{"v_ten_file": "contract.pdf", "v_ten_tai_lieu": "..."}]}

The gateway's form has the names that the profile assumes (``Document``, ``16a1``, ``16a1_lines``,
``RefDetailAttach``). Both are read by the same tables; every wrong value is a :class:`Problem`, none stops the reading.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from kyso.plugin import InputRefused
from kyso_kbnn.dossier import Dossier, Record, Voucher
from kyso_kbnn.problems import Problem
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Form, Table
from kyso_kbnn.values import DOMESTIC_CURRENCY, Value, ValueReader

GREATEST_INPUT_BYTES = 8 * 1024 * 1024
_CURRENCY = "v_chungtu_dm_tiente"


@dataclass(frozen=True, slots=True)
class Draft:
    """A dossier as far as it could be read.

    :param wrong: paths of values that were given and are wrong; rules stay silent about them.
    """

    dossier: Dossier
    problems: tuple[Problem, ...] = ()
    wrong: frozenset[str] = field(default_factory=frozenset)


def parse_json(data: bytes, name: str) -> Any:
    """Parse JSON strictly: UTF-8, no NaN, no member twice, numbers exact.

    :raises InputRefused: it is not JSON, too large, or nested too deeply.
    """
    if len(data) > GREATEST_INPUT_BYTES:
        raise InputRefused("kbnn.input_too_large", name=name, limit=GREATEST_INPUT_BYTES)
    from decimal import Decimal

    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_members_once)
    except (ValueError, RecursionError) as cause:
        raise InputRefused("kbnn.json_wrong", name=name, detail=str(cause)[:200]) from cause


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # Two readers could take different ones of two equal names: refuse instead of choosing.
        names = [name for name, _ in pairs]
        raise ValueError(f"duplicate member: {next(name for name in names if names.count(name) > 1)}")
    return members


def read_dossier(raw: Any, profile: Profile, unit: Mapping[str, Any] | None = None, name: str = "") -> Draft:
    """Read a parsed JSON object in either form.

    :param unit: the unit's entries from config; the input's own win.
    :raises InputRefused: it is no object at all.
    """
    if not isinstance(raw, dict):
        raise InputRefused("kbnn.json_wrong", name=name, detail="object expected")
    return _DossierReader(profile).read(raw, unit or {})


class _DossierReader:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._found: list[Problem] = []
        self._wrong: set[str] = set()

    def read(self, raw: dict[str, Any], unit: Mapping[str, Any]) -> Draft:
        profile = self._profile
        if profile.json.document in raw and "document" not in raw:
            raw = self._from_gateway(raw)
        known = {"schema", "unit", "document", "vouchers", "attachments"}
        for key in raw:
            if key not in known:
                self._found.append(Problem("kbnn.entry_unknown", key, rule="name"))
        own_unit = self._object(raw.get("unit"), "unit")
        unit_values = self._record(profile.unit, {**unit, **own_unit}, "unit.")
        document = self._record(profile.document, self._object(raw.get("document"), "document"), "document.")
        vouchers = tuple(
            voucher
            for index, item in enumerate(self._array(raw.get("vouchers"), "vouchers", profile.limits.vouchers))
            if (voucher := self._voucher(item, f"vouchers[{index}]")) is not None
        )
        attachments = tuple(
            self._record(profile.attachment, self._object(item, f"attachments[{index}]"), f"attachments[{index}].")
            for index, item in enumerate(self._array(raw.get("attachments"), "attachments", profile.limits.lines))
        )
        dossier = Dossier(unit_values, document, vouchers, attachments)
        return Draft(dossier, tuple(self._found), frozenset(self._wrong))

    def _from_gateway(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Turn the body of SendDocument into kyso's form; LoginInfo is left aside, it is never read from a file."""
        names = self._profile.json
        result: dict[str, Any] = {
            "document": raw[names.document],
            "attachments": raw.get(names.attachments) or [],
            "vouchers": [],
        }
        if "unit" in raw:
            result["unit"] = raw["unit"]
        taken = {names.document, names.attachments, names.login, "unit", "schema"}
        for form in self._profile.forms.values():
            header_key, lines_key = names.voucher.format(form=form.name), names.lines.format(form=form.name)
            taken |= {header_key, lines_key}
            if header_key not in raw:
                continue
            given = raw[header_key]
            headers = self._array(given, header_key, self._profile.limits.vouchers) if type(given) is list else [given]
            lines = self._array(raw.get(lines_key), lines_key, self._profile.limits.lines)
            for header in headers:
                own = lines if len(headers) == 1 else [line for line in lines if _same_voucher(header, line)]
                result["vouchers"].append({"form": form.name, "header": header, "lines": own})
        for key in raw:
            if key not in taken:
                self._found.append(Problem("kbnn.entry_unknown", key, rule="name"))
        return result

    def _voucher(self, raw: Any, path: str) -> Voucher | None:
        item = self._object(raw, path)
        for key in item:
            if key not in {"form", "header", "lines"}:
                self._found.append(Problem("kbnn.entry_unknown", f"{path}.{key}", rule="name"))
        form = self._profile.forms.get(str(item.get("form", "")))
        if form is None:
            known = list(self._profile.forms)
            shown = str(item.get("form", ""))[:40]
            self._found.append(
                Problem("kbnn.form_unknown", f"{path}.form", rule="form", parameters={"form": shown, "known": known})
            )
            return None
        raw_header = self._object(item.get("header"), f"{path}.header")
        currency = self._currency(form, raw_header)
        header = self._record(form.header, raw_header, f"{path}.header.", currency)
        lines = tuple(
            self._record(
                form.lines, self._object(line, f"{path}.lines[{number}]"), f"{path}.lines[{number}].", currency
            )
            for number, line in enumerate(self._array(item.get("lines"), f"{path}.lines", self._profile.limits.lines))
        )
        return Voucher(form.name, header, lines)

    @staticmethod
    def _currency(form: Form, header: Mapping[str, Any]) -> str:
        given = header.get(_CURRENCY)
        return given if _CURRENCY in form.header.by_name and isinstance(given, str) and given else DOMESTIC_CURRENCY

    def _record(self, table: Table, raw: Mapping[str, Any], path: str, currency: str = DOMESTIC_CURRENCY) -> Record:
        reader = ValueReader(self._profile, path, self._found, currency)
        values: dict[str, Value] = {}
        given: set[str] = set()
        for key, item in raw.items():
            field = table.by_input_name.get(key)
            if field is None:
                self._found.append(Problem("kbnn.entry_unknown", f"{path}{key}", rule="name"))
                continue
            if field.name in given:
                self._found.append(Problem("kbnn.entry_twice", f"{path}{key}", field.label, "name"))
                continue
            given.add(field.name)
            if self._is_placeholder(field, item):
                continue
            value = reader.read(field, item)
            if value is not None:
                values[field.name] = value
            elif item not in (None, "") and not (isinstance(item, str) and not item.strip()):
                self._wrong.add(f"{path}{field.name}")
        return values

    @staticmethod
    def _is_placeholder(field: Field, item: Any) -> bool:
        """Tell ``<envelope>`` and the like, which examples carry where signing or upload fills in."""
        return (
            field.filled_by in ("signing", "upload")
            and isinstance(item, str)
            and item.startswith("<")
            and item.endswith(">")
            and "</" not in item
        )

    def _object(self, raw: Any, path: str) -> Mapping[str, Any]:
        if raw is None:
            return {}
        if isinstance(raw, dict):
            return raw
        self._found.append(Problem("kbnn.object_expected", path, rule="type"))
        return {}

    def _array(self, raw: Any, path: str, limit: int) -> list[Any]:
        if raw is None:
            return []
        if not isinstance(raw, list):
            self._found.append(Problem("kbnn.array_expected", path, rule="type"))
            return []
        if len(raw) > limit:
            self._found.append(
                Problem("kbnn.too_many", path, rule="count", parameters={"count": len(raw), "limit": limit})
            )
            return raw[:limit]
        return raw


def _same_voucher(header: Any, line: Any) -> bool:
    if not isinstance(header, dict) or not isinstance(line, dict):
        return False
    return bool(header.get("v_so_chung_tu")) and header.get("v_so_chung_tu") == line.get("v_so_chung_tu")
