"""What an update's bytes hold beside what the parser made of them: where two readers may see two documents.

The parser follows the cross-reference tables and forgives much. Another reader searches the file for objects, takes
the other of two equal keys, or stumbles where the parser stepped over. An update that can be read in two ways is
therefore a forbidden change, whatever the parser shows (parser differentials; Mladenov et al., "1 Trillion Dollar
Refund", 2019).

What this does not judge: bytes that were there when the letter was signed. They were signed as they are.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pikepdf import Name, Stream

from kyso.document.opening import PARSER_ERRORS
from kyso.verification.report import Change
from kyso.verification.revisions import REBUILT, CannotJudge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.document.pages import ObjectId
    from kyso.verification.revisions import Revision
    from kyso.verification.source import ByteSource

_PIECE: Final = 32 << 20
_OVERLAP: Final = 1 << 20
_SHOWN: Final = 10
_PLAIN: Final = re.compile(rb"(?<![0-9])([0-9]{1,10})[\s\x00]+([0-9]{1,5})[\s\x00]+\Z")
_BETWEEN: Final = rb"(?:[\s\x00]|%[^\r\n]{0,200}[\r\n])+"
_COMMENTED: Final = re.compile(rb"(?<![0-9])([0-9]{1,10})" + _BETWEEN + rb"([0-9]{1,5})" + _BETWEEN + rb"\Z")
_KEYWORD: Final = re.compile(rb"(?<=[\s\x00])obj(?![A-Za-z0-9])")
MAX_HEADERS: Final = 100_000
_NEAR: Final = 32
_WINDOW: Final = 480
MAX_COMMENTED: Final = 1000
_INDEX: Final = re.compile(rb"/Index[\s\x00]*\[([0-9\s\x00]*)\]")
_COMPLAINT: Final = re.compile(r"\((?:object (\d+) \d+, |[^()]{0,40}?, )?offset (\d+)\)")
_DICTIONARY_BYTES: Final = 4096


def examine(source: ByteSource, start: int, base: int, old: Revision, new: Revision) -> tuple[Change, ...]:
    """Return what is wrong with the bytes that lie between two revisions.

    :param start: where the update begins: the end of `old`.
    :param base: where the header stands, from which the parser counts.
    :raises CannotJudge: it has more objects than any real update.
    """
    hidden: set[int] = set()
    complete = ambiguous = packed = False
    tables = _Tables(old, new, base)
    for offset, piece in _pieces(source, start, new.end):
        complete |= b"startxref" in piece
        objects = list(_objects(piece))
        hidden.update(tables.unlisted(piece, offset, objects))
        ambiguous |= any(map(_overlapping, _sections(piece, objects)))
        packed |= b"/ObjStm" in piece
    if not complete:
        # Bytes without a cross-reference section are invisible to this parser and may be everything to another.
        return (Change("change.unreadable_tail", "forbidden"),)
    found: list[Change] = []
    if hidden:
        found.append(Change("change.unlisted_object", "forbidden", {"objects": sorted(hidden)[:_SHOWN]}))
    if ambiguous or (packed and _streams_disagree(start - base, new)):
        found.append(Change("change.ambiguous_table", "forbidden"))
    return tuple(found)


def misread(begin: int, new: Revision) -> tuple[Change, ...]:
    """Return what the parser had to forgive in an update, once all of it was read.

    :param begin: where the update begins as the parser counts.
    """
    if any(_concerns(complaint, begin, new) for complaint in new.complaints()):
        return (Change("change.malformed_update", "forbidden"),)
    return ()


def _pieces(source: ByteSource, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    offset = start
    while offset < end:
        yield offset, source.read(offset, min(end - offset, _PIECE + _OVERLAP))
        offset += _PIECE


def _objects(piece: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of every object header, also of one behind comments or junk.

    :raises CannotJudge: there are more than any real update has.
    """
    commented = 0
    for count, keyword in enumerate(_KEYWORD.finditer(piece)):
        place = keyword.start()
        numbers = _PLAIN.search(piece, max(0, place - _NEAR), place)
        if numbers is None and b"%" in piece[max(0, place - _WINDOW) : place]:
            commented += 1
            numbers = _COMMENTED.search(piece, max(0, place - _WINDOW), place)
        if count >= MAX_HEADERS or commented >= MAX_COMMENTED:
            raise CannotJudge("change.too_many_objects")
        if numbers is not None:
            yield int(numbers[1]), numbers.start(1), keyword.end()


