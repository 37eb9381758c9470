"""The process is killed (SIGKILL) at every step of a signature that waits; afterwards there is one letter or none.

What must hold whatever the step: the input is untouched, no half letter lies at the output, one request reached the
phone and no second one without a person, and what can be known of the outcome is known.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kyso import Config, Engine
from kyso.errors import KysoError, RemoteFailed
from kyso.models import PendingSignature, SignedDocument, SignRequest
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from kyso_remote.key import RemoteKey
from tests.plugins.registry import registry_with
from tests.plugins.remote.conftest import Remote

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")

Start = Callable[..., Remote]

PUT = "kyso.records.store:Records.put_prepared"
CHANGE = "kyso.records.store:Records.change_prepared"
SEND = "kyso_remote.key:RemoteKey.sign"
PUBLISH = "kyso.update.files:PreparedFile.publish"
FINISH = "kyso.signing.waiting:finish"
DROP = "kyso.signing.shelf:drop"

VICTIM = """
import functools, importlib, json, os, signal, sys
target, moment, arguments = json.loads(sys.argv[1])
module, _, path = target.partition(":")
holder = importlib.import_module(module)
*outer, name = path.split(".")
for part in outer:
    holder = getattr(holder, part)
real = getattr(holder, name)

@functools.wraps(real)
def deadly(*given, **named):
    if moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
    return answer

