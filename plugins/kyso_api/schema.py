"""The service's tables in the records: what replicas share. Times are UTC.

Everything a replica needs to go on where another one stopped is here, files included; nothing of it is on a
replica's own disk.
"""

from __future__ import annotations

import sqlalchemy as sa

from kyso.records.schema import UtcTime

METADATA = sa.MetaData()

TOKENS = sa.Table(
    "api_tokens",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("keys", sa.Text, nullable=False),
    sa.Column("rate_per_minute", sa.Integer),
    sa.Column("webhook_secret", sa.String(64), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
)

CONTENTS = sa.Table(
    "api_contents",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("token_id", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
)

CONTENT_PARTS = sa.Table(
    "api_content_parts",
    METADATA,
    sa.Column("content_id", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

PREPARED = sa.Table(
    "api_prepared",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("token_id", sa.String(16), nullable=False),
    sa.Column("content_id", sa.String(32), nullable=False),
    sa.Column("prepared_json", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("claimed_until", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
)

PENDING = sa.Table(
    "api_pending",
    METADATA,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("token_id", sa.String(16), nullable=False, index=True),
    sa.Column("content_id", sa.String(32), nullable=False),
    sa.Column("document_name", sa.Text, nullable=False),
    sa.Column("key_name", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("answer_json", sa.Text, nullable=False),
    sa.Column("result_id", sa.String(32)),
    sa.Column("webhook", sa.Text),
    sa.Column("claimed_until", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
)

IDEMPOTENCY = sa.Table(
    "api_idempotency",
    METADATA,
    sa.Column("token_id", sa.String(16), primary_key=True),
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("headers_json", sa.Text),
    sa.Column("content_id", sa.String(32)),
    sa.Column("claimed_until", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
)

DELIVERIES = sa.Table(
    "api_deliveries",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("token_id", sa.String(16), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("last_problem", sa.String(100)),
    sa.Column("next_at", UtcTime, nullable=False, index=True),
    sa.Column("claimed_until", UtcTime),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False, index=True),
)
