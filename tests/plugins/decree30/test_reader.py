"""Reading the head of a letter for the register of incoming letters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace

import pytest

from kyso.contracts import LetterFacts, TextLine
from kyso.demo.letter import typeset
from kyso.demo.wording import sample_letter
from kyso.document.opening import open_letter
from kyso.geometry import RectMm
from kyso_decree30.reader import Decree30Reader


@dataclass(frozen=True)
class Page:
    """A page of lines, each given by its centre, top and text."""

    lines: tuple[tuple[float, float, str], ...]

    def page(self, number: int) -> SimpleNamespace:
        """Return an A4 page."""
        return SimpleNamespace(number=number, height_mm=297.0, rect_mm=RectMm(0, 0, 210, 297))

    def text_lines(self, number: int) -> tuple[TextLine, ...]:
        """Return its lines, 2 mm wide for each letter and 4 mm high."""
        return tuple(
            TextLine(text, RectMm(centre - len(text), top, 2.0 * len(text), 4.0), 13.0)
            for centre, top, text in self.lines
        )


HEAD = (
    (58.0, 20.0, "UBND TỈNH THỬ NGHIỆM"),
    (150.0, 20.0, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
    (58.0, 26.0, "SỞ TÀI CHÍNH"),
    (150.0, 26.0, "Độc lập - Tự do - Hạnh phúc"),
    (58.0, 36.0, "Số: 12/QĐ-STC"),
    (150.0, 36.0, "Thử Nghiệm, ngày 05 tháng 01 năm 2026"),
)


def read(*lines: tuple[float, float, str]) -> LetterFacts:
    """Read a page with the head above and further lines."""
    return Decree30Reader().read(Page((*HEAD, *lines)))  # type: ignore[arg-type] # as much of a letter as is read


def test_an_official_dispatch() -> None:
    """Issuer, number, date, and the subject below the number, from a letter as it is printed."""
    with open_letter(typeset(sample_letter(date(2026, 2, 3), 9))) as letter:
        assert Decree30Reader().read(letter) == LetterFacts(
            "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM",
            "09/UBND-VP",
            date(2026, 2, 3),
            "Công văn",
            "ký số và kiểm tra chữ ký số trên văn bản điện tử",
        )


def test_a_letter_of_a_named_type() -> None:
    """The title is the type, the lines centred below it the subject, up to the text."""
    facts = read(
        (105.0, 50.0, "QUYẾT ĐỊNH"),
        (105.0, 56.0, "Về việc ban hành Quy chế"),
        (105.0, 62.0, "công tác văn thư"),
        (60.0, 72.0, "Căn cứ Nghị định số 30/2020/NĐ-CP;"),
    )
    assert facts == LetterFacts(
        "UBND TỈNH THỬ NGHIỆM SỞ TÀI CHÍNH",
        "12/QĐ-STC",
        date(2026, 1, 5),
        "Quyết định",
        "ban hành Quy chế công tác văn thư",
    )


@pytest.mark.parametrize(
    "line",
    [(105.0, 62.0, "_______"), (105.0, 62.0, "Điều 1. Ban hành"), (105.0, 80.0, "xa"), (40.0, 62.0, "lệch trục")],
)
def test_the_subject_ends_where_the_text_begins(line: tuple[float, float, str]) -> None:
    """At a rule, an article, a gap, or a line that is not centred below it."""
    facts = read((105.0, 50.0, "KẾ HOẠCH"), (105.0, 56.0, "Chuyển đổi số năm 2026"), line)
    assert (facts.kind, facts.subject) == ("Kế hoạch", "Chuyển đổi số năm 2026")


def test_what_is_not_there_stays_empty() -> None:
    """A page without a head, a blank number and date, a page without text: nothing is made up."""
    assert Decree30Reader().read(Page(())) == LetterFacts()  # type: ignore[arg-type] # the same
    assert Decree30Reader().read(Page(((105.0, 100.0, "Kính gửi: ai đó"),))) == LetterFacts()  # type: ignore[arg-type] # the same
    with open_letter(typeset(replace(sample_letter(date(2026, 2, 3)), number=None))) as letter:
        facts = Decree30Reader().read(letter)
    assert (facts.number_and_symbol, facts.kind) == ("", "Công văn")


def test_a_sentence_that_mentions_a_type_is_none() -> None:
    """Only a line of its own in the middle of the page is a title."""
    facts = read((105.0, 60.0, "Thực hiện Quyết định số 5"), (40.0, 66.0, "Báo cáo"))
    assert (facts.kind, facts.subject) == ("", "")
