"""kill -9 at every step, in real processes.

A child process kills itself at its n-th step, a step being each moment before one of the calls that matter: a file gets
its name, a line is written, a request goes out or has been answered. What a process leaves behind differs at these
moments and at no others. The test goes on with n + 1 until a child comes to its end alive.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest

NEVER = 10_000
"""A step that no child reaches."""

MOST_STEPS = 120
_processes = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
_preloaded = [
    "kyso.cli.batch_sign",
    "kyso.engine",
    "kyso.placement.invisible",
    "kyso.plugins",
    "kyso.records.store",
    "kyso.signing.completion",
    "kyso.signing.preparation",
    "kyso.signing.resuming",
    "kyso.signing.waiting",
    "kyso.verification.verify",
    "kyso_pfx.source",
]

needs_sigkill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")


def preload(module: str) -> None:
    """Load a test's module once, in the process that children are forked from: that takes longer than what they do."""
    _preloaded.append(module)
    _processes.set_forkserver_preload(_preloaded)


def die_at(step: int, *calls: tuple[Any, str]) -> None:
    """Let this process kill itself at its `step`-th step: before any of `calls` (owner, name)."""
    passed = 0

    def count() -> None:
        nonlocal passed
        passed += 1
        if passed == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            count()
            return call(*arguments, **named)

        return wrapped

    for owner, name in calls:
        setattr(owner, name, around(getattr(owner, name)))


def run_child(target: Callable[..., None], *arguments: object) -> int:
    """Run a child to its end, or its death; return its exit code."""
    child = _processes.Process(target=target, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode is not None, "the child hangs"
    return child.exitcode


def steps_until_alive(one: Callable[[int], int], alive: tuple[int, ...] = (0,)) -> Iterator[int]:
    """Give every step at which a child died; end with the step that no child reaches any more.

    :param one: prepares everything anew and runs a child that dies at the step given.
    :param alive: exit codes of a child that came to its end.
    """
    for step in range(1, MOST_STEPS):
        code = one(step)
        if code in alive:
            assert step > 4, "the child hardly did anything"
            return
        assert code == -signal.SIGKILL
        yield step
    raise AssertionError("more steps than expected")
