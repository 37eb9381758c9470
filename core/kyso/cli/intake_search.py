"""``kyso intake search``: find letters by words."""

from __future__ import annotations

from typing import Annotated

from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, desk_of, put_entries
from kyso.cli.parsing import Argument, Option


def run(
    common: Common,
    words: Annotated[list[str], Argument("WORD...")],
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """List the letters that hold every word somewhere, newest first."""
    json = as_json(answer_format)
    with desk_of(common, organisation) as desk:
        put_entries(desk.register.search(" ".join(words)), common, json=json)
    return 0
