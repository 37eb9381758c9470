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
    from kyso_stamps.subset import EmbeddedFont

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
    if character == "\t":
        return False
    category, direction = unicodedata.category(character), unicodedata.bidirectional(character)
    return category in ("Cc", "Cs", "Co", "Mn", "Me") or direction in ("R", "AL")


def clean_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return `lines` in NFC, broken at line breaks, tabs as spaces, without zero-width and bidirectional characters.

    :raises StampError: ``stamp.character_refused`` for control characters, marks without a composed letter and
        right-to-left scripts; ``stamp.text_too_much`` beyond 4000 characters.
    """
    return _clean(lines)


@lru_cache(maxsize=1024)
def _clean(lines: tuple[str, ...]) -> tuple[str, ...]:
    if sum(map(len, lines)) > MAX_CHARACTERS:
        raise StampError("stamp.text_too_much", limit=MAX_CHARACTERS)
    cleaned: list[str] = []
    for line in lines:
        for part in unicodedata.normalize("NFC", line).splitlines() or [""]:
            try:
                cleaned.append(part.translate(_fates))
            except _RefusedCharacter:
                bad = sorted({character for character in part if _refused(character)})
                raise StampError(
                    "stamp.character_refused", characters=[named(character) for character in bad]
                ) from None
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


@lru_cache(maxsize=1024)
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
    widths = [sum([font.glyphs[character].width for character in line]) for line in cleaned]
    return max(widths) * size_pt / 1000 / PT_PER_MM


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
    texts = tuple(_measured(line, font) for line in cleaned)
    size = size_pt
    while True:
        parts = _fitting(texts, font, size, width_pt, wrap)
        if parts is not None:
            fitted = _set_block(parts, font, size)
            if fitted.height_pt(leading) <= height_pt + _TOLERANCE_PT:
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


def _set_block(parts: list[str], font: EmbeddedFont, size_pt: float) -> FittedText:
    if not parts:
        return FittedText(size_pt, (), 0, 0)
    glyphs = font.glyphs
    top = max([font.ascent, *[glyphs[character].top for character in parts[0]]])
    bottom = max([-font.descent, *[-glyphs[character].bottom for character in parts[-1]]])
    return FittedText(size_pt, tuple(_set(part, font) for part in parts), top, bottom)


def _fitting(
    texts: tuple[_Line, ...], font: EmbeddedFont, size_pt: float, width_pt: float, wrap: bool
) -> list[str] | None:
    """Return the lines as they stand at one size, or ``None`` where a line or a single word is too wide."""
    limit = (width_pt + _TOLERANCE_PT) * 1000 / size_pt
    parts: list[str] = []
    for line in texts:
        if line.width <= limit:
            parts.append(line.text)
            continue
        wrapped = _wrapped(line.words, limit, font.glyphs[" "].width) if wrap and " " in font.glyphs else None
        if wrapped is None:
            return None
        parts += wrapped
    return parts


def _wrapped(words: tuple[_Word, ...], limit: float, space: int) -> list[str] | None:
    """Break a line at spaces, each part as long as it can be; ``None`` where a word is too wide for any line."""
    parts: list[str] = []
    current: list[str] = []
    used = 0  # width from the left ink edge of the part's first letter to the origin after its last
    for word in words:
        longer = used + space + word.advance
        if current and longer + word.right <= limit:
            current.append(word.text)
            used = longer
            continue
        if current:
            parts.append(" ".join(current))
        current, used = [word.text], word.left + word.advance
        if used + word.right > limit:
            return None
    if current:
        parts.append(" ".join(current))
    return parts or [""]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    advance: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    width: int
    words: tuple[_Word, ...]


@lru_cache(maxsize=2048)
def _measured(text: str, font: EmbeddedFont) -> _Line:
    words = []
    for word in text.split(" "):
        if word:
            row = [font.glyphs[character] for character in word]
            words.append(_Word(word, sum([glyph.width for glyph in row]), row[0].left, row[-1].right))
    return _Line(text, _set(text, font).width, tuple(words))


@lru_cache(maxsize=2048)
def _set(text: str, font: EmbeddedFont) -> SetLine:
    if not text:
        return SetLine("", 0, 0)
    row = [font.glyphs[character] for character in text]
    left, right = row[0].left, row[-1].right
    width = sum([glyph.width for glyph in row]) + left + right
    return SetLine("".join([glyph.code for glyph in row]), width, left)
