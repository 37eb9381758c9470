"""The register of incoming letters and what happened to each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_incoming_0001"
down_revision = "core_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the register's tables."""
    op.create_table(
        "incoming_letters",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("organisation", sa.String(300), nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("form", sa.String(16), nullable=False),
        sa.Column("recorded_at", sa.DateTime, nullable=False),
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
        sa.Column("likeness", sa.String(64), nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("file_size", sa.BigInteger, nullable=False),
        sa.Column("occurrence", sa.Integer, nullable=False),
        sa.Column("letter_sha256", sa.String(64), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("decision_json", sa.Text, nullable=False),
        sa.Column("recalled_on", sa.Date),
        sa.Column("recall_reference", sa.Text, nullable=False),
        sa.Column("destroyed_at", sa.DateTime),
        sa.Column("purged_at", sa.DateTime),
        sa.UniqueConstraint("organisation", "year", "number", name="uq_incoming_letters_number"),
        sa.UniqueConstraint("organisation", "file_sha256", "occurrence", name="uq_incoming_letters_file"),
    )
    op.create_index("ix_incoming_letters_likeness", "incoming_letters", ["likeness"])
    op.create_index("ix_incoming_letters_file_sha256", "incoming_letters", ["file_sha256"])
    op.create_index("ix_incoming_letters_letter_sha256", "incoming_letters", ["letter_sha256"])
    op.create_table(
        "incoming_events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("letter_id", sa.String(32), sa.ForeignKey("incoming_letters.id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("detail_json", sa.Text, nullable=False),
    )
    op.create_index("ix_incoming_events_letter_id", "incoming_events", ["letter_id"])
