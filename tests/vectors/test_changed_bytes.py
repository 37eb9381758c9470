"""One byte of the signed bytes changed, put in or taken out: the digest tells, wherever it is."""

from __future__ import annotations

import random

import pytest

from kyso.demo.pki import DemoPki
from tests.vectors.making import byte_range, verify


@pytest.mark.parametrize("seed", range(30))
def test_one_bit_of_the_signed_bytes(signed: bytes, pki: DemoPki, seed: int) -> None:
    """A turned bit anywhere outside /Contents makes the letter anything but valid, and never intact."""
    chance = random.Random(seed)
    _, first, second, rest = byte_range(signed)
    place = chance.choice([chance.randrange(first), chance.randrange(second, second + rest)])
    data = bytearray(signed)
    data[place] ^= 1 << chance.randrange(8)
    report = verify(bytes(data), pki)
    assert report.integrity != "intact"
    assert report.verdict in ("invalid", "undetermined", "unreadable", "unsigned")


@pytest.mark.parametrize("seed", range(10))
def test_one_byte_put_in_or_taken_out(signed: bytes, pki: DemoPki, seed: int) -> None:
    """Everything behind the place moves; what is still found of the signature is never intact."""
    place = random.Random(seed).randrange(10, byte_range(signed)[1])
    for data in (signed[:place] + b" " + signed[place:], signed[:place] + signed[place + 1 :]):
        report = verify(data, pki)
        assert report.integrity != "intact"
        assert report.verdict != "valid"


@pytest.mark.parametrize("cut", [1, 2, 7, 30, 300])
def test_a_cut_end(signed: bytes, pki: DemoPki, cut: int) -> None:
    """A signature that covers more than there is left is broken."""
    report = verify(signed[:-cut], pki)
    assert report.integrity != "intact"
    assert report.verdict != "valid"


def test_another_file_behind_or_before(signed: bytes, letter_pdf: bytes, pki: DemoPki) -> None:
    """A whole unsigned letter appended or put in front is what some readers show instead."""
    for data in (signed + letter_pdf, letter_pdf + signed, b"GIF89a\n" + signed, signed + b"PK\x03\x04" + bytes(200)):
        assert verify(data, pki).verdict not in ("valid", "undetermined")


def test_line_ends_made_over(signed: bytes, pki: DemoPki) -> None:
    """A mail gateway that turned the line ends over broke the signature; nothing is forgiven."""
    report = verify(signed.replace(b"\n", b"\r\n"), pki)
    assert report.integrity != "intact"
    assert report.verdict != "valid"
