"""The processes behind every server: what hangs, dies or eats memory costs its own call only."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kyso.errors import InputRefused, InternalError, KysoError, RemoteFailed
from kyso.serving.workers import Workers

_begun_with = ""


def begin(word: str) -> None:
    global _begun_with
    _begun_with = word


def word() -> str:
    return _begun_with


def process() -> int:
    return os.getpid()


def wait(seconds: float) -> None:
    time.sleep(seconds)


def die() -> None:
    os._exit(9)


def devour() -> None:
    bytearray(8 << 30)


def refuse() -> None:
    raise InputRefused("document.empty", name="a.pdf")


def fail() -> None:
    raise ValueError("what a letter says")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2, start=begin, start_arguments=("begun",)) as workers:
        yield workers


def test_a_call_runs_in_a_prepared_process(workers: Workers) -> None:
    """A worker is begun before its first call and is another process than the caller's."""
    assert workers.run(word, deadline_s=30) == "begun"
    assert workers.run(process, deadline_s=30) != os.getpid()


def test_what_hangs_is_stopped_and_others_go_on(workers: Workers) -> None:
    """A call past its deadline is killed; a call beside it and the next one in its place succeed."""
    workers.run(process, deadline_s=30)
    with ThreadPoolExecutor(2) as threads:
        hanging = threads.submit(workers.run, wait, 60.0, deadline_s=0.5)
        assert threads.submit(workers.run, word, deadline_s=30).result() == "begun"
        with pytest.raises(InputRefused) as refusal:
            hanging.result()
    assert refusal.value.code == "serving.too_slow"
    assert [workers.run(word, deadline_s=30) for _ in range(3)] == ["begun"] * 3


@pytest.mark.parametrize(
    ("function", "code"),
    [(die, "serving.worker_died"), (devour, "serving.too_large"), (refuse, "document.empty")],
)
def test_failures_come_back_with_their_code(workers: Workers, function: object, code: str) -> None:
    """A worker that dies, one that runs out of memory and a plain refusal are told apart; the next call succeeds."""
    with pytest.raises(KysoError) as error:
        workers.run(function, deadline_s=30)  # type: ignore[arg-type] # one of the functions above
    assert error.value.code == code
    assert workers.run(word, deadline_s=30) == "begun"


def test_a_defect_comes_back_without_its_words(workers: Workers) -> None:
    """What an unexpected error says may be a letter's text and never leaves the worker."""
    with pytest.raises(InternalError) as error:
        workers.run(fail, deadline_s=30)
    assert "what a letter says" not in f"{error.value.message('vi')} {error.value.parameters}"


def test_nobody_waits_for_ever_for_a_free_worker() -> None:
    """When all workers are at work, a call that may not wait is told so."""
    with Workers(1, start=begin, start_arguments=("",)) as workers, ThreadPoolExecutor(1) as threads:
        workers.run(word, deadline_s=30)
        busy = threads.submit(workers.run, wait, 1.0, deadline_s=30)
        time.sleep(0.2)
        with pytest.raises(RemoteFailed) as refusal:
            workers.run(word, deadline_s=30, wait_s=0.1)
        assert refusal.value.code == "serving.busy"
        busy.result()
