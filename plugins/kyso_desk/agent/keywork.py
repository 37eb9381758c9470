"""Work with a key that a person has agreed to: in a thread, with an engine of its own, closed when the work ends.

What the key source asks for (a PIN, a password, a code) is asked in the confirmation window, one question at a time;
the answer goes to the key source and is kept nowhere. A key that a person confirms on a phone is waited for while the
window counts down.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from kyso.config import Config
from kyso.engine import Engine, Outcome
from kyso.models import FailedSignature, Notice, PendingSignature, SchemeName, SignedDocument, SignRequest
from kyso.plugin import DigestToSign, Key, KeyTrouble, KysoError, Pending, Secret
from kyso_desk.agent.confirmation import Cancelled, Confirmation, Decision
from kyso_desk.wording import told

T = TypeVar("T")
POLL_S: Final = 2.0
_SHORTEST_POLL_S: Final = 0.05


class KeyWork:
    """One piece of work. What it is given to do runs in a thread and may call the methods here.

    :param secret: what the person typed together with the approval; it answers the first question.
    """

    def __init__(
        self,
        config: Config,
        confirmation: Confirmation,
        *,
        online: bool,
        secret: Secret | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        self._config = config
        self._confirmation = confirmation
        self._online = online
        self._secret = secret
        self._poll_s = max(poll_s, _SHORTEST_POLL_S)
        self._loop = asyncio.get_running_loop()
        self._cancelled = threading.Event()
        self._counting: asyncio.Task[Decision] | None = None

    async def run(self, work: Callable[[Engine, KeyWork], T]) -> T:
        """Do `work` and return what it returns.

        :raises Cancelled: the person gave no secret, or stopped waiting for the phone.
        :raises KysoError: what the work raised.
        """
        self._confirmation.show("working")
        try:
            return await asyncio.to_thread(self._in_thread, work)
        except KysoError:
            if self._cancelled.is_set():
                raise Cancelled from None
            raise
        finally:
            self._secret = None
            await self._stop_counting()

    def _in_thread(self, work: Callable[[Engine, KeyWork], T]) -> T:
        with Engine.from_config(
            self._config, ask_secret=self._ask_secret, tell=self._tell, online=self._online
        ) as engine:
            return work(engine, self)

    # ------------------------------------------------------------------------------------------- inside the thread

    def sign_letters(self, engine: Engine, requests: Sequence[SignRequest]) -> list[Outcome]:
        """Sign letters with one key; letters that wait for a phone are waited for.

        :returns: outcomes in the order of the requests; none of them is pending.
        :raises KysoError: the key does not open.
        """
        engine.key(requests[0].key)
        outcomes = list(engine.sign_many(requests))
        waiting = {
            outcome.prepared_id: position
            for position, outcome in enumerate(outcomes)
            if isinstance(outcome, PendingSignature)
        }
        while waiting:
            prepared_id, position = next(iter(waiting.items()))
            pending = outcomes[position]
            assert isinstance(pending, PendingSignature)
            try:
                self._wait_for_phone(pending.pending)
                found = engine.resume(prepared_id)
            except KysoError as error:
                _give_up(engine, waiting)
                if self._cancelled.is_set() and not any(isinstance(each, SignedDocument) for each in outcomes):
                    raise
                for place in waiting.values():
                    name = requests[place].document
                    shown = name.name if hasattr(name, "name") else ""
                    outcomes[place] = FailedSignature(shown, error.code, error.parameters, error.exit_code)
                return outcomes
            _sort_in(found, outcomes, waiting, position)
        return outcomes

    def sign_digest(self, key: Key, digest: DigestToSign, scheme: SchemeName) -> bytes:
        """Sign one digest and return the value; a phone is waited for.

        :raises KysoError: the key does not allow it, or the person declined.
        """
        answer = key.sign([digest], scheme)
        while isinstance(answer, Pending):
            ticket = answer.ticket
            self._wait_for_phone(answer)
            answer = key.poll(ticket)
        return answer.values[0]

    def _wait_for_phone(self, pending: Pending) -> None:
        """Show what the person must do, and let a moment pass.

        :raises KeyTrouble: time is over, or the person stopped waiting.
        """
        if datetime.now(UTC) >= pending.expires_at:
            raise KeyTrouble("agent.phone_expired")
        content = {
            "instruction": told(pending.instruction, pending.parameters),
            "expires_at": pending.expires_at.timestamp(),
        }
        if self._call(self._stopped(content)):
            self._cancelled.set()
            raise KeyTrouble("agent.cancelled")

    async def _stopped(self, content: Mapping[str, Any]) -> bool:
        """Let a moment pass while the window counts down; tell whether the person stopped waiting in it.

        The question stays open from one moment to the next, so that an answer to it is never too late.
        """
        if self._counting is None or self._counting.done():
            self._counting = asyncio.ensure_future(self._confirmation.ask("phone", (), **content))
        done, _ = await asyncio.wait([self._counting], timeout=self._poll_s)
        return bool(done)

    async def _stop_counting(self) -> None:
        if self._counting is not None:
            self._counting.cancel()
            await asyncio.gather(self._counting, return_exceptions=True)
            self._counting = None

    def _ask_secret(self, code: str, parameters: Mapping[str, object]) -> Secret:
        if self._secret is not None:
            secret, self._secret = self._secret, None
            return secret
        try:
            decision = self._call(self._confirmation.ask("secret", ("give",), question=told(code, parameters)))
        except Cancelled:
            self._cancelled.set()
            raise KeyTrouble("agent.cancelled") from None
        self._loop.call_soon_threadsafe(self._confirmation.show, "working")
        if decision.secret is None:
            raise KeyTrouble("key.secret_missing", **parameters)
        return decision.secret

    def _tell(self, notice: Notice) -> None:
        shown = told(notice.code, notice.parameters)
        self._loop.call_soon_threadsafe(lambda: self._confirmation.show("working", notice=shown))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()
        except concurrent.futures.CancelledError:
            raise Cancelled(by_person=False) from None


def _sort_in(found: Sequence[Outcome], outcomes: list[Outcome], waiting: dict[str, int], asked: int) -> None:
    """Put what came back at its letters' places: pending ones by their identifier, finished ones by their path."""
    for outcome in found:
        if isinstance(outcome, PendingSignature):
            if outcome.prepared_id in waiting:
                outcomes[waiting[outcome.prepared_id]] = outcome
            continue
        position = next((place for place in waiting.values() if _is_of(outcome, outcomes[place])), asked)
        outcomes[position] = outcome
        for prepared_id, place in list(waiting.items()):
            if place == position:
                del waiting[prepared_id]


def _is_of(outcome: Outcome, pending: Outcome) -> bool:
    name = outcome.document_name if isinstance(outcome, FailedSignature) else None
    if name is None:
        name = getattr(getattr(outcome, "path", None), "name", "")
    return isinstance(pending, PendingSignature) and pending.document_name == name


def _give_up(engine: Engine, waiting: Mapping[str, int]) -> None:
    for prepared_id in waiting:
        try:
            engine.cancel(prepared_id)
        except KysoError:
            continue  # it has ended already, which is what is wanted
