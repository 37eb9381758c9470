"""The desk's routes, behind its gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from kyso_desk import (
    doctor_routes,
    incoming_routes,
    letter_routes,
    receiving_routes,
    setup_routes,
    signing_routes,
    site,
)
from kyso_desk.desk import Desk, Handler, guarded
from kyso_desk.gate import Gate

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", site.index),
    ("GET", "/assets/{name}", site.asset),
    ("GET", "/view/{ticket}", letter_routes.view),
    ("GET", "/api/desk", site.state),
    ("GET", "/api/words/{language}", site.words),
    ("POST", "/api/letters", letter_routes.take_in),
    ("POST", "/api/arrivals", letter_routes.take_in_unread),
    ("DELETE", "/api/letters/{letter}", letter_routes.put_away),
    ("GET", "/api/letters/{letter}/pages/{page:int}", letter_routes.picture),
    ("POST", "/api/letters/{letter}/place", letter_routes.place),
    ("GET", "/api/letters/{letter}/file", letter_routes.download),
    ("POST", "/api/letters/{letter}/ticket", letter_routes.ticket),
    ("POST", "/api/letters/{letter}/verify", receiving_routes.verify),
    ("GET", "/api/letters/{letter}/report", receiving_routes.report),
    ("POST", "/api/letters/{letter}/receive", incoming_routes.receive),
    ("GET", "/api/register", incoming_routes.search),
    ("POST", "/api/register/decide", incoming_routes.decide),
    ("POST", "/api/register/forward", incoming_routes.forward),
    ("POST", "/api/register/amend", incoming_routes.amend),
    ("GET", "/api/register/notice", incoming_routes.notice),
    ("GET", "/api/doctor", doctor_routes.examine),
    ("GET", "/api/setup", setup_routes.state),
    ("GET", "/api/setup/keys", setup_routes.keys),
    ("POST", "/api/setup/files", setup_routes.take_file),
    ("POST", "/api/setup", setup_routes.write),
    ("POST", "/api/jobs", signing_routes.begin),
    ("GET", "/api/jobs/{job}", signing_routes.watch),
    ("POST", "/api/jobs/{job}/secret", signing_routes.hand_over),
    ("POST", "/api/jobs/{job}/stop", signing_routes.stop),
)
"""Method, path and handler of everything the desk answers."""


def make_application(desk: Desk, *, port: int) -> Gate:
    """Return the application behind its gate.

    :param port: the port it is served on.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # The page opens while the workers start; whoever needs one first waits for them, and is told what failed.
        starting = asyncio.create_task(desk.start())
        starting.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        try:
            yield
        finally:
            starting.cancel()
            await desk.close()

    routes = [Route(path, guarded(desk, handler), methods=[method]) for method, path, handler in ROUTES]
    return Gate(Starlette(routes=routes, lifespan=lifespan), port=port, language=desk.language)
