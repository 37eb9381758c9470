"""Arriving letters: the verdict in words, and the report to file."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from kyso.errors import WrongUse
from kyso.text import LANGUAGES
from kyso_desk.desk import answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from kyso_desk.desk import Desk

VERIFY_S = 120.0
_FORMATS = {"pdf": "application/pdf", "html": "text/html", "json": "application/json"}


async def verify(desk: Desk, request: Request) -> Response:
    """Judge a letter: the contract's JSON, and the same in words of both languages."""
    letter = desk.workspace.letter(request.path_params["letter"])
    arguments = {"path": str(letter.path), "name": letter.name}
    judged, _ = await desk.ask("verify", arguments, deadline_s=VERIFY_S)
    if not letter.pages and judged["report"]["verdict"] != "unreadable":
        await desk.describe(letter)
    return answer({**judged, "letter": letter.table()})


async def report(desk: Desk, request: Request) -> Response:
    """Hand out the verification as a report."""
    letter = desk.workspace.letter(request.path_params["letter"])
    asked, language = request.query_params.get("format", "pdf"), request.query_params.get("language", desk.language)
    if asked not in _FORMATS or language not in LANGUAGES:
        raise WrongUse("desk.bad_request")
    arguments = {"path": str(letter.path), "name": letter.name, "report_format": asked, "language": language}
    _, blobs = await desk.ask("report", arguments, deadline_s=VERIFY_S)
    name = quote(f"{letter.path.stem}.report.{asked}", safe="")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(blobs[0], media_type=_FORMATS[asked], headers=headers)
