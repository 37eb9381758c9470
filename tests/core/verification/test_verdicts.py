"""The headline: what makes a letter valid, invalid, undetermined, unsigned, unreadable."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509

from kyso.demo.pki import LEADER, DemoPki, Identity, Revoked, certificate_pem, issue, make_crl, make_root
from kyso.secret import Secret
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.vectors.making import PKCS7, byte_range, only, reasons, sign, signer_for, signer_of, verify

NOW = datetime.now(UTC)


def _settings(folder: Path, crls: list[bytes], root: Identity) -> VerificationSettings:
    paths = []
    for number, crl in enumerate(crls):
        path = folder / f"{number}.crl"
        path.write_bytes(crl)
        paths.append(path)
    anchor = folder / "root.pem"
    anchor.write_bytes(certificate_pem(root.certificate))
    return VerificationSettings(trust=(anchor,), crls=tuple(paths))


def test_a_sound_letter_is_valid(signed: bytes, pki: DemoPki) -> None:
    """Trusted root, current revocation lists, untouched bytes: valid, with everything a reader wants to know."""
    report = verify(signed, pki)
    signature = only(report)
    assert (report.verdict, report.integrity, report.changes) == ("valid", "intact", "none")
    assert report.exit_code == 0
    assert report.file.pages == 2
    assert report.warnings == ()
    assert signature.reasons == ()
    assert signature.field == "Leader"
    assert signature.coverage == "file"
    assert signature.level == "B-B"
    assert signature.signer.name == LEADER.common_name
    assert signature.signer.organisation == LEADER.organisation
    assert signature.signer.id == LEADER.user_id
    assert signature.certificate is not None
    assert (signature.certificate.status, signature.certificate.checked_with) == ("good", "crl")
    assert signature.chain.complete
    assert len(signature.chain.names) == 3
    assert (signature.algorithms.digest, signature.algorithms.signature) == ("sha256", "RSA")
    assert signature.algorithms.key_bits == 2048
    assert (signature.indication, signature.sub_indication) == ("TOTAL-PASSED", None)
    assert signature.signing_time.source == "claimed"
    assert signature.page == 1
    assert signature.rect_mm is not None
    assert signature.rect_mm.left == pytest.approx(60 / 72 * 25.4, abs=0.01)


def test_a_path_and_bytes_give_the_same_report(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """Files are read in pieces, bytes at once; the verdict is the same."""
    path = tmp_path / "công văn.pdf"
    path.write_bytes(signed)
    from_path, from_bytes = verify(path, pki, at=NOW), verify(signed, pki, at=NOW)
    assert from_path.file.name == "công văn.pdf"
    assert from_path.signatures == from_bytes.signatures
    assert from_path.file.sha256 == from_bytes.file.sha256


def test_a_changed_byte_is_broken(signed: bytes, pki: DemoPki) -> None:
    """One byte of the signed part changed: broken, invalid, and the reason is the digest."""
    position = signed.index(b"/MediaBox") + 1
    report = verify(signed[:position] + b"X" + signed[position + 1 :], pki)
    assert report.integrity == "broken"
    assert report.verdict == "invalid"
    assert reasons(only(report)) >= {"cms.digest_differs"}
    assert only(report).sub_indication == "HASH_FAILURE"


def test_a_changed_signature_value_is_broken(signed: bytes, pki: DemoPki) -> None:
    """A byte of the value itself changed: broken."""
    _, start, end, _ = byte_range(signed)
    value_end = start + len(signed[start:end].rstrip(b">").rstrip(b"0"))
    flipped = b"1" if signed[value_end - 40 : value_end - 39] != b"1" else b"2"
    report = verify(signed[: value_end - 40] + flipped + signed[value_end - 39 :], pki)
    assert report.integrity == "broken"
    assert report.verdict == "invalid"


def test_without_trust_the_signature_is_intact_and_undetermined(signed: bytes) -> None:
    """An unknown CA leaves "intact, signer not trusted"."""
    report = verify_document(signed, VerificationSettings())
    assert (report.verdict, report.integrity) == ("undetermined", "intact")
    assert "chain.issuer_missing" in reasons(only(report)) or "chain.root_not_trusted" in reasons(only(report))
    assert only(report).sub_indication == "NO_CERTIFICATE_CHAIN_FOUND"


def test_an_intermediate_in_the_trust_folder_is_no_anchor(signed: bytes, pki: DemoPki) -> None:
    """Only self-signed CAs are trusted; an intermediate merely helps."""
    report = verify_document(signed, VerificationSettings(trust=(pki.issuing_pem,), crls=(pki.crl_folder,)))
    assert report.verdict == "undetermined"
    assert not only(report).chain.complete


def test_unknown_revocation_is_undetermined_with_a_warning(signed: bytes, pki: DemoPki) -> None:
    """Not known is not good."""
    report = verify_document(signed, VerificationSettings(trust=(pki.root_pem,)))
    assert report.verdict == "undetermined"
    assert reasons(only(report)) == {"certificate.revocation_unknown"}
    assert "verification.revocation_not_checked" in {notice.code for notice in report.warnings}
    certificate = only(report).certificate
    assert certificate is not None
    assert (certificate.status, certificate.checked_with) == ("unknown", "none")


def test_the_issuing_list_alone_is_enough_unless_more_is_required(signed: bytes, pki: DemoPki) -> None:
    """The CA's own status is a remark by default and a condition with `require`."""
    crl = pki.crl_folder / "issuing-ca.crl"
    report = verify_document(signed, VerificationSettings(trust=(pki.root_pem,), crls=(crl,)))
    assert report.verdict == "valid"
    assert {notice.code for notice in report.warnings} == {"chain.ca_revocation_unknown"}
    strict = VerificationSettings(trust=(pki.root_pem,), crls=(crl,), revocation="require")
    assert verify_document(signed, strict).verdict == "undetermined"


