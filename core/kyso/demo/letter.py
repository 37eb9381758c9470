"""A two-page official letter (công văn) set as Decree 30/2020, annex I, asks: the paper the demo signs.

A4; margins 20 mm above and below, 30 mm left, 20 mm right; sizes 12-14 pt; the page number centred in the upper margin
from the second page on.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

from kyso.demo.typeface import Faces, register_faces
from kyso.demo.wording import SAMPLE_NOTICE, Letter, sample_letter

if TYPE_CHECKING:
    from datetime import date

    from kyso_stamps.fonts import FontChoice

MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * MM, 297 * MM
LEFT, RIGHT, TOP, BOTTOM = 30 * MM, 20 * MM, 20 * MM, 20 * MM
TEXT_WIDTH = PAGE_WIDTH - LEFT - RIGHT

# The head's two columns share their axes with the signature block below: recipients left, signer right.
_LEFT_AXIS = LEFT + 0.21 * TEXT_WIDTH
_RIGHT_AXIS = LEFT + 0.705 * TEXT_WIDTH


def draw_letter(dated: date, *, number: int = 7, fonts: FontChoice | None = None) -> bytes:
    """Return the demo's letter as a PDF.

    :param dated: the letter's date; the number and the date stand on it already, as they must before the
        organisation signs (Decree 30/2020, articles 14 to 18).
    :param fonts: font files to use; ``None`` searches as the stamp engine does.
    """
    return typeset(sample_letter(dated, number), fonts)


def typeset(letter: Letter, fonts: FontChoice | None = None) -> bytes:
    """Return any letter as a PDF."""
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    faces = register_faces(fonts)
    output = io.BytesIO()
    document = BaseDocTemplate(
        output,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        title=f"Số {letter.number_and_symbol}: V/v {letter.subject}",
        author=" ".join(letter.issuer),
        subject=SAMPLE_NOTICE,
        creator="kyso demo",
        lang="vi-VN",
    )
    head_height = _head_height(letter)
    no_padding = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
    text_height = PAGE_HEIGHT - TOP - BOTTOM
    document.addPageTemplates(
        [
            PageTemplate(
                "first",
                [Frame(LEFT, BOTTOM, TEXT_WIDTH, text_height - head_height, **no_padding)],
                onPage=partial(_first_page, letter=letter, faces=faces),
                autoNextPageTemplate="later",
            ),
            PageTemplate(
                "later",
                [Frame(LEFT, BOTTOM, TEXT_WIDTH, text_height, **no_padding)],
                onPage=partial(_later_page, faces=faces),
            ),
        ]
    )
    document.build(_story(letter, faces))
    return output.getvalue()


# ---------------------------------------------------------------------------------------------------------- head


def _subject_lines(letter: Letter) -> list[str]:
    """Break the subject into balanced lines for the narrow left column."""
    from reportlab.lib.utils import simpleSplit

    return list(simpleSplit(f"V/v {letter.subject}", "KysoSerif", 12, 0.40 * TEXT_WIDTH))


def _head_height(letter: Letter) -> float:
    return (52 + 4 + 14.5 * len(_subject_lines(letter))) + 20


def _first_page(canvas: Any, _document: Any, *, letter: Letter, faces: Faces) -> None:
    """Draw boxes 1 to 5b: they stand in two columns, each centred on its own axis."""
    top = PAGE_HEIGHT - TOP
    canvas.saveState()

    canvas.setFont(faces.bold, 12)
    canvas.drawCentredString(_RIGHT_AXIS, top - 12, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
    canvas.setFont(faces.bold, 13)
    motto = "Độc lập - Tự do - Hạnh phúc"
    canvas.drawCentredString(_RIGHT_AXIS, top - 27.5, motto)
    # The rule under the motto is as long as the motto (annex I, II.1.b).
    half = canvas.stringWidth(motto, faces.bold, 13) / 2
    canvas.setLineWidth(0.6)
    canvas.line(_RIGHT_AXIS - half, top - 31.5, _RIGHT_AXIS + half, top - 31.5)

    canvas.setFont(faces.bold, 12)
    for index, line in enumerate(letter.issuer):
        canvas.drawCentredString(_LEFT_AXIS, top - 12 - 15.5 * index, line)
    # A third to a half of the line above, centred (II.2.b).
    half = canvas.stringWidth(letter.issuer[-1], faces.bold, 12) * 0.4 / 2
    under = top - 12 - 15.5 * (len(letter.issuer) - 1) - 4
    canvas.line(_LEFT_AXIS - half, under, _LEFT_AXIS + half, under)

    canvas.setFont(faces.regular, 13)
    canvas.drawCentredString(_LEFT_AXIS, top - 52, f"Số: {letter.number_and_symbol}")
    canvas.setFont(faces.italic, 13)
    canvas.drawCentredString(_RIGHT_AXIS, top - 52, letter.place_and_date)

    canvas.setFont(faces.regular, 12)
    for index, line in enumerate(_subject_lines(letter)):
        canvas.drawCentredString(_LEFT_AXIS, top - 52 - 6 - 14.5 * (index + 1), line)
    _sample_mark(canvas, faces)
    canvas.restoreState()


def _later_page(canvas: Any, _document: Any, *, faces: Faces) -> None:
    canvas.saveState()
    canvas.setFont(faces.regular, 13)
    canvas.drawCentredString(PAGE_WIDTH / 2, PAGE_HEIGHT - TOP / 2 - 5, str(canvas.getPageNumber()))
    _sample_mark(canvas, faces)
    canvas.restoreState()


def _sample_mark(canvas: Any, faces: Faces) -> None:
    """Say in the lower margin that the page is a sample, away from all that Decree 30 places."""
    canvas.setFont(faces.italic, 8)
    canvas.setFillGray(0.45)
    canvas.drawCentredString(PAGE_WIDTH / 2, BOTTOM / 2 - 3, SAMPLE_NOTICE)
    canvas.setFillGray(0)


# ---------------------------------------------------------------------------------------------------------- body


def _story(letter: Letter, faces: Faces) -> list[Any]:
    from reportlab.lib.enums import TA_JUSTIFY
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import KeepTogether, Paragraph, Spacer

    body = ParagraphStyle(
        "body",
        fontName=faces.regular,
        fontSize=14,
        leading=17.5,
        alignment=TA_JUSTIFY,
        firstLineIndent=10 * MM,
        spaceBefore=6,
    )
    paragraphs = [Paragraph(text, body) for text in letter.body]
    return [
        _addressees(letter, faces),
        Spacer(1, 6),
        *paragraphs[:-1],
        # The last paragraph stays with the signature: no signature may stand alone on a page.
        KeepTogether([paragraphs[-1], Spacer(1, 14), _closing(letter, faces)]),
    ]


def _addressees(letter: Letter, faces: Faces) -> Any:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, Table

    style = ParagraphStyle("addressees", fontName=faces.regular, fontSize=14, leading=17.5)
    label = Paragraph("Kính gửi:", style)
    lines = [Paragraph(f"- {addressee}", style) for addressee in letter.addressees]
    rows = [[label, ""], *[["", line] for line in lines]]
    return Table(rows, colWidths=(19 * MM, 118 * MM), style=_tight(), hAlign="CENTER")


def _closing(letter: Letter, faces: Faces) -> Any:
    """Boxes 9b and 7a to 7c side by side; 7c stays empty for the signature."""
    from reportlab.lib.enums import TA_CENTER
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph, Spacer, Table

    label = ParagraphStyle("label", fontName=faces.bold_italic, fontSize=12, leading=15)
    small = ParagraphStyle("recipients", fontName=faces.regular, fontSize=11, leading=13.5)
    centred = ParagraphStyle("signer", fontName=faces.bold, fontSize=14, leading=17.5, alignment=TA_CENTER)
    last = len(letter.recipients) - 1
    recipients = [Paragraph("Nơi nhận:", label)] + [
        Paragraph(f"- {recipient}{'.' if index == last else ';'}", small)
        for index, recipient in enumerate(letter.recipients)
    ]
    signer = [
        *[Paragraph(line, centred) for line in letter.authority],
        Spacer(1, 30 * MM),
        Paragraph(letter.name, centred),
    ]
    # The right column is centred on the axis of the place and date above.
    right_width = 2 * (PAGE_WIDTH - RIGHT - _RIGHT_AXIS)
    return Table([[recipients, signer]], colWidths=(TEXT_WIDTH - right_width, right_width), style=_tight())


def _tight() -> Any:
    from reportlab.platypus import TableStyle

    return TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            *[(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")],
        ]
    )
