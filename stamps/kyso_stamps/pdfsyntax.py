"""PDF source in small pieces: numbers, names, stream parts and their keys (ISO 32000-2, 7.3)."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

from kyso_stamps.appearance import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

PT_PER_MM = 72.0 / 25.4


def number(value: float) -> str:
    """Write `value` with at most three decimals and nothing needless: ``12``, ``0.75``, ``-3.142``."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def numbers(*values: float) -> str:
    """Write several numbers with spaces between."""
    return " ".join(map(number, values))


def keyed(head: tuple[bytes | int, ...], stream: bytes | None, before: Sequence[Part] = ()) -> Part:
    """Return a part whose key is a fingerprint of its content.

    :param before: the parts that the references in `head` count in; what is referred to is part of the content.
    """
    digest = hashlib.sha256()
    for piece in head:
        digest.update(before[piece].key.encode("ascii") if isinstance(piece, int) else piece)
        digest.update(b"\x00")
    if stream is not None:
        digest.update(stream)
    return Part(head, stream, digest.hexdigest()[:24])


def moved(parts: Sequence[Part], by: int) -> tuple[Part, ...]:
    """Return `parts` with their references counted from `by` on, for joining lists of parts."""
    return tuple(
        Part(tuple(piece + by if isinstance(piece, int) else piece for piece in part.head), part.stream, part.key)
        for part in parts
    )


def deflated(data: bytes, level: int = 9) -> tuple[bytes, bytes]:
    """Return `data` as a stream's data and the /Filter entry for it; plain where compressing does not pay."""
    packed = zlib.compress(data, level)
    return (packed, b"/Filter/FlateDecode") if len(packed) + 20 < len(data) else (data, b"")
