"""Reads TrueType font files: names, coverage, widths and outlines, straight from the tables.

Only what a stamp needs is read, so that finding a font and checking its glyphs costs milliseconds and no font library.
A font file is hostile input: every offset is checked by the reads themselves, every count is capped, and whatever goes
wrong is a :class:`StampError` that names the file. Outlines are not interpreted here, hinting programs are never run.

Table layouts: ISO/IEC 14496-22 (OpenType).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kyso_stamps.errors import StampError

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TABLES = 128
MAX_CHARACTERS = 200_000
MAX_FAMILY_CHARACTERS = 128

_RESTRICTED_LICENCE = 0x0002
_NO_SUBSETTING = 0x0100
_BITMAP_ONLY = 0x0200

BROKEN = (struct.error, IndexError, ValueError, KeyError, OverflowError)
"""What reading a damaged table can raise."""


class GlyphBounds(NamedTuple):
    """The box around an outline, in font units; all zero for an empty glyph."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a variable font, in the axis' own units (``wght`` 400 is regular)."""

    tag: str
    minimum: float
    default: float
    maximum: float


@dataclass(frozen=True, slots=True, eq=False)
class FontFile:
    """A TrueType font in memory.

    :param identity: equal for the same content; made of the file's name, size and change time.
    :param tables: the font's tables by tag.
    :param family: family name (name 16, else 1).
    :param subfamily: style name (name 17, else 2).
    :param postscript_name: name 6, reduced to the characters a PDF name can carry as they are.
    :param revision: head.fontRevision.
    :param units_per_em: design units per em.
    :param glyph_count: number of glyphs.
    :param cmap: Unicode code point to glyph.
    :param ascent: hhea ascender, font units.
    :param descent: hhea descender, font units, negative below the baseline.
    :param cap_height: height of capitals, font units.
    :param weight: OS/2 usWeightClass.
    :param bold: head.macStyle bit 0.
    :param italic: head.macStyle bit 1.
    :param italic_angle: degrees, counter-clockwise, negative for a font that leans right.
    :param bounds: head's box around all glyphs, font units.
    :param axes: the variation axes; empty for a static font.
    """

    path: Path
    identity: str
    tables: dict[str, bytes]
    family: str
    subfamily: str
    postscript_name: str
    revision: float
    units_per_em: int
    glyph_count: int
    cmap: dict[int, int]
    ascent: int
    descent: int
    cap_height: int
    weight: int
    bold: bool
    italic: bool
    italic_angle: float
    bounds: GlyphBounds
    axes: tuple[Axis, ...]

    @property
    def label(self) -> str:
        """The font's name with its version, for people."""
        return f"{self.family} {self.subfamily} {self.revision:.2f}"

    def advance(self, glyph: int) -> int:
        """Return the advance width of `glyph` in font units."""
        metrics = struct.unpack_from(">H", self.tables["hhea"], 34)[0]
        width: int = struct.unpack_from(">H", self.tables["hmtx"], 4 * min(glyph, metrics - 1))[0]
        return width

    def side_bearing(self, glyph: int) -> int:
        """Return the left side bearing of `glyph` in font units."""
        metrics = struct.unpack_from(">H", self.tables["hhea"], 34)[0]
        hmtx = self.tables["hmtx"]
        offset = 4 * glyph + 2 if glyph < metrics else 4 * metrics + 2 * (glyph - metrics)
        bearing: int = struct.unpack_from(">h", hmtx, offset)[0]
        return bearing

    def outline(self, glyph: int) -> bytes:
        """Return the glyf entry of `glyph`; empty for a glyph without contours."""
        loca, glyf = self.tables["loca"], self.tables["glyf"]
        if struct.unpack_from(">h", self.tables["head"], 50)[0] == 0:
            start, end = (2 * offset for offset in struct.unpack_from(">2H", loca, 2 * glyph))
        else:
            start, end = struct.unpack_from(">2I", loca, 4 * glyph)
        if not start <= end <= len(glyf):
            raise ValueError("glyph outside glyf")
        return glyf[start:end]

    def glyph_bounds(self, glyph: int) -> GlyphBounds:
        """Return the box around `glyph`, as its outline's header says."""
        outline = self.outline(glyph)
        return GlyphBounds(*struct.unpack_from(">4h", outline, 2)) if outline else GlyphBounds(0, 0, 0, 0)


