"""``kyso intake recall``: the recall of a letter that came in."""

from __future__ import annotations

from typing import Annotated

from kyso import text
from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, day_from, desk_of, person, put_entry
from kyso.cli.parsing import Argument, Flag, Option
from kyso.receiving.cabinet import NOTICES
from kyso.receiving.retention import recall, undo_recall


def run(
    common: Common,
    reference: Annotated[str, Argument("LETTER")],
    by_letter: Annotated[str, Option("--by-letter", "TEXT")] = "",
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    on: Annotated[str | None, Option("--on", "DAY")] = None,
    undo: Annotated[bool, Flag("--undo")] = False,
    reason: Annotated[str, Option("--reason", "TEXT")] = "",
    by: Annotated[str | None, Option("--by", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Carry a recall out and write the notice to the sender, or take it back."""
    json = as_json(answer_format)
    day = day_from("--on", on)
    with desk_of(common, organisation) as desk:
        if undo:
            entry = undo_recall(desk, reference, reason=reason, by=person(by))
            put_entry(entry, common, json=json, code="intake.recall_undone")
            return 0
        entry = recall(desk, reference, by_letter, on=day, by=person(by))
        put_entry(entry, common, json=json, code="intake.recalled")
        notices = desk.cabinet.place(entry.folder) / NOTICES
    if not json:
        output.put(text.message("intake.notice_written", common.language, {"path": notices / "recall.docx"}))
        if entry.form == "paper":
            output.say("intake.send_paper_back", common.language)
    return 0
