"""DER encoding (ITU-T X.690) of the few shapes a CMS signature is built from."""

from __future__ import annotations

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = b"\x05\x00"
OBJECT_IDENTIFIER = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


def tlv(tag: int, *contents: bytes) -> bytes:
    """Return one value: the tag octet, the definite length in its shortest form, and the joined contents."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*contents: bytes) -> bytes:
    """Return a SEQUENCE of already encoded values."""
    return tlv(SEQUENCE, *contents)


def set_of(*contents: bytes) -> bytes:
    """Return a SET OF with its values in the order DER asks for (X.690, 11.6)."""
    return tlv(SET, *sorted(contents))


def integer(value: int) -> bytes:
    """Return a non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, value)


def object_identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER given in dotted form."""
    arcs = [int(arc) for arc in dotted.split(".")]
    encoded = bytearray()
    for arc in (arcs[0] * 40 + arcs[1], *arcs[2:]):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | (arc & 0x7F))
        encoded.extend(reversed(septets))
    return tlv(OBJECT_IDENTIFIER, bytes(encoded))
