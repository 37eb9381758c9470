"""The clerk's desk: signing and receiving letters on a page on loopback, and the agent that web pages call."""

from __future__ import annotations

from collections.abc import Callable

from kyso.plugin import hookimpl


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_desk")
