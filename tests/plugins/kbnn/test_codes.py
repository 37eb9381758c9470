"""Codes: structure, budget year and voucher date, a counter that never repeats, a clear end of the numbers."""

from __future__ import annotations

from collections import Counter

import pytest

from kyso.plugin import InputRefused, WrongUse
from kyso_kbnn.codes import Numbering, assign_codes
from kyso_kbnn.dossier import Dossier
from kyso_kbnn.problems import errors_among
from kyso_kbnn.profile import default_profile
from kyso_kbnn.reading import read_dossier
from kyso_kbnn.rules import check_dossier
from tests.plugins.kbnn.dossiers import DOSSIER_CODE, FORMS, raw_dossier


class CountedInMemory:
    """A counter as the records keep it, for these tests in memory."""

    def __init__(self, start: int = 0) -> None:
        self.values: Counter[tuple[str, str]] = Counter()
        self._start = start

    def __call__(self, name: str, period: str) -> int:
        self.values[name, period] += 1
        return self._start + self.values[name, period]


def draft(form: str = "16a1", **header: object) -> Dossier:
    raw = raw_dossier(form, coded=False)
    raw["vouchers"][0]["header"].update(header)
    return read_dossier(raw, default_profile()).dossier


@pytest.mark.parametrize("form", FORMS)
def test_codes_satisfy_the_rules(form: str) -> None:
    """Assigned codes pass the rules' own check, for every form."""
    coded = assign_codes(draft(form), Numbering(CountedInMemory(), "K", "KCT"), default_profile())
    assert coded.code == "K26_1999999_009900001"
    assert coded.vouchers[0].header["v_so_chung_tu"] == "KCT261120_1999999_0099001"
    assert errors_among(check_dossier(coded, default_profile())) == []


def test_counters_are_kept_per_year_and_per_day() -> None:
    """The dossier counter runs per budget year, the voucher counter per date of the voucher."""
    counter = CountedInMemory()
    numbering = Numbering(counter, "K", "C")
    profile = default_profile()
    assign_codes(draft(), numbering, profile)
    assign_codes(draft(v_ngay_chung_tu="21/11/2026"), numbering, profile)
    assert counter.values == {
        ("kbnn.dossier:K:1999999:0099", "2026"): 2,
        ("kbnn.voucher:C:1999999:0099", "2026-11-20"): 1,
        ("kbnn.voucher:C:1999999:0099", "2026-11-21"): 1,
    }


def test_a_given_code_is_kept_and_spends_no_number() -> None:
    """A dossier that comes with its codes keeps them."""
    counter = CountedInMemory()
    given = read_dossier(raw_dossier(), default_profile()).dossier
    coded = assign_codes(given, Numbering(counter, "K", "C"), default_profile())
    assert coded.code == DOSSIER_CODE
    assert not counter.values


def test_the_thousandth_voucher_of_a_day_is_refused() -> None:
    """The number has three digits: 1000 is refused by name, not written as four."""
    with pytest.raises(InputRefused) as caught:
        assign_codes(draft(), Numbering(CountedInMemory(999), "K", "C"), default_profile())
    assert caught.value.code == "kbnn.counter_exhausted"
    assert caught.value.parameters["limit"] == 999


@pytest.mark.parametrize("prefix", ["", "k", "ABCD", "K1"])
def test_a_prefix_of_another_form_is_refused(prefix: str) -> None:
    """The treasury's letters are one to three capitals."""
    with pytest.raises(WrongUse) as caught:
        assign_codes(draft(), Numbering(CountedInMemory(), "K", prefix), default_profile())
    assert caught.value.code == "kbnn.prefix_wrong"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("treasury", "", "kbnn.code_part_missing"),
        ("treasury", "99", "kbnn.code_part_wrong"),
        ("budget_code", "12", "kbnn.code_part_wrong"),
    ],
)
def test_without_unit_or_treasury_there_is_no_code(field: str, value: str, code: str) -> None:
    """A code is made of known parts only; form 07 has no treasury of its own to fall back on."""
    raw = raw_dossier("07", coded=False)
    raw["unit"][field] = value
    with pytest.raises(InputRefused) as caught:
        assign_codes(
            read_dossier(raw, default_profile()).dossier, Numbering(CountedInMemory(), "K", "C"), default_profile()
        )
    assert caught.value.code == code
