"""The two sides of the agent in tests: a page in a browser, and the person at the confirmation window."""

from __future__ import annotations

import json
import queue
import ssl
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.client import connect

from kyso_desk.agent.server import RunningAgent

PATIENCE_S = 30.0

_asked: list[Future[dict[str, Any]]] = []
"""What was asked last, so that a test whose request was answered without a window says how."""

_sockets: list[Any] = []
""":meth:`Person.forget` closes these pages, so that a test that failed leaves no window open for the next one."""


@dataclass(frozen=True)
class Page:
    """A page of one origin. What it sends is what a browser would send."""

    agent: RunningAgent
    origin: str | None

    def ask(self, operation: str, message: Any) -> Future[dict[str, Any]]:
        """Send a request; the answer comes when the person has decided."""
        answer: Future[dict[str, Any]] = Future()
        _asked.append(answer)

        def run() -> None:
            try:
                answer.set_result(self.answer(operation, message))
            except Exception as error:  # noqa: BLE001 - handed to the test
                answer.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return answer

    def answer(self, operation: str, message: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        text = message if isinstance(message, (str, bytes)) else json.dumps(message)
        with self.connection(operation) as socket:
            _sockets.append(socket)
            socket.send(text)
            answer: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_S))
        return answer

    def connection(self, operation: str, **more: Any) -> Any:
        """Open the socket of an operation."""
        context = ssl.create_default_context(cafile=str(self.agent.leaf.certificate_file))
        url = f"wss://127.0.0.1:{self.agent.port}/{operation}"
        return connect(
            url, ssl=context, origin=self.origin, compression=None, proxy=None, open_timeout=PATIENCE_S, **more
        )


@dataclass
class Window:
    """A confirmation window, used over HTTP as its script does."""

    url: str
    token: str = ""
    version: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Scheme and host of the windows."""
        return self.url.split("/confirm/")[0]

    @property
    def identifier(self) -> str:
        """The window's name."""
        return self.url.split("/confirm/")[1].split("#")[0]

    def call(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Call the window's server as the window's own page would; return status and body."""
        sent = {"X-Kyso-Window": self.token, **({} if body is None else {"Origin": self.host})}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        request = urllib.request.Request(f"{self.host}/api/{self.identifier}/{path}", data=body, headers=sent)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def open(self) -> Window:
        """Exchange the address's secret."""
        status, body = self.call("open", b"", X_Kyso_Opening=self.url.split("#")[1])
        assert status == 200, body
        self.token = json.loads(body)["token"]
        return self

    def until(self, *stages: str) -> dict[str, Any]:
        """Wait for one of the stages, and return what it shows."""
        while True:
            status, body = self.call(f"state?after={self.version}")
            assert status == 200, body
            state: dict[str, Any] = json.loads(body)
            if state["version"] > self.version:
                self.version = state["version"]
                self.seen.append(state)
                if state["stage"] in stages:
                    return state
                refused = state["waiting"] and stages == ("done",) and state.get("error")
                assert not state["ended"], state
                assert not refused, state

    def decide(self, action: str, secret: str | None = None, **values: str) -> None:
        """Answer the stage that was last seen."""
        status, body = self.send(self.version, action, secret, **values)
        assert status == 204, body

    def send(self, version: int, action: str, secret: str | None = None, **values: str) -> tuple[int, bytes]:
        """Send a decision, whatever becomes of it."""
        named = {name.replace("__", "."): value for name, value in values.items()}
        return self.call(
            "decide", json.dumps({"version": version, "action": action, "values": named, "secret": secret}).encode()
        )


class Person:
    """The person: their windows appear here instead of in a browser."""

    def __init__(self) -> None:
        self._windows: queue.Queue[str] = queue.Queue()

    def told(self, url: str) -> None:
        """Take the address of a window."""
        self._windows.put(url)

    def window(self) -> Window:
        """Return the next window, opened."""
        return self.unopened().open()

    def unopened(self) -> Window:
        """Return the next window as it was announced."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                return Window(self._windows.get(timeout=0.1))
            except queue.Empty:
                if _asked and _asked[-1].done():
                    raise AssertionError(f"answered without a window: {_asked[-1].result()}") from None
        raise AssertionError("no window")

    @property
    def has_none(self) -> bool:
        """Whether no window was announced."""
        return self._windows.empty()

    def forget(self) -> None:
        """Leave no page and no window of an earlier test."""
        while _sockets:
            _sockets.pop().close()
        while not self._windows.empty():
            self._windows.get()
