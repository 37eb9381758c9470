"""What is particular to the Cloud Signature Consortium's API, against its simulator."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kyso.cms.values import value_matches
from kyso.models import SchemeName
from kyso.plugin import ConfigWrong, KeyTrouble, Pending, Signed
from kyso.simulation.signatory import PASSWORD
from kyso_remote.providers.csc import schemes_of
from tests.plugins.remote.conftest import Remote, digests, finish

Start = Callable[..., Remote]


@pytest.mark.parametrize("scheme", ["rsa-pkcs1v15", "rsa-pss"])
def test_v1_with_pin_and_code(scheme: SchemeName, start: Start) -> None:
    """Version 1 with explicit authorization: PIN and one-time code are asked once, the batch comes back at once."""
    remote = start("csc", version="v1")
    remote.answers |= {"pin": "123456", "otp": "246810"}
    key = remote.open()
    signed = key.sign(digests(12), scheme)
    assert isinstance(signed, Signed)
    for value, digest in zip(signed.values, digests(12), strict=True):
        assert value_matches(key.certificate, value, digest.value, scheme, "sha256")
    assert remote.asked.count("remote.prompt_pin") == 1
    key.close()


def test_v1_with_a_wrong_pin(start: Start) -> None:
    """A wrong PIN is told, and sent once."""
    remote = start("csc", version="v1")
    remote.answers |= {"pin": "000000", "otp": "246810"}
    key = remote.open()
    with pytest.raises(KeyTrouble) as trouble:
        key.sign(digests(), "rsa-pkcs1v15")
    assert trouble.value.code == "remote.second_factor_wrong"
    assert remote.asked.count("remote.prompt_pin") == 1
    key.close()


def test_v2_waits_twice_for_a_large_batch(start: Start) -> None:
    """Version 2: first for the person's authorization, then for the signatures; no SAD is in a ticket."""
    key = start("csc").open()
    outcome = key.sign(digests(40), "rsa-pss")
    steps = []
    while isinstance(outcome, Pending):
        steps.append("sign" if '"step":"sign"' in outcome.ticket else "authorize")
        assert "SAD" not in outcome.ticket
        outcome = key.poll(outcome.ticket)
    assert {"authorize", "sign"} <= set(steps)
    assert len(outcome.values) == 40
    key.close()


@pytest.mark.parametrize("auth", ["password", "basic"])
def test_the_signers_own_access(auth: str, start: Start) -> None:
    """With a user's password (OAuth or HTTP Basic) the service finds the credential itself."""
    remote = start("csc", auth=auth)
    remote.answers["password"] = PASSWORD
    key = remote.open()
    assert len(finish(key, key.sign(digests(), "rsa-pkcs1v15")).values) == 1
    key.close()
    remote.answers["password"] = "wrong"
    with pytest.raises(KeyTrouble) as trouble:
        remote.open()
    assert trouble.value.code == "remote.client_refused"


def test_a_credential_is_named(start: Start) -> None:
    """A credential in the URI is opened without a list."""
    start("csc").open(";credential=credential-seal", user="").close()


@pytest.mark.parametrize("options", [{"version": "v3"}, {"auth": "magic"}])
def test_wrong_options_are_refused(options: dict[str, str], start: Start) -> None:
    """Unknown versions and kinds of access are told."""
    with pytest.raises(ConfigWrong):
        start("csc").open(**options)


def test_plain_rsa_leaves_the_digest_open() -> None:
    """Services that list only rsaEncryption, as MySign does, are usable; unknown algorithms are passed over."""
    assert schemes_of(["1.2.840.113549.1.1.1"])[0] == ("rsa-pkcs1v15", "sha256")
    assert schemes_of(["1.2.840.10045.4.3.3", "1.2.3"]) == (("ecdsa", "sha384"),)
    assert schemes_of(None) == ()
