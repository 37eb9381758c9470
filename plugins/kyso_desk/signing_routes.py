"""Signing from the page: begin a job, watch it, hand over the PIN, stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kyso.errors import WrongUse
from kyso.secret import Secret
from kyso_desk.desk import answer
from kyso_desk.jobs import Item, refuse_results
from kyso_desk.letter_routes import request_table
from kyso_desk.uploads import read_json
from kyso_desk.work import request_from
from kyso_desk.workspace import MAX_LETTERS, free_path

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from kyso_desk.desk import Desk

_LONGEST_SECRET = 1024


async def begin(desk: Desk, request: Request) -> Response:
    """Begin to sign one or many letters with one key."""
    asked = await read_json(request)
    entries = asked.get("letters")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_LETTERS:
        raise WrongUse("desk.bad_request")
    results = desk.settings.results
    refuse_results(results)
    taken: set[Path] = set()
    letters = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise WrongUse("desk.bad_request")
        letter = desk.workspace.letter(str(entry.get("id")))
        out = _out(results, letter.path.stem, taken)
        table = request_table(desk, letter, {**asked, **entry}, out)
        letters.append((letter.identifier, letter.name, request_from(table)))
    job = desk.jobs.start(letters)
    return answer(job.table(lambda item: None))


async def watch(desk: Desk, request: Request) -> Response:
    """Tell how a job stands; its signed letters lie on the desk."""
    job = desk.jobs.job(request.path_params["job"])
    for item in job.items:
        if item.signed is not None and item.signed.path is not None and item.result is None:
            letter = desk.workspace.add(item.signed.path)
            await desk.describe(letter)
            item.result = letter.identifier

    def described(item: Item) -> dict[str, Any] | None:
        return None if item.result is None else desk.workspace.letter(item.result).table()

    return answer(job.table(described))


async def hand_over(desk: Desk, request: Request) -> Response:
    """Give a job the PIN it asks for. The PIN goes on to the key and is kept nowhere."""
    given = (await read_json(request)).get("secret")
    if not isinstance(given, str) or not 0 < len(given) <= _LONGEST_SECRET:
        raise WrongUse("desk.bad_request")
    desk.jobs.hand_over(request.path_params["job"], Secret(given))
    return answer({})


async def stop(desk: Desk, request: Request) -> Response:
    """Stop a job before it signs further letters."""
    desk.jobs.cancel(request.path_params["job"])
    return answer({})


def _out(results: Path, stem: str, taken: set[Path]) -> Path:
    """Return where a letter's result goes: a name that neither the folder nor this job has yet."""
    stem = stem.removesuffix(".signed")
    number = 0
    while True:
        number += 1
        path = free_path(results, f"{stem}.signed.pdf" if number == 1 else f"{stem} - {number}.signed.pdf")
        if path not in taken:
            taken.add(path)
            return path
