"""A desk that runs as a person starts it: ``kyso desk`` in a process of its own, asked over real HTTP."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

START_S = 60.0

CONFIG = """
[organisation]
name = "Ủy ban nhân dân xã An Bình Thử Nghiệm"

[keys.leader]
uri = "pfx:{leader}"
role = "leader"

[keys.seal]
uri = "pfx:{seal}"
role = "seal"

[leader]
image = "{signature_image}"
max_width_mm = 40

[seal]
image = "{seal_image}"
diameter_mm = 36

[signing]
key = "leader"
policy = "decree30.leader"

[verification]
trust = ["{root}"]
crl = ["{crl}"]

[records]
url = "sqlite:///{folder}/records.sqlite3"

[plugins.desk]
results = "{folder}/results"
largest_mb = 20
workers = 1
"""


@dataclass(frozen=True)
class Answer:
    """What the desk answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class RunningDesk:
    """The process and what it printed.

    :ivar opening_url: the address that opens the desk, once.
    """

    process: subprocess.Popen[str]
    opening_url: str
    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port = urlsplit(self.opening_url).port
        assert port is not None
        return port

    @property
    def origin(self) -> str:
        """Its own origin."""
        return f"http://127.0.0.1:{self.port}"

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request with exactly these headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def open(self) -> Visitor:
        """Open the desk with its one address, as the browser does."""
        answer = self.request("GET", urlsplit(self.opening_url).path)
        assert answer.status == 303, answer.body
        cookie = answer.headers["set-cookie"].partition(";")[0]
        return Visitor(self, cookie, urlsplit(answer.headers["location"]).fragment)


@dataclass(frozen=True)
class Visitor:
    """Somebody with the session's cookie and key."""

    desk: RunningDesk
    cookie: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """What a page of the desk sends."""
        return {"Cookie": self.cookie, "X-Kyso-Desk": self.key, "Origin": self.desk.origin}

    def get(self, path: str) -> Answer:
        """Send a GET."""
        return self.desk.request("GET", path, headers=self.headers)

    def post(self, path: str, body: Any = None) -> Answer:
        """Send a POST with JSON."""
        return self.desk.request("POST", path, json.dumps(body or {}).encode(), self.headers)

    def upload(self, data: bytes, name: str = "letter.pdf", path: str = "/api/letters") -> Answer:
        """Put a letter on the desk."""
        joint = "&" if "?" in path else "?"
        return self.desk.request("POST", f"{path}{joint}name={quote(name)}", data, self.headers)

    def finish(self, job: str, secret: str | None = None, *, within_s: float = 60.0) -> Any:
        """Watch a job until it ends, handing over `secret` when it asks."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            state = self.get(f"/api/jobs/{job}").json
            if state["state"] in ("done", "cancelled"):
                return state
            if state["state"] == "asking" and secret is not None:
                assert self.post(f"/api/jobs/{job}/secret", {"secret": secret}).status in (200, 400)
            time.sleep(0.05)
        raise AssertionError("the job did not end")


@contextmanager
def running_desk(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[RunningDesk]:
    """Run ``kyso desk`` in `folder` until the block ends."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("kyso"), "desk", "--port", "0", "--no-browser", *arguments],
        cwd=folder,
        env={**os.environ, "KYSO_LANG": "vi", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[str] = []
    reading = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    reading.start()
    try:
        line = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/open/[\w-]{40,}", line), (line, said)
        yield RunningDesk(process, line, folder, said)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.wait(30)
        reading.join(5)
        process.stdout.close()
        process.stderr.close()
