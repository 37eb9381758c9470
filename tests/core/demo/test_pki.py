"""The throwaway PKI, judged by OpenSSL's own path validation and by the fields a verifier reads."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kyso.demo.pki import (
    DEMO_PASSWORD,
    DemoPki,
    KeyKind,
    Revoked,
    Subject,
    certificate_pem,
    issue,
    list_revoked,
    make_crl,
    make_root,
    new_key,
    pfx_bytes,
    write_pki,
)
from tests.support.judges import need_tool


def test_every_signer_chains_to_the_root(pki: DemoPki, tmp_path: Path) -> None:
    """OpenSSL finds a path from each signer to the root, with both revocation lists checked."""
    crls = tmp_path / "crls.pem"
    crls.write_bytes(
        b"".join(
            x509.load_der_x509_crl(path.read_bytes()).public_bytes(Encoding.PEM)
            for path in sorted(pki.crl_folder.iterdir())
        )
    )
    for name, identity in pki.identities.items():
        leaf = tmp_path / f"{name}.pem"
        leaf.write_bytes(certificate_pem(identity.certificate))
        command = [need_tool("openssl"), "verify", "-crl_check_all", "-CRLfile", str(crls), "-x509_strict"]
        command += ["-CAfile", str(pki.root_pem), "-untrusted", str(pki.issuing_pem), str(leaf)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_every_name_says_test(pki: DemoPki) -> None:
    """No certificate of the demo could be taken for a real one."""
    for identity in (pki.root, pki.issuing, *pki.identities.values()):
        [name] = identity.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert "TEST" in str(name.value) or "THỬ NGHIỆM" in str(name.value)
    assert "THỬ NGHIỆM" in (pki.folder / "THU-NGHIEM.txt").read_text(encoding="utf-8")


def test_signers_may_sign_and_authorities_may_not(pki: DemoPki) -> None:
    """Signers have digitalSignature and nonRepudiation; CAs sign certificates and CRLs only."""
    usage = pki.identities["leader"].certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert not usage.key_cert_sign
    usage = pki.issuing.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature


@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-3072", "p-256", "p-384"])
@pytest.mark.parametrize("legacy", [False, True])
def test_pfx_opens_again(pki: DemoPki, kind: KeyKind, legacy: bool) -> None:
    """A PFX of either generation gives back the key, the certificate and the whole chain."""
    identity = issue(pki.issuing, Subject("TEST"), kind=kind)
    stored = pkcs12.load_pkcs12(pfx_bytes(identity, legacy=legacy), DEMO_PASSWORD.encode())
    assert stored.key is not None
    assert stored.key.private_numbers() == identity.key.private_numbers()
    assert stored.cert is not None
    assert stored.cert.certificate == identity.certificate
    assert [entry.certificate for entry in stored.additional_certs] == list(identity.chain)


def test_legacy_pfx_is_really_the_old_kind(pki: DemoPki) -> None:
    """The legacy file is protected by 3DES with SHA-1, the ordinary one by PBES2."""
    triple_des, pbes2 = bytes.fromhex("060a2a864886f70d010c0103"), bytes.fromhex("06092a864886f70d01050d")
    identity = pki.identities["leader"]
    assert triple_des in pfx_bytes(identity, legacy=True)
    assert pbes2 not in pfx_bytes(identity, legacy=True)
    assert pbes2 in pfx_bytes(identity)


def test_validity_and_purposes_can_be_chosen() -> None:
    """Tests get expired, not yet valid and time stamping certificates from the same function."""
    root, now = make_root(kind="p-256"), datetime.now(UTC)
    expired = issue(root, Subject("TEST"), kind="p-256", not_after=now - timedelta(days=1))
    assert expired.certificate.not_valid_after_utc < now
    future = issue(root, Subject("TEST"), kind="p-256", not_before=now + timedelta(days=1))
    assert future.certificate.not_valid_before_utc > now
    clock = issue(root, Subject("TEST"), kind="p-256", purposes=(ExtendedKeyUsageOID.TIME_STAMPING,))
    assert clock.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).critical
    key = new_key("p-256")
    assert issue(root, Subject("TEST"), key=key).key is key


def test_crl_names_what_was_revoked(pki: DemoPki, tmp_path: Path) -> None:
    """A list names revoked and suspended certificates with time and reason, signed by the issuing CA."""
    leader, seal = pki.identities["leader"].certificate, pki.identities["seal"].certificate
    at = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    revoked = [Revoked(leader, at), Revoked(seal, at, x509.ReasonFlags.certificate_hold)]
    crl = x509.load_der_x509_crl(make_crl(pki.issuing, revoked))
    assert crl.is_signature_valid(pki.issuing.key.public_key())
    entry = crl.get_revoked_certificate_by_serial_number(leader.serial_number)
    assert entry is not None
    assert entry.revocation_date_utc == at
    held = crl.get_revoked_certificate_by_serial_number(seal.serial_number)
    assert held is not None
    assert held.extensions.get_extension_for_class(x509.CRLReason).value.reason is x509.ReasonFlags.certificate_hold

    other = write_pki(tmp_path / "pki", kind="p-256")
    listed = other.identities["leader"].certificate
    list_revoked(other, [Revoked(listed, at)])
    written = x509.load_der_x509_crl((other.crl_folder / "issuing-ca.crl").read_bytes())
    assert written.get_revoked_certificate_by_serial_number(listed.serial_number) is not None
