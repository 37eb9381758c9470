"""A `kyso serve` of the tests' own: the real command in a process of its own, and a plain client for it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from kyso.config import Config
from kyso.plugins import create_plugin_manager
from kyso.records.store import Records
from kyso_api.tokens import create

KYSO = [sys.executable, "-c", "from kyso.cli.program import main; main()"]
START_S = 120.0

Fields = Sequence[tuple[str, str | tuple[str, bytes, str]]]


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem document, with its form checked on the way."""
        assert self.headers["content-type"] == "application/problem+json", (self.status, self.body[:300])
        problem = self.json
        assert problem["status"] == self.status
        assert problem["type"] == f"urn:kyso:{problem['code']}"
        assert problem["message_vi"] != problem["code"], "the code has no words"
        assert problem["detail"] in (problem["message_vi"], problem["message_en"])
        return str(problem["code"])


@dataclass
class RunningService:
    """A service that answers at `url`.

    :ivar lines: everything it wrote to stderr so far.
    """

    url: str
    process: subprocess.Popen[str]
    config: Path
    lines: list[str] = field(default_factory=list)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=60))

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        fields: Fields | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        answer = self.http.request(method, self.url + path, fields=fields, body=body, headers=sent, redirect=False)
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def post(
        self, path: str, token: str | None, document: bytes | None, *pairs: tuple[str, Any], **more: Any
    ) -> Answer:
        """Send a form with a letter and fields."""
        fields: list[tuple[str, Any]] = list(pairs)
        if document is not None:
            fields.append(("document", ("Công văn 12.pdf", document, "application/pdf")))
        return self.call("POST", path, token, fields=fields, **more)

    def entries(self, event: str) -> list[dict[str, Any]]:
        """Return the log's entries of one kind."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [entry for entry in found if entry["event"] == event]

    def stop(self) -> int:
        """End it as an init system would, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def kyso(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the service's configuration."""
    command = [*KYSO, *arguments, "--config", str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def new_token(config: Path, name: str, *scopes: str, keys: Sequence[str] = (), rate: int | None = None) -> str:
    """Make a token in the service's records and return its text."""
    with Records.of(Config.load(config), create_plugin_manager()) as records:
        return create(records, name, scopes, keys=keys, rate_per_minute=rate)[1].reveal()


def write_config(
    folder: Path, keys: Mapping[str, str], *, records: str | None = None, api: str = "", more: str = ""
) -> Path:
    """Write a kyso.toml and return its path.

    :param keys: key URIs by name.
    :param api: lines of ``[plugins.api]``.
    """
    url = records or f"sqlite:///{folder / 'records.sqlite3'}"
    sections = [f'[keys.{name}]\nuri = "{uri}"\n' for name, uri in keys.items()]
    path = folder / "kyso.toml"
    path.write_text("\n".join([*sections, f'[records]\nurl = "{url}"\n', f"[plugins.api]\n{api}\n", more]), "utf-8")
    return path


@contextmanager
def running(config: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[RunningService]:
    """Run a service on a free port and stop it at the end."""
    process = subprocess.Popen(
        [*KYSO, "serve", "--port", "0", "--config", str(config), "--lang", "en", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    lines: list[str] = []

    reader = threading.Thread(target=_take, args=(process, lines), daemon=True)
    reader.start()
    try:
        service = RunningService(_url(process, lines), process, config, lines)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        if process.stderr is not None:
            process.stderr.close()


def _take(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line.rstrip("\n"))


def _url(process: subprocess.Popen[str], lines: list[str]) -> str:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        for line in list(lines):
            found = re.search(r"runs at (http://\S+?)\. ", line)
            if found:
                return found[1]
        assert process.poll() is None, "\n".join(lines)
        time.sleep(0.02)
    raise AssertionError("the service did not start\n" + "\n".join(lines))
