"""Taking in what a page sends: capped, with deadlines, a letter straight to its file and never whole into memory."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.errors import WrongUse
from kyso.serving.problems import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

JSON_CAP_BYTES = 64 << 10
JSON_S = 10.0
UPLOAD_S = 300.0
PAUSE_S = 15.0
"""How long nothing at all may arrive."""


async def read_json(request: Request) -> dict[str, Any]:
    """Return the request's JSON object.

    :raises Refusal: it is too large, or does not arrive.
    :raises WrongUse: it is no JSON object.
    """
    parts: list[bytes] = []
    await _receive(request, JSON_CAP_BYTES, JSON_S, parts.append)
    try:
        table = json.loads(b"".join(parts) or b"{}")
    except (ValueError, RecursionError):
        raise WrongUse("desk.bad_request") from None
    if not isinstance(table, dict):
        raise WrongUse("desk.bad_request")
    return table


async def save_body(request: Request, path: Path, cap_bytes: int) -> int:
    """Write the request's body to a new file, and return its size.

    :raises Refusal: it is too large, or arrives too slowly; then there is no file.
    """
    try:
        with path.open("xb") as file:
            return await _receive(request, cap_bytes, UPLOAD_S, file.write)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


async def _receive(request: Request, cap_bytes: int, deadline_s: float, take: Any) -> int:
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > cap_bytes:
        raise Refusal("serving.body_too_large", 413, limit=cap_bytes)
    until = time.monotonic() + deadline_s
    size = 0
    stream = request.stream().__aiter__()
    while True:
        left = until - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(left, PAUSE_S))):
                part = await anext(stream)
        except StopAsyncIteration:
            return size
        except TimeoutError:
            seconds = round(deadline_s if left <= PAUSE_S else PAUSE_S)
            raise Refusal("serving.upload_slow", 408, {"connection": "close"}, seconds=seconds) from None
        size += len(part)
        if size > cap_bytes:
            raise Refusal("serving.body_too_large", 413, {"connection": "close"}, limit=cap_bytes)
        take(part)
