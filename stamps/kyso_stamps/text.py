"""Lines of text: cleaned, checked against the font, measured, wrapped and fitted into a box.

Text is set letter by letter from left to right with the font's own advance widths; after NFC that is all that
Vietnamese needs. What would need more (marks without a composed letter, right-to-left scripts) is refused rather than
drawn wrong.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from kyso_stamps.errors import StampError
from kyso_stamps.fonts import FontChoice, choose_face, embedded
from kyso_stamps.pdfsyntax import PT_PER_MM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso_stamps.fonts import Face
    from kyso_stamps.subset import EmbeddedFont, Glyph

MAX_CHARACTERS = 4000
SHRINK_STEP_PT = 0.25

_TOLERANCE_PT = 1e-6


class _Fates(dict[int, int | None]):
    """What becomes of each code point: itself, a space, nothing; refused ones are left in and listed."""

    def __missing__(self, code: int) -> int | None:
        category = unicodedata.category(chr(code))
        fate: int | None = code
        if category == "Cf":  # zero-width and bidirectional characters: they only change how others are shown
            fate = None
        elif code == 0x09:
            fate = 0x20
        elif _refused(chr(code)):
            raise _RefusedCharacter
        self[code] = fate
        return fate


class _RefusedCharacter(Exception):
    pass


_fates = _Fates()


def _refused(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Co", "Mn", "Me")
        and character != "\t"
        or unicodedata.bidirectional(character) in ("R", "AL")
    )


def clean_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return `lines` in NFC, broken at line breaks, tabs as spaces, without zero-width and bidirectional characters.

    :raises StampError: ``stamp.character_refused`` for control characters, marks without a composed letter and
        right-to-left scripts; ``stamp.text_too_long`` beyond 4000 characters.
    """
    return _clean(lines)


@lru_cache(maxsize=1024)
def _clean(lines: tuple[str, ...]) -> tuple[str, ...]:
    if sum(map(len, lines)) > MAX_CHARACTERS:
        raise StampError("stamp.text_too_long", text=f"{lines[0][:40]}…", size_pt=0)
    cleaned: list[str] = []
    for line in lines:
        for part in unicodedata.normalize("NFC", line).splitlines() or [""]:
            try:
                cleaned.append(part.translate(_fates))
            except _RefusedCharacter:
                bad = sorted({character for character in part if _refused(character)})
                raise StampError("stamp.character_refused", characters=[named(character) for character in bad]) from None
    return tuple(cleaned)


def named(character: str) -> str:
    """Return a character as people can look it up: itself, its code point, its official name."""
    name = unicodedata.name(character, "")
    shown = character if character.isprintable() else ""
    return " ".join(word for word in (shown, f"U+{ord(character):04X}", name) if word)


def check_glyphs(lines: Iterable[str], fonts: FontChoice, *, bold: bool = False, italic: bool = False) -> None:
    """Make sure that the font draws every character of `lines`.

    :raises StampError: ``stamp.glyph_missing`` with `characters` and `font`; ``stamp.character_refused``; anything
        that is wrong with the font.
    """
    check_face(clean_lines(tuple(lines)), choose_face(fonts, bold=bold, italic=italic))


def check_face(cleaned: tuple[str, ...], face: Face) -> frozenset[str]:
    """Return the characters of cleaned lines, all of which `face` has; see :func:`check_glyphs`."""
    characters = frozenset("".join(cleaned))
    cmap = face.font.cmap
    for character in characters:
        if ord(character) not in cmap:
            missing = sorted(character for character in characters if ord(character) not in cmap)
            raise StampError(
                "stamp.glyph_missing", characters=[named(character) for character in missing], font=face.label
            )
    return characters


def measure(text: str, size_pt: float, fonts: FontChoice, bold: bool = False, italic: bool = False) -> float:
    """Return the advance width in mm of one line of `text` at `size_pt`.

    :raises StampError: as :func:`check_glyphs`.
    """
    face = choose_face(fonts, bold=bold, italic=italic)
    cleaned = clean_lines((text,))
    font = embedded(face, check_face(cleaned, face))
    return max(_width(line, font.glyphs) for line in cleaned) * size_pt / 1000 / PT_PER_MM


