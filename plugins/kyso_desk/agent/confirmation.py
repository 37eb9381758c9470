"""What is asked of the person: one window for each request, in stages, and the decisions that come back.

A confirmation belongs to one request of one origin. Its window is opened by a secret that works once; every decision
names the version of what the person saw, so that one made for something else, or made twice, changes nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kyso.errors import KysoError
from kyso.plugin import InputRefused, Secret
from kyso.serving.problems import Refusal
from kyso_desk.wording import told, told_error

MOST_OPEN: Final = 3
"""Windows at one time; of one origin only one."""

GONE_AFTER_S: Final = 90.0
"""How long a window may be silent before it counts as closed."""
_AFTER_APPROVAL: Final = ("secret", "phone", "undelivered")


class Cancelled(Exception):
    """The person said no, closed the window, or did not answer in time.

    :param by_person: whether it was a decision; otherwise it was silence.
    """

    def __init__(self, *, by_person: bool = True) -> None:
        super().__init__()
        self.by_person = by_person


@dataclass(frozen=True, slots=True)
class Decision:
    """What the person decided.

    :param action: the button.
    :param values: what was filled in.
    :param secret: a PIN or password, where one was asked for.
    """

    action: str
    values: Mapping[str, str] = field(default_factory=dict)
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the person chose in the window."""

    name: str
    data: bytes


@dataclass(slots=True)
class _Waiting:
    version: int
    actions: tuple[str, ...]
    answer: asyncio.Future[Decision]


class Confirmation:
    """One window. Belongs to the event loop of the agent.

    :param origin: the page that asks.
    :param operation: the operation's name, for the window's title.
    :param deadline_s: seconds that the person has for each question.
    """

    def __init__(self, origin: str, operation: str, *, deadline_s: float) -> None:
        self.identifier = secrets.token_urlsafe(12)
        self.origin = origin
        self.operation = operation
        self.pictures: dict[str, bytes] = {}
        self.letters: list[Any] = []
        self.upload: Upload | None = None
        self._opening = secrets.token_urlsafe(32)
        self._token = secrets.token_urlsafe(32)
        self._opened = False
        self._version = 0
        self._stage: dict[str, Any] = {"stage": "loading"}
        self._changed = asyncio.Event()
        self._waiting: _Waiting | None = None
        self._deadline_s = deadline_s
        self._heard_at = time.monotonic()
        self._ended = False
        self._abandoned = False

    # ------------------------------------------------------------------------------------------ the service's side

    def fragment(self) -> str:
        """Return what follows the ``#`` of the window's address: the secret that opens it once."""
        return self._opening

    def show(self, stage: str, **content: Any) -> None:
        """Show something that needs no answer."""
        self._drop_question()
        self._set(stage, content)

    async def ask(self, stage: str, actions: tuple[str, ...], **content: Any) -> Decision:
        """Show something and wait for one of `actions`, or ``cancel``.

        :raises Cancelled: the person said no, the window is gone, or time is over.
        """
        self._drop_question()
        if self._abandoned and stage not in _AFTER_APPROVAL:
            raise Cancelled(by_person=False)
        self._set(stage, content)
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._waiting = _Waiting(self._version, (*actions, "cancel"), answer)
        self._heard_at = time.monotonic()
        decision = await self._first_of(answer)
        if decision.action == "cancel":
            raise Cancelled
        return decision

    async def _first_of(self, answer: asyncio.Future[Decision]) -> Decision:
        until = time.monotonic() + self._deadline_s
        while not answer.done():
            now = time.monotonic()
            silent = self._opened and now - self._heard_at > GONE_AFTER_S
            if now >= until or silent:
                self._drop_question()
                raise Cancelled(by_person=False)
            await asyncio.wait([answer], timeout=min(5.0, until - now))
        if answer.cancelled():
            raise Cancelled(by_person=False)
        return answer.result()

    def end(self, stage: str, **content: Any) -> None:
        """Show the last stage; the window is not listened to any more, except for its pictures and files."""
        self.show(stage, **content)
        self._ended = True

    def fail(self, error: KysoError, stage: str = "failed") -> None:
        """Show an error as the last stage."""
        self.end(stage, error=told_error(error))

    def abandon(self) -> None:
        """The page has gone: what is only asked is dropped; what was approved goes on."""
        self._abandoned = True
        if self._stage["stage"] not in _AFTER_APPROVAL:
            self._drop_question()

    def _set(self, stage: str, content: Mapping[str, Any]) -> None:
        self._version += 1
        self._stage = {"stage": stage, **content}
        self._changed.set()
        self._changed = asyncio.Event()

    def _drop_question(self) -> None:
        if self._waiting is not None and not self._waiting.answer.done():
            self._waiting.answer.cancel()
        self._waiting = None

    # ------------------------------------------------------------------------------------------- the window's side

    def open(self, opening: str) -> str:
        """Exchange the secret of the address for the window's token, once.

        :raises Refusal: it is another, or was used before.
        """
        if not hmac.compare_digest(opening.encode(), self._opening.encode()):
            raise Refusal("agent.window_wrong", 401)
        if self._opened:
            raise Refusal("agent.window_used", 410)
        self._opened = True
        self._heard_at = time.monotonic()
        return self._token

    def admit(self, token: str) -> None:
        """Admit a request of the window.

        :raises Refusal: the token is not this window's.
        """
        if not self._opened or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise Refusal("agent.window_wrong", 401)
        self._heard_at = time.monotonic()

    async def state(self, after: int, wait_s: float) -> dict[str, Any]:
        """Return what is to be shown, as soon as it is newer than `after`, or after `wait_s` seconds."""
        if self._version <= after:
            changed = self._changed
            try:
                async with asyncio.timeout(wait_s):
                    await changed.wait()
            except TimeoutError:
                pass
            self._heard_at = time.monotonic()
        return {
            "version": self._version,
            "origin": self.origin,
            "operation": {"name": self.operation, **told(f"agent.operation.{self.operation}")},
            "waiting": self._waiting is not None and not self._waiting.answer.done(),
            "ended": self._ended,
            **self._stage,
        }

    def decide(self, version: int, decision: Decision) -> None:
        """Take a decision.

        :raises Refusal: nothing is asked, something else was asked, or it was answered already.
        """
        waiting = self._waiting
        if waiting is None or waiting.answer.done() or version != waiting.version:
            raise Refusal("agent.decision_late", 409)
        if decision.action not in waiting.actions:
            raise Refusal("agent.decision_unknown", 400)
        waiting.answer.set_result(decision)


