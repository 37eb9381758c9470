"""What replicas share in the records: files that end, keys of repetition, letters whose sender died."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kyso.plugins import create_plugin_manager
from kyso.records.store import Records
from kyso.serving.problems import Refusal
from kyso_api import contents, preparations, tokens, waiting_letters
from kyso_api.idempotency import Kept, Repetition
from kyso_api.schema import CONTENT_PARTS, CONTENTS, IDEMPOTENCY, PENDING, PREPARED

HOUR = timedelta(hours=1)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Records with the service's tables."""
    registry = create_plugin_manager()
    with Records.open(f"sqlite:///{tmp_path / 'r.sqlite3'}", table_sets=[registry.load("tables", "api")]) as opened:
        yield opened


def count(records: Records, table: sa.Table) -> int:
    """Return how many rows a table has."""
    with records.begin() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_the_schema_is_what_the_migrations_make(records: Records) -> None:
    """Tables and columns of the code are those of the database."""
    with records.begin() as connection:
        inspector = sa.inspect(connection)
        from kyso_api.schema import METADATA

        for table in METADATA.sorted_tables:
            found = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert found == {column.name: column.nullable for column in table.c}
            indexed = {index["column_names"][0] for index in inspector.get_indexes(table.name)}
            assert indexed == {column.name for column in table.c if column.index}


@pytest.mark.parametrize("size", [0, 1, contents.PART, 2 * contents.PART + 17])
def test_files_are_kept_in_parts(records: Records, tmp_path: Path, size: int) -> None:
    """A file of any size comes back as it was, from memory and from the disk, to its token only."""
    data = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(data)
    for source in (data, path):
        kept = contents.put(records, source, "t1", "result", "a.pdf", "application/pdf", HOUR)
        assert (kept.size, kept.sha256) == (size, hashlib.sha256(data).hexdigest())
        assert contents.read(records, kept.id) == data
        assert contents.find(records, kept.id, "result", "t1") == kept
        assert contents.find(records, kept.id, "result", "t2") is None
        assert contents.find(records, kept.id, "prepared", "t1") is None
        contents.write_to(records, kept.id, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == data
    assert not list(tmp_path.glob(".kyso-*"))


def test_what_has_ended_is_deleted(records: Records) -> None:
    """After its time a file is not handed out, and the next sweep leaves nothing of it; the rest stays."""
    over = contents.put(records, b"x" * 100, "t1", "result", "a.pdf", "application/pdf", timedelta(seconds=-1))
    stays = contents.put(records, b"y", "t1", "result", "b.pdf", "application/pdf", HOUR)
    preparations.keep(records, "0" * 16, "t1", "{}", b"pdf", timedelta(seconds=-1))
    assert contents.find(records, over.id, "result") is None
    assert contents.sweep(records) == 2
    assert (count(records, CONTENTS), count(records, CONTENT_PARTS), count(records, PREPARED)) == (1, 1, 0)
    assert contents.read(records, stays.id) == b"y"
    assert contents.sweep(records) == 0


def test_a_preparation_is_taken_by_one(records: Records) -> None:
    """Whoever takes a prepared letter is alone with it; given back it waits again, completed it is over."""
    preparations.keep(records, "a" * 16, "t1", "{}", b"pdf", HOUR)
    taken = preparations.take(records, "a" * 16, "t1", 60)
    with pytest.raises(Refusal) as busy:
        preparations.take(records, "a" * 16, "t1", 60)
    assert busy.value.code == "api.prepared_busy"
    preparations.give_back(records, taken)
    taken = preparations.take(records, "a" * 16, "t1", 60)
    preparations.complete(records, taken)
    with pytest.raises(Refusal) as over:
        preparations.take(records, "a" * 16, "t1", 60)
    assert over.value.code == "api.prepared_completed"
    assert count(records, CONTENTS) == 0
    for identifier, token in (("a" * 16, "t2"), ("A" * 16, "t1"), ("../x", "t1"), ("", "t1")):
        with pytest.raises(Refusal) as unknown:
            preparations.take(records, identifier, token, 60)
        assert unknown.value.code == "api.prepared_unknown"


def test_a_key_of_repetition_whose_holder_died_is_free_again(records: Records) -> None:
    """After the time that the work may take another may do it; not where a person may have been asked."""
    first = Repetition("t1", "k", "f", HOUR, work_s=-1)
    assert first.begin(records) is None
    with pytest.raises(Refusal) as unknown:
        first.begin(records, confirmed_by_person=True)
    assert unknown.value.code == "api.idempotency_unknown"
    again = Repetition("t1", "k", "f", HOUR, work_s=60)
    assert again.begin(records) is None
    with pytest.raises(Refusal) as running:
        again.begin(records)
    assert running.value.code == "api.idempotency_running"
    again.finish(records, Kept(200, {"Content-Type": "application/pdf"}, b"pdf"))
    assert again.begin(records) == Kept(200, {"Content-Type": "application/pdf"}, b"pdf")
    again.forget(records)
    assert again.begin(records) is not None, "what has succeeded is not forgotten"
    assert Repetition("t2", "k", "other", HOUR, work_s=60).begin(records) is None
    assert count(records, IDEMPOTENCY) == 2


def test_a_letter_whose_sender_died_is_asked_about(records: Records) -> None:
    """A letter that stays `sending` is among those to ask about after the time that sending may take."""
    now = datetime.now(UTC)
    intent = {"document": "a.pdf", "status": "sending"}
    letter = waiting_letters.keep(
        records, "b" * 16, "t1", intent, file=b"pdf", key_name="phone", webhook=None, lifetime=HOUR
    )
    assert waiting_letters.still_waiting(records, now - timedelta(seconds=60)) == []
    found = waiting_letters.still_waiting(records, now + timedelta(seconds=60))
    assert [each.id for each in found] == [letter.id]
    assert waiting_letters.take(records, letter, 60)
    assert not waiting_letters.take(records, letter, 60)
    waiting_letters.end(records, letter, "failed", {**intent, "status": "failed"})
    assert waiting_letters.still_waiting(records, now + timedelta(seconds=60)) == []
    assert waiting_letters.find(records, letter.id, "t1").answer["status"] == "failed"
    assert (count(records, PENDING), count(records, CONTENTS)) == (1, 0)


def test_a_copy_of_the_database_opens_nothing(records: Records) -> None:
    """Neither a token's text nor its secret part is in the records; a token found by its number alone is refused."""
    token, shown = tokens.create(records, "qlvb", ["verify"], days=1)
    text = shown.reveal()
    with records.begin() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM api_tokens").all())
    assert text not in rows
    assert text.removeprefix(f"kyso_{token.id}_") not in rows
    assert tokens.find(records, text) == token
    assert tokens.find(records, text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert tokens.find(records, f"kyso_{token.id}_") is None
    assert not token.is_valid(datetime.now(UTC) + timedelta(days=2))
