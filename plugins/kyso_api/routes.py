"""The routes of the service. What each does to a letter is in `kyso_api.signing` and in the workers."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kyso.plugin import WrongUse
from kyso.serving.problems import Refusal
from kyso_api import contents, fields, signing, waiting_letters
from kyso_api.idempotency import HEADER
from kyso_api.replies import Made, json_reply, once, reply_of
from kyso_api.signing import LetterOrder
from kyso_api.uploads import Upload, UploadedFile, body_of, received

if TYPE_CHECKING:
    from kyso_api.fields import Field
    from kyso_api.service import Service
    from kyso_api.tokens import ScopeName, Token

Handler = Callable[[Request], Awaitable[Response]]

_FORMATS: Mapping[str, str] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
_CERTIFICATES = 10


def needs(scope: ScopeName | None) -> Callable[[Handler], Handler]:
    """Let only tokens pass that permit `scope`; decided before the body is read."""

    def wrapped(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def checked(request: Request) -> Response:
            token: Token = request.state.token
            if scope is not None and scope not in token.scopes:
                raise Refusal("api.scope_missing", 403, scope=scope)
            return await handler(request)

        return checked

    return wrapped


def _who(request: Request) -> tuple[Service, Token]:
    return request.state.service, request.state.token


@asynccontextmanager
async def _form(
    request: Request, declared: Sequence[Field], *files: str
) -> AsyncIterator[tuple[Upload, dict[str, Any]]]:
    service, _ = _who(request)
    limits = replace(service.limits, hashing=HEADER in request.headers)
    async with received(request, limits, files=("document", *files)) as upload:
        yield upload, fields.values_from(declared, upload.fields)


def _letter(upload: Upload) -> UploadedFile:
    return _one_file(upload, "document") or _missing("document")


def _one_file(upload: Upload, name: str) -> UploadedFile | None:
    found = upload.files.get(name, [])
    if len(found) > 1:
        raise WrongUse("api.field_twice", name=name)
    return found[0] if found else None


def _missing(name: str) -> Any:
    raise WrongUse("api.field_missing", name=name)


def _order(upload: Upload, values: Mapping[str, Any]) -> LetterOrder:
    return LetterOrder(_letter(upload), _one_file(upload, "image"), fields.wishes_from(values))


def _key(values: Mapping[str, Any], service: Service) -> str:
    """Return the key's configured name: the one given, the configured one, or the only one there is.

    :raises WrongUse: none of these.
    """
    configured, names = service.config.signing.key, service.keys.names()
    name = values.get("key") or (configured if configured in names else None) or (names[0] if len(names) == 1 else None)
    if name is None:
        raise WrongUse("api.key_needed", known=names or ["-"])
    return str(name)


# ------------------------------------------------------------------------------------------------- signing


@needs("sign")
async def sign(request: Request) -> Response:
    """Sign a letter with a configured key."""
    service, token = _who(request)
    async with _form(request, fields.SIGN, "image") as (upload, values):
        order, key = _order(upload, values), _key(values, service)
        # Asked before an idempotency key is taken: only a key that asks a person must never sign twice by itself.
        course = await signing.course_of(service, token, key)

        async def do() -> Any:
            made = await signing.sign(service, token, order, key, values.get("webhook"))
            return await reply_of(request, service, token, made)

        confirmed = course == "confirmation"
        return await once(request, service, token, upload.fingerprint, do, confirmed_by_person=confirmed)


@needs("sign")
async def prepare(request: Request) -> Response:
    """Prepare a letter for a key that the caller holds."""
    service, token = _who(request)
    async with _form(request, fields.PREPARE, "image", "certificate", "chain") as (upload, values):
        order = _order(upload, values)
        own = _one_file(upload, "certificate") or _missing("certificate")
        certificates = [own.read(), *(file.read() for file in upload.files.get("chain", [])[:_CERTIFICATES])]

        async def do() -> Any:
            made = await signing.prepare(service, token, order, certificates)
            return await reply_of(request, service, token, made)

        return await once(request, service, token, upload.fingerprint, do)


@needs("sign")
async def complete(request: Request) -> Response:
    """Complete a prepared letter with the caller's signature value."""
    service, token = _who(request)
    given = await _object(request, service, ("prepared_id", "signature"))

    async def do() -> Any:
        made = await signing.complete(service, token, given["prepared_id"], given["signature"])
        return await reply_of(request, service, token, made)

    return await once(request, service, token, lambda: json.dumps(given, sort_keys=True), do)


