"""The rules between fields: obligations C0-C7, sums, equal values, codes. All breaches are found in one pass.

What the decision states and what the profile proposes stay apart: a breach names its origin, and the profile decides
how severe a breach of its own proposals is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

from kyso.plugin import Text
from kyso_kbnn.dossier import Dossier, Record, Voucher, column_sum, records_of
from kyso_kbnn.problems import Problem
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Condition, Equals, Field, Form, Severity, Table
from kyso_kbnn.values import DOMESTIC_CURRENCY, Value

Stage = Literal["draft", "coded", "signed"]
"""How far the dossier is: codes and signatures are asked for only once they must be there."""

_FILLED_AT: dict[Stage, frozenset[str]] = {
    "draft": frozenset({"person"}),
    "coded": frozenset({"person", "codes"}),
    "signed": frozenset({"person", "codes", "signing"}),
}


def check_dossier(
    dossier: Dossier,
    profile: Profile,
    *,
    stage: Stage = "coded",
    wrong: frozenset[str] = frozenset(),
    registered: Callable[[str, str], bool] | None = None,
) -> list[Problem]:
    """Return every breach of a rule in a completed dossier.

    :param wrong: paths of values that were given but could not be read; they are not called missing.
    :param registered: tells whether the treasury knows a value: (field name, value); ``None`` asks nobody.
    """
    check = _Check(profile, stage, wrong, registered)
    check.dossier(dossier)
    return check.found


_ALWAYS = Text("bắt buộc", "required")


class _Check:
    def __init__(
        self,
        profile: Profile,
        stage: Stage,
        wrong: frozenset[str],
        registered: Callable[[str, str], bool] | None,
    ) -> None:
        self._profile = profile
        self._filled = _FILLED_AT[stage]
        self._wrong = wrong
        self._registered = registered
        self.found: list[Problem] = []

    def dossier(self, dossier: Dossier) -> None:
        if not dossier.vouchers:
            self._tell("kbnn.no_voucher", "vouchers", "", "count")
        for path, table, record in records_of(dossier, self._profile):
            if "].header." not in path and "].lines[" not in path:
                self._plain_obligations(path, table, record)
        for index, voucher in enumerate(dossier.vouchers):
            self._voucher(f"vouchers[{index}].", voucher)
        self._once_per_form(dossier)
        self._codes(dossier)

    # ------------------------------------------------------------------------------------------- obligations

    def _plain_obligations(self, path: str, table: Table, record: Record) -> None:
        for field in table.fields:
            if field.said == "always" or field.proposed == "always":
                self._require(path, field, record, "source" if field.said else "profile", "obligation")

    def _voucher(self, path: str, voucher: Voucher) -> None:
        form = self._profile.forms[voucher.form]
        if not voucher.lines:
            self._tell("kbnn.no_lines", f"{path}lines", "", "count")
        holding = {name: holds(condition, voucher) for name, condition in self._profile.conditions.items()}
        self._obligations(f"{path}header.", form.header, voucher.header, holding)
        for number, line in enumerate(voucher.lines):
            self._obligations(f"{path}lines[{number}].", form.lines, line, holding)
        self._header_rules(path, form, voucher)
        self._line_rules(path, form, voucher)

    def _obligations(self, path: str, table: Table, record: Record, holding: Mapping[str, bool]) -> None:
        conditions = self._profile.conditions
        empty_because = {
            condition.then_empty: condition
            for name, condition in conditions.items()
            if holding[name] and condition.then_empty
        }
        proposed_because = {
            condition.also_proposed: condition
            for name, condition in conditions.items()
            if holding[name] and condition.also_proposed
        }
        for field in table.fields:
            if field.said == "always" or field.proposed == "always":
                self._require(path, field, record, "source" if field.said == "always" else "profile", "obligation")
            name = field.said if field.said in conditions else field.proposed if field.proposed in conditions else None
            if name is None:
                continue
            condition = conditions[name]
            if holding[name]:
                self._require(path, field, record, condition.origin, name)
                self._conditional_form(path, field, record, condition)
            elif name in proposed_because:
                self._require(path, field, record, "profile", proposed_because[name].name)
            elif condition.otherwise_empty:
                self._must_be_empty(path, field, record, condition)
            if name in empty_because:
                self._must_be_empty(path, field, record, empty_because[name])

    def _require(self, path: str, field: Field, record: Record, origin: str, rule: str) -> None:
        where = f"{path}{field.name}"
        if field.name in record or where in self._wrong or field.filled_by not in self._filled:
            return
        severity: Severity = "error" if origin == "source" else self._profile.strictness.proposed_obligation
        code = "kbnn.required_by_source" if origin == "source" else "kbnn.required_by_profile"
        self._tell(code, where, field.label, rule, severity, about=self._words(rule))

    def _must_be_empty(self, path: str, field: Field, record: Record, condition: Condition) -> None:
        value = record.get(field.name)
        if value is None or (value == 0 and isinstance(value, (int, Decimal))):
            return
        severity: Severity = "error" if condition.origin == "source" else self._profile.strictness.proposed_obligation
        words = self._words(condition.name)
        self._tell("kbnn.must_be_empty", f"{path}{field.name}", field.label, condition.name, severity, about=words)

    def _conditional_form(self, path: str, field: Field, record: Record, condition: Condition) -> None:
        value = record.get(field.name)
        if value is None:
            return
        where = f"{path}{field.name}"
        if condition.form and not re.fullmatch(condition.form, str(value), re.ASCII):
            words = self._words(condition.name)
            self._tell("kbnn.conditional_form", where, field.label, condition.name, about={"value": value, **words})
        if condition.registered and self._registered and not self._registered(field.name, str(value)):
            self._tell("kbnn.not_registered", where, field.label, condition.name, about={"value": value})

    def _words(self, rule: str) -> dict[str, object]:
        condition = self._profile.conditions.get(rule)
        return {"condition": Text(condition.vi, condition.en)} if condition else {"condition": _ALWAYS}

    # ----------------------------------------------------------------------------------------- between fields

    def _header_rules(self, path: str, form: Form, voucher: Voucher) -> None:
        header, labels = voucher.header, form.header.by_name
        for equal in form.rules.equal:
            first, second = equal.fields
            if first in header and second in header and header[first] != header[second]:
                about: dict[str, object] = {
                    "other": labels[second].label,
                    "value": header[first],
                    "other_value": header[second],
                }
                where = f"{path}header.{first}"
                self._tell("kbnn.not_equal", where, labels[first].label, "equal", equal.severity, about=about)
        for rule in form.rules.sum:
            expected = column_sum(voucher.lines, rule.of)
            if self._any_wrong(f"{path}header.{rule.total}") or self._column_wrong(path, voucher, rule.of):
                continue
            value = header.get(rule.total)
            if (value or 0) != (expected or 0):
                about = {"value": value or 0, "sum": expected or 0, "column": form.lines.by_name[rule.of].label}
                where = f"{path}header.{rule.total}"
                self._tell("kbnn.sum_differs", where, labels[rule.total].label, "sum", rule.severity, about=about)
        for pair in form.rules.pair:
            when, then = Equals.parse(pair.when), Equals.parse(pair.then)
            value = header.get(then.field)
            if header.get(when.field) in when.values and value is not None and value not in then.values:
                about = {"other": labels[when.field].label, "value": value, "expected": sorted(then.values)}
                where = f"{path}header.{then.field}"
                self._tell("kbnn.pair_differs", where, labels[then.field].label, "pair", pair.severity, about=about)

    def _line_rules(self, path: str, form: Form, voucher: Voucher) -> None:
        labels = form.lines.by_name
        for number, line in enumerate(voucher.lines):
            base = f"{path}lines[{number}]."
            for rule in form.rules.line:
                if self._any_wrong(*(f"{base}{name}" for name in (rule.total, *rule.of))):
                    continue
                total, parts = _amount(line, rule.total), sum(_amount(line, name) for name in rule.of)
                if total != parts:
                    about: dict[str, object] = {
                        "value": total,
                        "sum": parts,
                        "column": [labels[name].label for name in rule.of],
                    }
                    where = f"{base}{rule.total}"
                    self._tell("kbnn.sum_differs", where, labels[rule.total].label, "line", rule.severity, about=about)
            for bound in form.rules.at_most:
                value, greatest = line.get(bound.field), line.get(bound.limit)
                if (
                    value is not None
                    and greatest is not None
                    and _amount(line, bound.field) > _amount(line, bound.limit)
                ):
                    about = {"value": value, "limit": greatest, "other": labels[bound.limit].label}
                    where = f"{base}{bound.field}"
                    self._tell(
                        "kbnn.above_limit", where, labels[bound.field].label, "limit", bound.severity, about=about
                    )
            for multiple in form.rules.product:
                if all(name in line for name in (*multiple.factors, multiple.product)):
                    first, second = (_amount(line, name) for name in multiple.factors)
                    if first * second != _amount(line, multiple.product):
                        where, label = f"{base}{multiple.product}", labels[multiple.product].label
                        about = {"value": line[multiple.product], "expected": first * second}
                        self._tell("kbnn.product_differs", where, label, "product", multiple.severity, about=about)
            given = line.get("v_ma_hang")
            if given is not None and given != number + 1:
                field = labels["v_ma_hang"]
                about = {"value": given, "expected": number + 1}
                self._tell("kbnn.order_differs", f"{base}v_ma_hang", field.label, "order", about=about)

    def _once_per_form(self, dossier: Dossier) -> None:
        """A body lists lines by the voucher's number; a form whose lines carry none can stand in it only once."""
        seen: set[str] = set()
        for index, voucher in enumerate(dossier.vouchers):
            form = self._profile.forms[voucher.form]
            if form.name in seen and "v_so_chung_tu" not in form.lines.by_name:
                self._tell("kbnn.form_repeated", f"vouchers[{index}]", form.title, "count", about={"form": form.name})
            seen.add(form.name)

    # -------------------------------------------------------------------------------------------------- codes

    def _codes(self, dossier: Dossier) -> None:
        code = dossier.document.get("v_ma_ho_so")
        treasury = dossier.unit.get("treasury")
        parts = None
        label = self._profile.document.by_name["v_ma_ho_so"].label
        if code is not None:
            parts = re.fullmatch(self._profile.codes.dossier, str(code), re.ASCII)
            if parts is None:
                self._tell("kbnn.code_form", "document.v_ma_ho_so", label, "code", about={"value": code})
            elif treasury is not None and parts["treasury"] != treasury:
                about: dict[str, object] = {"part": parts["treasury"], "expected": treasury}
                self._tell("kbnn.code_treasury", "document.v_ma_ho_so", label, "code", about=about)
        numbers: set[Value] = set()
        for index, voucher in enumerate(dossier.vouchers):
            form = self._profile.forms[voucher.form]
            path = f"vouchers[{index}].header."
            if code is not None and voucher.header.get("v_ma_ho_so", code) != code:
                about = {"value": voucher.header["v_ma_ho_so"], "other_value": code, "other": label}
                self._tell(
                    "kbnn.not_equal", f"{path}v_ma_ho_so", form.header.by_name["v_ma_ho_so"].label, "code", about=about
                )
            year = voucher.header.get(form.budget_year) if form.budget_year else None
            if parts is not None and isinstance(year, str) and parts["year"] != year[-2:]:
                about = {"part": parts["year"], "expected": year}
                self._tell("kbnn.code_year", "document.v_ma_ho_so", label, "code", about=about)
            self._treasury(path, form, voucher, treasury)
            self._voucher_number(path, form, voucher, treasury, numbers)

    def _treasury(self, path: str, form: Form, voucher: Voucher, treasury: Value | None) -> None:
        for name in self._profile.xml.treasury_fields:
            value = voucher.header.get(name)
            if value is not None and treasury is not None and value != treasury:
                about: dict[str, object] = {
                    "value": value,
                    "other_value": treasury,
                    "other": self._profile.unit.by_name["treasury"].label,
                }
                self._tell("kbnn.not_equal", f"{path}{name}", form.header.by_name[name].label, "treasury", about=about)

    def _voucher_number(
        self, path: str, form: Form, voucher: Voucher, treasury: Value | None, numbers: set[Value]
    ) -> None:
        number = voucher.header.get("v_so_chung_tu")
        if number is None:
            return
        where, label = f"{path}v_so_chung_tu", form.header.by_name["v_so_chung_tu"].label
        if number in numbers:
            self._tell("kbnn.code_twice", where, label, "code", about={"value": number})
        numbers.add(number)
        parts = re.fullmatch(self._profile.codes.voucher, str(number), re.ASCII)
        if parts is None:
            self._tell("kbnn.code_form", where, label, "code", about={"value": number})
            return
        day = voucher.header.get("v_ngay_chung_tu")
        if isinstance(day, date) and (parts["year"], parts["month"], parts["day"]) != (
            f"{day.year % 100:02}",
            f"{day.month:02}",
            f"{day.day:02}",
        ):
            about: dict[str, object] = {
                "part": parts["year"] + parts["month"] + parts["day"],
                "expected": day.strftime("%d/%m/%Y"),
            }
            self._tell("kbnn.code_date", where, label, "code", about=about)
        if treasury is not None and parts["treasury"] != treasury:
            self._tell(
                "kbnn.code_treasury", where, label, "code", about={"part": parts["treasury"], "expected": treasury}
            )
        for line_number, line in enumerate(voucher.lines):
            given = line.get("v_so_chung_tu")
            if given is not None and given != number:
                place = path.replace("header.", f"lines[{line_number}].") + "v_so_chung_tu"
                about = {"value": given, "other": label, "other_value": number}
                self._tell("kbnn.not_equal", place, form.lines.by_name["v_so_chung_tu"].label, "code", about=about)

    # ------------------------------------------------------------------------------------------------ private

    def _any_wrong(self, *paths: str) -> bool:
        return any(path in self._wrong for path in paths)

    def _column_wrong(self, path: str, voucher: Voucher, name: str) -> bool:
        return any(f"{path}lines[{number}].{name}" in self._wrong for number in range(len(voucher.lines)))

    def _tell(
        self,
        code: str,
        path: str,
        label: str,
        rule: str,
        severity: Severity = "error",
        about: Mapping[str, object] | None = None,
    ) -> None:
        self.found.append(Problem(code, path, label, rule, severity, about or {}))


