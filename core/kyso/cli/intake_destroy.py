"""``kyso intake destroy``: end the keeping of letters, on schedule."""

from __future__ import annotations

from typing import Annotated

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, day_from, desk_of, person, put_entries
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse
from kyso.receiving.retention import destroy, due, purge, undo_destruction


def run(
    common: Common,
    references: Annotated[list[str] | None, Argument("LETTER...")] = None,
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    on: Annotated[str | None, Option("--on", "DAY")] = None,
    confirm: Annotated[bool, Flag("--confirm")] = False,
    undo: Annotated[bool, Flag("--undo")] = False,
    purged: Annotated[bool, Flag("--purge")] = False,
    reason: Annotated[str, Option("--reason", "TEXT")] = "",
    by: Annotated[str | None, Option("--by", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Tell what is due; destroy it only with ``--confirm``."""
    json = as_json(answer_format)
    day = day_from("--on", on)
    if undo and (purged or not references):
        raise WrongUse("intake.undo_names")
    if purged and references:
        raise WrongUse("intake.purge_names")
    if day is not None and confirm:
        raise WrongUse("intake.day_is_a_look")
    who = person(by)
    with desk_of(common, organisation) as desk:
        if undo:
            done = [undo_destruction(desk, reference, by=who) for reference in references or ()]
            code = "intake.restored"
        elif purged:
            done = purge(desk, dry_run=not confirm, by=who)
            code = "intake.purged" if confirm else "intake.would_purge"
        else:
            entries = [desk.find(reference) for reference in references] if references else due(desk, day)
            done = [destroy(desk, entry.id, reason=reason, by=who) for entry in entries] if confirm else entries
            code = "intake.destroyed_now" if confirm else "intake.would_destroy"
    put_entries(done, common, json=json)
    output.say(code, common.language, {"count": len(done)})
    return 0
