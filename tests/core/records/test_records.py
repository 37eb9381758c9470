"""The records: counters across processes, prepared signatures, migrations of the core and of plugins."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from kyso.config import Config, RecordsSection
from kyso.contracts import TableSet
from kyso.errors import InputRefused, KysoError, WrongUse
from kyso.plugins import create_plugin_manager
from kyso.records.schema import METADATA, PREPARED_SIGNATURES
from kyso.records.store import PreparedRecord, Records, default_path
from tests.support.example_plugin import install


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database of the test's own."""
    return f"sqlite:///{tmp_path / 'records.sqlite3'}"


def record(identifier: str = "a1", **more: object) -> PreparedRecord:
    """Return a prepared signature to keep."""
    return PreparedRecord(identifier, "intended", "letter.pdf", "leader", "{}", Path("/x/a1.pdf"), **more)  # type: ignore[arg-type]


def test_counters_count_from_one_per_period(url: str) -> None:
    """Each name and period counts by itself, and a reopened file goes on."""
    with Records.open(url) as records:
        assert [records.next_value("out", "2026") for _ in range(3)] == [1, 2, 3]
        assert records.next_value("out", "2027") == 1
        assert records.next_value("in", "2026") == 1
        assert records.value("never", "2026") == 0
    with Records.open(url) as records:
        assert records.next_value("out", "2026") == 4
        assert records.value("out", "2026") == 4


COUNT = """
import sys
from kyso.records.store import Records
with Records.open(sys.argv[1]) as records:
    print(*[records.next_value("out", "2026") for _ in range(int(sys.argv[2]))])
"""


def test_processes_never_get_the_same_number(url: str) -> None:
    """Three processes that open a new database at once and count get each number once."""
    each = 60
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNT, url, str(each)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    numbers: list[int] = []
    for process in processes:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        numbers += map(int, out.split())
    assert sorted(numbers) == list(range(1, 3 * each + 1))


