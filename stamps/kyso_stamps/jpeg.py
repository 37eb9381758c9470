"""JPEG as it is: checked, stripped of everything private, handed on as DCTDecode data.

Only 8-bit grey and RGB (YCbCr) pictures pass. CMYK is refused: programs disagree on whether its values are inverted, so
a seal could come out in another colour than its owner saw. EXIF data (where and when a phone took the picture) and
comments are removed; the orientation they state is honoured when the picture is placed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from kyso_stamps.errors import StampError

_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_ALLOWED_FRAMES = (_BASELINE, _EXTENDED, _PROGRESSIVE)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JFIF, _EXIF, _ADOBE, _COMMENT, _SCAN = 0xE0, 0xE1, 0xEE, 0xFE, 0xDA


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG's frame and its cleaned data.

    :param components: 1 for grey, 3 for colour.
    :param data: the file without EXIF, comments and other applications' segments.
    """

    width: int
    height: int
    components: int
    data: bytes


def read_jpeg(data: bytes, name: str) -> Jpeg:
    """Read a JPEG's structure; the picture itself is not decoded here.

    :param name: the file's name, for errors.
    :raises StampError: ``stamp.image_unreadable``, ``stamp.image_cmyk``, ``stamp.image_unsupported``.
    """
    try:
        return _read(data, name)
    except (struct.error, IndexError) as error:
        raise StampError("stamp.image_unreadable", name=name) from error


def _read(data: bytes, name: str) -> Jpeg:
    kept = [b"\xff\xd8"]
    frame: tuple[int, int, int] | None = None
    at = 2
    while True:
        if data[at] != 0xFF:
            raise StampError("stamp.image_unreadable", name=name)
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte before a marker
            at += 1
            continue
        length = struct.unpack_from(">H", data, at + 2)[0]
        segment = data[at : at + 2 + length]
        if length < 2 or len(segment) != 2 + length:
            raise StampError("stamp.image_unreadable", name=name)
        if marker in _FRAMES:
            precision, height, width, components = struct.unpack_from(">BHHB", segment, 4)
            if components == 4:
                raise StampError("stamp.image_cmyk", name=name)
            if marker not in _ALLOWED_FRAMES or precision != 8 or components not in (1, 3):
                raise StampError("stamp.image_unsupported", name=name)
            frame = width, height, components
        if marker == _SCAN:
            break
        # JFIF and Adobe segments say how colours are coded; the other application segments are nobody's business.
        if marker in (_JFIF, _ADOBE) or not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
            kept.append(segment)
        at += 2 + length
    if frame is None:
        raise StampError("stamp.image_unreadable", name=name)
    end = data.rfind(b"\xff\xd9")
    kept.append(data[at : end + 2] if end > at else data[at:])
    return Jpeg(*frame, b"".join(kept))
