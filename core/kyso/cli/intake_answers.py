"""What the commands `kyso intake ...` share: the desk, days, and entries in words and JSON (``kyso.incoming/1``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kyso import text
from kyso.cli import letters, output
from kyso.errors import WrongUse
from kyso.receiving.book import row_of
from kyso.receiving.exporting import SCHEMA, entry_table

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.cli.common import Common
    from kyso.contracts import SecretAsker
    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Entry
    from kyso.text import Language


@contextmanager
def desk_of(
    common: Common, organisation: str | None, policy: Path | None = None, ask: SecretAsker | None = None
) -> Iterator[IncomingDesk]:
    """Open the desk of the configured or given organisation."""
    from kyso.receiving.desk import IncomingDesk

    with common.engine(ask) as engine, IncomingDesk.open(engine, organisation=organisation, policy=policy) as desk:
        yield desk


def day_from(option: str, value: str | None) -> date | None:
    """Read a day: ``22/11/2026`` as letters write it, or ISO 8601.

    :raises WrongUse: it is none.
    """
    if value is None:
        return None
    for pattern in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(value.strip(), pattern).date()
        except ValueError:
            continue
    raise WrongUse("cli.bad_day", option=option, value=value)


def as_json(answer_format: str) -> bool:
    """Return whether ``--format json`` was asked for.

    :raises WrongUse: another word was.
    """
    return letters.choice_from("--format", answer_format, ("text", "json")) == "json"


def person(by: str | None) -> str:
    """Return who acts: the name given, else the name of the account."""
    if by is not None:
        return by
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def put_entries(entries: list[Entry], common: Common, *, json: bool) -> None:
    """Write entries: one JSON object a line, or a table."""
    if json:
        for entry in entries:
            output.put_json({"schema": SCHEMA, **entry_table(entry)})
        return
    language = common.language
    if not entries:
        output.say("intake.none", language)
        return
    names = ("reference", "arrived", "state", "author", "symbol", "subject", "recipient", "remark")
    output.table(
        [text.message(f"intake.head_{name}", language) for name in names], [_row(e, language) for e in entries]
    )


def _row(entry: Entry, language: Language) -> list[str]:
    arrived, _, author, symbol, _, subject, recipient, _, _, remark = row_of(entry, language)
    return [entry.reference, arrived, state_words(entry, language), author, symbol, subject, recipient, remark]


def state_words(entry: Entry, language: Language) -> str:
    """Return an entry's state as a word."""
    state = "recalled" if entry.recalled_on is not None else entry.state
    return text.message(f"intake.state_{'destroyed' if entry.destroyed_at is not None else state}", language)


def put_entry(entry: Entry, common: Common, *, json: bool, code: str, **more: Any) -> None:
    """Answer a command that changed one entry: the entry as JSON, or one sentence."""
    if json:
        output.put_json({"schema": SCHEMA, **entry_table(entry)})
    else:
        told = {"reference": entry.reference, "letter": entry.facts.number_and_symbol or entry.file_name, **more}
        output.put(text.message(code, common.language, told))
