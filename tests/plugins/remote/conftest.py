"""Simulators over real HTTP, and a key source pointed at one."""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kyso.plugin import DigestToSign, KeyAccess, KeyTrouble, Pending, Secret, Signed
from kyso.serving.server import BackgroundServer
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from kyso.text import add_catalogue
from kyso_remote.key import RemoteKey
from kyso_remote.simulators.registry import make_simulator
from kyso_remote.source import RemoteSource


@dataclass(slots=True)
class Remote:
    """A running simulator and how to reach it.

    :param answers: what the person types, by kind of prompt.
    """

    name: str
    url: str
    folder: Path
    user: str = PERSON_ID
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def access(self, **options: Any) -> KeyAccess:
        def ask(code: str, parameters: Mapping[str, object]) -> Secret:
            self.asked.append(code)
            kind = code.removeprefix("remote.prompt_")
            if kind not in self.answers:
                raise KeyTrouble("key.secret_missing")
            return Secret(self.answers[kind])

        given = {"base_url": self.url, "client_id": CLIENT_ID, "allow_private": True, "deadline_s": 5, **self.options}
        return KeyAccess(ask, self.folder, options={**given, **options}, online=True)

    def open(self, attributes: str = "", *, user: str | None = None, **options: Any) -> RemoteKey:
        uri = f"{self.name}:{self.user if user is None else user}{attributes}"
        return RemoteSource(self.name).open(uri, self.access(**options))

    def fetch(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        """Do what a browser on the phone does."""
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(self.url).port or 80, timeout=5)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().read()
        finally:
            connection.close()


@pytest.fixture(scope="session", autouse=True)
def catalogue() -> None:
    """Make the plugin's texts known, as loading the plugin does."""
    add_catalogue("kyso_remote")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Remote]]:
    """Start the simulator of a provider with a scenario."""
    with ExitStack() as stack:

        def run(name: str, scenario: str = "approve", timing: Timing | None = None, **options: Any) -> Remote:
            application = make_simulator(name, timing or Timing(pause_s=0.2)).application(scenario)
            server = stack.enter_context(BackgroundServer(application))
            return Remote(name, server.url, tmp_path, answers={"client_secret": CLIENT_SECRET}, options=options)

        yield run


def digests(count: int = 1) -> list[DigestToSign]:
    return [
        DigestToSign(hashlib.sha256(b"%d" % number).digest(), "sha256", f"Công văn số {number}.pdf", f"d{number}")
        for number in range(count)
    ]


def finish(key: RemoteKey, outcome: Signed | Pending, tries: int = 20) -> Signed:
    """Poll until the answer is there."""
    for _ in range(tries):
        if isinstance(outcome, Signed):
            return outcome
        outcome = key.poll(outcome.ticket)
        time.sleep(0.01)
    raise AssertionError("still pending")