@pytest.mark.parametrize(
    ("reason", "verdict", "status", "code"),
    [
        (x509.ReasonFlags.key_compromise, "invalid", "revoked", "certificate.revoked"),
        (x509.ReasonFlags.certificate_hold, "undetermined", "suspended", "certificate.suspended"),
    ],
)
def test_revoked_is_invalid_and_suspended_is_undetermined(
    signed: bytes, pki: DemoPki, tmp_path: Path, reason: x509.ReasonFlags, verdict: str, status: str, code: str
) -> None:
    """A claimed time rescues nothing: the letter's /M lies before or after, it makes no difference."""
    entry = Revoked(pki.identities["leader"].certificate, NOW - timedelta(minutes=5), reason)
    settings = _settings(tmp_path, [make_crl(pki.issuing, [entry])], pki.root)
    report = verify_document(signed, settings)
    certificate = only(report).certificate
    assert certificate is not None
    assert (report.verdict, certificate.status) == (verdict, status)
    assert code in reasons(only(report))


def test_a_restored_certificate_is_good_again(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """The newest list decides about a suspension."""
    held = Revoked(pki.identities["leader"].certificate, NOW - timedelta(days=3), x509.ReasonFlags.certificate_hold)
    older = make_crl(pki.issuing, [held], this_update=NOW - timedelta(days=2), next_update=NOW + timedelta(days=2))
    newer = make_crl(pki.issuing, this_update=NOW - timedelta(days=1), number=2)
    report = verify_document(signed, _settings(tmp_path, [older, newer], pki.root))
    assert report.verdict == "valid"


def test_an_old_list_says_nothing_good_but_revoked_for_ever(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A stale list without the certificate leaves its status unknown; one that names it still counts."""
    stale = {"this_update": NOW - timedelta(days=9), "next_update": NOW - timedelta(days=2)}
    empty = verify_document(signed, _settings(tmp_path, [make_crl(pki.issuing, **stale)], pki.root))
    assert empty.verdict == "undetermined"
    assert "certificate.revocation_stale" in reasons(only(empty))
    entry = Revoked(pki.identities["leader"].certificate, NOW - timedelta(days=9, hours=1))
    named = make_crl(pki.issuing, [entry], **stale)
    assert verify_document(signed, _settings(tmp_path, [named], pki.root)).verdict == "invalid"


def test_a_list_signed_by_another_ca_is_no_evidence(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A list with the issuer's name and a stranger's key is ignored."""
    impostor = Identity(pki.issuing.certificate, make_root().key)
    report = verify_document(signed, _settings(tmp_path, [make_crl(impostor)], pki.root))
    assert reasons(only(report)) == {"certificate.revocation_unknown"}


@pytest.mark.parametrize(
    ("start", "end", "status", "code"),
    [
        (-400, -30, "expired", "certificate.expired"),
        (30, 400, "not_yet_valid", "certificate.not_yet_valid"),
    ],
)
def test_outside_its_validity_without_proof_is_undetermined(
    letter_pdf: bytes, pki: DemoPki, tmp_path: Path, start: int, end: int, status: str, code: str
) -> None:
    """Expired now without proof of the signing time is undetermined, and the status says which."""
    identity = issue(pki.issuing, LEADER, not_before=NOW + timedelta(days=start), not_after=NOW + timedelta(days=end))
    report = verify(sign(letter_pdf, signer_for(identity)), pki)
    certificate = only(report).certificate
    assert certificate is not None
    assert (report.verdict, certificate.status) == ("undetermined", status)
    assert code in reasons(only(report))
    assert report.integrity == "intact"


def test_at_replaces_the_present(signed: bytes, pki: DemoPki) -> None:
    """A letter judged in ten years is signed with an expired certificate."""
    report = verify(signed, pki, at=NOW + timedelta(days=3650))
    assert report.validation_time_given
    assert report.verdict == "undetermined"
    assert "certificate.expired" in reasons(only(report))


def test_a_certificate_not_for_signing_is_invalid(letter_pdf: bytes, pki: DemoPki) -> None:
    """A TLS server's certificate is not for documents; a CA's own key usage forbids signing them."""
    server = issue(pki.issuing, LEADER, purposes=[x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
    assert "certificate.purpose" in reasons(only(verify(sign(letter_pdf, signer_for(server)), pki)))
    report = verify(sign(letter_pdf, signer_for(pki.issuing)), pki)
    assert report.verdict == "invalid"
    assert "certificate.key_usage" in reasons(only(report))


def test_a_certificate_issued_by_a_person_is_a_wrong_chain(letter_pdf: bytes, pki: DemoPki) -> None:
    """Whoever has a signer's key cannot make certificates with it."""
    forged = issue(pki.identities["leader"], LEADER)
    report = verify(sign(letter_pdf, signer_for(forged)), pki)
    assert report.verdict == "invalid"
    assert "chain.not_a_ca" in reasons(only(report))


def test_a_certificate_that_only_claims_a_trusted_issuer_is_wrong(letter_pdf: bytes, pki: DemoPki) -> None:
    """Name and key identifier of a trusted CA without its signature are a forgery."""
    stranger = make_root()
    forged = issue(Identity(pki.root.certificate, stranger.key), LEADER)
    report = verify(sign(letter_pdf, signer_for(forged)), pki)
    assert report.verdict != "valid"
    assert not only(report).chain.complete


@pytest.mark.parametrize("kind", ["p-256", "p-384", "rsa-3072"])
def test_other_keys_are_valid_too(letter_pdf: bytes, pki: DemoPki, kind: str) -> None:
    """ECDSA and longer RSA keys."""
    identity = issue(pki.issuing, LEADER, kind=kind)  # type: ignore[arg-type] # the three literals above
    assert verify(sign(letter_pdf, signer_for(identity)), pki).verdict == "valid"


def test_pss_is_valid_too(letter_pdf: bytes, pki: DemoPki) -> None:
    """RSASSA-PSS with its parameters."""
    report = verify(sign(letter_pdf, signer_for(pki.identities["leader"], prefer_pss=True)), pki)
    assert report.verdict == "valid"
    assert only(report).algorithms.signature == "RSA-PSS"


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_other_digests_are_valid_too(letter_pdf: bytes, pki: DemoPki, digest: str) -> None:
    """What TT 15/2025, Annex I names."""
    report = verify(sign(letter_pdf, signer_of(pki), md_algorithm=digest), pki)
    assert report.verdict == "valid"
    assert only(report).algorithms.digest == digest


def test_a_weak_digest_is_intact_and_undetermined(letter_pdf: bytes, pki: DemoPki) -> None:
    """SHA-1 touches the verdict, never the integrity."""
    report = verify(sign(letter_pdf, signer_of(pki), md_algorithm="sha1"), pki)
    assert (report.verdict, report.integrity) == ("undetermined", "intact")
    assert "algorithm.weak_digest" in reasons(only(report))


def test_genuine_vietnamese_signatures_are_not_rejected(letter_pdf: bytes, pki: DemoPki) -> None:
    """adbe.pkcs7.detached without ESS attributes is fine; the time is the claimed one and the level is CMS."""
    report = verify(sign(letter_pdf, signer_of(pki), subfilter=PKCS7), pki)
    assert report.verdict == "valid"
    assert only(report).level == "CMS"


def test_an_encrypted_letter_opens_with_its_password(letter_pdf: bytes, pki: DemoPki) -> None:
    """A wrong or missing password is unreadable, the right one verifies."""
    with pikepdf.open(io.BytesIO(letter_pdf)) as pdf:
        out = io.BytesIO()
        pdf.save(out, encryption=pikepdf.Encryption(user="mở", owner="chủ", R=6))
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers

    writer = IncrementalPdfFileWriter(io.BytesIO(out.getvalue()))
    writer.encrypt("mở")
    metadata = signers.PdfSignatureMetadata(field_name="S", md_algorithm="sha256")
    data = signers.PdfSigner(
        metadata, signer_of(pki), new_field_spec=fields.SigFieldSpec("S", box=(60, 80, 220, 140))
    ).sign_pdf(writer)
    encrypted = data.getvalue()
    missing, wrong = verify(encrypted, pki), verify(encrypted, pki, password=Secret("sai"))
    assert missing.verdict == wrong.verdict == "unreadable"
    assert {missing.warnings[0].code, wrong.warnings[0].code} == {
        "verification.password_missing",
        "verification.password_wrong",
    }
    assert verify(encrypted, pki, password=Secret("mở")).verdict == "valid"


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n", b"%PDF-1.7\n" + b"\x00" * 4000])
def test_what_is_no_pdf_is_unreadable(data: bytes, pki: DemoPki) -> None:
    """A bad file is a verdict with its reason, never an exception."""
    report = verify(data, pki)
    assert report.verdict == "unreadable"
    assert report.exit_code == 4
    assert report.warnings


def test_a_missing_file_is_unreadable(pki: DemoPki, tmp_path: Path) -> None:
    """So is a file that is not there."""
    assert verify(tmp_path / "none.pdf", pki).verdict == "unreadable"


def test_an_unsigned_letter_is_unsigned(letter_pdf: bytes, pki: DemoPki) -> None:
    """No signature: unsigned, exit code 3."""
    report = verify(letter_pdf, pki)
    assert (report.verdict, report.integrity, report.changes) == ("unsigned", "unsigned", "none")
    assert report.exit_code == 3
