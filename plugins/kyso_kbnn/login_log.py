"""The log of this installation's own log-ins to the gateway: when, from where, for what, with which outcome.

Decision 935 has no service that lists log-ins, so those of others cannot be seen; a log-in of one's own that nobody
remembers, or a password that is suddenly wrong, can.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from kyso.plugin import VIETNAM_TIME

LOG_FILE = "logins.jsonl"
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Login:
    """One log-in.

    :param time: ISO 8601 in Vietnam's zone.
    :param purpose: the command that logged in.
    :param outcome: ``ok``, or the kind of refusal.
    """

    time: str
    username: str
    computer: str
    purpose: str
    outcome: str


def record(root: Path, username: str, computer: str, purpose: str, outcome: str, now: datetime) -> None:
    """Append one log-in to the log in the folder of the dossiers."""
    moment = now.astimezone(VIETNAM_TIME).isoformat(timespec="seconds")
    line = json.dumps(asdict(Login(moment, username, computer, purpose, outcome)), ensure_ascii=False)
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOG_FILE).open("ab") as file:
        file.write(line.encode("utf-8") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def recent(root: Path) -> Iterator[Login]:
    """Give the log-ins at the end of the log; a line that was cut by a crash is stepped over."""
    try:
        with (root / LOG_FILE).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _READ_BYTES))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            raw = json.loads(line)
            yield Login(*(str(raw[name]) for name in ("time", "username", "computer", "purpose", "outcome")))
        except (ValueError, KeyError, TypeError):
            continue
