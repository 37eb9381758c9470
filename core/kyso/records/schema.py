"""The core's tables. What is here must agree with the newest script in ``migrations/versions`` (a test compares)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time, kept as UTC; SQLite knows no zones."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Turn an aware time into naive UTC; a naive one is a mistake of the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be recorded")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Return the time as aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


PREPARED_SIGNATURES = sa.Table(
    "prepared_signatures",
    METADATA,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("document_name", sa.Text, nullable=False),
    sa.Column("key_name", sa.Text, nullable=False),
    sa.Column("ticket", sa.Text),
    sa.Column("instruction", sa.Text),
    sa.Column("prepared_json", sa.Text, nullable=False),
    sa.Column("prepared_path", sa.Text, nullable=False),
    sa.Column("out_path", sa.Text),
    sa.Column("overwrite", sa.Boolean, nullable=False),
)

COUNTERS = sa.Table(
    "counters",
    METADATA,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("period", sa.String(50), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
