"""The REST service: what a document system calls to sign, verify, extend and export."""

from __future__ import annotations

from collections.abc import Callable

from kyso.plugin import hookimpl


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_api")
