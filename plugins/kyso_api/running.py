"""Runs the service until a signal ends it: uvicorn on one loop, workers beside it, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from kyso.plugin import InputRefused
from kyso.serving.guard import LOOPBACK_HOSTS
from kyso_api.application import create_application
from kyso_api.background import ask_about_waiting, deliver_webhooks, sweep
from kyso_api.service import Service

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.plugin import Secret
    from kyso_api.settings import ApiSettings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_KEEP_ALIVE_S = 30
_BACKLOG = 1024
_GREATEST_HEAD = 32 << 10


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling, which would end the process before the workers are stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        ends = (signal.SIGINT, signal.SIGTERM)
        for end in ends:
            # Windows has no such handlers on a loop; there Ctrl-C raises KeyboardInterrupt.
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(end, self._end)
        try:
            yield
        finally:
            for end in ends:
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(end)

    def _end(self) -> None:
        # The second signal waits for nobody.
        self.force_exit = self.should_exit
        self.should_exit = True


def run(
    config: Config,
    settings: ApiSettings,
    secrets: Mapping[str, Secret],
    *,
    host: str,
    port: int,
    online: bool,
    announce: Callable[[str, Service], None],
) -> None:
    """Serve until a signal ends it.

    :param announce: told the address once requests are answered.
    :raises KysoError: a key does not open, the records are not usable, the port is taken.
    :raises ToldProblem: a worker did not come up.
    """
    asyncio.run(_run(config, settings, secrets, host, port, online, announce))


async def _run(
    config: Config,
    settings: ApiSettings,
    secrets: Mapping[str, Secret],
    host: str,
    port: int,
    online: bool,
    announce: Callable[[str, Service], None],
) -> None:
    listening = _listening(host, port)
    service = Service(config, settings, secrets, online=online)
    try:
        await service.start()
        application = create_application(service, hosts=hosts_of(settings, host))
        server = _Server(_configuration(application, settings))
        service.begin(ask_about_waiting, deliver_webhooks, sweep)
        shown = f"[{host}]" if ":" in host else host
        announce(f"http://{shown}:{listening.getsockname()[1]}", service)
        await server.serve(sockets=[listening])
    finally:
        listening.close()
        await service.close()


def hosts_of(settings: ApiSettings, host: str) -> frozenset[str]:
    """Return the names that are answered to: the configured ones, on loopback this machine's, else any."""
    if settings.hosts:
        return frozenset(settings.hosts) | LOOPBACK_HOSTS
    return LOOPBACK_HOSTS if host in LOOPBACK else frozenset()


def _listening(host: str, port: int) -> socket.socket:
    """Open the port.

    :raises InputRefused: it is taken, or the address is none of this machine's.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol spelt out: asyncio sets TCP_NODELAY only on sockets that say they are TCP.
        opened = socket.socket(family, kind, protocol or socket.IPPROTO_TCP)
        if sys.platform != "win32":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(place)
        opened.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise InputRefused("api.cannot_listen", host=host, port=port, cause=cause) from None
    return opened


def _configuration(application: Any, settings: ApiSettings) -> uvicorn.Config:
    # Its own words would stand unstructured among the entries of the log; what went wrong is answered and noted there.
    logger = logging.getLogger("uvicorn.error")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    return uvicorn.Config(
        application,
        http=_protocol(settings.header_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(settings.grace_s),
        limit_concurrency=settings.connections,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=_GREATEST_HEAD,
    )


def _protocol(header_s: float) -> Any:
    """Return uvicorn's protocol with a deadline for a request's head.

    The one on h11: the faster one takes a client's offer to go on in HTTP/2 over plain text, which Java's own client
    makes with every request, for the end of the request, and refuses the body behind it.
    """

    class Patient(H11Protocol):
        """Closes a connection whose request's head does not arrive in time."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait_for_head()

        def data_received(self, data: bytes) -> None:
            if self._deadline is None and not self._is_at_work():
                self._wait_for_head()
            super().data_received(data)
            if self._deadline is not None and self._is_at_work():
                self._deadline.cancel()
                self._deadline = None

        def connection_lost(self, exc: Exception | None) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            super().connection_lost(exc)

        def _is_at_work(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _wait_for_head(self) -> None:
            self._deadline = self.loop.call_later(header_s, self.transport.close)

    return Patient
