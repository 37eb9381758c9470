"""The page: its files from the package, its words from the catalogues."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.responses import Response

from kyso.errors import WrongUse
from kyso.text import LANGUAGES
from kyso_desk.conversion import SUFFIXES, program
from kyso_desk.desk import answer
from kyso_desk.roles import key_tables, role_tables
from kyso_desk.wording import page_words

if TYPE_CHECKING:
    from starlette.requests import Request

    from kyso_desk.desk import Desk

_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def _assets() -> dict[str, bytes]:
    """Return every file of the page by name: what is not listed here cannot be asked for."""
    folder = files("kyso_desk") / "assets"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if _kind(entry.name) is not None}


def _kind(name: str) -> str | None:
    return next((kind for suffix, kind in _KINDS.items() if name.endswith(suffix)), None)


async def index(desk: Desk, request: Request) -> Response:
    """Serve the page itself."""
    return Response(_assets()["index.html"], media_type="text/html; charset=utf-8")


async def asset(desk: Desk, request: Request) -> Response:
    """Serve one of the page's files."""
    name = request.path_params["name"]
    content = _assets().get(name)
    if content is None or name == "index.html":
        raise WrongUse("desk.no_such_page")
    return Response(content, media_type=f"{_kind(name)}; charset=utf-8")


async def words(desk: Desk, request: Request) -> Response:
    """Serve the page's own texts in one language."""
    asked = request.path_params["language"]
    language = next((each for each in LANGUAGES if each == asked), None)
    if language is None:
        raise WrongUse("cli.unknown_language", language=asked)
    return answer(page_words(language))


async def state(desk: Desk, request: Request) -> Response:
    """Say what this desk can do: roles, keys, and whether it still has to be set up."""
    config = desk.config
    job = desk.jobs.open_job()
    return answer(
        {
            "language": desk.language,
            "organisation": config.organisation.name or "",
            "roles": role_tables(desk.registry),
            "keys": key_tables(config),
            "default_key": config.signing.key,
            "policy": config.signing.policy,
            "seal_image": config.seal.image is not None,
            "leader_image": config.leader.image is not None,
            "config": None if config.path is None else str(config.path),
            "results": str(desk.settings.results),
            "largest_bytes": desk.settings.largest_bytes,
            "converts": list(SUFFIXES) if program() is not None else [],
            "online": desk.online,
            "job": None if job is None else job.identifier,
        }
    )
