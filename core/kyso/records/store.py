"""The records: one database, opened by what needs it, shared by processes.

SQLite by default, in write-ahead mode and with a busy timeout, so that several processes on one machine may use the
file at once (not over a network file system). PostgreSQL for several machines.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import sqlalchemy as sa

from kyso.errors import InputRefused, WrongUse
from kyso.frozen import dataclass
from kyso.records.migrating import bring_up_to_date
from kyso.records.schema import COUNTERS, PREPARED_SIGNATURES

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import TableSet
    from kyso.plugins import PluginRegistry

BUSY_TIMEOUT_MS = 30_000
FILE_NAME = "records.sqlite3"

State = Literal["intended", "pending", "finished", "failed", "cancelled"]
"""A prepared signature's life: intended before anything is sent, pending while a person must confirm, then an end."""

OPEN_STATES: tuple[State, ...] = ("intended", "pending")


@dataclass(frozen=True, slots=True)
class PreparedRecord:
    """A prepared signature that waits, or waited.

    :param expires_at: when the other side forgets the request.
    :param ticket: what :meth:`~kyso.contracts.Key.poll` needs; no secret.
    :param instruction: code of the text that tells the person what to do.
    :param prepared_json: the :class:`~kyso.models.PreparedSignature` as JSON.
    :param prepared_path: the prepared file.
    :param out_path: where the signed letter goes.
    :param overwrite: replace `out_path` where it exists.
    """

    id: str
    state: State
    document_name: str
    key_name: str
    prepared_json: str
    prepared_path: Path
    out_path: Path | None = None
    overwrite: bool = False
    ticket: str | None = None
    instruction: str | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None


