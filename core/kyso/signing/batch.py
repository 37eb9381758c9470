"""Many letters: one key session, outcomes in the order of the requests, one failure never stops the rest.

Letters are signed one by one with a key that stays open. With several workers and a key that is a file, whole letters
are signed in spawned processes, which hold the key themselves; its password reaches a worker once, through the
initialiser, never with a task. Letters of a key that a person confirms (`Key.batch_limit` is a number) go out together,
as many in one request as the key allows.
"""

from __future__ import annotations

import multiprocessing
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.engine import Engine, Outcome, failure_of
from kyso.errors import InternalError, KysoError
from kyso.models import SignRequest
from kyso.secret import Secret

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.signing.preparation import Prepared

_CHUNK = 8
"""Letters in one task: few enough to keep all workers busy, enough to make the hand-over cheap."""

_LETTERS_AT_ONCE = 2
"""Letters under way at once in one worker."""

_ROUND = 100
"""Letters looked at together; a key that a person confirms gets them in one request where it allows so many."""


def sign_batch(engine: Engine, requests: Iterable[SignRequest], workers: int) -> Iterator[Outcome]:
    """Sign `requests`, yielding outcomes in their order; at most a few chunks are in flight at once."""
    pending = iter(requests)
    while True:
        chunk = list(islice(pending, _ROUND))
        if not chunk:
            return
        if workers > 1 and all(_goes_to_worker(engine, request) for request in chunk):
            yield from _in_workers(engine, chunk, pending, workers)
            return
        yield from _here(engine, chunk)


def _goes_to_worker(engine: Engine, request: SignRequest) -> bool:
    # A password of a document is a Secret and never travels with a task.
    return request.password is None and engine.is_portable(request.key)


def _here(engine: Engine, requests: list[SignRequest]) -> Iterator[Outcome]:
    for key, group in groupby(requests, key=lambda request: request.key):
        letters = list(group)
        try:
            limit = engine.key(key).batch_limit
        except KysoError as error:
            yield from (failure_of(request, error) for request in letters)
            continue
        if limit is None:
            yield from (_one(engine, request) for request in letters)
        else:
            for start in range(0, len(letters), limit):
                yield from _together(engine, letters[start : start + limit])


def _together(engine: Engine, requests: list[SignRequest]) -> Iterator[Outcome]:
    """Sign letters of one key in one request that a person confirms once."""
    outcomes: dict[int, Outcome] = {}
    ready: list[tuple[int, SignRequest, Prepared]] = []
    try:
        for position, request in enumerate(requests):
            try:
                ready.append((position, request, engine.prepare_here(request)))
            except KysoError as error:
                outcomes[position] = failure_of(request, error)
            except Exception as error:  # noqa: BLE001 - as in _outcome
                outcomes[position] = failure_of(request, _defect(error))
        if ready:
            try:
                answers = engine.submit([(request, prepared) for _, request, prepared in ready])
            except KysoError as error:
                answers = [failure_of(request, error) for _, request, _ in ready]
            outcomes.update((position, answer) for (position, _, _), answer in zip(ready, answers, strict=True))
    finally:
        for _, _, prepared in ready:
            prepared.file.discard()
    for position, request in enumerate(requests):
        engine.tell(request, outcomes[position])
    yield from (outcomes[position] for position in range(len(requests)))


def _one(engine: Engine, request: SignRequest) -> Outcome:
    return _outcome(engine.sign, request)


def _outcome(sign: Callable[[SignRequest], Outcome], request: SignRequest) -> Outcome:
    """Sign one letter of many: whatever happens to it is its own outcome."""
    try:
        return sign(request)
    except KysoError as error:
        return failure_of(request, error)
    except Exception as error:  # noqa: BLE001 - a defect met by one letter must not stop the rest; it is told
        return failure_of(request, _defect(error))


def _defect(error: Exception) -> InternalError:
    """Name a defect by its kind and place; its text could hold what the letter holds."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return InternalError("batch.defect", kind=type(error).__name__, place=f"{Path(place.filename).name}:{place.lineno}")


class WorkerPool:
    """Spawned processes that each hold an engine with the portable keys opened."""

    def __init__(self, config: Config, secrets: Mapping[str, str], workers: int) -> None:
        self.workers = workers
        self.keys = frozenset(secrets)
        self._executor = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(_picklable(config), dict(secrets)),
        )

    def submit(self, requests: list[SignRequest]) -> Future[list[Outcome]]:
        """Sign a chunk in one of the workers."""
        return self._executor.submit(_sign_chunk, requests)

    def close(self) -> None:
        """Let running chunks end and stop the processes."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _in_workers(
    engine: Engine, first: list[SignRequest], rest: Iterator[SignRequest], workers: int
) -> Iterator[Outcome]:
    def chunks() -> Iterator[list[SignRequest]]:
        for start in range(0, len(first), _CHUNK):
            yield first[start : start + _CHUNK]
        while chunk := list(islice(rest, _CHUNK)):
            yield chunk

    flight: deque[tuple[list[SignRequest], Future[list[Outcome]] | None]] = deque()
    for chunk in chunks():
        if all(_goes_to_worker(engine, request) for request in chunk):
            try:
                pool = engine.worker_pool({request.key for request in chunk}, workers)
                flight.append((chunk, pool.submit(chunk)))
            except KysoError:
                flight.append((chunk, None))  # the key does not open: say so letter by letter
        else:
            flight.append((chunk, None))
        while len(flight) > workers * 3:
            yield from _landed(engine, *flight.popleft())
    while flight:
        yield from _landed(engine, *flight.popleft())


def _landed(engine: Engine, chunk: list[SignRequest], future: Future[list[Outcome]] | None) -> Iterator[Outcome]:
    if future is None:
        yield from _here(engine, chunk)
        return
    try:
        outcomes = future.result()
    except BrokenProcessPool:
        engine.drop_worker_pool()
        lost = InternalError("batch.worker_lost")
        outcomes = [failure_of(request, lost) for request in chunk]
    for request, outcome in zip(chunk, outcomes, strict=True):
        engine.tell(request, outcome)
        yield outcome


def _picklable(config: Config) -> Config:
    """Return the configuration with its read-only views turned into dictionaries, which can cross to a process."""
    # A worker is given its secrets and looks for none by itself.
    keys = {
        name: replace(section, options=dict(section.options), keyring=False) for name, section in config.keys.items()
    }
    plugins = {name: dict(table) for name, table in config.plugins.items()}
    return replace(config, keys=keys, plugins=plugins)


_worker_engine: Engine | None = None


def _start_worker(config: Config, secrets: Mapping[str, str]) -> None:
    """Build the worker's engine and open its keys, so that the first letter finds them open."""
    global _worker_engine
    waiting = {name: Secret(value) for name, value in secrets.items()}
    current = ""

    def ask(code: str, parameters: Mapping[str, object]) -> Secret:
        return waiting[current]

    _worker_engine = Engine.from_config(config, ask_secret=ask)
    for name in waiting:
        current = name
        _worker_engine.key(name)


def _sign_chunk(requests: list[SignRequest]) -> list[Outcome]:
    engine = _worker_engine
    if engine is None:
        raise InternalError("batch.worker_lost")

    # While one letter waits for the disk to take it in, the next one is prepared.
    with ThreadPoolExecutor(_LETTERS_AT_ONCE) as threads:
        return list(threads.map(partial(_outcome, engine.sign_silently), requests))
