"""Processes that do the work of a server: bounded in number, time and memory, replaced when they fail.

What a server opens comes from strangers, and a PDF can be made so that a parser never ends or eats all memory; pdfium
besides is not thread-safe. So nothing is opened in the server's own process::

    with Workers(2, start=start_worker, start_arguments=(config,)) as workers:
        picture = workers.run(render, path, page, deadline_s=20.0)

`start` and the functions are module-level functions of an importable module, because the processes are spawned. A
worker past its deadline is killed and a new one takes its place; the others go on. Errors of the tree in
:mod:`kyso.errors` come back as they were raised; anything else is a defect and comes back without its words, which
could hold a letter's text.

What this does not protect against: a file that breaks out of a parser has the rights of the server's own user.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kyso.errors import InputRefused, InternalError, KysoError, RemoteFailed

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

P = ParamSpec("P")
T = TypeVar("T")

_START_DEADLINE_S = 60.0
_STOP_S = 2.0
MEMORY_CAP_BYTES = 4 << 30
"""Address space of a worker: far above what a letter needs, and below what stops a machine."""


class Workers:
    """A fixed number of spawned processes. Safe to use from several threads; a context manager."""

    def __init__(
        self,
        count: int,
        *,
        start: Callable[..., None],
        start_arguments: tuple[Any, ...] = (),
        memory_cap_bytes: int = MEMORY_CAP_BYTES,
    ) -> None:
        self._begin = (start, start_arguments, memory_cap_bytes)
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._all: set[_Worker] = set()
        self._closed = False
        for _ in range(count):
            self._idle.put(self._new())

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, function: Callable[..., T], *arguments: Any, deadline_s: float, wait_s: float | None = None) -> T:
        """Call `function` in a worker and return what it returns.

        :param deadline_s: how long the call may take; after it the worker is killed.
        :param wait_s: how long to wait for a free worker; by default as long as the call may take.
        :raises RemoteFailed: no worker became free (``serving.busy``).
        :raises InputRefused: the call took too long, or the worker died of it (``serving.too_slow``,
            ``serving.worker_died``).
        :raises KysoError: what the function raised.
        """
        try:
            worker = self._idle.get(timeout=deadline_s if wait_s is None else wait_s)
        except queue.Empty:
            raise RemoteFailed("serving.busy") from None
        try:
            worker.await_start()
            answer: T = worker.call(function, arguments, deadline_s)
        except _Lost as lost:
            worker = self._replaced(worker)
            raise InputRefused(lost.code, seconds=round(deadline_s)) from None
        finally:
            if not self._closed:
                self._idle.put(worker)
        return answer

    def close(self) -> None:
        """Stop all processes, whatever they do. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            workers, self._all = self._all, set()
        for worker in workers:
            worker.stop()

    def _new(self) -> _Worker:
        worker = _Worker(*self._begin)
        with self._lock:
            self._all.add(worker)
        return worker

    def _replaced(self, worker: _Worker) -> _Worker:
        with self._lock:
            self._all.discard(worker)
            closed = self._closed
        worker.stop()
        return worker if closed else self._new()


class _Lost(Exception):
    """The worker is of no more use."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, start: Callable[..., None], arguments: tuple[Any, ...], memory_cap_bytes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_work, args=(theirs, start, arguments, memory_cap_bytes), daemon=True, name="kyso-worker"
        )
        self._process.start()
        theirs.close()
        self._started = False

    def await_start(self) -> None:
        if not self._started:
            self._answer(_START_DEADLINE_S)
            self._started = True

    def call(self, function: Callable[..., T], arguments: tuple[Any, ...], deadline_s: float) -> T:
        try:
            self._pipe.send((function, arguments))
        except OSError:
            raise _Lost("serving.worker_died") from None
        answer: T = self._answer(deadline_s)
        return answer

    def _answer(self, deadline_s: float) -> Any:
        try:
            if not self._pipe.poll(deadline_s):
                raise _Lost("serving.too_slow")
            succeeded, value = self._pipe.recv()
        except (OSError, EOFError):
            raise _Lost("serving.worker_died") from None
        if not succeeded:
            raise value
        return value

    def stop(self) -> None:
        self._pipe.close()
        self._process.kill()
        self._process.join(_STOP_S)


def _work(pipe: Connection, start: Callable[..., None], arguments: tuple[Any, ...], memory_cap_bytes: int) -> None:
    """Answer calls until the other end of the pipe is gone."""
    # Ctrl-C reaches the whole process group; the server decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _cap_memory(memory_cap_bytes)
    try:
        start(*arguments)
    except KysoError as error:
        pipe.send((False, error))
        return
    pipe.send((True, None))
    while True:
        try:
            function, given = pipe.recv()
        except (OSError, EOFError):
            return
        try:
            answer = (True, function(*given))
        except KysoError as error:
            answer = (False, error)
        except MemoryError:
            answer = (False, InputRefused("serving.too_large"))
        except Exception as error:  # noqa: BLE001 - whatever a hostile file raises must not end the worker
            from kyso.cli.crash import write_log

            answer = (False, InternalError("serving.defect", log=write_log(error)))
        pipe.send(answer)


def _cap_memory(cap_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # not on Windows, where the system's own limits hold
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    cap = cap_bytes if hard == resource.RLIM_INFINITY else min(cap_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (cap, hard))
