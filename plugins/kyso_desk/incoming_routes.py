"""The register of incoming letters on the page: enter, decide, forward, search, notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import Response

from kyso.errors import WrongUse
from kyso_desk.desk import answer
from kyso_desk.uploads import read_json

if TYPE_CHECKING:
    from starlette.requests import Request

    from kyso_desk.desk import Desk

RECEIVE_S = 180.0
SHORT_S = 30.0
_FACTS = ("author", "number_and_symbol", "kind", "subject", "dated")
_TEXTS = (*_FACTS, "sender", "recipient", "remark")
_LONGEST = 1000
_MEDIA = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


async def receive(desk: Desk, request: Request) -> Response:
    """Enter a letter into the register."""
    letter = desk.workspace.letter(request.path_params["letter"])
    asked = await read_json(request)
    entries: dict[str, Any] = {name: _text(asked.get(name, "")) for name in _TEXTS}
    entries["misdirected"] = asked.get("misdirected") is True
    received, _ = await desk.ask("receive", {"path": str(letter.path), "entries": entries}, deadline_s=RECEIVE_S)
    return answer(received)


async def search(desk: Desk, request: Request) -> Response:
    """Search the register."""
    words = _text(request.query_params.get("words", ""))
    found, _ = await desk.ask("search", {"words": words}, deadline_s=SHORT_S)
    return answer(found)


async def decide(desk: Desk, request: Request) -> Response:
    """Record what the person decides about a held or returned letter."""
    asked = await read_json(request)
    kind = asked.get("kind")
    if kind not in ("accept", "return"):
        raise WrongUse("desk.bad_request")
    arguments = {"reference": _text(asked.get("reference")), "kind": kind, "reason": _text(asked.get("reason"))}
    changed, _ = await desk.ask("decide", arguments, deadline_s=SHORT_S)
    return answer(changed)


async def forward(desk: Desk, request: Request) -> Response:
    """Record who the letter went to."""
    asked = await read_json(request)
    arguments = {name: _text(asked.get(name, "")) for name in ("reference", "recipient", "received_by")}
    changed, _ = await desk.ask("forward", arguments, deadline_s=SHORT_S)
    return answer(changed)


async def amend(desk: Desk, request: Request) -> Response:
    """Put right what the register says about a letter."""
    asked = await read_json(request)
    entries = {name: _text(asked.get(name, "")) for name in _FACTS}
    arguments = {"reference": _text(asked.get("reference")), "entries": entries}
    changed, _ = await desk.ask("amend", arguments, deadline_s=SHORT_S)
    return answer(changed)


async def notice(desk: Desk, request: Request) -> Response:
    """Hand out the notice to the sender."""
    suffix = request.query_params.get("format", "pdf")
    if suffix not in _MEDIA:
        raise WrongUse("desk.bad_request")
    reference = _text(request.query_params.get("reference", ""))
    told, blobs = await desk.ask("notice", {"reference": reference, "suffix": suffix}, deadline_s=SHORT_S)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(told['name'], safe='')}"}
    return Response(blobs[0], media_type=_MEDIA[suffix], headers=headers)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise WrongUse("desk.bad_request")
    return value.strip()
