"""Arriving letters over the desk's own interface: judged, entered, returned, searched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso import Engine, Secret, SignRequest
from kyso.demo.pki import DemoPki
from tests.plugins.desk.running import RunningDesk, Visitor, running_desk
from tests.plugins.desk.test_gate import assert_refused

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")


@pytest.fixture(scope="session")
def signed_letter(office: Path, letter_pdf: bytes, pfx_password: str) -> bytes:
    """A letter with the leader's signature."""
    with Engine.from_config(office / "kyso.toml", ask_secret=lambda code, about: Secret(pfx_password)) as engine:
        signed = engine.sign(SignRequest(letter_pdf, key="leader", policy="decree30.leader"))
    assert signed.data is not None  # type: ignore[union-attr] # a key in a file answers at once
    return signed.data  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def forged_letter(signed_letter: bytes) -> bytes:
    """The signed letter with one byte of its content changed."""
    data = bytearray(signed_letter)
    place = data.index(b"stream", 2000) + 40
    data[place] ^= 0x01
    return bytes(data)


@pytest.fixture(scope="module")
def incoming_desk(office: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    """A desk with a register of its own."""
    folder = tmp_path_factory.mktemp("incoming")
    text = (office / "kyso.toml").read_text(encoding="utf-8").replace(str(office), str(folder))
    (folder / "kyso.toml").write_text(f'{text}\n[intake]\nfolder = "{folder}/intake"\n', encoding="utf-8")
    with running_desk(folder) as desk:
        yield desk


@pytest.fixture(scope="module")
def clerk(incoming_desk: RunningDesk) -> Visitor:
    """The person at that desk."""
    return incoming_desk.open()


def judge(visitor: Visitor, data: bytes, name: str = "đến.pdf") -> dict:  # type: ignore[type-arg]
    """Drop a letter and return its judgement, with the letter's identifier."""
    letter = visitor.upload(data, name, "/api/arrivals").json["id"]
    answer = visitor.post(f"/api/letters/{letter}/verify")
    assert answer.status == 200, answer.body
    return {**answer.json, "id": letter}


def test_a_signed_letter_is_judged_in_both_languages(clerk: Visitor, signed_letter: bytes) -> None:
    """The contract's JSON comes without the place of the copy, and the words say the same in both languages."""
    judged = judge(clerk, signed_letter)
    assert judged["report"]["verdict"] == "valid"
    assert judged["report"]["file"]["path"] is None
    assert [len(judged["words"][language]["signatures"]) for language in ("vi", "en")] == [1, 1]
    assert judged["words"]["vi"]["verdict"] != judged["words"]["en"]["verdict"]
    assert judged["foresight"]["decision"]["kind"] in ("accept", "suspicious", "return")
    assert judged["areas"] == {}


@pytest.mark.parametrize(("data", "verdict"), [(b"", "unreadable"), (b"hello", "unreadable"), (None, "unsigned")])
def test_what_carries_no_signature_is_a_verdict(
    clerk: Visitor, letter_pdf: bytes, data: bytes | None, verdict: str
) -> None:
    """A file that is no letter, and one that is not signed, are judged like every other."""
    assert judge(clerk, letter_pdf if data is None else data)["report"]["verdict"] == verdict


def test_a_forged_letter_is_not_accepted(clerk: Visitor, forged_letter: bytes) -> None:
    """The policy of the incoming desk does not accept a broken signature."""
    judged = judge(clerk, forged_letter)
    assert judged["report"]["verdict"] in ("invalid", "unreadable")
    assert judged["foresight"]["decision"]["kind"] != "accept"


@pytest.mark.parametrize(
    ("query", "kind", "start"),
    [
        ("format=pdf&language=vi", "application/pdf", b"%PDF"),
        ("format=html&language=en", "text/html; charset=utf-8", b"<!doctype html>"),
        ("format=json", "application/json", b"{"),
    ],
)
def test_the_report_is_handed_out(clerk: Visitor, signed_letter: bytes, query: str, kind: str, start: bytes) -> None:
    """Each format comes as a download, never as a page of the desk."""
    letter = judge(clerk, signed_letter)["id"]
    report = clerk.get(f"/api/letters/{letter}/report?{query}")
    assert report.status == 200
    assert report.headers["content-type"] == kind
    assert report.headers["content-disposition"].startswith("attachment")
    assert report.body.lower().startswith(start.lower())


@pytest.mark.parametrize("query", ["format=exe", "format=../../etc", "language=xx", "format=text"])
def test_no_other_report_is_made(clerk: Visitor, signed_letter: bytes, query: str) -> None:
    """Only the listed formats and languages are served."""
    letter = judge(clerk, signed_letter)["id"]
    assert_refused(clerk.get(f"/api/letters/{letter}/report?{query}"), 400, "desk.bad_request")


def test_a_letter_is_entered_searched_and_forwarded(clerk: Visitor, signed_letter: bytes) -> None:
    """A valid letter gets its number, is found by Vietnamese words in any case, and goes to whom it concerns."""
    letter = judge(clerk, signed_letter, "thư mời.pdf")["id"]
    facts = {"subject": "Mời họp về CHỮ KÝ SỐ", "dated": "20/11/2026", "number_and_symbol": "7/UBND-VP"}
    received = clerk.post(f"/api/letters/{letter}/receive", facts).json
    entry = received["entry"]
    assert entry["state"] == "entered"
    assert entry["number"] >= 1
    assert (entry["subject"], entry["dated"]) == (facts["subject"], facts["dated"])
    found = clerk.get("/api/register?words=ch%E1%BB%AF+k%C3%BD+s%E1%BB%91").json["rows"]
    assert [row["reference"] for row in found] == [entry["reference"]]
    assert clerk.get("/api/register?words=kh%C3%B4ng+c%C3%B3").json["rows"] == []
    sent = clerk.post("/api/register/forward", {"reference": entry["reference"], "recipient": "Phòng Kinh tế"}).json
    assert sent["entry"]["recipient"] == "Phòng Kinh tế"
    amended = clerk.post("/api/register/amend", {"reference": entry["reference"], "subject": "Mời họp"}).json
    assert amended["entry"]["subject"] == "Mời họp"
    again = clerk.post(f"/api/letters/{letter}/receive", facts).json
    assert again["repeated"]
    assert again["entry"]["reference"] == entry["reference"]


@pytest.mark.parametrize(("suffix", "start"), [("pdf", b"%PDF"), ("docx", b"PK")])
def test_a_letter_is_returned_with_its_notice(clerk: Visitor, letter_pdf: bytes, suffix: str, start: bytes) -> None:
    """A letter sent to the wrong place is returned, with a notice that says why, as PDF and as Word document."""
    letter = judge(clerk, letter_pdf + b"\n" * len(suffix), "nhầm.pdf")["id"]
    entry = clerk.post(f"/api/letters/{letter}/receive", {"misdirected": True}).json["entry"]
    assert entry["state"] == "returned"
    assert entry["decision"]["reasons"][0]["vi"]
    notice = clerk.get(f"/api/register/notice?reference={entry['reference']}&format={suffix}")
    assert notice.status == 200
    assert notice.body.startswith(start)
    decided = clerk.post(
        "/api/register/decide", {"reference": entry["reference"], "kind": "accept", "reason": "Đã làm rõ"}
    ).json
    assert decided["entry"]["state"] == "entered"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/register/decide", {"reference": "1/2026", "kind": "destroy", "reason": "x"}),
        ("/api/register/decide", {"reference": 5, "kind": "accept", "reason": "x"}),
        ("/api/register/forward", {"reference": "1/2026", "recipient": ["x"]}),
        ("/api/register/forward", {"reference": "x" * 2000, "recipient": "y"}),
    ],
)
def test_strange_orders_are_refused(clerk: Visitor, path: str, body: dict[str, object]) -> None:
    """What the page never sends is refused in words."""
    assert_refused(clerk.post(path, body), 400, "desk.bad_request")