async def _object(request: Request, service: Service, names: Sequence[str]) -> dict[str, str]:
    """Read a JSON object with these members, all text."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal("api.media_type_json", 415, {"Accept": "application/json"})
    try:
        given = json.loads(await body_of(request, service.limits))
    except (ValueError, RecursionError):
        raise WrongUse("api.json_unreadable") from None
    if not isinstance(given, dict) or set(given) != set(names) or not all(isinstance(v, str) for v in given.values()):
        raise WrongUse("api.json_members", names=list(names))
    return given


# ------------------------------------------------------------------------------------------------- waiting


@needs("sign")
async def pending_list(request: Request) -> Response:
    """List the caller's letters that wait or waited."""
    service, token = _who(request)
    limit, offset = _number(request, "limit", 50, 1, 200), _number(request, "offset", 0, 0, 1_000_000)
    found = await service.run(waiting_letters.of_token, service.records, token.id, limit=limit, offset=offset)
    return json_reply({"schema": "kyso.pending/1", "pending": [_waiting(letter) for letter in found]}).response()


@needs("sign")
async def pending_get(request: Request) -> Response:
    """Tell how one letter stands, without asking the other side."""
    service, token = _who(request)
    letter = await service.run(waiting_letters.find, service.records, request.path_params["id"], token.id)
    return json_reply(_waiting(letter)).response()


@needs("sign")
async def pending_resume(request: Request) -> Response:
    """Ask once how one letter stands, and finish it where its owner has confirmed."""
    service, token = _who(request)
    letter = await service.run(waiting_letters.find, service.records, request.path_params["id"], token.id)
    if letter.state == waiting_letters.SENDING and datetime.now(UTC) - letter.changed_at < service.sending_takes:
        return json_reply(letter.answer, 202).response()
    if letter.state in (waiting_letters.SENDING, waiting_letters.WAITING):
        made = await signing.resume(service, letter)
        if made is not None:
            return json_reply(made.answer, made.status).response()
        letter = await service.run(waiting_letters.find, service.records, letter.id, token.id)
    return json_reply(letter.answer, 202 if letter.state == waiting_letters.WAITING else 200).response()


@needs("sign")
async def pending_cancel(request: Request) -> Response:
    """Stop waiting for one letter."""
    service, token = _who(request)
    letter = await service.run(waiting_letters.find, service.records, request.path_params["id"], token.id)
    await signing.cancel(service, letter)
    letter = await service.run(waiting_letters.find, service.records, letter.id, token.id)
    return json_reply(_waiting(letter)).response()


def _waiting(letter: waiting_letters.WaitingLetter) -> dict[str, Any]:
    return {
        "schema": "kyso.pending/1",
        "prepared_id": letter.id,
        "state": letter.state,
        "document_name": letter.document_name,
        "key": letter.key_name,
        "created_at": letter.created_at.isoformat(),
        "changed_at": letter.changed_at.isoformat(),
        "answer": dict(letter.answer),
    }


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not least <= int(text) <= most:
        raise WrongUse("api.field_wrong", name=name, value=text[:40], expected=f"{least} ... {most}")
    return int(text)


@needs(None)
async def result(request: Request) -> Response:
    """Hand out a kept result to the token that made it."""
    service, token = _who(request)
    identifier = request.path_params["id"]
    found = await service.run(contents.find, service.records, identifier[:64], "result", token.id)
    if found is None:
        raise Refusal("api.result_unknown", 404, id=identifier[:40])
    parts = contents.parts(service.records, found.id)
    digest = base64.b64encode(bytes.fromhex(found.sha256)).decode()
    headers = {"Content-Length": str(found.size), "Repr-Digest": f"sha-256=:{digest}:"}  # RFC 9530
    return StreamingResponse(parts, media_type=found.media_type, headers=headers)


# ---------------------------------------------------------------------------------------------- the others


@needs("verify")
async def verify(request: Request) -> Response:
    """Verify a letter and return the report."""
    service, _ = _who(request)
    async with _form(request, fields.VERIFY) as (upload, values):
        letter = _letter(upload)
        report_format = values.pop("format", "json")
        arguments = {**values, "name": letter.name, "format": report_format, "language": request.state.language}
        answer, attached = await service.work("verify", *_with_letter(letter, arguments))
    service.metrics.verdicts.labels(answer["verdict"]).inc()
    headers = {"Content-Type": _FORMATS[report_format], "Kyso-Verdict": answer["verdict"]}
    if report_format == "html":
        # The report carries its own style and pictures, and nothing that runs.
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return Response(attached[0], headers=headers)


