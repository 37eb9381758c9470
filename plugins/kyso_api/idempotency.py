"""Repeated requests: the same ``Idempotency-Key`` with the same content gets the same answer, from any replica.

The key is taken before the work begins. Success is kept with the answer's octets; a refusal is not, so that the caller
may mend the request's circumstances and send it again. While the first request is under way, a second one is told to
wait. Where a replica died in the middle, the key is free again after the claim's time, except where a person may have
been asked already: then a person looks, nothing is sent twice by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from kyso.frozen import dataclass
from kyso.plugin import WrongUse
from kyso.serving.problems import Refusal
from kyso_api import contents
from kyso_api.claims import claim
from kyso_api.schema import IDEMPOTENCY

if TYPE_CHECKING:
    from kyso.records.store import Records

HEADER = "Idempotency-Key"
_FORM = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Repetition:
    """One request's hold on its key.

    :param token_id: keys are each token's own.
    :param lifetime: how long the answer is kept.
    :param work_s: how long the work may take before the key is free again.
    """

    token_id: str
    key: str
    fingerprint: str
    lifetime: timedelta
    work_s: float

    def begin(self, records: Records, *, confirmed_by_person: bool = False) -> Kept | None:
        """Take the key, or return the answer that was given under it.

        :param confirmed_by_person: an unfinished earlier request may have reached a person's phone.
        :raises Refusal: the key belongs to another content, or its first request is still under way, or what came of
            that is not known.
        """
        now = datetime.now(UTC)
        row = {
            "token_id": self.token_id,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "claimed_until": now + timedelta(seconds=self.work_s),
            "created_at": now,
            "expires_at": now + self.lifetime,
        }
        with records.begin() as connection:
            connection.execute(sa.delete(IDEMPOTENCY).where(self._mine, IDEMPOTENCY.c.expires_at <= now))
        with records.begin() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            statement = insert(IDEMPOTENCY).values(**row).on_conflict_do_nothing().returning(IDEMPOTENCY.c.key)
            taken = connection.execute(statement).one_or_none()
        if taken is not None:
            return None
        with records.begin() as connection:
            found = connection.execute(sa.select(IDEMPOTENCY).where(self._mine)).one_or_none()
        if found is None:
            return self.begin(records, confirmed_by_person=confirmed_by_person)
        if found.fingerprint != self.fingerprint:
            raise Refusal("api.idempotency_conflict", 409, key=self.key)
        if found.status is not None:
            body = contents.read(records, found.content_id) if found.content_id else b""
            return Kept(found.status, json.loads(found.headers_json), body)
        if confirmed_by_person and found.claimed_until is not None and found.claimed_until <= now:
            raise Refusal("api.idempotency_unknown", 409, key=self.key)
        if not claim(records, IDEMPOTENCY, sa.and_(self._mine, IDEMPOTENCY.c.status.is_(None)), self.work_s):
            raise Refusal("api.idempotency_running", 409, {"Retry-After": "2"}, key=self.key)
        return None

    def finish(self, records: Records, kept: Kept) -> None:
        """Keep the answer."""
        content = contents.put(
            records, kept.body, self.token_id, "answer", self.key, "application/octet-stream", self.lifetime
        )
        values = {"status": kept.status, "headers_json": json.dumps(dict(kept.headers)), "content_id": content.id}
        with records.begin() as connection:
            connection.execute(sa.update(IDEMPOTENCY).where(self._mine).values(claimed_until=None, **values))

    def forget(self, records: Records) -> None:
        """Free the key: there was no success to keep."""
        with records.begin() as connection:
            connection.execute(sa.delete(IDEMPOTENCY).where(self._mine, IDEMPOTENCY.c.status.is_(None)))

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(IDEMPOTENCY.c.token_id == self.token_id, IDEMPOTENCY.c.key == self.key)


def checked_key(value: str | None) -> str | None:
    """Return the header's value where it can be a key.

    :raises WrongUse: it cannot.
    """
    if value is not None and not _FORM.fullmatch(value):
        raise WrongUse("api.idempotency_key", value=value[:40])
    return value
