"""Proof of time: what a timestamp rescues and what it does not."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from kyso.demo.pki import LEADER, DemoPki, Identity, Revoked, Subject, certificate_der, issue, make_crl
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.vectors.making import (
    generic,
    only,
    pdf_name,
    reasons,
    sign,
    signer_for,
    signer_of,
    timestamp,
    update,
    verify,
)

NOW = datetime.now(UTC)
TSA = Subject("TEST TSA - Dấu thời gian THỬ NGHIỆM", "TEST")


def _stamper(identity: Identity, moment: datetime | None = None) -> DummyTimeStamper:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    for certificate in identity.chain:
        store.register_multiple(load_certs_from_pemder_data(certificate_der(certificate)))
    return DummyTimeStamper(
        next(iter(load_certs_from_pemder_data(certificate_der(identity.certificate)))),
        load_private_key_from_pemder_data(key, None),
        certs_to_embed=store,
        fixed_dt=moment,
    )


@pytest.fixture(scope="module")
def tsa(pki: DemoPki) -> Identity:
    """A timestamp authority under the demo's CA."""
    return issue(
        pki.issuing,
        TSA,
        purposes=[x509.oid.ExtendedKeyUsageOID.TIME_STAMPING],
        not_before=NOW - timedelta(days=300),
    )


def _sign(data: bytes, identity: Identity, stamper: DummyTimeStamper) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    metadata = signers.PdfSignatureMetadata(field_name="S", md_algorithm="sha256")
    return signers.PdfSigner(metadata, signer_for(identity), timestamper=stamper).sign_pdf(writer).getvalue()


