"""Letters that wait for a person's confirmation: whose they are, what came of them, on any replica.

The waiting itself is the engine's (`kyso.signing.waiting`). Here stands which token asked, a copy of the prepared file
for the replicas that do not share a disk, and the answer once there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from kyso.frozen import dataclass
from kyso.serving.problems import Refusal
from kyso_api import contents
from kyso_api.claims import claim, release
from kyso_api.schema import PENDING

if TYPE_CHECKING:
    from kyso.records.store import Records

_ID = re.compile(r"[0-9a-f]{16}")
WAITING = "pending"
SENDING = "sending"


@dataclass(frozen=True, slots=True)
class WaitingLetter:
    """A letter that waits, or waited.

    :param state: ``sending``, ``pending``, ``signed``, ``failed`` or ``cancelled``. One that stays ``sending`` has an
        outcome that nobody knows.
    :param answer: the answer as it was given last: ``kyso.signed/1``.
    :param result_id: the signed letter among the kept files.
    :param webhook: where its end is told.
    """

    id: str
    token_id: str
    content_id: str
    document_name: str
    key_name: str
    state: str
    answer: Mapping[str, Any]
    result_id: str | None
    webhook: str | None
    created_at: datetime
    changed_at: datetime
    expires_at: datetime


def keep(
    records: Records,
    identifier: str,
    token_id: str,
    answer: Mapping[str, Any],
    *,
    file: bytes | Path,
    key_name: str,
    webhook: str | None,
    lifetime: timedelta,
) -> WaitingLetter:
    """Keep a letter that is about to be sent; :func:`sent` or :func:`end` says what became of it."""
    content = contents.put(records, file, token_id, "prepared", identifier, "application/pdf", lifetime)
    now = datetime.now(UTC)
    letter = WaitingLetter(
        id=identifier,
        token_id=token_id,
        content_id=content.id,
        document_name=str(answer["document"]),
        key_name=key_name,
        state=SENDING,
        answer=answer,
        result_id=None,
        webhook=webhook,
        created_at=now,
        changed_at=now,
        expires_at=now + lifetime,
    )
    row = {column.name: getattr(letter, column.name) for column in PENDING.c if hasattr(letter, column.name)}
    with records.begin() as connection:
        connection.execute(sa.insert(PENDING).values(answer_json=json.dumps(dict(answer)), **row))
    return letter


def sent(records: Records, letter: WaitingLetter, answer: Mapping[str, Any]) -> None:
    """Note that a letter was sent and now waits for its person."""
    release(
        records,
        PENDING,
        PENDING.c.id == letter.id,
        state=WAITING,
        answer_json=json.dumps(dict(answer)),
        changed_at=datetime.now(UTC),
    )


def of_token(records: Records, token_id: str, *, limit: int, offset: int) -> list[WaitingLetter]:
    """Return a token's letters, the newest first."""
    query = (
        sa.select(PENDING)
        .where(PENDING.c.token_id == token_id)
        .order_by(PENDING.c.created_at.desc(), PENDING.c.id)
        .limit(limit)
        .offset(offset)
    )
    with records.begin() as connection:
        return [_letter(row) for row in connection.execute(query)]


def find(records: Records, identifier: str, token_id: str) -> WaitingLetter:
    """Return one of a token's letters.

    :raises Refusal: there is none of that name for this token.
    """
    row = None
    if _ID.fullmatch(identifier):
        query = sa.select(PENDING).where(PENDING.c.id == identifier, PENDING.c.token_id == token_id)
        with records.begin() as connection:
            row = connection.execute(query).one_or_none()
    if row is None:
        raise Refusal("api.pending_unknown", 404, id=identifier[:40])
    return _letter(row)


def still_waiting(records: Records, sent_before: datetime, limit: int = 100) -> list[WaitingLetter]:
    """Return letters that wait, of every token, those first that were asked about longest ago.

    :param sent_before: letters that are still ``sending`` are among them where they began before this time: whoever
        sent them has died, and the other side may know them.
    """
    stopped = sa.and_(PENDING.c.state == SENDING, PENDING.c.changed_at < sent_before)
    query = sa.select(PENDING).where(sa.or_(PENDING.c.state == WAITING, stopped))
    with records.begin() as connection:
        return [_letter(row) for row in connection.execute(query.order_by(PENDING.c.changed_at).limit(limit))]


def take(records: Records, letter: WaitingLetter, seconds: float) -> bool:
    """Take a letter to ask how it stands; whoever takes it is alone with it for `seconds`."""
    return claim(records, PENDING, sa.and_(PENDING.c.id == letter.id, PENDING.c.state.in_((WAITING, SENDING))), seconds)


def give_back(records: Records, letter: WaitingLetter) -> None:
    """Leave a taken letter waiting."""
    release(records, PENDING, PENDING.c.id == letter.id, changed_at=datetime.now(UTC))


def end(
    records: Records, letter: WaitingLetter, state: str, answer: Mapping[str, Any], result_id: str | None = None
) -> None:
    """End a letter's waiting; the copy of its prepared file is deleted."""
    values = {"state": state, "answer_json": json.dumps(dict(answer)), "result_id": result_id}
    release(records, PENDING, PENDING.c.id == letter.id, changed_at=datetime.now(UTC), **values)
    contents.drop(records, letter.content_id)


def _letter(row: sa.Row[Any]) -> WaitingLetter:
    values = dict(row._mapping)
    values.pop("claimed_until")
    return WaitingLetter(answer=json.loads(values.pop("answer_json")), **values)
