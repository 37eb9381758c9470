"""A certificate or CA that a person ruled out makes a letter invalid, whatever else speaks for it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kyso.cms.certificate import read_certificate
from kyso.config import Config, VerificationSection
from kyso.demo.pki import DemoPki, Identity, certificate_der
from kyso.errors import ConfigWrong
from kyso.verification.distrust import FILE_NAME, DistrustEntry, key_sha256, written
from kyso.verification.report import VerificationReport
from kyso.verification.settings import VerificationSettings, settings_from
from kyso.verification.verify import verify_document
from tests.vectors.making import only, reasons


def _listing(folder: Path, identity: Identity, *, key_only: bool = False) -> Path:
    folder.mkdir(exist_ok=True)
    certificate = read_certificate(certificate_der(identity.certificate))
    fingerprint = "0" * 64 if key_only else certificate.sha256
    entry = DistrustEntry(fingerprint, key_sha256(certificate), certificate.display_name, "lộ khóa", date(2026, 11, 1))
    (folder / FILE_NAME).write_bytes(written([entry]))
    return folder


def _verify(data: bytes, pki: DemoPki, folder: Path, *, trust: bool = True) -> VerificationReport:
    roots = (pki.root_pem,) if trust else ()
    return verify_document(data, VerificationSettings(trust=roots, crls=(pki.crl_folder,), distrust=(folder,)))


@pytest.mark.parametrize("who", ["signer", "issuing", "root"])
def test_any_certificate_of_the_chain_counts(who: str, signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """The signer's, the issuing CA's and the trusted root's certificate: each one on the list makes it invalid."""
    identity = {"signer": pki.identities["leader"], "issuing": pki.issuing, "root": pki.root}[who]
    report = _verify(signed, pki, _listing(tmp_path / "own", identity))
    assert (report.verdict, report.integrity) == ("invalid", "intact")
    signature = only(report)
    assert signature.reasons[0].code == "chain.distrusted"
    assert signature.reasons[0].parameters["reason"] == "lộ khóa"
    assert signature.sub_indication == "CHAIN_CONSTRAINTS_FAILURE"


def test_the_key_counts_and_trust_does_not(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """Another certificate with a listed key is met too, and also where no root is trusted."""
    own = _listing(tmp_path / "own", pki.issuing, key_only=True)
    assert reasons(only(_verify(signed, pki, own))) == {"chain.distrusted"}
    assert _verify(signed, pki, own, trust=False).verdict == "invalid"


def test_others_are_not_touched(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A list about somebody else changes nothing."""
    assert _verify(signed, pki, _listing(tmp_path / "own", pki.identities["seal"])).verdict == "valid"


def test_the_list_of_the_store_holds_for_other_roots_too(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """--trust replaces the roots for one run, not what a person ruled out; a list among those roots counts as well."""
    own = _listing(tmp_path / "own", pki.issuing)
    config = Config(verification=VerificationSection(trust=(own,), crl=(pki.crl_folder,)))
    assert verify_document(signed, settings_from(config, trust=[pki.root_pem])).verdict == "invalid"
    (own / "root.pem").write_bytes(pki.root_pem.read_bytes())
    assert verify_document(signed, settings_from(Config(), trust=[own], crls=[pki.crl_folder])).verdict == "invalid"


def test_a_list_that_cannot_be_read_stops_the_verification(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """Going on without it would be to trust what was ruled out."""
    (tmp_path / FILE_NAME).write_bytes(b"[[distrusted]]\nsha256 = 1\n")
    with pytest.raises(ConfigWrong):
        _verify(signed, pki, tmp_path)
