"""The records database: can it be opened, is it of this kyso, what waits in it. Nothing is created or migrated here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.contracts import Diagnosis
from kyso.errors import WrongUse

if TYPE_CHECKING:
    import sqlalchemy as sa

    from kyso.contracts import Examination

CONNECT_DEADLINE_S = 8
_REVISION = re.compile(r"^revision\b[^=\n]*=\s*[\"']([\w-]+)[\"']", re.MULTILINE)


class RecordsDiagnostic:
    """Looks at the configured database, or at the file in the user's data folder."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return whether it opens, whose tables it has, and how many letters wait."""
        import sqlalchemy as sa

        url = examination.config.records.url
        place = sqlite_file(url)
        if place is not None and not place.exists():
            yield Diagnosis("diagnosing.records_none", "ok", {"place": place})
            return
        try:
            engine = _read_only(url, place)
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
            # The URL itself is not repeated: it may hold a password.
            yield Diagnosis("records.bad_url", "failure", {"cause": type(error).__name__})
            return
        shown = place or engine.url.render_as_string(hide_password=True)
        try:
            with engine.connect() as connection:
                yield from _tables(connection, examination, shown)
                yield from _waiting(connection, examination)
        except sa.exc.DBAPIError as error:
            cause = str(error.orig).partition("\n")[0]
            yield Diagnosis("records.unusable", "failure", {"place": shown, "cause": cause})
        finally:
            engine.dispose()


def sqlite_file(url: str | None) -> Path | None:
    """Return the SQLite file of the records, ``None`` for a database of another kind."""
    from kyso.records.store import default_path

    if not url:
        return default_path()
    found = re.fullmatch(r"sqlite(?:\+\w+)?:///(?!file:)(.+?)(?:\?.*)?", url)
    return Path(found[1]) if found is not None and found[1] != ":memory:" else None


def _read_only(url: str | None, place: Path | None) -> sa.Engine:
    import sqlalchemy as sa

    if place is not None:
        from urllib.parse import quote

        return sa.create_engine(f"sqlite:///file:{quote(str(place.absolute()))}?mode=ro&uri=true")
    more: dict[str, Any] = {}
    parsed = sa.make_url(url or "")
    if parsed.get_backend_name() == "postgresql":
        more["connect_args"] = {"connect_timeout": CONNECT_DEADLINE_S}
    return sa.create_engine(parsed, **more)


def _tables(connection: sa.Connection, examination: Examination, place: object) -> Iterator[Diagnosis]:
    import sqlalchemy as sa

    from kyso.records.migrating import CORE, scripts_of

    names = set(sa.inspect(connection).get_table_names())
    registry = examination.registry
    sets = [CORE, *(registry.load("tables", name) for name in registry.contributions("tables"))]
    behind: list[str] = []
    for table_set in sets:
        try:
            scripts = scripts_of(table_set)
        except WrongUse as error:
            yield Diagnosis(error.code, "failure", error.parameters)
            continue
        table = f"kyso_version_{scripts.name}"
        present = (
            set(connection.execute(sa.text(f'SELECT version_num FROM "{table}"')).scalars())  # noqa: S608 - a checked name
            if table in names
            else set()
        )
        sources = [file.read_text(encoding="utf-8") for file in sorted(scripts.folder.glob("*.py"))]
        known = {found for source in sources for found in _REVISION.findall(source)}
        if not present <= known:
            yield Diagnosis("records.newer", "failure", {"name": scripts.name})
        elif not present:
            behind.append(scripts.name)
    if behind:
        yield Diagnosis("diagnosing.records_behind", "ok", {"place": place, "names": behind})
    else:
        yield Diagnosis("diagnosing.records", "ok", {"place": place})


def _waiting(connection: sa.Connection, examination: Examination) -> Iterator[Diagnosis]:
    import sqlalchemy as sa

    from kyso.records.schema import PREPARED_SIGNATURES
    from kyso.records.store import OPEN_STATES

    table = PREPARED_SIGNATURES
    if table.name not in sa.inspect(connection).get_table_names():
        return
    query = sa.select(table.c.state, table.c.expires_at).where(table.c.state.in_(OPEN_STATES))
    rows = connection.execute(query).all()
    if not rows:
        return
    late = sum(row.expires_at is not None and row.expires_at < examination.now for row in rows)
    unknown = sum(row.state == "intended" for row in rows)
    about = {"count": len(rows), "late": late, "unknown": unknown}
    yield Diagnosis("diagnosing.waiting", "warning" if late or unknown else "ok", about)
