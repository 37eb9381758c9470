"""The application: routes with their words for the specification, behind the gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kyso.plugin import KysoError
from kyso.serving.guard import LOOPBACK_HOSTS, Receive, Scope, Send
from kyso.serving.problems import Refusal, ToldProblem, problem_of
from kyso_api import fields, routes
from kyso_api import specification as spec
from kyso_api.gate import Gate

if TYPE_CHECKING:
    from kyso_api.service import Service
    from kyso_api.tokens import ScopeName

_LETTER = {"document": True, "image": False}
_REFUSED_LETTER = (408, 413, 415, 422)
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}


def create_application(service: Service, *, hosts: frozenset[str] = LOOPBACK_HOSTS) -> Gate:
    """Return the service's application.

    :param hosts: names in the Host header that are answered; empty answers to every name.
    """
    app = FastAPI(
        title="kyso",
        version="1",
        summary=spec.both("api.title"),
        description=spec.both("api.about"),
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    _add_signing(app)
    _add_waiting(app)
    _add_others(app)
    _add_contributed(app, service)
    # Last, because its pattern fits every path of two words.
    _add_exports(app)
    for kind in (HTTPException, KysoError, ToldProblem):
        app.add_exception_handler(kind, _as_problem)
    app.add_exception_handler(Exception, _unanswered)
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        described = generated()
        components = described.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = spec.PROBLEM
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        return described

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to complete the specification
    return Gate(app, service, hosts)


def _add(
    app: FastAPI,
    method: str,
    path: str,
    handler: routes.Handler,
    name: str,
    scope: ScopeName | None,
    responses: dict[int | str, dict[str, Any]],
    **extra: Any,
) -> None:
    token = path.startswith("/v1") or path == "/metrics"
    app.add_api_route(
        path,
        handler,
        methods=[method],
        response_class=Response,
        responses=responses,
        status_code=next(int(status) for status in responses if int(status) < 300),
        openapi_extra={**extra, **({"security": [{"token": []}]} if token else {})},
        **spec.route_words(name, scope),
    )


def _add_signing(app: FastAPI) -> None:
    pdf, signed = {"application/pdf": spec.OCTETS}, {"application/json": spec.SIGNED}
    again = {"parameters": [spec.IDEMPOTENCY_PARAMETER]}
    _add(
        app, "POST", "/v1/sign", routes.sign, "sign", "sign",
        spec.answers({200: {**pdf, **signed}, 202: signed}, (409, 502, *_REFUSED_LETTER)),
        requestBody=spec.form_body(_LETTER, fields.SIGN), **again,
    )  # fmt: skip
    _add(
        app, "POST", "/v1/sign/prepare", routes.prepare, "prepare", "sign",
        spec.answers({201: {"application/json": spec.PREPARATION}}, (409, 502, *_REFUSED_LETTER)),
        requestBody=spec.form_body({**_LETTER, "certificate": True, "chain": False}, fields.PREPARE), **again,
    )  # fmt: skip
    members = {
        "prepared_id": {"type": "string", "description": spec.both("api.field.prepared_id")},
        "signature": {
            "type": "string",
            "contentEncoding": "base64",
            "description": spec.both("api.field.signature"),
        },
    }
    _add(
        app, "POST", "/v1/sign/complete", routes.complete, "complete", "sign",
        spec.answers({200: {**pdf, **signed}}, (404, 409, 502, *_REFUSED_LETTER)),
        requestBody=spec.json_body(members), **again,
    )  # fmt: skip


def _add_waiting(app: FastAPI) -> None:
    told = {"application/json": spec.ANY_OBJECT}
    signed = {"application/json": spec.SIGNED}
    page = [
        {"name": name, "in": "query", "schema": {"type": "integer", "minimum": least, "maximum": most}}
        for name, least, most in (("limit", 1, 200), ("offset", 0, 1_000_000))
    ]
    one = {"parameters": [_ID]}
    listed = spec.answers({200: told}, ())
    _add(app, "GET", "/v1/pending", routes.pending_list, "pending_list", "sign", listed, parameters=page)
    found = spec.answers({200: told}, (404,))
    _add(app, "GET", "/v1/pending/{id}", routes.pending_get, "pending_get", "sign", found, **one)
    resumed = spec.answers({200: signed, 202: signed}, (404, 409, 422, 502))
    _add(app, "POST", "/v1/pending/{id}/resume", routes.pending_resume, "pending_resume", "sign", resumed, **one)
    ended = spec.answers({200: told}, (404, 409))
    _add(app, "POST", "/v1/pending/{id}/cancel", routes.pending_cancel, "pending_cancel", "sign", ended, **one)
    file = spec.answers({200: {"application/octet-stream": spec.OCTETS, "application/pdf": spec.OCTETS}}, (404,))
    _add(app, "GET", "/v1/results/{id}", routes.result, "result", None, file, **one)


def _add_others(app: FastAPI) -> None:
    report = {
        "application/json": spec.ANY_OBJECT,
        **{kind: {"type": "string"} for kind in ("text/plain", "text/html")},
        "application/pdf": spec.OCTETS,
    }
    _add(
        app, "POST", "/v1/verify", routes.verify, "verify", "verify",
        spec.answers({200: report}, _REFUSED_LETTER), requestBody=spec.form_body({"document": True}, fields.VERIFY),
    )  # fmt: skip
    _add(
        app, "POST", "/v1/extend", routes.extend, "extend", "extend",
        spec.answers(
            {200: {"application/pdf": spec.OCTETS, "application/json": spec.EXTENDED}}, (409, 502, *_REFUSED_LETTER)
        ),
        requestBody=spec.form_body({"document": True}, fields.EXTEND, required=("level",)),
        parameters=[spec.IDEMPOTENCY_PARAMETER],
    )  # fmt: skip
    _add(
        app, "POST", "/v1/preview", routes.preview, "preview", "preview",
        spec.answers({200: {"image/png": spec.OCTETS, "application/json": spec.ANY_OBJECT}}, (409, *_REFUSED_LETTER)),
        requestBody=spec.form_body(_LETTER, fields.PREVIEW),
    )  # fmt: skip
    plain = {"application/json": spec.ANY_OBJECT}
    _add(app, "GET", "/v1/keys", routes.keys, "keys", None, spec.answers({200: plain}, ()))
    _add(app, "GET", "/v1/plugins", routes.plugins, "plugins", "plugins", spec.answers({200: plain}, ()))
    _add(app, "GET", "/healthz", routes.healthz, "healthz", None, spec.answers({200: plain}, (), token=False))
    _add(app, "GET", "/readyz", routes.readyz, "readyz", None, spec.answers({200: plain}, (), token=False))
    figures = spec.answers({200: {"text/plain": {"type": "string"}}}, ())
    _add(app, "GET", "/metrics", routes.metrics, "metrics", "metrics", figures)


def _add_exports(app: FastAPI) -> None:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
        for name in ("family", "export")
    ]
    exported = dict.fromkeys(("application/octet-stream", "application/json", "application/xml"), spec.OCTETS)
    _add(
        app, "POST", "/v1/{family}/{export}", routes.export, "export", "export",
        spec.answers({200: exported}, (404, *_REFUSED_LETTER)),
        requestBody=spec.form_body({"document": True}, fields.EXPORT), parameters=parameters,
    )  # fmt: skip


def _add_contributed(app: FastAPI, service: Service) -> None:
    """Add the routes of other plugins. One that does not load is told and left out."""
    for name in service.registry.contributions("routes"):
        try:
            app.include_router(service.registry.load("routes", name))
        except KysoError as error:
            service.log.write("routes_left_out", name=name, code=error.code)


class _Refused(Response):
    """An answer that the gate gives: problems are told and noted in one place."""

    def __init__(self, document: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._document = dict(document)
        self._told = dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["state"]["passage"].refuse(self._document, self._told)


class _Unanswered(Response):
    """No answer: the error goes on to the gate, which answers it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        return


async def _as_problem(request: Request, error: Exception) -> Response:
    """Turn an error of the routes, or Starlette's own, into a problem."""
    if isinstance(error, ToldProblem):
        return _Refused(error.document)
    if isinstance(error, HTTPException):
        code = {404: "api.route_unknown", 405: "api.method_wrong"}.get(error.status_code, "api.request_wrong")
        error = Refusal(code, error.status_code, error.headers)
    assert isinstance(error, KysoError)
    return _Refused(problem_of(error), getattr(error, "headers", None))


async def _unanswered(request: Request, error: Exception) -> Response:
    """Leave a defect to the gate: Starlette raises it again after this."""
    return _Unanswered()
