"""Telling a document system that a letter is signed: signed messages, repeated until they are taken.

A message is kept in the records before anything is sent, and whichever replica claims it delivers it through the fetch
guard: no address of this machine or of a private range unless the configuration permits it, no redirect, a deadline.
The body is signed with the token's webhook secret::

    Kyso-Signature: t=1763798400,v1=HEX      HEX = HMAC-SHA256(secret, "1763798400." + body)
    Kyso-Delivery: 0f3c...                   the same for every try: a receiver drops what it has seen

A receiver that checks the time refuses what was recorded and played again. Every answer of 2xx takes the message;
after the last try it stays as ``failed`` until its time is over.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from kyso.errors import KysoError
from kyso.fetch import Fetcher, FetchPolicy
from kyso.frozen import dataclass
from kyso.plugin import WrongUse
from kyso_api import tokens
from kyso_api.claims import claim, release
from kyso_api.schema import DELIVERIES

if TYPE_CHECKING:
    from kyso.records.store import Records
    from kyso_api.settings import ApiSettings

PAUSES_S = (2, 10, 60, 300, 1800, 7200, 21600)
"""Seconds before each further try."""

DEADLINE_S = 10.0
_FINAL = frozenset(
    {"fetch.address_refused", "fetch.url_bad", "fetch.plain_refused", "fetch.redirected", "fetch.origin_refused"}
)
"""What the guard refuses is not tried again: the address would have to become another one."""

_ANSWER_CAP = 64 << 10
_KEPT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way.

    :param attempts: how many tries there were.
    """

    id: str
    token_id: str
    url: str
    body: str
    attempts: int


def policy_of(settings: ApiSettings) -> FetchPolicy:
    """Return what deliveries may reach."""
    return FetchPolicy(
        deadline_s=DEADLINE_S,
        size_cap=_ANSWER_CAP,
        redirects=0,
        allow_private=settings.webhook_private,
        plain_http="allow" if settings.webhook_private else "refuse",
    )


def check_url(url: str | None, settings: ApiSettings) -> None:
    """Refuse an address that can be told to be wrong without asking for it; the guard judges the rest when it sends.

    :raises WrongUse: no https address, or not one of the permitted hosts.
    """
    if url is None:
        return
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        _ = parts.port
    except ValueError:
        raise WrongUse("api.webhook_url", host="-") from None
    permitted = ("https", "http") if settings.webhook_private else ("https",)
    if parts.scheme not in permitted or not host or "@" in parts.netloc or any(sign <= " " for sign in url):
        raise WrongUse("api.webhook_url", host=host or "-")
    if settings.webhook_hosts and host not in settings.webhook_hosts:
        raise WrongUse("api.webhook_host", host=host, known=settings.webhook_hosts)


def enqueue(records: Records, token_id: str, url: str, event: str, about: Mapping[str, Any]) -> None:
    """Keep a message to be delivered."""
    now = datetime.now(UTC)
    identifier = secrets.token_hex(16)
    message = {"schema": "kyso.event/1", "id": identifier, "event": event, "at": now.isoformat(), **about}
    row = {
        "id": identifier,
        "token_id": token_id,
        "url": url,
        "body": json.dumps(message, ensure_ascii=False),
        "attempts": 0,
        "state": "waiting",
        "next_at": now,
        "created_at": now,
        "expires_at": now + _KEPT,
    }
    with records.begin() as connection:
        connection.execute(sa.insert(DELIVERIES).values(**row))


def due(records: Records, limit: int = 20) -> list[Delivery]:
    """Take messages whose time has come; each is taken by one replica."""
    now = datetime.now(UTC)
    table = DELIVERIES
    query = (
        sa.select(table.c.id, table.c.token_id, table.c.url, table.c.body, table.c.attempts)
        .where(table.c.state == "waiting", table.c.next_at <= now)
        .order_by(table.c.next_at)
        .limit(limit)
    )
    with records.begin() as connection:
        found = [Delivery(*row) for row in connection.execute(query)]
    return [
        delivery
        for delivery in found
        if claim(records, table, sa.and_(table.c.id == delivery.id, table.c.state == "waiting"), DEADLINE_S * 3)
    ]


def deliver(records: Records, delivery: Delivery, fetcher: Fetcher) -> str:
    """Try once to deliver a message that was taken, and note what came of it.

    :returns: ``delivered``, ``waiting`` (it will be tried again) or ``failed``.
    """
    token = tokens.by_id(records, delivery.token_id)
    if token is None or not token.is_valid(datetime.now(UTC)):
        return _note(records, delivery, "failed", "api.token_refused")
    body = delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "Kyso-Delivery": delivery.id,
        "Kyso-Signature": signature(token.webhook_secret, body, int(time.time())),
    }
    try:
        answer = fetcher.request("POST", delivery.url, body=body, headers=headers)
    except KysoError as error:
        if error.code in _FINAL:
            return _note(records, delivery, "failed", error.code)
        return _again(records, delivery, error.code)
    if 200 <= answer.status < 300:
        return _note(records, delivery, "delivered", None)
    return _again(records, delivery, f"status {answer.status}")


def signature(secret: str, body: bytes, moment: int) -> str:
    """Return the value of ``Kyso-Signature``.

    :param moment: seconds since 1970.
    """
    value = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={value}"


def _again(records: Records, delivery: Delivery, problem: str) -> str:
    if delivery.attempts >= len(PAUSES_S):
        return _note(records, delivery, "failed", problem)
    pause = timedelta(seconds=PAUSES_S[delivery.attempts])
    return _note(records, delivery, "waiting", problem, datetime.now(UTC) + pause)


def _note(
    records: Records, delivery: Delivery, state: str, problem: str | None, next_at: datetime | None = None
) -> str:
    values: dict[str, Any] = {"state": state, "attempts": delivery.attempts + 1, "last_problem": problem}
    if next_at is not None:
        values["next_at"] = next_at
    release(records, DELIVERIES, DELIVERIES.c.id == delivery.id, **values)
    return state
