"""A notice as a Word document in the form of Decree 30/2020, annex I: A4, Times New Roman, two columns in the head."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Mm, Pt

if TYPE_CHECKING:
    from kyso.demo.wording import Letter

_FONT: Final = "Times New Roman"
_MARGINS_MM: Final = {"top_margin": 20, "bottom_margin": 20, "left_margin": 30, "right_margin": 20}
_HEAD_MM: Final = (63.0, 97.0)
_CLOSING_MM: Final = (75.0, 85.0)
_NATION: Final = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
_MOTTO: Final = "Độc lập - Tự do - Hạnh phúc"
_CENTRE: Final = WD_ALIGN_PARAGRAPH.CENTER
_UNDATED: Final = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def docx_of(letter: Letter) -> bytes:
    """Return the letter as DOCX."""
    document: Any = Document()
    _set_page(document)
    _head(document, letter)
    _addressees(document, letter)
    for paragraph in letter.body:
        body = _line(document, paragraph, 14, align=WD_ALIGN_PARAGRAPH.JUSTIFY)
        body.paragraph_format.first_line_indent = Cm(1)
        body.paragraph_format.space_before = Pt(6)
        # The last lines stay with the signature: no signature may stand alone on a page.
        body.paragraph_format.keep_with_next = paragraph is letter.body[-1]
    _closing(document, letter)
    core = document.core_properties
    core.title, core.author, core.language = f"V/v {letter.subject}", " ".join(letter.issuer), "vi-VN"
    core.created = core.modified = datetime.combine(letter.dated, _UNDATED.time())
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_page(document: Any) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    for name, width in _MARGINS_MM.items():
        setattr(section, name, Mm(width))
    style = document.styles["Normal"]
    style.font.name, style.font.size = _FONT, Pt(14)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(name), _FONT)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "vi-VN")
    style.element.get_or_add_rPr().append(language)
    style.paragraph_format.space_after = style.paragraph_format.space_before = Pt(0)


def _head(document: Any, letter: Letter) -> None:
    """Boxes 1 to 5b in two columns; number and date share a row, however many lines the names above take (II.4)."""
    (left, right), (number, dated) = _columns(document, _HEAD_MM, rows=2)
    for words in letter.superior:
        _line(left, words, 12, align=_CENTRE)
    for words in letter.issuer:
        _line(left, words, 12, align=_CENTRE, bold=True)
    _rule(left, 22.0)
    _line(number, f"Số: {letter.number_and_symbol}", 13, align=_CENTRE)
    _line(number, f"V/v {letter.subject}", 12, align=_CENTRE).paragraph_format.space_before = Pt(3)
    _line(right, _NATION, 12, align=_CENTRE, bold=True)
    _line(right, _MOTTO, 13, align=_CENTRE, bold=True)
    _rule(right, 58.0)
    _line(dated, letter.place_and_date, 13, align=_CENTRE, italic=True)


def _addressees(document: Any, letter: Letter) -> None:
    if len(letter.addressees) == 1:
        only = _line(document, f"Kính gửi: {letter.addressees[0]}", 14, align=_CENTRE)
        only.paragraph_format.space_before = only.paragraph_format.space_after = Pt(12)
        return
    _line(document, "Kính gửi:", 14).paragraph_format.left_indent = Cm(3)
    for words in letter.addressees:
        _line(document, f"- {words}", 14).paragraph_format.left_indent = Cm(5)


def _closing(document: Any, letter: Letter) -> None:
    """Boxes 9b and 7a to 7c side by side; 7c stays empty for the signature."""
    _line(document, "", 14).paragraph_format.keep_with_next = True
    ((left, right),) = _columns(document, _CLOSING_MM, rows=1)
    _line(left, "Nơi nhận:", 12, bold=True, italic=True)
    for number, words in enumerate(letter.recipients, 1):
        mark = "." if number == len(letter.recipients) else ";"
        _line(left, f"- {words}{mark}", 11)
    for words in letter.authority:
        _line(right, words, 14, align=_CENTRE, bold=True)
    for _ in range(4):
        _line(right, "", 14, align=_CENTRE)
    _line(right, letter.name, 14, align=_CENTRE, bold=True)


def _columns(document: Any, widths_mm: tuple[float, float], *, rows: int) -> list[tuple[Any, Any]]:
    """Return the two cells of each row of a table without lines."""
    table = document.add_table(rows=rows, cols=2)
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "0")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tbl.tblPr.append(margins)
    found = []
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, column, width in zip(row.cells, table.columns, widths_mm, strict=True):
            # Word goes by the cell's width, LibreOffice by the column's.
            cell.width = column.width = Mm(width)
            # A cell comes with an empty paragraph, which would be a blank line on top.
            cell._element.remove(cell.paragraphs[0]._element)
        left, right = row.cells
        found.append((left, right))
    return found


def _line(
    place: Any, words: str, size_pt: float, *, align: Any = None, bold: bool = False, italic: bool = False
) -> Any:
    paragraph = place.add_paragraph()
    paragraph.alignment = align
    run = paragraph.add_run(words)
    run.font.size, run.bold, run.italic = Pt(size_pt), bold, italic
    return paragraph


def _rule(cell: Any, width_mm: float) -> None:
    """A thin line of its own length under the issuer and the motto (annex I, II.1 and II.2): a paragraph's border."""
    paragraph = cell.add_paragraph()
    side = (cell.width.mm - width_mm) / 2
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = Mm(max(0.0, side))
    form.line_spacing = Pt(4)
    form.space_after = Pt(4)
    borders = OxmlElement("w:pBdr")
    top = OxmlElement("w:top")
    for name, value in (("val", "single"), ("sz", "6"), ("space", "1"), ("color", "000000")):
        top.set(qn(f"w:{name}"), value)
    borders.append(top)
    paragraph._p.get_or_add_pPr().append(borders)
