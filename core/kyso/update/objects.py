"""PDF source for the few values the writer makes itself (ISO 32000-2, 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pikepdf import Object

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from pikepdf import Array, Dictionary


def text_string(text: str) -> bytes:
    """Return a text string object: a literal for plain ASCII, else UTF-16BE in hexadecimal (7.9.2.2)."""
    if text.isascii() and text.isprintable():
        escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        return b"(" + escaped.encode("ascii") + b")"
    return b"<FEFF" + text.encode("utf-16-be", "replace").hex().upper().encode("ascii") + b">"


def date_string(moment: datetime) -> bytes:
    """Return a date object (7.9.4), with the moment's own offset from UTC.

    :raises ValueError: `moment` has no time zone.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a signing time needs a time zone")
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return f"(D:{moment:%Y%m%d%H%M%S}{sign}{hours:02d}'{minutes:02d}')".encode("ascii")


def real(value: float) -> bytes:
    """Return a number with at most four decimals (a 35-thousandth of a millimetre), never in exponent form."""
    written = f"{value:.4f}".rstrip("0").rstrip(".")
    return b"0" if written in ("-0", "") else written.encode("ascii")


def reference(number: int, generation: int = 0) -> bytes:
    """Return an indirect reference."""
    return b"%d %d R" % (number, generation)


def dictionary_with(dictionary: Dictionary, entries: dict[str, bytes], without: Iterable[str] = ()) -> bytes:
    """Return the source of `dictionary` with `entries` (key -> source) put in or replaced, and some keys left out.

    The model itself stays as it is.
    """
    changed = dictionary.copy()
    for key in changed.keys() & {*entries, *without}:
        del changed[key]
    source = changed.unparse(resolved=True)
    added = b" ".join(key.encode("ascii") + b" " + value for key, value in entries.items())
    return source[:-2] + added + b" >>"


def array_with(array: Array, item: bytes, *, clean: bool = False) -> bytes:
    """Return the source of `array` with `item` at its end; the model stays as it is.

    :param clean: leave out what is no object at all: references to nothing, which the parser reads as null, and which
        reviewers of later revisions stumble over.
    """
    kept: list[object] = list(array.as_list())
    if clean and not all(isinstance(entry, Object) for entry in kept):
        sources = [entry.unparse() for entry in kept if isinstance(entry, Object)]
        return b"[ " + b" ".join([*sources, item]) + b" ]"
    return array.unparse(resolved=True)[:-1] + item + b" ]"
