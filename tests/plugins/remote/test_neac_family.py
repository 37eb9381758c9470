"""SmartCA SP769, CA2 and the NEAC gateway against their simulators, over HTTP."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import pytest

from kyso.cms.values import value_matches
from kyso.fetch import FetchFailed
from kyso.plugin import ConfigWrong, DigestToSign, KeyTrouble, Pending, RemoteFailed, Signed, WrongUse
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import BODY_ID, CLIENT_SECRET, PASSWORD, PERSON_ID, TOTP_SECRET
from kyso_remote.providers.neac_family import one_time_code, shown_names
from kyso_remote.source import RemoteSource
from kyso_remote.ticket import read_ticket
from tests.plugins.remote.conftest import Remote, digests, finish

Start = Callable[..., Remote]
FAMILY = ("smartca", "nacencomm", "neac")


@pytest.mark.parametrize("name", FAMILY)
def test_many_letters_in_one_confirmation(name: str, start: Start) -> None:
    """Twenty hashes go out in one request, wait for the phone, and come back as right signatures in order."""
    remote = start(name)
    key = remote.open()
    outcome = key.sign(digests(20), "rsa-pkcs1v15")
    assert isinstance(outcome, Pending)
    assert outcome.instruction == "remote.confirm_on_phone"
    signed = finish(key, outcome)
    for value, digest in zip(signed.values, digests(20), strict=True):
        assert value_matches(key.certificate, value, digest.value, "rsa-pkcs1v15", "sha256")
    assert len(key.chain) == 2
    key.close()


@pytest.mark.parametrize("name", FAMILY)
def test_another_process_finishes(name: str, start: Start) -> None:
    """The ticket alone, without a secret in it, is enough for a key that is opened anew."""
    remote = start(name)
    key = remote.open()
    outcome = key.sign(digests(), "rsa-pkcs1v15")
    key.close()
    assert isinstance(outcome, Pending)
    assert CLIENT_SECRET not in outcome.ticket
    again = remote.open()
    assert len(finish(again, outcome).values) == 1
    again.close()


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize(
    ("scenario", "code"), [("reject", "remote.rejected"), ("expire", "remote.expired"), ("quota", "remote.quota")]
)
def test_a_refusal_has_its_name(name: str, scenario: str, code: str, start: Start) -> None:
    """Rejected, expired and over quota are told apart, in both languages, with a next step."""
    key = start(name, scenario).open()
    outcome = key.sign(digests(), "rsa-pkcs1v15")
    with pytest.raises(KeyTrouble) as trouble:
        finish(key, outcome)
    assert trouble.value.code == code
    for language in ("vi", "en"):
        assert "{" not in trouble.value.message(language)
        assert trouble.value.next_step(language)
    key.close()


@pytest.mark.parametrize("name", FAMILY)
def test_signatures_in_another_order_find_their_letters(name: str, start: Start) -> None:
    """Values that come back in another order are matched by what they sign."""
    key = start(name, "wrong-order").open()
    signed = finish(key, key.sign(digests(5), "rsa-pkcs1v15"))
    for value, digest in zip(signed.values, digests(5), strict=True):
        assert value_matches(key.certificate, value, digest.value, "rsa-pkcs1v15", "sha256")
    key.close()


@pytest.mark.parametrize(
    ("scenario", "code"), [("wrong-signature", "remote.signature_wrong"), ("wrong-count", "remote.wrong_count")]
)
def test_a_wrong_answer_is_refused_whole(scenario: str, code: str, start: Start) -> None:
    """One wrong or missing signature, and none of the batch is used."""
    key = start("smartca", scenario).open()
    with pytest.raises(RemoteFailed) as failed:
        finish(key, key.sign(digests(3), "rsa-pkcs1v15"))
    assert failed.value.code == code
    key.close()


def test_a_lost_answer_is_asked_for_by_our_own_name(start: Start) -> None:
    """CA2 knows a request by our name: after a cut connection the status is asked, nothing is sent twice."""
    remote = start("nacencomm", "drop")
    key = remote.open()
    outcome = key.sign(digests(2), "rsa-pkcs1v15")
    assert isinstance(outcome, Pending)
    assert len(finish(key, outcome).values) == 2
    assert remote.fetch("GET", "/phone").decode().count("<section>") == 1
    key.close()


def test_a_lost_answer_elsewhere_is_for_a_person(start: Start) -> None:
    """Where our own name is no use, the unknown outcome is said and nothing is repeated."""
    remote = start("smartca", "drop")
    key = remote.open()
    with pytest.raises(RemoteFailed) as failed:
        key.sign(digests(), "rsa-pkcs1v15")
    assert failed.value.code == "remote.outcome_unknown"
    assert remote.fetch("GET", "/phone").decode().count("<section>") == 1
    key.close()


@pytest.mark.parametrize("scenario", ["server-error", "garbage"])
def test_a_broken_server_is_named(scenario: str, start: Start) -> None:
    """An internal error and an unreadable answer are named; nothing raw reaches a terminal."""
    key = start("smartca", scenario).open()
    with pytest.raises(RemoteFailed) as failed:
        key.sign(digests(), "rsa-pkcs1v15")
    assert failed.value.code in {"remote.failed", "remote.answer_malformed"}
    assert "\x1b" not in failed.value.message("vi")
    key.close()


def test_a_slow_server_is_waited_for_until_the_deadline(start: Start) -> None:
    """Slow is fine within the deadline; beyond it the call ends with a name."""
    remote = start("smartca", "slow", Timing(pause_s=0.5))
    key = remote.open()
    assert isinstance(finish(key, key.sign(digests(), "rsa-pkcs1v15")), Signed)
    key.close()
    with pytest.raises(FetchFailed) as failed:
        remote.open(deadline_s=0.2)
    assert failed.value.code == "fetch.timeout"


def test_nobody_there_is_told(start: Start) -> None:
    """A refused connection is told as such; nothing was sent."""
    remote = start("smartca")
    with pytest.raises(FetchFailed) as failed:
        remote.open(base_url="http://127.0.0.1:9")
    assert failed.value.code == "fetch.unreachable"


def test_access_data_are_checked(start: Start) -> None:
    """A wrong secret, an unknown user and a missing client id each have a name; no secret is repeated."""
    remote = start("smartca")
    with pytest.raises(KeyTrouble) as trouble:
        remote.open(user="999999999999")
    assert trouble.value.code == "remote.user_unknown"
    with pytest.raises(ConfigWrong):
        remote.open(client_id="")
    with pytest.raises(WrongUse):
        remote.open(user="")
    remote.answers["client_secret"] = "not-the-secret"
    with pytest.raises(KeyTrouble) as trouble:
        remote.open()
    assert trouble.value.code == "remote.client_refused"
    assert "not-the-secret" not in trouble.value.message("en")


def test_secrets_come_from_named_variables(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The config names the variable; nothing is asked. A variable that is not set is told."""
    remote = start("smartca")
    monkeypatch.setenv("SP_SECRET", CLIENT_SECRET)
    remote.open(client_secret_env="SP_SECRET").close()
    assert remote.asked == []
    with pytest.raises(ConfigWrong):
        remote.open(client_secret_env="NOT_SET")


