"""Entries as JSON (schema ``kyso.incoming/1``), and letters with their evidence as an archive to hand over.

::

    schema       "kyso.incoming/1"
    id, reference, state (entering|entered|held|returned), organisation, year, number, form (electronic|paper)
    arrived_on, recorded_at, author, number_and_symbol, dated, kind, subject, sender
    recipient, forwarded_on, received_by, remark
    file         {name, sha256, size, occurrence}
    letter_sha256, folder, manifest_sha256, verdict
    decision     {kind (accept|return|suspicious), rule, by, reasons[] {code, message_vi, message_en}}
    recalled_on, recall_reference, destroyed_at, purged_at
"""

from __future__ import annotations

import json
import os
import zipfile
from typing import TYPE_CHECKING, Any, Final

from kyso.reports.wording import iso_time
from kyso.text import shown
from kyso.update.outputs import refuse_output, settle, temporary, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from pathlib import Path

    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Entry, Event

SCHEMA: Final = "kyso.incoming/1"
_FIRST_DATE: Final = (1980, 1, 1, 0, 0, 0)


def entry_table(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain tables and lists."""
    facts, decision = entry.facts, entry.decision
    return {
        "id": entry.id,
        "reference": entry.reference,
        "state": entry.state,
        "organisation": shown(entry.organisation),
        "year": entry.year,
        "number": entry.number,
        "form": entry.form,
        "arrived_on": entry.arrived_on.isoformat(),
        "recorded_at": iso_time(entry.recorded_at),
        "author": shown(facts.author),
        "number_and_symbol": shown(facts.number_and_symbol),
        "dated": _day(facts.dated),
        "kind": shown(facts.kind),
        "subject": shown(facts.subject),
        "sender": shown(entry.sender),
        "recipient": shown(entry.recipient),
        "forwarded_on": _day(entry.forwarded_on),
        "received_by": shown(entry.received_by),
        "remark": shown(entry.remark),
        "file": {
            "name": shown(entry.file_name),
            "sha256": entry.file_sha256,
            "size": entry.file_size,
            "occurrence": entry.occurrence,
        },
        "letter_sha256": entry.letter_sha256,
        "folder": entry.folder,
        "manifest_sha256": entry.manifest_sha256,
        "verdict": entry.verdict,
        "decision": {
            "kind": decision.kind,
            "rule": decision.rule,
            "by": shown(decision.by),
            "reasons": [
                {"code": each.code, "message_vi": each.words.vi, "message_en": each.words.en}
                for each in decision.reasons
            ],
        },
        "recalled_on": _day(entry.recalled_on),
        "recall_reference": shown(entry.recall_reference),
        "destroyed_at": _moment(entry.destroyed_at),
        "purged_at": _moment(entry.purged_at),
    }


def event_table(event: Event) -> dict[str, Any]:
    """Return one event of a letter's history."""
    detail = {name: shown(value) for name, value in event.detail.items()}
    return {"at": iso_time(event.at), "name": event.name, "by": shown(event.by), "detail": detail}


def export(desk: IncomingDesk, entries: Sequence[Entry], out: Path, *, overwrite: bool = False) -> None:
    """Write letters with evidence, notices, row and history into one ZIP archive, all or nothing.

    Each folder is compared with its list of hashes first; what was changed since it was recorded is not handed over.

    :raises WrongUse: a folder is not as it was recorded, a letter was destroyed, or the output exists.
    """
    refuse_output(out, overwrite=overwrite)
    for entry in entries:
        desk.check(entry)
    with temporary(out.parent) as (file, written):
        with writing(out):
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for entry in entries:
                    _add(archive, desk, entry)
            file.flush()
            os.fsync(file.fileno())
            file.close()
        settle(written, out, overwrite=overwrite)


def _add(archive: zipfile.ZipFile, desk: IncomingDesk, entry: Entry) -> None:
    name = entry.id if entry.number is None else f"{entry.year}-{entry.number:05d}"
    folder = desk.cabinet.place(entry.folder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        info = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", _FIRST_DATE)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
        with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
            while piece := source.read(1 << 20):
                target.write(piece)
    table = {
        "schema": SCHEMA,
        **entry_table(entry),
        "history": [event_table(event) for event in desk.register.events(entry.id)],
    }
    text = json.dumps(table, ensure_ascii=False, indent=2) + "\n"
    info = zipfile.ZipInfo(f"{name}/entry.json", _FIRST_DATE)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    archive.writestr(info, text.encode("utf-8", "backslashreplace"))


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso_time(moment)
