"""The printed register: the ten columns of Annex IV, and cells that no spreadsheet computes."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from openpyxl import load_workbook

from kyso.document.opening import open_letter
from kyso.receiving.book import Book, heads, printed, row_of
from kyso.receiving.values import Entry
from kyso.reports.spreadsheet import cell, csv_of
from tests.core.receiving.test_register import entry

HEADS = (
    "Ngày đến",
    "Số đến",
    "Tác giả",
    "Số, ký hiệu văn bản",
    "Ngày tháng văn bản",
    "Tên loại và trích yếu nội dung văn bản",
    "Đơn vị hoặc người nhận",
    "Ngày chuyển",
    "Ký nhận",
    "Ghi chú",
)


def numbered(count: int) -> list[Entry]:
    """Return entries with numbers."""
    return [entry(f"{number:064d}", number=number, remark="khẩn") for number in range(1, count + 1)]


def test_the_columns_are_the_annexs() -> None:
    """In its order and its words; a row says what it should in each."""
    assert heads("vi") == HEADS
    passed = replace(
        entry(number=7),
        recipient="Phòng A",
        forwarded_on=date(2026, 11, 23),
        received_by="An",
        form="paper",
        remark="k",
    )
    assert row_of(passed) == (
        "22/11/2026",
        "07",
        "UBND xã An Bình",
        "07/UBND-VP",
        "20/11/2026",
        "Công văn: ký số",
        "Phòng A",
        "23/11/2026",
        "An",
        "k; Văn bản giấy, đã số hóa",
    )
    recalled = replace(passed, recalled_on=date(2026, 12, 1), recall_reference="Công văn số 9/X")
    assert row_of(recalled)[-1].endswith("Đã thu hồi ngày 01/12/2026 theo Công văn số 9/X")
    gone = replace(entry(number=1), destroyed_at=datetime(2048, 1, 2, tzinfo=UTC))
    assert row_of(gone)[-1] == "Tệp đã hủy ngày 02/01/2048 theo thời hạn lưu giữ"


def test_the_pdf_has_the_form() -> None:
    """Cover lines, all heads, numbered columns on every page, the rows in order, only embedded fonts."""
    book = Book("Sở Tài chính tỉnh Thử Nghiệm", 2026, numbered(60), "Ủy ban nhân dân tỉnh Thử Nghiệm")
    with open_letter(printed(book, "pdf")) as letter:
        assert letter.page_count > 1
        assert letter.page(1).width_mm == pytest.approx(297, abs=0.5)
        texts = [" ".join(line.text for line in letter.text_lines(page)) for page in (1, letter.page_count)]
    for part in ("SỔ ĐĂNG KÝ VĂN BẢN ĐẾN", "Năm: 2026", "Từ ngày 22/11/2026 đến ngày 22/11/2026", "Từ số 01 đến số 60"):
        assert part in texts[0]
    for text in texts:
        assert all(f"({number})" in text for number in range(1, 11))
        assert "Ký nhận" in text
    assert re.search(r"\b60\b", texts[1])


def test_an_empty_register_prints() -> None:
    """A year without letters is a page that says so."""
    with open_letter(printed(Book("Sở Mẫu", 2026, []), "pdf")) as letter:
        assert "(chưa có văn bản nào)" in " ".join(line.text for line in letter.text_lines(1))
    assert csv_rows(printed(Book("Sở Mẫu", 2026, []), "csv")) == [list(HEADS)]


def csv_rows(data: bytes) -> list[list[str]]:
    """Read a CSV as a spreadsheet does."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


HOSTILE = ("=1+1", "+1", "-1", "@x", "\t=1", "\r\n=1", " =1", "＝1", "\u202e=1")


@pytest.mark.parametrize("words", HOSTILE)
def test_no_cell_is_computed(words: str) -> None:
    """Whatever a letter's text begins with, CSV and XLSX hold it as text."""
    hostile = replace(entry(number=1), remark=words, recipient=words)
    for value in csv_rows(printed(Book(words, 2026, [hostile]), "csv"))[1]:
        assert not value.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
    workbook = load_workbook(io.BytesIO(printed(Book(words, 2026, [hostile]), "xlsx")))
    for row in workbook.active.iter_rows(min_row=2):  # type: ignore[union-attr] # there is a sheet
        for written in row:
            assert written.data_type != "f"
            assert not str(written.value or "").startswith(("=", "+", "-", "@"))


def test_a_pdf_takes_any_text() -> None:
    """Markup is text, and a character that the font lacks is written as its number."""
    hostile = replace(entry(number=1), remark="<b>a</b> & 中", sender="x")
    with open_letter(printed(Book("A & <B>", 2026, [hostile]), "pdf")) as letter:
        text = " ".join(line.text for line in letter.text_lines(1))
    assert "<b>a</b>" in text
    assert "[U+4E2D]" in text


def test_cells_are_one_line() -> None:
    """Line breaks, controls and bidirectional characters do not reach a cell; rows are RFC 4180."""
    assert cell("a\nb\x1b[31m\u202ec") == "a b\N{REPLACEMENT CHARACTER}[31mc"
    assert cell(None) == ""
    assert cell(7) == "7"
    assert csv_of([["a,b", 'c"d']], byte_order_mark=False) == b'"a,b","c""d"\r\n'
