"""``kyso extend``: levels, permissions, answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from kyso.demo.pki import DemoPki, Subject, issue
from tests.cli.conftest import Kyso
from tests.core.extending.authority import Authority, serving


@pytest.fixture
def authority(pki: DemoPki) -> Iterator[Authority]:
    """A timestamp authority on loopback."""
    purposes = [x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]
    start = datetime.now(UTC) - timedelta(days=30)
    with serving(issue(pki.issuing, Subject("TEST TSA"), purposes=purposes, not_before=start)) as running:
        yield running


@pytest.fixture
def signed(kyso: Kyso, office: Path) -> Path:
    """The letter, signed by its leader."""
    assert kyso("sign", "letter.pdf", "--secret-env", "PW", "--out", "signed.pdf").code == 0
    return office / "signed.pdf"


def test_a_letter_is_extended_and_verifies_by_itself(
    kyso: Kyso, signed: Path, authority: Authority, pki: DemoPki
) -> None:
    """The answer states the level reached; the result needs no revocation lists any more."""
    result = kyso("extend", signed, "--level", "lta", "--tsa", authority.url, "--online", "--format", "json")
    assert result.code == 0, result.err
    answer = result.json
    assert answer["schema"] == "kyso.extended/1"
    assert (answer["level"], answer["timestamps"], answer["crls"]) == ("lta", 2, 2)
    assert answer["report"]["verdict"] == "valid"
    assert Path(answer["out"]).name == "signed.lta.pdf"
    nothing = signed.with_name("nothing")
    nothing.mkdir()
    assert kyso("verify", answer["out"], "--trust", pki.root_pem, "--crl", nothing).code == 0
    assert kyso("verify", signed, "--trust", pki.root_pem, "--crl", nothing).code == 2


def test_the_network_is_asked_for(kyso: Kyso, signed: Path, authority: Authority) -> None:
    """Without --online nothing is asked and nothing written."""
    result = kyso("extend", signed, "--level", "lt", "--tsa", authority.url)
    assert result.code == 7
    assert "--online" in result.err
    assert authority.asked == 0
    assert kyso("extend", signed, "--level", "lta", "--online").code == 7
    assert not signed.with_name("signed.lt.pdf").exists()


def test_a_dead_authority_is_the_other_sides_failure(kyso: Kyso, signed: Path) -> None:
    """Exit code 6, and what each authority failed by."""
    result = kyso("extend", signed, "--level", "lt", "--tsa", "http://127.0.0.1:1/", "--online", "--out", "x.pdf")
    assert result.code == 6
    assert "http://127.0.0.1:1/" in result.err
    assert not Path("x.pdf").exists()


def test_best_effort_says_what_was_reached(kyso: Kyso, signed: Path) -> None:
    """Exit code 2 and the level in words."""
    result = kyso("extend", signed, "--level", "lt", "--best-effort", "--out", "x.pdf")
    assert result.code == 2
    assert "Only level b was reached" in result.err
    assert Path("x.pdf").read_bytes().startswith(signed.read_bytes())


def test_outputs_and_levels_are_checked(kyso: Kyso, signed: Path, authority: Authority) -> None:
    """An output that is there needs --force; other levels are refused; an unsigned letter is refused."""
    Path("there.pdf").write_bytes(b"mine")
    more = ("--tsa", authority.url, "--online", "--out", "there.pdf")
    assert kyso("extend", signed, "--level", "lt", *more).code == 7
    assert Path("there.pdf").read_bytes() == b"mine"
    assert kyso("extend", signed, "--level", "lt", *more, "--force").code == 0
    assert kyso("extend", signed, "--level", "t").code == 7
    assert kyso("extend", "letter.pdf", "--level", "lt", "--out", "y.pdf").code == 4
