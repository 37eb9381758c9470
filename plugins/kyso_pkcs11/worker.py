"""The process in which one vendor module lives: ``python -m kyso_pkcs11.worker``.

Requests arrive as frames on standard input, answers leave on what was standard output (see :mod:`kyso_pkcs11.wire`).
The process ends when the application closes the pipe, even while a call into the module hangs, so that no forgotten
process keeps a token in use.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from kyso_pkcs11.wire import WireBroken, read_frame, write_frame

Request = dict[str, Any]


def main() -> int:
    """Serve requests until the application goes away. Return the exit status."""
    # Ctrl-C reaches the whole process group; the application decides what becomes of a signature under way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests_in, answers_out = _private_pipes()
    from kyso_pkcs11.cryptoki import Failure, silence_module_output

    silence_module_output()
    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests_in, requests), daemon=True).start()
    service = _Service(answers_out)
    while (request := requests.get()) is not None:
        try:
            answer = service.serve(request)
        except Failure as failure:
            answer = {"error": failure.code, "parameters": failure.parameters}
        except OSError:
            return 1  # the application closed its end
        except Exception as defect:  # noqa: BLE001 - whatever a module provokes must become an answer, not a traceback
            answer = {"error": "pkcs11.failed", "parameters": {"call": request.get("op"), "error": _named(defect)}}
        write_frame(answers_out, answer | {"number": request.get("number")})
        if request.get("op") == "end":
            return 0
    return 0


def _named(defect: Exception) -> str:
    # Never the text of the defect: an argument in it could be a PIN.
    return type(defect).__name__


def _private_pipes() -> tuple[int, int]:
    requests_in, answers_out = os.dup(0), os.dup(1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(requests_in, os.O_BINARY)
        msvcrt.setmode(answers_out, os.O_BINARY)
    return requests_in, answers_out


def _listen(descriptor: int, requests: queue.SimpleQueue[Request | None]) -> None:
    try:
        while (request := read_frame(descriptor)) is not None:
            requests.put(request)
    except (OSError, WireBroken):
        os._exit(1)
    # The application is gone. A call into the module may never return, so nothing is waited for.
    os._exit(0)


class _Service:
    """Turns requests into calls on the module."""

    def __init__(self, answers_out: int) -> None:
        self._answers_out = answers_out
        self._module: Any = None
        self._operations: dict[str, Callable[[Request], dict[str, Any]]] = {
            "load": self._load,
            "library": lambda _: self._module.library(),
            "inventory": self._inventory,
            "state": self._state,
            "login": self._login,
            "find_key": self._find_key,
            "sign": self._sign,
            "release": self._release,
            "end": self._end,
        }

    def serve(self, request: Request) -> dict[str, Any]:
        return self._operations[str(request["op"])](request)

    def _load(self, request: Request) -> dict[str, Any]:
        from kyso_pkcs11.cryptoki import Cryptoki

        self._module = Cryptoki(str(request["path"]))
        return {"library": self._module.library()}

    def _inventory(self, request: Request) -> dict[str, Any]:
        return {"slots": self._module.inventory()}

    def _state(self, request: Request) -> dict[str, Any]:
        return dict(self._module.state(request["slot_id"]))

    def _login(self, request: Request) -> dict[str, Any]:
        self._module.login(request["slot_id"], request["pin"])
        return {}

    def _find_key(self, request: Request) -> dict[str, Any]:
        return dict(
            self._module.find_key(
                request["slot_id"], request["id"], request["label"], request["modulus"], request["kind"]
            )
        )

    def _sign(self, request: Request) -> dict[str, Any]:
        """Sign block after block, one answer for each, so that a removed token tells where it stopped."""
        blocks = [bytes.fromhex(block) for block in request["blocks"]]
        value = b""
        for number, block in enumerate(blocks, 1):
            value = self._module.sign(request["key"], request["mechanism"], request["parameter"], block, request["pin"])
            if number < len(blocks):
                write_frame(self._answers_out, {"value": value.hex(), "number": request["number"]})
        return {"value": value.hex()}

    def _release(self, request: Request) -> dict[str, Any]:
        self._module.release(request["key"])
        return {}

    def _end(self, request: Request) -> dict[str, Any]:
        return {}


if __name__ == "__main__":
    sys.exit(main())
