"""Asking a timestamp authority: what is accepted, what is not, and what follows when nobody answers."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import tsp

from kyso.cms.encode import integer, sequence, tlv
from kyso.demo.pki import DemoPki, Identity
from kyso.errors import RemoteFailed, WrongUse
from kyso.extending.signature_time import with_signature_time
from kyso.extending.timestamp import TimestampAuthorities, check_wanted, request_for, token_from
from kyso.text import Phrase
from kyso.verification.timestamps import read_token
from tests.core.extending.authority import Authority, right_answer, serving, stamp

DIGEST = hashlib.sha256(b"letter").digest()
UTF8_STRING = 0x0C
NOBODY = "http://127.0.0.1:1/tsa"


def causes(error: RemoteFailed) -> list[str]:
    """Return the codes of what each authority failed by."""
    assert error.code == "tsa.all_failed"
    found = error.parameters["failures"]
    assert isinstance(found, list)
    return [str(cause.code) for phrase in found if isinstance(cause := phrase.parameters.get("cause"), Phrase)]


def test_the_request_is_rfc_3161() -> None:
    """Version, imprint, nonce and the wish for the certificate, as an independent parser reads them."""
    request = tsp.TimeStampReq.load(request_for(DIGEST, "sha256", 12345)).native
    assert request["version"] == "v1"
    assert request["message_imprint"]["hash_algorithm"]["algorithm"] == "sha256"
    assert request["message_imprint"]["hashed_message"] == DIGEST
    assert (request["nonce"], request["cert_req"]) == (12345, True)


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_a_granted_timestamp_is_returned(authority: Authority, name: str) -> None:
    """The token stamps the digest that was sent, at the authority's time."""
    authority.moment = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    digest = hashlib.new(name, b"letter").digest()
    with TimestampAuthorities([authority.url]) as authorities:
        stamped = authorities.stamp(digest, name)  # type: ignore[arg-type] # one of the three names
    assert (stamped.time, stamped.url) == (authority.moment, authority.url)
    assert read_token(stamped.token).imprint == digest


def _altered(**changes: object) -> object:
    def answer(request: tsp.TimeStampReq, authority: Authority) -> tuple[int, bytes]:
        for name, value in changes.items():
            if name == "digest":
                request["message_imprint"]["hashed_message"] = value
            else:
                request[name] = value
        return 200, stamp(request, authority).dump()

    return answer


def _refusing(_request: tsp.TimeStampReq, _authority: Authority) -> tuple[int, bytes]:
    return 200, sequence(sequence(integer(2), sequence(tlv(UTF8_STRING, "hết\x1b[2J hạn mức".encode()))))


def _forged(request: tsp.TimeStampReq, authority: Authority) -> tuple[int, bytes]:
    response = stamp(request, authority)
    data = bytearray(response.dump())
    data[-5] ^= 1  # inside the signature value
    return 200, bytes(data)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (_altered(digest=bytes(32)), "tsa.other_data"),
        (_altered(nonce=7), "tsa.other_answer"),
        (_refusing, "tsa.refused"),
        (_forged, "tsa.unusable"),
        (lambda *_: (500, b"broken"), "tsa.http_status"),
        (lambda *_: (200, b""), "tsa.malformed"),
        (lambda *_: (200, b"<html>"), "tsa.malformed"),
        (lambda *_: (200, b"\x30\x80" * 3000), "tsa.malformed"),
        (lambda *_: (200, b"\x30\x05\x30\x03\x02\x01\x00"), "tsa.malformed"),
        (lambda *_: (200, bytes(2 << 20)), "fetch.too_large"),
    ],
)
def test_a_wrong_answer_is_not_accepted(authority: Authority, answer: object, code: str) -> None:
    """Every way of answering wrongly has its name, and its words hold no control character."""
    authority.answer = answer  # type: ignore[assignment] # parametrised
    with TimestampAuthorities([authority.url]) as authorities, pytest.raises(RemoteFailed) as failed:
        authorities.stamp(DIGEST, "sha256")
    assert causes(failed.value) == [code]
    assert failed.value.exit_code == 6
    assert "\x1b" not in failed.value.message("vi")


