"""A two-page official letter (công văn) set as Decree 30/2020, annex I, asks: the paper the demo signs.

A4; margins 20 mm above and below, 30 mm left, 20 mm right; sizes 11-14 pt; the page number centred in the upper margin
from the second page on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from kyso.demo.sheet import (
    LEFT_AXIS,
    MM,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    RIGHT,
    RIGHT_AXIS,
    TEXT_WIDTH,
    TOP,
    build,
    style,
    tight,
)
from kyso.demo.typeface import Faces, register_faces
from kyso.demo.wording import Letter, sample_letter

if TYPE_CHECKING:
    from datetime import date

    from kyso_stamps.fonts import FontChoice


def draw_letter(dated: date, *, number: int = 7, fonts: FontChoice | None = None) -> bytes:
    """Return the demo's letter as a PDF.

    :param dated: the letter's date; the number and the date stand on it already, as they must before the
        organisation signs (Decree 30/2020, articles 14 to 18).
    :param fonts: font files to use; ``None`` searches as the stamp engine does.
    """
    return typeset(sample_letter(dated, number), fonts)


def typeset(letter: Letter, fonts: FontChoice | None = None, *, sample: bool = True) -> bytes:
    """Return any letter as a PDF.

    :param sample: say on every page that it is a sample.
    """
    faces = register_faces(fonts)
    return build(
        _story(letter, faces),
        faces,
        title=f"Số {letter.number_and_symbol}: V/v {letter.subject}",
        author=" ".join(letter.issuer),
        first_head=_head_height(letter, faces),
        first_page=partial(_head, letter=letter, faces=faces),
        sample=sample,
    )


# ---------------------------------------------------------------------------------------------------------- head


def _subject_lines(letter: Letter, faces: Faces) -> list[str]:
    """Break the subject for the narrow left column."""
    from reportlab.lib.utils import simpleSplit

    return list(simpleSplit(f"V/v {letter.subject}", faces.regular, 12, 0.40 * TEXT_WIDTH))


_ISSUER_LEADING = 15.5


def _number_drop(letter: Letter) -> float:
    """Return how far below the upper margin the number stands: under two lines of the issuer, or under more."""
    return 52 + _ISSUER_LEADING * max(0, len(letter.superior) + len(letter.issuer) - 2)


def _head_height(letter: Letter, faces: Faces) -> float:
    return 24 + _number_drop(letter) + 14.5 * len(_subject_lines(letter, faces))


def _head(canvas: Any, _document: Any, *, letter: Letter, faces: Faces) -> None:
    """Draw boxes 1 to 5b: they stand in two columns, each centred on its own axis."""
    top = PAGE_HEIGHT - TOP

    canvas.setFont(faces.bold, 12)
    canvas.drawCentredString(RIGHT_AXIS, top - 12, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
    canvas.setFont(faces.bold, 13)
    motto = "Độc lập - Tự do - Hạnh phúc"
    canvas.drawCentredString(RIGHT_AXIS, top - 27.5, motto)
    # The rule under the motto is as long as the motto (annex I, II.1.b).
    half = canvas.stringWidth(motto, faces.bold, 13) / 2
    canvas.setLineWidth(0.6)
    canvas.line(RIGHT_AXIS - half, top - 31.5, RIGHT_AXIS + half, top - 31.5)

    lines = [*((line, faces.regular) for line in letter.superior), *((line, faces.bold) for line in letter.issuer)]
    for index, (line, face) in enumerate(lines):
        canvas.setFont(face, 12)
        canvas.drawCentredString(LEFT_AXIS, top - 12 - _ISSUER_LEADING * index, line)
    # The rule under the issuer is a third to a half of the line above (II.2.b).
    half = canvas.stringWidth(letter.issuer[-1], faces.bold, 12) * 0.4 / 2
    under = top - 12 - _ISSUER_LEADING * (len(lines) - 1) - 4
    canvas.line(LEFT_AXIS - half, under, LEFT_AXIS + half, under)

    drop = _number_drop(letter)
    canvas.setFont(faces.regular, 13)
    canvas.drawCentredString(LEFT_AXIS, top - drop, f"Số: {letter.number_and_symbol}")
    canvas.setFont(faces.italic, 13)
    canvas.drawCentredString(RIGHT_AXIS, top - drop, letter.place_and_date)

    canvas.setFont(faces.regular, 12)
    for index, line in enumerate(_subject_lines(letter, faces)):
        canvas.drawCentredString(LEFT_AXIS, top - drop - 6 - 14.5 * (index + 1), line)


# ---------------------------------------------------------------------------------------------------------- body


def _body_size_pt(faces: Faces) -> int:
    """Return 14, or 13 where only a wider serif than Times is at hand: both are the decree's (II.6)."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return 14 if stringWidth("Ủy ban nhân dân", faces.regular, 14) < 100 else 13


def _story(letter: Letter, faces: Faces) -> list[Any]:
    from reportlab.lib.enums import TA_JUSTIFY
    from reportlab.platypus import KeepTogether, Paragraph, Spacer

    size = _body_size_pt(faces)
    common = {"alignment": TA_JUSTIFY, "firstLineIndent": 10 * MM, "spaceBefore": 6}
    body, heading = style(faces, size, **common), style(faces, size, keepWithNext=1, **common)
    paragraphs = [Paragraph(text, heading if text.startswith("<b>") else body) for text in letter.body]
    return [
        _addressees(letter, faces, size),
        Spacer(1, 6),
        *paragraphs[:-1],
        # The last paragraph stays with the signature: no signature may stand alone on a page.
        KeepTogether([paragraphs[-1], Spacer(1, 14), _closing(letter, faces)]),
    ]


def _addressees(letter: Letter, faces: Faces, size_pt: int) -> Any:
    """One addressee stands behind the colon; several stand below each other, their dashes under the colon."""
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.platypus import Paragraph, Table

    words = style(faces, size_pt)
    to_colon = stringWidth("Kính gửi", faces.regular, size_pt)
    if len(letter.addressees) == 1:
        from reportlab.lib.enums import TA_CENTER

        return Paragraph(f"Kính gửi: {letter.addressees[0]}", style(faces, size_pt, alignment=TA_CENTER))
    rows = [[Paragraph("Kính gửi:", words), ""]]
    rows += [["", Paragraph(f"- {addressee}", words)] for addressee in letter.addressees]
    placed = [*tight(faces), ("SPAN", (0, 0), (1, 0))]
    return Table(rows, colWidths=(to_colon, 122 * MM), style=placed, hAlign="CENTER")


def _closing(letter: Letter, faces: Faces) -> Any:
    """Boxes 9b and 7a to 7c side by side; 7c stays empty for the signature."""
    from reportlab.lib.enums import TA_CENTER
    from reportlab.platypus import Paragraph, Spacer, Table

    centred = style(faces, 14, fontName=faces.bold, alignment=TA_CENTER)
    small = style(faces, 11)
    last = len(letter.recipients) - 1
    recipients = [Paragraph("Nơi nhận:", style(faces, 12, fontName=faces.bold_italic))]
    recipients += [
        Paragraph(f"- {recipient}{'.' if index == last else ';'}", small)
        for index, recipient in enumerate(letter.recipients)
    ]
    signer = [Paragraph(line, centred) for line in letter.authority]
    signer += [Spacer(1, 30 * MM), Paragraph(letter.name, centred)]
    # The right column is centred on the axis of the place and date above.
    right_width = 2 * (PAGE_WIDTH - RIGHT - RIGHT_AXIS)
    return Table([[recipients, signer]], colWidths=(TEXT_WIDTH - right_width, right_width), style=tight(faces))
