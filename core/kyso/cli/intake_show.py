"""``kyso intake show``: everything about one letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from kyso import text
from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.intake_answers import as_json, desk_of, state_words
from kyso.cli.parsing import Argument, Option
from kyso.errors import InputRefused, WrongUse
from kyso.receiving.book import heads, row_of
from kyso.receiving.exporting import SCHEMA, entry_table, event_table
from kyso.receiving.retention import kept_until
from kyso.reports.wording import shown_time

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Entry, Event
    from kyso.text import Language


def run(
    common: Common,
    reference: Annotated[str, Argument("LETTER")],
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Show a letter's row, decision and history, and whether what is kept about it is as it was recorded."""
    json = as_json(answer_format)
    with desk_of(common, organisation) as desk:
        entry = desk.find(reference)
        events = desk.register.events(entry.id)
        folder = desk.cabinet.place(entry.folder)
        kept = _kept(desk, entry)
        until = kept_until(desk, entry)
    if json:
        history = [event_table(event) for event in events]
        more = {"path": str(folder), "kept": kept, "kept_until": until.isoformat(), "history": history}
        output.put_json({"schema": SCHEMA, **entry_table(entry), **more})
    else:
        _show(entry, events, folder, kept, until, common.language)
    return InputRefused.exit_code if kept == "changed" else 0


def _kept(desk: IncomingDesk, entry: Entry) -> str:
    """Return ``whole``, ``changed``, ``destroyed``, or ``unfinished`` where nothing is recorded yet."""
    if entry.destroyed_at is not None:
        return "destroyed"
    if not entry.manifest_sha256:
        return "unfinished"
    try:
        desk.check(entry)
    except WrongUse:
        return "changed"
    return "whole"


def _show(entry: Entry, events: list[Event], folder: Path, kept: str, until: date, language: Language) -> None:
    def say(code: str, **told: object) -> str:
        return text.message(f"intake.{code}", language, told)

    for head, value in zip(heads(language), row_of(entry, language), strict=True):
        output.put(f"{head}: {value or '-'}")
    rows = {
        "state": state_words(entry, language),
        "sender": entry.sender or "-",
        "verdict": text.message(f"report.verdict.{entry.verdict}", language),
        "file": f"{text.shown(entry.file_name)} ({entry.file_size} B)",
        "sha256": entry.file_sha256,
        "folder": str(folder),
        "kept": say(f"kept_{kept}"),
        "until": f"{until:%d/%m/%Y}",
        "id": entry.id,
    }
    for name, value in rows.items():
        output.put(f"{say(f'head_{name}')}: {value}")
    for reason in entry.decision.reasons:
        output.put(f"  - {text.shown(reason.words.of(language))}")
    for event in events:
        detail = "; ".join(f"{name}={value}" for name, value in event.detail.items() if value)
        output.put(text.shown(f"{shown_time(event.at)}  {event.name}  {event.by or '-'}  {detail}".rstrip()))
