"""The agent's sockets: ``wss://127.0.0.1:8987`` for pages, and a loopback address for the person's windows.

A page is judged at the handshake, before a word of it is read: Host must be one of this machine's loopback names with
our port (a name that was rebound to 127.0.0.1 is refused), Origin must be stated once and be a web page's. Programs
that state no Origin are refused: whatever is not a browser can claim to be anybody.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from kyso.plugin import InputRefused, KysoError
from kyso.plugins import create_plugin_manager
from kyso.serving.neighbours import is_other_user
from kyso.serving.pool import WorkerPool
from kyso.text import Language, message
from kyso_desk.agent.confirmation import Confirmation
from kyso_desk.agent.contract import GREATEST_MESSAGE, PageAnswer
from kyso_desk.agent.leaf import Leaf, usable_leaf
from kyso_desk.agent.origins import OriginStore, page_origin
from kyso_desk.agent.profile import agent_profile
from kyso_desk.agent.service import AgentService, ServiceTerms, Windowed
from kyso_desk.agent.settings import AgentSettings
from kyso_desk.agent.transfer import TransferLimits
from kyso_desk.agent.window import PATH, window_application
from kyso_desk.workspace import Workspace

if TYPE_CHECKING:
    from websockets.http11 import Request, Response

    from kyso.config import Config

LOOPBACK: Final = "127.0.0.1"
_FIRST_WORD_S: Final = 30.0
_OPEN_S: Final = 30.0
_MOST_CONNECTIONS: Final = 32
_START_DEADLINE_S: Final = 60.0

log = logging.getLogger("kyso.agent")
"""One JSON line for each request: who, what, how it ended, how long; never an address, a content or a secret."""

# The library's own lines tell of every broken handshake of every port scanner, with what it sent.
_quiet = logging.getLogger("kyso.agent.websockets")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """What an agent runs with.

    :param folder: where permissions and the TLS leaf are kept.
    :param open_window: opens an address in the person's browser; ``None`` opens none.
    :param told: told the address of each window; for people without a browser here, and for tests.
    :param poll_s: seconds between two questions to a remote signing service; ``None`` takes the usual.
    """

    config: Config
    settings: AgentSettings
    folder: Path
    online: bool
    language: Language
    open_window: Callable[[str], object] | None = webbrowser.open
    told: Callable[[str], None] = lambda url: None
    poll_s: float | None = None


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """An agent that answers.

    :param port: of the pages' socket.
    :param window_port: of the windows.
    :param leaf_is_new: the leaf was made just now, so that no browser trusts it yet.
    """

    port: int
    window_port: int
    leaf: Leaf
    leaf_is_new: bool
    service: AgentService


class _WindowServer(uvicorn.Server):
    """Leaves signals to the agent."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def run_agent(plan: AgentPlan, ready: Callable[[RunningAgent], None], stop: asyncio.Event) -> None:
    """Run an agent until `stop` is set.

    :param ready: told when it answers.
    :raises InputRefused: the port is taken.
    """
    leaf, is_new = usable_leaf(plan.folder)
    profile = agent_profile()
    registry = create_plugin_manager()
    path = plan.config.path
    pool = WorkerPool(
        "kyso_desk.agent.work:start",
        {"config_path": None if path is None else str(path), "online": plan.online},
        workers=plan.settings.workers,
    )
    async with AsyncExitStack() as stack:
        window_socket = stack.enter_context(_listening(0))
        page_socket = stack.enter_context(_listening(plan.settings.port))
        window_port: int = window_socket.getsockname()[1]
        port: int = page_socket.getsockname()[1]
        await pool.start()
        stack.push_async_callback(pool.close, 0)
        terms = ServiceTerms(
            TransferLimits(plan.settings.largest_bytes, plan.settings.deadline_s, plan.settings.ca_file),
            plan.settings.decision_s,
            **({} if plan.poll_s is None else {"poll_s": plan.poll_s}),
        )

        def open_window(confirmation: Confirmation) -> None:
            url = f"http://{LOOPBACK}:{window_port}{PATH}{confirmation.identifier}#{confirmation.fragment()}"
            plan.told(url)
            if plan.open_window is not None:
                opener = plan.open_window
                threading.Thread(target=lambda: opener(url), daemon=True, name="kyso-agent-browser").start()

        service = AgentService(
            plan.config,
            registry,
            pool,
            OriginStore(plan.folder),
            profile,
            terms,
            stack.enter_context(Workspace()).folder,
            online=plan.online,
            language=plan.language,
            open_window=open_window,
        )
        windows = _WindowServer(_window_configuration(service, plan, window_port))
        serving = asyncio.create_task(windows.serve(sockets=[window_socket]))
        stack.push_async_callback(_stopped, windows, serving)
        pages = _PageServer(service, port)
        await stack.enter_async_context(
            serve(
                pages.handle,
                sock=page_socket,
                ssl=leaf.server_context(),
                process_request=pages.judge,
                max_size=GREATEST_MESSAGE,
                open_timeout=_OPEN_S,
                compression=None,
                server_header=None,
                ping_interval=20,
                logger=_quiet,
            )
        )
        while not windows.started and not serving.done():
            await asyncio.sleep(0.005)
        ready(RunningAgent(port, window_port, leaf, is_new, service))
        await stop.wait()