@needs("extend")
async def extend(request: Request) -> Response:
    """Extend a signed letter to a level that keeps its proof."""
    service, token = _who(request)
    async with _form(request, fields.EXTEND) as (upload, values):
        letter = _letter(upload)
        if "level" not in values:
            _missing("level")

        async def do() -> Any:
            arguments = {**values, "name": letter.name, "online": service.online}
            out = service.new_file() if letter.path is not None else None
            if out is not None:
                arguments["out"] = str(out)
            answer, attached = await service.work("extend", *_with_letter(letter, arguments))
            return await reply_of(request, service, token, Made(answer, attached[0] if attached else out, letter.name))

        return await once(request, service, token, upload.fingerprint, do)


@needs("preview")
async def preview(request: Request) -> Response:
    """Draw the page as it would look signed. No key is used."""
    service, token = _who(request)
    async with _form(request, fields.PREVIEW, "image") as (upload, values):
        order, key = _order(upload, values), _key(values, service)
        if not token.may_use(key):
            raise Refusal("api.key_forbidden", 403, name=key[:200])
        if key not in service.config.keys:
            raise WrongUse("key.unknown_name", name=key[:200], known=service.keys.names() or ["-"])
        arguments, blobs = order.task(key)
        answer, attached = await service.work("preview", {**arguments, "dpi": values.get("dpi", 110.0)}, blobs)
        made = Made(answer, attached[0], "preview.png", "image/png")
        return (await reply_of(request, service, token, made)).response()


@needs("export")
async def export(request: Request) -> Response:
    """Turn a request into another system's document: ``/v1/kbnn/envelope`` is the export ``kbnn.envelope``."""
    service, _ = _who(request)
    name = f"{request.path_params['family']}.{request.path_params['export']}"
    offered = service.registry.contributions("exporters")
    if name not in offered:
        raise Refusal("api.export_unknown", 404, name=name[:100], known=sorted(offered) or ["-"])
    forbidden = {setting.name for setting in offered[name].contribution.settings if setting.kind == "path"}
    async with _form(request, fields.EXPORT) as (upload, values):
        options = values["set"]
        for option in options:
            if option in forbidden:
                raise WrongUse("api.option_is_path", name=option)
        arguments = {"exporter": name, "options": options}
        _, attached = await service.work("export", *_with_letter(_letter(upload), arguments))
    kind = "application/json" if attached[0][:1] in (b"{", b"[") else "application/octet-stream"
    return Response(attached[0], headers={"Content-Type": "application/xml" if attached[0][:1] == b"<" else kind})


@needs(None)
async def keys(request: Request) -> Response:
    """List the configured keys that the token may sign with."""
    service, token = _who(request)
    listed = [
        {"name": name, "role": service.config.keys[name].role, "title": service.config.keys[name].title}
        for name in service.keys.names()
        if token.may_use(name)
    ]
    return json_reply({"schema": "kyso.keys/1", "keys": listed}).response()


@needs("plugins")
async def plugins(request: Request) -> Response:
    """Tell which plugins are loaded and what they contribute."""
    from kyso.cli.plugins import describe

    service, _ = _who(request)
    return json_reply(await service.run(describe, service.registry)).response()


async def healthz(request: Request) -> Response:
    """Tell that the process answers."""
    return json_reply({"status": "ok"}).response()


async def readyz(request: Request) -> Response:
    """Tell whether requests can be worked on: the records answer and a worker is alive."""
    import sqlalchemy as sa

    service: Service = request.state.service

    def ask() -> None:
        with service.records.begin() as connection:
            connection.execute(sa.text("SELECT 1"))

    await service.run(ask)
    if service.closing or service.pool.alive == 0:
        raise Refusal("serving.busy", 503, {"Retry-After": "2"})
    return json_reply({"status": "ready", "workers": service.pool.alive}).response()


async def metrics(request: Request) -> Response:
    """Hand out the figures for Prometheus."""
    from kyso_api.metrics import MEDIA_TYPE

    service: Service = request.state.service
    if not service.settings.open_metrics and "metrics" not in request.state.token.scopes:
        raise Refusal("api.scope_missing", 403, scope="metrics")
    figures = service.metrics
    figures.waiting.set(service.pool.waiting)
    figures.running.set(service.pool.running)
    figures.workers.set(service.pool.alive)
    return Response(figures.text(), headers={"Content-Type": MEDIA_TYPE})


def _with_letter(letter: UploadedFile, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    if letter.data is not None:
        return arguments, [letter.data]
    return {**arguments, "path": str(letter.path)}, []
