"""Vouchers: good samples of every form pass; bad values are named, with label and rule, all at once."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from kyso import text
from kyso.plugin import InputRefused
from kyso_kbnn.problems import DossierRefused, errors_among, refuse_errors
from kyso_kbnn.profile import default_profile
from kyso_kbnn.reading import parse_json, read_dossier
from kyso_kbnn.rules import check_dossier, uncovered_fields
from tests.plugins.kbnn.dossiers import DOSSIER_CODE, FORMS, UNIT, cash_dossier, judged, many_lines, raw_dossier

Change = Callable[[dict[str, Any]], object]

text.add_catalogue("kyso_kbnn")


def header(**values: Any) -> Change:
    return lambda raw: raw["vouchers"][0]["header"].update(values)


def line(number: int, **values: Any) -> Change:
    return lambda raw: raw["vouchers"][0]["lines"][number].update(values)


def document(**values: Any) -> Change:
    return lambda raw: raw["document"].update(values)


@pytest.mark.parametrize("form", FORMS)
def test_the_good_sample_of_every_form_has_no_problem(form: str) -> None:
    """A complete voucher of each of the seven forms passes without error or warning."""
    assert judged(raw_dossier(form))[1] == []


def test_cash_asks_for_the_person_and_not_for_the_account() -> None:
    """Rule C2 holds for cash, rule C1 does not."""
    assert judged(cash_dossier())[1] == []


REFUSALS: list[tuple[str, Change, str, str, str]] = [
    (
        "chapter of four digits",
        header(v_dv_nopthue_chuong_ma="7540"),
        "kbnn.too_long",
        "v_dv_nopthue_chuong_ma",
        "length",
    ),
    ("person given for a transfer", header(v_nguoinhan_hoten="Ai Đó"), "kbnn.must_be_empty", "v_nguoinhan_hoten", "C1"),
    ("bank name missing", header(v_dv_nhantien_kbnn_ten=""), "kbnn.required_by_source", "v_dv_nhantien_kbnn_ten", "C1"),
    (
        "bank code for a treasury",
        header(v_dv_nhantien_loai=0),
        "kbnn.conditional_form",
        "v_dv_nhantien_nganhang_ma",
        "C3",
    ),
    ("sum of lines", line(1, v_so_tien=10800001), "kbnn.sum_differs", "v_so_tien", "line"),
    (
        "two totals",
        header(v_chungtu_tong_so_tien=1, v_tong_so_tien=64800000),
        "kbnn.not_equal",
        "v_chungtu_tong_so_tien",
        "equal",
    ),
    ("total", header(v_tong_so_tien=64800001), "kbnn.sum_differs", "v_tong_so_tien", "sum"),
    ("day in the number", header(v_ngay_chung_tu="21/11/2026"), "kbnn.code_date", "v_so_chung_tu", "code"),
    ("year in the code", document(v_ma_ho_so="T25_1999999_009900001"), "kbnn.code_year", "v_ma_ho_so", "code"),
    ("treasury in the code", document(v_ma_ho_so="T26_1999999_009800001"), "kbnn.code_treasury", "v_ma_ho_so", "code"),
    ("code of 101 characters", document(v_ma_ho_so="T" * 101), "kbnn.too_long", "v_ma_ho_so", "length"),
    ("code without structure", document(v_ma_ho_so="T26-1999999"), "kbnn.code_form", "v_ma_ho_so", "code"),
    ("short name of 71", header(v_dvqhns_vt="A" * 71), "kbnn.too_long", "v_dvqhns_vt", "length"),
    ("ISO date", header(v_ngay_chung_tu="2026-11-20"), "kbnn.date_expected", "v_ngay_chung_tu", "date"),
    ("day that does not exist", header(v_ngay_chung_tu="31/02/2026"), "kbnn.date_expected", "v_ngay_chung_tu", "date"),
    ("value 4", header(v_thucchi_tamung=4), "kbnn.choice_unknown", "v_thucchi_tamung", "choice"),
    ("true for 1", header(v_thucchi_tamung=True), "kbnn.choice_unknown", "v_thucchi_tamung", "choice"),
    ("separators", line(0, v_so_tien="54.000.000"), "kbnn.amount_expected", "v_so_tien", "type"),
    ("half a đồng", line(0, v_so_tien="54000000.5"), "kbnn.amount_whole", "v_so_tien", "number"),
    ("negative", line(0, v_so_tien=-1), "kbnn.negative", "v_so_tien", "number"),
    ("other digits", line(0, v_so_tien="٥٤"), "kbnn.amount_expected", "v_so_tien", "type"),
    ("control character", line(0, v_noi_dung="Thanh\x07toán"), "kbnn.unseen_characters", "v_noi_dung", "characters"),
    ("line break", line(0, v_noi_dung="Thanh\ntoán"), "kbnn.unseen_characters", "v_noi_dung", "characters"),
    ("turned text", line(0, v_noi_dung="a\u202eb"), "kbnn.unseen_characters", "v_noi_dung", "characters"),
    ("lost zeros", header(v_dvqhns_kbnn_ma=99), "kbnn.text_expected", "v_dvqhns_kbnn_ma", "type"),
    ("name unknown", header(v_khong_co="1"), "kbnn.entry_unknown", "v_khong_co", "name"),
    ("prepayment flag without prepayment", header(v_ut_dktt=1), "kbnn.must_be_empty", "v_ut_dktt", "C5"),
    (
        "tax without collector",
        header(v_dv_nopthue_cqthu_ma=""),
        "kbnn.required_by_profile",
        "v_dv_nopthue_cqthu_ma",
        "C4",
    ),
    ("line number", line(1, v_ma_hang=3), "kbnn.order_differs", "v_ma_hang", "order"),
    ("list for a value", line(1, v_noi_dung=[]), "kbnn.value_expected", "v_noi_dung", "type"),
    ("cash flag differs", header(v_la_tienmat=1), "kbnn.not_equal", "v_la_tienmat", "equal"),
]


@pytest.mark.parametrize(
    ("change", "code", "field", "rule"), [case[1:] for case in REFUSALS], ids=[c[0] for c in REFUSALS]
)
def test_one_wrong_value_is_an_error_with_label_and_rule(change: Change, code: str, field: str, rule: str) -> None:
    """One change to the good sample: the error names code, field and rule, in both languages."""
    raw = raw_dossier()
    change(raw)
    found = [one for one in errors_among(judged(raw)[1]) if one.code == code]
    assert found, [one.code for one in judged(raw)[1]]
    assert found[0].path.endswith(field)
    assert found[0].rule == rule
    for language in ("vi", "en"):
        words = found[0].message(language)
        assert (found[0].label or found[0].path) in words
        assert "{" not in words
        assert words != code


def test_all_errors_come_at_once() -> None:
    """Three unrelated mistakes are three errors in one refusal, not one after the other."""
    raw = raw_dossier()
    for change in (header(v_thucchi_tamung=9), line(0, v_so_tien=-5), document(v_tieu_de="x" * 151)):
        change(raw)
    found = judged(raw)[1]
    with pytest.raises(DossierRefused) as caught:
        refuse_errors(found, "hồ sơ.json")
    assert {one.code for one in errors_among(caught.value.problems)} >= {
        "kbnn.choice_unknown",
        "kbnn.negative",
        "kbnn.too_long",
    }
    assert caught.value.parameters["count"] == len(errors_among(found))
    assert "Số tiền" in caught.value.message("vi")


def test_a_value_that_cannot_be_read_is_not_also_called_missing() -> None:
    """One mistake gives one error; the sums that need the value stay silent."""
    raw = raw_dossier()
    line(0, v_so_tien="54.000.000")(raw)
    errors = errors_among(judged(raw)[1])
    assert [one.code for one in errors] == ["kbnn.amount_expected"]


def test_decomposed_text_is_normalised_and_said() -> None:
    """NFD input becomes NFC with a warning."""
    raw = raw_dossier()
    line(0, v_noi_dung=unicodedata.normalize("NFD", "Thanh toán sửa chữa"))(raw)
    dossier, found = judged(raw)
    assert dossier.vouchers[0].lines[0]["v_noi_dung"] == "Thanh toán sửa chữa"
    assert [(one.code, one.severity) for one in found] == [("kbnn.text_normalised", "warning")]


def test_seventy_characters_of_the_short_name_are_a_warning() -> None:
    """The decision prints width 70 and the words "< 70": 70 warns, 71 is refused."""
    raw = raw_dossier()
    header(v_dvqhns_vt="A" * 70)(raw)
    assert [(one.code, one.severity) for one in judged(raw)[1]] == [("kbnn.too_long", "warning")]


def test_foreign_currency_takes_decimals_and_asks_for_the_original_amount() -> None:
    """C6: with a currency other than VND the line needs its original amount, which may have decimals."""
    raw = raw_dossier("16c1")
    header(v_chungtu_dm_tiente="USD")(raw)
    assert [(one.code, one.rule) for one in judged(raw)[1]] == [("kbnn.required_by_profile", "C6")]
    line(0, v_so_tien_nguyen_te="300.50")(raw)
    assert judged(raw)[1] == []


def test_paying_in_by_transfer_needs_an_account() -> None:
    """C7: form 06 paid by transfer names the account, in cash it does not."""
    raw = raw_dossier("06")
    header(v_dvnop_sotk_so="", v_chungtu_sotk_so="3713.0.1999999")(raw)
    assert [(one.code, one.rule) for one in errors_among(judged(raw)[1])] == [("kbnn.required_by_profile", "C7")]
    header(v_chuyenkhoan_tienmat=1)(raw)
    assert judged(raw)[1] == []


def test_the_treasury_code_stands_for_the_bank_code_at_a_treasury() -> None:
    """C3: paid at a treasury, the code has four digits."""
    raw = raw_dossier()
    header(v_dv_nhantien_loai=0, v_dv_nhantien_nganhang_ma="0098")(raw)
    assert judged(raw)[1] == []


def test_registered_values_are_asked_of_the_treasury() -> None:
    """C0: unit and account must be known to the other side, where somebody can be asked."""
    dossier = judged(raw_dossier())[0]
    profile = default_profile()
    found = check_dossier(dossier, profile, registered=lambda field, value: value == "1999999")
    assert [(one.code, one.path) for one in found] == [("kbnn.not_registered", "vouchers[0].header.v_dvqhns_sotk_so")]


def test_fields_that_the_system_fills_are_not_asked_of_a_person() -> None:
    """A draft without codes and signatures passes; at stage `signed` the signatures are missing."""
    raw = raw_dossier(coded=False)
    assert judged(raw, stage="draft")[1] == []
    missing = {one.path for one in judged(raw_dossier(), stage="signed")[1]}
    assert "document.v_chu_ky_so_ktt" in missing
    assert "document.v_du_lieu_toan_van" in missing


def test_form_07_may_stand_in_a_dossier_once() -> None:
    """Lines of 07 carry no voucher number, so two of them could not be told apart in the body."""
    raw = raw_dossier("07")
    second = json.loads(json.dumps(raw["vouchers"][0]))
    second["header"]["v_so_chung_tu"] = "T261120_1999999_0099002"
    raw["vouchers"].append(second)
    assert [one.code for one in judged(raw)[1]] == ["kbnn.form_repeated"]


def test_the_gateways_own_body_is_read_too() -> None:
    """The body of SendDocument, as the profile assumes it, is input as well; its placeholders count as empty."""
    own = raw_dossier()
    voucher = own["vouchers"][0]
    body = {
        "Document": {**own["document"], "v_chu_ky_so_ktt": "<envelope VIII.2>"},
        "16a1": {**voucher["header"], "v_nguoinhan_ngaycapcmnd": ""},
        "16a1_lines": voucher["lines"],
        "RefDetailAttach": [],
        "LoginInfo": {"Password": "never read"},
    }
    draft = read_dossier(body, default_profile(), UNIT)
    assert draft.problems == ()
    assert draft.dossier == read_dossier(own, default_profile()).dossier


@pytest.mark.parametrize(
    "data",
    [b"{", b"[NaN]", b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000, b'{"a": Infinity}', b'"' + b"9" * 5000],
)
def test_broken_json_is_refused_without_a_traceback(data: bytes) -> None:
    """Syntax errors, NaN, doubled members, wrong encoding, deep nesting: one error with a code."""
    with pytest.raises(InputRefused) as caught:
        parse_json(data, "x.json")
    assert caught.value.code == "kbnn.json_wrong"


@pytest.mark.parametrize(
    "raw", [{"vouchers": {}}, {"vouchers": [1]}, {"document": []}, {"vouchers": [{"form": "99z"}]}]
)
def test_wrong_shapes_are_problems(raw: dict[str, Any]) -> None:
    """A list where an object belongs, an unknown form: problems, no exception."""
    assert errors_among(judged(raw)[1])


def test_too_many_lines_are_refused() -> None:
    """The number of lines is bounded before anything is computed from them."""
    assert "kbnn.too_many" in {one.code for one in judged(many_lines(501))[1]}


def test_what_the_signatures_do_not_cover_is_known() -> None:
    """The payee's name is not in the XML of 16a and 16c, the recipient of cash not in that of 16c."""
    profile = default_profile()
    by_form = {name: {field.name for field in uncovered_fields(form, profile)} for name, form in profile.forms.items()}
    assert "v_dv_nhantien_ten" in by_form["16a1"]
    assert "v_nguoinhan_hoten" not in by_form["16a1"]
    assert {"v_dv_nhantien_ten", "v_nguoinhan_hoten"} <= by_form["16c1"]
    assert "v_so_tien" not in by_form["07"]
    assert all("v_so_chung_tu" in names for names in by_form.values())


def test_defaults_never_replace_what_was_given() -> None:
    """A given value stays, also where a default exists; absent totals are added up."""
    raw = raw_dossier()
    header(v_dvqhns_vt="TEN KHAC")(raw)
    dossier = judged(raw)[0]
    assert dossier.vouchers[0].header["v_dvqhns_vt"] == "TEN KHAC"
    assert dossier.vouchers[0].header["v_tong_so_tien"] == 64800000
    assert dossier.vouchers[0].header["v_ma_ho_so"] == DOSSIER_CODE
