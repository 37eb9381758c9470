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

INCOMING_LETTERS = sa.Table(
    "incoming_letters",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("organisation", sa.String(300), nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer),
    sa.Column("form", sa.String(16), nullable=False),
    sa.Column("recorded_at", UtcTime, nullable=False),
    sa.Column("arrived_on", sa.Date, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("number_and_symbol", sa.Text, nullable=False),
    sa.Column("dated", sa.Date),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("sender", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("forwarded_on", sa.Date),
    sa.Column("received_by", sa.Text, nullable=False),
    sa.Column("remark", sa.Text, nullable=False),
    sa.Column("likeness", sa.String(64), nullable=False, index=True),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("file_sha256", sa.String(64), nullable=False, index=True),
    sa.Column("file_size", sa.BigInteger, nullable=False),
    sa.Column("occurrence", sa.Integer, nullable=False),
    sa.Column("letter_sha256", sa.String(64), nullable=False, index=True),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("manifest_sha256", sa.String(64), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("decision_json", sa.Text, nullable=False),
    sa.Column("recalled_on", sa.Date),
    sa.Column("recall_reference", sa.Text, nullable=False),
    sa.Column("destroyed_at", UtcTime),
    sa.Column("purged_at", UtcTime),
    sa.UniqueConstraint("organisation", "year", "number", name="uq_incoming_letters_number"),
    sa.UniqueConstraint("organisation", "file_sha256", "occurrence", name="uq_incoming_letters_file"),
)
"""The register of incoming letters (Decree 30/2020, Điều 22 and Annex IV); written by :mod:`kyso.receiving`."""

INCOMING_EVENTS = sa.Table(
    "incoming_events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("letter_id", sa.String(32), sa.ForeignKey("incoming_letters.id"), nullable=False, index=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("name", sa.String(32), nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("detail_json", sa.Text, nullable=False),
)
"""What happened to a letter after its receipt; rows are only added."""
