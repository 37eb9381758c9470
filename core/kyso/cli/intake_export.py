"""``kyso intake export``: letters with their evidence, to hand over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.intake_answers import desk_of
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse
from kyso.receiving.exporting import export


def run(
    common: Common,
    references: Annotated[list[str], Argument("LETTER...")],
    out: Annotated[Path | None, Option("--out", "FILE.zip")] = None,
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    force: Annotated[bool, Flag("--force")] = False,
) -> int:
    """Write one archive of the letters named."""
    if out is None:
        raise WrongUse("cli.argument_missing", name="--out", command="kyso intake export")
    with desk_of(common, organisation) as desk:
        entries = [desk.find(reference) for reference in references]
        export(desk, list({entry.id: entry for entry in entries}.values()), out, overwrite=force)
    output.say("intake.exported", common.language, {"out": out, "count": len(entries)})
    return 0
