"""Outputs on file systems with and without files that have no name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kyso.errors import WrongUse
from kyso.update import outputs

_KILLED = """
import os, signal, sys
from pathlib import Path
from kyso.update.outputs import write_output

def pieces():
    yield b"half of it"
    os.kill(os.getpid(), signal.SIGKILL)

write_output(Path(sys.argv[1]), pieces())
"""


@pytest.fixture(params=("without a name", "named"))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to write: as this system does, and as where there is no /proc."""
    way: str = request.param
    if way == "named":
        monkeypatch.setattr(outputs, "_OWN_FILES", "/nowhere")
    return way


def test_an_output_is_whole_and_alone(way: str, tmp_path: Path) -> None:
    """Whichever way a file is written, it is whole, has the asked permissions less the umask, and is alone."""
    out = tmp_path / "out.pdf"
    outputs.write_output(out, (b"one ", bytearray(b"two")), mode=0o640)
    assert out.read_bytes() == b"one two"
    assert out.stat().st_mode & 0o777 == 0o640 & ~_umask()
    assert out.stat().st_nlink == 1
    assert _names(tmp_path) == ["out.pdf"]


def test_a_name_taken_meanwhile_is_kept(way: str, tmp_path: Path) -> None:
    """A file that came to be while ours was written stays, and ours leaves nothing."""
    out = tmp_path / "out.pdf"

    def pieces() -> object:
        yield b"ours"
        out.write_bytes(b"theirs")

    with pytest.raises(WrongUse) as refused:
        outputs.write_output(out, pieces())  # type: ignore[arg-type]
    assert refused.value.code == "output.exists"
    assert out.read_bytes() == b"theirs"
    assert _names(tmp_path) == ["out.pdf"]


def test_a_file_system_that_links_no_unnamed_file_still_gets_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the link under /proc leads nowhere, what was written goes into a named file."""
    folder = tmp_path / "proc"
    folder.mkdir()
    monkeypatch.setattr(outputs, "_OWN_FILES", str(folder))
    out = tmp_path / "out.pdf"
    outputs.write_output(out, (b"one ", b"two"))
    assert out.read_bytes() == b"one two"
    assert _names(tmp_path) == ["out.pdf", "proc"]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="this system has no files without a name")
def test_a_killed_process_leaves_nothing(tmp_path: Path) -> None:
    """A process killed in the middle of writing leaves neither an output nor a part of it."""
    run = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path / "out.pdf")], check=False, timeout=60)
    assert run.returncode == -signal.SIGKILL
    assert _names(tmp_path) == []


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
