"""``kyso intake amend``: put right what stands in the register."""

from __future__ import annotations

from typing import Annotated

from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, day_from, desk_of, person, put_entry
from kyso.cli.parsing import Argument, Option
from kyso.receiving.values import LetterFacts


def run(
    common: Common,
    reference: Annotated[str, Argument("LETTER")],
    author: Annotated[str, Option("--author", "NAME")] = "",
    number: Annotated[str, Option("--number", "NUMBER/SYMBOL")] = "",
    dated: Annotated[str | None, Option("--dated", "DAY")] = None,
    kind: Annotated[str, Option("--kind", "NAME")] = "",
    subject: Annotated[str, Option("--subject", "TEXT")] = "",
    remark: Annotated[str | None, Option("--remark", "TEXT")] = None,
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    by: Annotated[str | None, Option("--by", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Change the facts given; what the row said before stays in its history."""
    json = as_json(answer_format)
    facts = LetterFacts(author, number, day_from("--dated", dated), kind, subject)
    with desk_of(common, organisation) as desk:
        entry = desk.amend(reference, facts, remark=remark, by=person(by))
    put_entry(entry, common, json=json, code="intake.amended")
    return 0
