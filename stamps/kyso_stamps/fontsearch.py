"""Finds a serif font on this machine: Times New Roman, else Liberation Serif from version 2 on.

Fonts are looked for by file name in the usual folders and then believed only after reading them: family, style and
every Vietnamese letter must be there. Liberation Serif 1.07 lacks 46 of them and would print boxes.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path

from kyso_stamps.errors import StampError
from kyso_stamps.sfnt import FontFile, read_font

MAX_FOLDERS = 5000

Style = tuple[bool, bool]
"""(bold, italic)"""

_TIMES: dict[Style, tuple[str, ...]] = {
    (False, False): ("times.ttf", "times new roman.ttf", "times_new_roman.ttf", "timesnewroman.ttf"),
    (True, False): ("timesbd.ttf", "times new roman bold.ttf", "times_new_roman_bold.ttf"),
    (False, True): ("timesi.ttf", "times new roman italic.ttf", "times_new_roman_italic.ttf"),
    (True, True): ("timesbi.ttf", "times new roman bold italic.ttf", "times_new_roman_bold_italic.ttf"),
}
_LIBERATION: dict[Style, tuple[str, ...]] = {
    (False, False): ("liberationserif-regular.ttf",),
    (True, False): ("liberationserif-bold.ttf",),
    (False, True): ("liberationserif-italic.ttf",),
    (True, True): ("liberationserif-bolditalic.ttf",),
}
_FILE_NAMES = frozenset(name for table in (_TIMES, _LIBERATION) for names in table.values() for name in names)

_TONES: tuple[str, ...] = ("", "\N{COMBINING GRAVE ACCENT}", "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING HOOK ABOVE}")
_TONES += ("\N{COMBINING TILDE}", "\N{COMBINING DOT BELOW}")
VIETNAMESE_LETTERS = "".join(
    letter
    for case in ("aăâeêioôơuưy", "AĂÂEÊIOÔƠUƯY")
    for vowel in case
    for letter in (unicodedata.normalize("NFC", vowel + tone) for tone in _TONES)
    if not letter.isascii()
) + "đĐ"  # fmt: skip
"""The 134 letters of Vietnamese beyond ASCII, small and capital, NFC."""


def font_folders() -> tuple[Path, ...]:
    """Return the folders where this system keeps fonts, system folders first."""
    home = Path.home()
    if sys.platform == "win32":
        windows = Path(os.environ.get("WINDIR", r"C:\Windows"))
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local"))
        return windows / "Fonts", local / "Microsoft" / "Windows" / "Fonts"
    if sys.platform == "darwin":
        return Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    folders = [Path(folder) / "fonts" for folder in [*shared.split(":"), own] if folder]
    return *folders, home / ".fonts"


def times_new_roman(style: Style) -> FontFile | None:
    """Return the system's Times New Roman in `style`, if it has one with all Vietnamese letters."""
    return _first(_TIMES[style], style, "Times New Roman", 0.0)


def liberation_serif(style: Style) -> FontFile | None:
    """Return the system's Liberation Serif in `style`, if it has version 2 or later."""
    return _first(_LIBERATION[style], style, "Liberation Serif", 2.0)


def _first(names: tuple[str, ...], style: Style, family: str, revision: float) -> FontFile | None:
    found = _found(font_folders())
    for name in names:
        for path in found.get(name, ()):
            try:
                font = read_font(path)
            except StampError:
                continue  # a system font that cannot be used is one that is not there
            if _fits(font, style, family, revision):
                return font
    return None


def _fits(font: FontFile, style: Style, family: str, revision: float) -> bool:
    return (
        font.family == family
        and (font.bold, font.italic) == style
        and font.revision >= revision
        and not font.axes
        and all(ord(letter) in font.cmap for letter in VIETNAMESE_LETTERS)
    )


@lru_cache(maxsize=8)
def _found(folders: tuple[Path, ...]) -> dict[str, tuple[Path, ...]]:
    """Return the files with a wanted name, by name in lower case; the folders are read once."""
    found: dict[str, list[Path]] = {}
    seen = 0
    for folder in folders:
        for parent, children, files in os.walk(folder):
            children.sort()
            seen += 1
            if seen > MAX_FOLDERS:
                break
            for file in files:
                if file.lower() in _FILE_NAMES:
                    found.setdefault(file.lower(), []).append(Path(parent, file))
    return {name: tuple(paths) for name, paths in found.items()}
