"""Webhooks: signed, repeated until they are taken, and never led to where they must not go."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from kyso.errors import WrongUse
from kyso.fetch import Fetcher
from kyso.plugins import create_plugin_manager
from kyso.records.store import Records
from kyso_api import tokens, webhooks
from kyso_api.schema import DELIVERIES
from kyso_api.settings import ApiSettings
from kyso_api.tokens import Token

PRIVATE = ApiSettings(webhook_private=True)


@dataclass
class Receiver:
    """A document system's end: notes what comes, answers with the next of `statuses`, then 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver on loopback."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(received.statuses.pop(0) if received.statuses else 204)
            if received.location:
                self.send_header("Location", received.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield received
    server.shutdown()
    server.server_close()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Records with the service's tables."""
    registry = create_plugin_manager()
    with Records.open(f"sqlite:///{tmp_path / 'r.sqlite3'}", table_sets=[registry.load("tables", "api")]) as opened:
        yield opened


@pytest.fixture
def token(records: Records) -> Token:
    """The token whose letter it is about."""
    return tokens.create(records, "qlvb", ["sign"])[0]


def delivered(records: Records, settings: ApiSettings = PRIVATE) -> list[str]:
    """Deliver what is due and return what came of it."""
    with Fetcher(webhooks.policy_of(settings)) as fetcher:
        return [webhooks.deliver(records, delivery, fetcher) for delivery in webhooks.due(records)]


def problem(records: Records) -> str | None:
    """Return the last problem of the only message."""
    with records.begin() as connection:
        return connection.execute(sa.select(DELIVERIES.c.last_problem)).scalar_one()


def bring_forward(records: Records) -> None:
    """Let the time of the next try come."""
    with records.begin() as connection:
        connection.execute(sa.update(DELIVERIES).values(next_at=datetime.now(UTC) - timedelta(seconds=1)))


def test_a_message_is_signed_and_taken_once(records: Records, token: Token, receiver: Receiver) -> None:
    """The receiver can check by whom and when it was sent; once taken it is not sent again."""
    webhooks.enqueue(records, token.id, receiver.url, "signature.signed", {"pending": "/v1/pending/a"})
    assert delivered(records) == ["delivered"]
    assert delivered(records) == []
    headers, body = receiver.got[0]
    moment, _, value = headers["kyso-signature"].removeprefix("t=").partition(",v1=")
    expected = hmac.new(token.webhook_secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(value, expected)
    assert abs(time.time() - int(moment)) < 60
    assert json.loads(body)["id"] == headers["kyso-delivery"]
    assert json.loads(body)["event"] == "signature.signed"


def test_a_failing_receiver_is_asked_again(records: Records, token: Token, receiver: Receiver) -> None:
    """After a failure the same message comes again later, under the same name; at last it is given up."""
    receiver.statuses = [500]
    webhooks.enqueue(records, token.id, receiver.url, "signature.signed", {})
    assert delivered(records) == ["waiting"]
    assert delivered(records) == [], "not before its time"
    bring_forward(records)
    assert delivered(records) == ["delivered"]
    assert len({headers["kyso-delivery"] for headers, _ in receiver.got}) == 1
    receiver.statuses = [500] * 20
    webhooks.enqueue(records, token.id, receiver.url, "signature.failed", {})
    outcomes = []
    while not outcomes or outcomes[-1] == ["waiting"]:
        bring_forward(records)
        outcomes.append(delivered(records))
    assert outcomes == [["waiting"]] * len(webhooks.PAUSES_S) + [["failed"]]


def test_several_replicas_deliver_once(records: Records, token: Token, receiver: Receiver) -> None:
    """A message that one has taken is not due for another; one that was taken and lost comes back by itself."""
    webhooks.enqueue(records, token.id, receiver.url, "signature.signed", {})
    assert len(webhooks.due(records)) == 1
    assert webhooks.due(records) == []
    with records.begin() as connection:
        connection.execute(sa.update(DELIVERIES).values(claimed_until=datetime.now(UTC) - timedelta(seconds=1)))
    assert len(webhooks.due(records)) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "169.254.169.254", "10.0.0.1"])
def test_addresses_inside_are_not_reached(records: Records, token: Token, receiver: Receiver, host: str) -> None:
    """Neither an address of this machine or of a private range nor a name that leads to one gets a message."""
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    webhooks.enqueue(records, token.id, f"https://{host}:{port}/hook", "signature.signed", {})
    assert delivered(records, ApiSettings()) in (["failed"], ["waiting"])
    assert problem(records) in ("fetch.address_refused", "fetch.unresolvable")
    assert not receiver.got


def test_a_redirect_is_not_followed(records: Records, token: Token, receiver: Receiver) -> None:
    """A receiver cannot send the message on to somewhere else."""
    receiver.statuses, receiver.location = [307], "http://169.254.169.254/latest"
    webhooks.enqueue(records, token.id, receiver.url, "signature.signed", {})
    assert delivered(records) == ["failed"]
    assert problem(records) == "fetch.redirected"
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://qlvb.example.gov.vn/hook", "api.webhook_url"),
        ("https://user:password@qlvb.example.gov.vn/", "api.webhook_url"),
        ("file:///etc/passwd", "api.webhook_url"),
        ("https://", "api.webhook_url"),
        ("https://a b/", "api.webhook_url"),
        ("https://[::1/", "api.webhook_url"),
        ("https://other.example/", "api.webhook_host"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_at_once(url: str, code: str) -> None:
    """The request is refused before anything is signed; its words do not repeat a password in the address."""
    with pytest.raises(WrongUse) as refused:
        webhooks.check_url(url, ApiSettings(webhook_hosts=("qlvb.example.gov.vn",)))
    assert refused.value.code == code
    assert "password" not in refused.value.message("en")
    webhooks.check_url("https://qlvb.example.gov.vn/hook", ApiSettings())


def test_a_revoked_token_is_told_nothing(records: Records, token: Token, receiver: Receiver) -> None:
    """What is still on its way when a token ends stays here."""
    webhooks.enqueue(records, token.id, receiver.url, "signature.signed", {})
    tokens.revoke(records, token.id)
    assert delivered(records) == ["failed"]
    assert not receiver.got
    assert replace(token, revoked_at=datetime.now(UTC)).is_valid(datetime.now(UTC)) is False
