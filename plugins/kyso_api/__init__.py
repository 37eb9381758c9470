"""The REST service: what a document system calls to sign, verify, extend and export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kyso.plugin import AVAILABLE, Availability, Contribution, TableSet, Text, hookimpl


def _serve() -> Any:
    from kyso_api.commands import serve_app

    return serve_app


def _token() -> Any:
    from kyso_api.commands import token_app

    return token_app


def _servable() -> Availability:
    from importlib.util import find_spec

    if all(find_spec(name) is not None for name in ("fastapi", "uvicorn", "prometheus_client", "python_multipart")):
        return AVAILABLE
    missing = Text("Chưa cài đủ thư viện máy chủ.", "The server's libraries are not installed.")
    return Availability(False, missing, Text("Chạy: pip install 'kyso[serve]'", "Run: pip install 'kyso[serve]'"))


@hookimpl
def register_catalogues(register: Callable[[str], None]) -> None:
    """Name this package's catalogues."""
    register("kyso_api")


@hookimpl
def register_commands(register: Callable[[Contribution[Any]], None]) -> None:
    """Contribute ``kyso serve`` and ``kyso token``; the settings of the first are those of ``[plugins.api]``."""
    from kyso_api.settings import SETTINGS

    serve = Text("Dịch vụ REST cho hệ thống quản lý văn bản", "REST service for document systems")
    register(Contribution("serve", serve, load=_serve, availability=_servable, settings=SETTINGS))
    register(Contribution("token", Text("Mã truy cập dịch vụ REST", "Tokens for the REST service"), load=_token))


@hookimpl
def register_tables(register: Callable[[Contribution[TableSet]], None]) -> None:
    """Contribute the tables that replicas of the service share."""
    register(
        Contribution(
            "api",
            Text("Mã truy cập, kết quả, chữ ký đang chờ của dịch vụ REST", "Tokens, results, waiting letters"),
            load=lambda: TableSet("api", "kyso_api:migrations"),
        )
    )
