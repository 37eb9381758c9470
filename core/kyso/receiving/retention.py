"""Recall and destruction: letters leave the desk, the rows of the register stay.

Nothing happens by itself and nothing is gone at once: what is recalled or destroyed is set aside for the days that the
policy gives, and can be taken back until :func:`purge` removes it for good. Each step may be repeated after a crash.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from kyso.errors import WrongUse
from kyso.receiving.cabinet import DESTROYED, EVIDENCE, NOTICES, SUMS
from kyso.receiving.values import Event

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Entry

_STAYS: Final = (EVIDENCE, NOTICES, SUMS)


# ---------------------------------------------------------------------------------------------------------- recall


def recall(desk: IncomingDesk, reference: str, by_letter: str, *, on: date | None = None, by: str = "") -> Entry:
    """Carry out the recall of a letter (Decree 30/2020, Điều 18.4): cancel it here and write the notice to its sender.

    Letter and scan are set aside; evidence, history and the register's row stay. A letter on paper is to be sent back
    by the clerk; what is cancelled is its digitised copy.

    :param by_letter: the letter that announced the recall, as notices name it.
    :raises WrongUse: it is not entered, was recalled or destroyed already, or `by_letter` is empty.
    """
    entry = desk.find(reference)
    if not by_letter.strip():
        raise WrongUse("intake.reference_missing")
    if entry.recalled_on is not None and not _left(desk, entry):
        raise WrongUse("intake.recalled_already", reference=entry.reference, recall=entry.recall_reference)
    if entry.destroyed_at is not None:
        raise WrongUse("intake.destroyed", reference=entry.reference)
    if entry.state == "entering":
        raise WrongUse("intake.not_entered", reference=entry.reference)
    if entry.recalled_on is not None:
        finish_recall(desk, entry)
        return entry
    day = on or desk.today
    event = Event(desk.now(), "recalled", by, {"by_letter": by_letter, "on": day.isoformat()})
    # The row first: a crash leaves a letter that is recalled but still lies there, and running again finishes it.
    entry = desk.register.change(entry.id, event, {"recalled_on": day, "recall_reference": by_letter.strip()})
    finish_recall(desk, entry)
    return entry


def finish_recall(desk: IncomingDesk, entry: Entry) -> tuple[Path, ...]:
    """Set the files of a recalled letter aside and write the notice, as far as it was not done. Return the notice."""
    for path in _left(desk, entry):
        desk.cabinet.move(path, _recalled(desk, entry) / path.name)
    return desk.notice(entry.id, "recall")


def _left(desk: IncomingDesk, entry: Entry) -> list[Path]:
    """Return the files of a letter that a recall has to set aside."""
    folder = desk.cabinet.place(entry.folder)
    return sorted(path for path in folder.iterdir() if path.name not in _STAYS) if folder.is_dir() else []


def undo_recall(desk: IncomingDesk, reference: str, *, reason: str, by: str = "") -> Entry:
    """Take a recall back while its files are still there.

    :raises WrongUse: it was not recalled, its files are gone, or no reason is given.
    """
    entry = desk.find(reference)
    aside = _recalled(desk, entry)
    if entry.recalled_on is None or not aside.is_dir():
        raise WrongUse("intake.not_destroyed", reference=entry.reference)
    if not reason.strip():
        raise WrongUse("intake.reason_missing")
    for path in sorted(aside.iterdir()):
        desk.cabinet.move(path, desk.cabinet.place(entry.folder) / path.name)
    desk.cabinet.remove(aside)
    event = Event(desk.now(), "recall_undone", by, {"reason": reason, "by_letter": entry.recall_reference})
    return desk.register.change(entry.id, event, {"recalled_on": None, "recall_reference": ""})


# ------------------------------------------------------------------------------------------------------ destruction


def kept_until(desk: IncomingDesk, entry: Entry) -> date:
    """Return the last day on which a letter must be kept: the end of the policy's last year."""
    return date(entry.arrived_on.year + desk.policy.retention_years, 12, 31)


def due(desk: IncomingDesk, on: date | None = None) -> list[Entry]:
    """Return the letters whose time to be kept is over, oldest first."""
    day = on or desk.today
    return [
        entry
        for entry in desk.register.select(None)
        if entry.destroyed_at is None and entry.state != "entering" and kept_until(desk, entry) < day
    ]


def destroy(desk: IncomingDesk, reference: str, *, reason: str = "", by: str = "") -> Entry:
    """Set a letter with everything kept about it aside, to be removed for good by :func:`purge`.

    :param reason: needed before the letter's time is over.
    :raises WrongUse: its time is not over and no reason is given, or it was destroyed already.
    """
    entry = desk.find(reference)
    if entry.destroyed_at is not None:
        raise WrongUse("intake.destroyed", reference=entry.reference)
    until = kept_until(desk, entry)
    if until >= desk.today and not reason.strip():
        raise WrongUse("intake.not_due", reference=entry.reference, until=f"{until:%d/%m/%Y}")
    with desk.cabinet.locked(entry.id):
        desk.cabinet.move(desk.cabinet.place(entry.folder), _destroyed(desk, entry))
        event = Event(desk.now(), "destroyed", by, {"reason": reason, "kept_until": until.isoformat()})
        return desk.register.change(entry.id, event, {"destroyed_at": desk.now()})


def undo_destruction(desk: IncomingDesk, reference: str, *, by: str = "") -> Entry:
    """Bring a destroyed letter back while that is possible.

    :raises WrongUse: it was not destroyed, or is gone for good.
    """
    entry = desk.find(reference)
    aside = _destroyed(desk, entry)
    if entry.destroyed_at is None or entry.purged_at is not None or not aside.is_dir():
        raise WrongUse("intake.not_destroyed", reference=entry.reference)
    with desk.cabinet.locked(entry.id):
        desk.cabinet.move(aside, desk.cabinet.place(entry.folder))
        return desk.register.change(entry.id, Event(desk.now(), "restored", by), {"destroyed_at": None})


def purge(desk: IncomingDesk, *, dry_run: bool = True, by: str = "") -> list[Entry]:
    """Remove for good what was recalled or destroyed so long ago that it can no longer be taken back.

    :param dry_run: only tell.
    :returns: whose files those are.
    """
    grace = timedelta(days=desk.policy.undo_days)
    gone: list[Entry] = []
    for entry in desk.register.select(None):
        destroyed = entry.destroyed_at
        if destroyed is not None and entry.purged_at is None and destroyed + grace <= desk.now():
            gone.append(entry)
            if not dry_run:
                desk.cabinet.remove(_destroyed(desk, entry))
                desk.cabinet.remove(_recalled(desk, entry))
                event = Event(desk.now(), "purged", by)
                desk.register.change(entry.id, event, {"purged_at": desk.now()})
        elif _recalled(desk, entry).is_dir() and _recalled_at(desk, entry) + grace <= desk.now():
            gone.append(entry)
            if not dry_run:
                desk.cabinet.remove(_recalled(desk, entry))
                desk.register.change(entry.id, Event(desk.now(), "recalled_files_removed", by), {})
    return gone


def _recalled_at(desk: IncomingDesk, entry: Entry) -> datetime:
    """Return when the recall was recorded, whatever day a person gave for it."""
    return max(event.at for event in desk.register.events(entry.id) if event.name in ("recalled", "recorded"))


def _destroyed(desk: IncomingDesk, entry: Entry) -> Path:
    return desk.cabinet.root / DESTROYED / entry.id


def _recalled(desk: IncomingDesk, entry: Entry) -> Path:
    return desk.cabinet.root / DESTROYED / f"{entry.id}-recalled"
