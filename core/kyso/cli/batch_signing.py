"""Signing the letters of a batch with its ledger, for ``kyso batch sign`` and for ``kyso sign`` with a folder."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.cli import answers, batch
from kyso.errors import KysoError, RemoteFailed
from kyso.models import FailedSignature, PendingSignature, SignRequest

if TYPE_CHECKING:
    from kyso.cli.common import Common
    from kyso.config import Config
    from kyso.engine import Engine
    from kyso.signing.ledger import Ledger
    from kyso.signing.resuming import Letter, Outcome, Wait

POLL_EVERY_S = 2.0
_NO_PART_OF_THE_JOB = ("document", "out", "password", "overwrite", "signed_at")
EARLIER = "earlier"


def job_of(request: SignRequest, source: Path, into: Path, config: Config) -> dict[str, str]:
    """Return what makes this batch this batch: another key, policy, setting or folder is another one."""
    asked = {
        field.name: getattr(request, field.name)
        for field in dataclasses.fields(request)
        if field.name not in _NO_PART_OF_THE_JOB
    }
    asked["policy"] = request.policy or config.signing.policy
    asked["level"] = request.level or config.signing.level
    job = {name: _written(value) for name, value in asked.items() if value is not None}
    return {"do": "sign", "source": str(source.resolve()), "into": str(into.resolve()), **job}


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(dict(value), sort_keys=True, ensure_ascii=False)
    return str(value.resolve() if isinstance(value, Path) else value)


def letters_for(request: SignRequest, found: Sequence[tuple[str, Path]], into: Path) -> list[Letter]:
    """Return the letters with where each result goes."""
    from kyso.signing.resuming import Letter

    return [Letter(name, dataclasses.replace(request, document=path, out=into / name)) for name, path in found]


def sign_letters(
    engine: Engine,
    found: Sequence[Letter],
    ledger: Ledger,
    common: Common,
    tally: batch.Tally,
    *,
    workers: int,
    wait: Wait | None,
    show: Callable[[dict[str, Any]], None],
) -> None:
    """Sign, count, and hand each answer on as it comes.

    :param wait: waits for those who must confirm, after all letters went out; ``None`` leaves theirs waiting.
    :param show: called with each answer, with its `exit_code` taken out.
    """
    from kyso.cli.progress import progress
    from kyso.signing.resuming import sign_with_ledger

    def told(letter: Letter, outcome: Outcome) -> dict[str, Any]:
        answer = answers.told(str(letter.source), outcome)
        answer.pop("exit_code", None)
        return {"schema": answers.SCHEMA, **answer}

    with ExitStack() as bar:
        step = bar.enter_context(progress("cli.progress_sign", len(found), common.language))

        def bar_away(waiting: Sequence[PendingSignature]) -> Sequence[Outcome]:
            bar.close()  # the countdown takes its line
            return wait(waiting) if wait is not None else waiting

        for settled in sign_with_ledger(engine, found, ledger, told, workers=workers, wait=bar_away):
            letter = settled.letter
            if settled.outcome is None:
                kept = batch.kept_answer(ledger, letter.name, status=str, document=str, notices=list)
                tally.add(kept, EARLIER, 0)
                show(kept)
            else:
                answer = answers.told(str(letter.source), settled.outcome)
                tally.add(answer, answer["status"], answer.pop("exit_code", 0))
                show(answer)
            step(letter.name)


def waiting_for(engine: Engine, common: Common, wait_s: float) -> Wait | None:
    """Return what waits for a person's confirmation: with a countdown at a terminal, else for `wait_s` and silently."""
    from kyso.cli.pending_wait import at_a_terminal, until_confirmed

    if at_a_terminal():
        return lambda waiting: until_confirmed(engine, waiting, common)
    return (lambda waiting: _asked_for(engine, waiting, wait_s)) if wait_s > 0 else None


def _asked_for(engine: Engine, waiting: Sequence[PendingSignature], wait_s: float) -> list[Outcome]:
    """Ask every few seconds until all are settled or the time is over; one question for each request."""
    until = time.monotonic() + wait_s
    ended: dict[str, Outcome] = {letter.prepared_id: letter for letter in waiting}
    while time.monotonic() + POLL_EVERY_S <= until:
        left = {letter.pending.ticket: letter for letter in ended.values() if isinstance(letter, PendingSignature)}
        if not left:
            break
        time.sleep(POLL_EVERY_S)
        for ticket, letter in left.items():
            try:
                outcomes = engine.resume_each(letter.prepared_id)
            except RemoteFailed:
                continue  # nobody answered; asked again, or left waiting
            except KysoError as error:
                outcomes = {
                    other.prepared_id: FailedSignature(
                        other.document_name, error.code, error.parameters, error.exit_code
                    )
                    for other in waiting
                    if other.pending.ticket == ticket
                }
            ended.update({known: outcome for known, outcome in outcomes.items() if known in ended})
    return [ended[letter.prepared_id] for letter in waiting]
