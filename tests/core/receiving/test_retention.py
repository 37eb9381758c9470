"""What happens to letters afterwards: decided, passed on, amended, recalled, destroyed, exported."""

from __future__ import annotations

import hashlib
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from kyso.errors import WrongUse
from kyso.receiving.desk import IncomingDesk
from kyso.receiving.exporting import export
from kyso.receiving.retention import (
    destroy,
    due,
    finish_recall,
    kept_until,
    purge,
    recall,
    undo_destruction,
    undo_recall,
)
from kyso.receiving.values import Arrival, Entry, LetterFacts
from tests.core.receiving.conftest import Clock, Letters

BY_LETTER = "Công văn số 99/UBND-VP ngày 22/11/2026"


@pytest.fixture
def entry(desk: IncomingDesk, letters: Letters) -> Entry:
    """A letter that was entered."""
    return desk.receive(Arrival(letters.signed, by="An")).entry


def code_of(raised: pytest.ExceptionInfo[WrongUse]) -> str:
    """Return the error's code."""
    return raised.value.code


def test_a_person_decides_what_was_held(desk: IncomingDesk, letters: Letters) -> None:
    """Accepting gives the next number and the notice of receipt; a reason is needed and kept with the policy's."""
    held = desk.receive(Arrival(letters.tampered)).entry
    with pytest.raises(WrongUse) as raised:
        desk.decide(held.id, "accept", reason=" ", by="Mai")
    assert code_of(raised) == "intake.reason_missing"
    decided = desk.decide(held.id, "accept", reason="Đã gọi điện xác minh", by="Mai")
    assert (decided.state, decided.number, decided.decision.rule, decided.decision.by) == (
        "entered",
        1,
        "person",
        "Mai",
    )
    assert decided.decision.reasons[0].words.vi == "Mai quyết định: Đã gọi điện xác minh"
    assert decided.decision.reasons[1:] == held.decision.reasons
    assert (desk.cabinet.place(decided.folder) / "notices" / "receipt.pdf").exists()
    with pytest.raises(WrongUse) as raised:
        desk.decide(decided.id, "return", reason="x", by="Mai")
    assert code_of(raised) == "intake.not_to_decide"
    assert [event.name for event in desk.register.events(held.id)] == ["recorded", "decided"]


def test_passing_on_fills_the_columns(desk: IncomingDesk, entry: Entry, letters: Letters) -> None:
    """Unit, day and who signed for it; only for letters that are entered."""
    passed = desk.forward("1", "Phòng Ngân sách", on=date(2026, 11, 23), received_by="Trần Thị Thử", by="An")
    assert (passed.recipient, passed.forwarded_on, passed.received_by) == (
        "Phòng Ngân sách",
        date(2026, 11, 23),
        "Trần Thị Thử",
    )
    held = desk.receive(Arrival(letters.tampered)).entry
    with pytest.raises(WrongUse) as raised:
        desk.forward(held.id, "x")
    assert code_of(raised) == "intake.not_entered"


def test_amending_keeps_what_it_said(desk: IncomingDesk, entry: Entry) -> None:
    """Only what is given changes; the old words are in the history; likeness follows."""
    amended = desk.amend("1", LetterFacts(number_and_symbol="9/TB-ABC"), remark="bản điều chỉnh", by="An")
    assert (amended.facts.number_and_symbol, amended.remark) == ("9/TB-ABC", "bản điều chỉnh")
    assert amended.facts.subject == entry.facts.subject
    event = desk.register.events(entry.id)[-1]
    assert event.detail == {"number_and_symbol": "07/UBND-VP", "remark": ""}
    assert desk.register.alike(amended.facts) == [amended]
    assert desk.register.alike(entry.facts) == []
    assert desk.amend("1", LetterFacts(), by="An") == amended
    assert len(desk.register.events(entry.id)) == 2


def test_a_recall_sets_the_letter_aside(desk: IncomingDesk, entry: Entry) -> None:
    """The letter leaves its folder, evidence and row stay, the notice says by which letter; it can be undone."""
    folder = desk.cabinet.place(entry.folder)
    with pytest.raises(WrongUse) as raised:
        recall(desk, "1", "  ")
    assert code_of(raised) == "intake.reference_missing"
    recalled = recall(desk, "1", BY_LETTER, by="An")
    assert (recalled.recalled_on, recalled.recall_reference) == (desk.today, BY_LETTER)
    assert not (folder / "signed.pdf").exists()
    assert (folder / "evidence" / "report.json").exists()
    assert (folder / "notices" / "recall.docx").exists()
    desk.check(recalled)
    with pytest.raises(WrongUse) as raised:
        recall(desk, "1", BY_LETTER)
    assert code_of(raised) == "intake.recalled_already"
    back = undo_recall(desk, "1", reason="nhầm số", by="An")
    assert back.recalled_on is None
    assert (folder / "signed.pdf").exists()
    desk.check(back)
    with pytest.raises(WrongUse):
        undo_recall(desk, "1", reason="x")


