"""Viettel MySign against its simulator, over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kyso.cms.values import value_matches
from kyso.plugin import KeyTrouble, Pending, RemoteFailed
from kyso.simulation.signatory import BODY_ID, CLIENT_SECRET, PERSON_ID
from kyso_remote.providers.reading import plain_name
from tests.plugins.remote.conftest import Remote, digests, finish

Start = Callable[..., Remote]


def test_a_hundred_letters_cost_one_request(start: Start) -> None:
    """A hundred hashes go out at once, wait for the phone, and come back as right signatures in order."""
    remote = start("mysign")
    key = remote.open(user=f"CMT_{PERSON_ID}")
    assert key.batch_limit == 100
    outcome = key.sign(digests(100), "rsa-pkcs1v15")
    assert isinstance(outcome, Pending)
    assert remote.fetch("GET", "/phone").decode().count("<section>") == 1
    signed = finish(key, outcome)
    for value, digest in zip(signed.values, digests(100), strict=True):
        assert value_matches(key.certificate, value, digest.value, "rsa-pkcs1v15", "sha256")
    key.close()


def test_another_process_finishes(start: Start) -> None:
    """A new session, with a new access token, finishes what an old one began."""
    remote = start("mysign")
    key = remote.open(user=f"MST_{BODY_ID}")
    outcome = key.sign(digests(2), "rsa-pkcs1v15")
    key.close()
    assert isinstance(outcome, Pending)
    assert CLIENT_SECRET not in outcome.ticket
    again = remote.open(user=f"MST_{BODY_ID}")
    assert len(finish(again, outcome).values) == 2
    again.close()
    other = remote.open(user=f"CMT_{PERSON_ID}")
    with pytest.raises(KeyTrouble) as trouble:
        other.poll(outcome.ticket)
    assert trouble.value.code == "remote.certificate_changed"
    other.close()


@pytest.mark.parametrize(
    ("scenario", "code"), [("reject", "remote.rejected"), ("expire", "remote.expired"), ("quota", "remote.quota")]
)
def test_a_refusal_has_its_name(scenario: str, code: str, start: Start) -> None:
    """4001, 4002 and 4005 are told apart."""
    key = start("mysign", scenario).open(user=f"CMT_{PERSON_ID}")
    with pytest.raises(KeyTrouble) as trouble:
        finish(key, key.sign(digests(), "rsa-pkcs1v15"))
    assert trouble.value.code == code
    key.close()


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("wrong-signature", "remote.signature_wrong"),
        ("wrong-count", "remote.wrong_count"),
        ("drop", "remote.outcome_unknown"),
        ("refuse-connection", "remote.outcome_unknown"),
        ("server-error", "remote.failed"),
        ("garbage", "remote.answer_malformed"),
    ],
)
def test_a_failure_has_its_name(scenario: str, code: str, start: Start) -> None:
    """Wrong, missing, lost and unreadable answers are told apart, and no signature is used."""
    key = start("mysign", scenario).open(user=f"CMT_{PERSON_ID}")
    with pytest.raises(RemoteFailed) as failed:
        finish(key, key.sign(digests(2), "rsa-pkcs1v15"))
    assert failed.value.code == code
    key.close()


def test_signatures_without_names_in_another_order(start: Start) -> None:
    """The answer has no document ids: the signatures themselves find their letters."""
    key = start("mysign", "wrong-order").open(user=f"CMT_{PERSON_ID}")
    assert len(finish(key, key.sign(digests(4), "rsa-pkcs1v15")).values) == 4
    key.close()


@pytest.mark.parametrize(
    ("user", "options", "secret", "code"),
    [
        ("CMT_000", {}, CLIENT_SECRET, "remote.user_unknown"),
        (f"CMT_{PERSON_ID}", {"client_id": "nobody"}, CLIENT_SECRET, "remote.client_refused"),
        (f"CMT_{PERSON_ID}", {}, "wrong", "remote.client_refused"),
        (f"CMT_{PERSON_ID}", {"profile_id": "other"}, CLIENT_SECRET, "remote.client_refused"),
    ],
)
def test_access_data_are_checked(user: str, options: dict[str, str], secret: str, code: str, start: Start) -> None:
    """The documented error numbers become causes with a next step."""
    remote = start("mysign")
    remote.answers["client_secret"] = secret
    with pytest.raises(KeyTrouble) as trouble:
        remote.open(user=user, **options)
    assert trouble.value.code == code
    assert trouble.value.next_step("vi")


def test_an_expired_certificate_opens_no_key(start: Start) -> None:
    """A certificate that is not valid is refused before anything is signed."""
    with pytest.raises(KeyTrouble) as trouble:
        start("mysign", "expired-certificate").open(user=f"CMT_{PERSON_ID}")
    assert trouble.value.code == "remote.certificate_unusable"


def test_a_lost_access_token_is_renewed_once(start: Start) -> None:
    """When the service forgot the token, one new login goes on."""
    key = start("mysign").open(user=f"CMT_{PERSON_ID}")
    outcome = key.sign(digests(), "rsa-pkcs1v15")
    key._provider._session._token = "forgotten"
    assert len(finish(key, outcome).values) == 1
    key.close()


def test_document_names_are_spelt_for_the_phone() -> None:
    """MySign shows letters, digits, underscore, hyphen and space: Vietnamese is folded, the rest replaced."""
    assert plain_name("Quyết định số 12/QĐ-UBND.pdf", 99) == "Quyet dinh so 12_QD-UBND_pdf"
    assert plain_name("文", 99) == "_"
    assert len(plain_name("a" * 300, 99)) == 99
