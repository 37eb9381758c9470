"""Limits around an ASGI application: who may ask, and how much.

A page in any browser can send requests to a server on loopback, and a name that resolves to 127.0.0.1 can make them
look same-origin (DNS rebinding). So a request whose Host is not one of the expected names is refused, and a body is
read up to a cap only.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""The names a server on loopback answers to."""


class Guard:
    """Wraps an application: refuses unknown hosts and bodies over `body_cap` octets.

    :param hosts: accepted names in the Host header, without port; empty accepts every name.
    """

    def __init__(self, application: Application, *, hosts: Collection[str], body_cap: int = 1 << 20) -> None:
        self._application = application
        self._hosts = frozenset(host.lower() for host in hosts)
        self._body_cap = body_cap

    def answering_to(self, hosts: Collection[str]) -> Guard:
        """Return the same application for other names; an empty collection accepts every name."""
        return Guard(self._application, hosts=hosts, body_cap=self._body_cap)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a permitted request on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = host_name(headers.get(b"host", b"").decode("latin-1"))
        if self._hosts and host not in self._hosts:
            await _problem(send, 421, "unknown host")
            return
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._body_cap:
            await _problem(send, 413, "body too large")
            return
        body = await self._read(receive)
        if body is None:
            await _problem(send, 413, "body too large")
            return
        await self._application(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body_cap:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)


def host_name(host: str) -> str:
    """Return the name in a Host header, lower case and without the port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def replay() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replay


async def _problem(send: Send, status: int, title: str) -> None:
    """Answer with a problem document (RFC 9457)."""
    body = json.dumps({"status": status, "title": title}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