def test_a_recall_that_was_cut_off_is_finished(desk: IncomingDesk, entry: Entry, letters: Letters) -> None:
    """The row is written first; a run that died there is finished by the next."""
    recalled = recall(desk, "1", BY_LETTER)
    folder = desk.cabinet.place(entry.folder)
    # As a run leaves it that dies between the row and the files.
    (desk.cabinet.root / ".destroyed" / f"{entry.id}-recalled" / "signed.pdf").rename(folder / "signed.pdf")
    assert recall(desk, "1", BY_LETTER) == recalled
    assert not (folder / "signed.pdf").exists()
    assert finish_recall(desk, recalled)
    assert [event.name for event in desk.register.events(entry.id)] == ["recorded", "recalled"]


def test_letters_are_destroyed_on_schedule(desk: IncomingDesk, entry: Entry, clock: Clock) -> None:
    """Nothing is due before the end of the last year; then it is set aside, can be brought back, and goes at last."""
    until = kept_until(desk, entry)
    assert until == date(entry.arrived_on.year + 20, 12, 31)
    assert due(desk, until) == []
    assert due(desk, until + timedelta(days=1)) == [entry]
    with pytest.raises(WrongUse) as raised:
        destroy(desk, "1")
    assert code_of(raised) == "intake.not_due"
    clock.ahead = timedelta(days=21 * 366)
    reference = entry.reference
    destroyed = destroy(desk, reference, by="An")
    assert destroyed.destroyed_at is not None
    assert not desk.cabinet.place(entry.folder).exists()
    assert due(desk) == []
    with pytest.raises(WrongUse) as raised:
        desk.check(destroyed)
    assert code_of(raised) == "intake.destroyed"
    assert purge(desk, dry_run=False) == []
    restored = undo_destruction(desk, reference, by="An")
    desk.check(restored)
    destroy(desk, reference)
    clock.ahead += timedelta(days=31)
    assert [each.id for each in purge(desk)] == [entry.id]
    assert (desk.cabinet.root / ".destroyed" / entry.id).exists()
    assert [each.id for each in purge(desk, dry_run=False)] == [entry.id]
    assert not (desk.cabinet.root / ".destroyed" / entry.id).exists()
    with pytest.raises(WrongUse) as raised:
        undo_destruction(desk, reference)
    assert code_of(raised) == "intake.not_destroyed"
    assert desk.find(reference).purged_at is not None
    assert purge(desk, dry_run=False) == []


def test_early_destruction_needs_a_reason(desk: IncomingDesk, entry: Entry) -> None:
    """With one it is done and written down."""
    destroy(desk, "1", reason="Tài liệu thử nghiệm", by="An")
    assert desk.register.events(entry.id)[-1].detail["reason"] == "Tài liệu thử nghiệm"


def test_recalled_files_go_with_the_days_for_undoing(desk: IncomingDesk, entry: Entry, clock: Clock) -> None:
    """The days count from when the recall was recorded, whatever day was given for it."""
    recall(desk, "1", BY_LETTER, on=date(2020, 1, 1))
    assert purge(desk) == []
    clock.ahead = timedelta(days=31)
    assert [each.id for each in purge(desk, dry_run=False)] == [entry.id]
    assert purge(desk) == []
    with pytest.raises(WrongUse):
        undo_recall(desk, entry.reference, reason="x")


def test_an_export_holds_everything(desk: IncomingDesk, entry: Entry, letters: Letters, tmp_path: Path) -> None:
    """Letter, evidence, notices, row and history; the same letters give the same bytes; an output is not replaced."""
    held = desk.receive(Arrival(letters.tampered)).entry
    out = tmp_path / "handed-over.zip"
    export(desk, [entry, held], out)
    with zipfile.ZipFile(out) as archive:
        names = set(archive.namelist())
        first = f"{entry.year}-00001"
        assert archive.read(f"{first}/signed.pdf") == letters.signed.read_bytes()
        assert {f"{first}/SHA256SUMS", f"{first}/evidence/status.json", f"{first}/notices/receipt.docx"} <= names
        assert f"{held.id}/tampered.pdf" in names
        table = json.loads(archive.read(f"{first}/entry.json"))
    assert (table["schema"], table["number"], table["history"][0]["by"]) == ("kyso.incoming/1", 1, "An")
    before = hashlib.sha256(out.read_bytes()).hexdigest()
    with pytest.raises(WrongUse):
        export(desk, [entry, held], out)
    export(desk, [entry, held], out, overwrite=True)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == before


@pytest.mark.parametrize("name", ["signed.pdf", "evidence/status.json", "SHA256SUMS"])
def test_changed_evidence_is_not_handed_over(desk: IncomingDesk, entry: Entry, tmp_path: Path, name: str) -> None:
    """One changed byte in letter, evidence or list of hashes is found, named, and nothing is written."""
    path = desk.cabinet.place(entry.folder) / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WrongUse) as raised:
        export(desk, [entry], tmp_path / "out.zip")
    assert code_of(raised) == "intake.evidence_changed"
    assert name in raised.value.message("vi")
    assert not (tmp_path / "out.zip").exists()
