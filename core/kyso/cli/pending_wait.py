"""Waiting for a person's confirmation at the terminal: what to do on the phone, a countdown, and the letter after it.

Nothing depends on this waiting: what waits is recorded before it begins. Ctrl-C leaves it, and so does a terminal that
is closed; ``kyso pending resume`` goes on.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kyso import text
from kyso.cli import output
from kyso.errors import KeyTrouble, RemoteFailed
from kyso.models import FailedSignature, PendingSignature, SignedDocument
from kyso.text import Phrase

if TYPE_CHECKING:
    from kyso.cli.common import Common
    from kyso.engine import Engine
    from kyso.models import Pending

    Outcome = SignedDocument | PendingSignature | FailedSignature

LEAST_PAUSE_S = 1.0
GREATEST_PAUSE_S = 15.0
_USUAL_PAUSE_S = 2.0
_GRACE_S = 5.0
"""After the stated end the other side is asked a little longer: it, not our clock, decides what has expired."""


def at_a_terminal() -> bool:
    """Tell whether somebody sits here to wait: questions and messages both go to a terminal."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def until_confirmed(engine: Engine, waiting: Sequence[PendingSignature], common: Common) -> list[Outcome]:
    """Wait for each of the letters and return how each ended, in their order; after Ctrl-C those that still wait.

    Letters of one request are confirmed together and asked for together.
    """
    ended: dict[str, Outcome] = {}
    try:
        for letter in waiting:
            if letter.prepared_id not in ended:
                together = [other for other in waiting if other.pending.ticket == letter.pending.ticket]
                ended.update(_confirmed(engine, together, common))
    except KeyboardInterrupt:
        _clear()
        output.say("cli.waiting_left", common.language)
    return [ended.get(letter.prepared_id, letter) for letter in waiting]


def pause_s(pending: Pending) -> float:
    """Return the pause between two questions that the other side asks for, within reason."""
    wished = pending.parameters.get("poll_s", _USUAL_PAUSE_S)
    number = float(wished) if isinstance(wished, (int, float)) and not isinstance(wished, bool) else _USUAL_PAUSE_S
    return min(max(number, LEAST_PAUSE_S), GREATEST_PAUSE_S)


def _confirmed(engine: Engine, together: Sequence[PendingSignature], common: Common) -> dict[str, Outcome]:
    """Wait for the letters of one request and return how they stand then, by their ids."""
    first, pending = together[0], together[0].pending
    instruction = Phrase(pending.instruction, pending.parameters)
    output.say("cli.waiting_for", common.language, {"instruction": instruction, "id": first.prepared_id})
    told: str | None = None
    while _left_s(pending) > -_GRACE_S:
        _count_down(pending, pause_s(pending), common)
        try:
            outcomes = engine.resume_each(first.prepared_id)
        except KeyTrouble as trouble:
            _clear()
            return {
                letter.prepared_id: FailedSignature(
                    letter.document_name, trouble.code, trouble.parameters, trouble.exit_code
                )
                for letter in together
            }
        except RemoteFailed as failed:
            _clear()
            if told != failed.code:
                told = failed.code
                cause = Phrase(failed.code, failed.parameters)
                output.say("cli.waiting_trouble", common.language, {"cause": cause})
            continue
        if not any(isinstance(outcome, PendingSignature) for outcome in outcomes.values()):
            _clear()
            return outcomes
    _clear()
    return {letter.prepared_id: letter for letter in together}


def _count_down(pending: Pending, pause: float, common: Common) -> None:
    """Show the seconds left, second by second, for one pause."""
    until = time.monotonic() + pause
    while (rest := until - time.monotonic()) > 0:
        seconds = max(0, round(_left_s(pending)))
        shown = f"{seconds // 60}:{seconds % 60:02d}"
        line = text.message("cli.waiting_seconds", common.language, {"left": shown})
        # A line that wraps could not be written over.
        line = line[: max(shutil.get_terminal_size().columns - 1, 20)]
        sys.stderr.write("\r\x1b[2K" + line)
        sys.stderr.flush()
        time.sleep(min(1.0, rest))


def _left_s(pending: Pending) -> float:
    return (pending.expires_at - datetime.now(UTC)).total_seconds()


def _clear() -> None:
    sys.stderr.write("\r\x1b[2K")
    sys.stderr.flush()
