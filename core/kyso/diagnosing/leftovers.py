"""Files that a signing left behind when its process was killed, and removing them when a person asks for it.

A letter being written lies beside its output as ``.kyso-*.part`` (``.kyso-*.pdf`` while it is extended) and vanishes
at the end; only kill -9, a power cut or a full disk leaves it. Prepared letters that nobody waits for lie in the folder
of the waiting letters. Files of the last hour are left alone: they may belong to a signing under way.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.contracts import Examination

YOUNGEST = timedelta(hours=1)
_TEMPORARY = re.compile(r"\.kyso-[0-9a-f]{16}\.(?:part|pdf)")
_PREPARED = re.compile(r"([0-9a-f]{16})\.(?:pdf|json)")
_GREATEST_WALK = 200_000
"""Files looked at in folders that a person names; a folder with more is looked through in part."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file left behind.

    :param size: in bytes.
    """

    path: Path
    size: int


def find_leftovers(
    places: Iterable[Path], now: datetime, *, prepared: Path | None = None, waited_for: Collection[str] | None = None
) -> list[Leftover]:
    """Return what was left behind.

    :param places: folders that are looked through with all that is in them; links are not followed.
    :param prepared: the folder of waiting letters.
    :param waited_for: ids of the letters that somebody waits for; ``None`` where nobody could say, then none is taken.
    """
    found: dict[Path, Leftover] = {}
    for place in places:
        for entry in _walk(place):
            if _TEMPORARY.fullmatch(entry.name) and (leftover := _old_file(entry, now)) is not None:
                found[leftover.path] = leftover
    if prepared is not None and waited_for is not None:
        for entry in _listing(prepared):
            name = _PREPARED.fullmatch(entry.name)
            if name is not None and name[1] not in waited_for and (leftover := _old_file(entry, now)) is not None:
                found[leftover.path] = leftover
    return sorted(found.values(), key=lambda leftover: leftover.path)


def sweep(leftovers: Iterable[Leftover]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Remove leftovers.

    :returns: what was removed, and what could not be with the system's reason.
    """
    removed: list[Path] = []
    failed: list[tuple[Path, str]] = []
    for leftover in leftovers:
        try:
            leftover.path.unlink()
        except FileNotFoundError:
            continue  # its process ended in the meantime
        except OSError as error:
            failed.append((leftover.path, error.strerror or str(error)))
        else:
            removed.append(leftover.path)
    return removed, failed


def usual_places(examination: Examination) -> list[Path]:
    """Return the folders where kyso itself writes, each looked at by itself without what lies deeper."""
    from kyso.verification.trust_folder import default_folder

    config = examination.config
    named = [Path.cwd(), config.base_dir, default_folder(), *(path for path in config.verification.trust)]
    return list(dict.fromkeys(folder for folder in named if folder.is_dir()))


def flat(places: Iterable[Path], now: datetime) -> list[Leftover]:
    """Return leftovers that lie directly in `places`."""
    found = (_old_file(entry, now) for place in places for entry in _listing(place) if _TEMPORARY.fullmatch(entry.name))
    return [leftover for leftover in found if leftover is not None]


def _walk(place: Path) -> Iterator[os.DirEntry[str]]:
    waiting, seen = [place], 0
    while waiting:
        for entry in _listing(waiting.pop()):
            seen += 1
            if seen > _GREATEST_WALK:
                return
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                yield entry


def _listing(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []  # a folder that may not be read holds nothing that could be removed


def _old_file(entry: os.DirEntry[str], now: datetime) -> Leftover | None:
    try:
        state = entry.stat(follow_symlinks=False)
    except OSError:
        return None  # gone in the meantime
    old = now.timestamp() - state.st_mtime > YOUNGEST.total_seconds()
    return Leftover(Path(entry.path), state.st_size) if old and stat.S_ISREG(state.st_mode) else None
