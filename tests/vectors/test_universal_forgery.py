"""Universal signature forgery: /ByteRange and /Contents made useless, in the hope that a reader shrugs."""

from __future__ import annotations

import re

import pytest

from kyso.demo.pki import DemoPki
from tests.vectors.making import byte_range, only, reasons, verify


def _same_length(data: bytes, old: bytes, new: bytes) -> bytes:
    assert len(new) <= len(old)
    return data.replace(old, new.ljust(len(old)), 1)


@pytest.mark.parametrize(
    "instead",
    [
        b"/ByteRange null",
        b"/ByteRange []",
        b"/ByteRange [0 0 0 0]",
        b"/ByteRange [0 -1 0 -1]",
        b"/ByteRange [0 1]",
        b"/ByteRange (none)",
        b"/ByteRange [0 999 0 999]",
        b"/ByteRange [null null null 0]",
        b"/ByteRange 7",
        b"/NoByteRange [0 1 2 3]",
    ],
)
def test_a_useless_byte_range_is_never_intact(signed: bytes, pki: DemoPki, instead: bytes) -> None:
    """Without a sane /ByteRange nothing is known to be signed."""
    stated = re.search(rb"/ByteRange\s*\[[^\]]*\]", signed)
    assert stated is not None
    report = verify(_same_length(signed, stated[0], instead), pki)
    assert report.integrity == "broken"
    assert report.verdict == "invalid"


@pytest.mark.parametrize("instead", [b"<>", b"null", b"()", b"<00>", b"7"])
def test_empty_contents_are_unchecked(signed: bytes, pki: DemoPki, instead: bytes) -> None:
    """A signature without a value is not checked and not valid, whatever stands in the value's place."""
    _, start, end, _ = byte_range(signed)
    report = verify(signed[:start] + instead.ljust(end - start) + signed[end:], pki)
    assert report.integrity in ("unchecked", "broken")
    assert report.verdict in ("undetermined", "invalid")


def test_zeros_for_a_value_are_unchecked(signed: bytes, pki: DemoPki) -> None:
    """A placeholder of zeros is a signature that was never made."""
    _, start, end, _ = byte_range(signed)
    report = verify(signed[: start + 1] + b"0" * (end - start - 2) + signed[end - 1 :], pki)
    assert report.integrity == "unchecked"
    assert report.verdict == "undetermined"
    assert reasons(only(report)) == {"signature.empty"}


def test_a_byte_range_beyond_the_end_is_broken(signed: bytes, pki: DemoPki) -> None:
    """A file cut short behind its signature is broken, and the verifier says so instead of failing."""
    report = verify(signed.rstrip()[:-6] + b"\n", pki)
    assert report.integrity in ("broken", "unreadable")
    assert report.verdict in ("invalid", "unreadable")


def test_a_gap_with_room_for_more_than_the_value_is_refused(signed: bytes, pki: DemoPki) -> None:
    """A gap that is larger than /Contents could hide anything beside it; it is reported, not skipped."""
    zero, start, end, rest = byte_range(signed)
    stated = re.search(rb"/ByteRange\s*\[[^\]]*\]", signed)
    assert stated is not None
    wider = b"/ByteRange [%d %d %d %d]" % (zero, start - 4, end, rest)
    report = verify(_same_length(signed, stated[0], wider), pki)
    assert "byte_range.gap" in reasons(only(report))
    assert only(report).coverage == "partial"
    assert report.verdict == "invalid"
