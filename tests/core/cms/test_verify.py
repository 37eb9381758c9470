"""Checking a signer: every scheme, and every way in which a CMS says two things at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier
from kyso.cms.certificate import read_certificate
from kyso.cms.encode import integer, object_identifier, octet_string, sequence, set_of, tlv
from kyso.cms.read import CmsError, is_attribute_set, padded, read_signed_data
from kyso.cms.verify import CmsCheck, Content, check_signer, only_signer
from kyso.demo.pki import DemoPki, certificate_der

_DATA = "1.2.840.113549.1.7.1"
_CONTENT = b"%PDF-1.7 the letter"


def _algorithm(oid: str) -> bytes:
    return sequence(object_identifier(oid))


def _attribute(oid: str, *values: bytes) -> bytes:
    return sequence(object_identifier(oid), set_of(*values))


def _content_type(oid: str = _DATA) -> bytes:
    return _attribute("1.2.840.113549.1.9.3", object_identifier(oid))


def _message_digest(content: bytes = _CONTENT) -> bytes:
    return _attribute("1.2.840.113549.1.9.4", octet_string(hashlib.sha256(content).digest()))


def _cms(
    pki: DemoPki,
    attributes: list[bytes] | None,
    *,
    signed: bytes | None = None,
    unordered: bool = False,
    signers: int = 1,
) -> bytes:
    """Return a detached SignedData by the leader, RSA with SHA-256, over `attributes` or `signed`."""
    identity = pki.identities["leader"]
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    certificate = certificate_der(identity.certificate)
    read = read_certificate(certificate)
    encoded = b"" if attributes is None else b"".join(attributes if unordered else sorted(attributes))
    to_sign = signed if signed is not None else tlv(der.SET, encoded)
    value = identity.key.sign(to_sign, padding.PKCS1v15(), hashes.SHA256())
    digest = _algorithm("2.16.840.1.101.3.4.2.1")
    info = sequence(
        integer(1),
        sequence(read.issuer, integer(read.serial)),
        digest,
        b"" if attributes is None else tlv(0xA0, encoded),
        _algorithm("1.2.840.113549.1.1.11"),
        octet_string(value),
    )
    data = sequence(integer(1), set_of(digest), _algorithm(_DATA), tlv(0xA0, certificate), tlv(der.SET, info * signers))
    return sequence(object_identifier("1.2.840.113549.1.7.2"), tlv(0xA0, data))


def _check(encoded: bytes, content: bytes = _CONTENT) -> CmsCheck:
    data = read_signed_data(encoded)
    signer = only_signer(data)
    certificates = [read_certificate(raw) for raw in data.certificates]
    seen = Content(hashlib.sha256(content).digest(), content, len(content), content)
    return check_signer(signer, data.content_type, _DATA, seen, certificates)


def _codes(check: CmsCheck) -> set[str]:
    return {notice.code for notice in check.reasons}


def test_minimal_attributes_are_intact(pki: DemoPki) -> None:
    """contentType and messageDigest alone, as genuine Vietnamese signatures have it."""
    assert _check(_cms(pki, [_content_type(), _message_digest()])).status == "intact"


def test_attributes_sent_in_another_order_are_intact(pki: DemoPki) -> None:
    """A producer that signs the DER and sends the attributes unsorted is right by RFC 5652, 5.4."""
    attributes = sorted([_content_type(), _message_digest()], reverse=True)
    ordered = tlv(der.SET, *sorted(attributes))
    assert _check(_cms(pki, attributes, signed=ordered, unordered=True)).status == "intact"


def test_no_attributes_are_intact(pki: DemoPki) -> None:
    """The value over the content itself."""
    assert _check(_cms(pki, None, signed=_CONTENT)).status == "intact"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        (lambda: [_content_type(), _message_digest(b"another")], "cms.digest_differs"),
        (lambda: [_message_digest()], "cms.content_type"),
        (lambda: [_content_type()], "cms.message_digest_missing"),
        (lambda: [_content_type("1.2.840.113549.1.9.16.1.4"), _message_digest()], "cms.content_type"),
    ],
)
def test_attributes_that_do_not_fit_are_broken(pki: DemoPki, attributes: Callable[[], list[bytes]], code: str) -> None:
    """Each promise of the signed attributes is kept or the signature is broken."""
    check = _check(_cms(pki, attributes()))
    assert check.status == "broken"
    assert _codes(check) == {code}


def test_a_reference_to_another_certificate_is_broken(pki: DemoPki) -> None:
    """signing-certificate-v2 names the certificate; another one with the same key is refused (RFC 5035)."""
    wrong = sequence(sequence(sequence(octet_string(hashlib.sha256(b"another").digest()))))
    attributes = [_content_type(), _message_digest(), _attribute("1.2.840.113549.1.9.16.2.47", wrong)]
    assert _codes(_check(_cms(pki, attributes))) == {"cms.certificate_reference"}


def test_changed_algorithms_are_broken(pki: DemoPki) -> None:
    """CMSAlgorithmProtection says SHA-512, the signature uses SHA-256 (RFC 6211)."""
    protection = sequence(_algorithm("2.16.840.1.101.3.4.2.3"), b"\xa1" + _algorithm("1.2.840.113549.1.1.11")[1:])
    attributes = [_content_type(), _message_digest(), _attribute("1.2.840.113549.1.9.52", protection)]
    assert _codes(_check(_cms(pki, attributes))) == {"cms.algorithm_protection"}


def test_an_attribute_that_is_there_twice_is_refused(pki: DemoPki) -> None:
    """Two message digests would give two answers."""
    with pytest.raises(CmsError, match=r"cms\.attribute_twice"):
        _check(_cms(pki, [_content_type(), _message_digest(), _message_digest(b"another")]))


def test_content_that_could_be_attributes_is_refused(pki: DemoPki) -> None:
    """Rule 9: a signature over attributes must not pass as a signature over content."""
    attributes = tlv(der.SET, _content_type(), _message_digest())
    assert is_attribute_set(attributes)
    check = _check(_cms(pki, None, signed=attributes), content=attributes)
    assert check.status == "broken"
    assert _codes(check) == {"cms.content_is_attributes"}


@pytest.mark.parametrize(("signers", "code"), [(0, r"cms\.no_signer"), (2, r"cms\.several_signers")])
def test_exactly_one_signer_is_required(pki: DemoPki, signers: int, code: str) -> None:
    """ISO 32000-2, 12.8.3.3.1."""
    with pytest.raises(CmsError, match=code):
        only_signer(read_signed_data(_cms(pki, [_content_type(), _message_digest()], signers=signers)))


def test_padding_must_be_zeros(pki: DemoPki) -> None:
    """Zeros behind the CMS are padding, anything else is hidden data."""
    encoded = _cms(pki, [_content_type(), _message_digest()])
    assert padded(encoded + bytes(50)) == encoded
    with pytest.raises(CmsError, match=r"cms\.hidden_data"):
        padded(encoded + bytes(49) + b"\x01")


def _public(key: object) -> algorithms.PublicKey:
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined] # any private key
    return algorithms.public_key(encoded)


def _scheme(oid: str, digest: str | None = None) -> algorithms.SignatureScheme:
    return algorithms.scheme_of(AlgorithmIdentifier(oid), digest)


def test_plain_ecdsa_is_understood() -> None:
    """r || s instead of a DER structure (BSI TR-03111)."""
    key = ec.generate_private_key(ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(b"x", ec.ECDSA(hashes.SHA256())))
    value = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    scheme = _scheme("0.4.0.127.0.7.1.1.4.1.3")
    assert algorithms.verify(_public(key), scheme, value, data=b"x")
    assert not algorithms.verify(_public(key), scheme, value, data=b"y")
    assert not algorithms.verify(_public(key), scheme, value[:-1], data=b"x")


def test_rsa_with_sha3_is_understood() -> None:
    """TT 15/2025, Annex I names SHA-3."""
    key = rsa.generate_private_key(65537, 2048)
    value = key.sign(b"x", padding.PKCS1v15(), hashes.SHA3_256())
    assert algorithms.verify(_public(key), _scheme("2.16.840.1.101.3.4.3.14"), value, data=b"x")


@pytest.mark.parametrize(
    ("key", "oid"),
    [(ed25519.Ed25519PrivateKey.generate(), "1.3.101.112"), (ed448.Ed448PrivateKey.generate(), "1.3.101.113")],
)
def test_edwards_curves_are_understood(key: ed25519.Ed25519PrivateKey, oid: str) -> None:
    """EdDSA signs the data itself (RFC 8419)."""
    assert algorithms.verify(_public(key), _scheme(oid), key.sign(b"x"), data=b"x")
    assert not algorithms.verify(_public(key), _scheme(oid), key.sign(b"x"), data=b"y")


def test_weak_keys_are_named() -> None:
    """RSA below 2048 bits, ECDSA below 256 bits and DSA are too weak for TT 15/2025."""
    small = rsa.RSAPublicNumbers(65537, (1 << 1023) | 1)
    assert algorithms.PublicKey("RSA", small.n.bit_length(), None).weak
    assert _public(ec.generate_private_key(ec.SECP224R1())).weak
    assert _public(dsa.generate_private_key(2048)).weak
    assert not _public(ec.generate_private_key(ec.SECP256R1())).weak


def test_a_key_of_another_kind_is_not_a_wrong_signature() -> None:
    """An RSA scheme with an EC key cannot be computed; that is not the same as "does not fit"."""
    key = _public(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(algorithms.UnsupportedAlgorithm):
        algorithms.verify(key, _scheme("1.2.840.113549.1.1.11"), b"x", data=b"x")
