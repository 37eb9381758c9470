"""Paper that arrives: scanned, stamped, signed by the organisation, then entered; a signed letter never."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kyso.config import Config
from kyso.demo.pki import DemoPki
from kyso.demo.scan import scanned
from kyso.engine import Engine
from kyso.errors import InputRefused, KeyTrouble, KysoError, WrongUse
from kyso.geometry import RectMm
from kyso.receiving.desk import IncomingDesk
from kyso.receiving.values import Arrival, LetterFacts, PaperSigning
from tests.core.receiving.conftest import Clock, Letters
from tests.support import phone_plugin

FACTS = LetterFacts("UBND xã Mẫu", "12/QĐ-UBND", date(2026, 11, 20), "Quyết định", "thử nghiệm")
SIGNING = PaperSigning("seal", stamp_page=1, stamp_rect_mm=RectMm(20, 2, 50, 35))


@pytest.fixture
def scan(letter_pdf: bytes, tmp_path: Path) -> Path:
    """A letter on paper, scanned."""
    path = tmp_path / "scan-0001.pdf"
    path.write_bytes(scanned(letter_pdf, (1,)))
    return path


def test_a_scan_is_signed_before_entry(desk: IncomingDesk, scan: Path) -> None:
    """Stamp with the number of receipt and mark of the copy are two signatures of the organisation's key."""
    reception = desk.receive(Arrival(scan, FACTS, paper=SIGNING, recipient="Phòng Mẫu"))
    entry = reception.entry
    assert (entry.state, entry.number, entry.form, entry.decision.rule) == ("entered", 1, "paper", "paper")
    assert entry.file_sha256 != entry.letter_sha256
    assert reception.report is not None
    assert reception.report.verdict == "valid"
    assert [signature.signer.organisation for signature in reception.report.signatures] == [
        "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM"
    ] * 2
    assert (reception.folder / "scan.pdf").read_bytes() == scan.read_bytes()
    assert {path.name for path in reception.folder.iterdir()} == {
        "scan.pdf",
        "scan-0001.pdf",
        "evidence",
        "notices",
        "SHA256SUMS",
    }
    desk.check(entry)
    status = json.loads((reception.folder / "evidence" / "status.json").read_text(encoding="utf-8"))
    assert len(status["certificates"]) == 3
    again = desk.receive(Arrival(scan, FACTS, paper=SIGNING))
    assert again.repeated
    assert [event.name for event in desk.register.events(entry.id)] == ["recorded", "signed"]


def test_a_signed_letter_is_never_signed_again(desk: IncomingDesk, letters: Letters) -> None:
    """Asking for it is refused, nothing is numbered or written."""
    with pytest.raises(InputRefused) as raised:
        desk.receive(Arrival(letters.signed, paper=SIGNING))
    assert raised.value.code == "intake.signed_already"
    assert list(desk.register.select(None)) == []
    assert desk.receive(Arrival(letters.signed)).entry.number == 1


def test_what_can_be_refused_takes_no_number(desk: IncomingDesk, scan: Path, tmp_path: Path) -> None:
    """No room for the stamp, an unknown policy, no PDF: refused before the register knows of it."""
    broken = tmp_path / "broken.pdf"
    broken.write_text("no PDF", encoding="utf-8")
    for document, signing in (
        (scan, replace(SIGNING, stamp_rect_mm=RectMm(20, 2, 5, 5))),
        (scan, replace(SIGNING, copy_policy="decree30.nothing")),
        (scan, replace(SIGNING, copy_form="BẢN CHỤP")),
        (broken, SIGNING),
    ):
        with pytest.raises(KysoError):
            desk.receive(Arrival(document, paper=signing))
    assert list(desk.register.select(None)) == []


