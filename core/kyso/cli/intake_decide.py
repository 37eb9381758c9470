"""``kyso intake decide``: what a person decides about a letter that was held or returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from kyso.cli import letters
from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, desk_of, person, put_entry
from kyso.cli.parsing import Argument, Option

if TYPE_CHECKING:
    from kyso.receiving.values import DecisionKind


def run(
    common: Common,
    reference: Annotated[str, Argument("LETTER")],
    decision: Annotated[str, Argument("accept|return")],
    reason: Annotated[str, Option("--reason", "TEXT")] = "",
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    by: Annotated[str | None, Option("--by", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Enter a letter after all, or return it."""
    json = as_json(answer_format)
    letters.choice_from("accept|return", decision, ("accept", "return"))
    with desk_of(common, organisation) as desk:
        kind: DecisionKind = "accept" if decision == "accept" else "return"
        entry = desk.decide(reference, kind, reason=reason, by=person(by))
    put_entry(entry, common, json=json, code=f"intake.decided_{entry.state}")
    return 0
