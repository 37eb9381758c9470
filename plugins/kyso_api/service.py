"""The service as the routes see it: settings, records, keys, workers, and the threads that wait for the database."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kyso.records.store import Records
from kyso.serving.limits import ConcurrencyLimit, RateLimit
from kyso.serving.logs import JsonLog
from kyso.serving.pool import Reply, WorkerPool
from kyso_api import tokens
from kyso_api.keys import KeyHolder
from kyso_api.metrics import Metrics
from kyso_api.settings import ApiSettings
from kyso_api.uploads import UploadLimits

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.plugin import Secret
    from kyso_api.tokens import Token

P = ParamSpec("P")
T = TypeVar("T")

TOKEN_HOLDS_S = 2.0
"""How long a token that was looked up is believed: a revoked one is refused after this time at the latest."""

_MOST_TOKENS = 1000
_FAILURES_PER_MINUTE = 60
_WORK_PREFIX = "kyso-serve-"


class Service:
    """Everything that lives as long as the service. :meth:`start` it, and :meth:`close` it at the end.

    :param online: the network may be used: timestamps, revocation, remote keys.
    """

    def __init__(
        self,
        config: Config,
        settings: ApiSettings,
        secrets: Mapping[str, Secret],
        *,
        online: bool,
        log: JsonLog | None = None,
    ) -> None:
        self.config = config
        self.settings = settings
        self.online = online or config.network.online
        self.log = log or JsonLog()
        self.metrics = Metrics()
        self.keys = KeyHolder(config, secrets, online=self.online)
        self.registry = self.keys.engine.registry
        self.rate = RateLimit(settings.rate_per_minute)
        self.failures = RateLimit(_FAILURES_PER_MINUTE)
        self.concurrency = ConcurrencyLimit(settings.concurrent)
        self.closing = False
        self.hinted = asyncio.Event()
        """Set by whoever hears that a waiting letter may have its answer; see :meth:`hint_waiting`."""
        self.records: Records
        self.pool: WorkerPool
        self.folder: Path
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="kyso-api")
        self._known: OrderedDict[str, tuple[Token | None, float]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open the records and the keys, start the workers.

        :raises KysoError: a key does not open, or the records are not usable.
        :raises ToldProblem: a worker did not come up.
        """
        _sweep_work_folders()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_WORK_PREFIX}{os.getpid()}-"))
        self.records = await self.run(Records.of, self.config, self.registry)
        await self.run(self.keys.check)
        workers = self.folder / "workers"
        workers.mkdir(mode=0o700)
        self.pool = WorkerPool(
            "kyso_api.work:start",
            {
                "config": self.config,
                "secrets": self.keys.worker_secrets(),
                "online": self.online,
                "folder": str(workers),
            },
            workers=self.settings.workers,
            waiting_limit=self.settings.waiting_limit,
            deadline_s=self.settings.deadline_s,
            memory_limit_mib=self.settings.memory_mib,
            replaced=self._replaced,
        )
        await self.pool.start()

    def begin(self, *loops: Callable[[Service], Any]) -> None:
        """Start what goes on beside the requests; each loop is a coroutine function of the service."""
        for loop in loops:
            task = asyncio.create_task(loop(self))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def hint_waiting(self) -> None:
        """Ask about the waiting letters at once instead of after the usual pause. Hints that come together count once.

        For the routes of plugins: a provider's callback is a hint and never an answer.
        """
        self.hinted.set()

    async def close(self) -> None:
        """Let running work end, stop the workers, close keys and records. Closing twice is harmless."""
        self.closing = True
        for task in self._tasks:
            task.cancel()
        for task in list(self._tasks):
            with suppress(asyncio.CancelledError):
                await task
        if hasattr(self, "pool"):
            await self.pool.close(self.settings.grace_s)
        self._threads.shutdown(wait=True)
        self.keys.close()
        if hasattr(self, "records"):
            self.records.close()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)

    async def run(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Run what waits for the database or a key's session in a thread."""
        call = functools.partial(function, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def work(self, task: str, arguments: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> Reply:
        """Have a worker do a task."""
        return await self.pool.run(task, arguments, blobs)

    async def token(self, shown: str) -> Token | None:
        """Return the valid token whose text is `shown`, or ``None``."""
        known = self._known.get(shown)
        now = time.monotonic()
        if known is None or known[1] <= now:
            found = await self.run(tokens.find, self.records, shown)
            known = (found, now + TOKEN_HOLDS_S)
            if found is not None:
                self._known[shown] = known
                while len(self._known) > _MOST_TOKENS:
                    self._known.popitem(last=False)
        token = known[0]
        return token if token is not None and token.is_valid(datetime.now(UTC)) else None

    @property
    def sending_takes(self) -> timedelta:
        """How long sending a request to the other side may take before its process counts as dead."""
        return timedelta(seconds=self.settings.deadline_s * 2 + 30)

    def new_file(self) -> Path:
        """Return a path in the work folder, where nothing is yet."""
        return self.folder / f"{token_hex(16)}.pdf"

    @property
    def limits(self) -> UploadLimits:
        """How much an upload may bring and where it goes."""
        return UploadLimits(self.settings.upload_cap, self.settings.upload_s, self.folder)

    @property
    def results_live(self) -> timedelta:
        """How long results are kept."""
        return timedelta(hours=self.settings.result_hours)

    @property
    def preparations_live(self) -> timedelta:
        """How long a prepared letter waits for its signature."""
        return timedelta(minutes=self.settings.prepared_minutes)

    def _replaced(self, reason: str) -> None:
        self.metrics.replaced.labels(reason).inc()
        self.log.write("worker_replaced", reason=reason)


def _sweep_work_folders() -> None:
    """Remove the work folders of services that were killed."""
    if sys.platform == "win32":
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_WORK_PREFIX}*"):
        number = folder.name.removeprefix(_WORK_PREFIX).partition("-")[0]
        with suppress(OSError):
            if number.isdigit() and folder.stat().st_uid == os.getuid() and not _is_alive(int(number)):
                shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
