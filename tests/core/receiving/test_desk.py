"""Receiving letters: one row for one arrival, consecutive numbers, evidence beside the letter, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from kyso.config import Config
from kyso.demo.pki import DemoPki
from kyso.errors import InputRefused, WrongUse
from kyso.receiving.desk import IncomingDesk
from kyso.receiving.values import Arrival, LetterFacts
from tests.core.receiving.conftest import OFFICE, Clock, Letters


def test_a_valid_letter_is_entered(desk: IncomingDesk, letters: Letters) -> None:
    """It gets the first number, the facts its head states, its evidence and a notice of receipt."""
    reception = desk.receive(Arrival(letters.signed, recipient="Phòng Ngân sách"))
    entry = reception.entry
    assert (entry.state, entry.number, entry.reference) == ("entered", 1, f"1/{desk.today.year}")
    assert entry.facts == LetterFacts(
        "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM",
        "07/UBND-VP",
        date(2026, 11, 20),
        "Công văn",
        "ký số và kiểm tra chữ ký số trên văn bản điện tử",
    )
    assert (entry.organisation, entry.recipient, entry.verdict) == (OFFICE, "Phòng Ngân sách", "valid")
    assert reception.warnings == ()
    assert (reception.folder / "signed.pdf").read_bytes() == letters.signed.read_bytes()
    assert [path.name for path in reception.notices] == ["receipt.docx", "receipt.pdf"]
    assert all(path.stat().st_size > 1000 for path in reception.notices)
    desk.check(entry)


def test_the_evidence_is_whole(desk: IncomingDesk, letters: Letters, pki: DemoPki) -> None:
    """Beside the letter lie the chain, the lists that were asked, the status, three reports and a list of hashes."""
    folder = desk.receive(Arrival(letters.signed)).folder
    evidence = folder / "evidence"
    status = json.loads((evidence / "status.json").read_text(encoding="utf-8"))
    assert status["schema"] == "kyso.evidence/1"
    assert (status["verdict"], status["decision"]["kind"], status["missing"]) == ("valid", "accept", [])
    (signature,) = status["signatures"]
    assert (signature["status"], signature["checked_with"]) == ("good", "crl")
    chain = [certificate["sha256"] for certificate in status["certificates"]]
    assert len(chain) == 3
    assert signature["certificate_sha256"] in chain
    for certificate in status["certificates"]:
        data = (evidence / certificate["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == certificate["sha256"]
    kept = {(evidence / entry["file"]).read_bytes() for entry in status["revocation"]}
    assert kept == {path.read_bytes() for path in pki.crl_folder.iterdir()}
    assert (evidence / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert b"<html" in (evidence / "report.html").read_bytes()
    report = json.loads((evidence / "report.json").read_text(encoding="utf-8"))
    assert (report["verdict"], report["file"]["path"]) == ("valid", None)
    listed = {line[66:] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert listed == {name for name in present if not name.startswith(("SHA256SUMS", "notices/"))}


def test_decisions_lead_where_the_decree_says(desk: IncomingDesk, letters: Letters) -> None:
    """A changed letter is held and told to both, an unsigned one returned; neither takes a number."""
    held = desk.receive(Arrival(letters.tampered))
    assert (held.entry.state, held.entry.number, held.decision.rule) == ("held", None, "broken")
    assert [path.stem for path in held.notices[::2]] == ["suspicious", "report"]
    returned = desk.receive(Arrival(letters.unsigned))
    assert (returned.entry.state, returned.entry.number, returned.decision.rule) == ("returned", None, "unsigned")
    assert [path.stem for path in returned.notices[::2]] == ["return"]
    assert desk.receive(Arrival(letters.signed)).entry.number == 1


def test_a_misdirected_letter_is_returned(desk: IncomingDesk, letters: Letters) -> None:
    """However valid it is."""
    reception = desk.receive(Arrival(letters.signed, misdirected=True))
    assert (reception.entry.state, reception.entry.verdict) == ("returned", "valid")
    assert reception.decision.reasons[0].code == "intake.misdirected"


def test_the_same_file_gets_no_second_row(desk: IncomingDesk, letters: Letters, tmp_path: Path) -> None:
    """Under another name too; unless a person says that it came again."""
    first = desk.receive(Arrival(letters.signed))
    other = tmp_path / "other name.pdf"
    shutil.copy(letters.signed, other)
    repeated = desk.receive(Arrival(other))
    assert repeated.repeated
    assert repeated.entry == first.entry
    assert [notice.code for notice in repeated.warnings] == ["intake.same_file"]
    again = desk.receive(Arrival(other, again=True))
    assert (again.entry.number, again.entry.occurrence, again.repeated) == (2, 2, False)
    assert [notice.code for notice in again.warnings] == ["intake.alike"]
    assert len(list(desk.register.select(None))) == 2


def test_an_alike_letter_is_warned_about(desk: IncomingDesk, letters: Letters, tmp_path: Path) -> None:
    """Another file with the same number, symbol and issuer is entered, with a warning that names the first."""
    desk.receive(Arrival(letters.signed))
    other = tmp_path / "other.pdf"
    other.write_bytes(letters.signed.read_bytes() + b"\n")
    reception = desk.receive(Arrival(other))
    assert reception.entry.number == 2
    (warning,) = reception.warnings
    assert (warning.code, warning.parameters["reference"]) == ("intake.alike", f"1/{desk.today.year}")


def test_what_a_person_says_wins(desk: IncomingDesk, letters: Letters) -> None:
    """Facts given are taken, the rest is read."""
    facts = desk.receive(Arrival(letters.signed, LetterFacts(number_and_symbol="8/UBND-VP"))).entry.facts
    assert facts.number_and_symbol == "8/UBND-VP"
    assert facts.dated == date(2026, 11, 20)


def test_unknown_facts_are_warned_about(desk: IncomingDesk, tmp_path: Path, letters: Letters) -> None:
    """An unreadable file is returned without complaint about facts; a readable one says what is missing."""
    strange = tmp_path / "notes.txt"
    strange.write_text("no PDF", encoding="utf-8")
    reception = desk.receive(Arrival(strange))
    assert (reception.entry.state, reception.entry.verdict) == ("returned", "unreadable")
    assert "intake.facts_missing" not in [notice.code for notice in reception.warnings]


@pytest.mark.parametrize("name", ["missing.pdf", "."])
def test_what_is_no_file_is_refused(desk: IncomingDesk, tmp_path: Path, name: str) -> None:
    """Nothing is written for it."""
    with pytest.raises(InputRefused):
        desk.receive(Arrival(tmp_path / name))
    assert list(desk.register.select(None)) == []


def test_an_arrival_in_the_future_is_refused(desk: IncomingDesk, letters: Letters) -> None:
    """A day of receipt may be earlier than today, never later."""
    with pytest.raises(WrongUse) as raised:
        desk.receive(Arrival(letters.signed, arrived_on=desk.today + timedelta(days=1)))
    assert raised.value.code == "intake.arrival_in_future"


def test_numbers_start_anew_every_year(desk: IncomingDesk, letters: Letters, clock: Clock, tmp_path: Path) -> None:
    """Numbers are consecutive within a year; letters without one leave no gap."""
    numbers = []
    for count in range(4):
        path = tmp_path / f"{count}.pdf"
        path.write_bytes((letters.unsigned if count == 1 else letters.signed).read_bytes() + b"\n" * count)
        if count == 3:
            clock.ahead = timedelta(days=366)
        entry = desk.receive(Arrival(path)).entry
        numbers.append((entry.year - date.today().year, entry.number))
    assert numbers == [(0, 1), (0, None), (0, 2), (1, 1)]


def test_a_hostile_name_stays_in_its_folder(desk: IncomingDesk, letters: Letters, tmp_path: Path) -> None:
    """A name that is one of ours, or holds what other systems do not take, is changed for keeping, told in the row."""
    for name in ("SHA256SUMS", 'a:b*"c".pdf', "x" * 240 + ".pdf", "c\udcf4ng v\u0103n.pdf"):
        path = tmp_path / name
        path.write_bytes(letters.signed.read_bytes() + b"\n" * len(name))
        reception = desk.receive(Arrival(path))
        assert reception.entry.file_name == name.encode("utf-8", "backslashreplace").decode()
        desk.check(reception.entry)
        assert all(path.stat().st_size for path in reception.notices)


def test_a_letter_with_a_signature_file_is_received_whole(desk: IncomingDesk, tmp_path: Path, letters: Letters) -> None:
    """A ``.p7s`` that signs nothing readable is returned, and the letter beside it is kept with it."""
    letter = tmp_path / "plan.pdf"
    shutil.copy(letters.unsigned, letter)
    signature = tmp_path / "plan.pdf.p7s"
    signature.write_bytes(b"no signature")
    reception = desk.receive(Arrival(signature))
    assert reception.entry.state == "returned"
    assert {path.name for path in reception.folder.iterdir() if path.is_file()} == {
        "plan.pdf",
        "plan.pdf.p7s",
        "SHA256SUMS",
    }


RECEIVE = """
import os, sys
from pathlib import Path
from kyso.config import Config
from kyso.engine import Engine
from kyso.receiving import desk as desks
from kyso.receiving.desk import IncomingDesk
from kyso.receiving.register import Register
from kyso.receiving.values import Arrival

