"""The ledger of a batch: what was intended and what came of it, so that a run that ended early can be taken up again.

::

    with Ledger.open(Path("out/.kyso-ledger.jsonl"), {"do": "sign", "key": "seal"}) as ledger:
        ledger.intend([Intent("a.pdf", source=fingerprint(Path("in/a.pdf")), before=None)])
        ...                                             # the letter is signed
        ledger.record("a.pdf", "done", {"status": "signed", ...})

A file of JSON lines beside the outputs, only ever appended to: first the job, then for each letter its intent and later
what came of it. Intents are forced to the disk before any of their letters is touched; results are forced in groups,
because losing one costs nothing but a look at the output. A last line that was cut by a crash counts as not written.
One process at a time holds a ledger.

The ledger knows no secret: a job's entries are names of keys, policies and folders.

What this does not protect against: a network share without working locks, where two machines may run one batch at once.
The signatures stay right even then, because no output is ever replaced; each machine just does part of the work twice.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, cast, get_args

from kyso.errors import InputRefused, WrongUse
from kyso.frozen import dataclass

SCHEMA: Final = "kyso.ledger/1"
SYNC_EVERY_S: Final = 0.5
_GREATEST_LINE: Final = 16 * 1024 * 1024

State = Literal["intended", "pending", "failed", "done"]
"""How far a letter is. ``pending``: a person must confirm. ``failed`` is tried again by the next run."""

Fingerprint = tuple[int, int]
"""Size in bytes and time of change in nanoseconds: enough to notice that a file is another one."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A letter that is about to be worked on.

    :param name: its path below the batch's source.
    :param source: the input as it is now.
    :param before: the output as it is now, ``None`` where there is none.
    """

    name: str
    source: Fingerprint
    before: Fingerprint | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of a letter.

    :param place: where in the file its answer stands, octet and length; :meth:`Ledger.answer` reads it.
    """

    name: str
    state: State
    source: Fingerprint
    before: Fingerprint | None = None
    place: tuple[int, int] | None = None


def fingerprint(path: Path) -> Fingerprint | None:
    """Return size and time of change of a file, ``None`` where there is none to be seen."""
    try:
        status = path.stat()
    except OSError:
        return None  # whoever opens it will tell what is wrong
    return status.st_size, status.st_mtime_ns


