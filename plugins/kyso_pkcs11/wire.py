"""The pipe protocol between kyso and a module's worker process: length-prefixed JSON, nothing else.

A frame is four octets of length, big endian, and that many octets of UTF-8 JSON holding one object. Octet strings
travel as hexadecimal text. Both ends cap the length: a module that ran wild in the worker cannot fill the memory of
the application. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import os
from typing import Any

FRAME_CAP = 16 * 1024 * 1024
"""Greatest accepted frame in octets; an inventory of hundreds of certificates fits."""


class WireBroken(Exception):
    """The other end closed the pipe in the middle of a frame, or sent what is not a frame."""


def write_frame(descriptor: int, message: dict[str, Any]) -> None:
    """Write one frame. :raises OSError: the other end is gone."""
    body = json.dumps(message, separators=(",", ":")).encode("utf-8")
    view = memoryview(len(body).to_bytes(4, "big") + body)
    while view:
        view = view[os.write(descriptor, view) :]


def read_frame(descriptor: int) -> dict[str, Any] | None:
    """Read one frame; ``None`` when the other end closed the pipe between frames.

    :raises WireBroken: what arrived is not a frame.
    """
    head = _read_exactly(descriptor, 4)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if len(head) != 4 or length > FRAME_CAP:
        raise WireBroken("frame header")
    body = _read_exactly(descriptor, length)
    if len(body) != length:
        raise WireBroken("frame cut short")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as cause:
        raise WireBroken("frame is not JSON") from cause
    if not isinstance(message, dict):
        raise WireBroken("frame is not an object")
    return message


def _read_exactly(descriptor: int, length: int) -> bytes:
    parts: list[bytes] = []
    while length:
        part = os.read(descriptor, min(length, 1 << 16))
        if not part:
            break
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
