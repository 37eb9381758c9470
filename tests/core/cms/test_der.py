"""The ASN.1 reader: what it accepts, what it refuses, and that hostile bytes cost an error only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyso.cms import der


def test_definite_and_indefinite_lengths_give_the_same_parts() -> None:
    """BER with end-of-contents octets reads like DER."""
    definite = der.read_all(bytes.fromhex("3006020101040141"))
    indefinite = der.read_all(bytes.fromhex("30800201010401410000"))
    assert [child.raw for child in definite.children()] == [child.raw for child in indefinite.children()]
    assert der.canonical(indefinite) == definite.raw


def test_a_constructed_octet_string_is_joined() -> None:
    """Adobe-made CMS may cut strings into pieces."""
    element = der.read_all(bytes.fromhex("2480" + "04024142" + "040143" + "0000"))
    assert der.octets(element) == b"ABC"


def test_canonical_sorts_sets() -> None:
    """A SET OF is sorted by its encodings (X.690, 11.6)."""
    element = der.read_all(bytes.fromhex("3106020102020101"))
    assert der.canonical(element).hex() == "3106020101020102"


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "30",
        "3005",
        "308500ffffffff",
        "30ffffffff",
        "0480",
        "1f8101",
        "30800201",
        "3003020501",
    ],
)
def test_malformed_bytes_are_refused(encoded: str) -> None:
    """Truncated, too long, primitive indefinite and high tag numbers end in an error."""
    with pytest.raises(der.DerError):
        der.read_all(bytes.fromhex(encoded)).children()


def test_deep_nesting_is_refused() -> None:
    """A thousand nested indefinite SEQUENCEs do not exhaust the stack."""
    with pytest.raises(der.DerError):
        der.read(b"\x30\x80" * 1000 + b"\x00\x00" * 1000)


def test_times_are_aware() -> None:
    """Both kinds of time, fractions and zones (RFC 5280, 4.1.2.5; RFC 3161, 2.4.2)."""
    assert der.time(der.read_all(b"\x17\x0d261122020304Z")) == datetime(2026, 11, 22, 2, 3, 4, tzinfo=UTC)
    assert der.time(der.read_all(b"\x17\x0d500101000000Z")).year == 1950
    fraction = der.time(der.read_all(b"\x18\x1220261122020304.25Z"))
    assert fraction.microsecond == 250000
    with pytest.raises(der.DerError):
        der.time(der.read_all(b"\x17\x0d269922020304Z"))


def test_object_identifiers() -> None:
    """Dotted text, the first two arcs in one octet, and no endless arc."""
    assert der.oid(der.read_all(bytes.fromhex("06092a864886f70d010702"))) == "1.2.840.113549.1.7.2"
    assert der.oid(der.read_all(bytes.fromhex("0603883703"))) == "2.999.3"
    with pytest.raises(der.DerError):
        der.oid(der.read_all(bytes.fromhex("060288ff")))


@given(st.binary(max_size=300))
def test_random_bytes_never_do_more_than_raise(data: bytes) -> None:
    """Whatever the bytes: an element or a DerError."""
    try:
        element = der.read_all(data)
        if element.tag & 0x20:
            element.children()
        der.canonical(element)
    except der.DerError:
        return
    assert element.raw == data