setattr(holder, name, deadly)
from kyso.cli.program import run
sys.exit(run(arguments))
"""


@dataclass(frozen=True)
class Office:
    """A folder with a configuration, the letter, and a simulated provider behind it."""

    folder: Path
    remote: Remote
    letter: bytes

    @property
    def out(self) -> Path:
        return self.folder / "signed.pdf"

    def killed(self, target: str, moment: str, *arguments: str) -> None:
        """Run a command in a process that is killed before or after the call of `target`."""
        order = json.dumps([target, moment, list(arguments)])
        victim = subprocess.run(
            [sys.executable, "-c", VICTIM, order], cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert victim.returncode == -signal.SIGKILL, victim.stderr

    def sign_killed(self, target: str, moment: str) -> None:
        arguments = ("sign", "letter.pdf", "--key", "leader", "--policy", "invisible", "--out", "signed.pdf")
        self.killed(target, moment, *arguments, "--online")

    def engine(self) -> Engine:
        return Engine(Config.load(self.folder / "kyso.toml"), registry_with("kyso_remote"), online=True)

    def requests_on_the_phone(self) -> int:
        return self.remote.fetch("GET", "/phone").decode().count("<section>")

    def the_one_waiting(self) -> tuple[str, str]:
        with self.engine() as engine:
            (record,) = engine.pending()
        return record.id, record.state

    def resumed(self, identifier: str) -> SignedDocument:
        """Ask as `kyso pending resume` does, until the answer is there."""
        for _ in range(20):
            with self.engine() as engine:
                (outcome,) = engine.resume(identifier)
            if isinstance(outcome, SignedDocument):
                return outcome
            assert isinstance(outcome, PendingSignature), outcome
            time.sleep(0.05)
        raise AssertionError("still pending")

    def signed_anew(self) -> SignedDocument:
        """Sign again, as a person does who found nothing on the phone."""
        with self.engine() as engine:
            waiting = engine.sign(SignRequest(self.folder / "letter.pdf", "leader", "invisible", out=self.out))
        assert isinstance(waiting, PendingSignature)
        return self.resumed(waiting.prepared_id)

    def check_untouched(self) -> None:
        assert (self.folder / "letter.pdf").read_bytes() == self.letter
        assert not self.out.exists()
        assert not list(self.folder.glob(".kyso-*"))

    def check_signed_once(self) -> None:
        """The letter is there whole, with exactly one signature, and nobody waits any more."""
        assert self.out.read_bytes().startswith(self.letter)
        with self.engine() as engine:
            report = engine.verify(self.out)
            assert engine.pending() == []
        assert report.integrity == "intact"
        assert len(report.signatures) == 1
        assert (self.folder / "letter.pdf").read_bytes() == self.letter


@pytest.fixture
def office(
    start: Start, letter_path: Path, letter_pdf: bytes, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Office]:
    """Make the office of a signer at a provider."""

    def make(name: str, scenario: str = "approve") -> Office:
        monkeypatch.setenv(f"KYSO_{name.upper()}_CLIENT_SECRET", CLIENT_SECRET)
        remote = start(name, scenario)
        folder = letter_path.parent
        user = f"CMT_{PERSON_ID}" if name == "mysign" else PERSON_ID
        (folder / "kyso.toml").write_text(
            f'[keys.leader]\nuri = "{name}:{user}"\n[records]\nurl = "sqlite:///{folder / "records.sqlite3"}"\n'
            f'[plugins.{name}]\nbase_url = "{remote.url}"\nclient_id = "{CLIENT_ID}"\nallow_private = true\n',
            encoding="utf-8",
        )
        return Office(folder, remote, letter_pdf)

    return make


def test_killed_before_the_intent(office: Callable[[str], Office]) -> None:
    """Nothing was sent and nobody waits; the letter is signed again without further ado."""
    here = office("mysign")
    here.sign_killed(PUT, "before")
    here.check_untouched()
    assert here.requests_on_the_phone() == 0
    with here.engine() as engine:
        assert engine.pending() == []
    here.signed_anew()
    here.check_signed_once()


def test_killed_between_intent_and_sending(office: Callable[[str], Office]) -> None:
    """The intent is found; since nothing can be asked, a person looks, cancels and signs anew: one request in all."""
    here = office("mysign")
    here.sign_killed(PUT, "after")
    here.check_untouched()
    identifier, state = here.the_one_waiting()
    assert state == "intended"
    with here.engine() as engine:
        with pytest.raises(RemoteFailed, match=r"pending\.outcome_unknown"):
            engine.resume(identifier)
        engine.cancel(identifier)
    assert here.requests_on_the_phone() == 0
    here.signed_anew()
    here.check_signed_once()
    assert here.requests_on_the_phone() == 1


def test_killed_after_sending_without_a_name(office: Callable[[str], Office]) -> None:
    """The request is on the phone but its name was lost: a person is told to look; nothing is sent by itself."""
    here = office("mysign")
    here.sign_killed(SEND, "after")
    here.check_untouched()
    identifier, state = here.the_one_waiting()
    assert state == "intended"
    for _ in range(2):
        with here.engine() as engine, pytest.raises(RemoteFailed, match=r"pending\.outcome_unknown"):
            engine.resume(identifier)
    assert here.requests_on_the_phone() == 1
    here.check_untouched()


def test_killed_after_sending_under_our_own_name(office: Callable[[str], Office]) -> None:
    """A provider that knows our name for the request is asked by it: the letter is finished, one request in all."""
    here = office("nacencomm")
    here.sign_killed(SEND, "after")
    here.check_untouched()
    identifier, state = here.the_one_waiting()
    assert state == "intended"
    here.resumed(identifier)
    here.check_signed_once()
    assert here.requests_on_the_phone() == 1


def test_killed_before_sending_under_our_own_name(office: Callable[[str], Office]) -> None:
    """Asked by our name the provider knows nothing yet: the letter waits until its time is over or a person cancels."""
    here = office("nacencomm")
    here.sign_killed(SEND, "before")
    identifier, state = here.the_one_waiting()
    assert state == "intended"
    with here.engine() as engine:
        (outcome,) = engine.resume(identifier)
        assert isinstance(outcome, PendingSignature)
        engine.cancel(identifier)
    assert here.requests_on_the_phone() == 0
    here.check_untouched()


def test_a_provider_that_is_away_leaves_the_outcome_open(office: Callable[[str], Office]) -> None:
    """While nobody can be asked, the intent stays, with what the other side said and what a person can do."""
    here = office("nacencomm")
    here.sign_killed(SEND, "after")
    identifier, _ = here.the_one_waiting()
    with here.engine() as engine:
        key = engine.key("leader")
        assert isinstance(key, RemoteKey)
        key._provider._transport._base_url = "http://127.0.0.1:1"  # type: ignore[attr-defined]
        with pytest.raises(RemoteFailed) as unknown:
            engine.resume(identifier)
    assert unknown.value.code == "pending.outcome_still_unknown"
    assert identifier in str(unknown.value.next_step("vi"))
    assert here.the_one_waiting() == (identifier, "intended")
    here.resumed(identifier)
    here.check_signed_once()


def test_killed_while_waiting(office: Callable[[str], Office]) -> None:
    """With the ticket on the disk another process finishes the letter where it was asked for."""
    here = office("mysign")
    here.sign_killed(CHANGE, "after")
    here.check_untouched()
    identifier, state = here.the_one_waiting()
    assert state == "pending"
    signed = here.resumed(identifier)
    assert signed.path == here.out
    here.check_signed_once()
    assert here.requests_on_the_phone() == 1


@pytest.mark.parametrize(
    ("target", "moment", "published", "waits"),
    [
        (PUBLISH, "before", False, True),
        (PUBLISH, "after", True, True),
        (FINISH, "after", True, True),
        (DROP, "before", True, False),
    ],
    ids=["before the letter", "after the letter", "before the end is recorded", "before tidying up"],
)
def test_killed_while_finishing(
    target: str, moment: str, published: bool, waits: bool, office: Callable[[str], Office]
) -> None:
    """Before the letter lies there it is finished anew; once it lies there it is recognised, not written again."""
    here = office("mysign")
    here.sign_killed(CHANGE, "after")
    identifier, _ = here.the_one_waiting()
    with here.engine() as engine:  # the phone approves after the first question
        engine.resume(identifier)
    here.killed(target, moment, "pending", "resume", identifier, "--online")
    assert here.out.exists() is published
    before = here.out.read_bytes() if published else b""
    if waits:
        here.resumed(identifier)
    here.check_signed_once()
    if published:
        assert here.out.read_bytes() == before
    assert here.requests_on_the_phone() == 1


def test_an_expired_request_leaves_the_letter_unsigned(start: Start, office: Callable[..., Office]) -> None:
    """After the provider forgot the request the letter is unsigned, it is said so, and nobody waits any more."""
    here = office("mysign", "expire")
    here.sign_killed(CHANGE, "after")
    identifier, _ = here.the_one_waiting()
    with pytest.raises(KysoError) as expired:
        here.resumed(identifier)
    assert expired.value.code == "remote.expired"
    assert "chưa được ký" in expired.value.message("vi")
    here.check_untouched()
    with here.engine() as engine:
        assert engine.pending() == []


def test_a_wrong_secret_does_not_end_the_waiting(
    office: Callable[[str], Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that was changed meanwhile is mended and the letter finished; the confirmation is not lost."""
    here = office("mysign")
    here.sign_killed(CHANGE, "after")
    identifier, _ = here.the_one_waiting()
    monkeypatch.setenv("KYSO_MYSIGN_CLIENT_SECRET", "not-the-secret")
    with here.engine() as engine, pytest.raises(KysoError, match=r"remote\.client_refused"):
        engine.resume(identifier)
    monkeypatch.setenv("KYSO_MYSIGN_CLIENT_SECRET", CLIENT_SECRET)
    here.resumed(identifier)
    here.check_signed_once()


def test_two_that_resume_at_once_make_one_letter(office: Callable[[str], Office]) -> None:
    """Several processes that ask for the same request finish one letter, and both say that it is signed."""
    here = office("mysign")
    here.sign_killed(CHANGE, "after")
    identifier, _ = here.the_one_waiting()
    with here.engine() as engine:
        engine.resume(identifier)
    command = [sys.executable, "-m", "kyso", "pending", "resume", identifier, "--online", "--format", "json"]
    code = "import sys; from kyso.cli.program import run; sys.exit(run(sys.argv[1:]))"
    command[1:3] = ["-c", code]
    racers = [
        subprocess.Popen(command, cwd=here.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [racer.communicate(timeout=60) for racer in racers]
    codes = sorted(racer.returncode for racer in racers)
    # One that comes after the other's end is told that the letter has ended already.
    assert codes in ([0, 0], [0, 7]), answers
    here.check_signed_once()
