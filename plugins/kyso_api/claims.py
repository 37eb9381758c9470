"""Claims on rows that several replicas share: who holds one works on it, and it ends by itself if its holder dies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from kyso.records.store import Records


def claim(records: Records, table: sa.Table, where: Any, seconds: float) -> bool:
    """Take the row that `where` names for `seconds`, unless somebody holds it. One statement decides.

    :returns: whether it was taken.
    """
    now = datetime.now(UTC)
    statement = (
        sa.update(table)
        .where(where, sa.or_(table.c.claimed_until.is_(None), table.c.claimed_until <= now))
        .values(claimed_until=now + timedelta(seconds=seconds))
    )
    with records.begin() as connection:
        return connection.execute(statement).rowcount == 1


def release(records: Records, table: sa.Table, where: Any, **values: Any) -> None:
    """Give the row back, with `values` set."""
    with records.begin() as connection:
        connection.execute(sa.update(table).where(where).values(claimed_until=None, **values))
