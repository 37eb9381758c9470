"""Reading ASN.1 in DER, and the BER that older signers wrote (ITU-T X.690).

The reader is bounded: depth, number of children and lengths are checked before anything is copied, so that a hostile
file costs an error and nothing else. Indefinite lengths and constructed strings are understood because CMS made by
Adobe products may use them (RFC 5652, clause 2 asks for BER only).

What it does not do: it knows no schemas and does not insist on DER's unique encoding, except where a caller asks for
it with :func:`canonical`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from kyso.cms.encode import tlv

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
T61_STRING = 0x14
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
UNIVERSAL_STRING = 0x1C
BMP_STRING = 0x1E
SEQUENCE = 0x30
SET = 0x31

_CONSTRUCTED = 0x20
MAX_DEPTH = 48
MAX_CHILDREN = 1_000_000


class DerError(ValueError):
    """The bytes are not the ASN.1 that was expected. Callers turn it into a reason of their own."""


class Element(NamedTuple):
    """One type-length-value. Offsets count from the start of `data`.

    :param tag: the identifier octet; tag numbers above 30 are not used by any structure here and are refused.
    :param start: offset of the identifier octet.
    :param content_start: offset of the first content octet.
    :param content_end: offset after the last content octet, without the end-of-contents octets.
    :param end: offset after the element.
    """

    data: bytes
    tag: int
    start: int
    content_start: int
    content_end: int
    end: int

    @property
    def raw(self) -> bytes:
        """The whole encoding, identifier and length included."""
        return self.data[self.start : self.end]

    @property
    def content(self) -> bytes:
        """The content octets as they stand."""
        return self.data[self.content_start : self.content_end]

    @property
    def indefinite(self) -> bool:
        """Whether the length is indefinite (BER only)."""
        return self.end != self.content_end

    def children(self) -> list[Element]:
        """Return the elements inside, in order.

        :raises DerError: the content is not a row of elements.
        """
        if not self.tag & _CONSTRUCTED:
            raise DerError("a primitive element has no parts")
        found: list[Element] = []
        offset, stop, data = self.content_start, self.content_end, self.data
        while offset < stop:
            child = read(data, offset, stop)
            found.append(child)
            if len(found) > MAX_CHILDREN:
                raise DerError("too many parts")
            offset = child.end
        return found

    def child(self) -> Element:
        """Return the only element inside.

        :raises DerError: there is none or more than one.
        """
        found = self.children()
        if len(found) != 1:
            raise DerError("exactly one part expected")
        return found[0]


def read(data: bytes, offset: int = 0, stop: int | None = None, depth: int = 0) -> Element:
    """Read the element that starts at `offset` and ends at or before `stop`.

    :raises DerError: truncated, too deep or malformed.
    """
    limit = len(data) if stop is None else stop
    if offset + 2 > limit:
        raise DerError("truncated")
    tag = data[offset]
    if tag & 0x1F == 0x1F:
        raise DerError("high tag numbers are not used here")
    length = data[offset + 1]
    start = offset + 2
    if length < 0x80:
        end = start + length
        if end > limit:
            raise DerError("truncated")
        return Element(data, tag, offset, start, end, end)
    if length == 0x80:
        return _read_indefinite(data, tag, offset, start, limit, depth)
    count = length & 0x7F
    if count > 8 or start + count > limit:
        raise DerError("length of the length is out of range")
    end = start + count + int.from_bytes(data[start : start + count], "big")
    if end > limit:
        raise DerError("truncated")
    return Element(data, tag, offset, start + count, end, end)


def _read_indefinite(data: bytes, tag: int, offset: int, start: int, limit: int, depth: int) -> Element:
    if not tag & _CONSTRUCTED:
        raise DerError("indefinite length of a primitive element")
    if depth > MAX_DEPTH:
        raise DerError("nested too deeply")
    position = start
    while True:
        if position + 2 > limit:
            raise DerError("truncated")
        if data[position] == 0 and data[position + 1] == 0:
            return Element(data, tag, offset, start, position, position + 2)
        position = read(data, position, limit, depth + 1).end


def read_all(data: bytes) -> Element:
    """Read one element that fills `data` completely.

    :raises DerError: malformed, or something follows.
    """
    element = read(data)
    if element.end != len(data):
        raise DerError("bytes after the element")
    return element


def expect(element: Element, tag: int) -> Element:
    """Return `element` when it has `tag`.

    :raises DerError: it has another.
    """
    if element.tag != tag:
        raise DerError(f"tag {tag:#04x} expected, {element.tag:#04x} found")
    return element


class Parts:
    """Walks the parts of a constructed element in order, for SEQUENCEs with optional components."""

    __slots__ = ("_items", "_next")

    def __init__(self, element: Element, tag: int = SEQUENCE) -> None:
        self._items = expect(element, tag).children()
        self._next = 0

    def take(self, tag: int | None = None) -> Element:
        """Return the next part, which must have `tag` where one is given.

        :raises DerError: nothing is left or the tag differs.
        """
        if self._next >= len(self._items):
            raise DerError("a part is missing")
        item = self._items[self._next]
        if tag is not None:
            expect(item, tag)
        self._next += 1
        return item

    def optional(self, *tags: int) -> Element | None:
        """Return the next part where it has one of `tags`, else ``None`` without moving."""
        if self._next < len(self._items) and self._items[self._next].tag in tags:
            self._next += 1
            return self._items[self._next - 1]
        return None

    def rest(self) -> list[Element]:
        """Return the parts that were not taken."""
        return self._items[self._next :]


# ------------------------------------------------------------------------------------------------- primitive values


def integer(element: Element) -> int:
    """Decode an INTEGER or ENUMERATED."""
    if element.tag not in (INTEGER, ENUMERATED) and element.tag & 0xE0 != 0x80:
        raise DerError("an integer was expected")
    content = element.content
    if not content:
        raise DerError("an integer without octets")
    return int.from_bytes(content, "big", signed=True)


def boolean(element: Element) -> bool:
    """Decode a BOOLEAN."""
    content = expect(element, BOOLEAN).content
    if len(content) != 1:
        raise DerError("a boolean has one octet")
    return content != b"\x00"


@lru_cache(maxsize=512)
def _dotted(content: bytes) -> str:
    if not content or content[-1] & 0x80 or len(content) > 64:
        raise DerError("malformed object identifier")
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def oid(element: Element) -> str:
    """Decode an OBJECT IDENTIFIER as dotted text."""
    return _dotted(expect(element, OBJECT_IDENTIFIER).content)


def octets(element: Element, tag: int = OCTET_STRING, depth: int = 0) -> bytes:
    """Decode an OCTET STRING (or one with implicit `tag`), joining the pieces of a constructed one."""
    if element.tag == tag:
        return element.content
    if element.tag == tag | _CONSTRUCTED:
        if depth > MAX_DEPTH:
            raise DerError("nested too deeply")
        return b"".join(octets(piece, OCTET_STRING, depth + 1) for piece in element.children())
    raise DerError("an octet string was expected")


def bits(element: Element) -> bytes:
    """Decode a BIT STRING that holds whole octets."""
    content = expect(element, BIT_STRING).content
    if not content or content[0] != 0:
        raise DerError("a bit string of whole octets was expected")
    return content[1:]


def named_bits(element: Element) -> frozenset[int]:
    """Decode a BIT STRING as the numbers of the bits that are set (key usage and the like)."""
    content = element.content
    if not content or content[0] > 7:
        raise DerError("malformed bit string")
    return frozenset(
        index * 8 + bit for index, octet in enumerate(content[1:]) for bit in range(8) if octet & 0x80 >> bit
    )


def text(element: Element) -> str:
    """Decode a character string for showing. Undecodable octets become replacement characters."""
    encoding = {
        BMP_STRING: "utf-16-be",
        UNIVERSAL_STRING: "utf-32-be",
        T61_STRING: "latin-1",
    }.get(element.tag, "utf-8")
    return element.content.decode(encoding, "replace")


def time(element: Element) -> datetime:
    """Decode a UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5; fractions as in RFC 3161, 2.4.2), aware.

    :raises DerError: not a time.
    """
    try:
        plain = element.content.decode("ascii")
        if element.tag == UTC_TIME:
            year = int(plain[:2])
            plain = f"{1900 + year if year >= 50 else 2000 + year}{plain[2:]}"
        elif element.tag != GENERALIZED_TIME:
            raise DerError("a time was expected")
        return _moment(plain)
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        raise DerError("malformed time") from error


def _moment(plain: str) -> datetime:
    zone = UTC
    body = plain
    if plain.endswith("Z"):
        body = plain[:-1]
    elif len(plain) > 5 and plain[-5] in "+-":
        offset = timedelta(hours=int(plain[-4:-2]), minutes=int(plain[-2:]))
        zone = timezone(offset if plain[-5] == "+" else -offset)
        body = plain[:-5]
    whole, _, fraction = body.partition(".")
    if not whole.isdecimal() or len(whole) not in (10, 12, 14):
        raise DerError("malformed time")
    numbers = [int(whole[:4]), *(int(whole[i : i + 2]) for i in range(4, len(whole), 2))]
    microseconds = int(fraction[:6].ljust(6, "0")) if fraction else 0
    hour, minute, second = (*numbers[3:], 0, 0)[:3]
    return datetime(numbers[0], numbers[1], numbers[2], hour, minute, second, microseconds, zone)


# ------------------------------------------------------------------------------------------------------ re-encoding


def canonical(element: Element, depth: int = 0) -> bytes:
    """Re-encode with definite shortest lengths, strings in one piece and SET OF sorted (X.690, clauses 10 and 11)."""
    if depth > MAX_DEPTH:
        raise DerError("nested too deeply")
    if not element.tag & _CONSTRUCTED:
        return tlv(element.tag, element.content)
    if element.tag == OCTET_STRING | _CONSTRUCTED:
        return tlv(OCTET_STRING, octets(element))
    parts = [canonical(child, depth + 1) for child in element.children()]
    if element.tag == SET:
        parts.sort()
    return tlv(element.tag, *parts)
