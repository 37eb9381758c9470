"""A provider may answer anything: whatever it is, only errors with a name come out, and no wrong signature."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from kyso.cms.values import value_matches
from kyso.errors import KysoError
from kyso.models import Signed
from kyso.serving.guard import Application, Message, Receive, Scope, Send
from kyso.serving.server import BackgroundServer
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_SECRET
from kyso.text import LANGUAGES
from kyso_remote.profile import PROFILES
from kyso_remote.simulators.registry import make_simulator
from tests.plugins.remote.conftest import Remote, digests
from tests.plugins.remote.test_every_provider import equipped

ROUNDS = 25
STRANGE: list[Any] = [None, True, 0, -1, 10**30, 1.5, "", "x" * 5000, "\x1b[2J\u202e", [], [[]], {}, {"a": None}, ["x"]]


class Mutating:
    """Passes requests to a simulator and changes one place of each JSON answer, once it is told to begin."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self.random: random.Random | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._inner(scope, receive, keep)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        if self.random is not None and not scope["path"].startswith("/simulator/"):
            body = self._changed(body, self.random)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": messages[0]["status"], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @staticmethod
    def _changed(body: bytes, chance: random.Random) -> bytes:
        if chance.random() < 0.6:
            return body
        try:
            value = json.loads(body)
        except ValueError:
            return body
        places: list[tuple[Any, Any]] = []
        _collect(value, places)
        if not places:
            return json.dumps(chance.choice(STRANGE)).encode()
        holder, key = chance.choice(places)
        holder[key] = chance.choice(STRANGE)
        return json.dumps(value).encode()


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        places.append((value, key))
        _collect(value[key], places)


@pytest.mark.parametrize("name", PROFILES)
def test_only_named_errors_come_out(name: str, tmp_path: Path) -> None:
    """One changed place in any answer ends in the right signatures or in an error of kyso's own."""
    mutating = Mutating(make_simulator(name, Timing(waiting_polls=0)).application("approve"))
    outcomes: list[str] = []
    with BackgroundServer(mutating) as server:
        remote = equipped(Remote(name, server.url, tmp_path, answers={"client_secret": CLIENT_SECRET, "otp": "0"}))
        for seed in range(ROUNDS):
            mutating.random = random.Random(f"{name} {seed}")
            outcome = _attempt(remote)
            if isinstance(outcome, KysoError):
                for language in LANGUAGES:
                    assert not {"\x1b", "\u202e"} & set(outcome.message(language))
            outcomes.append(outcome.code if isinstance(outcome, KysoError) else outcome)
    assert "signed" in outcomes
    assert "remote.answer_malformed" in outcomes


def _attempt(remote: Remote) -> str | KysoError:
    key = None
    try:
        key = remote.open()
        answer = key.sign(digests(2), "rsa-pkcs1v15")
        for _ in range(6):
            if isinstance(answer, Signed):
                break
            answer = key.poll(answer.ticket)
        else:
            return "pending"
    except KysoError as error:
        return error
    finally:
        if key is not None:
            key.close()
    for value, digest in zip(answer.values, digests(2), strict=True):
        assert value_matches(key.certificate, value, digest.value, "rsa-pkcs1v15", "sha256")
    return "signed"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not pause between repeated readings."""
    monkeypatch.setattr("kyso_remote.transport._PAUSE_S", 0.0)
