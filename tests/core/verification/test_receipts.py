"""The row of our own register as proof that a signature existed (DESIGN, section 5)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from kyso.demo.pki import DemoPki, Revoked, list_revoked, write_pki
from kyso.engine import Engine
from kyso.models import SignRequest
from kyso.secret import Secret
from kyso.verification.settings import Receipt, VerificationSettings
from kyso.verification.verify import verify_document


@pytest.fixture
def office(tmp_path: Path) -> DemoPki:
    """A PKI of the test's own, whose revocation list it may change."""
    return write_pki(tmp_path / "pki")


@pytest.fixture
def signed(office: DemoPki, letter_path: Path, pfx_password: str) -> Path:
    """The letter, signed without any timestamp."""
    out = letter_path.with_name("signed.pdf")
    with Engine.from_config(ask_secret=lambda code, about: Secret(pfx_password)) as engine:
        engine.sign(SignRequest(letter_path, key=f"pfx:{office.pfx('leader')}", policy="invisible", out=out))
    return out


def settings(office: DemoPki, recorded_at: datetime | None, of: Path) -> VerificationSettings:
    """Return terms in two days' time with a register that recorded the file `of` at `recorded_at`."""
    known = hashlib.sha256(of.read_bytes()).hexdigest()

    def book(sha256: str) -> Receipt | None:
        return Receipt("12/2026", recorded_at) if recorded_at is not None and sha256 == known else None

    return VerificationSettings(
        trust=(office.root_pem,),
        crls=(office.crl_folder,),
        now=datetime.now(UTC) + timedelta(days=2),
        receipts=book,
    )


def test_a_letter_received_before_the_revocation_stays_valid(office: DemoPki, signed: Path) -> None:
    """Revoked after our row of receipt is fine and says so; without the row, or with a later one, it is not."""
    now = datetime.now(UTC)
    leader = office.identities["leader"].certificate
    list_revoked(office, [Revoked(leader, now + timedelta(hours=1), x509.ReasonFlags.key_compromise)])
    assert verify_document(signed, settings(office, None, signed)).verdict == "invalid"
    report = verify_document(signed, settings(office, now, signed))
    assert report.verdict == "valid"
    assert "verification.proven_by_register" in [notice.code for notice in report.warnings]
    # The receipt is no signing time: what the signer claims is shown as claimed.
    assert report.signatures[0].signing_time.source in ("signed_attribute", "claimed")
    assert verify_document(signed, settings(office, now + timedelta(hours=3), signed)).verdict == "invalid"


def test_another_file_is_not_proven(office: DemoPki, signed: Path) -> None:
    """The row speaks of the recorded bytes only."""
    now = datetime.now(UTC)
    list_revoked(office, [Revoked(office.identities["leader"].certificate, now + timedelta(hours=1))])
    longer = signed.with_name("longer.pdf")
    longer.write_bytes(signed.read_bytes() + b"\n")
    assert verify_document(longer, settings(office, now, signed)).verdict == "invalid"


def test_a_row_from_the_future_proves_nothing(office: DemoPki, signed: Path) -> None:
    """A wrong clock, or a judgement as of an earlier day, gives no proof."""
    now = datetime.now(UTC)
    list_revoked(office, [Revoked(office.identities["leader"].certificate, now + timedelta(hours=1))])
    terms = replace(settings(office, now + timedelta(days=9), signed), at=now + timedelta(days=3))
    assert verify_document(signed, terms).verdict == "invalid"


def test_a_certificate_that_had_expired_by_then_is_only_expired(office: DemoPki, signed: Path) -> None:
    """A receipt says "not later than": an expired certificate may have signed before, so nothing is known."""
    later = datetime.now(UTC) + timedelta(days=800)
    terms = replace(settings(office, later, signed), now=later + timedelta(days=1))
    report = verify_document(signed, terms)
    assert report.verdict == "undetermined"
    assert "certificate.expired" in [notice.code for notice in report.signatures[0].reasons]


def test_a_certificate_that_expired_since_is_good(office: DemoPki, signed: Path) -> None:
    """What was received while the certificate was valid stays valid after its end."""
    terms = replace(settings(office, datetime.now(UTC), signed), now=datetime.now(UTC) + timedelta(days=900))
    assert verify_document(signed, terms).verdict == "valid"
