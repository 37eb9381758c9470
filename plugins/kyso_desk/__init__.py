"""The clerk's desk: signing and receiving letters on a page on loopback, and the agent that web pages call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kyso.plugin import AVAILABLE, Availability, Contribution, Text, hookimpl


def _command() -> Any:
    from kyso_desk.command import app

    return app


def _availability() -> Availability:
    from importlib.util import find_spec

    if find_spec("starlette") is not None and find_spec("uvicorn") is not None:
        return AVAILABLE
    return Availability(
        False,
        Text("Chưa cài đủ thư viện.", "Libraries are not installed."),
        Text("Chạy: pip install 'kyso[serve]'", "Run: pip install 'kyso[serve]'"),
    )


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_desk")


@hookimpl
def register_commands(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute the command ``kyso desk``."""
    from kyso_desk.settings import SETTINGS

    register(
        Contribution(
            "desk",
            Text("Bàn làm việc của văn thư: ký và nhận văn bản trên trình duyệt", "The clerk's desk in the browser"),
            load=_command,
            availability=_availability,
            settings=SETTINGS,
        )
    )
