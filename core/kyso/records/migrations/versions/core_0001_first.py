"""Prepared signatures and counters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "prepared_signatures",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("changed_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("document_name", sa.Text, nullable=False),
        sa.Column("key_name", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text),
        sa.Column("instruction", sa.Text),
        sa.Column("prepared_json", sa.Text, nullable=False),
        sa.Column("prepared_path", sa.Text, nullable=False),
        sa.Column("out_path", sa.Text),
        sa.Column("overwrite", sa.Boolean, nullable=False),
    )
    op.create_index("ix_prepared_signatures_state", "prepared_signatures", ["state"])
    op.create_table(
        "counters",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("period", sa.String(50), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
