"""Brings the tables up to date when the records are opened.

Each table set (the core's, and one for each plugin that registers tables) is a line of Alembic scripts with a version
table of its own, ``kyso_version_NAME``. The whole step is one transaction that holds a lock of the database (SQLite's
write lock, an advisory lock of PostgreSQL), so that two processes starting at once do not migrate twice.

Alembic takes longer to import than most commands take to run. Therefore the names of the scripts that were applied
are kept as well: where they have not changed, Alembic is not loaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import sqlalchemy as sa

from kyso.contracts import TableSet
from kyso.errors import WrongUse
from kyso.frozen import dataclass

CORE = TableSet("core", "kyso.records:migrations/versions")
_HERE = Path(__file__).parent
_LOCK = int.from_bytes(b"kyso.rec", "big")
"""The advisory lock of PostgreSQL that stands for the migrations; SQLite has one lock for everything."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

_APPLIED = sa.Table(
    "kyso_table_sets",
    sa.MetaData(),
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("scripts", sa.String(64), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Scripts:
    """The migration scripts of one table set."""

    name: str
    folder: Path

    @property
    def fingerprint(self) -> str:
        """Changes with every script that is added."""
        names = "\n".join(sorted(file.name for file in self.folder.glob("*.py")))
        return hashlib.sha256(names.encode()).hexdigest()


def scripts_of(table_set: TableSet) -> Scripts:
    """Find the scripts of a table set.

    :raises WrongUse: its name or its folder is not usable.
    """
    package, _, folder = table_set.migrations.partition(":")
    if not _NAME.fullmatch(table_set.name):
        raise WrongUse("records.bad_table_set", name=table_set.name, cause="name")
    try:
        places = [Path(place) / folder for place in import_module(package).__path__]
    except (ImportError, AttributeError, ValueError) as error:
        raise WrongUse("records.bad_table_set", name=table_set.name, cause=str(error)) from error
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise WrongUse("records.bad_table_set", name=table_set.name, cause=table_set.migrations)
    return Scripts(table_set.name, found)


def bring_up_to_date(connection: sa.Connection, table_sets: Iterable[TableSet]) -> None:
    """Run what has not been run yet, inside the connection's transaction.

    :raises WrongUse: ``records.newer``: a newer kyso or plugin wrote this database.
    """
    if connection.dialect.name == "postgresql":
        # Held to the end of the transaction: of several replicas that start at once, one migrates, the others wait.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    _APPLIED.create(connection, checkfirst=True)
    applied = {row.name: row.scripts for row in connection.execute(sa.select(_APPLIED))}
    for table_set in (CORE, *table_sets):
        scripts = scripts_of(table_set)
        fingerprint = scripts.fingerprint
        if applied.get(scripts.name) == fingerprint:
            continue
        _run(connection, scripts)
        connection.execute(sa.delete(_APPLIED).where(_APPLIED.c.name == scripts.name))
        connection.execute(sa.insert(_APPLIED).values(name=scripts.name, scripts=fingerprint))


def _run(connection: sa.Connection, scripts: Scripts) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    version_table = f"kyso_version_{scripts.name}"
    config = Config()
    config.set_main_option("script_location", _escaped(_HERE / "migrations"))
    config.set_main_option("version_locations", _escaped(scripts.folder))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, version_table=version_table)
    present = MigrationContext.configure(connection, opts={"version_table": version_table}).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if not set(present) <= known:
        raise WrongUse("records.newer", name=scripts.name)
    command.upgrade(config, "heads")


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
