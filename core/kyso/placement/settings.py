"""Reads a policy's settings: text from ``--set NAME=VALUE`` or a config section becomes numbers, dates and choices.

A policy declares its settings; nothing it did not declare is accepted, and nothing is guessed::

    parse_settings((Setting("diameter_mm", "mm", Text("Đường kính", "Diameter")),), {"diameter_mm": "36,5"})
    -> {"diameter_mm": 36.5}
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any

from kyso.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kyso.contracts import Setting

MAX_TEXT = 500
"""Longest text setting; more than this fits on no stamp."""

MAX_MM = 5080.0
"""Greatest length: 14,400 points, the largest page of ISO 32000-2, annex C."""

_DATE = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})")
_ISO_DATE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})")
_NUMBER = re.compile(r"[+-]?\d{1,9}(?:[.,]\d{1,9})?")
_YES = {"true", "yes", "on", "1", "có", "co", "đúng"}
_NO = {"false", "no", "off", "0", "không", "khong", "sai"}


def parse_settings(declared: Iterable[Setting], given: Mapping[str, object]) -> dict[str, Any]:
    """Return the values of all settings that are given or have a default.

    :param declared: what the policy knows.
    :param given: the values as text; numbers, booleans and dates as a TOML file yields them are accepted too.
    :returns: float for ``mm`` and ``number``, ``datetime.date`` for ``date``, bool for ``flag``, else str. A setting
        that is not given and has no default is not in it.
    :raises WrongUse: ``setting.unknown`` naming the nearest, ``setting.missing``, or ``setting.wrong`` saying what is
        expected.
    """
    known = {setting.name: setting for setting in declared}
    for name in given:
        if name not in known:
            raise WrongUse("setting.unknown", setting=name, nearest=_nearest(name, known), known=sorted(known))
    values: dict[str, Any] = {}
    for name, setting in known.items():
        raw = given.get(name, setting.default)
        if raw is None or (raw == "" and not setting.required):
            if setting.required:
                raise WrongUse("setting.missing", setting=name)
            continue
        values[name] = parse_value(setting, raw)
    return values


def parse_value(setting: Setting, raw: object) -> Any:
    """Return one setting's value.

    :raises WrongUse: ``setting.wrong_KIND``, saying what is expected.
    """
    text = raw.isoformat() if isinstance(raw, date) else unicodedata.normalize("NFC", str(raw)).strip()
    return _PARSERS[setting.kind](setting, text)


def _text(setting: Setting, text: str) -> str:
    if not text and setting.required:
        raise WrongUse("setting.missing", setting=setting.name)
    if len(text) > MAX_TEXT or any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise WrongUse("setting.wrong_text", setting=setting.name, limit=MAX_TEXT)
    return text


def _plain_number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    return float(text.replace(",", "."))


def _mm(setting: Setting, text: str) -> float:
    value = _plain_number(text.removesuffix("mm").strip())
    if value is None or not 0 < value <= MAX_MM:
        raise WrongUse("setting.wrong_mm", setting=setting.name, value=text)
    return value


def _number(setting: Setting, text: str) -> float:
    numerator, slash, denominator = text.partition("/")
    value = _plain_number(numerator.strip())
    if slash and value is not None:
        divisor = _plain_number(denominator.strip())
        value = value / divisor if divisor else None
    if value is None or not math.isfinite(value):
        raise WrongUse("setting.wrong_number", setting=setting.name, value=text)
    return value


def _choice(setting: Setting, text: str) -> str:
    for choice in setting.choices:
        if choice.casefold() == " ".join(text.split()).casefold():
            return choice
    raise WrongUse("setting.wrong_choice", setting=setting.name, value=text, choices=setting.choices)


def _date(setting: Setting, text: str) -> date:
    found = _DATE.fullmatch(text) or _ISO_DATE.fullmatch(text)
    if found is None:
        raise WrongUse("setting.wrong_date", setting=setting.name, value=text)
    try:
        return date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        raise WrongUse("setting.wrong_date", setting=setting.name, value=text) from None


def _flag(setting: Setting, text: str) -> bool:
    folded = text.casefold()
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise WrongUse("setting.wrong_flag", setting=setting.name, value=text)


_PARSERS: dict[str, Callable[[Setting, str], Any]] = {
    "text": _text,
    "mm": _mm,
    "number": _number,
    "choice": _choice,
    "date": _date,
    "flag": _flag,
    "path": _text,
}


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    names = sorted(known)
    return next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.5)), names[0] if names else "-")
