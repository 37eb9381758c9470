"""``kyso pending resume``: ask how a waiting letter stands, and finish it once its owner has confirmed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from kyso.cli import answers, letters
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Option
from kyso.errors import RemoteFailed, WrongUse
from kyso.models import FailedSignature, PendingSignature, SignedDocument

if TYPE_CHECKING:
    from kyso.engine import Engine

POLL_EVERY_S = 2.0
GREATEST_WAIT_S = 3600


def run(
    common: Common,
    identifier: Annotated[str, Argument("ID")],
    wait_s: Annotated[int, Option("--wait", "SECONDS")] = 0,
    secret_env: Annotated[str | None, Option("--secret-env", "NAME")] = None,
    secret_fd: Annotated[int | None, Option("--secret-fd", "N")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Finish the letter, and those of the same request, or say that it still waits (exit 8)."""
    from kyso.cli.secrets import asker

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    if not 0 <= wait_s <= GREATEST_WAIT_S:
        raise WrongUse("cli.bad_wait", value=wait_s, limit=GREATEST_WAIT_S)
    with common.engine(asker(common.language, secret_env=secret_env, secret_fd=secret_fd)) as engine:
        outcomes = _outcomes(engine, identifier, wait_s)
    codes = []
    for outcome in outcomes:
        name = str(outcome.path) if isinstance(outcome, SignedDocument) else outcome.document_name
        answer = answers.told(name, outcome)
        codes.append(answer.pop("exit_code", 0))
        answers.show(answer, common, as_json=as_json)
    return answers.worst(codes)


def _outcomes(
    engine: Engine, identifier: str, wait_s: int
) -> list[SignedDocument | PendingSignature | FailedSignature]:
    until = time.monotonic() + wait_s
    while True:
        last = time.monotonic() + POLL_EVERY_S > until
        try:
            outcomes = engine.resume(identifier)
        except RemoteFailed as failed:
            # Asking again is harmless, and as long as there is time somebody may answer, unless nobody can be asked.
            if last or failed.code == "pending.outcome_unknown":
                raise
        else:
            if last or not any(isinstance(outcome, PendingSignature) for outcome in outcomes):
                return outcomes
        time.sleep(POLL_EVERY_S)
