"""The answers of `kyso sign`, one object a letter (JSON schema ``kyso.signed/1``) or one line of text.

::

    schema       "kyso.signed/1"
    status       signed | would_sign (dry run) | pending | failed
    document     the input as named
    out          the signed file                                            signed
    size, original_size, field, page, rect_mm [left, top, width, height],
    level, policy, signer, signed_at                                        signed (some of them: would_sign)
    notices[]    {code, message_vi, message_en}                             signed, would_sign
    prepared_id, expires_at, instruction {code, message_vi, message_en}     pending
    error        {code, message_vi, message_en, next_vi, next_en}           failed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kyso import text
from kyso.cli import output
from kyso.errors import KysoError
from kyso.models import FailedSignature, PendingSignature, SignedDocument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.cli.common import Common
    from kyso.geometry import RectMm
    from kyso.models import Placement

SCHEMA = "kyso.signed/1"
PENDING = 8
GRAVITY = (70, 5, 6, 4, 7, PENDING, 0)
"""Exit codes of several letters: the one that stands first here wins."""


def worst(codes: Sequence[int]) -> int:
    """Return the exit code of several letters."""
    return min(codes, key=lambda code: GRAVITY.index(code) if code in GRAVITY else 0)


def told(name: str, outcome: SignedDocument | PendingSignature | FailedSignature) -> dict[str, Any]:
    """Return an outcome as an answer; `exit_code` is in it where it is not 0."""
    if isinstance(outcome, SignedDocument):
        return {
            "status": "signed",
            "document": name,
            "out": None if outcome.path is None else str(outcome.path),
            "size": outcome.size,
            "original_size": outcome.original_size,
            "field": outcome.field,
            "page": outcome.page,
            "rect_mm": _rect(outcome.rect_mm),
            "level": outcome.level,
            "policy": outcome.policy,
            "signer": outcome.signer,
            "signed_at": outcome.signed_at.isoformat(),
            "notices": [output.in_both(notice.code, notice.parameters) for notice in outcome.notices],
        }
    if isinstance(outcome, PendingSignature):
        pending = outcome.pending
        return {
            "status": "pending",
            "document": name,
            "prepared_id": outcome.prepared_id,
            "expires_at": pending.expires_at.isoformat(),
            "instruction": output.in_both(pending.instruction, pending.parameters),
            "exit_code": PENDING,
        }
    error = _FailedAs(outcome.code, **outcome.parameters)
    return {"status": "failed", "document": name, "exit_code": outcome.exit_code, **failed_with(error)}


class _FailedAs(KysoError):
    """A failure that came back from a batch as plain data, for its words."""


def would_sign(name: str, placement: Placement) -> dict[str, Any]:
    """Return the answer of a dry run: where the signature would go."""
    return {
        "status": "would_sign",
        "document": name,
        "policy": placement.policy,
        "page": placement.page,
        "rect_mm": _rect(placement.rect_mm),
        "field": placement.field,
        "notices": [output.in_both(notice.code, notice.parameters) for notice in placement.notices],
    }


def _rect(rect: RectMm | None) -> list[float] | None:
    return None if rect is None else [round(length, 3) for length in rect.as_tuple()]


def failed_with(error: KysoError) -> dict[str, Any]:
    """Return the part of an answer that tells an error."""
    return {"error": output.error_in_both(error)}


def show(answer: dict[str, Any], common: Common, *, as_json: bool) -> None:
    """Give the answer for one letter: JSON or a line on stdout, failures and notices on stderr."""
    if as_json:
        output.put_json({"schema": SCHEMA, **{name: value for name, value in answer.items() if name != "exit_code"}})
        return
    language = common.language
    status = answer["status"]
    if status == "signed":
        output.put(text.message("cli.signed", language, answer))
    elif status == "would_sign":
        shown = {**answer, "rect_mm": answer["rect_mm"] or "-"}
        output.put(text.message("cli.would_sign", language, shown))
    tell(answer, common)


def tell(answer: dict[str, Any], common: Common) -> None:
    """Tell on stderr what a person should know of one letter: that it waits, that it failed, its notices."""
    language = common.language
    message = f"message_{language}"
    status = answer["status"]
    if status == "pending":
        words = answer["instruction"][message]
        output.say("cli.pending", language, {**answer, "instruction": words})
    elif status == "failed":
        error = answer["error"]
        output.say("cli.letter_failed", language, {"document": answer["document"], "cause": error[message]})
        if error[f"next_{language}"]:
            output.note(error[f"next_{language}"])
    for notice in answer.get("notices", ()):
        output.say("cli.about_letter", language, {"document": answer["document"], "notice": notice[message]})
