"""The ASGI application around a simulated provider: its routes, the phone page, and the network's faults."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import field
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from kyso.frozen import dataclass
from kyso.serving.guard import LOOPBACK_HOSTS, Application, Guard, Message, Receive, Scope, Send
from kyso.serving.server import abort_connection
from kyso.simulation.scenario import Timing, checked_scenario
from kyso.simulation.signatory import Signatory, make_signatories
from kyso.simulation.transactions import Transaction, Transactions
from kyso.text import shown

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class World:
    """What a simulated provider works with.

    :param scenario: the scenario being played.
    """

    scenario: str
    signatories: tuple[Signatory, ...]
    transactions: Transactions

    def signatory(self, *, number: str | None = None, credential: str | None = None) -> Signatory | None:
        """Find a signatory by number (whatever stands before it, as in ``CMT_``) or by credential."""
        for signatory in self.signatories:
            if number is not None and number.rpartition("_")[2] == signatory.number:
                return signatory
            if credential is not None and credential == signatory.credential:
                return signatory
        return None


def make_world(scenario: str, timing: Timing | None = None) -> World:
    """Make the people and an empty list of requests for a scenario. :raises WrongUse: the scenario is unknown."""
    checked_scenario(scenario)
    signatories = make_signatories(expired=scenario == "expired-certificate")
    return World(scenario, signatories, Transactions(scenario, timing or Timing()))


def make_application(
    world: World,
    routes: Sequence[tuple[str, str, Handler]],
    *,
    signing_paths: Collection[str],
    timing: Timing | None = None,
    hosts: Collection[str] = LOOPBACK_HOSTS,
) -> Application:
    """Return the application of a simulator.

    :param routes: (method, path, handler) of the provider's own interface.
    :param signing_paths: beginnings of the paths that take a signing request, where connections are cut.
    :param hosts: names that the server answers to.
    """
    phone = _Phone(world)
    own = [
        Route("/phone", phone.page, methods=["GET"]),
        Route("/phone/{identifier:path}", phone.decide, methods=["POST"]),
        Route("/simulator/root.pem", phone.root, methods=["GET"]),
    ]
    provider = [Route(path, handler, methods=[method]) for method, path, handler in routes]
    inner = Starlette(routes=[*own, *provider])
    faults = _Faults(inner, world.scenario, tuple(signing_paths), timing or Timing())
    return Guard(faults, hosts=hosts)


async def read_json(request: Request) -> dict[str, Any]:
    """Return the request's JSON object; anything else is an empty one, which no provider accepts."""
    try:
        data = await request.json()
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


@dataclass(slots=True)
class _Faults:
    """Plays the faults of networks and servers around the provider's own answers."""

    inner: Application
    scenario: str
    signing_paths: tuple[str, ...]
    timing: Timing
    _cut: set[str] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path == "/phone" or path.startswith(("/phone/", "/simulator/")):
            await self.inner(scope, receive, send)
            return
        signing = path.startswith(self.signing_paths)
        if self.scenario == "slow":
            await asyncio.sleep(self.timing.pause_s)
        if self.scenario == "refuse-connection" and signing:
            abort_connection(scope["client"])
        elif self.scenario == "drop" and signing:
            await self.inner(scope, receive, _swallow)
            abort_connection(scope["client"])
        elif self.scenario == "server-error" and signing:
            await JSONResponse({"message": "SERVER_INTERNAL_ERROR"}, 500)(scope, receive, send)
        elif self.scenario == "garbage" and signing:
            await PlainTextResponse("<html>\x1b[31m502 Bad Gateway", 200)(scope, receive, send)
        else:
            await self.inner(scope, receive, send)


async def _swallow(message: Message) -> None:
    """Drop a part of an answer that nobody will get."""


class _Phone:
    """The page that plays the signer's phone: what waits, with a button to approve and one to reject."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def page(self, request: Request) -> Response:
        rows = "".join(self._row(transaction) for transaction in self._world.transactions.all())
        return HTMLResponse(
            _PAGE.replace("{rows}", rows or "<p>Không có yêu cầu nào.</p>"),
            headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"},
        )

    def _row(self, transaction: Transaction) -> str:
        state = self._world.transactions.look(transaction)
        names = "".join(f"<li>{_escaped(document.name)}</li>" for document in transaction.documents)
        buttons = (
            f'<form method="post" action="/phone/{_escaped(transaction.id)}">'
            '<button name="decision" value="approved">Đồng ý ký</button> '
            '<button name="decision" value="rejected">Từ chối</button></form>'
        )
        return (
            f"<section><h2>{_escaped(transaction.description) or 'Yêu cầu ký số'}</h2>"
            f"<p>{_escaped(transaction.signatory.name)} · {_STATES[state]}</p><ol>{names}</ol>"
            f"{buttons if state == 'waiting' else ''}</section>"
        )

    async def decide(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return PlainTextResponse("other origin", 403)
        form = (await request.body()).decode("ascii", "replace")
        identifier = request.path_params["identifier"]
        if form == "decision=approved":
            self._world.transactions.decide(identifier, "approved")
        elif form == "decision=rejected":
            self._world.transactions.decide(identifier, "rejected")
        return RedirectResponse("/phone", 303)

    async def root(self, request: Request) -> Response:
        root = self._world.signatories[0].identity.chain[-1]
        return Response(root.public_bytes(Encoding.PEM), media_type="application/x-pem-file")


def _escaped(value: str) -> str:
    return html.escape(shown(value)[:300])


_STATES = {"waiting": "đang chờ", "signed": "đã ký", "rejected": "đã từ chối", "expired": "đã hết hạn"}
_PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="3"><title>Điện thoại giả lập - kyso</title>
<style>body{font:16px sans-serif;max-width:30rem;margin:1rem auto;padding:0 1rem}
section{border:1px solid #888;border-radius:.5rem;padding:.5rem 1rem;margin:1rem 0}
button{font:inherit;padding:.5rem 1rem}</style>
<h1>Điện thoại giả lập</h1><p>Chỉ để thử nghiệm, không có giá trị pháp lý.</p>{rows}</html>"""