def read_font(path: Path) -> FontFile:
    """Read the TrueType font at `path`; the same unchanged file is read once.

    :raises StampError: ``stamp.font_unreadable`` (no such file, too large), ``stamp.font_unsupported`` (a collection,
        PostScript outlines, bitmaps), ``stamp.font_forbidden`` (its licence bits forbid embedding), or
        ``stamp.font_broken``.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise StampError("stamp.font_unreadable", font=path.name) from error
    if status.st_size > MAX_FILE_BYTES:
        raise StampError("stamp.font_unreadable", font=path.name)
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=32)
def _read(path: Path, size: int, modified_ns: int) -> FontFile:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StampError("stamp.font_unreadable", font=path.name) from error
    return parse_font(data, path, f"{path.name}-{size:x}-{modified_ns:x}")


def parse_font(data: bytes, path: Path, identity: str) -> FontFile:
    """Read a font from memory; see :func:`read_font` for the errors."""
    try:
        tables = _tables(data, path)
        if "glyf" not in tables:
            raise StampError("stamp.font_unsupported", font=path.name)
        return _font(tables, path, identity)
    except BROKEN as error:
        raise StampError("stamp.font_broken", font=path.name) from error


def _tables(data: bytes, path: Path) -> dict[str, bytes]:
    if data[:4] not in (b"\x00\x01\x00\x00", b"true"):
        known = data[:4] in (b"OTTO", b"ttcf", b"wOFF", b"wOF2", b"typ1") or data[:2] in (b"%!", b"\x80\x01")
        raise StampError("stamp.font_unsupported" if known else "stamp.font_broken", font=path.name)
    count = struct.unpack_from(">H", data, 4)[0]
    if count > MAX_TABLES:
        raise ValueError("too many tables")
    tables: dict[str, bytes] = {}
    for index in range(count):
        tag, _, offset, length = struct.unpack_from(">4s3I", data, 12 + 16 * index)
        if offset + length > len(data):
            raise ValueError("table outside the file")
        tables[tag.decode("latin-1")] = data[offset : offset + length]
    return tables


def _font(tables: dict[str, bytes], path: Path, identity: str) -> FontFile:
    head, hhea = tables["head"], tables["hhea"]
    units_per_em = struct.unpack_from(">H", head, 18)[0]
    if not 16 <= units_per_em <= 16384:
        raise ValueError("units per em")
    style = struct.unpack_from(">H", head, 44)[0]
    glyph_count = struct.unpack_from(">H", tables["maxp"], 4)[0]
    if glyph_count == 0 or struct.unpack_from(">H", hhea, 34)[0] == 0:
        raise ValueError("no glyphs")
    names = _names(tables["name"])
    weight, cap_height = _os2(tables.get("OS/2", b""), path)
    ascent, descent = struct.unpack_from(">2h", hhea, 4)
    family = names.get(16) or names.get(1) or path.stem
    subfamily = names.get(17) or names.get(2) or "Regular"
    font = FontFile(
        path=path,
        identity=identity,
        tables=tables,
        family=family,
        subfamily=subfamily,
        postscript_name=_pdf_name(names.get(6) or family) or "Font",
        revision=struct.unpack_from(">i", head, 4)[0] / 65536,
        units_per_em=units_per_em,
        glyph_count=glyph_count,
        cmap=_cmap(tables["cmap"], glyph_count),
        ascent=ascent,
        descent=descent,
        cap_height=cap_height or round(0.66 * units_per_em),
        weight=weight or (700 if style & 1 else 400),
        bold=bool(style & 1),
        italic=bool(style & 2),
        italic_angle=struct.unpack_from(">i", tables["post"], 4)[0] / 65536 if "post" in tables else 0.0,
        bounds=GlyphBounds(*struct.unpack_from(">4h", head, 36)),
        axes=_axes(tables["fvar"]) if "fvar" in tables else (),
    )
    # A short hmtx or loca must show here, not in the middle of a drawing.
    font.advance(glyph_count - 1)
    font.side_bearing(glyph_count - 1)
    font.outline(glyph_count - 1)
    return font


def _os2(table: bytes, path: Path) -> tuple[int, int]:
    """Return weight and cap height, after asking whether the font may be embedded as a subset (OS/2 fsType)."""
    if not table:
        return 0, 0
    version, _, weight, _, permissions = struct.unpack_from(">HhHHH", table, 0)
    # Bits 1-3 exclude each other since version 3; in older fonts the least restrictive one counts.
    if permissions & 0x000F == _RESTRICTED_LICENCE or permissions & (_NO_SUBSETTING | _BITMAP_ONLY):
        raise StampError("stamp.font_forbidden", font=path.name)
    cap_height = struct.unpack_from(">h", table, 88)[0] if version >= 2 and len(table) >= 90 else 0
    return weight, cap_height


def _names(table: bytes) -> dict[int, str]:
    """Return the English (or first) names by name ID."""
    _, count, strings = struct.unpack_from(">3H", table, 0)
    found: dict[int, tuple[int, str]] = {}
    for index in range(min(count, 2000)):
        platform, _, language, name_id, length, offset = struct.unpack_from(">6H", table, 6 + 12 * index)
        if name_id not in (1, 2, 6, 16, 17) or platform not in (1, 3):
            continue
        raw = table[strings + offset : strings + offset + length]
        name = raw.decode("utf-16-be" if platform == 3 else "mac-roman", errors="replace")
        rank = 2 if platform == 3 and language == 0x0409 else 1 if platform == 3 else 0
        if name_id not in found or rank > found[name_id][0]:
            found[name_id] = rank, "".join(c for c in name if c.isprintable())[:MAX_FAMILY_CHARACTERS]
    return {name_id: name for name_id, (_, name) in found.items()}


def _pdf_name(name: str) -> str:
    return "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-_+"))[:63]


def _cmap(table: bytes, glyph_count: int) -> dict[int, int]:
    """Return the best Unicode mapping (formats 12 and 4)."""
    count = struct.unpack_from(">H", table, 2)[0]
    best: tuple[int, int] | None = None
    for index in range(min(count, 64)):
        platform, encoding, offset = struct.unpack_from(">HHI", table, 4 + 8 * index)
        rank = _CMAP_RANK.get((platform, encoding))
        if rank is None or struct.unpack_from(">H", table, offset)[0] not in (4, 12):
            continue
        if best is None or rank > best[0]:
            best = rank, offset
    if best is None:
        raise ValueError("no Unicode cmap")
    subtable = table[best[1] :]
    pairs = _cmap_12(subtable) if subtable[1] == 12 else _cmap_4(subtable)
    return {code: glyph for code, glyph in pairs if 0 < glyph < glyph_count}


_CMAP_RANK = {(3, 10): 5, (0, 6): 4, (0, 4): 4, (3, 1): 3, (0, 3): 2, (0, 2): 1, (0, 1): 1, (0, 0): 1}


def _cmap_4(table: bytes) -> list[tuple[int, int]]:
    segments = struct.unpack_from(">H", table, 6)[0] // 2
    ends = struct.unpack_from(f">{segments}H", table, 14)
    starts = struct.unpack_from(f">{segments}H", table, 16 + 2 * segments)
    deltas = struct.unpack_from(f">{segments}H", table, 16 + 4 * segments)
    range_at = 16 + 6 * segments
    ranges = struct.unpack_from(f">{segments}H", table, range_at)
    pairs: list[tuple[int, int]] = []
    for index, (start, end, delta, offset) in enumerate(zip(starts, ends, deltas, ranges, strict=True)):
        if start > end or start == 0xFFFF:
            continue
        if len(pairs) + end - start >= MAX_CHARACTERS:
            raise ValueError("cmap segments overlap")
        if offset == 0:
            pairs.extend((code, (code + delta) & 0xFFFF) for code in range(start, end + 1))
            continue
        glyphs = struct.unpack_from(f">{end - start + 1}H", table, range_at + 2 * index + offset)
        pairs.extend((start + step, (glyph + delta) & 0xFFFF) for step, glyph in enumerate(glyphs) if glyph)
    return pairs


def _cmap_12(table: bytes) -> list[tuple[int, int]]:
    groups = struct.unpack_from(">I", table, 12)[0]
    if groups > MAX_CHARACTERS:
        raise ValueError("too many cmap groups")
    pairs: list[tuple[int, int]] = []
    for start, end, glyph in struct.iter_unpack(">3I", table[16 : 16 + 12 * groups]):
        if end > 0x10FFFF or start > end or len(pairs) + end - start >= MAX_CHARACTERS:
            raise ValueError("cmap group")
        pairs.extend((code, glyph + code - start) for code in range(start, end + 1))
    return pairs


def _axes(table: bytes) -> tuple[Axis, ...]:
    offset, _, count, size = struct.unpack_from(">4H", table, 4)
    axes = []
    for index in range(min(count, 64)):
        tag, minimum, default, maximum = struct.unpack_from(">4s3i", table, offset + size * index)
        axes.append(Axis(tag.decode("latin-1"), minimum / 65536, default / 65536, maximum / 65536))
    return tuple(axes)
