"""Workbooks: a template per form, read back to the same dossier; bad cells named by sheet, cell, label, rule."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula

from kyso import text
from kyso.plugin import InputRefused, WrongUse
from kyso_kbnn.dossier import Dossier, completed
from kyso_kbnn.problems import Problem, errors_among
from kyso_kbnn.profile import default_profile
from kyso_kbnn.reading import read_dossier
from kyso_kbnn.rules import check_dossier
from kyso_kbnn.workbook import SHEET_DOSSIER, SHEET_HEADER, SHEET_LINES, numbered, write_template
from kyso_kbnn.workbook_reading import read_workbook
from tests.plugins.kbnn.dossiers import FORMS, UNIT, dossier, raw_dossier

PROFILE = default_profile()
Change = Callable[[Workbook], object]

text.add_catalogue("kyso_kbnn")


def filled(form: str = "16a1", change: Change | None = None) -> bytes:
    """Fill the template as an accountant would, then apply `change` to the workbook."""
    raw = raw_dossier(form)
    book = load_workbook(BytesIO(write_template(form, PROFILE, UNIT)))
    header = raw["vouchers"][0]["header"]
    for title, values in ((SHEET_DOSSIER, raw["document"]), (SHEET_HEADER, header)):
        for row in book[title].iter_rows(min_row=3):
            name = str(row[3].value or "").partition(".")[2]
            if name in values:
                row[1].value = values[name]
    sheet = book[SHEET_LINES]
    columns = {cell.value: cell.column for cell in sheet[2]}
    for number, line in enumerate(raw["vouchers"][0]["lines"]):
        for name, value in line.items():
            amount = name in ("v_so_tien", "v_dv_nopthue", "v_dv_nhantien", "v_thanh_toan")
            sheet.cell(3 + number, columns[name], int(value) if amount else value)
    if change is not None:
        change(book)
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def judged(data: bytes) -> tuple[Dossier, list[Problem]]:
    read = read_workbook(data, PROFILE, "x.xlsx")
    draft = read_dossier(read.raw, PROFILE)
    made = completed(draft.dossier, PROFILE)
    found = [*draft.problems, *check_dossier(made, PROFILE, wrong=draft.wrong)]
    return made, [*read.problems, *read.placed(found)]


def cell_of(book: Workbook, sheet: str, name: str) -> Any:
    """Return the value cell of a header field, or of a column's first line."""
    if sheet == SHEET_LINES:
        return book[sheet].cell(3, next(cell.column for cell in book[sheet][2] if cell.value == name))
    return next(row[1] for row in book[sheet].iter_rows(min_row=3) if str(row[3].value).endswith("." + name))


def put(sheet: str, name: str, value: object) -> Change:
    def change(book: Workbook) -> None:
        cell_of(book, sheet, name).value = value

    return change


@pytest.mark.parametrize("form", FORMS)
def test_a_filled_template_is_the_dossier(form: str) -> None:
    """Template, filled in, read, completed: the same dossier as from JSON, without a problem."""
    made, found = judged(filled(form))
    assert found == []
    assert made == dossier(form)


CASES: list[tuple[str, Change, str, str, str]] = [
    ("formula", put(SHEET_LINES, "v_so_tien", "=1+1"), "kbnn.cell_formula", SHEET_LINES, "cell"),
    (
        "array formula",
        put(SHEET_LINES, "v_so_tien", ArrayFormula("F3", "=SUM(A1)")),
        "kbnn.cell_formula",
        SHEET_LINES,
        "cell",
    ),
    ("error value", put(SHEET_LINES, "v_so_tien", "#REF!"), "kbnn.cell_error", SHEET_LINES, "cell"),
    ("merged", lambda book: book[SHEET_LINES].merge_cells("A3:A4"), "kbnn.cell_merged", SHEET_LINES, "cell"),
    ("dots", put(SHEET_LINES, "v_so_tien", "54.000.000"), "kbnn.amount_expected", SHEET_LINES, "type"),
    ("fraction", put(SHEET_LINES, "v_so_tien", 54000000.5), "kbnn.amount_whole", SHEET_LINES, "number"),
    ("negative", put(SHEET_LINES, "v_so_tien", -3), "kbnn.negative", SHEET_LINES, "number"),
    ("lost zeros", put(SHEET_HEADER, "v_dvqhns_kbnn_ma", 99), "kbnn.text_expected", SHEET_HEADER, "type"),
    ("ISO date", put(SHEET_HEADER, "v_ngay_chung_tu", "2026-11-20"), "kbnn.date_expected", SHEET_HEADER, "date"),
    ("two-digit year", put(SHEET_HEADER, "v_ngay_chung_tu", "20/11/26"), "kbnn.date_expected", SHEET_HEADER, "date"),
    (
        "date with a time",
        put(SHEET_HEADER, "v_ngay_chung_tu", datetime(2026, 11, 20, 8, 0)),
        "kbnn.date_expected",
        SHEET_HEADER,
        "date",
    ),
    ("a time", put(SHEET_HEADER, "v_ngay_chung_tu", time(8, 0)), "kbnn.date_expected", SHEET_HEADER, "date"),
    ("true", put(SHEET_HEADER, "v_thucchi_tamung", True), "kbnn.choice_unknown", SHEET_HEADER, "choice"),
    ("control character", put(SHEET_LINES, "v_noi_dung", "a\nb"), "kbnn.unseen_characters", SHEET_LINES, "characters"),
    ("stray value", lambda book: book[SHEET_HEADER].cell(200, 2, "1"), "kbnn.cell_stray", SHEET_HEADER, "name"),
    ("stray column", lambda book: book[SHEET_LINES].cell(3, 40, 7), "kbnn.cell_stray", SHEET_LINES, "name"),
    ("missing", put(SHEET_HEADER, "v_dv_nhantien_ten", None), "kbnn.required_by_source", SHEET_HEADER, "C1"),
    ("sum", put(SHEET_LINES, "v_dv_nhantien", 1), "kbnn.sum_differs", SHEET_LINES, "line"),
]


