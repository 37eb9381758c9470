"""Letters on the desk: taking them in, their pages as pictures, handing them out."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import FileResponse, Response

from kyso.errors import InputRefused, WrongUse
from kyso_desk.conversion import SUFFIXES, convert
from kyso_desk.desk import answer
from kyso_desk.roles import role_named
from kyso_desk.uploads import read_json, save_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from kyso_desk.desk import Desk
    from kyso_desk.workspace import DeskLetter

PICTURE_S = 20.0
PLACE_S = 30.0
_GREATEST_MM = 5080.0
_LONGEST_TEXT = 500


async def take_in(desk: Desk, request: Request) -> Response:
    """Take a letter from the page; a DOCX or ODT becomes a PDF first."""
    path = desk.workspace.reserve(request.query_params.get("name", ""))
    try:
        await save_body(request, path, desk.settings.largest_bytes)
        converted = path.suffix.lower() in SUFFIXES
        if converted:
            target = path.with_suffix(".pdf")
            await asyncio.to_thread(convert, path, target)
            path = target
        letter = desk.workspace.add(path, converted=converted)
        try:
            await desk.describe(letter)
        except BaseException:
            desk.workspace.remove(letter.identifier)
            raise
    except BaseException:
        desk.workspace.discard(path)
        raise
    return answer(letter.table())


async def take_in_unread(desk: Desk, request: Request) -> Response:
    """Take an arriving letter from the page as it is: one that cannot be read is a verdict, not an error."""
    path = desk.workspace.reserve(request.query_params.get("name", ""))
    try:
        await save_body(request, path, desk.settings.largest_bytes)
    except BaseException:
        desk.workspace.discard(path)
        raise
    letter = desk.workspace.add(path)
    return answer(letter.table())


async def put_away(desk: Desk, request: Request) -> Response:
    """Take a letter off the desk."""
    desk.workspace.remove(request.path_params["letter"])
    return answer({})


async def picture(desk: Desk, request: Request) -> Response:
    """Draw one page, as wide as the page shows it."""
    letter = _letter(desk, request)
    page, width = request.path_params["page"], _whole(request.query_params.get("width", "900"))
    if page < 1 or not 16 <= width <= 4000:
        raise WrongUse("desk.bad_request")
    arguments = {"path": str(letter.path), "page": page, "width_px": width}
    _, blobs = await desk.ask("picture", arguments, deadline_s=PICTURE_S)
    return Response(blobs[0], media_type="image/jpeg")


async def place(desk: Desk, request: Request) -> Response:
    """Say where a signature would go, what to heed, and what its stamp looks like."""
    table = request_table(desk, _letter(desk, request), await read_json(request))
    placed, blobs = await desk.ask("place", table, deadline_s=PLACE_S)
    stamp = base64.b64encode(blobs[0]).decode() if blobs else None
    return answer({**placed, "stamp": stamp})


async def download(desk: Desk, request: Request) -> Response:
    """Hand a letter out as a file."""
    return _file(_letter(desk, request), "attachment")


async def ticket(desk: Desk, request: Request) -> Response:
    """Return an address that shows the letter once, in a tab of its own."""
    return answer({"url": f"/view/{desk.ticket_for(_letter(desk, request))}"})


async def view(desk: Desk, request: Request) -> Response:
    """Show a letter in the browser's own viewer."""
    return _file(desk.redeem(request.path_params["ticket"]), "inline")


def _file(letter: DeskLetter, disposition: str) -> Response:
    if not letter.path.is_file():
        raise InputRefused("desk.file_gone", name=letter.name)
    name = letter.name if letter.name.lower().endswith(".pdf") else f"{letter.name}.pdf"
    header = f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"
    return FileResponse(letter.path, media_type="application/pdf", headers={"content-disposition": header})


def _letter(desk: Desk, request: Request) -> DeskLetter:
    return desk.workspace.letter(request.path_params["letter"])


def _whole(value: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > 6:
        raise WrongUse("desk.bad_request")
    return int(value)


def request_table(desk: Desk, letter: DeskLetter, asked: Mapping[str, Any], out: Path | None = None) -> dict[str, Any]:
    """Return what the page asks for as a checked table; a page names roles and configured keys, never paths or URIs.

    :raises WrongUse: something in it is not what the page sends.
    """
    role = role_named(_text(asked.get("role")))
    key = _text(asked.get("key"))
    if role is None or key not in desk.config.keys:
        raise WrongUse("desk.no_such_key" if role else "desk.bad_request", name=key)
    settings = asked.get("settings") or {}
    if not isinstance(settings, dict) or len(settings) > 40:
        raise WrongUse("desk.bad_request")
    rect, page, field = asked.get("rect_mm"), asked.get("page"), asked.get("field")
    if rect is not None and not _is_rect(rect):
        raise WrongUse("desk.bad_request")
    if page is not None and (not isinstance(page, int) or isinstance(page, bool)):
        raise WrongUse("desk.bad_request")
    return {
        "document": str(letter.path),
        "key": key,
        "policy": role.policy,
        "out": None if out is None else str(out),
        "settings": {_text(name): _text(value) for name, value in settings.items() if _text(value)},
        "page": page,
        "rect_mm": rect,
        "field": None if field is None else _text(field),
    }


def _is_rect(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 4
        and all(isinstance(part, (int, float)) and not isinstance(part, bool) for part in value)
        and all(-_GREATEST_MM < part < _GREATEST_MM for part in value)
        and min(value[2:]) > 0
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or "\0" in value:
        raise WrongUse("desk.bad_request")
    return value.strip()
