"""The CMS that kyso builds, read back by asn1crypto and verified by OpenSSL."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from kyso.cms.build import reserved_size, signed_attributes, signed_data
from kyso.cms.encode import integer, object_identifier, set_of, tlv
from kyso.cms.values import PREHASHED, pss_padding, schemes_for, signature_size, value_matches
from kyso.demo.pki import LEADER as LEADER_SUBJECT
from kyso.demo.pki import Identity, KeyKind, certificate_der, certificate_pem, issue, make_root
from kyso.errors import KeyTrouble
from kyso.models import DigestName, SchemeName
from tests.support.judges import need_tool

NOW = datetime(2026, 11, 22, 9, 15, 7, tzinfo=UTC)
CONTENT = b"%PDF-1.7 content of the byte ranges"


def _sign(identity: Identity, value: bytes, scheme: SchemeName, digest: DigestName) -> bytes:
    hashed = hashlib.new(digest, value).digest()
    if isinstance(identity.key, rsa.RSAPrivateKey):
        chosen = padding.PKCS1v15() if scheme == "rsa-pkcs1v15" else pss_padding(digest)
        return identity.key.sign(hashed, chosen, PREHASHED[digest])
    return identity.key.sign(hashed, ec.ECDSA(PREHASHED[digest]))


@pytest.fixture(scope="module", params=["rsa-2048", "p-256", "p-384"])
def identity(request: pytest.FixtureRequest) -> Identity:
    """A signer of each kind of key under a root of the same kind."""
    kind: KeyKind = request.param
    return issue(make_root(kind=kind), LEADER_SUBJECT, kind=kind)


def _all_schemes(identity: Identity) -> tuple[tuple[SchemeName, DigestName], ...]:
    return schemes_for(certificate_der(identity.certificate))


def test_openssl_accepts_every_scheme_and_digest(identity: Identity, tmp_path: Path) -> None:
    """OpenSSL verifies the detached SignedData of every combination that kyso offers for the key."""
    need_tool("openssl")
    leaf, root = certificate_der(identity.certificate), identity.chain[0]
    (tmp_path / "root.pem").write_bytes(certificate_pem(root))
    (tmp_path / "content").write_bytes(CONTENT)
    for scheme, digest in _all_schemes(identity):
        attributes = signed_attributes(hashlib.new(digest, CONTENT).digest(), leaf, "pades", NOW)
        value = _sign(identity, attributes, scheme, digest)
        message = signed_data(attributes, value, (leaf, certificate_der(root)), scheme, digest)
        (tmp_path / "message").write_bytes(message)
        result = subprocess.run(
            ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", tmp_path / "message",
             "-content", tmp_path / "content", "-CAfile", tmp_path / "root.pem", "-purpose", "any",
             "-out", "/dev/null"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0, (scheme, digest, result.stderr)


def test_pades_attributes_are_exactly_the_three_of_the_baseline(identity: Identity) -> None:
    """PAdES B-B carries content-type, message-digest and signing-certificate-v2, and no signing-time."""
    leaf = certificate_der(identity.certificate)
    attributes = cms.CMSAttributes.load(signed_attributes(bytes(32), leaf, "pades", NOW), strict=True)
    # By number: which names asn1crypto knows depends on who else is loaded.
    assert {attribute["type"].dotted for attribute in attributes} == {
        "1.2.840.113549.1.9.3",  # content-type
        "1.2.840.113549.1.9.4",  # message-digest
        "1.2.840.113549.1.9.16.2.47",  # signing-certificate-v2
    }
    encoded = [attribute.dump() for attribute in attributes]
    assert encoded == sorted(encoded), "a SET OF in DER is sorted"


def test_pkcs7_attributes_tell_the_signing_time(identity: Identity) -> None:
    """adbe.pkcs7.detached carries the claimed time as UTCTime, and as GeneralizedTime from 2050 on."""
    leaf = certificate_der(identity.certificate)
    for moment in (NOW, datetime(2050, 1, 1, tzinfo=UTC)):
        attributes = cms.CMSAttributes.load(signed_attributes(bytes(32), leaf, "pkcs7", moment))
        times = [item["values"][0].native for item in attributes if item["type"].native == "signing_time"]
        assert times == [moment]


def test_reserved_size_is_enough_and_not_wasteful(identity: Identity) -> None:
    """The space computed from the certificates holds every real message and wastes less than 300 bytes."""
    leaf = certificate_der(identity.certificate)
    certificates = (leaf, *(certificate_der(one) for one in identity.chain))
    reserved = reserved_size(certificates, signature_size(leaf), "pkcs7", timestamp=False)
    for scheme, digest in _all_schemes(identity):
        attributes = signed_attributes(hashlib.new(digest, CONTENT).digest(), leaf, "pkcs7", NOW)
        message = signed_data(attributes, _sign(identity, attributes, scheme, digest), certificates, scheme, digest)
        assert len(message) <= reserved < len(message) + 300


def test_value_matches_tells_a_right_value_from_any_other(identity: Identity) -> None:
    """A value fits its own digest, scheme and key, and nothing else; a malformed one does not raise."""
    leaf = certificate_der(identity.certificate)
    for scheme, digest in _all_schemes(identity):
        value = _sign(identity, CONTENT, scheme, digest)
        hashed = hashlib.new(digest, CONTENT).digest()
        assert value_matches(leaf, value, hashed, scheme, digest)
        assert not value_matches(leaf, value, hashlib.new(digest, CONTENT + b"!").digest(), scheme, digest)
        assert not value_matches(leaf, value[:-1] + bytes((value[-1] ^ 1,)), hashed, scheme, digest)
        assert not value_matches(leaf, b"", hashed, scheme, digest)
        assert not value_matches(leaf, value, hashed, "ecdsa" if scheme != "ecdsa" else "rsa-pss", digest)


def test_short_keys_are_refused() -> None:
    """An RSA key below 2048 bits is refused with its length (TT 15/2025, Annex I)."""
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    certificate = (
        x509.CertificateBuilder(LEADER_SUBJECT.as_name(), LEADER_SUBJECT.as_name(), key.public_key(), 1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    with pytest.raises(KeyTrouble) as caught:
        schemes_for(certificate_der(certificate))
    assert (caught.value.code, caught.value.parameters["bits"]) == ("key.too_short", 1024)


@pytest.mark.parametrize("garbage", [b"", b"\x30", b"\x30\x82", bytes(64), b"\x30\x84\xff\xff\xff\xff"])
def test_unreadable_certificates_are_refused_by_code(garbage: bytes) -> None:
    """Bytes that are no certificate give key.certificate_unreadable, never another exception."""
    with pytest.raises(KeyTrouble) as caught:
        signed_attributes(bytes(32), garbage, "pades", NOW)
    assert caught.value.code == "key.certificate_unreadable"


def test_der_primitives_follow_x690() -> None:
    """Lengths, integers, object identifiers and set order are as X.690 writes them."""
    assert tlv(0x04, bytes(127))[:2] == b"\x04\x7f"
    assert tlv(0x04, bytes(128))[:3] == b"\x04\x81\x80"
    assert tlv(0x04, bytes(65536))[:5] == b"\x04\x83\x01\x00\x00"
    assert integer(0) == b"\x02\x01\x00"
    assert integer(127) == b"\x02\x01\x7f"
    assert integer(128) == b"\x02\x02\x00\x80"
    assert object_identifier("1.2.840.113549.1.7.2") == bytes.fromhex("06092a864886f70d010702")
    assert set_of(b"\x02\x01\x05", b"\x02\x01\x03") == b"\x31\x06\x02\x01\x03\x02\x01\x05"