def _listening(port: int) -> socket.socket:
    # With the protocol spelt out, so that asyncio sets TCP_NODELAY.
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((LOOPBACK, port))
    except OSError as cause:
        opened.close()
        raise InputRefused("agent.port_taken", port=port) from cause
    opened.listen(64)
    opened.setblocking(False)
    return opened


def _window_configuration(service: AgentService, plan: AgentPlan, port: int) -> uvicorn.Config:
    application = window_application(service, port=port, language=plan.language, size_cap=plan.settings.largest_bytes)
    return uvicorn.Config(
        application,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        limit_concurrency=64,
        h11_max_incomplete_event_size=32 * 1024,
    )


async def _stopped(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    server.force_exit = True
    await serving


class _PageServer:
    """The pages' socket."""

    def __init__(self, service: AgentService, port: int) -> None:
        self._service = service
        self._hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        self._active = 0

    def judge(self, connection: ServerConnection, request: Request) -> Response | None:
        """Judge a handshake; what is returned refuses it."""
        if request.headers.get_all("Host") not in [[host] for host in self._hosts]:
            return connection.respond(HTTPStatus.MISDIRECTED_REQUEST, self._words("agent.unknown_host"))
        if _is_other_user(connection):
            return connection.respond(HTTPStatus.FORBIDDEN, self._words("agent.other_user"))
        if request.path == "/" and "Upgrade" not in request.headers:
            # Where a person looks whether the agent runs and the browser trusts it.
            return connection.respond(HTTPStatus.OK, self._words("agent.running_here"))
        origins = request.headers.get_all("Origin")
        try:
            page_origin(origins[0] if len(origins) == 1 else "")
        except InputRefused:
            return connection.respond(HTTPStatus.FORBIDDEN, self._words("agent.origin_missing"))
        if self._active >= _MOST_CONNECTIONS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, self._words("agent.busy"))
        return None

    def _words(self, code: str) -> str:
        return message(code, self._service.language) + "\n"

    async def handle(self, connection: ServerConnection) -> None:
        """Answer the one request of a connection."""
        assert connection.request is not None
        origin = page_origin(connection.request.headers["Origin"])
        path = connection.request.path
        self._active += 1
        began = time.monotonic()
        answer: PageAnswer | None = None
        try:
            async with asyncio.timeout(_FIRST_WORD_S):
                text = await connection.recv()
            answer = await self._answer(connection, origin, path, text)
            await connection.send(answer.as_json(self._service.profile))
        except (TimeoutError, ConnectionClosed):
            return
        finally:
            self._active -= 1
            _note(origin, path, "gone" if answer is None else answer.outcome, time.monotonic() - began)

    async def _answer(self, connection: ServerConnection, origin: str, path: str, text: str | bytes) -> PageAnswer:
        windowed = Windowed(self._service, origin, path.partition("?")[0].strip("/"))
        answering = asyncio.create_task(self._guarded(origin, path, text, windowed))
        closed = asyncio.create_task(connection.wait_closed())
        await asyncio.wait((answering, closed), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done() and windowed.opened is not None:
            # Nobody waits for the answer any more; what was approved goes on, what was only asked does not.
            windowed.opened.abandon()
        closed.cancel()
        return await answering

    async def _guarded(self, origin: str, path: str, text: str | bytes, windowed: Windowed) -> PageAnswer:
        try:
            return await self._service.answer(origin, path, text, windowed)
        except Exception as error:  # noqa: BLE001 - the outermost door: a page learns that it failed, the log where
            from kyso.cli.crash import write_log

            write_log(error)
            return PageAnswer("failed", message("agent.failed_here", self._service.language, {"code": "agent.defect"}))


def _is_other_user(connection: ServerConnection) -> bool:
    client, server = connection.remote_address, connection.local_address
    return bool(client and server) and is_other_user((client[0], client[1]), (server[0], server[1]))


def _note(origin: str, path: str, outcome: str, seconds: float) -> None:
    entry: Mapping[str, Any] = {
        "event": "agent.request",
        "origin": origin,
        "operation": path.partition("?")[0].strip("/")[:40],
        "outcome": outcome,
        "ms": round(seconds * 1000, 1),
    }
    log.info(json.dumps(entry, ensure_ascii=False))


class BackgroundAgent:
    """An agent in a thread of its own; a context manager, for the desk and for tests."""

    def __init__(self, plan: AgentPlan) -> None:
        self._plan = plan
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="kyso-agent")
        self.running: RunningAgent | None = None

    def __enter__(self) -> RunningAgent:
        self._thread.start()
        self._ready.wait(_START_DEADLINE_S)
        if isinstance(self._failure, KysoError):
            raise self._failure
        if self.running is None:
            raise InputRefused("agent.not_started") from self._failure
        return self.running

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_OPEN_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits for the start
            self._failure = failure
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()

        def ready(running: RunningAgent) -> None:
            self.running = running
            self._ready.set()

        await run_agent(self._plan, ready, self._stop)