class Confirmations:
    """The windows of the agent: few, and one for each origin."""

    def __init__(self) -> None:
        self._open: dict[str, Confirmation] = {}
        self._kept: dict[str, Confirmation] = {}

    def begin(self, origin: str, operation: str, *, deadline_s: float) -> Confirmation:
        """Begin a confirmation.

        :raises InputRefused: the origin has one open already, or there are too many.
        """
        busy = [confirmation.origin for confirmation in self._open.values()]
        if origin in busy:
            raise InputRefused("agent.busy_origin", origin=origin)
        if len(busy) >= MOST_OPEN:
            raise InputRefused("agent.busy")
        confirmation = Confirmation(origin, operation, deadline_s=deadline_s)
        self._open[confirmation.identifier] = confirmation
        return confirmation

    def finish(self, confirmation: Confirmation) -> None:
        """Let the origin ask again; the window's last stage can still be read until others take its place."""
        self._open.pop(confirmation.identifier, None)
        self._kept[confirmation.identifier] = confirmation
        while len(self._kept) > MOST_OPEN:
            self._kept.pop(next(iter(self._kept)))

    def find(self, identifier: str) -> Confirmation:
        """Return a window's confirmation.

        :raises Refusal: there is none of that name.
        """
        found = self._open.get(identifier) or self._kept.get(identifier)
        if found is None:
            raise Refusal("agent.window_wrong", 404)
        return found

    def waiting(self) -> tuple[Confirmation, ...]:
        """Return the open ones, oldest first."""
        return tuple(self._open.values())
