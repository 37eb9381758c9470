"""A key whose owner confirms elsewhere: ``kyso sign`` ends with 8, ``kyso pending`` goes on in another process."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from tests.cli.conftest import Kyso
from tests.support import phone_plugin
from tests.support.judges import pdfsig


@pytest.fixture
def phone(office: Path, pki: DemoPki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The leader's key on a "phone", and records of the test's own."""
    site, folder = tmp_path / "site", tmp_path / "phone"
    site.mkdir()
    folder.mkdir()
    monkeypatch.syspath_prepend(str(phone_plugin.install(site)))
    monkeypatch.delitem(sys.modules, "kyso_test_phone", raising=False)
    shutil.copy(pki.pfx("leader"), folder / "key.p12")
    (folder / "password").write_text(DEMO_PASSWORD, encoding="utf-8")
    with (office / "kyso.toml").open("a", encoding="utf-8") as config:
        config.write(f"\n[keys.phone]\nuri = 'phone:{folder}'\n[records]\nurl = 'sqlite:///{office}/records.sqlite3'\n")
    return folder


def test_a_letter_waits_and_is_finished(kyso: Kyso, office: Path, phone: Path) -> None:
    """Exit 8 with how to go on; still 8 before the confirmation; 0 and a valid letter after it; then it has ended."""
    waiting = kyso("sign", "letter.pdf", "--key", "phone", "--out", "out.pdf", "--format", "json")
    assert waiting.code == 8, waiting.err
    identifier = waiting.json["prepared_id"]
    assert waiting.json["status"] == "pending"
    assert not (office / "out.pdf").exists()
    (listed,) = kyso("pending", "list", "--format", "json").json["pending"]
    assert (listed["prepared_id"], listed["state"], listed["key"]) == (identifier, "pending", "phone")
    assert identifier in kyso("pending", "list").out
    assert kyso("pending", "resume", identifier).code == 8
    (phone / "confirmed").touch()
    done = kyso("pending", "resume", identifier, "--format", "json")
    assert done.code == 0, done.err
    assert done.json["status"] == "signed"
    assert [each.valid for each in pdfsig(office / "out.pdf")] == [True]
    assert kyso("verify", "out.pdf").code == 0
    assert kyso("pending", "list", "--format", "json").json["pending"] == []
    assert kyso("pending", "resume", identifier).code == 7


def test_the_words_say_how_to_go_on(kyso: Kyso, office: Path, phone: Path) -> None:
    """The text answer names the letter, what to do and the command that resumes."""
    result = kyso("sign", "letter.pdf", "--key", "phone")
    assert result.code == 8
    assert "kyso pending resume " in result.err
    identifier = result.err.rpartition("kyso pending resume ")[2].split()[0]
    assert kyso("pending", "cancel", identifier).code == 0


