"""What every provider with a phone holds to, against its simulator over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kyso.cms.values import value_matches
from kyso.contracts import Simulator
from kyso.plugin import Contribution, KeySource, KeyTrouble, Pending, RemoteFailed
from kyso.simulation.scenario import SCENARIOS
from kyso.simulation.signatory import CLIENT_SECRET, PASSWORD, PERSON_ID
from kyso.text import Language
from kyso_remote import register_key_sources, register_simulators
from kyso_remote.profile import PROFILES, load_profile
from kyso_remote.simulators.rssp import KEYSTORE_PASSWORD, PARTY_SIGNATURE, RELYING_PARTY
from tests.plugins.remote.conftest import Remote, digests, finish

Start = Callable[..., Remote]
USERS = {"mysign": f"CMT_{PERSON_ID}"}


def started(start: Start, name: str, scenario: str = "approve") -> Remote:
    return equipped(start(name, scenario))


def equipped(remote: Remote) -> Remote:
    """Give the person everything that the provider wants."""
    name = remote.name
    remote.user = USERS.get(name, PERSON_ID)
    remote.answers |= {"password": PASSWORD}
    if name == "rssp":
        with_relying_party(remote)
    return remote


def with_relying_party(remote: Remote) -> None:
    """Fetch the key file that the simulator issues, as a relying party gets it from the provider."""
    (remote.folder / "party.p12").write_bytes(remote.fetch("GET", "/simulator/relying-party.p12"))
    remote.options |= {"keystore": "party.p12", "relying_party": RELYING_PARTY}
    remote.answers |= {"signature": PARTY_SIGNATURE, "keystore_password": KEYSTORE_PASSWORD}


@pytest.mark.parametrize("name", PROFILES)
def test_a_batch_is_signed_and_survives_a_restart(name: str, start: Start) -> None:
    """A batch waits for the phone, is finished by a key that was opened anew, and every signature is right."""
    remote = started(start, name)
    key = remote.open()
    outcome = key.sign(digests(7), "rsa-pkcs1v15")
    key.close()
    assert isinstance(outcome, Pending)
    assert CLIENT_SECRET not in outcome.ticket
    assert PASSWORD not in outcome.ticket
    assert outcome.parameters["count"] == 7
    again = remote.open()
    for value, digest in zip(finish(again, outcome).values, digests(7), strict=True):
        assert value_matches(again.certificate, value, digest.value, "rsa-pkcs1v15", "sha256")
    assert len(again.chain) == 2
    again.close()


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(("scenario", "code"), [("reject", "remote.rejected"), ("expire", "remote.expired")])
def test_a_refusal_has_its_name(name: str, scenario: str, code: str, start: Start) -> None:
    """Declined and expired are told apart at every provider."""
    key = started(start, name, scenario).open()
    with pytest.raises(KeyTrouble) as trouble:
        finish(key, key.sign(digests(), "rsa-pkcs1v15"))
    assert trouble.value.code == code
    assert trouble.value.next_step("vi")
    key.close()


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("wrong-signature", "remote.signature_wrong"),
        ("wrong-count", "remote.wrong_count"),
        ("server-error", "remote.failed"),
        ("garbage", "remote.answer_malformed"),
    ],
)
def test_a_failure_has_its_name(name: str, scenario: str, code: str, start: Start) -> None:
    """Wrong and unreadable answers are told apart at every provider, and none of them is used."""
    key = started(start, name, scenario).open()
    with pytest.raises(RemoteFailed) as failed:
        finish(key, key.sign(digests(3), "rsa-pkcs1v15"))
    assert failed.value.code == code
    key.close()


@pytest.mark.parametrize("name", PROFILES)
def test_a_lost_answer_is_never_repeated(name: str, start: Start) -> None:
    """A connection that is cut after sending leaves one request on the phone, not two."""
    remote = started(start, name, "drop")
    key = remote.open()
    if name == "nacencomm":
        assert len(finish(key, key.sign(digests(2), "rsa-pkcs1v15")).values) == 2
    else:
        with pytest.raises(RemoteFailed) as failed:
            key.sign(digests(2), "rsa-pkcs1v15")
        assert failed.value.code == "remote.outcome_unknown"
    assert remote.fetch("GET", "/phone").decode().count("<section>") == 1
    key.close()


@pytest.mark.parametrize("name", PROFILES)
def test_wrong_order_is_put_right(name: str, start: Start) -> None:
    """Values in another order find their letters by what they sign."""
    key = started(start, name, "wrong-order").open()
    values = finish(key, key.sign(digests(4), "rsa-pkcs1v15")).values
    for value, digest in zip(values, digests(4), strict=True):
        assert value_matches(key.certificate, value, digest.value, "rsa-pkcs1v15", "sha256")
    key.close()


@pytest.mark.parametrize("name", PROFILES)
def test_a_wrong_secret_is_named_and_not_shown(name: str, start: Start) -> None:
    """Refused access data become one clear error without the secret in it."""
    remote = started(start, name)
    remote.answers |= dict.fromkeys(("client_secret", "password"), "not-the-secret")
    with pytest.raises(KeyTrouble) as trouble:
        remote.open()
    assert trouble.value.code == "remote.client_refused"
    assert "not-the-secret" not in trouble.value.message("vi")


@pytest.mark.parametrize("name", PROFILES)
def test_an_expired_certificate_opens_no_key(name: str, start: Start) -> None:
    """A certificate that the provider calls unusable is refused before the phone rings."""
    with pytest.raises(KeyTrouble) as trouble:
        started(start, name, "expired-certificate").open()
    assert trouble.value.code == "remote.certificate_unusable"


@pytest.mark.parametrize("name", PROFILES)
def test_the_document_names_reach_the_phone(name: str, start: Start) -> None:
    """The person reads on the phone what is signed."""
    remote = started(start, name, "ask")
    key = remote.open()
    assert isinstance(key.sign(digests(), "rsa-pkcs1v15"), Pending)
    page = remote.fetch("GET", "/phone").decode()
    assert "Công văn số 0" in page or "Cong van so 0" in page
    key.close()


@pytest.mark.parametrize("name", PROFILES)
def test_the_profile_says_what_it_assumes(name: str) -> None:
    """Every assumption names a real option or none, and is written in both languages."""
    profile = load_profile(name)
    assert profile.version
    assert profile.assumptions
    for assumption in profile.assumptions:
        assert assumption.option is None or assumption.option in profile.options
        assert assumption.text.vi
        assert assumption.text.en != assumption.text.vi


def test_every_provider_is_registered_with_its_options() -> None:
    """The plugin contributes one key source and one simulator for each profile, with all settings declared."""
    sources: dict[str, Contribution[KeySource]] = {}
    simulators: dict[str, Contribution[Simulator]] = {}
    register_key_sources(lambda contribution: sources.setdefault(contribution.name, contribution))  # type: ignore[arg-type,return-value]
    register_simulators(lambda contribution: simulators.setdefault(contribution.name, contribution))  # type: ignore[arg-type,return-value]
    assert set(sources) == set(simulators) == set(PROFILES)
    for name, contribution in sources.items():
        declared = {setting.name for setting in contribution.settings}
        assert set(load_profile(name).options) <= declared, name
        assert contribution.load().portable is False
        assert simulators[name].load().application("approve")
    assert "wrong-order" in SCENARIOS


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_docs_list_every_assumption_and_scenario(language: Language) -> None:
    """Whoever reads the docs learns everything that is assumed about a provider."""
    page = (Path(__file__).parents[3] / "docs" / language / "keys" / "remote.md").read_text(encoding="utf-8")
    for name in PROFILES:
        assert f"`{name}:`" in page
        for assumption in load_profile(name).assumptions:
            assert assumption.text.of(language) in page
    for scenario, text in SCENARIOS.items():
        assert f"`{scenario}`: {text.of(language)}" in page
