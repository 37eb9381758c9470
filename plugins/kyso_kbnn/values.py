"""Single values: from JSON or a cell to a checked value, and from a value to the text that is sent and signed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from kyso.plugin import VIETNAM_TIME
from kyso_kbnn.problems import Problem
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Severity

Value = str | int | Decimal | date | datetime
"""Text and choices are ``str``, whole amounts and numbers ``int``, foreign amounts ``Decimal``."""

DOMESTIC_CURRENCY = "VND"

_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(\.\d{1,4})?", re.ASCII)
_GREATEST = 10**18
_CHOICE_WITH_WORDS = re.compile(r"(\S+) - .*")
# Letters that decide nothing and cannot be seen; what a treasurer reads must be what is signed.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class ValueReader:
    """Reads the values of one record and collects what is wrong with them.

    :param path: where the record stands in the input.
    :param currency: ISO 4217 code of the voucher; whole amounts are asked for VND only.
    """

    __slots__ = ("_currency", "_found", "_path", "_profile")

    def __init__(self, profile: Profile, path: str, found: list[Problem], currency: str = DOMESTIC_CURRENCY) -> None:
        self._profile = profile
        self._path = path
        self._found = found
        self._currency = currency

    def read(self, field: Field, raw: Any) -> Value | None:
        """Return the checked value, or ``None`` for an empty or wrong one; a wrong one leaves a problem."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        if isinstance(raw, (list, dict)):
            self._tell("kbnn.value_expected", field, "type")
            return None
        match field.kind:
            case "text":
                return self._text(field, raw)
            case "choice":
                return self._choice(field, raw)
            case "integer":
                return self._whole(field, raw)
            case "amount" | "foreign_amount":
                return self._amount(field, raw)
            case "date":
                return self._date(field, raw)
            case "time":
                return self._time(field, raw)

    def _text(self, field: Field, raw: Any) -> str | None:
        if isinstance(raw, (int, float, Decimal)) and not isinstance(raw, bool):
            # A cell or a JSON number has lost its leading zeros; it is taken only where the form proves it whole.
            number = _number(raw)
            written = str(int(number)) if number is not None and number == int(number) else ""
            if not (field.expected and field.expected.fullmatch(written)):
                self._tell("kbnn.text_expected", field, "type", value=raw)
                return None
            return written
        if not isinstance(raw, str):
            self._tell("kbnn.text_expected", field, "type", value=raw)
            return None
        text = self.clean(field, raw)
        if text is None:
            return None
        length = len(text)
        if field.max is not None and length > field.max:
            hard = field.hard_max
            severe = hard is None or length > hard
            severity: Severity = "error" if severe else self._profile.strictness.effective_length
            limit = hard if severe else field.max
            self._tell("kbnn.too_long", field, "length", severity, length=length, limit=limit)
            if severity == "error":
                return None
        if field.expected and not field.expected.fullmatch(text):
            severity = self._profile.strictness.expected_form
            self._tell("kbnn.unusual_form", field, "form", severity, value=text, form=field.expect)
        return text

    def clean(self, field: Field, raw: str) -> str | None:
        """Return `raw` in NFC, trimmed, with plain spaces; refuse characters that cannot be seen."""
        text = raw if raw.isascii() else unicodedata.normalize("NFC", raw.replace("\xa0", " "))
        if text != raw and unicodedata.normalize("NFC", raw) != raw:
            self._tell("kbnn.text_normalised", field, "unicode", "warning")
        trimmed = text.strip()
        if trimmed != text:
            self._tell("kbnn.text_trimmed", field, "spaces", "warning")
        if not trimmed.isprintable():
            unseen = sorted({f"U+{ord(sign):04X}" for sign in trimmed if unicodedata.category(sign) in _UNSEEN})
            unknown = sorted({f"U+{ord(sign):04X}" for sign in trimmed if unicodedata.category(sign) == "Cn"})
            if unseen or unknown:
                self._tell("kbnn.unseen_characters", field, "characters", characters=unseen + unknown)
                return None
        return trimmed

    def _choice(self, field: Field, raw: Any) -> str | None:
        text = raw.strip() if isinstance(raw, str) else str(raw)
        if isinstance(raw, bool):
            text = ""
        elif isinstance(raw, (float, Decimal)):
            number = _number(raw)
            text = str(int(number)) if number is not None and number == int(number) else ""
        with_words = _CHOICE_WITH_WORDS.fullmatch(text)
        if with_words:
            text = with_words.group(1)
        if text not in field.values:
            known = [f"{value} ({words})" for value, words in field.values.items()]
            self._tell("kbnn.choice_unknown", field, "choice", value=raw, known=known)
            return None
        return text

    def _whole(self, field: Field, raw: Any) -> int | None:
        number = _number(raw)
        if number is None or number != int(number):
            self._tell("kbnn.whole_number_expected", field, "type", value=raw)
            return None
        if number < 0:
            self._tell("kbnn.negative", field, "number", value=raw)
            return None
        return int(number)

    def _amount(self, field: Field, raw: Any) -> int | Decimal | None:
        number = _number(raw)
        if number is None:
            self._tell("kbnn.amount_expected", field, "type", value=raw)
            return None
        if number < 0:
            self._tell("kbnn.negative", field, "number", value=raw)
            return None
        if number >= _GREATEST:
            self._tell("kbnn.amount_too_large", field, "number", value=raw)
            return None
        if number == int(number):
            return int(number)
        if self._currency == DOMESTIC_CURRENCY:
            self._tell("kbnn.amount_whole", field, "number", value=raw, currency=self._currency)
            return None
        return number

    def _date(self, field: Field, raw: Any) -> date | None:
        if isinstance(raw, datetime):
            if raw.hour or raw.minute or raw.second or raw.microsecond:
                self._tell("kbnn.date_expected", field, "date", value=raw)
                return None
            return raw.date()
        if isinstance(raw, date):
            return raw
        match = _DATE.fullmatch(raw.strip()) if isinstance(raw, str) else None
        if match:
            day, month, year = (int(part) for part in match.groups())
            try:
                if 1900 <= year <= 2999:
                    return date(year, month, day)
            except ValueError:  # 31/02: told below as any other date that does not exist
                match = None
        self._tell("kbnn.date_expected", field, "date", value=raw)
        return None

    def _time(self, field: Field, raw: Any) -> datetime | None:
        if isinstance(raw, str):
            try:
                return datetime.strptime(raw.strip(), self._profile.json.time_pattern).replace(tzinfo=VIETNAM_TIME)
            except ValueError:
                raw = raw.strip()
        self._tell("kbnn.time_expected", field, "time", value=raw, form=self._profile.json.time_pattern)
        return None

    def _tell(self, code: str, field: Field, rule: str, severity: Severity = "error", **parameters: object) -> None:
        shown = {name: _short(value) for name, value in parameters.items()}
        if field.secret:
            shown.pop("value", None)
        self._found.append(Problem(code, f"{self._path}{field.name}", field.label, rule, severity, shown))


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > 60:
        return value[:57] + "..."
    return value


