"""The address that a provider calls when a request has been answered: ``POST /callbacks/remote/SECRET``.

What a provider sends there is not read, let alone believed: whoever learns an address can call it. The call is a hint
to ask the provider how the waiting letters stand, which `kyso serve` does a moment later over its own connection; what
comes back is checked against the certificate as always. Calls that are repeated or come together cost one round.

The secret is part of the address, one for the installation: ``[plugins.remote] callback_secret_env`` names the
environment variable that holds it. Without it, or with one that is too short, the address does not exist.
"""

from __future__ import annotations

import hmac
from typing import Any, Protocol

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso_remote.callback_secret import GREATEST_LENGTH, callback_secret


class _Service(Protocol):
    """As much of `kyso serve` as is needed here."""

    @property
    def config(self) -> Any: ...

    def hint_waiting(self) -> None: ...


def make_router() -> APIRouter:
    """Return the route."""
    router = APIRouter()
    router.add_api_route(
        "/callbacks/remote/{secret}", callback, methods=["POST"], response_class=Response, include_in_schema=False
    )
    return router


async def callback(request: Request) -> Response:
    """Take a provider's call: nothing in it is read but the secret of its address."""
    service: _Service = request.state.service
    expected = callback_secret(service.config.plugins.get("remote", {}))
    given = str(request.path_params["secret"])[: GREATEST_LENGTH + 1]
    if expected is None or not hmac.compare_digest(given.encode(), expected.encode()):
        # As for any address that does not exist.
        return JSONResponse({"status": 404, "title": "Not Found"}, 404, media_type="application/problem+json")
    service.hint_waiting()
    return JSONResponse({"status": "ok"})
