"""SubFilters and shapes met in the wild."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kyso.cms import der
from kyso.cms.certificate import read_certificate
from kyso.cms.encode import integer, object_identifier, octet_string, sequence, set_of, tlv
from kyso.demo.pki import DemoPki, certificate_der
from tests.vectors.making import only, reasons, verify
from tests.vectors.raw_pdf import assemble

_DATA = "1.2.840.113549.1.7.1"


def _algorithm(oid: str) -> bytes:
    return sequence(object_identifier(oid))


def _signed_data(pki: DemoPki, content: bytes, *, wrapped: bytes | None = None, key_id: bool = False) -> bytes:
    """Return a CMS by the leader over `content`, without signed attributes."""
    identity = pki.identities["leader"]
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    raw = certificate_der(identity.certificate)
    certificate = read_certificate(raw)
    identifier = sequence(certificate.issuer, integer(certificate.serial))
    if key_id:
        identifier = tlv(0x80, certificate.subject_key_id or b"")
    digest = _algorithm("2.16.840.1.101.3.4.2.1")
    value = identity.key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    info = sequence(
        integer(3 if key_id else 1), identifier, digest, _algorithm("1.2.840.113549.1.1.1"), octet_string(value)
    )
    inside = b"" if wrapped is None else tlv(0xA0, octet_string(wrapped))
    chain = b"".join(certificate_der(issuer) for issuer in identity.chain)
    data = sequence(
        integer(1),
        set_of(digest),
        sequence(object_identifier(_DATA), inside),
        tlv(0xA0, raw, chain),
        tlv(der.SET, info),
    )
    return sequence(object_identifier("1.2.840.113549.1.7.2"), tlv(0xA0, data))


def test_pkcs7_sha1_is_intact_and_weak(pki: DemoPki) -> None:
    """adbe.pkcs7.sha1 signs the SHA-1 of the bytes as content."""

    def sign(covered: bytes) -> bytes:
        digest = hashlib.sha1(covered, usedforsecurity=False).digest()
        return _signed_data(pki, digest, wrapped=digest)

    data = assemble("adbe.pkcs7.sha1", sign)
    report = verify(data, pki)
    assert (report.integrity, report.verdict) == ("intact", "undetermined")
    assert reasons(only(report)) == {"algorithm.weak_digest"}
    assert verify(data.replace(b"[0 0 595 842]", b"[0 0 595 843]"), pki).integrity == "broken"


def test_bare_rsa_is_intact_and_weak(pki: DemoPki) -> None:
    """adbe.x509.rsa_sha1 is a PKCS #1 value in an OCTET STRING; the certificate stands in /Cert."""
    identity = pki.identities["leader"]
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    key = identity.key
    cert = b"/Cert <%b>" % certificate_der(identity.certificate).hex().encode()
    data = assemble(
        "adbe.x509.rsa_sha1",
        lambda covered: octet_string(key.sign(covered, padding.PKCS1v15(), hashes.SHA1())),
        entries=cert,
    )
    report = verify(data, pki)
    assert (report.integrity, report.verdict) == ("intact", "undetermined")
    assert "algorithm.weak_digest" in reasons(only(report))
    assert verify(data.replace(b"[0 0 595 842]", b"[0 0 595 843]"), pki).integrity == "broken"


@pytest.mark.parametrize(
    "shape",
    [{}, {"direct": True}, {"nested": True}, {"direct": True, "nested": True}, {"before": b"mail header\n"}],
)
def test_shapes_of_the_field_do_not_matter(pki: DemoPki, shape: dict[str, bool]) -> None:
    """Direct signature dictionaries, nested fields and junk before the header are valid."""
    report = verify(assemble("adbe.pkcs7.detached", lambda covered: _signed_data(pki, covered), **shape), pki)  # type: ignore[arg-type] # the shapes above
    assert report.verdict == "valid"
    assert only(report).field == ("outer.inner.S" if shape.get("nested") else "S")


def test_a_signer_named_by_key_identifier_is_found(pki: DemoPki) -> None:
    """SignerInfo version 3 names the certificate by its subject key identifier."""
    data = assemble("adbe.pkcs7.detached", lambda covered: _signed_data(pki, covered, key_id=True))
    assert verify(data, pki).verdict == "valid"


def test_a_signature_outside_the_form_is_never_valid(pki: DemoPki) -> None:
    """A widget on a page that no form lists is reported and leaves the letter undetermined."""
    data = assemble("adbe.pkcs7.detached", lambda covered: _signed_data(pki, covered), in_form=False)
    report = verify(data, pki)
    assert (report.integrity, report.verdict) == ("intact", "undetermined")
    assert reasons(only(report)) == {"signature.not_in_form"}


@pytest.mark.parametrize(
    ("contents", "integrity", "code"),
    [
        (lambda pki, covered: _signed_data(pki, covered, wrapped=b"another text"), "broken", "cms.content_inside"),
        (lambda pki, covered: b"\x30\x03\x02\x01\x05", "broken", "cms.malformed"),
        (lambda pki, covered: b"\xff" * 500, "broken", "cms.malformed"),
        (lambda pki, covered: b"\x30\x80" * 2000, "broken", "cms.malformed"),
    ],
)
def test_odd_contents_are_reasons_not_errors(
    pki: DemoPki, contents: Callable[[DemoPki, bytes], bytes], integrity: str, code: str
) -> None:
    """A malformed or two-faced CMS is broken with its reason."""
    report = verify(assemble("adbe.pkcs7.detached", lambda covered: contents(pki, covered)), pki)
    assert report.integrity == integrity
    assert code in reasons(only(report))


def test_an_unknown_sub_filter_is_unchecked(pki: DemoPki) -> None:
    """What this program does not know it does not judge."""
    report = verify(assemble("ACME.secret", lambda covered: b"\x01"), pki)
    assert (report.integrity, report.verdict) == ("unchecked", "undetermined")
    assert reasons(only(report)) == {"signature.sub_filter"}


def test_an_unknown_sub_filter_that_fits_or_differs(pki: DemoPki) -> None:
    """A CMS under an unknown name stays unchecked where it fits; bytes that do not fit it are broken all the same."""
    fits = verify(assemble("ACME.secret", lambda covered: _signed_data(pki, covered)), pki)
    assert (fits.integrity, fits.verdict) == ("unchecked", "undetermined")
    assert reasons(only(fits)) == {"signature.sub_filter"}
    differs = verify(assemble("ACME.secret", lambda covered: _signed_data(pki, covered + b"!")), pki)
    assert (differs.integrity, differs.verdict) == ("broken", "invalid")


def test_one_broken_signature_never_hides_another(letter_pdf: bytes, pki: DemoPki) -> None:
    """Two signatures, the first one's value damaged: both are reported, each for itself."""
    from tests.vectors.making import byte_range, sign, signer_of

    once = sign(letter_pdf, signer_of(pki))
    _, start, _, _ = byte_range(once)
    damaged = once[: start + 3] + (b"0" if once[start + 3 : start + 4] != b"0" else b"1") + once[start + 4 :]
    report = verify(sign(damaged, signer_of(pki, "seal"), "Seal"), pki)
    assert [s.integrity for s in report.signatures] == ["broken", "intact"]
    assert [s.verdict for s in report.signatures] == ["invalid", "valid"]
    assert report.verdict == "invalid"
