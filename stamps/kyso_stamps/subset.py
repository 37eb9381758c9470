"""Embeds the part of a font that a stamp uses: a static, unhinted TrueType subset as PDF objects.

Every character gets a glyph ID of its own, counted from 1 in code point order, even where the font draws two
characters with one glyph (Đ and Ð): only so does copying text out of the PDF give back what was written. The result is
a composite font with Identity-H (ISO 32000-2, 9.7.4 and 9.7.6) as PDF/A-2b asks (ISO 19005-2, 6.2.11): embedded,
widths in agreement, /CIDToGIDMap and /ToUnicode present.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kyso_stamps.pdfsyntax import deflated, keyed, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso_stamps.appearance import Part
    from kyso_stamps.sfnt import FontFile

MAX_GLYPHS = 65_000
MAX_COMPONENTS = 256

_ARGS_ARE_WORDS = 0x0001
_HAS_SCALE = 0x0008
_MORE_COMPONENTS = 0x0020
_HAS_XY_SCALE = 0x0040
_HAS_2X2 = 0x0080
_HAS_INSTRUCTIONS = 0x0100


@dataclass(frozen=True, slots=True)
class Glyph:
    """What the layout must know of one character, in 1/1000 em.

    :param code: the character's two-byte code in the embedded font, as it stands in a hex string.
    :param width: advance width, exactly as /W says it.
    :param left: how far the ink starts left of the origin (0 where it does not).
    :param right: how far the ink ends right of the advance width (0 where it does not).
    :param top: upper edge of the ink above the baseline.
    :param bottom: lower edge of the ink, negative below the baseline.
    """

    code: str
    width: int
    left: int
    right: int
    top: int
    bottom: int


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFont:
    """A font subset ready for use.

    :param label: the font's name with its version, for people.
    :param glyphs: by character.
    :param ascent: font ascent in 1/1000 em.
    :param descent: font descent in 1/1000 em, negative.
    :param parts: the PDF objects; ``parts[0]`` is the Type 0 font, references count within this tuple.
    """

    label: str
    glyphs: dict[str, Glyph]
    ascent: int
    descent: int
    parts: tuple[Part, ...]


def embed(font: FontFile, characters: Iterable[str]) -> EmbeddedFont:
    """Return the subset of the static `font` with `characters`, all of which it must have.

    :raises struct.error, IndexError, ValueError, KeyError: the font file is damaged.
    """
    wanted = sorted(set(characters))
    sources = [0, *(font.cmap[ord(character)] for character in wanted)]
    program = _program(font, sources)
    scale = 1000 / font.units_per_em
    glyphs: dict[str, Glyph] = {}
    for new, character in enumerate(wanted, 1):
        source = sources[new]
        advance, bounds = font.advance(source), font.glyph_bounds(source)
        glyphs[character] = Glyph(
            code=f"{new:04X}",
            width=round(advance * scale),
            left=max(0, round(-bounds.x_min * scale)),
            right=max(0, round((bounds.x_max - advance) * scale)),
            top=round(bounds.y_max * scale),
            bottom=round(bounds.y_min * scale),
        )
    ascent, descent = round(font.ascent * scale), round(font.descent * scale)
    parts = _parts(font, program, [round(font.advance(source) * scale) for source in sources], wanted)
    return EmbeddedFont(font.label, glyphs, ascent, descent, parts)


def _parts(font: FontFile, program: bytes, widths: list[int], characters: list[str]) -> tuple[Part, ...]:
    scale = 1000 / font.units_per_em
    tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(program).digest()[:6])
    name = f"/{tag}+{font.postscript_name}"
    flags = 4 | 2 | (64 if font.italic else 0)
    box = " ".join(str(round(value * scale)) for value in font.bounds)
    stem = round(50 + (font.weight / 65) ** 2)

    data, filter_entry = deflated(program)
    file = keyed((b"<<%b/Length1 %d>>" % (filter_entry, len(program)),), data)
    data, filter_entry = deflated(_to_unicode(characters))
    to_unicode = keyed((b"<<%b>>" % filter_entry,), data)
    # References count in the final order: font, descendant, descriptor, file, /ToUnicode.
    descriptor_source = (
        f"<</Type/FontDescriptor/FontName{name}/Flags {flags}/FontBBox[{box}]"
        f"/ItalicAngle {number(font.italic_angle)}/Ascent {round(font.ascent * scale)}"
        f"/Descent {round(font.descent * scale)}/CapHeight {round(font.cap_height * scale)}/StemV {stem}/FontFile2 "
    )
    known: list[Part] = [file, file, file, file, to_unicode]
    known[2] = descriptor = keyed((descriptor_source.encode("ascii"), 3, b">>"), None, known)
    descendant_source = (
        f"<</Type/Font/Subtype/CIDFontType2/BaseFont{name}/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        f"/Supplement 0>>/CIDToGIDMap/Identity/DW {widths[0]}/W[0[{' '.join(map(str, widths))}]]/FontDescriptor "
    )
    known[1] = descendant = keyed((descendant_source.encode("ascii"), 2, b">>"), None, known)
    top_source = f"<</Type/Font/Subtype/Type0/BaseFont{name}/Encoding/Identity-H/DescendantFonts["
    top = keyed((top_source.encode("ascii"), 1, b"]/ToUnicode ", 4, b">>"), None, known)
    return top, descendant, descriptor, file, to_unicode


def _to_unicode(characters: list[str]) -> bytes:
    """Write the /ToUnicode CMap (ISO 32000-2, 9.10.3): code n is the n-th character."""
    pairs = [
        f"<{code:04X}><{character.encode('utf-16-be').hex().upper()}>" for code, character in enumerate(characters, 1)
    ]
    lines = [
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def",
        "/CMapName/Adobe-Identity-UCS def/CMapType 2 def",
        "1 begincodespacerange<0000><FFFF>endcodespacerange",
    ]
    for start in range(0, len(pairs), 100):  # a block holds at most 100 entries
        block = pairs[start : start + 100]
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    lines.append("endcmap CMapName currentdict/CMap defineresource pop end end")
    return "\n".join(lines).encode("ascii")


def _program(font: FontFile, sources: list[int]) -> bytes:
    """Build the subset's font program: glyph n is the outline of ``sources[n]``, parts of composites follow."""
    order = list(sources)
    # A part of a composite may be any copy of its glyph; the first is taken.
    place = {source: new for new, source in reversed(list(enumerate(order)))}
    outlines: list[bytes] = []
    for glyph in order:  # grows while it is walked: a component is appended when it is first met
        outlines.append(_unhinted(font.outline(glyph), place, order))
        if len(order) > MAX_GLYPHS:
            raise ValueError("too many glyphs")
    loca, glyf = [0], bytearray()
    for outline in outlines:
        glyf += outline + b"\x00" * (len(outline) % 2)
        loca.append(len(glyf))
    short = len(glyf) <= 0x1FFFE
    count = len(order)
    head = bytearray(font.tables["head"][:54])
    head[8:12] = bytes(4)
    struct.pack_into(">h", head, 50, 0 if short else 1)
    hhea = bytearray(font.tables["hhea"][:36])
    struct.pack_into(">H", hhea, 34, count)
    maxp = bytearray(font.tables["maxp"][:32])
    struct.pack_into(">H", maxp, 4, count)
    struct.pack_into(">7H", maxp, 14, 1, 0, 0, 0, 0, 0, 0)  # no instructions: one zone, nothing else
    return _sfnt(
        {
            b"glyf": bytes(glyf),
            b"head": bytes(head),
            b"hhea": bytes(hhea),
            b"hmtx": b"".join(struct.pack(">Hh", font.advance(glyph), font.side_bearing(glyph)) for glyph in order),
            b"loca": b"".join(
                struct.pack(">H", offset // 2) if short else struct.pack(">I", offset) for offset in loca
            ),
            b"maxp": bytes(maxp),
        }
    )


def _unhinted(outline: bytes, place: dict[int, int], order: list[int]) -> bytes:
    """Return `outline` without instructions and, for a composite, with its components renumbered."""
    if not outline:
        return b""
    contours = struct.unpack_from(">h", outline, 0)[0]
    if contours >= 0:
        at = 10 + 2 * contours
        length = struct.unpack_from(">H", outline, at)[0]
        if at + 2 + length > len(outline):
            raise ValueError("instructions outside the glyph")
        return outline[:at] + b"\x00\x00" + outline[at + 2 + length :] if length else outline
    result = bytearray(outline)
    at = 10
    for _ in range(MAX_COMPONENTS):
        flags, component = struct.unpack_from(">2H", outline, at)
        if component not in place:
            place[component] = len(order)
            order.append(component)
        struct.pack_into(">2H", result, at, flags & ~_HAS_INSTRUCTIONS, place[component])
        at += 8 if flags & _ARGS_ARE_WORDS else 6
        at += 2 if flags & _HAS_SCALE else 4 if flags & _HAS_XY_SCALE else 8 if flags & _HAS_2X2 else 0
        if not flags & _MORE_COMPONENTS:
            return bytes(result[:at])
    raise ValueError("too many components")


def _sfnt(tables: dict[bytes, bytes]) -> bytes:
    """Put tables (in order of their tags) together with directory and checksums."""
    count = len(tables)
    power = count.bit_length() - 1
    directory = bytearray(struct.pack(">I4H", 0x00010000, count, 16 << power, power, 16 * count - (16 << power)))
    body = bytearray()
    head_at = 0
    start = 12 + 16 * count
    for tag, table in tables.items():
        if tag == b"head":
            head_at = start + len(body)
        directory += struct.pack(">4s3I", tag, _checksum(table), start + len(body), len(table))
        body += table + bytes(-len(table) % 4)
    font = directory + body
    struct.pack_into(">I", font, head_at + 8, (0xB1B0AFBA - _checksum(font)) & 0xFFFFFFFF)
    return bytes(font)


def _checksum(data: bytes | bytearray) -> int:
    padded = bytes(data) + bytes(-len(data) % 4)
    total: int = sum(struct.unpack(f">{len(padded) // 4}I", padded))
    return total & 0xFFFFFFFF
