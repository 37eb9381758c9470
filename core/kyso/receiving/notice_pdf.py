"""A notice as PDF, set like every letter here (:mod:`kyso.demo.letter`); whatever came from outside is plain text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from kyso.demo.letter import typeset
from kyso.demo.sheet import TEXT_WIDTH
from kyso.demo.typeface import register_faces
from kyso.errors import InputRefused
from kyso_stamps.errors import StampError
from kyso_stamps.fonts import FontChoice, choose_face

if TYPE_CHECKING:
    from kyso.demo.wording import Letter

_LEFT_COLUMN = 0.40 * TEXT_WIDTH
_ISSUER_PT = 12


def pdf_of(letter: Letter, fonts: FontChoice | None = None) -> bytes:
    """Return the letter as a PDF.

    :param fonts: the configured fonts.
    :raises InputRefused: there is no font for it.
    """
    try:
        faces = register_faces(fonts)
        has = choose_face(fonts or FontChoice()).has
    except StampError as error:
        raise InputRefused("report.font_missing", cause=error.code) from error

    def safe(words: str) -> str:
        """Name characters that the font lacks: a notice must not draw an empty box in a name."""
        return "".join(each if has(each) else f"[U+{ord(each):04X}]" for each in words)

    def marked(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(escape(safe(each)) for each in words)

    def broken(lines: tuple[str, ...], face: str) -> tuple[str, ...]:
        return tuple(part for line in lines for part in _balanced(safe(line), face))

    # Head and place are drawn as they are, the rest is read as markup.
    ready = replace(
        letter,
        issuer=broken(letter.issuer, faces.bold),
        superior=broken(letter.superior, faces.regular),
        symbol=safe(letter.symbol),
        place=safe(letter.place),
        subject=safe(letter.subject),
        addressees=marked(letter.addressees),
        body=marked(letter.body),
        authority=marked(letter.authority),
        name=escape(safe(letter.name)),
        recipients=marked(letter.recipients),
    )
    return typeset(ready, fonts, sample=False)


def _balanced(words: str, face: str) -> list[str]:
    """Break a name into as few lines as it takes, of about the same length: no word stands alone on the last one."""
    from reportlab.lib.utils import simpleSplit

    lines: list[str] = simpleSplit(words, face, _ISSUER_PT, _LEFT_COLUMN)
    narrower = _LEFT_COLUMN
    while len(lines) > 1 and narrower > 10:
        narrower -= 2
        tried: list[str] = simpleSplit(words, face, _ISSUER_PT, narrower)
        if len(tried) > len(lines):
            break
        lines = tried
    return lines
