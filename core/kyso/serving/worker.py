"""The inside of a worker process: reads a task, does it, answers, until the socket is closed. See `kyso.serving.pool`.

A frame is the length of a JSON header (four octets, big-endian), the header, and the blobs whose lengths it lists.
"""

from __future__ import annotations

import json
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from kyso.errors import InternalError, KysoError
from kyso.serving.problems import problem_of

Work = Callable[[str, dict[str, Any], list[bytes]], tuple[Mapping[str, Any], Sequence[bytes]]]
"""What a handler returns: ``(task, arguments, blobs) -> (answer, blobs)``."""

HEAD: Final = ">I"
OUT_OF_MEMORY: Final = "memory"


def serve_tasks(theirs: socket.socket, handler: str, settings: dict[str, Any], memory_limit_mib: int | None) -> None:
    """Serve tasks until the other side closes the socket. The target of a spawned process."""
    # Ctrl-C reaches every process of the terminal; the server decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    theirs.setblocking(True)
    stream = theirs.makefile("rb")
    try:
        work = _begun(handler, settings)
    except KysoError as error:
        _answer(theirs, {"problem": problem_of(error)})
        return
    except Exception as error:  # noqa: BLE001 - foreign plugins are loaded here; the server tells what came of it
        _answer(theirs, {"problem": _defect(error)})
        return
    _limit_memory(memory_limit_mib)
    _answer(theirs, {})
    while True:
        head = stream.read(struct.calcsize(HEAD))
        if len(head) < struct.calcsize(HEAD):
            return
        try:
            header = json.loads(stream.read(*struct.unpack(HEAD, head)))
            blobs = [stream.read(length) for length in header["blobs"]]
            answer, attached = work(header["task"], header["arguments"], blobs)
            blobs.clear()
            _answer(theirs, {"answer": answer}, attached)
        except KysoError as error:
            _answer(theirs, {"problem": problem_of(error)})
        except MemoryError:
            # Whatever is left of this process is not to be trusted with another task.
            _answer(theirs, {"problem": OUT_OF_MEMORY})
            return
        except Exception as error:  # noqa: BLE001 - the outermost door: whatever a file raises must not end the worker
            _answer(theirs, {"problem": _defect(error)})


def _begun(handler: str, settings: dict[str, Any]) -> Work:
    module, _, name = handler.partition(":")
    begin: Callable[..., Work] = getattr(import_module(module), name)
    return begin(**settings)


def _limit_memory(memory_limit_mib: int | None) -> None:
    if memory_limit_mib is None or sys.platform == "win32":
        return
    import resource

    size = memory_limit_mib << 20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def _defect(error: Exception) -> dict[str, Any]:
    from kyso.cli.crash import write_log

    return problem_of(InternalError("serving.defect", log=write_log(error)))


def _answer(theirs: socket.socket, header: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
    encoded = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}, default=str).encode()
    theirs.sendall(b"".join((struct.pack(HEAD, len(encoded)), encoded, *blobs)))