def die(*about, **more):
    os._exit(9)

where = sys.argv[2]
if where == "evidence":
    desks.write_sums = die
elif where == "row":
    Register.add = die
elif where == "notices":
    desks.write_notices = die
with Engine.from_config(Config.load(Path(sys.argv[1]))) as engine, IncomingDesk.open(engine) as desk:
    for name in sys.argv[3:]:
        print(desk.receive(Arrival(Path(name))).entry.number)
"""

TOML = """
[organisation]
name = "{office}"
[verification]
trust = ["{root}"]
crl = ["{crl}"]
[records]
url = "{url}"
[intake]
folder = "{folder}"
"""


@pytest.fixture
def toml(config: Config, pki: DemoPki, tmp_path: Path) -> Path:
    """The same office as a file, for other processes."""
    path = tmp_path / "kyso.toml"
    places = {"root": pki.root_pem, "crl": pki.crl_folder, "url": config.records.url, "folder": config.intake.folder}
    path.write_text(TOML.format(office=OFFICE, **places), encoding="utf-8")
    return path


@pytest.mark.parametrize("where", ["evidence", "row", "notices"])
def test_a_killed_run_is_continued(desk: IncomingDesk, letters: Letters, toml: Path, where: str) -> None:
    """Whenever a run dies, the next one over the same file leaves exactly one row, whole evidence and the notice."""
    killed = subprocess.run([sys.executable, "-c", RECEIVE, str(toml), where, str(letters.signed)], timeout=120)
    assert killed.returncode == 9
    reception = desk.receive(Arrival(letters.signed))
    assert reception.repeated == (where == "notices")
    (entry,) = desk.register.select(None)
    assert entry.number == 1
    desk.check(entry)
    assert [path.name for path in reception.notices] == ["receipt.docx", "receipt.pdf"]
    assert desk.receive(Arrival(letters.signed)).notices == ()


def test_two_clerks_at_once(desk: IncomingDesk, letters: Letters, toml: Path, tmp_path: Path) -> None:
    """Two processes that receive the same files at once leave one row for each and no gap."""
    files = []
    for count in range(3):
        path = tmp_path / f"{count}.pdf"
        path.write_bytes(letters.signed.read_bytes() + b"\n" * count)
        files.append(str(path))
    command = [sys.executable, "-c", RECEIVE, str(toml), "-"]
    both = [subprocess.Popen([*command, *order], stdout=subprocess.PIPE, text=True) for order in (files, files[::-1])]
    for process in both:
        process.communicate(timeout=120)
        assert process.returncode == 0
    entries = desk.register.numbered(desk.today.year)
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert len({entry.file_sha256 for entry in entries}) == 3
    for entry in entries:
        desk.check(entry)
