"""Prepared signatures on disk: ``ID.pdf`` beside ``ID.json``, complete or not there at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kyso.errors import InputRefused, KysoError
from kyso.signing.prepared_json import from_json, to_json
from kyso.update.files import PreparedFile, write_output

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.models import PreparedSignature
    from kyso.signing.preparation import Prepared

_ID = re.compile(r"[0-9a-f]{16}")
_LARGEST_JSON = 1024 * 1024


def put(prepared: Prepared, folder: Path) -> PreparedSignature:
    """Keep a prepared signature in `folder`. The JSON comes last: without it there is no preparation."""
    signature = prepared.signature
    prepared.file.publish(folder / f"{signature.id}.pdf", overwrite=False)
    try:
        write_output(folder / f"{signature.id}.json", (to_json(signature).encode("utf-8"),), overwrite=False)
    except (OSError, KysoError):
        (folder / f"{signature.id}.pdf").unlink(missing_ok=True)
        raise
    return signature


def read(folder: Path, prepared_id: str) -> PreparedSignature:
    """Read a prepared signature's JSON.

    :raises InputRefused: there is none of that name, or it is damaged.
    """
    if not _ID.fullmatch(prepared_id):
        raise InputRefused("prepared.not_found", id=prepared_id)
    try:
        with (folder / f"{prepared_id}.json").open("rb") as file:
            data = file.read(_LARGEST_JSON)
    except FileNotFoundError as error:
        raise InputRefused("prepared.not_found", id=prepared_id) from error
    prepared = from_json(data.decode("utf-8", "replace"))
    if prepared.id != prepared_id:
        raise InputRefused("prepared.unreadable", cause="id")
    return prepared


def take(folder: Path, prepared: PreparedSignature, target: Path | None) -> PreparedFile:
    """Open a copy of the prepared file for finishing; the kept one stays until :func:`drop`.

    :param target: folder of the future output, ``None`` to finish in memory.
    """
    return PreparedFile.reopen(folder / f"{prepared.id}.pdf", prepared.byte_range, target)


def drop(folder: Path, prepared_id: str) -> None:
    """Remove a prepared signature; removing it twice is harmless."""
    if _ID.fullmatch(prepared_id):
        (folder / f"{prepared_id}.json").unlink(missing_ok=True)
        (folder / f"{prepared_id}.pdf").unlink(missing_ok=True)
