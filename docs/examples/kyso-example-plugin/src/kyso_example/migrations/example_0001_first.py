"""The plugin's first table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "example_0001"
down_revision = None
branch_labels = ("example",)
depends_on = None


def upgrade() -> None:
    """Make the table; its name starts with the plugin's."""
    op.create_table("example_notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.Text))