def _width(text: str, glyphs: dict[str, Glyph]) -> int:
    return sum([glyphs[character].width for character in text])


@dataclass(frozen=True, slots=True)
class SetLine:
    """One line as it is drawn; lengths in 1/1000 em.

    :param code: the text as hexadecimal codes of the embedded font.
    :param width: width of the ink and the advance widths together.
    :param offset: from the left edge of that width to the origin of the first letter.
    """

    code: str
    width: int
    offset: int


@dataclass(frozen=True, slots=True)
class FittedText:
    """Lines that fit their box at `size_pt`.

    :param top: from the upper edge of the text to the first baseline, in 1/1000 em.
    :param bottom: from the last baseline to the lower edge of the text, in 1/1000 em.
    """

    size_pt: float
    lines: tuple[SetLine, ...]
    top: int
    bottom: int

    def height_pt(self, leading: float) -> float:
        """Return the height of the block with baselines `leading` sizes apart."""
        return self.size_pt * ((self.top + self.bottom) / 1000 + (len(self.lines) - 1) * leading)


@lru_cache(maxsize=2048)
def fit(
    cleaned: tuple[str, ...],
    font: EmbeddedFont,
    width_pt: float,
    height_pt: float,
    size_pt: float,
    min_size_pt: float,
    leading: float,
    wrap: bool,
) -> FittedText:
    """Return `cleaned` lines wrapped and shrunk, as far as needed and allowed, to fit the box with all their ink.

    The text first wraps at the wished size; if that is too high, or a word too wide, the size goes down in steps of
    a quarter point.

    :raises StampError: ``stamp.text_too_long``.
    """
    smallest = min(size_pt, min_size_pt)
    size = size_pt
    while True:
        fitted = _at_size(cleaned, font, size, width_pt, wrap)
        if fitted is not None and fitted.height_pt(leading) <= height_pt + _TOLERANCE_PT:
            return fitted
        if size <= smallest:
            raise StampError(
                "stamp.text_too_long",
                text=" / ".join(cleaned)[:120],
                size_pt=f"{smallest:g}",
                width_mm=f"{width_pt / PT_PER_MM:.1f}",
                height_mm=f"{height_pt / PT_PER_MM:.1f}",
            )
        size = max(size - SHRINK_STEP_PT, smallest)


def _at_size(
    cleaned: tuple[str, ...], font: EmbeddedFont, size_pt: float, width_pt: float, wrap: bool
) -> FittedText | None:
    """Return the lines at one size, or ``None`` where a line or a single word is too wide."""
    limit = (width_pt + _TOLERANCE_PT) * 1000 / size_pt
    glyphs = font.glyphs
    set_lines: list[SetLine] = []
    shown: list[str] = []
    for line in cleaned:
        whole = _set(line, glyphs)
        if whole.width <= limit:
            set_lines.append(whole)
            shown.append(line)
            continue
        if not wrap:
            return None
        for part in _wrapped(line, glyphs, limit):
            piece = _set(part, glyphs)
            if piece.width > limit:
                return None
            set_lines.append(piece)
            shown.append(part)
    if not set_lines:
        return FittedText(size_pt, (), 0, 0)
    top = max([font.ascent, *[glyphs[character].top for character in shown[0]]])
    bottom = max([-font.descent, *[-glyphs[character].bottom for character in shown[-1]]])
    return FittedText(size_pt, tuple(set_lines), top, bottom)


def _wrapped(line: str, glyphs: dict[str, Glyph], limit: float) -> list[str]:
    """Break `line` at spaces, each part as long as it can be; a word wider than `limit` stands alone."""
    parts: list[str] = []
    current = ""
    for word in line.split(" "):
        longer = f"{current} {word}" if current else word
        if current and _set(longer, glyphs).width > limit:
            parts.append(current)
            current = word
        else:
            current = longer
    parts.append(current)
    return [part.strip(" ") for part in parts if part.strip(" ")] or [""]


def _set(text: str, glyphs: dict[str, Glyph]) -> SetLine:
    if not text:
        return SetLine("", 0, 0)
    row = [glyphs[character] for character in text]
    left, right = row[0].left, row[-1].right
    width = sum([glyph.width for glyph in row]) + left + right
    return SetLine("".join([glyph.code for glyph in row]), width, left)
