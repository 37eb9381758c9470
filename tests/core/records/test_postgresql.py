"""The records on a real PostgreSQL: several processes open, migrate and count at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from kyso.errors import InputRefused, WrongUse
from kyso.records.store import PreparedRecord, Records
from tests.support.postgresql import new_database

pytestmark = pytest.mark.xdist_group("postgresql")

COUNT = """
import sys
from kyso.records.store import Records
with Records.open(sys.argv[1]) as records:
    print(*[records.next_value("out", "2026") for _ in range(int(sys.argv[2]))])
"""


def test_replicas_that_start_at_once_migrate_once_and_count_apart(postgresql: str) -> None:
    """Four processes open an empty database at the same moment; all succeed, and no number is given twice."""
    url = new_database(postgresql, "replicas")
    each = 25
    processes = [
        subprocess.Popen([sys.executable, "-c", COUNT, url, str(each)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    numbers = [int(number) for process in processes for number in process.communicate(timeout=60)[0].split()]
    assert sorted(numbers) == list(range(1, 4 * each + 1))
    with sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:")).connect() as connection:
        heads = connection.exec_driver_sql("SELECT count(*) FROM kyso_version_core").scalar_one()
    assert heads == 1


def test_a_prepared_signature_keeps_its_times_and_ends_once(postgresql: str) -> None:
    """Aware times come back as they were; of two threads that end it at once, one succeeds."""
    expires = datetime(2026, 11, 22, 1, 2, 3, 456, tzinfo=UTC) + timedelta(days=1)
    record = PreparedRecord("a1", "intended", "thư.pdf", "leader", "{}", Path("/x/a1.pdf"), expires_at=expires)
    with Records.open(new_database(postgresql, "prepared")) as records:
        records.put_prepared(record)
        records.change_prepared("a1", "pending", ticket="t", instruction="remote.confirm", expires_at=expires)
        found = records.prepared("a1")
        assert (found.expires_at, found.document_name, found.state) == (expires, "thư.pdf", "pending")
        outcomes: list[str] = []

        def end(state: str) -> None:
            try:
                records.change_prepared("a1", state)  # type: ignore[arg-type]
                outcomes.append("ended")
            except WrongUse as error:
                outcomes.append(error.code)

        threads = [threading.Thread(target=end, args=(state,)) for state in ("finished", "cancelled", "failed")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["ended", "records.prepared_ended", "records.prepared_ended"]


def test_a_server_that_is_away_is_told_without_the_password(tmp_path: Path) -> None:
    """A database that cannot be reached is a refusal with the place, never with the password in it."""
    with pytest.raises(InputRefused) as refused:
        Records.open(f"postgresql://kyso:geheim@/kyso?host={tmp_path}")
    assert refused.value.code == "records.unusable"
    assert "geheim" not in refused.value.message("vi") + str(refused.value.parameters)
