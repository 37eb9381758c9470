"""Notices: official letters in Vietnamese, the same words in DOCX and PDF, whatever the letter's text holds."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from docx import Document

from kyso.config import IntakeSection
from kyso.document.opening import open_letter
from kyso.receiving.notice_docx import docx_of
from kyso.receiving.notice_pdf import pdf_of
from kyso.receiving.notices import NoticeText, notice_letter
from kyso.receiving.values import Decision, Entry, NoticeKind, Reason
from kyso.text import Text
from tests.core.receiving.test_register import entry

FORM = NoticeText(
    IntakeSection(
        place="Thử Nghiệm",
        superior="Ủy ban nhân dân tỉnh Thử Nghiệm",
        symbol="STC-VP",
        authority=("TL. GIÁM ĐỐC", "CHÁNH VĂN PHÒNG"),
        signer="Lê Thị Ví Dụ",
        responsible="Bà Phạm Thị Mẫu",
    ),
    "Sở Tài chính tỉnh Thử Nghiệm",
    date(2026, 11, 5),
)
REASON = Reason("x", Text("Chữ ký số không hợp lệ.", "The signature is not valid."))
DECISION = Decision("return", "invalid", (REASON, REASON))


def told(**more: Any) -> Entry:
    """Return a letter to tell about."""
    made = entry(number=7, decision=DECISION, organisation="Sở Tài chính tỉnh Thử Nghiệm")
    return replace(made, **more)


def docx_text(data: bytes) -> str:
    """Return all words of a Word document in reading order, tables included."""
    document = Document(io.BytesIO(data))
    texts = [node.text or "" for node in document.element.body.iter() if node.tag.endswith("}t")]
    return " ".join(" ".join(texts).split())


def pdf_text(data: bytes) -> str:
    """Return all words of a PDF."""
    with open_letter(data) as letter:
        pages = range(1, letter.page_count + 1)
        return " ".join(line.text for page in pages for line in letter.text_lines(page))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("receipt", "với số đến 07 ngày 22/11/2026"),
        ("return", "Sở Tài chính tỉnh Thử Nghiệm trả lại văn bản nêu trên"),
        ("suspicious", "đã báo người có trách nhiệm giải quyết theo điểm b khoản 2 Điều 21"),
        ("report", "cho ý kiến tiếp nhận hoặc trả lại văn bản"),
        ("recall", "Thực hiện Công văn số 9/X, Sở Tài chính tỉnh Thử Nghiệm đã hủy bỏ"),
    ],
)
def test_each_notice_is_an_official_letter(kind: NoticeKind, says: str) -> None:
    """Nation and motto, body and superior, room for the number, place and date, addressee, signer; NFC."""
    letter = notice_letter(kind, told(recall_reference="Công văn số 9/X"), FORM)
    to_whom = "Bà Phạm Thị Mẫu" if kind == "report" else "UBND xã An Bình"
    for words in (docx_text(docx_of(letter)), pdf_text(pdf_of(letter))):
        assert unicodedata.is_normalized("NFC", words)
        for part in (
            "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
            "Độc lập - Tự do - Hạnh phúc",
            "/STC-VP",
            "Thử Nghiệm, ngày 05 tháng 11 năm 2026",
            f"Kính gửi: {to_whom}",
            "Công văn số 07/UBND-VP ngày 20/11/2026 của UBND xã An Bình",
            "CHÁNH VĂN PHÒNG",
            "Lê Thị Ví Dụ",
            "- Lưu: VT.",
        ):
            assert part in words
        assert says in words
        assert "{" not in words
    bodies = "ỦY BAN NHÂN DÂN TỈNH THỬ NGHIỆM SỞ TÀI CHÍNH TỈNH THỬ NGHIỆM"
    assert docx_text(docx_of(letter)).startswith(f"{bodies} CỘNG HÒA")


def test_reasons_are_listed_once() -> None:
    """In the words they were decided in."""
    body = notice_letter("return", told(), FORM).body
    assert [line for line in body if line.startswith("- ")] == ["- Chữ ký số không hợp lệ."]
    many = tuple(Reason("x", Text(f"Lý do {number}", "x")) for number in range(30))
    body = notice_letter("return", told(decision=Decision("return", "x", many)), FORM).body
    assert len([line for line in body if line.startswith("- ")]) == 8


def test_paper_is_sent_back() -> None:
    """A recalled letter that came on paper goes back to its sender."""
    letter = notice_letter("recall", told(form="paper", recall_reference="Công văn số 9/X"), FORM)
    assert "gửi lại" in letter.body[0]


def test_a_known_number_is_set() -> None:
    """With its own symbol or the office's; what is none leaves room."""
    for given, shown in (("5", "05/STC-VP"), ("15/TB-STC", "15/TB-STC"), ("", "/STC-VP"), ("x", "/STC-VP")):
        letter = notice_letter("receipt", told(), replace(FORM, number=given))
        assert letter.number_and_symbol.strip("\N{NO-BREAK SPACE}") == shown


def test_an_office_without_settings_leaves_blanks() -> None:
    """Nothing is invented: dots stand where place, symbol and signer go."""
    letter = notice_letter(
        "receipt",
        told(facts=replace(told().facts, author="", subject="")),
        NoticeText(IntakeSection(), "Sở Mẫu", date(2026, 1, 2)),
    )
    assert letter.place.startswith("…")
    assert letter.addressees[0].startswith("…")
    words = pdf_text(pdf_of(letter))
    assert "ngày 02 tháng 01 năm 2026" in words
    assert docx_of(letter).startswith(b"PK")


def test_hostile_text_is_only_text() -> None:
    """Markup, controls, missing glyphs and endless words neither break a notice nor leave it."""
    facts = replace(
        told().facts, author="<b>A&B</b>", subject="\u202e<para>\x00 中 " + "x" * 3000, number_and_symbol="1/<i>"
    )
    hostile = told(facts=facts, file_name="<font>.pdf")
    for kind in ("receipt", "report"):
        letter = notice_letter(kind, hostile, FORM)  # type: ignore[arg-type] # one of the five
        words = pdf_text(pdf_of(letter))
        assert "<b>A&B</b>" in words
        assert "[U+4E2D]" in words
        assert "\u202e" not in words
        assert "<b>A&B</b>" in docx_text(docx_of(letter))