def _number(raw: Any) -> Decimal | int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float):
        raw = Decimal(repr(raw))  # the digits a person sees in the cell
    if isinstance(raw, Decimal):
        exponent = raw.as_tuple().exponent
        # A huge exponent would make int() slow and a long fraction is no amount of money.
        if not isinstance(exponent, int) or not -4 <= exponent <= 18:
            return Decimal(-1) if raw.is_finite() and raw < 0 else None
        return raw
    if isinstance(raw, str):
        text = raw.strip()
        negative = text.startswith("-")
        if _NUMBER.fullmatch(text.removeprefix("-")):
            return -Decimal(text[1:]) if negative else Decimal(text)
    return None


def written(value: Value | None, profile: Profile) -> str:
    """Return `value` as the text that stands in XML and in strings of the body; an absent one is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM_TIME).strftime(profile.json.time_pattern)
    if isinstance(value, date):
        return f"{value.day:02}/{value.month:02}/{value.year:04}"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def on_the_wire(field: Field, value: Value | None, profile: Profile) -> str | int | Decimal | None:
    """Return `value` as it stands in the body of SendDocument: as number where the decision types it Number."""
    as_number = field.json == "number" or (
        field.kind in ("amount", "foreign_amount") and not profile.json.amounts_as_typed
    )
    if value is None:
        return None if as_number else profile.json.empty_text
    if as_number:
        if isinstance(value, (int, Decimal)):
            return value
        if isinstance(value, str) and value.isdigit():
            return int(value)
    return written(value, profile)
