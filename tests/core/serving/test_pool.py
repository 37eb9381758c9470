"""The processes behind every server: what hangs, dies or eats memory costs its own task only."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kyso.errors import InputRefused
from kyso.serving.pool import WorkerPool
from kyso.serving.problems import Refusal, ToldProblem

HANDLER = "tests.core.serving.tasks:start"


def with_pool(story: Callable[[WorkerPool], Awaitable[Any]], word: str = "begun", **options: Any) -> Any:
    """Run `story` with a started pool of two processes."""

    async def run() -> Any:
        pool = WorkerPool(HANDLER, {"word": word}, **{"workers": 2, **options})
        await pool.start()
        try:
            return await story(pool)
        finally:
            await pool.close(0)

    return asyncio.run(run())


def test_a_task_runs_in_a_begun_process_and_its_blobs_come_back() -> None:
    """A task runs in another process, which was begun with the settings; large blobs pass both ways."""
    large = os.urandom(3 << 20)

    async def story(pool: WorkerPool) -> None:
        answer, blobs = await pool.run("echo", {}, [large, b""])
        assert answer["word"] == "begun"
        assert answer["process"] != os.getpid()
        assert blobs == [large[::-1], b""]
        assert pool.alive == 2

    with_pool(story)


def test_what_hangs_dies_or_eats_memory_is_replaced_and_the_rest_goes_on() -> None:
    """Beside a hanging task others are answered; each kind of failure has its code, and afterwards all is well."""
    reasons: list[str] = []

    async def story(pool: WorkerPool) -> None:
        hanging = asyncio.create_task(pool.run("wait", {"seconds": 60}, deadline_s=0.6))
        assert (await pool.run("echo", {}))[0]["word"] == "begun"
        for task, code in (("die", "serving.worker_died"), ("devour", "serving.too_large")):
            with pytest.raises(InputRefused) as refused:
                await pool.run(task, {})
            assert refused.value.code == code
        with pytest.raises(InputRefused) as late:
            await hanging
        assert late.value.code == "serving.too_slow"
        assert [(await pool.run("echo", {}))[0]["word"] for _ in range(4)] == ["begun"] * 4

    with_pool(story, replaced=reasons.append)
    assert sorted(reasons) == ["deadline", "lost", "memory"]


def test_refusals_and_defects_come_back_as_problems(isolated_environment: Path) -> None:
    """A refusal keeps its code, parameters and status; a defect tells nothing of its words."""

    async def story(pool: WorkerPool) -> None:
        with pytest.raises(ToldProblem) as refused:
            await pool.run("refuse", {})
        assert refused.value.document["code"] == "document.empty"
        assert refused.value.document["status"] == 422
        assert "a.pdf" in refused.value.document["message_vi"]
        with pytest.raises(ToldProblem) as failed:
            await pool.run("fail", {})
        assert failed.value.document["status"] == 500
        assert "what a letter says" not in str(failed.value.document)

    with_pool(story)


def test_too_many_waiting_tasks_are_refused_at_once() -> None:
    """With all processes busy and the queue full, the next task is refused without waiting."""

    async def story(pool: WorkerPool) -> None:
        tasks = [asyncio.create_task(pool.run("wait", {"seconds": 0.5})) for _ in range(3)]
        while pool.waiting < 1:
            await asyncio.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(Refusal) as refused:
            await pool.run("echo", {})
        assert time.monotonic() - started < 0.1
        assert (refused.value.code, refused.value.status) == ("serving.busy", 503)
        await asyncio.gather(*tasks)

    with_pool(story, waiting_limit=1)


def test_an_abandoned_task_does_not_leave_its_answer_to_the_next() -> None:
    """Where the caller is cancelled in the middle of a task, its process is replaced."""

    async def story(pool: WorkerPool) -> None:
        first = (await pool.run("echo", {}))[0]["process"]
        task = asyncio.create_task(pool.run("wait", {"seconds": 0.3}))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await pool.run("echo", {}))[0]["process"] != first

    with_pool(story, workers=1)


def test_a_handler_that_refuses_to_start_is_told() -> None:
    """The pool does not start where its handler cannot, and says why."""
    with pytest.raises(ToldProblem) as refused:
        with_pool(lambda pool: pool.run("echo", {}), word="refuse")
    assert refused.value.document["code"] == "config.not_found"


def test_closing_lets_running_tasks_end() -> None:
    """A task that is under way when the pool closes is answered within the grace."""

    async def story() -> str:
        pool = WorkerPool(HANDLER, {"word": "begun"}, workers=1)
        await pool.start()
        task = asyncio.create_task(pool.run("wait", {"seconds": 0.3}))
        await asyncio.sleep(0.05)
        await pool.close(10)
        with pytest.raises(Refusal):
            await pool.run("echo", {})
        return str((await task)[0]["word"])

    assert asyncio.run(story()) == "begun"
