"""What every request passes before a route sees it: host, token, limits; and what is told and noted afterwards.

A request below ``/v1`` without a valid token is answered 401 before one octet of its body is read. Errors become
problem documents here, in one place, in the language that the request asks for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers

from kyso.errors import InternalError, KysoError
from kyso.serving.guard import Application, Message, Receive, Scope, Send, host_name
from kyso.serving.problems import (
    MEDIA_TYPE,
    Refusal,
    ToldProblem,
    asked_language,
    encoded,
    in_language,
    problem_of,
)

if TYPE_CHECKING:
    from kyso_api.service import Service
    from kyso_api.tokens import Token

_SMALL_BODY = 64 << 10
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


class Gate:
    """Wraps the application.

    :param hosts: names in the Host header that are answered; empty answers to every name.
    """

    def __init__(self, application: Application, service: Service, hosts: frozenset[str]) -> None:
        self._application = application
        self._service = service
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a permitted request on, and answer whatever went wrong."""
        if scope["type"] != "http":
            return
        passage = _Passage(scope, receive, send)
        try:
            await self._passed(scope, passage)
        except ToldProblem as told:
            await passage.refuse(told.document)
        except KysoError as error:
            await passage.refuse(problem_of(error), getattr(error, "headers", None))
        except Exception as error:  # noqa: BLE001 - the outermost door: no traceback leaves it
            from kyso.cli.crash import write_log

            await passage.refuse(problem_of(InternalError("serving.defect", log=write_log(error))))
        finally:
            self._note(scope, passage)

    async def _passed(self, scope: Scope, passage: _Passage) -> None:
        host = host_name(passage.headers.get("host", ""))
        if self._hosts and host not in self._hosts:
            raise Refusal("serving.host_unknown", 421, host=host[:100])
        state: dict[str, Any] = scope.setdefault("state", {})
        state["service"] = self._service
        state["request_id"] = passage.id
        state["language"] = passage.language
        state["passage"] = passage
        path: str = scope["path"]
        if path == "/v1" or path.startswith("/v1/") or (path == "/metrics" and not self._service.settings.open_metrics):
            token = await self._token(scope, passage)
            state["token"] = passage.token = token
            self._service.rate.take(token.id, token.rate_per_minute)
            with self._service.concurrency.one_of(token.id):
                await self._application(scope, passage.receive, passage.send)
        else:
            await self._application(scope, passage.receive, passage.send)

    async def _token(self, scope: Scope, passage: _Passage) -> Token:
        client = (scope.get("client") or ("-",))[0]
        if self._service.failures.is_over(client):
            raise Refusal("api.too_many_failures", 429, {"Retry-After": "60"})
        kind, _, shown = passage.headers.get("authorization", "").partition(" ")
        token = await self._service.token(shown.strip()) if kind.lower() == "bearer" else None
        if token is None:
            self._service.failures.take(client)
            challenge = 'Bearer realm="kyso"' + (', error="invalid_token"' if shown else "")
            code = "api.token_refused" if shown else "api.token_missing"
            raise Refusal(code, 401, {"WWW-Authenticate": challenge})
        return token

    def _note(self, scope: Scope, passage: _Passage) -> None:
        seconds = time.perf_counter() - passage.began
        # The route's pattern, not the path: that one holds identifiers, and whatever a stranger types.
        route = getattr(scope.get("route"), "path", None) or "-"
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT") else "-"
        metrics = self._service.metrics
        metrics.requests.labels(method, route, str(passage.status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        self._service.log.write(
            "request",
            id=passage.id,
            method=method,
            route=route,
            status=passage.status,
            code=passage.code,
            token=passage.token.id if passage.token is not None else None,
            ms=round(seconds * 1000, 1),
            octets_in=passage.octets_in,
            octets_out=passage.octets_out,
        )


class _Passage:
    """One request on its way through the gate: what came in and what went out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.headers = Headers(scope=scope)
        self.language = asked_language(self.headers.get("accept-language", ""))
        self.id = str(uuid.uuid4())
        self.began = time.perf_counter()
        self.token: Token | None = None
        self.status = 0
        self.code: str | None = None
        self.octets_in = 0
        self.octets_out = 0
        self._complete_body = not self._announces_much()

    async def receive(self) -> Message:
        """Hand a message of the client on and count it."""
        message = await self._receive()
        if message["type"] == "http.request":
            self.octets_in += len(message.get("body", b""))
            self._complete_body = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Hand a message to the client on, count it, and add what every answer carries."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = list(message.get("headers", []))
            named = {name.lower() for name, _ in own}
            added = [entry for entry in _SECURITY_HEADERS if entry[0] not in named]
            message = {**message, "headers": [*own, *added, (b"kyso-request", self.id.encode())]}
        elif message["type"] == "http.response.body":
            self.octets_out += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Answer with a problem document, unless an answer has begun already."""
        self.code = str(document["code"])
        if self.status:
            return
        body = encoded(in_language(document, self.language, self.id))
        told = {
            "Content-Type": MEDIA_TYPE,
            "Content-Language": self.language,
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        if not self._complete_body:
            # What the client still sends is not waited for.
            told["Connection"] = "close"
        start = {
            "type": "http.response.start",
            "status": document["status"],
            "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in told.items()],
        }
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})

    def _announces_much(self) -> bool:
        length = self.headers.get("content-length", "0")
        return "transfer-encoding" in self.headers or not length.isdigit() or int(length) > _SMALL_BODY
