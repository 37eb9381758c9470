"""The door of the desk: who may come in, and what every answer forbids the browser.

The desk listens on loopback, where every program of every user of the machine, and every page in any browser, can
reach it. So:

- the address printed or opened by ``kyso desk`` holds a secret that opens **once**; it becomes a cookie (HttpOnly,
  SameSite=Strict), and a second key that the page keeps to itself and sends as a header. A cookie alone is not enough:
  browsers send it to every port of 127.0.0.1, and another user of the machine may own one of them;
- on Linux the address opens only for a process of the same user: a browser's command line is no secret;
- Host must be the desk's own address (a name that was rebound to 127.0.0.1 is refused), and whatever changes
  something, or opens a WebSocket, must carry the desk's own Origin;
- no answer may be framed, cached, sniffed, or load anything from elsewhere.

What this does not protect against: a program that runs as the same user can read the browser's and this process's
memory; nothing on the same account can keep secrets from it.
"""

from __future__ import annotations

import hmac
import html
import os
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kyso import text
from kyso.serving.problems import Refusal, encoded, in_language, problem_of
from kyso.text import shown
from kyso_desk.peer import owner_of

if TYPE_CHECKING:
    from kyso.serving.guard import Application, Message, Receive, Scope, Send
    from kyso.text import Language

OPENING_S = 300.0
"""How long the printed address opens the desk."""

KEY_HEADER = b"x-kyso-desk"
OPEN = "/open/"
_SAFE_METHODS = ("GET", "HEAD")
_BUSINESS = "/api/"

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Gate:
    """Wraps the desk's application.

    :param port: the port the desk listens on; Host and Origin must name it.
    :param language: of refusals that are shown as a page.
    """

    def __init__(self, application: Application, *, port: int, language: Language) -> None:
        self._application = application
        self._language: Language = language
        self._port = port
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._cookie = f"kyso_desk_{port}"
        self._opening = secrets.token_urlsafe(32)
        self._opening_until = time.monotonic() + OPENING_S
        self._opened = False
        self._session = secrets.token_urlsafe(32)
        self._key = secrets.token_urlsafe(32)
        self.opening_url = f"http://127.0.0.1:{port}{OPEN}{self._opening}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a permitted request in, with strict headers on its answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        request = _Head(scope)
        try:
            if request.is_opening:
                self._check_address(request)
                await self._open(request, strict_headers(send))
                return
            self._admit(request)
        except Refusal as refusal:
            await self._refuse(request, refusal, send)
            return
        await self._application(scope, receive, strict_headers(send) if scope["type"] == "http" else send)

    # ------------------------------------------------------------------------------------------------- judging

    def _check_address(self, request: _Head) -> None:
        if request.header(b"host") not in self._hosts:
            raise Refusal("serving.host_unknown", 421, host=shown(request.header(b"host")[:100]))

    def _admit(self, request: _Head) -> None:
        """:raises Refusal: the request does not come from the page that `kyso desk` opened."""
        self._check_address(request)
        origin = request.header(b"origin")
        if origin or request.must_tell_origin:
            parts = urlsplit(origin)
            if parts.scheme != "http" or parts.netloc not in self._hosts or parts.netloc != request.header(b"host"):
                raise Refusal("serving.origin_refused", 403, origin=shown(request.header(b"origin")[:100]))
        if request.header(b"sec-fetch-site") not in ("", "same-origin", "none"):
            raise Refusal("serving.origin_refused", 403, origin=shown(request.header(b"origin")[:100]))
        if not hmac.compare_digest(request.cookie(self._cookie).encode(), self._session.encode()):
            raise Refusal("desk.not_opened", 401)
        if request.path.startswith(_BUSINESS) and not hmac.compare_digest(
            request.header(KEY_HEADER).encode(), self._key.encode()
        ):
            raise Refusal("desk.not_opened", 401)

    async def _open(self, request: _Head, send: Send) -> None:
        """Turn the secret of the address into the session, once."""
        given = request.path.removeprefix(OPEN)
        if request.method != "GET" or not hmac.compare_digest(given.encode(), self._opening.encode()):
            raise Refusal("desk.not_opened", 401)
        if request.client is not None and hasattr(os, "getuid"):
            owner = owner_of(request.client, self._port)
            # Root can do all of it anyway, and relays such as that of WSL run as root.
            if owner not in (None, 0, os.getuid()):
                raise Refusal("desk.other_user", 403)
        if self._opened or time.monotonic() > self._opening_until:
            raise Refusal("desk.opened_before" if self._opened else "desk.opening_over", 410)
        self._opened = True
        cookie = f"{self._cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/"
        # The second key travels in the fragment, which no browser sends anywhere; the page takes it from there.
        headers = [(b"location", f"/#{self._key}".encode()), (b"set-cookie", cookie.encode())]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    # ------------------------------------------------------------------------------------------------ refusing

    async def _refuse(self, request: _Head, refusal: Refusal, send: Send) -> None:
        if request.is_websocket:
            await send({"type": "websocket.close", "code": 4000 + refusal.status, "reason": refusal.code})
            return
        if "text/html" in request.header(b"accept"):
            body, kind = _page(refusal, self._language), b"text/html; charset=utf-8"
        else:
            body, kind = encoded(in_language(problem_of(refusal), self._language)), b"application/problem+json"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        strict = strict_headers(send)
        await strict({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await strict({"type": "http.response.body", "body": body})


class _Head:
    """What the gate reads of a request: never its body."""

    def __init__(self, scope: Scope) -> None:
        self._headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            self._headers.setdefault(name.lower(), []).append(value)
        self.is_websocket = scope["type"] == "websocket"
        self.method: str = scope.get("method", "GET")
        self.path: str = scope["path"]
        client = scope.get("client")
        self.client: tuple[str, int] | None = None if client is None else (client[0], client[1])

    @property
    def is_opening(self) -> bool:
        return not self.is_websocket and self.path.startswith(OPEN)

    @property
    def must_tell_origin(self) -> bool:
        return self.is_websocket or self.method not in _SAFE_METHODS

    def header(self, name: bytes) -> str:
        """Return the only header of that name; a repeated one is as good as a wrong one."""
        values = self._headers.get(name, [])
        return values[0].decode("latin-1") if len(values) == 1 else "\0" if values else ""

    def cookie(self, name: str) -> str:
        for line in self._headers.get(b"cookie", []):
            for part in line.decode("latin-1").split(";"):
                key, _, value = part.strip().partition("=")
                if key == name:
                    return value
        return ""


def strict_headers(send: Send) -> Send:
    """Wrap `send` so that every answer forbids the browser what no page here needs."""

    async def strict(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return strict


def _page(refusal: Refusal, language: Language) -> bytes:
    """Return a refusal as a page without scripts, for a person who followed an old address."""
    title = html.escape(text.message("desk.page.title", language))
    lines = [refusal.message(language), refusal.next_step(language) or ""]
    body = "".join(f"<p>{html.escape(line)}</p>" for line in lines if line)
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1>{body}</main></body></html>"
    ).encode()
