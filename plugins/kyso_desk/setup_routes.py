"""The first run on the page: what there is, files to take along, and writing it all."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from kyso.errors import KysoError, WrongUse
from kyso_desk.desk import answer
from kyso_desk.first_run import FILE_CAP_BYTES, KINDS, answers_from, examined, write_first
from kyso_desk.uploads import read_json, save_body
from kyso_desk.wording import told, told_error

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from kyso_desk.desk import Desk

MAX_FILES = 30


async def state(desk: Desk, request: Request) -> Response:
    """Say what is configured and where the first kyso.toml would go."""
    return answer(await asyncio.to_thread(_state, desk))


def _state(desk: Desk) -> dict[str, Any]:
    from kyso.config_check import check

    config = desk.config
    remarks = check(config, desk.registry) if config.path is not None else ()
    return {
        "config": None if config.path is None else str(config.path),
        "target": str(desk.first_config),
        "organisation": config.organisation.name or "",
        "leader_image": config.leader.image is not None,
        "seal_image": config.seal.image is not None,
        "seal_diameter_mm": config.seal.diameter_mm,
        "trust": [path.name for path in config.verification.trust],
        "results": str(desk.settings.results),
        "problems": [told(remark.phrase.code, remark.phrase.parameters) for remark in remarks],
    }


async def keys(desk: Desk, request: Request) -> Response:
    """List the configured keys, and those that tokens and folders offer; asks for no secret."""
    return answer(await asyncio.to_thread(_keys, desk))


def _keys(desk: Desk) -> dict[str, Any]:
    from kyso.engine import Engine

    with Engine.from_config(desk.config, online=desk.online) as engine:
        listed, failures = engine.keys()
    desk.found_keys.clear()
    rows = []
    for key in listed:
        identifier = secrets.token_urlsafe(9)
        desk.found_keys[identifier] = key.uri
        rows.append(
            {
                "id": identifier,
                "name": key.name,
                "subject": key.subject or key.uri.partition(":")[2].rpartition("/")[2],
                "issuer": key.issuer,
                "kind": key.uri.partition(":")[0],
                "not_after": "" if key.not_after is None else key.not_after.strftime("%d/%m/%Y"),
            }
        )
    return {"keys": rows, "failures": [{"source": name, **told_error(error)} for name, error in failures]}


async def take_file(desk: Desk, request: Request) -> Response:
    """Take a key file, a picture or roots along, and say what is in it."""
    kind = next((each for each in KINDS if each == request.query_params.get("kind")), None)
    if kind is None:
        raise WrongUse("desk.bad_request")
    if len(desk.uploads) >= MAX_FILES:
        raise WrongUse("desk.full", limit=MAX_FILES)
    path = desk.workspace.reserve(request.query_params.get("name", ""))
    try:
        await save_body(request, path, FILE_CAP_BYTES)
        file = await asyncio.to_thread(examined, kind, path)
    except BaseException:
        desk.workspace.discard(path)
        raise
    identifier = secrets.token_urlsafe(9)
    desk.uploads[identifier] = file
    roots = [{"name": name, "sha256": sha256} for name, sha256 in file.roots]
    return answer({"id": identifier, "name": path.name, "roots": roots})


async def write(desk: Desk, request: Request) -> Response:
    """Write the first kyso.toml and go on with it."""
    asked = await read_json(request)
    answers = answers_from(asked, desk.uploads, desk.found_keys)
    config = await asyncio.to_thread(write_first, answers, desk.first_config, desk.language)
    for file in desk.uploads.values():
        desk.workspace.discard(file.path)
    desk.uploads.clear()
    try:
        await desk.restart(config)
    except KysoError:
        # What was written stands; the desk goes on with it from its next start.
        raise WrongUse("desk.restart_wanted", file=desk.first_config) from None
    return answer({"config": str(config.path)})
