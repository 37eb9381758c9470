"""``kyso intake register``: the register as a book, to print and sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.intake_answers import day_from, desk_of
from kyso.cli.parsing import Argument, Flag, Option
from kyso.receiving.book import FORMATS, Book, printed
from kyso.update.outputs import write_output


def run(
    common: Common,
    out: Annotated[Path, Argument("OUT")],
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    year: Annotated[int | None, Option("--year", "YEAR")] = None,
    first: Annotated[str | None, Option("--from", "DAY")] = None,
    last: Annotated[str | None, Option("--until", "DAY")] = None,
    book_format: Annotated[str | None, Option("--format", "pdf|csv|xlsx")] = None,
    force: Annotated[bool, Flag("--force")] = False,
) -> int:
    """Write the rows of a year, or of some of its days, in the form of Annex IV."""
    chosen = book_format or out.suffix.lower().removeprefix(".")
    letters.choice_from("--format", chosen, FORMATS)
    letters.refuse_existing(out, force=force)
    with desk_of(common, organisation) as desk:
        wanted = desk.today.year if year is None else year
        entries = desk.register.numbered(wanted, day_from("--from", first), day_from("--until", last))
        superior = common.config.intake.superior or ""
        # The register is an official Vietnamese form, whatever language its reader has.
        data = printed(Book(desk.organisation, wanted, entries, superior, common.config.font_choice()), chosen, "vi")
    write_output(out, (data,), overwrite=force)
    output.say("intake.register_written", common.language, {"out": out, "count": len(entries)})
    return 0
