"""Signature files beside the letter."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from kyso.cms.read import read_signed_data
from kyso.demo.pki import DemoPki
from kyso.verification.report import VerificationReport
from kyso.verification.verify import verify_document
from tests.vectors.making import only, reasons, sign, signer_of, terms

_DETACHED = (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary)


def _cms(content: bytes, pki: DemoPki, *who: str, options: tuple[pkcs7.PKCS7Options, ...] = _DETACHED) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    for name in who or ("leader",):
        identity = pki.identities[name]
        builder = builder.add_signer(identity.certificate, identity.key, hashes.SHA256())
    return builder.add_certificate(pki.issuing.certificate).sign(Encoding.DER, list(options))


def _beside(folder: Path, name: str, content: bytes, signature: bytes) -> Path:
    (folder / name).write_bytes(content)
    path = folder / f"{name}.p7s"
    path.write_bytes(signature)
    return path


def _verify(path: Path, pki: DemoPki) -> VerificationReport:
    return verify_document(path, terms(pki))


def test_a_letter_is_verified_through_the_signature_beside_it(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """The report is about the letter; the signature bears the name of its file and covers the whole letter."""
    report = _verify(_beside(tmp_path, "letter.pdf", letter_pdf, _cms(letter_pdf, pki)), pki)
    assert report.verdict == "valid"
    assert (report.file.name, report.file.pages, report.file.size) == ("letter.pdf", 2, len(letter_pdf))
    signature = only(report)
    assert (signature.field, signature.coverage, signature.level) == ("letter.pdf.p7s", "file", "CMS")
    assert signature.signing_time.source == "signed_attribute"


@pytest.mark.parametrize("name", ["letter.pdf", "table.xlsx", "notes"])
def test_a_changed_file_is_invalid(name: str, pki: DemoPki, tmp_path: Path) -> None:
    """A file of any kind is judged by its bytes: one more byte and the signature is broken."""
    content = b"PK\x03\x04 some other kind of file"
    path = _beside(tmp_path, name, content, _cms(content, pki))
    assert _verify(path, pki).verdict == "valid"
    (tmp_path / name).write_bytes(content + b"\n")
    report = _verify(path, pki)
    assert (report.verdict, report.integrity) == ("invalid", "broken")
    assert reasons(only(report)) >= {"cms.digest_differs"}


def test_a_signature_file_named_after_the_letter_without_its_ending(pki: DemoPki, tmp_path: Path) -> None:
    """``letter.p7s`` signs ``letter.pdf``; the file may be PEM."""
    content = b"%PDF-1.4 not really"
    (tmp_path / "letter.pdf").write_bytes(content)
    pem = b"-----BEGIN PKCS7-----\n" + base64.encodebytes(_cms(content, pki)) + b"-----END PKCS7-----\n"
    (tmp_path / "letter.p7s").write_bytes(pem)
    report = _verify(tmp_path / "letter.p7s", pki)
    assert report.integrity == "intact"
    assert {notice.code for notice in report.warnings} >= {"verification.damaged"}


def test_each_signer_has_a_report_and_one_broken_hides_no_other(pki: DemoPki, tmp_path: Path) -> None:
    """Two signers of one file are two signatures; where one value is spoilt, the other stays intact."""
    signature = _cms(b"content", pki, "leader", "seal")
    path = _beside(tmp_path, "file.bin", b"content", signature)
    report = _verify(path, pki)
    assert [item.field for item in report.signatures] == ["file.bin.p7s (1)", "file.bin.p7s (2)"]
    assert report.verdict == "valid"
    value = read_signed_data(signature).signers[1].signature
    path.write_bytes(signature.replace(value, value[:-1] + bytes([value[-1] ^ 1])))
    report = _verify(path, pki)
    assert [item.integrity for item in report.signatures] == ["intact", "broken"]
    assert report.verdict == "invalid"


def test_signatures_inside_and_beside_the_letter_are_judged_together(
    signed: bytes, pki: DemoPki, tmp_path: Path
) -> None:
    """A signed PDF with a signature file beside it has two signatures; changing the PDF breaks both."""
    path = _beside(tmp_path, "letter.pdf", signed, _cms(signed, pki, "seal"))
    report = _verify(path, pki)
    assert {item.field for item in report.signatures} == {"Leader", "letter.pdf.p7s"}
    assert (report.verdict, report.changes) == ("valid", "none")
    (tmp_path / "letter.pdf").write_bytes(sign(signed, signer_of(pki, "accountant"), "Accountant"))
    report = _verify(path, pki)
    assert {item.field: item.integrity for item in report.signatures} == {
        "Leader": "intact",
        "Accountant": "intact",
        "letter.pdf.p7s": "broken",
    }


def test_content_that_could_be_signed_attributes_is_refused(pki: DemoPki, tmp_path: Path) -> None:
    """Without signed attributes, a "file" that is itself a set of attributes was signed as something else."""
    attributes = read_signed_data(_cms(b"what was really signed", pki)).signers[0].signed_attributes_raw
    assert attributes is not None
    as_content = b"\x31" + attributes[1:]
    bare = _cms(as_content, pki, options=(*_DETACHED, pkcs7.PKCS7Options.NoAttributes))
    report = _verify(_beside(tmp_path, "file.bin", as_content, bare), pki)
    assert report.integrity == "broken"
    plain = _cms(b"plain content", pki, options=(*_DETACHED, pkcs7.PKCS7Options.NoAttributes))
    assert _verify(_beside(tmp_path, "plain.txt", b"plain content", plain), pki).verdict == "valid"


def test_what_is_no_detached_signature_is_unreadable(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """No file beside it, an empty one, no CMS, or content inside: exit 4 with the reason."""
    signature = _cms(letter_pdf, pki)
    inside = _cms(letter_pdf, pki, options=(pkcs7.PKCS7Options.Binary,))
    lonely = tmp_path / "lonely.pdf.p7s"
    lonely.write_bytes(signature)
    cases = {
        lonely: "verification.detached_content",
        _beside(tmp_path, "empty.pdf", b"", signature): "verification.detached_content",
        _beside(tmp_path, "a.pdf", letter_pdf, b"\x30\x03\x02\x01\x00"): "verification.detached_unreadable",
        _beside(tmp_path, "b.pdf", letter_pdf, inside): "verification.detached_content_inside",
        tmp_path / "missing.pdf.p7s": "verification.cannot_open",
    }
    for path, code in cases.items():
        report = _verify(path, pki)
        assert (report.verdict, report.exit_code) == ("unreadable", 4)
        assert [notice.code for notice in report.warnings] == [code]


def test_an_unsigned_letter_points_to_the_signature_beside_it(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """Verifying the letter itself says that a signature file lies beside it, whatever kind of file it is."""
    _beside(tmp_path, "letter.pdf", letter_pdf, _cms(letter_pdf, pki))
    report = _verify(tmp_path / "letter.pdf", pki)
    assert report.verdict == "unsigned"
    assert [notice.code for notice in report.warnings] == ["verification.detached_beside"]
    _beside(tmp_path, "table.xlsx", b"PK\x03\x04", _cms(b"PK\x03\x04", pki))
    codes = [notice.code for notice in _verify(tmp_path / "table.xlsx", pki).warnings]
    assert codes == ["verification.not_pdf_office", "verification.detached_beside"]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"PK\x03\x04word/document.xml", "verification.not_pdf_office"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "verification.not_pdf_xml"),
        (b"\x30\x82\x01\x00", "verification.not_pdf_cms"),
        (b"\x89PNG\r\n\x1a\n", "verification.not_pdf_picture"),
        (b"plain text", "verification.not_pdf"),
        (b"", "verification.not_pdf"),
    ],
)
def test_other_kinds_of_file_are_named(head: bytes, code: str, pki: DemoPki) -> None:
    """A file that is no PDF is unreadable, and what it is instead is said."""
    report = verify_document(head, terms(pki))
    assert (report.exit_code, [notice.code for notice in report.warnings]) == (4, [code])
