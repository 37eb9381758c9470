"""`kyso serve` under load, over loopback: what a request adds to the engine's time, throughput, tail, memory.

The client shares the two cores with the service and its workers.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from kyso.models import SignedDocument, SignRequest
from tests.bench.figures import Figure
from tests.bench.stage import Stage, median_ms

_BOUNDARY = b"kyso-bench"
_START_S = 60.0


def service_under_load(stage: Stage, rounds: int = 200, letters: int = 1500, many: int = 10_000) -> list[Figure]:
    """Sign letters with a visible stamp by a PFX key.

    :param rounds: single requests, one after the other.
    :param letters: for the throughput.
    :param many: over how many requests memory is watched.
    """
    with _serving(stage) as (process, place, token):
        request = _request(stage, place, token)
        one = asyncio.run(_sent(place, request, rounds + 20, at_once=1))[20:]
        engine_ms = _engine_ms(stage, rounds)
        asyncio.run(_sent(place, request, 40, at_once=4))
        started = time.perf_counter()
        seconds = asyncio.run(_sent(place, request, letters, at_once=4))
        rate = letters / (time.perf_counter() - started)
        at_first = _resident_mib(process)
        asyncio.run(_sent(place, request, many, at_once=4))
        grown = _resident_mib(process) - at_first
    tail = statistics.quantiles(seconds, n=100)[98] if len(seconds) > 1 else seconds[0]
    return [
        Figure("REST sign adds to the engine's time", "ms", statistics.median(one) * 1000 - engine_ms, limit=5),
        Figure("REST signatures, 2 workers", "/s", rate, better="great", limit=250),
        Figure("REST sign, 4 at once, 99 of 100 within", "ms", tail * 1000),
        Figure(f"REST memory grown over {many} signatures", "MiB", grown, limit=32),
    ]


def _engine_ms(stage: Stage, rounds: int) -> float:
    letter = stage.letter.read_bytes()
    with stage.engine() as engine:

        def sign() -> None:
            signed = engine.sign(SignRequest(letter, "leader", policy="bench.stamp", image=stage.picture))
            assert isinstance(signed, SignedDocument)

        return median_ms(sign, rounds, warm_up=3)


@contextmanager
def _serving(stage: Stage) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int], str]]:
    """Run a service of its own on a free port, with a token that signs."""
    environment = {**stage.environment(), "KYSO_LANG": "en"}
    kyso = [sys.executable, "-c", "from kyso.cli.program import main; main()"]
    making = [*kyso, "token", "create", "bench", "--scope", "sign"]
    token = subprocess.run(making, cwd=stage.folder, env=environment, capture_output=True, text=True, check=True).stdout
    process = subprocess.Popen(
        [*kyso, "serve", "--port", "0", "--secret-env", "KYSO_BENCH_PASSWORD"],
        cwd=stage.folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = _announced(process)
        # The log is read and thrown away by another process, so that it costs this one nothing.
        subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield process, (url.hostname or "", url.port or 0), token.strip()
    finally:
        process.terminate()
        process.wait(30)


def _announced(process: subprocess.Popen[str]) -> SplitResult:
    assert process.stderr is not None
    until = time.monotonic() + _START_S
    for line in process.stderr:
        found = re.search(r"runs at (http://\S+?)\. ", line)
        if found:
            return urlsplit(found[1])
        if time.monotonic() > until:
            break
    raise RuntimeError("the service did not start")


def _request(stage: Stage, place: tuple[str, int], token: str) -> bytes:
    """Return a whole request, made once: the client's own work is not what is measured."""
    parts = []
    for name, value in (("key", b"leader"), ("policy", b"bench.stamp")):
        parts.append(
            b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (_BOUNDARY, name.encode(), value)
        )
    for name, file in (("image", stage.picture), ("document", stage.letter)):
        head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n'
        parts.append(head % (_BOUNDARY, name.encode(), file.name.encode()) + file.read_bytes() + b"\r\n")
    body = b"".join(parts) + b"--%s--\r\n" % _BOUNDARY
    head = (
        f"POST /v1/sign HTTP/1.1\r\nHost: {place[0]}:{place[1]}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _sent(place: tuple[str, int], request: bytes, count: int, *, at_once: int) -> list[float]:
    """Send the request `count` times over `at_once` kept connections, and return the seconds each took."""
    left, seconds = [count], list[float]()

    async def one() -> None:
        reader, writer = await asyncio.open_connection(*place, limit=1 << 20)
        while left[0] > 0:
            left[0] -= 1
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode("latin-1"))
            found = re.search(rb"(?i)content-length: (\d+)", head)
            assert found is not None
            await reader.readexactly(int(found[1]))
            seconds.append(time.perf_counter() - started)
        writer.close()

    await asyncio.gather(*(one() for _ in range(at_once)))
    return seconds


def _resident_mib(process: subprocess.Popen[str]) -> float:
    """Return the resident memory of the service and its workers (Linux)."""
    total = 0
    for identifier in (process.pid, *_children(process.pid)):
        status = Path(f"/proc/{identifier}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        total += int(found[1]) if found else 0
    return total / 1024


def _children(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task").glob("*/children")
    return [int(number) for file in found for number in file.read_text().split()]
