"""Many files judged on the same terms, in this process or in several, reports in the order of the files.

One file never stops the rest: a file that ends a worker process, or meets a defect in kyso, is reported as unreadable
with the reason, and the others go on.

::

    with Engine.from_config() as engine:
        for report in verify_several(engine, sources, Terms(), workers=4):
            print(report.file.name, report.verdict)
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kyso.errors import KysoError
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.report import FileInfo, VerificationReport

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    from kyso.config import Config
    from kyso.engine import Engine
    from kyso.secret import Secret

_CHUNK: Final = 8
"""Files in one task: few enough to keep all workers busy, enough to make the hand-over cheap."""
_FILE_S: Final = 0.004
_BYTES_PER_S: Final = 800e6
_WORTH_A_WORKER_S: Final = 2.0
"""What a file and its bytes cost about, and how much work makes up for the start of another process."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all files, as :meth:`~kyso.engine.Engine.verify` takes it.

    :param registered: let rows of our own register of incoming letters prove that a file existed.
    """

    trust: tuple[Path, ...] | None = None
    crls: tuple[Path, ...] | None = None
    at: datetime | None = None
    revocation: str | None = None
    conformity: bool = False
    registered: bool = False


def fitting_workers(sources: Sequence[Path]) -> int:
    """Return how many processes are worth their start for these files."""
    size = sum(source.stat().st_size for source in sources if source.is_file())
    work_s = len(sources) * _FILE_S + size / _BYTES_PER_S
    return max(1, min(os.cpu_count() or 1, int(work_s / _WORTH_A_WORKER_S)))


def verify_several(
    engine: Engine, sources: Sequence[Path], terms: Terms, *, password: Secret | None = None, workers: int = 1
) -> Iterator[VerificationReport]:
    """Verify `sources`, yielding reports in their order.

    :param password: opens encrypted files.
    :param workers: processes to judge in; 1 is this one.
    :raises WrongUse: the terms themselves are wrong.
    """
    # Made here in any case: what is wrong with the terms is told once, not by every process.
    with _Judge(engine, terms, password) as judge:
        if workers <= 1 or len(sources) < 2:
            yield from map(judge.report, sources)
            return
    yield from _Pool(engine.config, terms, password, workers, online=engine.online).reports(sources)


class _Judge:
    """One engine that judges on fixed terms."""

    def __init__(self, engine: Engine, terms: Terms, password: Secret | None) -> None:
        self._engine = engine
        self._terms = terms
        self._password = password
        self._closing = ExitStack()
        self._receipts: Any = None
        if terms.registered:
            from kyso.receiving.register import receipt_book
            from kyso.records.store import Records

            records = self._closing.enter_context(Records.of(engine.config, engine.registry))
            self._receipts = receipt_book(records)

    def __enter__(self) -> _Judge:
        return self

    def __exit__(self, *about: object) -> None:
        self._closing.close()

    def report(self, source: Path) -> VerificationReport:
        terms = self._terms
        try:
            return self._engine.verify(
                source,
                trust=terms.trust,
                crls=terms.crls,
                at=terms.at,
                password=self._password,
                revocation=terms.revocation,
                conformity=terms.conformity,
                receipts=self._receipts,
            )
        except KysoError:
            raise  # about the terms, not about the file
        except Exception as error:  # noqa: BLE001 - a defect met in one of many files must not hide the others' verdicts
            from kyso.cli.crash import write_log

            return _unjudged(source, Notice("verification.internal", {"log": write_log(error)}))


def _unjudged(source: Path, why: Notice) -> VerificationReport:
    return VerificationReport(
        file=FileInfo(source.name, str(source), None, None, None),
        verdict="unreadable",
        integrity="unreadable",
        changes="none",
        validation_time=datetime.now(UTC),
        validation_time_given=False,
        warnings=(why,),
    )


class _Pool:
    """Spawned processes that each hold an engine; the password reaches them once, never with a task."""

    def __init__(self, config: Config, terms: Terms, password: Secret | None, workers: int, *, online: bool) -> None:
        secret = None if password is None else password.reveal()
        self._initial = (config, terms, secret, online)
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None

    def reports(self, sources: Sequence[Path]) -> Iterator[VerificationReport]:
        flight: deque[tuple[list[Path], Future[list[VerificationReport]]]] = deque()
        try:
            for start in range(0, len(sources), _CHUNK):
                chunk = list(sources[start : start + _CHUNK])
                flight.append((chunk, self._submit(chunk)))
                if len(flight) > self._workers * 3:
                    yield from self._landed(flight)
            while flight:
                yield from self._landed(flight)
        finally:
            self._drop()

    def _landed(self, flight: deque[tuple[list[Path], Future[list[VerificationReport]]]]) -> list[VerificationReport]:
        from concurrent.futures.process import BrokenProcessPool

        chunk, future = flight.popleft()
        try:
            return future.result()
        except BrokenProcessPool:
            # Everything in flight is lost with the pool; which file it was shows when each is judged alone.
            waiting = [lost for lost, _ in flight]
            flight.clear()
            reports = [self._alone(source) for source in chunk]
            flight.extend((lost, self._submit(lost)) for lost in waiting)
            return reports

    def _alone(self, source: Path) -> VerificationReport:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return self._submit([source]).result()[0]
        except BrokenProcessPool:
            self._drop()
            return _unjudged(source, Notice("verification.worker_lost"))

    def _submit(self, chunk: list[Path]) -> Future[list[VerificationReport]]:
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        for _ in range(2):
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    self._workers, mp_context=get_context("spawn"), initializer=_start, initargs=self._initial
                )
            try:
                return self._executor.submit(_judge_chunk, chunk)
            except BrokenProcessPool:
                self._drop()
        raise BrokenProcessPool

    def _drop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None


_judge: _Judge | None = None


def _start(config: Config, terms: Terms, password: str | None, online: bool) -> None:
    global _judge
    from kyso.engine import Engine
    from kyso.secret import Secret

    engine = Engine.from_config(config, online=online)
    _judge = _Judge(engine, terms, None if password is None else Secret(password))


def _judge_chunk(sources: list[Path]) -> list[VerificationReport]:
    assert _judge is not None
    return [_judge.report(source) for source in sources]