def test_an_expired_certificate_is_refused_before_the_phone(start: Start) -> None:
    """A certificate whose status is not active opens no key."""
    with pytest.raises(KeyTrouble) as trouble:
        start("smartca", "expired-certificate").open()
    assert trouble.value.code == "remote.certificate_unusable"


def test_a_certificate_is_chosen_by_serial(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listed URI opens its key; another serial is not found."""
    remote = start("smartca", user_id=BODY_ID, client_secret_env="SIM_SECRET")
    monkeypatch.setenv("SIM_SECRET", CLIENT_SECRET)
    (listed,) = RemoteSource("smartca").list_keys(remote.access())
    key = RemoteSource("smartca").open(listed.uri, remote.access())
    key.close()
    with pytest.raises(KeyTrouble) as trouble:
        remote.open(";serial=abcdef")
    assert trouble.value.code == "remote.certificate_not_found"


def test_the_second_version_needs_no_phone(start: Start) -> None:
    """Password and TOTP go with the request, the confirmation returns the signatures at once."""
    remote = start("smartca", flow="v2")
    remote.answers |= {"password": PASSWORD, "otp": one_time_code(TOTP_SECRET, time.time())}
    key = remote.open()
    signed = key.sign(digests(3), "rsa-pkcs1v15")
    assert isinstance(signed, Signed)
    assert len(signed.values) == 3
    key.close()


def test_the_one_time_code_is_computed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the TOTP key in the environment no code is asked; a wrong password is refused once."""
    remote = start("smartca", flow="v2")
    monkeypatch.setenv("KYSO_SMARTCA_TOTP_SECRET", base64.b64encode(TOTP_SECRET).decode())
    remote.answers["password"] = PASSWORD
    key = remote.open()
    assert isinstance(key.sign(digests(), "rsa-pkcs1v15"), Signed)
    remote.answers["password"] = "wrong"
    with pytest.raises(KeyTrouble) as trouble:
        key.sign(digests(), "rsa-pkcs1v15")
    assert trouble.value.code == "remote.client_refused"
    assert "remote.prompt_otp" not in remote.asked
    key.close()


def test_totp_as_published() -> None:
    """The code of RFC 6238, appendix B (its last six digits)."""
    assert one_time_code(b"12345678901234567890", 59) == "287082"
    assert one_time_code(b"12345678901234567890", 1111111109) == "081804"


def test_the_phone_shows_what_is_signed(start: Start) -> None:
    """The document names reach the phone; approving there finishes the letter, rejecting refuses it."""
    remote = start("smartca", "ask")
    key = remote.open()
    first, second = key.sign(digests(), "rsa-pkcs1v15"), key.sign(digests(), "rsa-pkcs1v15")
    assert isinstance(first, Pending)
    assert isinstance(second, Pending)
    assert isinstance(key.poll(first.ticket), Pending)
    page = remote.fetch("GET", "/phone").decode()
    assert "Công văn số 0.pdf" in page
    for pending, decision in ((first, "approved"), (second, "rejected")):
        transaction = read_ticket(pending.ticket).waiting.transaction
        remote.fetch("POST", f"/phone/{transaction}", f"decision={decision}".encode())
    assert isinstance(key.poll(first.ticket), Signed)
    with pytest.raises(KeyTrouble):
        key.poll(second.ticket)
    key.close()


def test_the_phone_page_trusts_no_name_and_no_stranger(start: Start) -> None:
    """A document name with markup is escaped, another origin cannot press the button, another host is refused."""
    remote = start("smartca", "ask")
    key = remote.open()
    hostile = DigestToSign(digests()[0].value, "sha256", "<script>alert(1)</script>", "x")
    pending = key.sign([hostile], "rsa-pkcs1v15")
    assert isinstance(pending, Pending)
    assert b"<script>" not in remote.fetch("GET", "/phone")
    transaction = read_ticket(pending.ticket).waiting.transaction
    remote.fetch("POST", f"/phone/{transaction}", b"decision=approved", Origin="https://evil.example")
    assert isinstance(key.poll(pending.ticket), Pending)
    assert b"unknown host" in remote.fetch("GET", "/phone", Host="evil.example")
    key.close()


def test_a_request_expires(start: Start) -> None:
    """When the provider has forgotten the request and says nothing, our own clock ends the waiting."""
    remote = start("smartca", "ask")
    key = remote.open()
    pending = key.sign(digests(), "rsa-pkcs1v15")
    assert isinstance(pending, Pending)
    late = json.loads(pending.ticket) | {"expires": "2020-01-01T00:00:00+00:00"}
    with pytest.raises(KeyTrouble) as trouble:
        key.poll(json.dumps(late))
    assert trouble.value.code == "remote.expired"
    key.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", "x" * 100, '{"version":1}', '{"version":2}', "[" * 100_000])
def test_a_broken_ticket_is_refused(text: str, start: Start) -> None:
    """A ticket that cannot be read is told as such."""
    key = start("smartca").open()
    with pytest.raises(KeyTrouble) as trouble:
        key.poll(text)
    assert trouble.value.code == "remote.ticket_bad"
    key.close()


def test_limits_are_kept(start: Start) -> None:
    """More letters than one confirmation takes, and another scheme, are refused before anything is sent."""
    key = start("smartca").open()
    with pytest.raises(WrongUse):
        key.sign(digests(101), "rsa-pkcs1v15")
    with pytest.raises(KeyTrouble):
        key.sign(digests(), "rsa-pss")
    key.close()


def test_names_on_the_phone_are_unique() -> None:
    """Two letters of one name are told apart."""
    twice = [digests()[0], digests()[0]]
    assert shown_names(twice) == ["Công văn số 0.pdf", "Công văn số 0.pdf (2)"]


def test_a_private_address_needs_consent(start: Start) -> None:
    """Without allow_private nothing is sent to an address inside."""
    with pytest.raises(FetchFailed) as failed:
        start("smartca").open(allow_private=False)
    assert failed.value.code == "fetch.address_refused"


@pytest.mark.parametrize(
    "uri", ["smartca", "mysign:x", "smartca:1;serial", "smartca:1;x=1", "smartca:1;serial=1;serial=2"]
)
def test_a_wrong_uri_is_refused(uri: str, start: Start) -> None:
    """What is not this provider's URI is refused."""
    with pytest.raises(WrongUse):
        RemoteSource("smartca").open(uri, start("smartca").access())


def test_the_person_is_named_by_a_config_entry(start: Start) -> None:
    """A key may take its signer from the config."""
    start("smartca", user_id=PERSON_ID).open(user="").close()
