"""Codes of dossiers and vouchers (4.2, 4.3): ``K26_1055433_221100001`` and ``K261120_1055433_2211001``.

The counter is handed in, so that it can be the records' persistent one: ``next_value(name, period) -> int`` never gives
a number twice. A code that the input already carries is kept.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from kyso.plugin import InputRefused, WrongUse
from kyso_kbnn.dossier import Dossier, Voucher, completed
from kyso_kbnn.profile import Profile

NextValue = Callable[[str, str], int]
"""Gives the next number, from 1, of a counter in a period: (name, period) -> number."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """What codes are made with; the treasury gives the prefixes, which differ for dossiers and vouchers.

    :param next_value: the persistent counter.
    :param dossier_prefix: X of the dossier code.
    :param voucher_prefix: X of the voucher code.
    """

    next_value: NextValue
    dossier_prefix: str
    voucher_prefix: str


def assign_codes(dossier: Dossier, numbering: Numbering, profile: Profile) -> Dossier:
    """Give the dossier and its vouchers the codes they lack, then complete what follows from them.

    :raises WrongUse: a prefix has not the form the profile asks for.
    :raises InputRefused: unit, treasury, budget year or date are missing, or a counter is exhausted.
    """
    for prefix in (numbering.dossier_prefix, numbering.voucher_prefix):
        if not re.fullmatch(profile.codes.prefix, prefix, re.ASCII):
            raise WrongUse("kbnn.prefix_wrong", prefix=prefix, form=profile.codes.prefix)
    dossier = completed(dossier, profile)
    unit = _part(dossier.document.get("v_ma_dvgd_dvqhns"), profile.codes.unit, "v_ma_dvgd_dvqhns")
    treasury = _part(dossier.unit.get("treasury"), profile.codes.treasury, "treasury")
    if not dossier.code:
        year = budget_year(dossier, profile)
        name = f"kbnn.dossier:{numbering.dossier_prefix}:{unit}:{treasury}"
        number = _number(numbering, name, f"{year:04}", profile.codes.dossier_greatest)
        code = f"{numbering.dossier_prefix}{year % 100:02}_{unit}_{treasury}{number:05}"
        dossier = dossier.with_document(v_ma_ho_so=code)
    vouchers = tuple(_numbered(voucher, numbering, unit, treasury, profile) for voucher in dossier.vouchers)
    return completed(dataclasses.replace(dossier, vouchers=vouchers), profile)


def _numbered(voucher: Voucher, numbering: Numbering, unit: str, treasury: str, profile: Profile) -> Voucher:
    if voucher.header.get("v_so_chung_tu"):
        return voucher
    day = voucher.header.get("v_ngay_chung_tu")
    if not isinstance(day, date):
        raise InputRefused("kbnn.code_part_missing", field="v_ngay_chung_tu")
    name = f"kbnn.voucher:{numbering.voucher_prefix}:{unit}:{treasury}"
    number = _number(numbering, name, day.isoformat(), profile.codes.voucher_greatest)
    code = f"{numbering.voucher_prefix}{day:%y%m%d}_{unit}_{treasury}{number:03}"
    return dataclasses.replace(voucher, header={**voucher.header, "v_so_chung_tu": code})


def budget_year(dossier: Dossier, profile: Profile) -> int:
    """Return the budget year of the first voucher, or the year of its date where its form has none (07).

    :raises InputRefused: neither is there.
    """
    for voucher in dossier.vouchers:
        form = profile.forms[voucher.form]
        year = voucher.header.get(form.budget_year) if form.budget_year else None
        if isinstance(year, str) and re.fullmatch(r"\d{4}", year, re.ASCII):
            return int(year)
    for voucher in dossier.vouchers:
        day = voucher.header.get("v_ngay_chung_tu")
        if isinstance(day, date):
            return day.year
    raise InputRefused("kbnn.code_part_missing", field="v_dvqhns_namns")


def _number(numbering: Numbering, name: str, period: str, greatest: int) -> int:
    number = numbering.next_value(name, period)
    if number > greatest:
        raise InputRefused("kbnn.counter_exhausted", counter=name, period=period, limit=greatest)
    return number


def _part(value: object, form: str, field: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputRefused("kbnn.code_part_missing", field=field)
    if not re.fullmatch(form, value, re.ASCII):
        raise InputRefused("kbnn.code_part_wrong", field=field, value=value, form=form)
    return value