class _Tables:
    """Where the cross-reference tables of two revisions lead."""

    def __init__(self, old: Revision, new: Revision, base: int) -> None:
        self._table = new.table
        self._old_table = old.table
        self._base = base

    def unlisted(self, piece: bytes, offset: int, objects: list[tuple[int, int, int]]) -> Iterator[int]:
        """Yield numbers of objects that the update defines where the tables do not lead.

        A reader that rebuilds the cross-reference table takes the last definition of an object in the file; one that
        follows the tables takes the listed one. Where the two differ, something is hidden. An earlier definition that
        a later, listed one replaced within the same stretch hides nothing.
        """
        for number, start, end in objects:
            place, listed = offset + start, self._offset_of(number)
            if listed >= place or (listed >= offset and not piece[listed - offset : start].strip(b"\0\t\n\f\r ")):
                continue
            # A section that is a stream need not list itself; every other object that is meant to be read is listed.
            if listed >= 0 or number in self._old or b"/XRef" not in _dictionary_at(piece, end):
                yield number

    @cached_property
    def _places(self) -> dict[int, tuple[int, int, int]]:
        return {number: place for (number, _), place in self._table.items()}

    @cached_property
    def _old(self) -> set[int]:
        return {number for number, _ in self._old_table}

    def _offset_of(self, number: int) -> int:
        place = self._places.get(number)
        if place is not None and place[0] == 2:
            place = self._places.get(place[1])
        return -1 if place is None else self._base + place[1]


def _dictionary_at(piece: bytes, place: int) -> bytes:
    """Return the text of an object's dictionary, not more of it than the one of a cross-reference stream has."""
    return piece[place : place + _DICTIONARY_BYTES].split(b"stream", 1)[0]


def _sections(piece: bytes, objects: list[tuple[int, int, int]]) -> Iterator[list[int]]:
    """Yield the subsections of each cross-reference section: first number and count, one after the other."""
    at = piece.find(b"xref")
    while at >= 0:
        begin, at = at + 4, piece.find(b"xref", at + 4)
        if piece[begin - 9 : begin] == b"startxref":
            continue
        end = piece.find(b"trailer", begin, len(piece) if at < 0 else at)
        tokens = piece[begin:end].split() if end >= 0 else []
        headers: list[int] = []
        position = 0
        while position + 1 < len(tokens) and tokens[position].isdigit() and tokens[position + 1].isdigit():
            headers += (int(tokens[position][:12]), int(tokens[position + 1][:12]))
            position += 2 + 3 * headers[-1]
        if len(headers) > 2:
            yield headers
    for _, _, end in objects:
        head = _dictionary_at(piece, end)
        if b"/XRef" in head and (index := _INDEX.search(head)):
            yield [int(token[:12]) for token in index[1].replace(b"\0", b" ").split()]


def _overlapping(headers: list[int]) -> bool:
    """Tell whether a section lists an object twice: which of the two counts differs between readers."""
    ranges = sorted((first, first + count) for first, count in zip(headers[::2], headers[1::2], strict=False))
    return any(before[1] > after[0] for before, after in pairwise(ranges))


def _streams_disagree(begin: int, new: Revision) -> bool:
    """Tell whether an object stream of the update holds other objects than the table says, or one twice."""
    listed: dict[int, list[tuple[int, int]]] = {}
    plain: list[ObjectId] = []
    for identity, (kind, place, index) in new.table.items():
        if kind == 2:
            listed.setdefault(place, []).append((index, identity[0]))
        elif place >= begin:
            plain.append(identity)
    for identity in plain:
        stream = new.pdf.get_object(identity)
        if not isinstance(stream, Stream) or stream.get("/Type") != Name.ObjStm:
            continue
        try:
            numbers = _numbers_in(stream)
        except PARSER_ERRORS:
            return True
        entries = listed.get(identity[0], [])
        if len(set(numbers)) != len(numbers):
            return True
        if any(index >= len(numbers) or numbers[index] != number for index, number in entries):
            return True
        own = new.table[identity][1]
        here = {number for _, number in entries}
        if any(_stands_before((number, 0), own, new) for number in numbers if number not in here):
            return True
    return False


def _stands_before(identity: ObjectId, place: int, new: Revision) -> bool:
    """Tell whether the table leads to a definition of an object before `place`, or to none."""
    found = new.table.get(identity)
    if found is not None and found[0] == 2:
        found = new.table.get((found[1], 0))
    return found is None or found[1] < place


def _numbers_in(stream: Stream) -> list[int]:
    count, first = stream.get("/N"), stream.get("/First")
    if not isinstance(count, int) or not isinstance(first, int):
        return []
    head = stream.read_bytes()[: max(first, 0)].split()[: 2 * max(count, 0) : 2]
    return [int(number) if number.isdigit() else -1 for number in head]


def _concerns(complaint: str, begin: int, new: Revision) -> bool:
    """Tell whether one of the parser's complaints is about the update, or about the tables of the whole file."""
    if REBUILT in complaint:
        return True
    places = _COMPLAINT.findall(complaint)
    # A file may bear any name, also one that looks like a place; the greatest is never too small.
    for number, offset in places:
        container = _container_of(number, new)
        if (int(offset) if container is None else container) >= begin:
            return True
    return False


def _container_of(number: str, new: Revision) -> int | None:
    """Return where the object stream of an object stands; its own offsets are counted within the stream."""
    place = new.table.get((int(number), 0)) if number else None
    if place is None or place[0] != 2:
        return None
    outer = new.table.get((place[1], 0))
    return None if outer is None else outer[1]
