"""Signing as the desk does it: one job for one letter or many, with one key, one PIN and one confirmation.

A job runs in a thread of its own and is a table of plain values for the page to watch. When the key source asks for a
PIN, the job waits until the page hands one over; the PIN goes to the key source and is kept nowhere. The engine is made
for the job and closed with it, so that the key's session ends with the work the person agreed to.

A letter that waits for a person's phone is kept in the records before anything is sent: when the desk ends first,
``kyso pending resume`` finishes it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kyso.config import Config
from kyso.engine import Engine, Outcome
from kyso.errors import InputRefused, KeyTrouble, KysoError, WrongUse
from kyso.models import FailedSignature, Notice, PendingSignature, SignedDocument, SignRequest
from kyso.secret import Secret
from kyso_desk.wording import told, told_error

State = Literal["working", "asking", "pending", "done", "cancelled"]

SECRET_S = 300.0
"""How long a job waits for the page to hand over a PIN."""

POLL_S = 2.0
MAX_JOBS = 200
_OPEN: tuple[State, ...] = ("working", "asking", "pending")


@dataclass(slots=True)
class Item:
    """One letter of a job.

    :param letter: its identifier on the desk.
    :param state: ``waiting``, ``pending``, ``signed``, ``failed`` or ``stopped``.
    :param result: identifier of the signed letter, once it lies on the desk.
    """

    letter: str
    name: str
    request: SignRequest
    state: str = "waiting"
    error: dict[str, Any] | None = None
    signed: SignedDocument | None = None
    prepared_id: str | None = None
    result: str | None = None


@dataclass(slots=True)
class Job:
    """What a job shows of itself; changed only under its lock.

    :ivar cancelled: the person stopped it.
    :ivar left: the desk closes; what waits for a phone goes on waiting in the records.
    """

    identifier: str
    items: list[Item]
    state: State = "working"
    question: dict[str, Any] | None = None
    notice: dict[str, Any] | None = None
    instruction: dict[str, Any] | None = None
    expires_at: float | None = None
    lock: threading.Condition = field(default_factory=threading.Condition)
    secret: Secret | None = None
    cancelled: bool = False
    left: bool = False

    def table(self, describe: Callable[[Item], dict[str, Any] | None]) -> dict[str, Any]:
        """Return the job for the page.

        :param describe: what the page may know of an item's signed letter.
        """
        with self.lock:
            left = None if self.expires_at is None else max(0, round(self.expires_at - time.time()))
            return {
                "id": self.identifier,
                "state": self.state,
                "question": self.question,
                "notice": self.notice,
                "instruction": self.instruction,
                "seconds_left": left,
                "items": [
                    {
                        "letter": item.letter,
                        "name": item.name,
                        "state": item.state,
                        "error": item.error,
                        "signed": None if item.signed is None else _signed(item.signed),
                        "result": describe(item),
                    }
                    for item in self.items
                ],
            }


class Jobs:
    """The jobs of one desk.

    :param config: read when a job starts, so that what the first-run page wrote counts.
    :param online: whether the network may be used, for remote keys and timestamps.
    """

    def __init__(self, config: Callable[[], Config], *, online: bool) -> None:
        self._config = config
        self._online = online
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, letters: Sequence[tuple[str, str, SignRequest]]) -> Job:
        """Begin to sign letters, all with the same key.

        :param letters: identifier, name and request of each.
        :raises WrongUse: another job still works: a token has one session, and a person one PIN to give.
        """
        job = Job(secrets.token_urlsafe(12), [Item(*letter) for letter in letters])
        with self._lock:
            if any(other.state in _OPEN for other in self._jobs.values()):
                raise WrongUse("desk.signing_already")
            while len(self._jobs) >= MAX_JOBS:
                self._jobs.pop(next(iter(self._jobs)))
            self._jobs[job.identifier] = job
        threading.Thread(target=self._run, args=(job,), daemon=True, name="kyso-desk-job").start()
        return job

    def job(self, identifier: str) -> Job:
        """Return a job. :raises WrongUse: there is none of that name."""
        with self._lock:
            try:
                return self._jobs[identifier]
            except KeyError:
                raise WrongUse("desk.no_such_job") from None

    def hand_over(self, identifier: str, secret: Secret) -> None:
        """Give a job the PIN that it asks for. :raises WrongUse: it asks for none."""
        job = self.job(identifier)
        with job.lock:
            if job.state != "asking":
                raise WrongUse("desk.not_asking")
            job.secret, job.state, job.question = secret, "working", None
            job.lock.notify_all()

    def cancel(self, identifier: str) -> None:
        """Stop a job before it signs further letters; what is signed stays signed."""
        job = self.job(identifier)
        with job.lock:
            job.cancelled = True
            job.lock.notify_all()

    def open_job(self) -> Job | None:
        """Return the job that still works, asks or waits, ``None`` without one."""
        with self._lock:
            return next((job for job in self._jobs.values() if job.state in _OPEN), None)

    def close(self) -> None:
        """Stop what signs; what waits for a phone stays in the records, where ``kyso pending`` finds it."""
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.state in _OPEN]
        for job in jobs:
            with job.lock:
                job.left = True
                job.cancelled = job.state != "pending"
                job.lock.notify_all()

    # ------------------------------------------------------------------------------------------------ the thread

    def _run(self, job: Job) -> None:
        try:
            with Engine.from_config(
                self._config(),
                ask_secret=lambda code, parameters: _asked(job, code, parameters),
                tell=lambda notice: _shown(job, notice),
                online=self._online,
            ) as engine:
                _sign_all(job, engine)
                _await_phone(job, engine)
        except KysoError as error:
            _fail_rest(job, told_error(error))
        except Exception as error:  # noqa: BLE001 - the outermost door of the thread: the page must learn of it
            from kyso.cli.crash import write_log

            _fail_rest(job, told("serving.defect", {"log": write_log(error)}))
        finally:
            with job.lock:
                if job.cancelled:
                    for item in job.items:
                        if item.state == "waiting":
                            item.state = "stopped"
                job.state = "cancelled" if job.cancelled else "done"
                job.question = job.secret = job.notice = None


def _asked(job: Job, code: str, parameters: Mapping[str, object]) -> Secret:
    """Wait until the page hands over what the key source asks for."""
    with job.lock:
        job.state, job.question, job.secret = "asking", told(code, parameters), None
        job.lock.wait_for(lambda: job.secret is not None or job.cancelled, SECRET_S)
        secret, job.secret = job.secret, None
        job.question = None
        if secret is None:
            job.cancelled = True
            raise KeyTrouble("desk.no_secret_given")
        job.state = "working"
        return secret


def _shown(job: Job, notice: Notice) -> None:
    with job.lock:
        job.notice = told(notice.code, notice.parameters)


def _sign_all(job: Job, engine: Engine) -> None:
    """Sign letter by letter; where a person confirms on a phone, all in one request."""
    if len(job.items) == 1:
        item = job.items[0]
        _settle(job, item, engine.sign(item.request))
        return
    # A wrong PIN must not be tried again with every letter.
    engine.key(job.items[0].request.key)
    if engine.key(job.items[0].request.key).batch_limit is not None:
        for item, outcome in zip(job.items, engine.sign_many([item.request for item in job.items]), strict=True):
            _settle(job, item, outcome)
        return
    for item in job.items:
        if job.cancelled:
            return
        try:
            _settle(job, item, engine.sign(item.request))
        except KysoError as error:
            with job.lock:
                item.state, item.error = "failed", told_error(error)


def _settle(job: Job, item: Item, outcome: Outcome) -> None:
    with job.lock:
        job.notice = None
        if isinstance(outcome, SignedDocument):
            item.state, item.signed = "signed", outcome
        elif isinstance(outcome, FailedSignature):
            item.state, item.error = "failed", told(outcome.code, outcome.parameters)
        else:
            item.state, item.prepared_id = "pending", outcome.prepared_id
            job.state = "pending"
            job.instruction = told(outcome.pending.instruction, outcome.pending.parameters)
            job.expires_at = outcome.pending.expires_at.timestamp()


def _await_phone(job: Job, engine: Engine) -> None:
    """Ask how the confirmation stands until it is given, declined, over, or the person stops waiting."""
    while pending := [item for item in job.items if item.state == "pending" and item.prepared_id]:
        with job.lock:
            job.lock.wait_for(lambda: job.cancelled or job.left, POLL_S)
            stopped = job.cancelled
            if job.left:
                return
        first = pending[0].prepared_id
        assert first is not None
        if stopped:
            for item in pending:
                assert item.prepared_id is not None
                with suppress(KysoError):
                    engine.cancel(item.prepared_id)
                item.state = "stopped"
            return
        _resume(job, engine, first, pending)


def _resume(job: Job, engine: Engine, prepared_id: str, pending: list[Item]) -> None:
    try:
        outcomes = engine.resume(prepared_id)
    except KysoError as error:
        if isinstance(error, KeyTrouble) or error.code == "pending.outcome_unknown":
            with job.lock:
                for item in pending:
                    item.state, item.error = "failed", told_error(error)
            return
        _shown(job, Notice(error.code, error.parameters))  # not answered this time; asked again until it expires
        return
    answered = {outcome.prepared_id: outcome for outcome in outcomes if isinstance(outcome, PendingSignature)}
    others = [outcome for outcome in outcomes if not isinstance(outcome, PendingSignature)]
    for item in pending:
        if item.prepared_id in answered:
            _settle(job, item, answered[item.prepared_id])
            continue
        for outcome in others:
            if _is_of(outcome, item):
                _settle(job, item, outcome)
                others.remove(outcome)
                break


def _is_of(outcome: SignedDocument | FailedSignature, item: Item) -> bool:
    if isinstance(outcome, SignedDocument):
        return outcome.path == item.request.out
    return isinstance(item.request.document, Path) and outcome.document_name == item.request.document.name


def _fail_rest(job: Job, error: dict[str, Any]) -> None:
    with job.lock:
        for item in job.items:
            if item.state in ("waiting", "pending"):
                item.state, item.error = ("stopped", None) if job.cancelled else ("failed", error)


def _signed(signed: SignedDocument) -> dict[str, Any]:
    return {
        "out": str(signed.path),
        "name": "" if signed.path is None else signed.path.name,
        "field": signed.field,
        "page": signed.page,
        "level": signed.level,
        "signer": signed.signer,
        "signed_at": signed.signed_at.isoformat(),
        "notices": [told(notice.code, notice.parameters) for notice in signed.notices],
    }


def refuse_results(folder: Path) -> None:
    """Make the results folder. :raises InputRefused: it cannot be made or written to."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputRefused("desk.results_unusable", folder=folder, cause=error.strerror or str(error)) from error
