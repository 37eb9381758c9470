"""``kyso intake forward``: who a letter was passed on to."""

from __future__ import annotations

from typing import Annotated

from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, day_from, desk_of, person, put_entry
from kyso.cli.parsing import Argument, Option


def run(
    common: Common,
    reference: Annotated[str, Argument("LETTER")],
    recipient: Annotated[str, Argument("UNIT")],
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    on: Annotated[str | None, Option("--on", "DAY")] = None,
    received_by: Annotated[str, Option("--received-by", "NAME")] = "",
    by: Annotated[str | None, Option("--by", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Fill columns 7 to 9 of the register."""
    json = as_json(answer_format)
    day = day_from("--on", on)
    with desk_of(common, organisation) as desk:
        entry = desk.forward(reference, recipient, on=day, received_by=received_by, by=person(by))
    put_entry(entry, common, json=json, code="intake.forwarded", recipient=recipient)
    return 0
