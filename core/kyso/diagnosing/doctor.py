"""Runs the examinations side by side, each with a deadline, and keeps what they found in a fixed order.

::

    for chapter in examine_all(examination_of(config, registry)):
        print(chapter.title.of("vi"), [diagnosis.code for diagnosis in chapter.diagnoses])

An examination that fails or hangs becomes a line of its own chapter; the others are not disturbed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kyso.contracts import Diagnosis, Examination
from kyso.errors import KeyTrouble, KysoError
from kyso.frozen import dataclass
from kyso.signing.keyring import KeyRing
from kyso.text import Text, shown

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import Diagnostic
    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret

DEADLINE_S = 60.0
"""Seconds for all examinations together; a vendor's module alone may take 30 to load from a cold disk."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one examination found.

    :param name: the contribution's name.
    :param plugin: the plugin that contributes it.
    """

    name: str
    plugin: str
    title: Text
    diagnoses: tuple[Diagnosis, ...]


def examination_of(
    config: Config,
    registry: PluginRegistry,
    *,
    online: bool = False,
    now: datetime | None = None,
    deadline_s: float = DEADLINE_S,
) -> Examination:
    """Return what the examinations are handed.

    :param config: as far as it could be read; what is wrong in the file is one of the examinations.
    :param online: the network may be used.
    :param now: the present.
    :param deadline_s: seconds for all of them, which run side by side.
    """
    ring = KeyRing(config, registry, ask_secret=_nobody_to_ask, online=online, last_try=False, tell=lambda notice: None)
    return Examination(config, registry, online, now or datetime.now(UTC), ring.access, deadline_s)


def examine_all(examination: Examination) -> tuple[Chapter, ...]:
    """Run every examination that is contributed and return the chapters: kyso's own first, then the plugins'."""
    registry = examination.registry
    running = [
        _Running(name, entry.plugin.name, entry.contribution.summary, _loaded(registry, name))
        for name, entry in registry.contributions("diagnostics").items()
    ]
    for one in running:
        one.start(examination)
    until = time.monotonic() + examination.deadline_s
    return tuple(one.chapter(max(0.0, until - time.monotonic()), examination.deadline_s) for one in running)


def worst(chapters: Sequence[Chapter]) -> str:
    """Return the worst state of all lines: ``failure``, ``warning`` or ``ok``."""
    states = {diagnosis.state for chapter in chapters for diagnosis in chapter.diagnoses}
    return next((state for state in ("failure", "warning") if state in states), "ok")


def _nobody_to_ask(code: str, parameters: Mapping[str, object]) -> Secret:
    raise KeyTrouble("key.secret_missing", **parameters)


def _loaded(registry: PluginRegistry, name: str) -> Diagnostic | KysoError:
    try:
        loaded: Diagnostic = registry.load("diagnostics", name)
    except KysoError as error:
        return error
    return loaded


class _Running:
    """One examination in a thread of its own; a thread that hangs does not keep the program from ending."""

    def __init__(self, name: str, plugin: str, title: Text, diagnostic: Diagnostic | KysoError) -> None:
        self._name = name
        self._plugin = plugin
        self._title = title
        self._diagnostic = diagnostic
        self._found: list[Diagnosis] = []
        self._thread: threading.Thread | None = None

    def start(self, examination: Examination) -> None:
        self._thread = threading.Thread(
            target=self._run, args=(examination,), daemon=True, name=f"kyso-doctor-{self._name}"
        )
        self._thread.start()

    def _run(self, examination: Examination) -> None:
        if isinstance(self._diagnostic, KysoError):
            self._found.append(failure_of(self._diagnostic))
            return
        try:
            for diagnosis in self._diagnostic.examine(examination):
                self._found.append(diagnosis)
        except KysoError as error:
            self._found.append(failure_of(error))
        except Exception as error:  # noqa: BLE001 - whatever an examination meets is a line, never the end of the others
            cause = f"{type(error).__name__}: {shown(error)}"[:300]
            self._found.append(Diagnosis("diagnosing.examination_failed", "failure", {"cause": cause}))

    def chapter(self, wait_s: float, deadline_s: float) -> Chapter:
        assert self._thread is not None
        self._thread.join(wait_s)
        found = list(self._found)
        if self._thread.is_alive():
            found.append(Diagnosis("diagnosing.examination_hangs", "failure", {"seconds": round(deadline_s)}))
        return Chapter(self._name, self._plugin, self._title, tuple(found))


def failure_of(error: KysoError, **more: Any) -> Diagnosis:
    """Return an error as a line that needs mending."""
    return Diagnosis(error.code, "failure", {**error.parameters, **more})