@pytest.mark.parametrize(("change", "code", "sheet", "rule"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_bad_cell_is_named_by_sheet_cell_label_and_rule(change: Change, code: str, sheet: str, rule: str) -> None:
    """One bad cell in a good workbook: the problem carries sheet, cell, label and rule."""
    found = [one for one in errors_among(judged(filled(change=change))[1]) if one.code == code]
    assert found
    place = found[0].place or ""
    assert place.startswith(f"{sheet}!")
    assert any(character.isdigit() for character in place)
    assert found[0].rule == rule
    assert found[0].label
    assert "{" not in found[0].message("vi")


SEVERAL = ("16a1", "07", "16a1")


def filled_several(forms: tuple[str, ...] = SEVERAL, change: Change | None = None) -> bytes:
    """Fill a workbook of several vouchers."""
    book = load_workbook(BytesIO(write_template(forms, PROFILE, UNIT)))
    for index, form in enumerate(forms):
        raw = raw_dossier(form, coded=False)
        values = {SHEET_DOSSIER: raw["document"], numbered(SHEET_HEADER, index): raw["vouchers"][0]["header"]}
        for title, entries in values.items():
            for row in book[title].iter_rows(min_row=3):
                name = str(row[3].value or "").partition(".")[2]
                if name in entries:
                    row[1].value = entries[name]
        sheet = book[numbered(SHEET_LINES, index)]
        columns = {cell.value: cell.column for cell in sheet[2]}
        for number, line in enumerate(raw["vouchers"][0]["lines"]):
            for name, value in line.items():
                whole = isinstance(value, str) and value.isdigit() and name.startswith(("v_dv_", "v_so_"))
                sheet.cell(3 + number, columns[name], int(value) if whole else value)
    if change is not None:
        change(book)
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def test_several_vouchers_stand_in_one_workbook() -> None:
    """Each voucher has its own pair of sheets; the dossier holds them in the order of the template."""
    made, found = judged(filled_several())
    assert [one.form for one in made.vouchers] == list(SEVERAL)
    assert [len(one.lines) for one in made.vouchers] == [2, 1, 2]
    missing = {one.path.rpartition(".")[2] for one in errors_among(found)}
    assert missing == {"v_ma_ho_so", "v_so_chung_tu"}  # codes are given later


def test_a_bad_cell_in_a_further_voucher_names_its_own_sheet() -> None:
    """The second and third pair of sheets have numbers in their names, also in what is told."""

    def spoil(book: Workbook) -> None:
        book[numbered(SHEET_LINES, 1)]["D3"] = "=1+1"
        book[numbered(SHEET_HEADER, 2)]["B3"] = "a\nb"

    places = [one.place or "" for one in errors_among(judged(filled_several(change=spoil))[1])]
    assert f"{SHEET_LINES} 2!D3" in places
    assert any(place.startswith(f"{SHEET_HEADER} 3!") for place in places)


@pytest.mark.parametrize("sheet", [f"{SHEET_HEADER} 2", f"{SHEET_LINES} 3"])
def test_a_missing_sheet_of_a_further_voucher_is_named(sheet: str) -> None:
    """A workbook that says it has three vouchers has all their sheets."""

    def drop(book: Workbook) -> None:
        del book[sheet]

    with pytest.raises(InputRefused) as caught:
        read_workbook(filled_several(change=drop), PROFILE, "x.xlsx")
    assert caught.value.parameters["sheet"] == sheet


@pytest.mark.parametrize("forms", [(), ("16a1",) * 51])
def test_a_template_has_some_vouchers_and_not_too_many(forms: tuple[str, ...]) -> None:
    """None, and one more than the profile allows."""
    with pytest.raises(WrongUse) as caught:
        write_template(forms, PROFILE)
    assert caught.value.code == "kbnn.vouchers_count"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Formula, merged cells, dots, negative, other date form, control character, too long, wrong sums: one run."""

    def spoil(book: Workbook) -> None:
        put(SHEET_LINES, "v_noi_dung", "a\nb")(book)
        put(SHEET_LINES, "v_so_tien", -54_000_000)(book)
        put(SHEET_LINES, "v_dv_nhantien", "53.500.000")(book)
        book[SHEET_LINES]["A4"] = "=1+1"
        book[SHEET_LINES].merge_cells("B4:C4")
        put(SHEET_HEADER, "v_ngay_chung_tu", "2026-11-20")(book)
        put(SHEET_HEADER, "v_chungtu_so_ct_giay", "x" * 51)(book)
        put(SHEET_HEADER, "v_dv_nhantien_ten", "Cong ty toa\u0301n")(book)

    found = judged(filled(change=spoil))[1]
    assert {
        "kbnn.unseen_characters",
        "kbnn.negative",
        "kbnn.amount_expected",
        "kbnn.cell_formula",
        "kbnn.cell_merged",
        "kbnn.date_expected",
        "kbnn.too_long",
        "kbnn.text_normalised",
    } <= {one.code for one in found}
    assert all(one.place for one in found)


def test_a_date_cell_is_taken_as_its_day() -> None:
    """A cell of Excel's own date type is a date, however it is shown."""
    made, found = judged(filled(change=put(SHEET_HEADER, "v_ngay_chung_tu", datetime(2026, 11, 20))))
    assert found == []
    assert made.vouchers[0].header["v_ngay_chung_tu"] == date(2026, 11, 20)


def test_a_choice_may_be_given_with_its_words() -> None:
    """The drop-down list gives "1 - Ngân hàng"; the value is 1."""
    made, found = judged(filled(change=put(SHEET_HEADER, "v_dv_nhantien_loai", "1 - Ngân hàng")))
    assert found == []
    assert made.vouchers[0].header["v_dv_nhantien_loai"] == "1"


def test_decomposed_text_in_a_cell_is_normalised() -> None:
    """NFD from another program becomes NFC, with a warning that names the cell."""
    made, found = judged(filled(change=put(SHEET_LINES, "v_noi_dung", "Thanh toa\u0301n")))
    assert made.vouchers[0].lines[0]["v_noi_dung"] == "Thanh toán"
    assert [(one.code, one.severity, one.place) for one in found] == [
        ("kbnn.text_normalised", "warning", f"{SHEET_LINES}!A3")
    ]


def test_rows_may_be_moved_and_labels_reworded() -> None:
    """The hidden names decide, not position or label."""

    def shuffle(book: Workbook) -> None:
        sheet = book[SHEET_HEADER]
        rows = [[cell.value for cell in row[:4]] for row in sheet.iter_rows(min_row=3)]
        for offset, row in enumerate(reversed(rows)):
            for column, value in enumerate(row, 1):
                sheet.cell(3 + offset, column).value = "đổi" if column == 1 else value

    assert judged(filled(change=shuffle))[0] == dossier()


def test_what_the_unit_is_called_is_never_a_formula() -> None:
    """A unit's name that begins with an equals sign is written as text."""
    book = load_workbook(BytesIO(write_template("16a1", PROFILE, {**UNIT, "name": '=HYPERLINK("x")'})))
    cell = cell_of(book, SHEET_DOSSIER, "name")
    assert (cell.data_type, cell.quotePrefix) == ("s", True)


def test_an_unknown_form_has_no_template() -> None:
    """The known forms are named."""
    with pytest.raises(WrongUse) as caught:
        write_template("99z", PROFILE)
    assert caught.value.parameters["known"] == list(PROFILE.forms)


def repacked(data: bytes, part: str, content: bytes) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for item in source.infolist():
            copy.writestr(item.filename, content if item.filename == part else source.read(item))
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "kbnn.workbook_wrong"),
        (b"PK\x03\x04 no archive", "kbnn.workbook_wrong"),
        (b"x" * (8 * 1024 * 1024 + 1), "kbnn.input_too_large"),
        (repacked(filled(), "xl/workbook.xml", b"<a>"), "kbnn.workbook_wrong"),
        (repacked(filled(), "xl/workbook.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "kbnn.xml_doctype"),
        (repacked(filled(), "xl/workbook.xml", "<a/>".encode("utf-16")), "kbnn.xml_doctype"),
        (repacked(filled(), "xl/styles.xml", b" " * (65 * 1024 * 1024)), "kbnn.input_too_large"),
    ],
)
def test_a_hostile_file_is_refused(data: bytes, code: str) -> None:
    """No archive, a broken one, a bomb, entities: refused with a code, without a traceback."""
    with pytest.raises(InputRefused) as caught:
        read_workbook(data, PROFILE, "x.xlsx")
    assert caught.value.code == code


def test_an_ordinary_workbook_is_not_a_template() -> None:
    """A workbook of somebody's own has no hidden sheet with the form's name."""
    target = BytesIO()
    Workbook().save(target)
    with pytest.raises(InputRefused) as caught:
        read_workbook(target.getvalue(), PROFILE, "x.xlsx")
    assert caught.value.code == "kbnn.sheet_missing"


def test_a_sheet_of_a_million_rows_is_refused() -> None:
    """One value at the end of the sheet does not make the reader walk a million rows."""
    with pytest.raises(InputRefused) as caught:
        read_workbook(filled(change=lambda book: book[SHEET_LINES].cell(1_000_000, 1, "x")), PROFILE, "x.xlsx")
    assert caught.value.code == "kbnn.input_too_large"
