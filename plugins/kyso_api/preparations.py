"""Letters prepared for a key that the caller holds: completed once, by the token that prepared, on any replica."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from kyso.frozen import dataclass
from kyso.serving.problems import Refusal
from kyso_api import contents
from kyso_api.claims import claim, release
from kyso_api.schema import PREPARED

if TYPE_CHECKING:
    from kyso.records.store import Records

_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Preparation:
    """A prepared letter that waits for its signature value.

    :param prepared_json: the :class:`~kyso.models.PreparedSignature` as JSON.
    :param content_id: where its file is kept.
    """

    id: str
    token_id: str
    content_id: str
    prepared_json: str
    state: str
    expires_at: datetime


def keep(
    records: Records, identifier: str, token_id: str, prepared_json: str, file: bytes | Path, lifetime: timedelta
) -> Preparation:
    """Keep a prepared letter for `lifetime`."""
    content = contents.put(records, file, token_id, "prepared", identifier, "application/pdf", lifetime)
    now = datetime.now(UTC)
    made = Preparation(identifier, token_id, content.id, prepared_json, "waiting", now + lifetime)
    row = {column.name: getattr(made, column.name) for column in PREPARED.c if hasattr(made, column.name)}
    with records.begin() as connection:
        connection.execute(sa.insert(PREPARED).values(created_at=now, **row))
    return made


def take(records: Records, identifier: str, token_id: str, work_s: float) -> Preparation:
    """Take a prepared letter to complete it; whoever takes it is alone with it for `work_s` seconds.

    :raises Refusal: there is none of that name for this token, its time is over, it is completed, or somebody is at it.
    """
    found = _find(records, identifier, token_id)
    if found.state != "waiting":
        raise Refusal("api.prepared_completed", 409, id=identifier)
    if not claim(records, PREPARED, sa.and_(PREPARED.c.id == identifier, PREPARED.c.state == "waiting"), work_s):
        raise Refusal("api.prepared_busy", 409, {"Retry-After": "2"}, id=identifier)
    return found


def give_back(records: Records, preparation: Preparation) -> None:
    """Leave a taken letter waiting: it was not completed."""
    release(records, PREPARED, PREPARED.c.id == preparation.id)


def complete(records: Records, preparation: Preparation) -> None:
    """End a taken letter: it is signed. Its prepared file is deleted."""
    release(records, PREPARED, PREPARED.c.id == preparation.id, state="completed")
    contents.drop(records, preparation.content_id)


def _find(records: Records, identifier: str, token_id: str) -> Preparation:
    row = None
    if _ID.fullmatch(identifier):
        query = sa.select(PREPARED).where(PREPARED.c.id == identifier, PREPARED.c.token_id == token_id)
        with records.begin() as connection:
            row = connection.execute(query).one_or_none()
    if row is None or row.expires_at <= datetime.now(UTC):
        raise Refusal("api.prepared_unknown", 404, id=identifier[:40])
    return Preparation(row.id, row.token_id, row.content_id, row.prepared_json, row.state, row.expires_at)
