"""What a route answers: a finished letter as its octets or as JSON with a link, and the same again when repeated."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from kyso.frozen import dataclass
from kyso_api import contents
from kyso_api.idempotency import HEADER, Kept, Repetition, checked_key

if TYPE_CHECKING:
    from starlette.requests import Request

    from kyso_api.service import Service
    from kyso_api.tokens import Token

ANSWER_HEADER = "Kyso-Answer"
_GREATEST_HEADER = 6000


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a request about a letter.

    :param answer: the JSON object that describes it.
    :param data: the letter, in memory or in the work folder; ``None`` where there is none (yet).
    """

    answer: Mapping[str, Any]
    data: bytes | Path | None = None
    name: str = "document.pdf"
    media_type: str = "application/pdf"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer; a body in the work folder is removed once it is sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes | Path

    def response(self, *, more: Mapping[str, str] | None = None) -> Response:
        """Return it as Starlette sends it."""
        headers = {**self.headers, **(more or {})}
        if isinstance(self.body, bytes):
            return Response(self.body, self.status, headers)
        remove = BackgroundTask(self.body.unlink, missing_ok=True)
        return FileResponse(self.body, self.status, headers, background=remove)


def json_reply(answer: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a JSON object as the answer."""
    body = json.dumps(answer, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, body)


async def reply_of(request: Request, service: Service, token: Token, made: Made) -> Reply:
    """Answer with the letter itself, or, where JSON is preferred, with what is known of it and a link to fetch it."""
    if made.data is None:
        return json_reply(made.answer, made.status, made.headers)
    if not prefers_json(request.headers.get("accept", "")):
        described = {"Content-Type": made.media_type, ANSWER_HEADER: _short(made.answer), **made.headers}
        return Reply(made.status, described, made.data)
    link = await keep_result(service, token.id, made)
    if isinstance(made.data, Path):
        made.data.unlink(missing_ok=True)
    return json_reply({**made.answer, "result": link}, made.status, made.headers)


async def keep_result(service: Service, token_id: str, made: Made) -> dict[str, Any]:
    """Keep the letter for its time and return where it is fetched."""
    assert made.data is not None
    content = await service.run(
        contents.put, service.records, made.data, token_id, "result", made.name, made.media_type, service.results_live
    )
    return result_link(content)


def result_link(content: contents.Content) -> dict[str, Any]:
    """Return what a caller is told of a kept letter."""
    return {
        "id": content.id,
        "href": f"/v1/results/{content.id}",
        "media_type": content.media_type,
        "size": content.size,
        "sha256": content.sha256,
        "expires_at": content.expires_at.isoformat(),
    }


async def once(
    request: Request,
    service: Service,
    token: Token,
    fingerprint: Callable[[], str],
    do: Callable[[], Awaitable[Reply]],
    *,
    confirmed_by_person: bool = False,
) -> Response:
    """Do it, or, where the request's ``Idempotency-Key`` was seen before, give the answer of that time.

    :param fingerprint: of the request's content.
    :param confirmed_by_person: doing it asks a person, so it is never done twice by itself.
    """
    key = checked_key(request.headers.get(HEADER))
    if key is None:
        return (await do()).response()
    work_s = service.settings.deadline_s * 2 + 30
    mark = f"{request.method} {request.url.path} {fingerprint()}"
    hold = Repetition(token.id, key, _digest(mark), max(service.results_live, timedelta(seconds=work_s)), work_s)
    kept = await service.run(hold.begin, service.records, confirmed_by_person=confirmed_by_person)
    if kept is not None:
        return Reply(kept.status, kept.headers, kept.body).response(more={"Idempotency-Replayed": "true"})
    try:
        reply = await do()
    except BaseException:
        await service.run(hold.forget, service.records)
        raise
    body = reply.body if isinstance(reply.body, bytes) else await service.run(reply.body.read_bytes)
    await service.run(hold.finish, service.records, Kept(reply.status, reply.headers, body))
    return reply.response()


def prefers_json(accept: str) -> bool:
    """Tell whether JSON stands before everything else that fits, by weight and then by order (RFC 9110, 12.5.1)."""
    best: tuple[float, bool] = (0.0, False)
    for part in accept.split(",")[:20]:
        kind, _, parameters = part.partition(";")
        name = kind.strip().lower()
        if name not in ("application/json", "application/pdf", "application/*", "*/*"):
            continue
        try:
            weight = float(parameters.strip().removeprefix("q=")) if "q=" in parameters else 1.0
        except ValueError:
            weight = 0.0
        if weight > best[0]:
            best = (weight, name == "application/json")
    return best[1]


def _digest(mark: str) -> str:
    import hashlib

    return hashlib.sha256(mark.encode()).hexdigest()


def _short(answer: Mapping[str, Any]) -> str:
    """Return the answer as a header: ASCII, of notices only their codes."""
    told = dict(answer)
    told["notices"] = [notice["code"] for notice in answer.get("notices", ())]
    line = json.dumps(told, default=str)
    return line if len(line) <= _GREATEST_HEADER else json.dumps({"schema": told.get("schema")})
