"""Worker processes for work on hostile files: bounded in number, time and memory, replaced when they fail.

A server's own process never opens a letter. It hands the octets to one of a few spawned processes::

    pool = WorkerPool("kyso_api.work:start", {"config": config}, workers=2)
    await pool.start()
    answer, blobs = await pool.run("sign", {"key": "leader"}, [letter])

The handler ``package.module:function`` is called once in each process with the settings and returns what does the
work: ``(task, arguments, blobs) -> (answer, blobs)``. Arguments and answers are JSON, blobs are octets: nothing is
unpickled from a process that has read a stranger's file. Secrets travel with the settings, by the process's
initialiser, and never with a task.

A task that exceeds its deadline, and a process that dies, cost that one task: the process is replaced and the others
go on. Where more tasks wait than the limit allows, the next one is refused at once.

What this does not protect against: a worker runs with the rights of the user, it is no sandbox.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

from kyso.errors import InputRefused, InternalError
from kyso.serving.problems import Refusal, ToldProblem
from kyso.serving.worker import HEAD, OUT_OF_MEMORY, serve_tasks

Reply = tuple[dict[str, Any], list[bytes]]

DEADLINE_S = 60.0
START_DEADLINE_S = 60.0
_RESTART_PAUSE_S = 2.0
_RETRY_AFTER_S = 2


class WorkerPool:
    """A few processes that take one task each at a time. Belongs to the event loop that starts it.

    :param handler: ``package.module:function``, called in each process with `settings`.
    :param settings: picklable keyword arguments of the handler.
    :param workers: how many processes.
    :param waiting_limit: how many tasks may wait for a free process.
    :param deadline_s: seconds that a task may take, and that one may wait for a free process.
    :param memory_limit_mib: address space of each process (POSIX); ``None`` sets no limit.
    :param replaced: told why a process was replaced: ``deadline``, ``lost``, ``memory``, ``abandoned``.
    """

    def __init__(
        self,
        handler: str,
        settings: Mapping[str, Any],
        *,
        workers: int = 2,
        waiting_limit: int = 64,
        deadline_s: float = DEADLINE_S,
        memory_limit_mib: int | None = 2048,
        replaced: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._handler = handler
        self._settings = dict(settings)
        self._count = workers
        self._waiting_limit = waiting_limit
        self._deadline_s = deadline_s
        self._memory_limit_mib = memory_limit_mib
        self._replaced = replaced
        self._workers: set[_Worker] = set()
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        self._restarts: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._running = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many tasks wait for a free process."""
        return self._waiting

    @property
    def running(self) -> int:
        """How many tasks are being worked on."""
        return self._running

    @property
    def alive(self) -> int:
        """How many processes can take work or are at it."""
        return sum(worker.process.is_alive() for worker in self._workers)

    async def start(self) -> None:
        """Start the processes and wait until each is ready.

        :raises ToldProblem: the handler refused to start; the problem says why.
        :raises InternalError: a process did not come up.
        """
        started = await asyncio.gather(*(self._start_one() for _ in range(self._count)), return_exceptions=True)
        failures = [failure for failure in started if isinstance(failure, BaseException)]
        if failures:
            await self.close(0)
            raise failures[0]

    async def run(
        self,
        task: str,
        arguments: Mapping[str, Any],
        blobs: Sequence[bytes] = (),
        *,
        deadline_s: float | None = None,
    ) -> Reply:
        """Have one task done.

        :param deadline_s: instead of the pool's own.
        :raises ToldProblem: the task was refused or failed; the problem says why.
        :raises Refusal: too many tasks wait already, or the server is closing.
        :raises InputRefused: the task took too long or too much memory, or its process died of it.
        """
        if self._closed or self._waiting >= self._waiting_limit:
            raise _busy()
        limit_s = deadline_s or self._deadline_s
        self._waiting += 1
        try:
            worker = await self._free_worker(limit_s)
        finally:
            self._waiting -= 1
        self._running += 1
        failure = "abandoned"
        try:
            async with asyncio.timeout(limit_s):
                answer, attached = await worker.exchange({"task": task, "arguments": arguments}, blobs)
            failure = "memory" if answer.get("problem") == OUT_OF_MEMORY else ""
        except TimeoutError:
            failure = "deadline"
            raise InputRefused("serving.too_slow", seconds=round(limit_s, 1)) from None
        except (OSError, EOFError) as error:
            failure = "lost"
            raise InputRefused("serving.worker_died") from error
        finally:
            self._running -= 1
            if failure:
                self._replace(worker, failure)
            else:
                self._idle.put_nowait(worker)
        if failure:
            raise InputRefused("serving.too_large")
        if "problem" in answer:
            raise ToldProblem(answer["problem"])
        return answer["answer"], attached

    async def close(self, grace_s: float = 10.0) -> None:
        """Let running tasks end within `grace_s` seconds and stop the processes. Closing twice is harmless."""
        self._closed = True
        until = time.monotonic() + grace_s
        while self._running and time.monotonic() < until:
            await asyncio.sleep(0.02)
        for restart in self._restarts:
            restart.cancel()
        workers, self._workers = self._workers, set()
        await asyncio.gather(*(worker.stop() for worker in workers))

    # ------------------------------------------------------------------------------------------------ private

    async def _free_worker(self, limit_s: float) -> _Worker:
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    worker = await self._idle.get()
                    if worker.process.is_alive():
                        return worker
                    self._replace(worker, "lost")
        except TimeoutError:
            raise _busy() from None

    async def _start_one(self) -> None:
        ours, theirs = socket.socketpair()
        process = multiprocessing.get_context("spawn").Process(
            target=serve_tasks,
            args=(theirs, self._handler, self._settings, self._memory_limit_mib),
            daemon=True,
            name="kyso-worker",
        )
        # Starting writes the settings to the new process, which takes some milliseconds.
        await asyncio.to_thread(process.start)
        theirs.close()
        ours.setblocking(False)
        worker = _Worker(process, *(await asyncio.open_connection(sock=ours, limit=1 << 20)))
        problem: Exception | None = None
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                answer, _ = await worker.receive()
            if "problem" in answer:
                problem = ToldProblem(answer["problem"])
        except (TimeoutError, OSError, EOFError):
            problem = InternalError("serving.worker_died")
        if problem is not None or self._closed:
            await worker.stop()
        if problem is not None:
            raise problem
        if not self._closed:
            self._workers.add(worker)
            self._idle.put_nowait(worker)

    def _replace(self, worker: _Worker, reason: str) -> None:
        self._workers.discard(worker)
        self._replaced(reason)
        restart = asyncio.create_task(self._restart(worker))
        self._restarts.add(restart)
        restart.add_done_callback(self._restarts.discard)

    async def _restart(self, lost: _Worker) -> None:
        await lost.stop()
        while not self._closed:
            try:
                await self._start_one()
            except (ToldProblem, InternalError):
                await asyncio.sleep(_RESTART_PAUSE_S)
            else:
                return


class _Worker:
    """One process and the socket to it."""

    def __init__(self, process: BaseProcess, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process = process
        self._reader = reader
        self._writer = writer

    async def exchange(self, header: Mapping[str, Any], blobs: Sequence[bytes]) -> Reply:
        """Send one task and read its answer."""
        encoded = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
        self._writer.writelines((struct.pack(HEAD, len(encoded)), encoded, *blobs))
        await self._writer.drain()
        return await self.receive()

    async def receive(self) -> Reply:
        """Read one answer; an end in its middle is an EOFError."""
        (size,) = struct.unpack(HEAD, await self._reader.readexactly(struct.calcsize(HEAD)))
        answer = json.loads(await self._reader.readexactly(size))
        return answer, [await self._reader.readexactly(length) for length in answer.pop("blobs")]

    async def stop(self) -> None:
        """End the process now; what it was doing is lost."""
        self._writer.close()
        self.process.kill()
        await asyncio.to_thread(self.process.join, 5)


def _busy() -> Refusal:
    return Refusal("serving.busy", 503, {"Retry-After": str(_RETRY_AFTER_S)})
