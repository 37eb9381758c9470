"""Running the desk on loopback until Ctrl-C, and opening its page."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

import uvicorn

from kyso.errors import InputRefused
from kyso_desk.application import make_application
from kyso_desk.desk import Desk
from kyso_desk.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from kyso.config import Config
    from kyso.text import Language

LOOPBACK = "127.0.0.1"


def run_desk(
    config: Config,
    *,
    port: int,
    online: bool,
    language: Language,
    opened: Callable[[str], None],
    with_browser: bool,
) -> None:
    """Serve the desk until it is interrupted; then sweep its workspace.

    :param port: 0 takes a free one.
    :param opened: told the address that opens the desk, once it answers.
    :param with_browser: open that address in the browser.
    :raises InputRefused: the port is taken.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listening, Workspace() as workspace:
        try:
            listening.bind((LOOPBACK, port))
        except OSError as cause:
            raise InputRefused("desk.port_taken", port=port) from cause
        listening.listen(64)
        bound: int = listening.getsockname()[1]
        desk = Desk(config, workspace, online=online, language=language)
        gate = make_application(desk, port=bound)
        server = _Server(
            uvicorn.Config(
                gate,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=2,
                limit_concurrency=64,
                h11_max_incomplete_event_size=32 * 1024,
            )
        )

        def ready() -> None:
            opened(gate.opening_url)
            if with_browser:
                # Some browsers run in the terminal and return only when they are left.
                threading.Thread(target=webbrowser.open, args=(gate.opening_url,), daemon=True).start()

        server.ready = ready
        _end_orderly()
        server.run(sockets=[listening])
        if not server.started:
            raise InputRefused("desk.not_started")


def _end_orderly() -> None:
    """Let a closed terminal and a polite kill end the desk like Ctrl-C does, with its workspace swept.

    The server catches SIGTERM, closes, and raises it again; its default action would end the process on the spot.
    """
    signal.signal(signal.SIGTERM, _leave)
    if sys.platform != "win32":
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


class _Server(uvicorn.Server):
    """Tells when it answers."""

    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self.ready()