def test_an_unknown_letter_is_told(clerk: Visitor) -> None:
    """A reference that is not in the register is an error with words, not a traceback."""
    answer = clerk.post("/api/register/forward", {"reference": "999/2026", "recipient": "y"})
    assert answer.status == 400
    assert answer.json["message_vi"]


def test_the_check_up_speaks_both_languages(clerk: Visitor) -> None:
    """The examinations of `kyso doctor` come as the contract says, without their raw parameters."""
    answer = clerk.get("/api/doctor").json
    assert answer["schema"] == "kyso.doctor/1"
    lines = [line for chapter in answer["chapters"] for line in chapter["diagnoses"]]
    assert len(lines) > 5
    assert all(line["message_vi"] and line["message_en"] for line in lines)
    assert not any("parameters" in line for line in lines)


def test_a_register_needs_an_organisation(tmp_path: Path, pki_root: Path, signed_letter: bytes) -> None:
    """Without an organisation a letter is judged all the same, and why it cannot be entered is told."""
    (tmp_path / "kyso.toml").write_text(
        f'[verification]\ntrust = ["{pki_root}"]\n[records]\nurl = "sqlite:///{tmp_path}/r.sqlite3"\n', encoding="utf-8"
    )
    with running_desk(tmp_path) as desk:
        judged = judge(desk.open(), signed_letter)
    assert judged["report"]["signatures"]
    assert judged["foresight"]["refused"]["code"] == "intake.organisation_missing"


@pytest.fixture
def pki_root(pki: DemoPki, tmp_path: Path) -> Path:
    """The root, in the test's own folder."""
    return Path(shutil.copy(pki.folder / "root.pem", tmp_path / "root.pem"))
