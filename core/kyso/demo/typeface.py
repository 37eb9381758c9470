"""The faces the demo's pages are set in: those the stamp engine would choose, made known to reportlab and Pillow."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from kyso_stamps.fonts import FontChoice, choose_face

_SFNT_TRUETYPE = 0x00010000


@dataclass(frozen=True, slots=True)
class Faces:
    """Names of the registered faces, as reportlab wants them."""

    regular: str
    bold: str
    italic: str
    bold_italic: str


@lru_cache(maxsize=8)
def face_file(fonts: FontChoice | None = None, *, bold: bool = False, italic: bool = False) -> bytes:
    """Return one face as a static TrueType file.

    :raises StampError: a configured font cannot be used.
    """
    face = choose_face(fonts or FontChoice(), bold=bold, italic=italic)
    font = face.static(frozenset())
    # Renamed: an instance of a variable font may still bear the regular face's name, and reportlab goes by the name.
    return _truetype({**font.tables, "name": _names(font.family, font.subfamily, font.postscript_name)})


@lru_cache(maxsize=8)
def register_faces(fonts: FontChoice | None = None) -> Faces:
    """Make four faces of a serif with all Vietnamese letters known to reportlab and return their names.

    :raises StampError: a configured font cannot be used.
    """
    from reportlab.lib.fonts import addMapping
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    # reportlab's registry is global: another choice of fonts must not take over the names of the first.
    prefix = f"Kyso-{choose_face(fonts or FontChoice()).font.postscript_name}"
    faces = Faces(prefix, f"{prefix}-Bold", f"{prefix}-Italic", f"{prefix}-BoldItalic")
    styles = {
        faces.regular: (False, False),
        faces.bold: (True, False),
        faces.italic: (False, True),
        faces.bold_italic: (True, True),
    }
    for name, (bold, italic) in styles.items():
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(face_file(fonts, bold=bold, italic=italic))))
        addMapping(faces.regular, int(bold), int(italic), name)
    return faces


def _truetype(tables: dict[str, bytes]) -> bytes:
    """Put a font's tables together into a file again (OpenType 1.9, chapter 4)."""
    tags = sorted(tables)
    power = 1 << (len(tags).bit_length() - 1)
    header = struct.pack(
        ">IHHHH", _SFNT_TRUETYPE, len(tags), power * 16, power.bit_length() - 1, (len(tags) - power) * 16
    )
    padded = [tables[tag] + b"\0" * (-len(tables[tag]) % 4) for tag in tags]
    offsets = [len(header) + 16 * len(tags)]
    for table in padded:
        offsets.append(offsets[-1] + len(table))
    directory = b"".join(
        struct.pack(">4sIII", tag.encode("ascii"), _checksum(table), start, len(tables[tag]))
        for tag, table, (start, _) in zip(tags, padded, pairwise(offsets), strict=True)
    )
    return header + directory + b"".join(padded)


def _checksum(table: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f">{len(table) // 4}I", table)
    return sum(words) & 0xFFFFFFFF


def _names(family: str, style: str, postscript_name: str) -> bytes:
    """Return a naming table with family, style, full and PostScript name, for Windows in English."""
    names = {1: family, 2: style, 4: f"{family} {style}", 6: postscript_name}
    texts = {number: text.encode("utf-16-be") for number, text in names.items()}
    records, storage = b"", b""
    for number, text in texts.items():
        records += struct.pack(">HHHHHH", 3, 1, 0x409, number, len(text), len(storage))
        storage += text
    return struct.pack(">HHH", 0, len(texts), 6 + len(records)) + records + storage
