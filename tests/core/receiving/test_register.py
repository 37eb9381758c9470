"""The register as a table, in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

import pytest

from kyso.errors import WrongUse
from kyso.receiving.register import Register, identifier_of, likeness_of, receipt_book
from kyso.receiving.values import Decision, Entry, Event, LetterFacts, Reason
from kyso.records.store import Records
from kyso.text import Text
from tests.support.postgresql import new_database, running_postgresql

_NUMBERS = count(1)
NOW = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
FACTS = LetterFacts("UBND xã An Bình", "07/UBND-VP", date(2026, 11, 20), "Công văn", "ký số")


def entry(sha256: str = "a" * 64, **more: object) -> Entry:
    """Return an entry to write."""
    made = Entry(
        id=identifier_of("Sở Mẫu", sha256, 1),
        state="entered",
        organisation="Sở Mẫu",
        year=2026,
        number=None,
        form="electronic",
        recorded_at=NOW,
        arrived_on=date(2026, 11, 22),
        facts=FACTS,
        sender="",
        recipient="",
        forwarded_on=None,
        received_by="",
        remark="",
        file_name="letter.pdf",
        file_sha256=sha256,
        file_size=10,
        occurrence=1,
        letter_sha256=sha256,
        folder="2026/x",
        manifest_sha256="m",
        verdict="valid",
        decision=Decision("accept", "valid", (Reason("x", Text("Đúng.", "Right.")),)),
    )
    return replace(made, **more)  # type: ignore[arg-type] # the entry's own fields


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A server, started once."""
    with running_postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    """Open records in each kind of database."""
    url = f"sqlite:///{tmp_path / 'records.sqlite3'}"
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgresql"), f"register_{next(_NUMBERS)}")
    with Records.open(url) as opened:
        yield opened


@pytest.fixture
def register(records: Records) -> Register:
    """An organisation's register."""
    return Register(records, "Sở Mẫu")


def test_a_row_comes_back_as_it_was(register: Register) -> None:
    """All columns, facts and decision; the number is set by the register."""
    written = register.add(entry())
    assert written.new
    assert written.entry == replace(entry(), number=1)
    assert register.get(written.entry.id) == written.entry
    assert [event.name for event in register.events(written.entry.id)] == ["recorded"]


def test_any_text_can_be_kept(register: Register) -> None:
    """Half characters, controls and endless text from outside are kept as one clean line."""
    hostile = "a\x00b\udcf4\r\nc\u202e" + "x" * 5000
    kept = register.add(entry(remark=hostile, facts=LetterFacts(author=hostile), sender=hostile), by=hostile).entry
    assert kept.remark.startswith("a\N{REPLACEMENT CHARACTER}b\\udcf4")
    assert len(kept.facts.author) == 2000
    changed = register.change(kept.id, Event(NOW, "amended", hostile, {"x": hostile}), {"recipient": hostile})
    assert "\n" not in changed.recipient
    assert register.search("a\N{REPLACEMENT CHARACTER}b") == [changed]


def test_the_same_arrival_is_written_once(register: Register) -> None:
    """A second writing returns the first row, and the number it counted is given back."""
    first = register.add(entry()).entry
    again = register.add(entry(remark="another"))
    assert (again.new, again.entry) == (False, first)
    assert register.add(entry("b" * 64)).entry.number == 2


def test_letters_without_a_number_leave_no_gap(register: Register) -> None:
    """Held and returned letters take none; one that is accepted later gets the next."""
    held = register.add(entry(state="held")).entry
    assert held.number is None
    assert register.add(entry("b" * 64)).entry.number == 1
    event = Event(NOW, "decided", "An", {"reason": "verified"})
    decided = register.change(held.id, event, {"state": "entered"}, numbered_at=date(2026, 12, 1))
    assert decided.number == 2
    with pytest.raises(WrongUse) as raised:
        register.change(held.id, event, {}, numbered_at=date(2026, 12, 1))
    assert raised.value.code == "intake.numbered_already"
    assert register.add(entry("c" * 64)).entry.number == 3


def test_organisations_count_by_themselves(records: Records, register: Register) -> None:
    """Each has its numbers and sees its own rows."""
    register.add(entry())
    other = Register(records, "Sở Khác")
    second = other.add(entry(id=identifier_of("Sở Khác", "a" * 64, 1), organisation="Sở Khác")).entry
    assert second.number == 1
    assert [each.organisation for each in other.select(None)] == ["Sở Khác"]
    with pytest.raises(WrongUse):
        Register(records, "")


def test_many_clerks_never_get_the_same_number(register: Register) -> None:
    """Threads that write at once get consecutive numbers, and one arrival written twice one row."""
    numbers: list[int | None] = []

    def write(offset: int) -> None:
        for step in range(8):
            sha256 = f"{(offset % 2) * 100 + step:064d}"
            written = register.add(entry(sha256, id=identifier_of("Sở Mẫu", sha256, 1)))
            if written.new:
                numbers.append(written.entry.number)

    threads = [threading.Thread(target=write, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number or 0 for number in numbers) == list(range(1, 17))


def test_rows_are_found_as_people_name_them(register: Register) -> None:
    """By number, by number and year, by an id or its beginning; what is not there or not clear is refused."""
    first = register.add(entry()).entry
    held = register.add(entry("b" * 64, state="held")).entry
    for reference in ("1", "01", "1/2026", first.id, first.id[:6].upper()):
        assert register.find(reference, 2026) == first
    assert register.find(held.id[:8], 2026) == held
    for reference in ("2", "1/2025", "abc", "", "zzzzzz", "1/x%"):
        with pytest.raises(WrongUse) as raised:
            register.find(reference, 2026 if reference != "1/x%" else 2025)
        assert raised.value.code == "intake.no_entry"


def test_search_folds_vietnamese(register: Register) -> None:
    """Every word must be somewhere; capitals of all letters are alike; a wildcard is a plain character."""
    register.add(entry(remark="Chuyển Phòng ĐĂNG KÝ"))
    assert len(register.search("đăng an bình 07/ubnd")) == 1
    assert register.search("đăng nowhere") == []
    assert register.search("%") == []


def test_likeness_is_number_symbol_issuer_and_year() -> None:
    """Spelling, spaces and leading zeros do not matter; another year is another letter; the unknown is like none."""
    same = LetterFacts("ubnd  XÃ AN BÌNH", "7/UBND-VP", date(2026, 1, 5))
    assert likeness_of(FACTS) == likeness_of(same) != ""
    assert likeness_of(replace(FACTS, dated=date(2025, 11, 20))) != likeness_of(FACTS)
    assert likeness_of(replace(FACTS, author="")) == ""
    assert likeness_of(replace(FACTS, number_and_symbol="07")) == ""


def test_the_receipt_is_the_first_electronic_row(records: Records, register: Register) -> None:
    """A scan's row was written before we signed it, so it proves nothing."""
    book = receipt_book(records)
    assert book("a" * 64) is None
    register.add(entry(form="paper"))
    assert book("a" * 64) is None
    register.add(entry(id="later", occurrence=2, recorded_at=NOW.replace(hour=5)))
    register.add(entry(id="latest", occurrence=3, recorded_at=NOW.replace(hour=9)))
    receipt = book("a" * 64)
    assert receipt is not None
    assert (receipt.reference, receipt.recorded_at) == ("2/2026", NOW.replace(hour=5))