def test_a_key_that_fails_keeps_the_number(desk: IncomingDesk, scan: Path, config: Config, clock: Clock) -> None:
    """The row stays as being entered; the next run goes on with its number, and only as paper."""
    from kyso.secret import Secret

    with (
        Engine.from_config(config, ask_secret=lambda code, about: Secret("wrong")) as engine,
        IncomingDesk.open(engine, now=clock) as locked_out,
        pytest.raises(KeyTrouble),
    ):
        locked_out.receive(Arrival(scan, FACTS, paper=SIGNING))
    (entry,) = desk.register.select(None)
    assert (entry.state, entry.number) == ("entering", 1)
    with pytest.raises(WrongUse) as raised:
        desk.receive(Arrival(scan))
    assert raised.value.code == "intake.paper_unfinished"
    reception = desk.receive(Arrival(scan, paper=SIGNING))
    assert (reception.entry.number, reception.entry.state) == (1, "entered")
    assert reception.entry.facts == FACTS
    desk.check(reception.entry)


@pytest.fixture
def phone(pki: DemoPki, pfx_password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The organisation's key on a "phone": a folder where the test confirms."""
    site, folder = tmp_path / "site", tmp_path / "phone"
    site.mkdir()
    folder.mkdir()
    monkeypatch.syspath_prepend(str(phone_plugin.install(site)))
    monkeypatch.delitem(sys.modules, "kyso_test_phone", raising=False)
    shutil.copy(pki.pfx("seal"), folder / "key.p12")
    (folder / "password").write_text(pfx_password, encoding="utf-8")
    return folder


def test_a_confirmation_is_waited_for_once(phone: Path, config: Config, clock: Clock, scan: Path) -> None:
    """The number stays, nobody is asked twice for the same signature, and each confirmation brings the entry on."""
    arrival = Arrival(scan, FACTS, paper=replace(SIGNING, key=f"phone:{phone}"))
    with Engine.from_config(config) as engine, IncomingDesk.open(engine, now=clock) as desk:
        for step in ("stamp", "copy"):
            (phone / "confirmed").unlink(missing_ok=True)
            identifiers = []
            for _ in range(2):
                with pytest.raises(KeyTrouble) as raised:
                    desk.receive(arrival)
                assert raised.value.code == "intake.paper_pending"
                identifiers.append(raised.value.parameters["id"])
            assert len(set(identifiers)) == 1, step
            assert len(engine.pending()) == 1
            (phone / "confirmed").touch()
            engine.resume(str(identifiers[0]))
        reception = desk.receive(arrival)
        assert (reception.entry.state, reception.entry.number) == ("entered", 1)
        assert reception.report is not None
        assert len(reception.report.signatures) == 2
        desk.check(reception.entry)
    assert len(list(phone.glob("*.json"))) == 2


def test_a_scan_may_have_any_name(desk: IncomingDesk, scan: Path) -> None:
    """Also those of the files that are made on the way."""
    for name in ("scan.pdf", "stamped.pdf", ".stamped.pdf"):
        path = scan.with_name(name)
        path.write_bytes(scan.read_bytes() + b"\n" * len(name))
        reception = desk.receive(Arrival(path, FACTS, paper=replace(SIGNING, stamp_policy=None)))
        assert reception.report is not None
        assert (reception.report.verdict, len(reception.report.signatures)) == ("valid", 1)
        desk.check(reception.entry)


def test_an_unfinished_entry_can_be_returned(desk: IncomingDesk, scan: Path, config: Config) -> None:
    """Its number stays used, and the book says what became of it."""
    from kyso.receiving.book import row_of

    with Engine.from_config(config) as engine, IncomingDesk.open(engine) as keyless, pytest.raises(KeyTrouble):
        keyless.receive(Arrival(scan, FACTS, paper=SIGNING))
    entry = desk.decide("1", "return", reason="Không thuộc thẩm quyền", by="An")
    assert (entry.state, entry.number) == ("returned", 1)
    assert row_of(entry)[-1] == "Văn bản giấy, đã số hóa; Đã trả lại"


def test_the_stamp_may_be_on_the_paper_already(
    open_desk: Callable[..., contextmanager[IncomingDesk]], scan: Path
) -> None:
    """Then only the mark of the copy is signed."""
    with open_desk() as desk:
        signing = PaperSigning("seal", stamp_policy=None)
        reception = desk.receive(Arrival(scan, FACTS, paper=signing))
    assert reception.report is not None
    assert len(reception.report.signatures) == 1