def _amount(record: Record, name: str) -> int | Decimal:
    value = record.get(name)
    return value if isinstance(value, (int, Decimal)) else 0


def holds(condition: Condition, voucher: Voucher) -> bool:
    """Tell whether `condition` holds for `voucher`."""
    header = voucher.header
    if condition.always:
        return True
    if condition.equals:
        return all(header.get(name) in values.split("|") for name, values in condition.equals.items())
    if condition.foreign_currency:
        return header.get("v_chungtu_dm_tiente", DOMESTIC_CURRENCY) != DOMESTIC_CURRENCY
    return any(_amount(header, name) > 0 for name in condition.positive) or any(
        _amount(line, name) > 0 for line in voucher.lines for name in condition.positive_lines
    )


def uncovered_fields(form: Form, profile: Profile) -> Iterable[Field]:
    """Return the fields that the authentication data, and so the signatures, do not cover."""
    covered = {
        origin.name
        for elements in (form.xml.header, form.xml.lines)
        for element in elements
        if (origin := element.origin).kind in ("field", "sum")
    }
    covered |= {element.origin.name for element in profile.xml.dossier if element.origin.kind == "document"}
    # Sent twice under two names, and held equal by the rules: covered through the other one.
    for equal in form.rules.equal:
        if equal.severity == "error" and covered & set(equal.fields):
            covered |= set(equal.fields)
    for table in (form.header, form.lines):
        for field in table.fields:
            typed = field.default is not None and field.default.kind == "form"  # stands in GN_TAILIEU_ID
            if field.sent and field.filled_by in ("person", "codes") and field.name not in covered and not typed:
                yield field