class Records:
    """An open database. Use it as a context manager."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str | None = None, *, table_sets: Iterable[TableSet] = ()) -> Self:
        """Open the records and bring their tables up to date.

        :param url: SQLAlchemy URL; ``None`` takes a SQLite file in the user's data folder.
        :param table_sets: the plugins' tables.
        :raises WrongUse: the URL is not usable, or a newer kyso wrote the database.
        :raises InputRefused: the database cannot be opened.
        """
        engine = _engine(url)
        try:
            with _told(engine), engine.begin() as connection:
                bring_up_to_date(connection, table_sets)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    @classmethod
    def of(cls, config: Config, registry: PluginRegistry) -> Self:
        """Open the configured records with the tables of all loaded plugins. Errors as :meth:`open`."""
        names = registry.contributions("tables")
        return cls.open(config.records.url, table_sets=[registry.load("tables", name) for name in names])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database. Closing twice is harmless."""
        self._engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Open a transaction, for plugins and their tables; it is rolled back when the block raises.

        :raises InputRefused: the database fails.
        """
        with _told(self._engine), self._engine.begin() as connection:
            yield connection

    # ----------------------------------------------------------------------------------------------------- counters

    def next_value(self, name: str, period: str) -> int:
        """Count one further and return the new value, from 1; safe across threads and processes.

        :param name: what is counted.
        :param period: within which it starts anew: a year, a day.
        """
        with self.begin() as connection:
            return count(connection, name, period)

    def value(self, name: str, period: str) -> int:
        """Return a counter's present value, 0 before its first count."""
        query = sa.select(COUNTERS.c.value).where(COUNTERS.c.name == name, COUNTERS.c.period == period)
        with self.begin() as connection:
            return int(connection.execute(query).scalar_one_or_none() or 0)

    # -------------------------------------------------------------------------------------------- prepared signatures

    def put_prepared(self, record: PreparedRecord) -> None:
        """Keep a new prepared signature. Its times are set here.

        :raises WrongUse: there is one of that id.
        """
        now = datetime.now(UTC)
        values = {
            **{name: getattr(record, name) for name in PREPARED_SIGNATURES.c.keys()},  # noqa: SIM118 - a collection
            "prepared_path": str(record.prepared_path),
            "out_path": None if record.out_path is None else str(record.out_path),
            "created_at": now,
            "changed_at": now,
        }
        with self.begin() as connection:
            if self._find(connection, record.id) is not None:
                raise WrongUse("records.prepared_twice", id=record.id)
            connection.execute(sa.insert(PREPARED_SIGNATURES).values(**values))

    def prepared(self, identifier: str) -> PreparedRecord:
        """Return one prepared signature.

        :raises WrongUse: there is none of that id.
        """
        with self.begin() as connection:
            found = self._find(connection, identifier)
        if found is None:
            raise WrongUse("records.no_prepared", id=identifier)
        return found

    def prepared_in(self, *states: State) -> list[PreparedRecord]:
        """Return the prepared signatures in any of `states` (all without one), oldest first."""
        table = PREPARED_SIGNATURES
        query = sa.select(table).order_by(table.c.created_at, table.c.id)
        if states:
            query = query.where(table.c.state.in_(states))
        with self.begin() as connection:
            return [_record(row) for row in connection.execute(query)]

    def change_prepared(
        self,
        identifier: str,
        state: State,
        *,
        ticket: str | None = None,
        instruction: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Move a prepared signature that has not ended to another state; what is not given stays as it is.

        :raises WrongUse: there is none of that id, or it has ended already.
        """
        given = {"ticket": ticket, "instruction": instruction, "expires_at": expires_at}
        values = {name: value for name, value in given.items() if value is not None}
        table = PREPARED_SIGNATURES
        change = (
            sa.update(table)
            .where(table.c.id == identifier, table.c.state.in_(OPEN_STATES))
            .values(state=state, changed_at=datetime.now(UTC), **values)
        )
        with self.begin() as connection:
            if connection.execute(change).rowcount == 1:
                return
            found = self._find(connection, identifier)
        if found is None:
            raise WrongUse("records.no_prepared", id=identifier)
        raise WrongUse("records.prepared_ended", id=identifier, state=found.state)

    @staticmethod
    def _find(connection: sa.Connection, identifier: str) -> PreparedRecord | None:
        query = sa.select(PREPARED_SIGNATURES).where(PREPARED_SIGNATURES.c.id == identifier)
        row = connection.execute(query).one_or_none()
        return None if row is None else _record(row)


def _record(row: sa.Row[Any]) -> PreparedRecord:
    values = dict(row._mapping)
    out = values.pop("out_path")
    path = Path(values.pop("prepared_path"))
    return PreparedRecord(**values, prepared_path=path, out_path=None if out is None else Path(out))


def count(connection: sa.Connection, name: str, period: str) -> int:
    """Count one further inside an open transaction, which then holds the counter until it ends.

    A number that is counted in the transaction that uses it is never lost and never given twice.
    """
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = (
        insert(COUNTERS)
        .values(name=name, period=period, value=1)
        .on_conflict_do_update(index_elements=["name", "period"], set_={"value": COUNTERS.c.value + 1})
        .returning(COUNTERS.c.value)
    )
    return int(connection.execute(statement).scalar_one())


def default_path() -> Path:
    """Return the file that holds the user's records."""
    import platformdirs

    return Path(platformdirs.user_data_dir("kyso", appauthor=False)) / FILE_NAME


def _engine(url: str | None) -> sa.Engine:
    try:
        parsed = sa.make_url(url) if url else sa.URL.create("sqlite", database=str(default_path()))
        backend = parsed.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise WrongUse("records.database_unsupported", backend=backend)
        engine = _postgresql(parsed) if backend == "postgresql" else sa.create_engine(parsed)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        # The URL itself is not repeated: it may hold a password.
        raise WrongUse("records.bad_url", cause=type(error).__name__) from None
    if backend == "sqlite":
        _keep_private(parsed.database)
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _postgresql(url: sa.URL) -> sa.Engine:
    """Reach a PostgreSQL server, by psycopg unless the URL names another driver.

    A connection that the server has closed meanwhile (a restart, a failover) is noticed before it is used.
    """
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    return sa.create_engine(url, pool_pre_ping=True, pool_size=4, max_overflow=12, connect_args={"connect_timeout": 10})


def _keep_private(database: str | None) -> None:
    """Make the file for its owner only before SQLite does with wider permissions; it names letters and tickets."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return
    path = Path(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise InputRefused("records.unusable", place=path, cause=error.strerror or str(error)) from error


def _set_up_sqlite(connection: Any, record: object) -> None:
    # The driver's own transactions begin too late to cover DDL; SQLAlchemy begins them instead (see its manual).
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: sa.Connection) -> None:
    # Takes the write lock at once: a transaction that reads first and writes later could otherwise fail half-way.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _told(engine: sa.Engine) -> Iterator[None]:
    """Turn a failure of the database into an error with a code."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise InputRefused("records.unusable", place=place, cause=str(error.orig).partition("\n")[0]) from error
