"""``kyso intake list``: what came in."""

from __future__ import annotations

from typing import Annotated

from kyso.cli import letters
from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, desk_of, put_entries
from kyso.cli.parsing import Option


def run(
    common: Common,
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    year: Annotated[int | None, Option("--year", "YEAR")] = None,
    state: Annotated[str | None, Option("--state", "entered|held|returned|entering")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """List a year's letters in the order of their receipt."""
    json = as_json(answer_format)
    letters.choice_from("--state", state, ("entered", "held", "returned", "entering"))
    with desk_of(common, organisation) as desk:
        wanted = desk.today.year if year is None else year
        entries = [each for each in desk.register.select(None) if wanted in (each.year, each.arrived_on.year)]
    put_entries([each for each in entries if state in (None, each.state)], common, json=json)
    return 0
