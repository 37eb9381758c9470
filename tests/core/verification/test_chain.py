"""Trust files and paths."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from kyso.cms.certificate import read_certificate
from kyso.demo.pki import (
    ISSUING_CA,
    LEADER,
    DemoPki,
    Identity,
    Subject,
    certificate_der,
    certificate_pem,
    issue,
    make_crl,
    make_root,
)
from kyso.errors import WrongUse
from kyso.verification.chain import PathBuilder
from kyso.verification.settings import VerificationSettings, settings_from
from kyso.verification.trust import load_trust
from kyso.verification.verify import verify_document
from tests.vectors.making import only, reasons, sign, signer_for, verify

NOW = datetime.now(UTC)


@pytest.mark.parametrize("form", ["pem", "several", "der", "p7b-der", "p7b-pem"])
def test_every_form_of_certificate_file_is_read(pki: DemoPki, tmp_path: Path, form: str) -> None:
    """PEM with several entries, DER and PKCS #7 bundles give the same anchor."""
    both = [pki.root.certificate, pki.issuing.certificate]
    data = {
        "pem": certificate_pem(pki.root.certificate),
        "several": b"Some words\n" + certificate_pem(*both),
        "der": certificate_der(pki.root.certificate),
        "p7b-der": pkcs7.serialize_certificates(both, Encoding.DER),
        "p7b-pem": pkcs7.serialize_certificates(both, Encoding.PEM),
    }[form]
    path = tmp_path / "trust"
    path.mkdir()
    (path / "roots").write_bytes(data)
    (path / "notes.txt").write_text("not a certificate", encoding="utf-8")
    (path / "leader.p12").write_bytes(pki.pfx("leader").read_bytes())
    store = load_trust((path,), ())
    assert [anchor.raw for anchor in store.anchors] == [certificate_der(pki.root.certificate)]
    assert len(store.others) == (0 if form in ("pem", "der") else 1)


def test_a_named_file_without_use_is_reported(pki: DemoPki, tmp_path: Path) -> None:
    """A file given by name that holds nothing readable is a warning, not a silence."""
    path = tmp_path / "empty.pem"
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    report = verify_document(b"%PDF-1.4", VerificationSettings(trust=(path,)))
    assert report.verdict == "unreadable"
    store = load_trust((path,), ())
    assert [problem.code for problem in store.problems] == ["verification.trust_file_unusable"]


def test_places_that_hold_nothing_usable_are_told(pki: DemoPki, tmp_path: Path) -> None:
    """An empty folder, and a certificate where a revocation list is meant, are warnings and not silence."""
    (tmp_path / "empty").mkdir()
    store = load_trust((tmp_path / "empty",), (tmp_path / "empty", pki.root_pem))
    assert [problem.code for problem in store.problems] == [
        "verification.trust_folder_unusable",
        "verification.crl_folder_unusable",
        "verification.crl_file_unusable",
    ]
    assert load_trust((pki.root_pem,), (pki.crl_folder,)).problems == ()


def test_a_changed_trust_file_is_read_again(pki: DemoPki, tmp_path: Path) -> None:
    """What is remembered of a file holds only while the file stays as it is."""
    path = tmp_path / "root.pem"
    path.write_bytes(b"")
    assert load_trust((path,), ()).anchors == ()
    path.write_bytes(certificate_pem(pki.root.certificate))
    assert len(load_trust((path,), ()).anchors) == 1


def test_wrong_settings_are_wrong_use(tmp_path: Path) -> None:
    """A path that is not there, a time without zone and an unknown mode are the caller's mistakes."""
    from kyso.config import Config

    for wrong, code in (
        ({"trust": [tmp_path / "none"]}, "verification.path_missing"),
        ({"at": datetime(2026, 1, 1)}, "verification.time_without_zone"),
        ({"revocation": "perhaps"}, "verification.revocation_mode"),
    ):
        with pytest.raises(WrongUse) as caught:
            settings_from(Config(), **wrong)  # type: ignore[arg-type] # wrong on purpose
        assert caught.value.code == code


def test_two_disjoint_authorities_work_side_by_side(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A second root is trusted beside the first; each letter finds its own."""
    root = make_root()
    signer = issue(root, LEADER)
    (tmp_path / "second.pem").write_bytes(certificate_pem(root.certificate))
    (tmp_path / "second.crl").write_bytes(make_crl(root))
    settings = VerificationSettings(trust=(pki.root_pem, tmp_path), crls=(tmp_path / "second.crl",))
    assert verify_document(sign(letter_pdf, signer_for(signer)), settings).verdict == "valid"


def test_cross_signed_look_alikes_do_not_explode(pki: DemoPki) -> None:
    """Forty CAs that certify each other under one name cost a bounded number of tries."""
    subjects = [make_root(ISSUING_CA, kind="p-256") for _ in range(12)]
    crossed = [
        read_certificate(certificate_der(issue(one, ISSUING_CA, key=other.key, authority=True).certificate))
        for one in subjects
        for other in subjects
        if one is not other
    ]
    leaf = read_certificate(certificate_der(issue(subjects[0], LEADER, kind="p-256").certificate))
    chain = PathBuilder([read_certificate(certificate_der(pki.root.certificate))], crossed).build(leaf)
    assert not chain.complete


def _constrained(pki: DemoPki, *extensions: tuple[x509.ExtensionType, bool]) -> Identity:
    """Return a CA under the demo's root with further extensions."""
    plain = issue(pki.root, ISSUING_CA, authority=True)
    old = plain.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=100))
        .not_valid_after(NOW + timedelta(days=1000))
    )
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return Identity(builder.sign(pki.root.key, hashes.SHA256()), plain.key, plain.chain)


def test_name_constraints_are_obeyed(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A CA that may only name another country's people cannot make this signer valid; one that may can."""
    for country, verdict in (("VN", "valid"), ("FR", "invalid")):
        name = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.COUNTRY_NAME, country)]))
        authority = _constrained(pki, (x509.NameConstraints([name], None), True))
        crl = tmp_path / f"{country}.crl"
        crl.write_bytes(make_crl(authority))
        settings = VerificationSettings(trust=(pki.root_pem,), crls=(crl,))
        report = verify_document(sign(letter_pdf, signer_for(issue(authority, LEADER))), settings)
        assert report.verdict == verdict
    assert "chain.constraint" in reasons(only(report))


def test_an_unknown_critical_extension_is_refused(letter_pdf: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """What a CA declares critical and nobody here understands makes the path wrong (RFC 5280, 4.2)."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
    authority = _constrained(pki, (unknown, True))
    crl = tmp_path / "ca.crl"
    crl.write_bytes(make_crl(authority))
    settings = VerificationSettings(trust=(pki.root_pem,), crls=(crl,))
    report = verify_document(sign(letter_pdf, signer_for(issue(authority, LEADER))), settings)
    assert report.verdict == "invalid"
    assert "chain.constraint" in reasons(only(report))


def test_a_path_longer_than_allowed_is_wrong(letter_pdf: bytes, pki: DemoPki) -> None:
    """The issuing CA may not make CAs of its own (path length 0)."""
    below = issue(pki.issuing, Subject("TEST CA below"), authority=True)
    report = verify(sign(letter_pdf, signer_for(issue(below, LEADER))), pki)
    assert report.verdict == "invalid"
    assert "chain.path_too_long" in reasons(only(report))
