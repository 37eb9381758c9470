"""``kyso verify``: formats, exit codes, several files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from kyso.cli.verify import time_from
from kyso.demo.pki import DemoPki
from kyso.errors import WrongUse
from tests.cli.conftest import Kyso


@pytest.fixture
def signed(kyso: Kyso, office: Path) -> Path:
    """The letter, signed by its leader."""
    assert kyso("sign", "letter.pdf", "--secret-env", "PW", "--out", "signed.pdf").code == 0
    return office / "signed.pdf"


@pytest.fixture
def tampered(signed: Path) -> Path:
    """The signed letter with one byte of its text changed."""
    data = bytearray(signed.read_bytes())
    data[len(data) // 20] ^= 1
    path = signed.with_name("tampered.pdf")
    path.write_bytes(data)
    return path


def test_each_verdict_has_its_exit_code(kyso: Kyso, signed: Path, tampered: Path, tmp_path: Path) -> None:
    """0 valid, 1 invalid, 2 undetermined, 3 unsigned, 4 unreadable."""
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert kyso("verify", signed).code == 0
    assert kyso("verify", tampered).code == 1
    assert kyso("verify", signed, "--trust", nothing).code == 2
    assert kyso("verify", "letter.pdf").code == 3
    assert kyso("verify", "kyso.toml").code == 4
    assert kyso("verify", "missing.pdf").code == 4


def test_several_files_give_the_worst(kyso: Kyso, signed: Path, tampered: Path) -> None:
    """The order is invalid, unreadable, undetermined, unsigned, valid."""
    assert kyso("verify", signed, "letter.pdf").code == 3
    assert kyso("verify", "letter.pdf", "kyso.toml", signed).code == 4
    assert kyso("verify", "kyso.toml", tampered, signed).code == 1


def test_json_is_one_object_a_line(kyso: Kyso, signed: Path, tampered: Path) -> None:
    """JSON goes to stdout alone; several files are one object a line, unreadable ones too."""
    alone = kyso("verify", signed, "--format", "json")
    assert json.loads(alone.out)["schema"] == "kyso.report/1"
    assert json.loads(alone.out)["verdict"] == "valid"
    assert alone.err == ""
    several = kyso("verify", signed, "kyso.toml", "letter.pdf", tampered, "--format", "json")
    assert [report["verdict"] for report in several.lines] == ["valid", "unreadable", "unsigned", "invalid"]


def test_a_folder_is_searched(kyso: Kyso, signed: Path) -> None:
    """Every PDF under a folder is verified; an empty folder is refused."""
    reports = kyso("verify", signed.parent, "--format", "json").lines
    assert {Path(report["file"]["path"]).name for report in reports} == {"letter.pdf", "signed.pdf"}
    (signed.parent / "empty").mkdir()
    assert kyso("verify", signed.parent / "empty").code == 7


def test_the_text_speaks_the_language(kyso: Kyso, signed: Path) -> None:
    """--lang chooses the words, before and after the command."""
    vietnamese = kyso("--lang", "vi", "verify", signed).out
    assert vietnamese == kyso("verify", signed, "--lang=vi").out
    english = kyso("verify", signed, "--lang", "en").out
    assert english != vietnamese
    assert "signed.pdf" in english


def test_a_report_goes_to_a_file(kyso: Kyso, signed: Path) -> None:
    """--out writes the report, refuses to replace one, and keeps stdout empty."""
    result = kyso("verify", signed, "--format", "json", "--out", "report.json")
    assert (result.code, result.out) == (0, "")
    assert json.loads(Path("report.json").read_text(encoding="utf-8"))["verdict"] == "valid"
    assert kyso("verify", signed, "--out", "report.json").code == 7
    assert kyso("verify", signed, "--out", "report.json", "--force").code == 0


def test_trust_and_crl_replace_the_configured_ones(kyso: Kyso, signed: Path, pki: DemoPki) -> None:
    """--trust and --crl hold for the run; a path that is not there is refused rather than ignored."""
    assert kyso("verify", signed, "--trust", pki.root_pem, "--crl", pki.crl_folder).code == 0
    assert kyso("verify", signed, "--trust", "nowhere.pem").code == 7
    assert kyso("verify", signed, "--crl", "nowhere").code == 7


def test_at_replaces_now(kyso: Kyso, signed: Path) -> None:
    """--at judges at another time: long after the certificate's end nothing is valid any more."""
    result = kyso("verify", signed, "--at", "2096-01-01T00:00:00+07:00", "--format", "json")
    assert result.code in (1, 2)
    assert json.loads(result.out)["validation_time"]["given"] is True
    assert kyso("verify", signed, "--at", "yesterday").code == 7


def test_a_time_without_zone_is_vietnams() -> None:
    """A bare --at is read in +07:00."""
    assert time_from("2026-11-20T08:30:00") == datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    assert time_from("2026-11-20T08:30:00+02:00") == datetime(2026, 11, 20, 8, 30, tzinfo=timezone(timedelta(hours=2)))
    assert time_from(None) is None
    with pytest.raises(WrongUse):
        time_from("20.11.2026")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "jsn"], "json"),
        (["--revocation", "maybe"], "offline, prefer, require"),
        (["--trst", "x"], "--trust"),
    ],
)
def test_wrong_options_are_refused(kyso: Kyso, signed: Path, arguments: list[str], says: str) -> None:
    """Unknown formats, modes and options are refused with the right ones named."""
    result = kyso("verify", signed, *arguments)
    assert result.code == 7
    assert says in result.err
    assert result.out == ""


def test_a_name_that_is_no_utf8_is_shown_as_well_as_it_can_be(kyso: Kyso, office: Path, signed: Path) -> None:
    """A file from an old machine, named in another encoding, is verified like any other in every format."""
    strange = office / "c\udcf4ng.pdf"
    strange.write_bytes(signed.read_bytes())
    for form in ("text", "json", "html"):
        assert kyso("verify", strange, "--format", form).code == 0
    assert json.loads(kyso("verify", strange, "--format", "json").out)["file"]["name"] == strange.name
