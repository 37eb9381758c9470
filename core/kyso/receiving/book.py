"""The register as a book to print and sign: the ten columns of Decree 30/2020, Annex IV, as PDF, CSV and XLSX.

A register kept in a system is printed with all fields of the form, signed for and bound (Điều 22.3.b); so the PDF
leaves room in the column for signatures and states year, days and numbers as the form's cover does.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from kyso import text
from kyso.errors import InputRefused, WrongUse
from kyso.frozen import dataclass
from kyso.reports.spreadsheet import cell, csv_of
from kyso.text import shown

if TYPE_CHECKING:
    from datetime import date

    from kyso.receiving.values import Entry
    from kyso.text import Language
    from kyso_stamps.fonts import FontChoice

COLUMNS: Final = (
    "arrived",
    "number",
    "author",
    "symbol",
    "dated",
    "subject",
    "recipient",
    "forwarded",
    "received_by",
    "remark",
)
"""The columns of the form, in its order."""

FORMATS: Final = ("pdf", "csv", "xlsx")
_WIDTHS_MM: Final = (20.5, 13.0, 38.0, 27.0, 20.5, 58.0, 29.0, 20.5, 20.5, 26.0)
_MM: Final = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Book:
    """What is printed.

    :param entries: in the order of their numbers.
    :param fonts: fonts of the PDF.
    """

    organisation: str
    year: int
    entries: Sequence[Entry]
    superior: str = ""
    fonts: FontChoice | None = None

    @property
    def days(self) -> tuple[date, date] | None:
        """First and last day of receipt."""
        days = sorted(entry.arrived_on for entry in self.entries)
        return (days[0], days[-1]) if days else None


def row_of(entry: Entry, language: Language = "vi") -> tuple[str, ...]:
    """Return an entry's ten columns."""
    facts = entry.facts
    subject = ": ".join(part for part in (facts.kind, facts.subject.strip(" .")) if part)
    return (
        _day(entry.arrived_on),
        "" if entry.number is None else f"{entry.number:02d}",
        facts.author,
        facts.number_and_symbol,
        _day(facts.dated),
        subject,
        entry.recipient,
        _day(entry.forwarded_on),
        entry.received_by,
        remark_of(entry, language),
    )


def remark_of(entry: Entry, language: Language = "vi") -> str:
    """Return the remark a person made, with what else happened to the letter."""
    said = [entry.remark]
    if entry.form == "paper":
        said.append(_word("paper", language))
    if entry.state in ("returned", "entering"):
        said.append(_word(entry.state, language))
    if entry.recalled_on is not None:
        told = {"day": _day(entry.recalled_on), "recall": entry.recall_reference}
        said.append(_word("recalled", language, **told))
    if entry.destroyed_at is not None:
        said.append(_word("destroyed", language, day=_day(entry.destroyed_at.date())))
    return "; ".join(part for part in said if part)


def printed(book: Book, form: str, language: Language = "vi") -> bytes:
    """Return the book in one of :data:`FORMATS`.

    :raises WrongUse: the package for XLSX is not installed.
    :raises InputRefused: there is no font for the PDF.
    """
    if form == "csv":
        return csv_of([heads(language), *(row_of(entry, language) for entry in book.entries)])
    return _xlsx(book, language) if form == "xlsx" else _pdf(book, language)


def heads(language: Language) -> tuple[str, ...]:
    """Return the columns' heads."""
    return tuple(_word(f"head_{name}", language) for name in COLUMNS)


