"""One incremental update: changed and new objects, then the cross-reference section in the file's own form.

ISO 32000-2, 7.5.4 (table), 7.5.6 (incremental updates), 7.5.8 (cross-reference streams). The update is built as bytes
that follow the original ones; nothing before them is touched.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol, cast

from pikepdf import Array, Dictionary, String

from kyso.errors import InputRefused
from kyso.update.objects import dictionary_with

if TYPE_CHECKING:
    from kyso.document.opening import OpenLetter
    from kyso.document.pages import ObjectId

MAX_OBJECT_NUMBER = 2**31 - 1
_LARGEST_TABLE_OFFSET = 10**10 - 1  # ten digits, ISO 32000-2, 7.5.4
_RANGE_WIDTH = 64  # "[0 " and three numbers of up to nineteen digits
_NOT_CARRIED_OVER = (
    "/XRefStm",
    "/Type",
    "/W",
    "/Index",
    "/Filter",
    "/DecodeParms",
    "/F",
    "/FFilter",
    "/FDecodeParms",
    "/DL",
    "/Length",
)


class UpdateSection(Protocol):
    """Where the signature field's objects go: into a plain section, or into one that encrypts."""

    def new(self) -> int:
        """Return a new object number."""

    def put(self, object_id: ObjectId, source: bytes, stream: bytes | None = None) -> None:
        """Write an object, new or changed; with `stream` its source is a dictionary that has the right /Length."""

    def put_signature(self, number: int, entries: bytes, contents_size: int) -> None:
        """Write the signature dictionary with `entries` and with room in /ByteRange and /Contents."""

    def finish(self) -> tuple[bytes, tuple[int, int, int, int]]:
        """Return the update's bytes and /ByteRange; the section takes nothing more."""


class LeanSection:
    """Writes the update itself. Offsets are known as the objects come, so that every byte is written once."""

    __slots__ = ("_contents", "_dropped", "_entries", "_letter", "_next", "_pieces", "_position", "_range_piece")

    def __init__(self, letter: OpenLetter, *, carry_encryption: bool = False) -> None:
        self._letter = letter
        self._dropped = _NOT_CARRIED_OVER if carry_encryption else (*_NOT_CARRIED_OVER, "/Encrypt")
        self._next = letter.highest_object_number + 1
        self._entries: dict[int, tuple[int, int]] = {}
        self._pieces: list[bytes] = []
        self._position = letter.size
        self._contents: tuple[int, int] | None = None
        self._range_piece = -1
        if not letter.ends_with_newline:
            self._write(b"\n")

    def new(self) -> int:
        """Return a new object number.

        :raises InputRefused: the file's numbers leave no room.
        """
        number = self._next
        if number > MAX_OBJECT_NUMBER:
            raise InputRefused("document.damaged", name=self._letter.name)
        self._next = number + 1
        return number

    def put(self, object_id: ObjectId, source: bytes, stream: bytes | None = None) -> None:
        """Write an object; its generation stays what it was."""
        number, generation = object_id
        self._entries[number] = (self._position, generation)
        if stream is None:
            self._write(b"%d %d obj\n%b\nendobj\n" % (number, generation, source))
        else:
            self._write(b"%d %d obj\n%b\nstream\n" % (number, generation, source))
            self._write(stream)
            self._write(b"\nendstream\nendobj\n")

    def put_signature(self, number: int, entries: bytes, contents_size: int) -> None:
        """Write the signature dictionary; /ByteRange is filled in by :meth:`finish`."""
        self._entries[number] = (self._position, 0)
        self._write(b"%d 0 obj\n<<%b/ByteRange " % (number, entries))
        self._range_piece = len(self._pieces)
        self._write(b" " * _RANGE_WIDTH)
        self._write(b"/Contents ")
        self._contents = (self._position, self._position + 2 * contents_size + 2)
        self._write(b"<" + b"0" * (2 * contents_size) + b">")
        self._write(b">>\nendobj\n")

    def finish(self) -> tuple[bytes, tuple[int, int, int, int]]:
        """Write the cross-reference section and fill in /ByteRange.

        :raises InputRefused: a table cannot say offsets this large.
        """
        if self._letter.newest_section.is_stream:
            self._write_stream()
        else:
            self._write_table()
        assert self._contents is not None
        start, end = self._contents
        byte_range = (0, start, end, self._position - end)
        self._pieces[self._range_piece] = (b"[%d %d %d %d]" % byte_range).ljust(_RANGE_WIDTH)
        return b"".join(self._pieces), byte_range

    def _write(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._position += len(piece)

    def _write_table(self) -> None:
        start = self._position
        if start > _LARGEST_TABLE_OFFSET:
            raise InputRefused("document.too_large", name=self._letter.name)
        lines = [b"xref\n"]
        for run in _runs(sorted(self._entries)):
            lines.append(b"%d %d\n" % (run[0], len(run)))
            lines.extend(b"%010d %05d n \n" % self._entries[number] for number in run)
        lines.append(b"trailer\n%b\nstartxref\n%d\n%%%%EOF\n" % (self._dictionary({}), start))
        self._write(b"".join(lines))

    def _write_stream(self) -> None:
        number, start = self.new(), self._position
        self._entries[number] = (start, 0)
        numbers = sorted(self._entries)
        width = max(4, (start.bit_length() + 7) // 8)
        index = b" ".join(b"%d %d" % (run[0], len(run)) for run in _runs(numbers))
        rows = b"".join(
            b"\x01" + offset.to_bytes(width, "big") + generation.to_bytes(2, "big")
            for offset, generation in map(self._entries.__getitem__, numbers)
        )
        dictionary = self._dictionary(
            {
                "/Type": b"/XRef",
                "/W": b"[ 1 %d 2 ]" % width,
                "/Index": b"[ %b ]" % index,
                "/Length": b"%d" % len(rows),
            }
        )
        self._write(b"%d 0 obj\n%b\nstream\n%b" % (number, dictionary, rows))
        self._write(b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start)

    def _dictionary(self, entries: dict[str, bytes]) -> bytes:
        """Return the trailer: all entries of the newest one (7.5.6), renewed where they are the section's own."""
        trailer = cast("Dictionary", self._letter.pdf.trailer)
        fresh = b"<%b>" % os.urandom(16).hex().encode("ascii")
        entries["/Size"] = b"%d" % self._next
        entries["/Prev"] = b"%d" % self._letter.newest_section.offset
        entries["/ID"] = b"[ %b %b ]" % (_first_id(trailer) or fresh, fresh)
        return dictionary_with(trailer, entries, without=self._dropped)


def _first_id(trailer: Dictionary) -> bytes | None:
    identity = trailer.get("/ID") if "/ID" in trailer else None
    if isinstance(identity, Array) and len(identity) == 2 and isinstance(identity[0], String):
        return b"<%b>" % bytes(identity[0]).hex().encode("ascii")
    return None


def _runs(numbers: list[int]) -> list[list[int]]:
    """Group sorted numbers into runs without gaps."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
