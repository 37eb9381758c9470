"""A handler for the tests of the worker pool: each task misbehaves in its own way."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kyso.errors import ConfigWrong, InputRefused
from kyso.serving.worker import Work


def start(word: str) -> Work:
    """Begin with `word`, or refuse to."""
    if word == "refuse":
        raise ConfigWrong("config.not_found", file="nowhere.toml")

    def work(task: str, arguments: dict[str, Any], blobs: list[bytes]) -> tuple[Mapping[str, Any], Sequence[bytes]]:
        if task == "wait":
            time.sleep(arguments["seconds"])
        elif task == "die":
            os._exit(9)
        elif task == "devour":
            return {"size": len(bytearray(8 << 30))}, []
        elif task == "refuse":
            raise InputRefused("document.empty", name="a.pdf")
        elif task == "fail":
            raise ValueError("what a letter says")
        return {"word": word, "process": os.getpid()}, [blob[::-1] for blob in blobs]

    return work