class Ledger:
    """An open ledger. Use it as a context manager; leaving it forces everything to the disk."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.header: Mapping[str, Any] = {}
        self._descriptor = descriptor
        self._size = 0
        self._entries: dict[str, Entry] = {}
        self._synced_at = time.monotonic()
        self._unsynced = False

    @classmethod
    def open(cls, path: Path, job: Mapping[str, str], *, anew: bool = False) -> Self:
        """Open a ledger, or begin one.

        :param job: what this batch does; a ledger of another job is refused, so that two never mix.
        :param anew: forget what an earlier run did.
        :raises WrongUse: it belongs to another job, or cannot be written.
        :raises InputRefused: it is no ledger, or another process holds it.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as cause:
            raise WrongUse("output.not_writable", path=str(path), cause=cause.strerror or "") from cause
        ledger = cls(path, descriptor)
        try:
            ledger._hold()
            if anew:
                os.ftruncate(descriptor, 0)
            ledger._read()
            ledger._begin(job)
        except BaseException:
            os.close(descriptor)
            raise
        return ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.sync()
        finally:
            os.close(self._descriptor)

    # ------------------------------------------------------------------------------------------------------ reading

    def entry(self, name: str) -> Entry | None:
        """Return what is known of a letter."""
        return self._entries.get(name)

    def entries(self) -> Iterator[Entry]:
        """Give every letter the ledger knows, in the order in which they were first intended."""
        yield from self._entries.values()

    def answer(self, name: str) -> dict[str, Any] | None:
        """Return what came of a letter, ``None`` where nothing has yet. Answers stay on the disk, they may be long."""
        entry = self._entries.get(name)
        if entry is None or entry.place is None:
            return None
        start, length = entry.place
        with self.path.open("rb") as file:
            file.seek(start)
            answer: dict[str, Any] = json.loads(file.read(length))["answer"]
        return answer

    # ------------------------------------------------------------------------------------------------------ writing

    def intend(self, intents: Iterable[Intent]) -> None:
        """Write down letters that are about to be worked on; when this returns, the disk has them."""
        lines = []
        for intent in intents:
            self._entries[intent.name] = Entry(intent.name, "intended", intent.source, intent.before)
            lines.append({"letter": intent.name, "state": "intended", "source": intent.source, "before": intent.before})
        if lines:
            self._append(lines)
            self.sync()

    def record(self, name: str, state: State, answer: Mapping[str, Any]) -> None:
        """Write down what came of a letter; the disk has it after :data:`SYNC_EVERY_S` at the latest."""
        known = self._entries[name]
        start = self._size
        self._append([{"letter": name, "state": state, "answer": answer}])
        place = (start, self._size - start)
        self._entries[name] = Entry(name, state, known.source, known.before, place)
        if time.monotonic() - self._synced_at > SYNC_EVERY_S:
            self.sync()

    def note(self, **header: str) -> None:
        """Remember something of the whole batch that is no part of the job."""
        if any(self.header.get(name) != value for name, value in header.items()):
            self.header = {**self.header, **header}
            self._append([{"note": header}])
            self.sync()

    def sync(self) -> None:
        """Force to the disk what is not there yet."""
        if self._unsynced:
            os.fsync(self._descriptor)
            self._unsynced = False
        self._synced_at = time.monotonic()

    # ------------------------------------------------------------------------------------------------------ private

    def _hold(self) -> None:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(self._descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # only there
            else:
                import fcntl

                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise InputRefused("batch.ledger_busy", name=str(self.path)) from cause

    def _begin(self, job: Mapping[str, str]) -> None:
        if not self.header:
            self.header = {"job": dict(job)}
            self._append([{"schema": SCHEMA, "job": dict(job)}])
            self.sync()
            _sync_folder(self.path.parent)
            return
        before = self.header["job"]
        other = sorted(name for name in {*before, *job} if before.get(name) != job.get(name))
        if other:
            raise WrongUse("batch.other_job", name=str(self.path), entries=other)

    def _read(self) -> None:
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            while line := file.readline(_GREATEST_LINE):
                if not line.endswith(b"\n"):
                    break  # cut by a crash: never acted upon
                try:
                    self._take(line)
                except (ValueError, KeyError, TypeError, RecursionError) as cause:
                    if self.header and not file.read(1):
                        break  # the last line of a machine that lost its power
                    raise InputRefused("batch.no_ledger", name=str(self.path)) from cause
                self._size += len(line)
        os.ftruncate(self._descriptor, self._size)

    def _take(self, line: bytes) -> None:
        raw = json.loads(line)
        if not self.header:
            if raw["schema"] != SCHEMA or not isinstance(raw["job"], dict):
                raise ValueError("schema")
            self.header = {"job": raw["job"]}
        elif "note" in raw:
            self.header = {**self.header, **raw["note"]}
        else:
            self._take_letter(raw, len(line))

    def _take_letter(self, raw: Mapping[str, Any], length: int) -> None:
        name, state = str(raw["letter"]), raw["state"]
        if state not in get_args(State):
            raise ValueError("state")
        if state == "intended":
            self._entries[name] = Entry(name, "intended", _pair(raw["source"]), _pair_or_none(raw["before"]))
            return
        known = self._entries[name]
        if not isinstance(raw["answer"], dict):
            raise TypeError("answer")
        place = (self._size, length)
        self._entries[name] = Entry(name, cast("State", state), known.source, known.before, place)

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        # ASCII, so that names that are no UTF-8 survive as escapes.
        data = "".join(json.dumps(line, default=str) + "\n" for line in lines).encode("ascii")
        self._size += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._unsynced = True


def _pair(raw: Any) -> Fingerprint:
    size, changed = raw
    return int(size), int(changed)


def _pair_or_none(raw: Any) -> Fingerprint | None:
    return None if raw is None else _pair(raw)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