def test_random_answers_never_crash() -> None:
    """Whatever octets come back, the outcome is an error with a code."""
    for length in (1, 10, 100, 1000):
        for start in (b"", b"\x30\x82\x01\x00", b"\x30\x80\x30\x03\x02\x01\x00"):
            with pytest.raises(RemoteFailed):
                token_from(start + os.urandom(length), DIGEST, "sha256", 1)


def test_a_signers_certificate_cannot_stamp(pki: DemoPki) -> None:
    """Without the critical timestamping purpose a token proves nothing (RFC 3161, 2.3)."""
    with (
        serving(pki.identities["seal"]) as running,
        TimestampAuthorities([running.url]) as authorities,
        pytest.raises(RemoteFailed) as failed,
    ):
        authorities.stamp(DIGEST, "sha256")
    assert causes(failed.value) == ["tsa.unusable"]


def test_the_next_authority_is_asked_and_remembered(authority: Authority, tsa_identity: Identity) -> None:
    """A dead authority and a refusing one cost one try each; the one that answered is asked first afterwards."""
    with serving(tsa_identity) as refusing, TimestampAuthorities([NOBODY, refusing.url, authority.url]) as authorities:
        refusing.answer = _refusing
        assert authorities.stamp(DIGEST, "sha256").url == authority.url
        assert authorities.stamp(DIGEST, "sha256").url == authority.url
    assert (refusing.asked, authority.asked) == (1, 2)


def test_the_deadline_holds_for_all_together(authority: Authority) -> None:
    """Slow authorities cannot keep a signature waiting beyond the deadline."""

    def slow(request: tsp.TimeStampReq, running: Authority) -> tuple[int, bytes]:
        time.sleep(3)
        return right_answer(request, running)

    authority.answer = slow
    began = time.monotonic()
    with TimestampAuthorities([authority.url] * 2, deadline_s=1) as authorities, pytest.raises(RemoteFailed):
        authorities.stamp(DIGEST, "sha256")
    assert time.monotonic() - began < 1.7


def test_what_is_missing_is_said_before_a_key_is_used() -> None:
    """No authority, or no permission to use the network, is wrong use."""
    check_wanted(["http://tsa.example/"], online=True)
    for urls, online, code in (([], True, "tsa.none_configured"), (["http://tsa.example/"], False, "tsa.offline")):
        with pytest.raises(WrongUse) as refused:
            check_wanted(urls, online=online)  # type: ignore[arg-type] # an empty list
        assert refused.value.code == code


def _build(token: bytes | None) -> bytes:
    return b"cms" + (token or b"")


def test_a_signature_gets_its_time(authority: Authority) -> None:
    """The timestamp is over the signature value and goes into the CMS."""
    with TimestampAuthorities([authority.url]) as authorities:
        stamped = with_signature_time(_build, b"value", "sha256", authorities, 12_288)
    assert (stamped.level, stamped.notices) == ("t", ())
    assert read_token(stamped.cms.removeprefix(b"cms")).imprint == hashlib.sha256(b"value").digest()


def test_after_the_key_was_used_nothing_fails(authority: Authority) -> None:
    """No authority, or a token larger than the reserved space: level B-B and a notice."""
    with TimestampAuthorities([NOBODY]) as authorities:
        without = with_signature_time(_build, b"value", "sha256", authorities, 12_288)
    with TimestampAuthorities([authority.url]) as authorities:
        too_large = with_signature_time(_build, b"value", "sha256", authorities, 100)
    for stamped, code in ((without, "tsa.finished_without"), (too_large, "tsa.no_room")):
        assert (stamped.cms, stamped.level) == (b"cms", "b")
        assert [notice.code for notice in stamped.notices] == [code]