def test_threads_never_get_the_same_number(url: str) -> None:
    """One open database may be used by several threads."""
    numbers: list[int] = []
    with Records.open(url) as records:
        threads = [
            threading.Thread(target=lambda: numbers.extend(records.next_value("n", "") for _ in range(40)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers) == list(range(1, 161))


def test_a_prepared_signature_survives(url: str) -> None:
    """What was kept comes back the same after the file was closed, with its times in UTC."""
    vietnam = timezone(timedelta(hours=7))
    expires = datetime(2026, 11, 20, 8, 30, tzinfo=vietnam)
    kept = record(out_path=Path("/x/out.pdf"), overwrite=True, expires_at=expires)
    with Records.open(url) as records:
        records.put_prepared(kept)
    with Records.open(url) as records:
        found = records.prepared("a1")
    assert found.created_at is not None
    assert datetime.now(UTC) - found.created_at < timedelta(minutes=1)
    assert found.expires_at == expires
    assert found.expires_at.utcoffset() == timedelta(0)
    for name in ("id", "state", "document_name", "key_name", "prepared_json", "prepared_path", "out_path", "overwrite"):
        assert getattr(found, name) == getattr(kept, name)


def test_a_prepared_signature_moves_and_ends(url: str) -> None:
    """Intended, pending with a ticket, finished; once ended it stays ended."""
    with Records.open(url) as records:
        records.put_prepared(record("a1"))
        records.put_prepared(record("b2"))
        records.change_prepared("a1", "pending", ticket="t-1", instruction="key.needs_confirmation")
        assert [found.id for found in records.prepared_in("pending")] == ["a1"]
        assert [found.id for found in records.prepared_in()] == ["a1", "b2"]
        records.change_prepared("a1", "finished")
        found = records.prepared("a1")
        assert (found.state, found.ticket) == ("finished", "t-1")
        with pytest.raises(WrongUse) as raised:
            records.change_prepared("a1", "cancelled")
        assert raised.value.code == "records.prepared_ended"


def test_prepared_signatures_are_told_apart(url: str) -> None:
    """An id is unique, and an unknown one is an error with words."""
    with Records.open(url) as records:
        records.put_prepared(record())
        with pytest.raises(WrongUse) as raised:
            records.put_prepared(record())
        assert raised.value.code == "records.prepared_twice"
        for call in (lambda: records.prepared("zz"), lambda: records.change_prepared("zz", "finished")):
            with pytest.raises(WrongUse) as raised:
                call()
            assert raised.value.code == "records.no_prepared"


def test_a_time_without_zone_is_refused(url: str) -> None:
    """A naive time is a mistake, not a guess."""
    with Records.open(url) as records, pytest.raises((ValueError, sa.exc.StatementError), match="zone"):
        records.put_prepared(record(expires_at=datetime(2026, 11, 20)))


def test_migrations_make_what_the_schema_says(url: str) -> None:
    """The tables the scripts make are those of schema.py, column by column."""
    with Records.open(url) as records, records.begin() as connection:
        inspector = sa.inspect(connection)
        for table in METADATA.sorted_tables:
            made = {column["name"]: column for column in inspector.get_columns(table.name)}
            assert made.keys() == set(table.columns.keys())
            for name, column in table.columns.items():
                assert made[name]["nullable"] == column.nullable, (table.name, name)
                types = [made[name]["type"], column.type]
                assert len({each.compile(connection.dialect) for each in types}) == 1, (table.name, name)
        assert inspector.get_indexes(PREPARED_SIGNATURES.name)[0]["column_names"] == ["state"]


def test_alembic_is_loaded_only_when_something_changed(url: str) -> None:
    """The second opening does not import Alembic."""
    Records.open(url).close()
    source = (
        "import sys; from kyso.records.store import Records; "
        f"Records.open({url!r}).close(); print('alembic' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "False\n"


SCRIPT = """
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = None


def upgrade():
    {body}
"""


def branch(folder: Path, number: int, body: str) -> None:
    """Write the script number `number` of a third party's branch."""
    folder.mkdir(parents=True, exist_ok=True)
    source = SCRIPT.format(
        revision=f"third_{number}",
        down=f"third_{number - 1}" if number > 1 else None,
        labels=("third",) if number == 1 else None,
        body=body,
    )
    (folder / f"third_{number}.py").write_text(source, encoding="utf-8")


@pytest.fixture
def third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TableSet, Path]:
    """A third party's package with a migration branch."""
    package = tmp_path / "site" / "third_party_tables"
    folder = package / "versions"
    branch(folder, 1, "op.create_table('third_notes', sa.Column('id', sa.Integer, primary_key=True))")
    (package / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "third_party_tables", raising=False)
    return TableSet("third", "third_party_tables:versions"), folder


def test_a_third_party_branch_migrates_twice(url: str, third: tuple[TableSet, Path]) -> None:
    """A plugin's tables are made beside the core's, and its next script runs when it comes."""
    table_set, folder = third
    with Records.open(url, table_sets=[table_set]) as records, records.begin() as connection:
        connection.execute(sa.text("INSERT INTO third_notes (id) VALUES (7)"))
    branch(folder, 2, "op.add_column('third_notes', sa.Column('note', sa.Text))")
    with Records.open(url, table_sets=[table_set]) as records, records.begin() as connection:
        assert connection.execute(sa.text("SELECT id, note FROM third_notes")).all() == [(7, None)]
    with Records.open(url) as records:  # without the plugin nothing is missed
        assert records.next_value("x", "") == 1


def test_a_failing_migration_leaves_the_database_as_it_was(url: str, third: tuple[TableSet, Path]) -> None:
    """A script that fails half-way is rolled back whole, and the records stay usable without the plugin."""
    table_set, folder = third
    with Records.open(url, table_sets=[table_set]) as records:
        records.next_value("x", "")
    branch(folder, 2, "op.create_table('third_more', sa.Column('id', sa.Integer)); op.execute('NO SQL')")
    with pytest.raises(InputRefused) as raised:
        Records.open(url, table_sets=[table_set])
    assert raised.value.code == "records.unusable"
    with Records.open(url) as records, records.begin() as connection:
        assert "third_more" not in sa.inspect(connection).get_table_names()
    (folder / "third_2.py").unlink()
    with Records.open(url, table_sets=[table_set]) as records:
        assert records.next_value("x", "") == 2


def test_a_newer_database_is_refused(url: str, third: tuple[TableSet, Path]) -> None:
    """A database that knows scripts this version lacks is refused, naming the plugin, and left alone."""
    table_set, folder = third
    branch(folder, 2, "op.create_table('third_more', sa.Column('id', sa.Integer))")
    Records.open(url, table_sets=[table_set]).close()
    (folder / "third_2.py").unlink()
    with pytest.raises(WrongUse) as raised:
        Records.open(url, table_sets=[table_set])
    assert raised.value.code == "records.newer"
    assert "third" in raised.value.message("vi")


@pytest.mark.parametrize(
    ("name", "migrations"),
    [
        ("Bad Name", "kyso.records:migrations/versions"),
        ("x", "no_such_package_here:y"),
        ("x", "kyso:nowhere"),
        ("x", ""),
    ],
)
def test_an_unusable_table_set_is_named(url: str, name: str, migrations: str) -> None:
    """A plugin that names its tables wrongly gets an error with a code."""
    with pytest.raises(WrongUse) as raised:
        Records.open(url, table_sets=[TableSet(name, migrations)])
    assert raised.value.code == "records.bad_table_set"


def test_files_that_are_no_database_are_refused(tmp_path: Path) -> None:
    """A text file, a folder, a place that cannot be made: an error with a code, the file left as it was."""
    text = tmp_path / "text.sqlite3"
    text.write_text("not a database at all, whatever it is called " * 50, encoding="utf-8")
    before = text.read_bytes()
    blocked = tmp_path / "text.sqlite3" / "below.sqlite3"
    for place in (text, tmp_path, blocked):
        with pytest.raises(InputRefused) as raised:
            Records.open(f"sqlite:///{place}")
        assert raised.value.code == "records.unusable"
    assert text.read_bytes() == before


@pytest.mark.parametrize("url", ["nonsense", "mysql://u:hunter2@h/d", "oracle+none://u:hunter2@h/d", "://"])
def test_unusable_addresses_are_refused_without_repeating_a_password(url: str) -> None:
    """A URL of another database or of none is refused; a password in it is not repeated."""
    with pytest.raises(WrongUse) as raised:
        Records.open(url)
    assert raised.value.code in ("records.bad_url", "records.database_unsupported")
    assert "hunter2" not in str(raised.value)


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """The records name letters and tickets; others on the machine do not read them."""
    path = tmp_path / "deep" / "records.sqlite3"
    Records.open(f"sqlite:///{path}").close()
    assert path.stat().st_mode & 0o077 == 0


def test_the_default_place_is_the_users_own() -> None:
    """Without a URL the records are in the user's data folder."""
    with Records.open() as records:
        records.next_value("default place", "")
    assert default_path().is_file()


def test_an_error_in_a_transaction_rolls_it_back(url: str) -> None:
    """What was done before the error is not kept."""
    with Records.open(url) as records:

        def half_way() -> None:
            with records.begin() as connection:
                connection.execute(sa.text("INSERT INTO counters VALUES ('half', '', 5)"))
                connection.execute(sa.text("INSERT INTO no_such_table VALUES (1)"))

        with pytest.raises(KysoError):
            half_way()
        assert records.value("half", "") == 0


def test_the_configured_records_have_the_plugins_tables(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Records.of` opens the configured database with the tables of every loaded plugin."""
    site = tmp_path / "plugins"
    site.mkdir()
    monkeypatch.syspath_prepend(str(install(site)))
    for name in [name for name in sys.modules if name.startswith("kyso_example")]:
        monkeypatch.delitem(sys.modules, name)
    config = Config(records=RecordsSection(url=url))
    with Records.of(config, create_plugin_manager()) as records, records.begin() as connection:
        assert "example_notes" in sa.inspect(connection).get_table_names()


def test_prepared_json_is_kept_as_it_is(url: str) -> None:
    """Vietnamese text and long values come back byte for byte."""
    kept = json.dumps({"tên": "Quyết định số 12/QĐ-UBND", "x": "y" * 20_000}, ensure_ascii=False)
    with Records.open(url) as records:
        records.put_prepared(PreparedRecord("c3", "intended", "Quyết định.pdf", "leader", kept, Path("/x")))
        assert records.prepared("c3").prepared_json == kept