def test_a_timestamp_proves_the_signing_time(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """The signing time is the timestamp's."""
    moment = (NOW - timedelta(days=1)).replace(microsecond=0)
    report = verify(_sign(letter_pdf, pki.identities["leader"], _stamper(tsa, moment)), pki)
    assert report.verdict == "valid"
    assert only(report).signing_time.source == "timestamp"
    assert only(report).signing_time.value == moment


def test_a_timestamp_rescues_an_expired_certificate(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """Expired since, valid at the proven time, listed by nobody then: valid."""
    identity = issue(pki.issuing, LEADER, not_before=NOW - timedelta(days=200), not_after=NOW + timedelta(days=20))
    data = _sign(letter_pdf, identity, _stamper(tsa, NOW - timedelta(days=100)))
    assert verify(data, pki).verdict == "valid"
    later = verify(data, pki, at=NOW + timedelta(days=30))
    assert later.verdict == "valid"
    assert later.signatures[0].certificate is not None
    assert later.signatures[0].certificate.status == "good"


def test_a_timestamp_before_the_revocation_rescues(
    letter_pdf: bytes, pki: DemoPki, tsa: Identity, tmp_path: Path
) -> None:
    """Revoked after the proven time is fine; revoked before it is invalid."""
    data = _sign(
        letter_pdf,
        issue(pki.issuing, LEADER, key=pki.identities["leader"].key, not_before=NOW - timedelta(days=200)),
        _stamper(tsa, NOW - timedelta(days=100)),
    )
    serial_of = verify(data, pki).signatures[0].certificate
    assert serial_of is not None
    for days, verdict in ((50, "valid"), (150, "invalid")):
        builder = x509.CertificateRevocationListBuilder().issuer_name(pki.issuing.certificate.subject)
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(int(serial_of.serial))
            .revocation_date(NOW - timedelta(days=days))
            .build()
        )
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding

        crl = (
            builder.last_update(NOW - timedelta(hours=1))
            .next_update(NOW + timedelta(days=1))
            .add_revoked_certificate(entry)
            .sign(pki.issuing.key, hashes.SHA256())
        )
        path = tmp_path / f"{days}.crl"
        path.write_bytes(crl.public_bytes(Encoding.DER))
        report = verify_document(data, VerificationSettings(trust=(pki.root_pem,), crls=(path,)))
        assert report.verdict == verdict
    assert "certificate.revoked_at_signing" in reasons(only(report))


def test_an_untrusted_timestamp_proves_nothing(letter_pdf: bytes, pki: DemoPki) -> None:
    """A timestamp of an authority that chains nowhere rescues no expired certificate."""
    from kyso.demo.pki import make_root

    stranger = issue(
        make_root(),
        TSA,
        purposes=[x509.oid.ExtendedKeyUsageOID.TIME_STAMPING],
        not_before=NOW - timedelta(days=300),
    )
    identity = issue(pki.issuing, LEADER, not_before=NOW - timedelta(days=200), not_after=NOW - timedelta(days=20))
    report = verify(_sign(letter_pdf, identity, _stamper(stranger, NOW - timedelta(days=100))), pki)
    assert report.verdict == "undetermined"
    assert only(report).signing_time.source != "timestamp"
    assert "certificate.expired" in reasons(only(report))


def test_a_timestamp_by_a_signers_certificate_is_not_counted(letter_pdf: bytes, pki: DemoPki) -> None:
    """A certificate without the critical time stamping purpose cannot stamp (RFC 3161, 2.3)."""
    data = _sign(letter_pdf, pki.identities["leader"], _stamper(pki.identities["seal"], NOW - timedelta(days=1)))
    report = verify(data, pki)
    assert only(report).signing_time.source != "timestamp"
    assert "timestamp.unusable" in {notice.code for notice in report.warnings}


def test_a_revoked_authority_proves_nothing(letter_pdf: bytes, pki: DemoPki, tsa: Identity, tmp_path: Path) -> None:
    """A timestamp whose authority is revoked today is no proof."""
    data = _sign(letter_pdf, pki.identities["leader"], _stamper(tsa, NOW - timedelta(days=1)))
    crl = tmp_path / "tsa.crl"
    crl.write_bytes(make_crl(pki.issuing, [Revoked(tsa.certificate, NOW - timedelta(hours=2))]))
    report = verify_document(data, VerificationSettings(trust=(pki.root_pem,), crls=(crl,)))
    assert only(report).signing_time.source != "timestamp"


def _document_timestamp(data: bytes, stamper: DummyTimeStamper) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    out: io.BytesIO = signers.PdfTimeStamper(stamper).timestamp_pdf(writer, "sha256")
    return out.getvalue()


def test_a_document_timestamp_alone_is_unsigned(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """It proves a time and nobody's consent."""
    report = verify(_document_timestamp(letter_pdf, _stamper(tsa)), pki)
    assert report.verdict == "unsigned"
    assert report.integrity == "intact"
    assert only(report).kind == "timestamp"
    assert "verification.only_timestamps" in {notice.code for notice in report.warnings}


def test_a_document_timestamp_proves_the_signatures_before_it(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """It is a permitted change of the earlier signature and its proof of existence."""
    moment = (NOW - timedelta(hours=3)).replace(microsecond=0)
    data = _document_timestamp(sign(letter_pdf, signer_of(pki)), _stamper(tsa, moment))
    report = verify(data, pki)
    assert report.verdict == "valid"
    assert [s.kind for s in report.signatures] == ["approval", "timestamp"]
    assert report.signatures[0].changes == "permitted"
    assert report.signatures[0].signing_time.source == "timestamp"
    assert report.signatures[0].level == "B-T"


def test_a_broken_document_timestamp_is_found(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """A timestamp over bytes that changed since is broken, and the signature under it stays intact."""
    signed = sign(letter_pdf, signer_of(pki))
    stamped = _document_timestamp(signed, _stamper(tsa))
    position = stamped.index(b"/ETSI.RFC3161")
    # Something signed by the timestamp alone: the digit of an object number in its own revision's table.
    table = stamped.index(b"startxref", position)
    forged = stamped[: table - 3] + b"  \n" + stamped[table:]
    report = verify(forged, pki)
    assert [s.integrity for s in report.signatures] == ["intact", "broken"]
    assert report.verdict == "invalid"


def test_archive_timestamps_raise_no_alarm(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """A letter at level LTA, extended once more and sealed afterwards, is valid with every step permitted."""
    from asn1crypto import crl
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko_certvalidator import ValidationContext

    context = ValidationContext(
        trust_roots=list(load_certs_from_pemder_data(pki.root_pem.read_bytes())),
        other_certs=list(load_certs_from_pemder_data(pki.issuing_pem.read_bytes())),
        crls=[crl.CertificateList.load(path.read_bytes()) for path in pki.crl_folder.glob("*.crl")],
        allow_fetching=False,
        revocation_mode="hard-fail",
    )
    metadata = signers.PdfSignatureMetadata(
        field_name="L",
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        validation_context=context,
        embed_validation_info=True,
        use_pades_lta=True,
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(letter_pdf))
    signed = signers.PdfSigner(metadata, signer_of(pki), timestamper=_stamper(tsa)).sign_pdf(writer)
    reader = PdfFileReader(signed)
    signers.PdfTimeStamper(_stamper(tsa)).update_archival_timestamp_chain(reader, context, in_place=True)
    report = verify(sign(signed.getvalue(), signer_of(pki, "seal"), "Seal"), pki)
    assert report.verdict == "valid"
    assert [s.kind for s in report.signatures] == ["approval", "timestamp", "timestamp", "approval"]
    assert report.signatures[0].level == "B-LTA"
    assert report.changes == "permitted"
    # With nothing but the root, the document's own security store answers for the certificates.
    alone = verify_document(signed.getvalue(), VerificationSettings(trust=(pki.root_pem,)))
    assert alone.verdict == "valid"
    assert alone.signatures[0].certificate is not None
    assert alone.signatures[0].certificate.checked_with == "embedded"


def test_a_timestamp_made_before_the_evidence_keeps_nothing(letter_pdf: bytes, pki: DemoPki, tsa: Identity) -> None:
    """B-LTA needs a document timestamp over the revocation data; one that came first leaves the letter at B-LT."""
    signed = _sign_pades(letter_pdf, pki.identities["leader"], _stamper(tsa))
    stamped = timestamp(signed, tsa, "First")

    def add_evidence(writer: IncrementalPdfFileWriter) -> None:
        lists = [
            writer.add_object(generic.StreamObject(stream_data=path.read_bytes())) for path in pki.crl_folder.iterdir()
        ]
        store = generic.DictionaryObject({pdf_name("/CRLs"): generic.ArrayObject(lists)})
        writer.root["/DSS"] = writer.add_object(store)
        writer.update_root()

    def level(data: bytes) -> str:
        settings = VerificationSettings(trust=(pki.root_pem, pki.issuing_pem))
        return verify_document(data, settings).signatures[0].level

    completed = update(stamped, add_evidence)
    assert level(signed) == "B-T"
    assert level(stamped) == "B-T"
    assert level(completed) == "B-LT"
    assert level(timestamp(completed, tsa, "Second")) == "B-LTA"


def _sign_pades(data: bytes, identity: Identity, stamper: DummyTimeStamper) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    metadata = signers.PdfSignatureMetadata(
        field_name="S", md_algorithm="sha256", subfilter=fields.SigSeedSubFilter.PADES
    )
    return signers.PdfSigner(metadata, signer_for(identity), timestamper=stamper).sign_pdf(writer).getvalue()
