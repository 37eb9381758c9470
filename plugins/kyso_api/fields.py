"""The fields that requests may carry, once for the reader and for the specification.

What a field means stands in the catalogues under ``api.field.NAME``. Keys are named by their configured names: no field
holds a path or a key's URI.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from kyso.cli.letters import rect_from, settings_from
from kyso.frozen import dataclass
from kyso.plugin import WrongUse
from kyso_api.uploads import one

FieldKind = Literal["text", "number", "whole", "flag", "choice", "rect", "settings", "time", "texts"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    :param example: shown in the specification, and true.
    :param least: smallest number; `most` likewise.
    """

    name: str
    kind: FieldKind
    example: str
    choices: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    longest: int = 500


KEY = Field("key", "text", "leader", longest=200)

PLACE = (
    Field("policy", "text", "decree30.leader", longest=200),
    Field("set", "settings", "number=12/QĐ-UBND"),
    Field("page", "whole", "1", least=-100_000, most=100_000),
    Field("rect_mm", "rect", "120,220,60,25"),
    Field("anchor", "text", "KT. CHỦ TỊCH"),
    Field("field", "text", "LeaderSignature"),
    Field("leader_field", "text", "LeaderSignature"),
    Field("signed_at", "time", "2026-11-20T09:00:00+07:00"),
    Field("repair", "flag", "false"),
)
FORM = (
    Field("level", "choice", "b", ("b", "t", "lt", "lta")),
    Field("signature_format", "choice", "pades", ("pades", "pkcs7")),
    Field("digest", "choice", "sha256", ("sha256", "sha384", "sha512")),
    Field("scheme", "choice", "rsa-pkcs1v15", ("rsa-pkcs1v15", "rsa-pss", "ecdsa")),
    Field("certify", "choice", "2", ("1", "2", "3")),
    Field("reason", "text", "Phê duyệt"),
    Field("location", "text", "Hà Nội"),
)
WEBHOOK = Field("webhook", "text", "https://qlvb.example.gov.vn/kyso", longest=2000)

SIGN = (KEY, *PLACE, *FORM, WEBHOOK)
PREPARE = (*PLACE, *FORM)
PREVIEW = (KEY, *PLACE, Field("reason", "text", "Phê duyệt"), Field("dpi", "number", "110", least=36, most=300))
VERIFY = (
    Field("format", "choice", "json", ("json", "text", "html", "pdf")),
    Field("at", "time", "2026-11-20T09:00:00+07:00"),
    Field("revocation", "choice", "offline", ("offline", "prefer", "require")),
    Field("conformity", "flag", "true"),
)
EXTEND = (
    Field("level", "choice", "lta", ("lt", "lta")),
    Field("best_effort", "flag", "false"),
)
EXPORT = (Field("set", "settings", "form=xml"),)


def values_from(declared: Sequence[Field], given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the values of the fields that are given.

    :returns: str, int, float, bool, a list of four lengths for a rectangle, a dictionary for settings.
    :raises WrongUse: an unknown field, one given twice, or a value that is not of its kind.
    """
    known = {entry.name: entry for entry in declared}
    for name in given:
        if name not in known:
            raise WrongUse("api.field_unknown", name=name, known=sorted(known))
    values: dict[str, Any] = {}
    for name, entry in known.items():
        if entry.kind == "settings":
            values[name] = _settings(given.get(name, ()))
            continue
        text = one(given, name)
        if text is None or text == "":
            continue
        if len(text) > entry.longest:
            raise WrongUse("api.field_too_long", name=name, limit=entry.longest)
        values[name] = _value(entry, text)
    return values


def wishes_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the values that makes a `SignRequest`, ready to cross to a worker."""
    wishes = {name: value for name, value in values.items() if name not in ("key", "set", "webhook", "dpi", "certify")}
    if "certify" in values:
        wishes["certify"] = int(values["certify"])
    return {**wishes, "settings": values.get("set", {})}


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    try:
        return settings_from(pairs)
    except WrongUse as error:
        raise WrongUse("api.field_wrong", name="set", value=list(pairs)[:3], expected="NAME=VALUE") from error


def _value(entry: Field, text: str) -> Any:
    try:
        if entry.kind == "whole":
            return _within(entry, int(text))
        if entry.kind == "number":
            return _within(entry, float(text))
        if entry.kind == "flag":
            return {"true": True, "false": False}[text.lower()]
        if entry.kind == "choice":
            return entry.choices[entry.choices.index(text)]
        if entry.kind == "rect":
            rect = rect_from(text)
            return None if rect is None else list(rect.as_tuple())
        if entry.kind == "time":
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError
            return moment.isoformat()
    except (ValueError, KeyError, OverflowError, WrongUse):
        raise WrongUse("api.field_wrong", name=entry.name, value=text[:80], expected=_expected(entry)) from None
    return text


def _within(entry: Field, value: Any) -> Any:
    if not entry.least <= value <= entry.most:
        raise ValueError
    return value


def _expected(entry: Field) -> str:
    if entry.kind == "choice":
        return " | ".join(entry.choices)
    if entry.kind in ("whole", "number"):
        return f"{entry.least:g} ... {entry.most:g}"
    return {"flag": "true | false", "rect": "X,Y,W,H (mm)", "time": "2026-11-20T09:00:00+07:00"}.get(entry.kind, "")
