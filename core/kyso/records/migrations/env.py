"""Alembic's entry: runs the scripts of one table set on the connection that `kyso.records.migrating` hands over.

Every table set has its own version table, so that uninstalling a plugin leaves nothing behind that stops the others.
"""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
context.run_migrations()
