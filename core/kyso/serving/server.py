"""Running an ASGI application with uvicorn: in the foreground, or on loopback in a thread.

::

    with BackgroundServer(application) as server:
        ...  # server.url is http://127.0.0.1:PORT
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from types import TracebackType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from kyso.serving.guard import Application

_START_DEADLINE_S = 10.0
_KEEP_ALIVE_S = 5

_connections: dict[tuple[str, int], asyncio.Transport] = {}


class _AbortableProtocol(H11Protocol):
    """Remembers its connection under the client's address, so that :func:`abort_connection` finds it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is not None:
            _connections[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client is not None:
            _connections.pop(self.client, None)
        super().connection_lost(exc)


def abort_connection(client: tuple[str, int]) -> None:
    """Cut the connection of a request without any answer: what a simulator does to play a broken network.

    :param client: the ``client`` of the ASGI scope.
    """
    transport = _connections.get((client[0], client[1]))
    if transport is not None:
        transport.abort()


def _configuration(application: Application, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=_AbortableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        h11_max_incomplete_event_size=64 * 1024,
        **options,
    )


def serve(application: Application, *, host: str, port: int) -> None:
    """Serve in the foreground until a signal ends it."""
    uvicorn.Server(_configuration(application, host=host, port=port)).run()


class BackgroundServer:
    """Serves on loopback in a thread of its own; a context manager."""

    def __init__(self, application: Application, *, port: int = 0) -> None:
        # With the protocol spelt out: asyncio sets TCP_NODELAY only on sockets that say they are TCP, and without it
        # every answer after the first on a connection waits 40 ms for a delayed acknowledgement.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self._socket.listen(128)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(_configuration(application))
        self._thread = threading.Thread(target=self._run, daemon=True, name="kyso-serving")
        self._started = threading.Event()

    def _run(self) -> None:
        async def main() -> None:
            serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
            while not self._server.started and not serving.done():
                await asyncio.sleep(0.005)
            self._started.set()
            await serving

        asyncio.run(main())

    def __enter__(self) -> BackgroundServer:
        self._thread.start()
        if not self._started.wait(_START_DEADLINE_S) or not self._server.started:
            raise RuntimeError("the server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(_START_DEADLINE_S)
        self._socket.close()