def _xlsx(book: Book, language: Language) -> bytes:
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Alignment, Font
    except ImportError:
        raise WrongUse("intake.extra_missing", packages=["openpyxl"]) from None
    workbook = Workbook()
    sheet: Any = workbook.active
    sheet.title = str(book.year)
    rows = [heads(language), *(row_of(entry, language) for entry in book.entries)]
    for place, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            written = sheet.cell(place, column, cell(value))
            # Text by type too, whatever a cell begins with.
            written.data_type = "s"
            written.alignment = Alignment(vertical="top", wrap_text=True)
            written.font = Font(name="Times New Roman", size=12, bold=place == 1)
    for column, width in enumerate(_WIDTHS_MM):
        sheet.column_dimensions[chr(ord("A") + column)].width = width / 1.9
    sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _pdf(book: Book, language: Language) -> bytes:
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

    from kyso.demo.sheet import style
    from kyso.demo.typeface import register_faces
    from kyso_stamps.errors import StampError
    from kyso_stamps.fonts import FontChoice, choose_face

    try:
        faces = register_faces(book.fonts)
        has = choose_face(book.fonts or FontChoice()).has
    except StampError as error:
        raise InputRefused("report.font_missing", cause=error.code) from error

    def safe(words: str) -> str:
        """Escape for the markup, and name characters that the font lacks."""
        line = " ".join(shown(words).split())
        return escape("".join(each if has(each) else f"[U+{ord(each):04X}]" for each in line))

    def words(value: str, size_pt: float, *, bold: bool = False, align: int = 0) -> Any:
        face = faces.bold if bold else faces.regular
        return Paragraph(safe(value), style(faces, size_pt, fontName=face, alignment=align, splitLongWords=1))

    centre = 1
    story: list[Any] = []
    if book.superior:
        story.append(words(book.superior.upper(), 12, align=centre))
    story += [words(book.organisation.upper(), 12, bold=True, align=centre), Spacer(1, 10)]
    story.append(words(_word("title", language), 16, bold=True, align=centre))
    story += [words(line, 12, align=centre) for line in _cover(book, language)]
    story.append(Spacer(1, 10))
    rows = [
        [words(head, 10, bold=True, align=centre) for head in heads(language)],
        [words(f"({number})", 9, align=centre) for number in range(1, len(COLUMNS) + 1)],
    ]
    middle = (0, 1, 4, 7)
    for entry in book.entries:
        columns = enumerate(row_of(entry, language))
        rows.append([words(value, 10, align=centre if place in middle else 0) for place, value in columns])
    if not book.entries:
        rows.append([words(_word("empty", language), 10), *("" for _ in COLUMNS[1:])])
    lines = [
        ("GRID", (0, 0), (-1, -1), 0.5, "#000000"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("VALIGN", (0, 0), (-1, 1), "MIDDLE"),
        ("FONTNAME", (0, 0), (-1, -1), faces.regular),
        *((f"{side}PADDING", (0, 0), (-1, -1), 3) for side in ("LEFT", "RIGHT")),
        *([] if book.entries else [("SPAN", (0, 2), (-1, 2))]),
    ]
    story.append(Table(rows, colWidths=[width * _MM for width in _WIDTHS_MM], repeatRows=2, style=lines))

    def footer(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(faces.regular, 10)
        canvas.drawCentredString(document.pagesize[0] / 2, 8 * _MM, _word("page", language, page=document.page))
        canvas.restoreState()

    buffer = io.BytesIO()
    margin = (297 - sum(_WIDTHS_MM)) / 2 * _MM - 6
    SimpleDocTemplate(
        buffer,
        pagesize=landscape(A4),
        leftMargin=margin,
        rightMargin=margin,
        topMargin=15 * _MM,
        bottomMargin=15 * _MM,
        title=f"{_word('title', language)} {book.year}",
        author=book.organisation,
        creator="kyso",
        lang="vi-VN" if language == "vi" else "en",
        initialFontName=faces.regular,
    ).build(story, onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


def _cover(book: Book, language: Language) -> list[str]:
    lines = [_word("year", language, year=book.year)]
    if book.days is not None:
        first, last = book.days
        lines.append(_word("days", language, first=_day(first), last=_day(last)))
        numbers = [entry.number or 0 for entry in book.entries]
        lines.append(_word("numbers", language, first=f"{numbers[0]:02d}", last=f"{numbers[-1]:02d}"))
    return lines


def _day(day: date | None) -> str:
    return "" if day is None else f"{day:%d/%m/%Y}"


def _word(code: str, language: Language, **parameters: object) -> str:
    return text.message(f"intake.book.{code}", language, parameters)
