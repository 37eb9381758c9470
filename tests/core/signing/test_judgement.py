"""What is found out about a signer's certificate before it signs: online, distrusted, the folder that is trusted."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from kyso.config import Config, NetworkSection, SigningSection, VerificationSection
from kyso.demo.pki import LEADER, Identity, certificate_der, certificate_pem, issue, make_crl
from kyso.errors import KeyTrouble
from kyso.models import Notice
from kyso.signing.judgement import judge
from kyso.verification import trust_folder
from tests.core.verification.test_online import Office, Responder, office, responder

__all__ = ["office", "responder"]


def judged(identity: Identity, config: Config, *, online: bool = False) -> tuple[Notice, ...]:
    chain = tuple(certificate_der(certificate) for certificate in identity.chain)
    return judge(certificate_der(identity.certificate), chain, config, datetime.now(UTC), online=online)


def trusting(office: Office, **more: object) -> Config:
    """Return a configuration that trusts the office's root and may reach its responder."""
    return Config(
        verification=VerificationSection(trust=(office.root_pem,)),
        network=NetworkSection(allow_private=True),
        **more,  # type: ignore[arg-type] # sections by their names
    )


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep answers and roots of one test from another."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_the_ca_is_asked_when_online(office: Office, responder: Responder) -> None:
    """Offline the revocation stays unknown and nobody is asked; online the CA's responder clears it."""
    responder.answers["/ocsp"] = office.ocsp()
    assert [notice.code for notice in judged(office.signer, trusting(office))] == ["signing.revocation_unknown"]
    assert responder.asked == []
    assert judged(office.signer, trusting(office), online=True) == ()
    assert "/ocsp" in responder.asked


def test_what_was_revoked_today_never_signs(office: Office, responder: Responder) -> None:
    """A revocation that only the responder knows is found before the key is used."""
    responder.answers["/ocsp"] = office.ocsp(ocsp.OCSPCertStatus.REVOKED)
    with pytest.raises(KeyTrouble, match=r"key\.revoked"):
        judged(office.signer, trusting(office), online=True)


def test_a_dead_responder_is_a_doubt(office: Office, responder: Responder) -> None:
    """Nobody answers: told, and refused only where trust is required."""
    responder.answers.clear()
    found = judged(office.signer, trusting(office), online=True)
    assert [notice.code for notice in found] == ["signing.revocation_unknown"]
    strict = trusting(office, signing=SigningSection(require_trust=True))
    with pytest.raises(KeyTrouble, match=r"key\.revocation_unknown"):
        judged(office.signer, strict, online=True)


def test_the_configuration_may_stay_offline(office: Office, responder: Responder) -> None:
    """`[verification] revocation = "offline"` holds while the network may be used for other things."""
    config = Config(
        verification=VerificationSection(trust=(office.root_pem,), revocation="offline"),
        network=NetworkSection(allow_private=True),
    )
    assert [notice.code for notice in judged(office.signer, config, online=True)] == ["signing.revocation_unknown"]
    assert responder.asked == []


def test_a_distrusted_certificate_never_signs(office: Office, tmp_path: Path) -> None:
    """What a person put on the list of unsafe certificates is refused with the reason, its CA likewise."""
    folder = tmp_path / "trust"
    folder.mkdir()
    (folder / "root.pem").write_bytes(certificate_pem(office.root.certificate))
    config = Config(verification=VerificationSection(trust=(folder,)))
    assert judged(office.signer, config)
    from kyso.cms.certificate import read_certificate

    for unsafe in (office.signer, office.issuing):
        certificate = read_certificate(certificate_der(unsafe.certificate))
        entry = trust_folder.entry_about(certificate, "mất khóa", date(2026, 11, 1))
        trust_folder.enter_distrust(folder, entry)
        with pytest.raises(KeyTrouble) as refused:
            judged(office.signer, config)
        assert refused.value.code == "key.distrusted"
        assert "mất khóa" in refused.value.message("vi")
        trust_folder.lift_distrust(folder, certificate.sha256)


def test_the_folder_of_kyso_trust_counts(office: Office, tmp_path: Path) -> None:
    """Roots added by `kyso trust add` are trusted before signing as they are when verifying."""
    crl = tmp_path / "ca.crl"
    crl.write_bytes(make_crl(office.issuing))
    config = Config(verification=VerificationSection(crl=(crl,)))
    assert [notice.code for notice in judged(office.signer, config)] == ["signing.root_not_trusted"]
    folder = trust_folder.default_folder()
    folder.mkdir(parents=True)
    (folder / "root.pem").write_bytes(certificate_pem(office.root.certificate))
    assert judged(office.signer, config) == ()


def test_a_certificate_for_something_else_is_told(office: Office, tmp_path: Path) -> None:
    """A certificate of a web server can sign, but its receiver may not accept it: told, or refused with trust."""
    server = issue(office.issuing, LEADER, purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    crl = tmp_path / "ca.crl"
    crl.write_bytes(make_crl(office.issuing))
    verification = VerificationSection(trust=(office.root_pem,), crl=(crl,))
    assert [notice.code for notice in judged(server, Config(verification=verification))] == ["signing.purpose"]
    strict = Config(verification=verification, signing=SigningSection(require_trust=True))
    with pytest.raises(KeyTrouble, match=r"key\.purpose"):
        judged(server, strict)
