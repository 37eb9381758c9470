"""The application's side of a module's worker process: start it, call it with a deadline, end it.

Whatever happens to the module becomes an error with a name: a crash names the signal, a hang names the call, a module
built for another word size says so. A worker that failed is never used again, and nothing is repeated in a new one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from kyso.plugin import KeyTrouble
from kyso_pkcs11.modules import Module
from kyso_pkcs11.wire import WireBroken, read_frame, write_frame

LOAD_DEADLINE_S = 30.0
"""Starting an interpreter and loading a vendor's library from a cold disk."""

_END_GRACE_S = 3.0
# The environment goes to the worker, since modules find their readers and files through it; names that look like a
# secret stay behind, because native code of a vendor has no business with them.
_SECRET_NAME = re.compile(r"PASSW|PASSPHRASE|SECRET|CREDENTIAL|API_?KEY|ACCESS_?TOKEN|(^|_)PIN($|_)", re.IGNORECASE)
_CODE = re.compile(r"pkcs11\.[a-z0-9_]+")


def worker_environment(module: Module) -> dict[str, str]:
    """Return the environment for the module's worker: this process's, without what looks like a secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in module.keep_environment or not _SECRET_NAME.search(name)
    }


class ModuleProcess:
    """One vendor module in its own process. Calls from several threads take turns."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.users = 0
        """How many open keys live in it; kept by the source, which ends the process after the last."""
        self._lock = threading.RLock()
        self._number = 0
        self._failed: tuple[str, dict[str, object]] | None = None
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        command = [str(module.python or sys.executable), "-P", "-m", "kyso_pkcs11.worker"]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, or the config's
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=worker_environment(module),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as cause:
            raise KeyTrouble("pkcs11.worker_failed", module=str(module.path), detail=type(cause).__name__) from cause
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests_out = self._process.stdin.fileno()
        self._reader = threading.Thread(
            target=_collect, args=(self._process.stdout.fileno(), self._answers), daemon=True, name="kyso-pkcs11"
        )
        self._reader.start()
        try:
            answer = self.call("load", LOAD_DEADLINE_S, wanted={"library": dict}, path=str(module.path))
            self.library: dict[str, Any] = answer["library"]
        except KeyTrouble:
            self.close()
            raise

    def call(
        self, operation: str, deadline_s: float, *, wanted: Mapping[str, type] | None = None, **arguments: object
    ) -> dict[str, Any]:
        """Make one call and return its answer.

        :param deadline_s: seconds after which the worker is killed.
        :param wanted: fields that the answer must have, with their types; native code beside the worker's own may
            have damaged anything.
        :raises KeyTrouble: the module answered with an error, crashed, or did not answer in time.
        """
        with self._lock:
            self._send(operation, arguments)
            answer = self._receive(operation, deadline_s)
        if any(not isinstance(answer.get(name), kind) for name, kind in (wanted or {}).items()):
            raise self._unreadable(operation)
        return answer

    def _unreadable(self, operation: str) -> KeyTrouble:
        return KeyTrouble("pkcs11.failed", module=str(self.module.path), call=operation, error="answer unreadable")

    def stream(self, operation: str, deadline_s: float, count: int, **arguments: object) -> Iterator[dict[str, Any]]:
        """Make one call that has `count` answers, each within `deadline_s`."""
        with self._lock:
            self._send(operation, arguments)
            for _ in range(count):
                yield self._receive(operation, deadline_s)

    @property
    def alive(self) -> bool:
        """Whether calls can still succeed."""
        return self._failed is None and self._process.poll() is None

    def _send(self, operation: str, arguments: dict[str, object]) -> None:
        if self._failed is not None:
            code, parameters = self._failed
            raise KeyTrouble(code, **parameters)
        self._number += 1
        try:
            write_frame(self._requests_out, {"op": operation, "number": self._number, **arguments})
        except OSError as cause:
            raise self._ended(operation) from cause

    def _receive(self, operation: str, deadline_s: float) -> dict[str, Any]:
        until = time.monotonic() + deadline_s
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                self._kill()
                raise self._failure("pkcs11.module_hangs", call=operation, seconds=round(deadline_s)) from None
            if answer is None:
                raise self._ended(operation)
            if answer.get("number") == self._number:
                break  # anything else answers a call that Ctrl-C cut short
        if "error" in answer:
            raise self._reported(operation, answer)
        return answer

    def _reported(self, operation: str, answer: dict[str, Any]) -> KeyTrouble:
        code, parameters = answer.get("error"), answer.get("parameters")
        if not isinstance(code, str) or not _CODE.fullmatch(code) or not isinstance(parameters, dict):
            return self._unreadable(operation)
        return KeyTrouble(code, **{"module": str(self.module.path), **parameters})

    def _ended(self, operation: str) -> KeyTrouble:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_GRACE_S)
        status = self._process.poll()
        self._kill()
        return self._failure("pkcs11.module_crashed", call=operation, cause=_cause(status))

    def _failure(self, code: str, **parameters: object) -> KeyTrouble:
        parameters = {"module": str(self.module.path), **parameters}
        self._failed = (code, parameters)
        return KeyTrouble(code, **parameters)

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                self._reader.join(_END_GRACE_S)
                pipe.close()

    def close(self) -> None:
        """Log out by ending the process; one that does not end by itself is killed. Closing twice is harmless."""
        with self._lock:
            if self._process.poll() is None and self._failed is None:
                # A module that hangs while it is left is killed all the same, and nothing is lost by it.
                with contextlib.suppress(KeyTrouble):
                    self.call("end", _END_GRACE_S)
                    self._wait_for_end()
            self._kill()
            if self._failed is None:
                self._failed = ("pkcs11.session_closed", {"module": str(self.module.path)})

    def _wait_for_end(self) -> None:
        deadline = time.monotonic() + _END_GRACE_S
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)


def _collect(descriptor: int, answers: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """Move frames from the pipe to the queue: a pipe has no read with a deadline on every system."""
    try:
        while (answer := read_frame(descriptor)) is not None:
            answers.put(answer)
    except (OSError, WireBroken):
        pass  # the end of the pipe is told below, its cause by the process's exit status
    answers.put(None)


def _cause(status: int | None) -> str:
    if status is None:
        return "?"
    if status < 0:
        try:
            return signal.Signals(-status).name
        except ValueError:
            return f"signal {-status}"
    return f"exit {status:#x}" if status > 255 else f"exit {status}"
