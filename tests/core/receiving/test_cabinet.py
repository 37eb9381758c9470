"""The desk's folder: names, locks, what is left over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kyso.config import Config
from kyso.errors import InputRefused, KysoError, WrongUse
from kyso.receiving import cabinet as cabinets
from kyso.receiving.cabinet import Cabinet, check_sums, kept_name, require_whole, write_sums


@pytest.fixture
def cabinet(config: Config) -> Cabinet:
    """The desk's folder, made."""
    return Cabinet.of(config)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Công văn số 07.pdf", "Công văn số 07.pdf"),
        ("..", "letter-document"),
        ("Evidence", "letter-Evidence"),
        ("SHA256SUMS", "letter-SHA256SUMS"),
        ('a/b\\c:d*e?f"g<h>i|j.pdf', "a_b_c_d_e_f_g_h_i_j.pdf"),
        ("x\n\x00\u202ey.pdf", "x___y.pdf"),
        ("trailing. ", "trailing"),
    ],
)
def test_names_are_safe(given: str, kept: str) -> None:
    """No separators, controls or names of ours; Vietnamese stays; long names keep their suffix."""
    assert kept_name(given) == kept
    long = kept_name("ữ" * 300 + ".pdf")
    assert long.endswith("ữ.pdf")
    assert len(long.encode()) <= 180


def test_the_folder_is_its_owners(cabinet: Cabinet) -> None:
    """Nobody else may look into it."""
    assert stat.S_IMODE(cabinet.root.stat().st_mode) == 0o700


def test_what_a_dead_run_left_is_swept(cabinet: Cabinet, config: Config) -> None:
    """After a day, not before: another run may be building right now."""
    parts = cabinet.root / ".parts"
    for name, age_s in (("old", 90_000), ("new", 60)):
        (parts / name).mkdir()
        (parts / name / "letter.pdf").write_bytes(b"x")
        os.utime(parts / name, (time.time() - age_s,) * 2)
    Cabinet.of(config)
    assert [path.name for path in parts.iterdir()] == ["new"]


def test_a_folder_left_without_a_row_is_replaced(cabinet: Cabinet) -> None:
    """The arrival that is settled again is whole, nothing of the earlier one is among it."""
    for name in ("first", "second"):
        with cabinet.building("x") as part:
            (part / name).write_text(name, encoding="utf-8")
            place = cabinet.settle(part, "2026/x")
        assert [path.name for path in place.iterdir()] == [name]


LOCK = """
import sys, time
from pathlib import Path
from kyso.receiving.cabinet import Cabinet
with Cabinet(Path(sys.argv[1])).locked("abcdef"):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_held_lock_is_waited_for_and_told(cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that holds the arrival is named as the reason; its lock goes with it however it ends."""
    monkeypatch.setattr(cabinets, "_LOCK_DEADLINE_S", 0.2)
    holder = subprocess.Popen([sys.executable, "-c", LOCK, str(cabinet.root)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(InputRefused) as raised, cabinet.locked("abcdef"):
            pass
        assert raised.value.code == "intake.busy"
        with cabinet.locked("fedcba"):
            pass
    finally:
        holder.kill()
        holder.communicate(timeout=20)
    with cabinet.locked("abcdef"):
        pass


def test_sums_find_what_changed(tmp_path: Path) -> None:
    """A changed, a missing, an unlisted list: each is named; files that were added later are not looked at."""
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"c")
    digest = write_sums(tmp_path)
    (tmp_path / "later").write_bytes(b"notice")
    assert check_sums(tmp_path, digest) == ()
    (tmp_path / "a").write_bytes(b"A")
    (tmp_path / "b" / "c").unlink()
    assert check_sums(tmp_path, digest) == ("a", "b/c")
    require_whole(tmp_path, digest, "1/2026", within="elsewhere/")
    with pytest.raises(WrongUse):
        require_whole(tmp_path, digest, "1/2026")
    assert check_sums(tmp_path, "0" * 64) == ("SHA256SUMS",)


def test_a_folder_that_takes_nothing_is_told(config: Config, tmp_path: Path) -> None:
    """A file where the folder should be is an error with words, not a crash."""
    (tmp_path / "incoming").write_text("a file", encoding="utf-8")
    with pytest.raises(KysoError) as raised:
        Cabinet.of(config)
    assert raised.value.code.startswith("output.")
