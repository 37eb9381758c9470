"""Which fonts the stamps use, and the part of each that is embedded.

In this order, for each style by itself: the configured file; Times New Roman if the system has it; Liberation Serif
from version 2 on; the serif that is installed with kyso (Noto Serif). A font that lacks a character of a text is never
replaced by another one behind the person's back: the text is refused and the character named.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from string import ascii_letters
from typing import Literal
from weakref import WeakKeyDictionary

from kyso_stamps.errors import StampError
from kyso_stamps.fontsearch import VIETNAMESE_LETTERS, Style, liberation_serif, times_new_roman
from kyso_stamps.sfnt import BROKEN, FontFile, read_font
from kyso_stamps.subset import EmbeddedFont, embed

ALWAYS_EMBEDDED = frozenset("0123456789 :/-+.,;()")
"""In every subset, so that a batch whose numbers and times change keeps one subset."""

ALPHABET = ALWAYS_EMBEDDED | frozenset(VIETNAMESE_LETTERS) | frozenset(ascii_letters)
"""In the subsets of stamps whose pictures are small: signatures of other people, with other letters, then share one
font with the first, which costs less than a second font does."""

_REPERTOIRE = frozenset(map(chr, range(0x20, 0x7F))) | frozenset(VIETNAMESE_LETTERS) | frozenset("\u00a0–—‘’“”…•°§«»×")
_MAX_SUBSETS = 64

Origin = Literal["configured", "times_new_roman", "liberation_serif", "packaged"]


@dataclass(frozen=True, slots=True)
class FontChoice:
    """Configured font files; ``None`` searches the system, then takes the packaged serif.

    A configured variable font with a weight axis serves as its own bold where no bold file is configured.

    :param regular: configured regular face.
    :param bold: configured bold face.
    :param italic: configured italic face.
    :param bold_italic: configured bold italic face.
    :param cache_dir: where prepared fonts and pictures are kept between runs; ``None`` keeps them in memory only.
    """

    regular: Path | None = None
    bold: Path | None = None
    italic: Path | None = None
    bold_italic: Path | None = None
    cache_dir: Path | None = None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Face:
    """The font chosen for one style.

    :param font: the font file.
    :param origin: where it was found; ``packaged`` deserves a notice, because Decree 30 asks for Times New Roman.
    :param place: where on its axes a variable font is used; ``None`` as it stands in the file.
    :param always: the characters that every subset of it has.
    :param alphabet: as many of :data:`ALPHABET` as it has.
    """

    font: FontFile
    origin: Origin
    place: dict[str, float] | None
    cache_dir: Path | None
    always: frozenset[str]
    alphabet: frozenset[str]

    @property
    def label(self) -> str:
        """The font's name with its version, for people."""
        return self.font.label

    def has(self, character: str) -> bool:
        """Tell whether the font draws `character`."""
        return ord(character) in self.font.cmap

    def static(self, characters: frozenset[str]) -> FontFile:
        """Return the face as a static font with at least `characters`, all of which it must have."""
        if self.place is None:
            return self.font
        repertoire = frozenset(filter(self.has, _REPERTOIRE))
        return _instantiated(self, repertoire if characters <= repertoire else repertoire | characters)


def choose_face(fonts: FontChoice, *, bold: bool = False, italic: bool = False) -> Face:
    """Return the face for a style.

    :raises StampError: ``stamp.font_missing`` when even the packaged serif is gone, or what is wrong with a configured
        file (:func:`kyso_stamps.sfnt.read_font`).
    """
    return _choose(fonts, (bold, italic))


@lru_cache(maxsize=64)
def _choose(fonts: FontChoice, style: Style) -> Face:
    bold, italic = style
    configured = {
        (False, False): fonts.regular,
        (True, False): fonts.bold,
        (False, True): fonts.italic,
        (True, True): fonts.bold_italic,
    }
    path = configured[style]
    if path is not None:
        return _face(read_font(path), "configured", fonts, bold=bold)
    plain = configured[False, italic]
    if bold and plain is not None and any(axis.tag == "wght" for axis in read_font(plain).axes):
        return _face(read_font(plain), "configured", fonts, bold=True)
    font = times_new_roman(style)
    if font is not None:
        return _face(font, "times_new_roman", fonts, bold=bold)
    font = liberation_serif(style)
    if font is not None:
        return _face(font, "liberation_serif", fonts, bold=bold)
    return _face(read_font(packaged_serif(italic=italic)), "packaged", fonts, bold=bold)


def _face(font: FontFile, origin: Origin, fonts: FontChoice, *, bold: bool) -> Face:
    place = None
    if font.axes:
        from kyso_stamps.instance import location

        place = location(font, bold=bold)
        font = font if place else dataclasses.replace(font, axes=())
    alphabet = frozenset(character for character in ALPHABET if ord(character) in font.cmap)
    return Face(font, origin, place, fonts.cache_dir, ALWAYS_EMBEDDED & alphabet, alphabet)


def packaged_serif(*, italic: bool = False) -> Path:
    """Return the variable font file of the packaged serif.

    :raises StampError: ``stamp.font_missing``.
    """
    spec = find_spec("fontpkg_noto_serif")
    for folder in (spec.submodule_search_locations if spec else None) or ():
        for path in sorted(Path(folder, "files").glob("NotoSerif*.ttf")):
            if ("Italic" in path.name) == italic:
                return path
    raise StampError("stamp.font_missing", font="Noto Serif")


@lru_cache(maxsize=16)
def _instantiated(face: Face, characters: frozenset[str]) -> FontFile:
    from kyso_stamps.instance import instantiate

    assert face.place is not None
    return instantiate(face.font, face.place, characters, face.cache_dir)


_subsets: WeakKeyDictionary[Face, OrderedDict[frozenset[str], EmbeddedFont]] = WeakKeyDictionary()
_subsets_lock = threading.Lock()


def embedded(face: Face, characters: frozenset[str], *, whole: bool = False) -> EmbeddedFont:
    """Return a subset of `face` with `characters`, all of which it must have; a suitable earlier subset is reused.

    :param whole: embed the whole alphabet too.
    :raises StampError: ``stamp.font_broken``.
    """
    if whole:
        wanted = face.alphabet if characters <= face.alphabet else face.alphabet | characters
    else:
        wanted = characters | face.always
    with _subsets_lock:
        known = _subsets.setdefault(face, OrderedDict())
        found = known.get(wanted)
        if found is not None:
            known.move_to_end(wanted)
            return found
        # A larger subset serves as well, but a letter should not carry many times what it shows.
        covering = [have for have in known if wanted <= have and len(have) <= 2 * len(wanted)]
        if covering:
            return known[min(covering, key=len)]
    try:
        made = embed(face.static(wanted), wanted)
    except BROKEN as error:
        raise StampError("stamp.font_broken", font=face.font.path.name) from error
    with _subsets_lock:
        known[wanted] = made
        if len(known) > _MAX_SUBSETS:
            known.popitem(last=False)
    return made
