"""A verification as a PDF to print and to file: what matters first, technical details on the pages after.

Set in the fonts of ``[fonts]``, else in the serif that stamps are set in (:mod:`kyso_stamps.fonts`), embedded. A
character the font lacks is written as its number, ``[U+4E2D]``: a report must not draw an empty box in a name.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import CondPageBreak, Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Table

from kyso.demo.typeface import register_faces
from kyso.errors import InputRefused
from kyso.reports.contents import LINK_TONES, contents_of
from kyso.reports.page_pictures import pictures_of
from kyso.reports.wording import label
from kyso_stamps.errors import StampError
from kyso_stamps.fonts import FontChoice, choose_face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kyso.reports.contents import Item, Remark, ReportContents, SignatureContents, Tone
    from kyso.reports.page_pictures import PagePicture
    from kyso.text import Language
    from kyso.verification.report import VerificationReport

_MM: Final = 72 / 25.4
_WIDTH_MM: Final = 178.0
_FRAME_PADDING: Final = 6  # points that reportlab keeps free inside its frame
_INK: Final = "#1b1f24"
_SOFT: Final = "#5a636e"
_LINE: Final = "#c9d0d8"
_TONES: Final[dict[Tone, tuple[str, str]]] = {
    "good": ("#12632f", "#e5f4ea"),
    "bad": ("#a3141a", "#fdeaea"),
    "doubtful": ("#7a4b00", "#fff3dc"),
    "neutral": ("#3c4650", "#eceff2"),
}
_LINKS_IN_ROW: Final = 4
_TROUBLE: Final = ("bad", "doubtful")


class PdfReport:
    """The report format ``pdf``."""

    binary = True

    def __init__(self, fonts: FontChoice | None = None) -> None:
        self._fonts = fonts or FontChoice()

    def with_fonts(self, fonts: FontChoice) -> PdfReport:
        """Return the format set in these fonts."""
        return PdfReport(fonts)

    def render(self, report: VerificationReport, language: Language) -> bytes:
        """Return the report as a PDF.

        :raises InputRefused: there is no font for it.
        """
        return _Sheet(contents_of(report, language), pictures_of(report), self._fonts).written()


class _Sheet:
    """One report being laid out."""

    def __init__(self, contents: ReportContents, pictures: tuple[PagePicture, ...], fonts: FontChoice) -> None:
        self._contents = contents
        self._pictures = pictures
        self._language: Language = contents.language
        try:
            self._faces = register_faces(fonts)
            self._has: Callable[[str], bool] = choose_face(fonts).has
        except StampError as error:
            raise InputRefused("report.font_missing", cause=error.code) from error
        self._styles: dict[tuple[object, ...], Any] = {}

    def written(self) -> bytes:
        """Return the finished file."""
        buffer = io.BytesIO()
        contents = self._contents
        document = SimpleDocTemplate(
            buffer,
            pagesize=A4,
            leftMargin=16 * _MM - _FRAME_PADDING,
            rightMargin=16 * _MM - _FRAME_PADDING,
            topMargin=14 * _MM,
            bottomMargin=16 * _MM,
            # A file name that is no UTF-8 holds lone surrogates, which no PDF text string can.
            title=f"{contents.verdict}: {contents.file_name}".encode("utf-8", "backslashreplace").decode("utf-8"),
            author="kyso",
            subject=self._label("sheet.title"),
            lang="vi-VN" if self._language == "vi" else "en",
            initialFontName=self._faces.regular,
            invariant=1,
        )
        document.build(list(self._story()), onFirstPage=self._footer, onLaterPages=self._footer)
        return buffer.getvalue()

    # --------------------------------------------------------------------------------------------------- story

    def _story(self) -> Iterator[Any]:
        contents = self._contents
        yield self._paragraph(self._label("sheet.title"), size=9.5, color=_SOFT)
        yield self._paragraph(contents.file_name, size=12, bold=True, after=4)
        yield self._headline()
        yield self._table(contents.facts)
        for signature in contents.signatures:
            yield from self._signature(signature)
        yield from self._remarks("label.conformity", contents.conformity)
        yield from self._remarks("label.warnings", contents.warnings)
        yield CondPageBreak(60 * _MM)
        if self._pictures:
            yield self._heading(self._label("sheet.change_pictures"))
            yield from self._page_pictures()
        yield self._heading(self._label("sheet.details"))
        yield self._table(contents.details)
        for signature in contents.signatures:
            yield self._heading(f"{signature.title}: {signature.verdict}")
            yield self._table(signature.details)
        yield self._paragraph(self._label("sheet.basis"), size=8.5, color=_SOFT, before=8)

    def _headline(self) -> Any:
        contents = self._contents
        ink, paper = _TONES[contents.tone]
        rows = [
            [self._paragraph(contents.verdict, size=17, bold=True, color=ink)],
            [self._paragraph(contents.why, size=11)],
        ]
        if contents.next_step:
            rows.append([self._marked(self._label("sheet.do_now"), contents.next_step, size=11)])
        style = [
            ("BACKGROUND", (0, 0), (-1, -1), paper),
            ("LINEBEFORE", (0, 0), (0, -1), 5, ink),
            ("LEFTPADDING", (0, 0), (-1, -1), 10),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
        return self._grid(rows, widths=[_WIDTH_MM * _MM], style=style, after=4)

    def _signature(self, signature: SignatureContents) -> Iterator[Any]:
        ink, _ = _TONES[signature.tone]
        title = self._paragraph(f"{signature.title}: {signature.verdict}", size=11.5, bold=True, color=ink, before=7)
        yield KeepTogether([title, self._table((*signature.seven_items, *signature.terms))])
        if signature.chain:
            yield from self._chain(signature)
        tone, _ = _TONES[signature.changes_tone]
        yield self._marked(self._label("label.changes"), signature.changes, color=tone)
        yield from (self._bullet(remark) for remark in signature.change_list)
        if signature.reasons:
            yield self._paragraph(self._label("label.reasons"), size=9.5, bold=True, before=2, keep=True)
            yield from (self._bullet(remark) for remark in signature.reasons)

    def _chain(self, signature: SignatureContents) -> Iterator[Any]:
        yield self._paragraph(self._label("label.chain"), size=9.5, bold=True, before=2, after=2, keep=True)
        for start in range(0, len(signature.chain), _LINKS_IN_ROW):
            links = signature.chain[start : start + _LINKS_IN_ROW]
            arrow = 7.0
            width = (_WIDTH_MM - arrow * (_LINKS_IN_ROW - 1)) / _LINKS_IN_ROW
            cells: list[Any] = []
            widths: list[float] = []
            style: list[Any] = [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("TOPPADDING", (0, 0), (-1, -1), 2)]
            style += [("LEFTPADDING", (0, 0), (-1, -1), 4), ("RIGHTPADDING", (0, 0), (-1, -1), 4)]
            for number, link in enumerate(links):
                if number:
                    cells.append(_Arrow(arrow * _MM))
                    widths.append(arrow * _MM)
                    style += [("LEFTPADDING", (len(cells) - 1, 0), (len(cells) - 1, 0), 0)]
                    style += [("RIGHTPADDING", (len(cells) - 1, 0), (len(cells) - 1, 0), 0)]
                ink, paper = _TONES[LINK_TONES[link.state]]
                at = (len(cells), 0)
                dash = (2, 2) if link.state == "missing" else None
                style += [("BACKGROUND", at, at, paper), ("BOX", at, at, 1, ink, 0, dash)]
                cells.append(
                    [
                        self._paragraph(link.role, size=7.5, color=_SOFT),
                        self._paragraph(link.name, size=8.5),
                        self._paragraph(link.state_words, size=8.5, bold=True, color=ink),
                    ]
                )
                widths.append(width * _MM)
            yield self._grid([cells], widths=widths, style=style, after=3)
        if signature.chain_failure is not None:
            failure = signature.chain_failure
            words = " ".join(part for part in (failure.words, failure.step) if part)
            yield self._marked(self._label("sheet.chain_failure"), words, color=_TONES[_failure_tone(signature)][0])

    def _page_pictures(self) -> Iterator[Any]:
        width = _WIDTH_MM / 3
        cells = []
        for picture in self._pictures:
            scale = min((width - 4) / picture.width_px, 84.0 / picture.height_px) * _MM
            image = Image(io.BytesIO(picture.png), picture.width_px * scale, picture.height_px * scale)
            code = "sheet.change_picture" if picture.framed else "sheet.changed_page"
            cells.append([image, self._paragraph(self._label(code, page=picture.page), size=8)])
        for start in range(0, len(cells), 3):
            row = cells[start : start + 3]
            yield self._grid(
                [row],
                widths=[width * _MM] * len(row),
                style=[("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)],
                after=4,
            )

    # -------------------------------------------------------------------------------------------------- pieces

    def _remarks(self, heading: str, remarks: tuple[Remark, ...]) -> Iterator[Any]:
        if remarks:
            yield self._heading(self._label(heading))
            yield from (self._bullet(remark) for remark in remarks)

    def _table(self, items: Iterable[Item]) -> Any:
        rows = [
            [self._paragraph(item.name, size=9, color=_SOFT), self._paragraph(item.value, size=9.5)] for item in items
        ]
        style = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ]
        return self._grid(rows, widths=[56 * _MM, (_WIDTH_MM - 56) * _MM], style=style, after=3)

    def _grid(self, rows: list[Any], *, widths: list[float], style: list[Any], after: float) -> Any:
        # reportlab names the font of every cell, also of cells without text; its own would not be embedded.
        font = ("FONTNAME", (0, 0), (-1, -1), self._faces.regular)
        return Table(rows, colWidths=widths, style=[font, *style], hAlign="LEFT", spaceAfter=after)

    def _heading(self, words: str) -> Any:
        return self._paragraph(words, size=11.5, bold=True, before=7, after=2, keep=True)

    def _bullet(self, remark: Remark) -> Any:
        step = f" {remark.step}" if remark.step else ""
        return self._paragraph(f"{remark.words}{step}", size=9.5, bullet=True)

    def _marked(self, name: str, words: str, *, size: float = 9.5, color: str = _INK) -> Any:
        return self._raw(f"<b>{self._safe(name)}:</b> {self._safe(words)}", size=size, color=color)

    def _paragraph(self, words: str, **style: Any) -> Any:
        return self._raw(self._safe(words), **style)

    def _raw(
        self,
        markup: str,
        *,
        size: float,
        bold: bool = False,
        color: str = _INK,
        before: float = 0,
        after: float = 0,
        bullet: bool = False,
        keep: bool = False,
    ) -> Any:
        key = (size, bold, color, before, after, bullet, keep)
        if key not in self._styles:
            self._styles[key] = ParagraphStyle(
                f"kyso-{len(self._styles)}",
                fontName=self._faces.bold if bold else self._faces.regular,
                fontSize=size,
                leading=size * 1.28,
                textColor=color,
                spaceBefore=before,
                spaceAfter=after,
                leftIndent=11 if bullet else 0,
                bulletIndent=2,
                bulletFontName=self._faces.regular,
                bulletFontSize=size,
                splitLongWords=1,
                keepWithNext=keep,
            )
        return Paragraph(markup, self._styles[key], bulletText="•" if bullet else None)

    def _safe(self, words: str) -> str:
        """Escape for reportlab's markup and name characters that the font lacks."""
        return escape("".join(c if self._has(c) else f"[U+{ord(c):04X}]" for c in words))

    def _label(self, code: str, **parameters: object) -> str:
        return label(code, self._language, **parameters)

    def _footer(self, canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(self._faces.regular, 8)
        canvas.setFillColor(_SOFT)
        canvas.drawString(document.leftMargin + _FRAME_PADDING, 9 * _MM, self._label("sheet.title"))
        right = document.pagesize[0] - document.rightMargin - _FRAME_PADDING
        canvas.drawRightString(right, 9 * _MM, self._label("sheet.page_number", page=document.page))
        canvas.restoreState()


def _failure_tone(signature: SignatureContents) -> Tone:
    return next((LINK_TONES[link.state] for link in signature.chain if LINK_TONES[link.state] in _TROUBLE), "bad")


class _Arrow(Flowable):  # type: ignore[misc] # reportlab has no types
    """An arrow from one link to the next; drawn, because a font may lack one."""

    def __init__(self, width_pt: float) -> None:
        super().__init__()
        self.width, self.height = width_pt, 8.0

    def draw(self) -> None:
        """Draw it on the canvas that reportlab has set."""
        canvas = self.canv
        canvas.setStrokeColor(_SOFT)
        canvas.setFillColor(_SOFT)
        canvas.setLineWidth(1.1)
        canvas.line(3, 4, self.width - 7, 4)
        tip = canvas.beginPath()
        tip.moveTo(self.width - 3, 4)
        tip.lineTo(self.width - 8, 6.6)
        tip.lineTo(self.width - 8, 1.4)
        tip.close()
        canvas.drawPath(tip, stroke=0, fill=1)
