"""Which certificates may sign: validity, usage, revocation, trust."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kyso import Config, Engine, KeyTrouble, Secret, SignRequest
from kyso.config import KeySection, SigningSection, VerificationSection
from kyso.demo.pki import (
    DEMO_PASSWORD,
    ISSUING_CA,
    LEADER,
    Identity,
    Revoked,
    certificate_der,
    certificate_pem,
    issue,
    make_crl,
    make_root,
    new_key,
    pfx_bytes,
)
from kyso.models import SignedDocument
from kyso.signing.certificates import signer_of

NOW = datetime.now(UTC)


def _sign(folder: Path, identity: Identity, letter: bytes, **sections: Any) -> SignedDocument:
    (folder / "key.p12").write_bytes(pfx_bytes(identity))
    config = Config(keys={"leader": KeySection(uri=f"pfx:{folder / 'key.p12'}")}, **sections)
    with Engine.from_config(config, ask_secret=lambda code, about: Secret(DEMO_PASSWORD)) as engine:
        signed = engine.sign(SignRequest(letter, key="leader", policy="invisible"))
    assert isinstance(signed, SignedDocument)
    return signed


def _authority() -> Identity:
    return issue(make_root(), ISSUING_CA, authority=True)


@pytest.mark.parametrize(
    ("validity", "code"),
    [
        ({"not_before": NOW - timedelta(days=20), "not_after": NOW - timedelta(days=1)}, "key.certificate_expired"),
        ({"not_before": NOW + timedelta(days=1)}, "key.certificate_not_yet_valid"),
    ],
)
def test_a_certificate_out_of_its_validity_never_signs(
    validity: dict[str, Any], code: str, letter_pdf: bytes, tmp_path: Path
) -> None:
    """Expired and not yet valid certificates are refused with name and date, whatever time is claimed."""
    identity = issue(_authority(), LEADER, **validity)
    with pytest.raises(KeyTrouble) as caught:
        _sign(tmp_path, identity, letter_pdf)
    assert (caught.value.code, caught.value.exit_code) == (code, 5)
    assert LEADER.common_name in caught.value.message("vi")


def test_a_certificate_not_made_for_signing_never_signs(letter_pdf: bytes, tmp_path: Path) -> None:
    """A key usage without digitalSignature and nonRepudiation is refused; one without key usage signs."""
    key = new_key()
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder(LEADER.as_name(), LEADER.as_name(), key.public_key(), 1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    without = Identity(builder.sign(key, hashes.SHA256()), key)
    assert _sign(tmp_path, without, letter_pdf).level == "b"
    only_encipherment = builder.add_extension(x509.KeyUsage(key_encipherment=True, **usage), critical=True)
    with pytest.raises(KeyTrouble, match=r"key\.not_for_signing"):
        _sign(tmp_path, Identity(only_encipherment.sign(key, hashes.SHA256()), key), letter_pdf)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (x509.ReasonFlags.key_compromise, "key.revoked"),
        (x509.ReasonFlags.certificate_hold, "key.suspended"),
    ],
)
def test_a_revoked_or_suspended_certificate_never_signs(
    reason: x509.ReasonFlags, code: str, letter_pdf: bytes, tmp_path: Path
) -> None:
    """What the given revocation list names is refused before the key is used."""
    authority = _authority()
    identity = issue(authority, LEADER)
    crl = make_crl(authority, [Revoked(identity.certificate, NOW - timedelta(hours=2), reason)])
    (tmp_path / "ca.crl").write_bytes(crl)
    with pytest.raises(KeyTrouble) as caught:
        _sign(tmp_path, identity, letter_pdf, verification=VerificationSection(crl=(tmp_path / "ca.crl",)))
    assert caught.value.code == code


def test_doubts_warn_and_refuse_where_trust_is_required(letter_pdf: bytes, tmp_path: Path) -> None:
    """An unknown root and an unchecked revocation are told; with require_trust each of them is a refusal."""
    authority = _authority()
    identity = issue(authority, LEADER)
    signed = _sign(tmp_path, identity, letter_pdf)
    assert [notice.code for notice in signed.notices] == ["signing.root_not_trusted", "signing.revocation_unknown"]

    strict = SigningSection(require_trust=True)
    with pytest.raises(KeyTrouble, match=r"key\.not_trusted"):
        _sign(tmp_path, identity, letter_pdf, signing=strict)
    (tmp_path / "root.pem").write_bytes(certificate_pem(authority.chain[0]))
    trusting = VerificationSection(trust=(tmp_path / "root.pem",))
    with pytest.raises(KeyTrouble, match=r"key\.revocation_unknown"):
        _sign(tmp_path, identity, letter_pdf, signing=strict, verification=trusting)
    (tmp_path / "ca.crl").write_bytes(make_crl(authority))
    complete = VerificationSection(trust=(tmp_path / "root.pem",), crl=(tmp_path / "ca.crl",))
    assert not _sign(tmp_path, identity, letter_pdf, signing=strict, verification=complete).notices


def test_the_signer_is_read_as_vietnamese_certificates_write_it() -> None:
    """Name, organisation, title and the citizen's number in UID come out in NFC."""
    signer = signer_of(certificate_der(issue(_authority(), LEADER).certificate))
    assert signer.name == LEADER.common_name
    assert signer.organisation == LEADER.organisation
    assert (signer.title, signer.identifier) == (LEADER.title, LEADER.user_id)
