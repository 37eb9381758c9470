"""What is particular to RSSP, against its simulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kyso.plugin import ConfigWrong, KeyTrouble, Signed
from kyso.simulation.signatory import PASSWORD
from kyso_remote.simulators.rssp import PIN
from tests.plugins.remote.conftest import Remote, digests
from tests.plugins.remote.test_every_provider import with_relying_party

Start = Callable[..., Remote]


def started(start: Start, **options: str) -> Remote:
    remote = start("rssp", **options)
    remote.answers["password"] = PASSWORD
    with_relying_party(remote)
    return remote


def test_signing_with_a_code(start: Start) -> None:
    """Accounts that confirm with a code get their signatures at once; a wrong code is told."""
    remote = started(start, flow="code")
    remote.answers["pin"] = PIN
    key = remote.open()
    outcome = key.sign(digests(3), "rsa-pkcs1v15")
    assert isinstance(outcome, Signed)
    remote.answers["pin"] = "0"
    with pytest.raises(KeyTrouble) as trouble:
        key.sign(digests(), "rsa-pkcs1v15")
    assert trouble.value.code == "remote.client_refused"
    key.close()


def test_an_unknown_signer_is_named(start: Start) -> None:
    """3003 says that the account does not exist."""
    with pytest.raises(KeyTrouble) as trouble:
        started(start).open(user="nobody")
    assert trouble.value.code == "remote.user_unknown"


@pytest.mark.parametrize(("name", "value"), [("keystore", ""), ("relying_party", ""), ("flow", "magic")])
def test_missing_and_wrong_options_are_told(name: str, value: str, start: Start) -> None:
    """What an RSSP needs beyond an account is asked for by name."""
    with pytest.raises(ConfigWrong):
        started(start).open(**{name: value})


def test_an_unreadable_key_file_is_named(start: Start) -> None:
    """A key file that cannot be opened is told by its name, and without its password."""
    remote = started(start)
    remote.answers["keystore_password"] = "not-it"
    with pytest.raises(KeyTrouble) as trouble:
        remote.open()
    assert trouble.value.code == "remote.keystore_unreadable"
    assert "party.p12" in trouble.value.message("vi")
    assert "not-it" not in trouble.value.message("vi")
