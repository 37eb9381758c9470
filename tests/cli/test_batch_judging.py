"""``kyso batch verify`` and ``kyso batch extend``: each letter once, whatever an earlier run left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from kyso.demo.pki import DemoPki, Subject, issue
from tests.cli.conftest import Kyso
from tests.core.extending.authority import Authority, serving


@pytest.fixture
def authority(pki: DemoPki) -> Iterator[Authority]:
    """A timestamp authority on loopback."""
    purposes = [x509.oid.ExtendedKeyUsageOID.TIME_STAMPING]
    start = datetime.now(UTC) - timedelta(days=30)
    with serving(issue(pki.issuing, Subject("TEST TSA"), purposes=purposes, not_before=start)) as running:
        yield running


@pytest.fixture
def received(kyso: Kyso, office: Path) -> Path:
    """A folder with a signed, an unsigned, a changed letter and a file that is none."""
    folder = office / "received"
    (folder / "2026").mkdir(parents=True)
    assert kyso("sign", "letter.pdf", "--secret-env", "PW", "--out", "received/signed.pdf").code == 0
    shutil.copy("letter.pdf", folder / "2026" / "unsigned.pdf")
    data = (folder / "signed.pdf").read_bytes()
    (folder / "changed.pdf").write_bytes(data.replace(b"%PDF-1", b"%PDF-2", 1))
    (folder / "none.pdf").write_text("no PDF", encoding="utf-8")
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def verdicts(path: Path) -> dict[str, str]:
    return {one["file"]["name"]: one["verdict"] for one in lines(path)}


def judged(ledger: Path) -> list[str]:
    """Return the letters that were judged, in the order of the ledger's lines."""
    return [one["letter"] for one in lines(ledger) if one.get("state") == "done"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_many_letters_are_verified(kyso: Kyso, office: Path, received: Path, workers: str) -> None:
    """One report a line in the order of the letters, a table of verdicts, the worst exit code."""
    result = kyso("batch", "verify", "received", "--out", "answers.jsonl", "--workers", workers, "--format", "json")
    assert result.code == 1, result.err
    assert result.json["counts"] == {"unsigned": 1, "invalid": 1, "unreadable": 1, "valid": 1}
    assert (result.json["do"], result.json["exit_code"], result.json["failures"]) == ("verify", 1, [])
    reports = lines(office / "answers.jsonl")
    assert [one["schema"] for one in reports] == ["kyso.report/1"] * 4
    assert [Path(one["file"]["path"]).name for one in reports] == [
        "unsigned.pdf",
        "changed.pdf",
        "none.pdf",
        "signed.pdf",
    ]


def test_a_rerun_verifies_what_is_new_or_changed(kyso: Kyso, office: Path, received: Path) -> None:
    """Known letters keep their reports; a new and a changed one are judged; --force judges all again."""
    command = ("batch", "verify", "received", "--ledger", "ledger", "--out", "answers.jsonl")
    assert kyso(*command).code == 1
    (received / "changed.pdf").unlink()
    shutil.copy(received / "signed.pdf", received / "new.pdf")
    shutil.copy("letter.pdf", received / "none.pdf")
    again = kyso(*command)
    assert again.code == 3, again.err
    assert "Valid\t2\t" in again.out
    assert judged(office / "ledger")[4:] == ["new.pdf", "none.pdf"]
    assert verdicts(office / "answers.jsonl") == {
        "unsigned.pdf": "unsigned",
        "new.pdf": "valid",
        "none.pdf": "unsigned",
        "signed.pdf": "valid",
    }
    assert kyso(*command, "--force").code == 3
    assert len(judged(office / "ledger")) == 4
    assert kyso(*command, "--at", "2030-01-01").code == 7


def test_a_run_that_was_cut_off_goes_on(kyso: Kyso, office: Path, received: Path) -> None:
    """The ledger up to any line: the rest is judged, and the answers are whole."""
    command = ("batch", "verify", "received", "--ledger", "ledger", "--out", "answers.jsonl")
    assert kyso(*command).code == 1
    whole = (office / "ledger").read_bytes().splitlines(keepends=True)
    for count in range(1, len(whole)):
        (office / "ledger").write_bytes(b"".join(whole[:count]) + whole[count][:20])
        (office / "answers.jsonl").unlink()
        assert kyso(*command).code == 1
        assert len(lines(office / "answers.jsonl")) == 4


def test_verifying_needs_a_place_for_its_ledger(kyso: Kyso, received: Path) -> None:
    """Without --out and --ledger there is nothing a rerun could go on from."""
    result = kyso("batch", "verify", "received")
    assert (result.code, "batch.needs_place" in result.err) == (7, True)


# ------------------------------------------------------------------------------------------------------- extending


@pytest.fixture
def signed(kyso: Kyso, office: Path) -> list[str]:
    """Three letters, signed."""
    (office / "in").mkdir()
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        shutil.copy("letter.pdf", office / "in" / name)
    assert kyso("sign", "in", "--out", "signed", "--secret-env", "PW").code == 0
    return ["a.pdf", "b.pdf", "c.pdf"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_many_letters_are_extended(
    kyso: Kyso, office: Path, signed: list[str], authority: Authority, workers: str
) -> None:
    """Each once; a rerun asks the authority for nothing, a new letter is extended, one that fails stops no other."""
    (office / "signed" / "bad.pdf").write_text("no PDF", encoding="utf-8")
    network = ("--tsa", authority.url, "--online", "--workers", workers)
    command = ("batch", "extend", "signed", "--into", "kept", "--level", "lta", "--out", "answers.jsonl", *network)
    result = kyso(*command, "--format", "json")
    assert result.code == 4, result.err
    assert result.json["counts"] == {"extended": 3, "failed": 1}
    assert authority.asked == 6
    (office / "signed" / "bad.pdf").unlink()
    again = kyso(*command)
    assert again.code == 0, again.err
    assert "Done by an earlier run\t3\t" in again.out
    assert authority.asked == 6
    answers = lines(office / "answers.jsonl")
    assert [one["schema"] for one in answers] == ["kyso.extended/1"] * 3
    assert {one["level"] for one in answers} == {"lta"}
    for name in signed:
        out = (office / "kept" / name).read_bytes()
        assert out.startswith((office / "signed" / name).read_bytes())


def test_a_result_that_was_not_written_down_is_taken_over(
    kyso: Kyso, office: Path, signed: list[str], authority: Authority
) -> None:
    """The run died between publishing and the ledger: the result stands, if it goes on from the letter, else not."""
    command = ("batch", "extend", "signed", "--into", "kept", "--level", "lt", "--tsa", authority.url, "--online")
    assert kyso(*command).code == 0
    ledger = office / "kept" / ".kyso-ledger.jsonl"
    entries = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(entries[:4]))  # the job and three intents
    asked = authority.asked
    before = {name: (office / "kept" / name).read_bytes() for name in signed}
    (office / "kept" / "c.pdf").write_bytes(b"something else")
    again = kyso(*command, "--out", "answers.jsonl")
    assert again.code == 4, again.out
    assert "Extended\t2\t" in again.out
    assert "batch.output_foreign\t1\t" in again.out
    assert authority.asked == asked
    assert (office / "kept" / "a.pdf").read_bytes() == before["a.pdf"]
    taken = lines(office / "answers.jsonl")[0]
    assert (taken["level"], taken["notices"][0]["code"]) == ("lt", "batch.taken_over")


def test_a_lower_level_is_told(kyso: Kyso, office: Path, signed: list[str]) -> None:
    """With --best-effort and no authority: exit code 2 and how many."""
    result = kyso("batch", "extend", "signed", "--into", "kept", "--level", "lt", "--best-effort")
    assert result.code == 2, result.err
    assert "A lower level only\t3\t" in result.out


def test_the_network_is_asked_for(kyso: Kyso, office: Path, signed: list[str], authority: Authority) -> None:
    """Without --online nothing is begun."""
    result = kyso("batch", "extend", "signed", "--into", "kept", "--level", "lta", "--tsa", authority.url)
    assert result.code == 7
    assert "--online" in result.err
    assert not (office / "kept").exists()
    assert authority.asked == 0
