"""Files that replicas share and that end by themselves: results, prepared files, stored answers.

They lie in the records in parts of one mebibyte, each written and read by a statement of its own, so that memory does
not grow with the file.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from kyso.frozen import dataclass
from kyso_api.schema import CONTENT_PARTS, CONTENTS, DELIVERIES, IDEMPOTENCY, PENDING, PREPARED

if TYPE_CHECKING:
    from kyso.records.store import Records

Kind = Literal["result", "prepared", "answer"]
PART = 1 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """A kept file.

    :param kind: ``result`` may be fetched by the token that made it; the others are the service's own.
    :param expires_at: when it is deleted.
    """

    id: str
    token_id: str
    kind: Kind
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    expires_at: datetime


def put(
    records: Records, source: bytes | Path, token_id: str, kind: Kind, name: str, media_type: str, lifetime: timedelta
) -> Content:
    """Keep a file for `lifetime`."""
    identifier = secrets.token_hex(16)
    digest, size = hashlib.sha256(), 0
    now = datetime.now(UTC)
    with records.begin() as connection:
        for number, part in enumerate(_parts(source)):
            digest.update(part)
            size += len(part)
            values = {"content_id": identifier, "number": number, "data": part}
            connection.execute(sa.insert(CONTENT_PARTS).values(**values))
        content = Content(identifier, token_id, kind, name, media_type, size, digest.hexdigest(), now, now + lifetime)
        row = {column.name: getattr(content, column.name) for column in CONTENTS.c}
        connection.execute(sa.insert(CONTENTS).values(**row))
    return content


def find(records: Records, identifier: str, kind: Kind, token_id: str | None = None) -> Content | None:
    """Return what is known of a kept file, ``None`` where there is none or its time is over.

    :param token_id: only one that this token made.
    """
    query = sa.select(CONTENTS).where(CONTENTS.c.id == identifier, CONTENTS.c.kind == kind)
    if token_id is not None:
        query = query.where(CONTENTS.c.token_id == token_id)
    with records.begin() as connection:
        row = connection.execute(query).one_or_none()
    if row is None or row.expires_at <= datetime.now(UTC):
        return None
    values: dict[str, Any] = dict(row._mapping)
    return Content(**values)


def parts(records: Records, identifier: str) -> Iterator[bytes]:
    """Yield a kept file's parts in order, each from a transaction of its own."""
    number = 0
    while True:
        query = sa.select(CONTENT_PARTS.c.data).where(
            CONTENT_PARTS.c.content_id == identifier, CONTENT_PARTS.c.number == number
        )
        with records.begin() as connection:
            data = connection.execute(query).scalar_one_or_none()
        if data is None:
            return
        yield bytes(data)
        number += 1


def read(records: Records, identifier: str) -> bytes:
    """Return a kept file whole."""
    return b"".join(parts(records, identifier))


def write_to(records: Records, identifier: str, path: Path) -> None:
    """Write a kept file to `path`, which appears only when it is whole."""
    beside = path.with_name(f".kyso-{secrets.token_hex(8)}.part")
    try:
        with beside.open("wb") as file:
            for part in parts(records, identifier):
                file.write(part)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def drop(records: Records, identifier: str) -> None:
    """Delete a kept file; deleting it twice is harmless."""
    with records.begin() as connection:
        connection.execute(sa.delete(CONTENT_PARTS).where(CONTENT_PARTS.c.content_id == identifier))
        connection.execute(sa.delete(CONTENTS).where(CONTENTS.c.id == identifier))


def sweep(records: Records, now: datetime | None = None) -> int:
    """Delete everything whose time is over, and return how many files that were."""
    moment = now or datetime.now(UTC)
    with records.begin() as connection:
        over = [row.id for row in connection.execute(sa.select(CONTENTS.c.id).where(CONTENTS.c.expires_at <= moment))]
    for identifier in over:
        drop(records, identifier)
    with records.begin() as connection:
        for table in (PREPARED, PENDING, IDEMPOTENCY, DELIVERIES):
            connection.execute(sa.delete(table).where(table.c.expires_at <= moment))
    return len(over)


def _parts(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        for start in range(0, len(source), PART):
            yield source[start : start + PART]
        return
    with source.open("rb") as file:
        while part := file.read(PART):
            yield part