def test_a_folder_waits_as_one(kyso: Kyso, office: Path, phone: Path) -> None:
    """Letters of one folder are one request: one confirmation finishes all of them."""
    (office / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        shutil.copy("letter.pdf", office / "in" / name)
    result = kyso("sign", "in", "--out", "out", "--key", "phone", "--format", "json")
    assert result.code == 8
    assert [answer["status"] for answer in result.lines] == ["pending", "pending"]
    (phone / "confirmed").touch()
    done = kyso("pending", "resume", result.lines[1]["prepared_id"], "--format", "json")
    assert done.code == 0, done.err
    assert len(list((office / "out").glob("*.pdf"))) == len(done.lines)
    assert len(done.lines) == 2


def test_a_declined_letter_stays_unsigned(kyso: Kyso, office: Path, phone: Path) -> None:
    """A refusal on the phone is key trouble, and nothing is waited for any more."""
    identifier = kyso("sign", "letter.pdf", "--key", "phone", "--format", "json").json["prepared_id"]
    (phone / "declined").touch()
    assert kyso("pending", "resume", identifier).code == 5
    assert not (office / "letter.signed.pdf").exists()
    assert kyso("pending", "list", "--format", "json").json["pending"] == []


def test_a_cancelled_letter_is_not_signed_later(kyso: Kyso, office: Path, phone: Path) -> None:
    """After a cancel a confirmation signs nothing here."""
    identifier = kyso("sign", "letter.pdf", "--key", "phone", "--format", "json").json["prepared_id"]
    assert kyso("pending", "cancel", identifier).code == 0
    (phone / "confirmed").touch()
    assert kyso("pending", "resume", identifier).code == 7
    assert kyso("pending", "cancel", identifier).code == 7
    assert not (office / "letter.signed.pdf").exists()


def test_waiting_has_a_limit(kyso: Kyso, office: Path, phone: Path) -> None:
    """`--wait` polls for so long and no longer, and takes no senseless times."""
    identifier = kyso("sign", "letter.pdf", "--key", "phone", "--format", "json").json["prepared_id"]
    assert kyso("pending", "resume", identifier, "--wait", "1").code == 8
    assert kyso("pending", "resume", identifier, "--wait", "-5").code == 7
    assert kyso("pending", "resume", "unknown").code == 7


# ------------------------------------------------------------------------------------------------- at a terminal


class Terminal:
    """A command at a pseudo-terminal, with a person who reads and types."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        import pty

        self._master, slave = pty.openpty()
        code = "import sys; from kyso.cli.program import run; sys.exit(run(sys.argv[1:]))"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            env={**os.environ, "KYSO_LANG": "en", "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        self.seen = ""

    def read_until(self, words: str, deadline_s: float = 30.0) -> None:
        """Read what is shown until `words` are among it."""
        until = time.monotonic() + deadline_s
        while words not in self.seen:
            assert time.monotonic() < until, self.seen
            if select.select([self._master], [], [], 0.1)[0]:
                self.seen += os.read(self._master, 4096).decode("utf-8", "replace")

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self, deadline_s: float = 30.0) -> int:
        """Return the exit code."""
        until = time.monotonic() + deadline_s
        while self._process.poll() is None:
            assert time.monotonic() < until, self.seen
            self._drain()
        self._drain()
        os.close(self._master)
        return self._process.returncode

    def _drain(self) -> None:
        while select.select([self._master], [], [], 0.05)[0]:
            try:
                data = os.read(self._master, 4096)
            except OSError:
                return  # the other end is gone
            if not data:
                return
            self.seen += data.decode("utf-8", "replace")


def _take_terminal() -> None:
    """Make standard input the process's terminal, so that Ctrl-C reaches it."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


needs_terminal = pytest.mark.skipif(os.name != "posix", reason="there are no pseudo-terminals here")


@needs_terminal
def test_a_person_is_waited_for(office: Path, phone: Path) -> None:
    """At a terminal the command says what to do, counts down, and finishes the letter once it is confirmed."""
    terminal = Terminal(office, "sign", "letter.pdf", "--key", "phone", "--out", "out.pdf")
    terminal.read_until("Waiting for the confirmation, ")
    assert "Ctrl-C" in terminal.seen
    assert not (office / "out.pdf").exists()
    (phone / "confirmed").touch()
    assert terminal.end() == 0, terminal.seen
    assert [each.valid for each in pdfsig(office / "out.pdf")] == [True]


@needs_terminal
def test_ctrl_c_leaves_the_letter_waiting(kyso: Kyso, office: Path, phone: Path) -> None:
    """Ctrl-C ends the waiting with exit 8 and the command that goes on; the letter is finished by it."""
    terminal = Terminal(office, "sign", "letter.pdf", "--key", "phone", "--out", "out.pdf")
    terminal.read_until("Waiting for the confirmation, ")
    terminal.type(b"\x03")
    assert terminal.end() == 8, terminal.seen
    assert "kyso pending resume " in terminal.seen
    assert "Traceback" not in terminal.seen
    (listed,) = kyso("pending", "list", "--format", "json").json["pending"]
    (phone / "confirmed").touch()
    assert kyso("pending", "resume", listed["prepared_id"]).code == 0
    assert (office / "out.pdf").exists()


@needs_terminal
def test_no_wait_leaves_at_once(office: Path, phone: Path) -> None:
    """With --no-wait nothing is waited for, at a terminal either."""
    terminal = Terminal(office, "sign", "letter.pdf", "--key", "phone", "--no-wait")
    assert terminal.end() == 8
    assert "Waiting for the confirmation, " not in terminal.seen
    assert "kyso pending resume " in terminal.seen


@needs_terminal
def test_a_folder_is_waited_for_as_one(office: Path, phone: Path) -> None:
    """The letters of a folder wait together; a refusal leaves each of them unsigned and says so."""
    (office / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        shutil.copy(office / "letter.pdf", office / "in" / name)
    terminal = Terminal(office, "sign", "in", "--out", "out", "--key", "phone")
    terminal.read_until("Waiting for the confirmation, ")
    (phone / "declined").touch()
    assert terminal.end() == 5, terminal.seen
    assert not list((office / "out").glob("*.pdf"))
    for name in ("a.pdf", "b.pdf"):
        assert f"in/{name}" in terminal.seen
