"""The desk itself: what its routes share, from the start of the server to its end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.config import Config
from kyso.errors import KysoError
from kyso.plugins import create_plugin_manager
from kyso.serving.pool import WorkerPool
from kyso.serving.problems import MEDIA_TYPE, ToldProblem, encoded, in_language, problem_of
from kyso.text import LANGUAGES, Language
from kyso_desk.jobs import Jobs
from kyso_desk.settings import DeskSettings, settings_of
from kyso_desk.wording import told_error

if TYPE_CHECKING:
    from kyso.plugins import PluginRegistry
    from kyso_desk.first_run import Uploaded
    from kyso_desk.workspace import DeskLetter, Workspace

Handler = Callable[["Desk", Request], Awaitable[Response]]

MAX_TICKETS = 50


class Desk:
    """Configuration, workspace, worker processes and jobs of one running desk.

    :ivar found_keys: URIs of keys that were listed for the first run, by the names the page knows them by.
    :ivar uploads: files that the first run takes along.
    """

    def __init__(self, config: Config, workspace: Workspace, *, online: bool, language: Language) -> None:
        self.workspace = workspace
        self.language: Language = language
        self.online = online or config.network.online
        self.registry: PluginRegistry = create_plugin_manager()
        self.jobs = Jobs(lambda: self.config, online=self.online)
        self.found_keys: dict[str, str] = {}
        self.uploads: dict[str, Uploaded] = {}
        self._pool: WorkerPool | None = None
        self._starting = asyncio.Lock()
        self._tickets: dict[str, str] = {}
        self.take_config(config)

    def take_config(self, config: Config) -> None:
        """Work with another configuration from now on. :raises WrongUse: the desk's section of it is wrong."""
        self.settings: DeskSettings = settings_of(config)
        self.config = config

    @property
    def first_config(self) -> Path:
        """Where the first kyso.toml goes: the user's own."""
        from kyso.config import user_file

        return user_file()

    async def start(self) -> None:
        """Start the worker processes, so that the first letter finds them ready."""
        async with self._starting:
            if self._pool is None:
                path = self.config.path
                settings = {"config_path": None if path is None else str(path), "online": self.online}
                pool = WorkerPool("kyso_desk.work:start", settings, workers=self.settings.workers)
                await pool.start()
                self._pool = pool

    async def restart(self, config: Config) -> None:
        """Take another configuration, and worker processes that know it."""
        self.take_config(config)
        async with self._starting:
            old, self._pool = self._pool, None
        if old is not None:
            await old.close(0)
        await self.start()

    async def close(self) -> None:
        """Stop jobs and worker processes."""
        self.jobs.close()
        if self._pool is not None:
            await self._pool.close(0)

    async def ask(
        self, task: str, arguments: Mapping[str, Any], *, deadline_s: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Have a worker do something with a letter.

        :raises ToldProblem: it refused, in the page's words.
        :raises KysoError: it took too long, or the process was lost.
        """
        await self.start()
        assert self._pool is not None
        answer, blobs = await self._pool.run(task, arguments, deadline_s=deadline_s)
        if "refused" in answer:
            raise ToldProblem(answer["refused"])
        return answer, blobs

    async def describe(self, letter: DeskLetter) -> None:
        """Read the sizes of a letter's pages and its fields into `letter`."""
        answer, _ = await self.ask("describe", {"path": str(letter.path)}, deadline_s=20.0)
        letter.pages, letter.fields = answer["pages"], answer["fields"]
        letter.signatures = answer["signatures"]

    # -------------------------------------------------------------------------------------------------- tickets

    def ticket_for(self, letter: DeskLetter) -> str:
        """Return a ticket that shows a letter once in a tab of its own, where no header can be sent."""
        while len(self._tickets) >= MAX_TICKETS:
            self._tickets.pop(next(iter(self._tickets)))
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = letter.identifier
        return ticket

    def redeem(self, ticket: str) -> DeskLetter:
        """Return the letter of a ticket, once. :raises WrongUse: it is none, or was used."""
        return self.workspace.letter(self._tickets.pop(ticket, ""))


def guarded(desk: Desk, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a route: errors of the tree become problem documents in both languages, everything else one line."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(desk, request)
        except ToldProblem as problem:
            document = problem.document
        except KysoError as error:
            document = {**problem_of(error), **told_error(error)}
        except OSError as error:
            from kyso.errors import InputRefused

            refusal = InputRefused("cli.system_refused", name="", cause=error.strerror or type(error).__name__)
            document = {**problem_of(refusal), **told_error(refusal)}
        except Exception as error:  # noqa: BLE001 - the outermost door: the page gets words, the log the place
            from kyso.cli.crash import write_log
            from kyso.errors import InternalError

            defect = InternalError("serving.defect", log=write_log(error))
            document = {**problem_of(defect), **told_error(defect)}
        return Response(
            encoded(in_language(document, _asked(request, desk))), document.get("status", 500), media_type=MEDIA_TYPE
        )

    return handle


def _asked(request: Request, desk: Desk) -> Language:
    return next((each for each in LANGUAGES if each == request.headers.get("accept-language")), desk.language)


def answer(table: Mapping[str, Any]) -> JSONResponse:
    """Return a JSON answer."""
    return JSONResponse(dict(table))
