"""Certificates whose bytes contradict themselves."""

from __future__ import annotations

import pytest

from kyso.cms import algorithms
from kyso.cms.certificate import read_certificate
from kyso.cms.der import DerError
from kyso.cms.encode import integer, object_identifier, sequence, tlv
from kyso.demo.pki import DemoPki, certificate_der


def test_inner_and_outer_signature_algorithm_must_be_the_same(pki: DemoPki) -> None:
    """A parameter changed in only one of the two places is noticed (RFC 5280, 4.1.1.2)."""
    der = certificate_der(pki.root.certificate)
    oid = object_identifier("1.2.840.113549.1.1.11")
    assert der.count(oid + b"\x05\x00") == 2
    read_certificate(der)
    changed = bytearray(der)
    changed[der.rindex(oid + b"\x05\x00") + len(oid)] = 0x04  # NULL becomes an empty OCTET STRING
    with pytest.raises(DerError):
        read_certificate(bytes(changed))


def test_a_negative_modulus_is_no_key() -> None:
    """An RSA key whose modulus is negative is refused as unsupported, not with an arithmetic error."""
    numbers = sequence(tlv(0x02, b"\xff" * 256), integer(65537))
    info = sequence(sequence(object_identifier("1.2.840.113549.1.1.1"), b"\x05\x00"), tlv(0x03, b"\x00" + numbers))
    with pytest.raises(algorithms.UnsupportedAlgorithm):
        algorithms.public_key(info)
