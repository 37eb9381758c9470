"""OCSP responses carried in the document: what they prove, and whose word counts (RFC 6960, 4.2.2.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import ISSUING_CA, DemoPki, Identity, Subject, issue, make_root
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.vectors.making import only, update

_GOOD, _REVOKED, _UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def _response(
    pki: DemoPki,
    status: ocsp.OCSPCertStatus,
    by: Identity,
    *,
    made: timedelta = timedelta(minutes=-1),
    about: str = "leader",
    reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise,
) -> bytes:
    now = datetime.now(UTC) + made
    revoked = status is _REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        pki.identities[about].certificate,
        pki.issuing.certificate,
        hashes.SHA256(),
        status,
        now,
        now + timedelta(hours=2),
        now - timedelta(hours=1) if revoked else None,
        reason if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, by.certificate)
    builder = builder.certificates([by.certificate])
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type] # RSA


def _status(signed: bytes, pki: DemoPki, response: bytes) -> tuple[str, str, str]:
    def edit(writer: IncrementalPdfFileWriter) -> None:
        stream = writer.add_object(generic.StreamObject(stream_data=response))
        store = generic.DictionaryObject({pdf_name("/OCSPs"): generic.ArrayObject([stream])})
        writer.root[pdf_name("/DSS")] = writer.add_object(store)
        writer.update_root()

    report = verify_document(update(signed, edit), VerificationSettings(trust=(pki.root_pem,)))
    certificate = only(report).certificate
    assert certificate is not None
    assert report.changes == "permitted"
    return report.verdict, certificate.status, certificate.checked_with


def test_good_revoked_suspended_and_unknown(signed: bytes, pki: DemoPki) -> None:
    """The issuer's own word decides: good is valid, revoked invalid, on hold and unknown undetermined."""
    ca = pki.issuing
    assert _status(signed, pki, _response(pki, _GOOD, ca)) == ("valid", "good", "embedded")
    assert _status(signed, pki, _response(pki, _REVOKED, ca)) == ("invalid", "revoked", "embedded")
    hold = _response(pki, _REVOKED, ca, reason=x509.ReasonFlags.certificate_hold)
    assert _status(signed, pki, hold) == ("undetermined", "suspended", "embedded")
    assert _status(signed, pki, _response(pki, _UNKNOWN, ca)) == ("undetermined", "unknown", "none")


@pytest.mark.parametrize("status", [_GOOD, _REVOKED])
def test_strangers_and_wrong_responders_are_not_heard(signed: bytes, pki: DemoPki, status: ocsp.OCSPCertStatus) -> None:
    """A stranger, another end entity of the same CA, and the root of the CA cannot answer for the CA, good or bad."""
    person = issue(pki.issuing, Subject("TEST Person", "TEST"))
    stranger = make_root(Subject("TEST Stranger", "TEST"))
    namesake = make_root(ISSUING_CA)
    for by in (person, stranger, namesake, pki.root, pki.identities["leader"]):
        assert _status(signed, pki, _response(pki, status, by)) == ("undetermined", "unknown", "none")


def test_a_delegated_responder_is_heard(signed: bytes, pki: DemoPki) -> None:
    """A responder certified for OCSP signing by the issuer answers for it; one certified by another CA does not."""
    purposes = [ExtendedKeyUsageOID.OCSP_SIGNING]
    delegate = issue(pki.issuing, Subject("TEST Responder", "TEST"), purposes=purposes)
    assert _status(signed, pki, _response(pki, _GOOD, delegate)) == ("valid", "good", "embedded")
    foreign = issue(pki.root, Subject("TEST Root Responder", "TEST"), purposes=purposes)
    assert _status(signed, pki, _response(pki, _GOOD, foreign)) == ("undetermined", "unknown", "none")


def test_old_answers_and_answers_about_others(signed: bytes, pki: DemoPki) -> None:
    """An expired "good" says nothing about now, an old "revoked" holds for ever, another's certificate is another's."""
    ca, old = pki.issuing, timedelta(days=-3)
    assert _status(signed, pki, _response(pki, _GOOD, ca, made=old)) == ("undetermined", "unknown", "none")
    assert _status(signed, pki, _response(pki, _REVOKED, ca, made=old)) == ("invalid", "revoked", "embedded")
    assert _status(signed, pki, _response(pki, _GOOD, ca, about="seal")) == ("undetermined", "unknown", "none")
