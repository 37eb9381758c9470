"""The server of the confirmation windows: pages on loopback that only the person's own browser can use.

The address of a window ends in ``#SECRET``: no browser sends that anywhere. The page's script exchanges the secret,
once, for a token that it keeps to itself and sends as a header; there is no cookie, which browsers would send to every
port of 127.0.0.1. Host must be the window server's own address (a name that was rebound to 127.0.0.1 is refused), what
decides must carry its Origin, and where the system tells whose program is calling, another user's is refused.

What the person types goes here and nowhere else; the page that asked for the signature never sees it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kyso.errors import KysoError
from kyso.plugin import InputRefused, Secret
from kyso.serving.neighbours import is_other_user
from kyso.serving.problems import MEDIA_TYPE, Refusal, ToldProblem, encoded, in_language, problem_of, status_of
from kyso.text import LANGUAGES, Language, read_catalogue
from kyso_desk.agent.confirmation import Confirmation, Decision, Upload
from kyso_desk.gate import strict_headers

if TYPE_CHECKING:
    from kyso.serving.guard import Application, Receive, Scope, Send
    from kyso_desk.agent.service import AgentService

TOKEN_HEADER: Final = "x-kyso-window"  # noqa: S105 - the name of a header
OPENING_HEADER: Final = "x-kyso-opening"
PATH: Final = "/confirm/"
_WORDS: Final = "agent.page."
_POLL_S: Final = 20.0
_DECISION_CAP: Final = 256 * 1024
_LONGEST_VALUE: Final = 2000
_MOST_VALUES: Final = 40
_GREATEST_WIDTH_PX: Final = 3000
_JPEG: Final = b"\xff\xd8"

_ASSETS: Final = {
    "window.js": "text/javascript; charset=utf-8",
    "window.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

Handler = Callable[[Request], Awaitable[Response]]


def window_application(service: AgentService, *, port: int, language: Language, size_cap: int) -> Application:
    """Return the application of the windows.

    :param port: where it is served; Host and Origin must name it.
    :param language: the window's first language; the person may change it.
    :param size_cap: greatest letter that may be chosen in a window, in octets.
    """
    server = _WindowServer(service, port, language, size_cap)
    routes = [
        Route(PATH + "{identifier}", server.page, methods=["GET"]),
        Route("/window/{name}", server.asset, methods=["GET"]),
        Route("/api/{identifier}/open", server.told(server.open), methods=["POST"]),
        Route("/api/{identifier}/state", server.told(server.state), methods=["GET"]),
        Route("/api/{identifier}/decide", server.told(server.decide), methods=["POST"]),
        Route("/api/{identifier}/file", server.told(server.file), methods=["POST"]),
        Route("/api/{identifier}/page/{letter:int}/{page:int}", server.told(server.picture), methods=["GET"]),
        Route("/api/{identifier}/stamp/{letter:int}", server.told(server.stamp), methods=["GET"]),
        Route("/api/{identifier}/signed/{letter:int}", server.told(server.signed), methods=["GET"]),
    ]
    return _Door(Starlette(routes=routes), port, language)


class _Door:
    """Judges Host, Origin and the other end's owner before anything is read, and adds the strict headers."""

    def __init__(self, application: Application, port: int, language: Language) -> None:
        self._application = application
        self._host = f"127.0.0.1:{port}"
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a permitted request in."""

        if scope["type"] != "http":
            return
        try:
            self._judge(scope)
        except Refusal as refusal:
            await _problem(refusal, self._language)(scope, receive, strict_headers(send))
            return
        await self._application(scope, receive, strict_headers(send))

    def _judge(self, scope: Scope) -> None:
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        if headers.get(b"host") != [self._host.encode()]:
            raise Refusal("agent.unknown_host", 421)
        origin = headers.get(b"origin")
        stated = origin is not None or scope["method"] not in ("GET", "HEAD")
        if stated and origin != [f"http://{self._host}".encode()]:
            raise Refusal("agent.window_other_origin", 403)
        # The window itself may be reached from anywhere (it holds nothing); what it asks for only from itself.
        site = headers.get(b"sec-fetch-site", [b"none"])
        if not scope["path"].startswith(PATH) and site not in ([b"same-origin"], [b"none"]):
            raise Refusal("agent.window_other_origin", 403)
        if scope.get("client") and scope.get("server") and is_other_user(scope["client"], scope["server"]):
            raise Refusal("agent.other_user", 403)


class _WindowServer:
    """The handlers."""

    def __init__(self, service: AgentService, port: int, language: Language, size_cap: int) -> None:
        self._service = service
        self._port = port
        self._language: Language = language
        self._size_cap = size_cap

    def told(self, handler: Handler) -> Handler:
        """Wrap a handler so that its refusals are problem documents."""

        async def wrapped(request: Request) -> Response:
            try:
                return await handler(request)
            except KysoError as error:
                return _problem(error, self._language)
            except ToldProblem as problem:
                document = in_language(problem.document, self._language)
                return Response(encoded(document), document.get("status", 422), media_type=MEDIA_TYPE)

        return wrapped

    async def page(self, request: Request) -> Response:
        """Return the empty window; it holds nothing of the request."""
        html = _read("window.html").replace('lang="vi"', f'lang="{self._language}"')
        return Response(html, media_type="text/html; charset=utf-8")

    async def asset(self, request: Request) -> Response:
        """Return the script or the style."""
        name = request.path_params["name"]
        if name not in _ASSETS:
            return Response(status_code=404)
        return Response(_read(name), media_type=_ASSETS[name])

    async def open(self, request: Request) -> Response:
        """Exchange the address's secret for the window's token."""
        confirmation = self._find(request)
        token = confirmation.open(request.headers.get(OPENING_HEADER, ""))
        return JSONResponse({"token": token, "language": self._language, "words": window_words()})

    async def state(self, request: Request) -> Response:
        """Return what is to be shown, when there is something newer."""
        confirmation = self._admitted(request)
        after = _number(request.query_params.get("after", "0"))
        return JSONResponse(await confirmation.state(after, _POLL_S))

    async def decide(self, request: Request) -> Response:
        """Take a decision."""
        confirmation = self._admitted(request)
        body = await _body(request, _DECISION_CAP)
        try:
            table = json.loads(body)
            version, action, values = table["version"], table["action"], table.get("values", {})
            secret = table.get("secret")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
            raise Refusal("agent.decision_unknown", 400) from cause
        if not isinstance(version, int) or not isinstance(action, str) or not _plain(values):
            raise Refusal("agent.decision_unknown", 400)
        if secret is not None and not isinstance(secret, str):
            raise Refusal("agent.decision_unknown", 400)
        confirmation.decide(version, Decision(action, values, Secret(secret) if secret else None))
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """Take the letter that the person chose."""
        confirmation = self._admitted(request)
        data = await _body(request, self._size_cap)
        confirmation.upload = Upload(request.query_params.get("name", "")[:500], data)
        return Response(status_code=204)

    async def picture(self, request: Request) -> Response:
        """Return a page of a letter as a picture."""
        confirmation = self._admitted(request)
        width = min(max(_number(request.query_params.get("width", "900")), 100), _GREATEST_WIDTH_PX)
        letter = _letter(confirmation, request)
        picture = await self._service.page_picture(letter, request.path_params["page"], width)
        return Response(picture, media_type="image/jpeg" if picture[:2] == _JPEG else "image/png")

    async def stamp(self, request: Request) -> Response:
        """Return the stamp of a letter as PNG."""
        letter = _letter(self._admitted(request), request)
        if letter.stamp is None:
            return Response(status_code=404)
        return Response(letter.stamp, media_type="image/png")

    async def signed(self, request: Request) -> Response:
        """Return a signed letter that was delivered nowhere, for the person to save."""
        letter = _letter(self._admitted(request), request)
        if letter.signed is None:
            return Response(status_code=404)
        return Response(letter.signed, media_type="application/octet-stream")

    def _find(self, request: Request) -> Confirmation:
        return self._service.confirmations.find(request.path_params["identifier"])

    def _admitted(self, request: Request) -> Confirmation:
        confirmation = self._find(request)
        confirmation.admit(request.headers.get(TOKEN_HEADER, ""))
        return confirmation


def window_words() -> dict[str, dict[str, str]]:
    """Return the window's own texts by language and code, without the common beginning."""
    return {
        language: {
            code.removeprefix(_WORDS): entry.message
            for code, entry in read_catalogue("kyso_desk", language).items()
            if code.startswith(_WORDS)
        }
        for language in LANGUAGES
    }


def _letter(confirmation: Confirmation, request: Request) -> Any:
    number = request.path_params["letter"]
    if not 0 <= number < len(confirmation.letters):
        raise Refusal("agent.window_wrong", 404)
    return confirmation.letters[number]


def _problem(error: KysoError, language: Language) -> Response:
    return Response(encoded(in_language(problem_of(error), language)), status_of(error), media_type=MEDIA_TYPE)


def _read(name: str) -> str:
    return resources.files("kyso_desk.agent").joinpath("page", name).read_text(encoding="utf-8")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _plain(values: Any) -> bool:
    if not isinstance(values, dict) or len(values) > _MOST_VALUES:
        return False
    return all(isinstance(value, str) and len(value) <= _LONGEST_VALUE for value in values.values())


async def _body(request: Request, cap: int) -> bytes:
    """Read the body up to `cap` octets.

    :raises InputRefused: it is larger.
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > cap:
            raise InputRefused("agent.content_too_large", name="POST", limit=cap)
        parts.append(part)
    return b"".join(parts)
