"""``kyso verify``: formats, exit codes, several files."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pikepdf
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
    moment = ("--at", datetime.now(UTC).isoformat())  # or the second of judging differs
    vietnamese = kyso("--lang", "vi", "verify", signed, *moment).out
    assert vietnamese == kyso("verify", signed, "--lang=vi", *moment).out
    english = kyso("verify", signed, "--lang", "en", *moment).out
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


@pytest.fixture
def post(signed: Path, tampered: Path) -> Path:
    """A folder of letters: signed, tampered, unsigned, one that is no PDF, and one in a folder below."""
    folder = signed.parent / "post"
    (folder / "below").mkdir(parents=True)
    for name, source in (("a", signed), ("b", tampered), ("c", signed.with_name("letter.pdf")), ("below/e", signed)):
        (folder / f"{name}.pdf").write_bytes(source.read_bytes())
    (folder / "d.pdf").write_bytes(b"not a PDF at all")
    return folder


def test_a_folder_is_told_in_a_table(kyso: Kyso, post: Path) -> None:
    """One row a file with why, a line of totals, and the exit code of the worst."""
    result = kyso("verify", post)
    assert result.code == 1
    head, *rows, totals = result.out.splitlines()
    assert head.split("\t")[0] == "File"
    verdicts = {Path(row.split("\t")[0]).name: row.split("\t")[1] for row in rows}
    assert verdicts == {
        "a.pdf": "VALID",
        "b.pdf": "NOT VALID",
        "c.pdf": "NOT SIGNED",
        "d.pdf": "UNREADABLE",
        "e.pdf": "VALID",
    }
    assert totals.startswith("5 files. NOT VALID: 1; UNREADABLE: 1;")
    full = kyso("verify", post, "--full")
    assert full.code == 1
    assert full.out.count("Signature 1/1") == 3
    assert totals in full.out


@pytest.mark.parametrize("workers", ["1", "2"])
def test_csv_is_a_row_a_file(kyso: Kyso, post: Path, workers: str) -> None:
    """In the order of the files, the same from one process and from two."""
    result = kyso("verify", post, "--format", "csv", "--workers", workers)
    assert result.code == 1
    rows = list(csv.DictReader(io.StringIO(result.out, newline="")))
    assert [Path(row["file"]).name for row in rows] == ["a.pdf", "b.pdf", "e.pdf", "c.pdf", "d.pdf"]
    assert [row["verdict"] for row in rows] == ["valid", "invalid", "valid", "unsigned", "unreadable"]
    assert rows[0]["organisations"] == "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM"
    assert rows[0]["levels"] == "B-B"
    assert rows[4]["reason"]


def test_json_lines_from_several_processes(kyso: Kyso, post: Path) -> None:
    """Each line is a whole report; only the moment of judging differs."""

    def reports(*options: str) -> list[object]:
        lines = kyso("verify", post, "--format", "json", "--conformity", *options).lines
        return [{**line, "validation_time": None} for line in lines]

    assert reports("--workers", "2") == reports("--workers", "1")


def test_a_summary_goes_to_a_file(kyso: Kyso, post: Path) -> None:
    """CSV with a mark for spreadsheets, text with tabs; stdout stays empty."""
    for form, begins in (("csv", b"\xef\xbb\xbffile,verdict"), ("text", b"File\tVerdict")):
        out = post.parent / f"summary.{form}"
        result = kyso("verify", post, "--format", form, "--out", out)
        assert (result.code, result.out) == (1, "")
        assert out.read_bytes().startswith(begins)
    assert kyso("verify", post, "--workers", "0").code == 7
    assert kyso("verify", post, "--format", "html").code == 7


def test_a_hostile_name_is_no_formula(kyso: Kyso, signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called =1+1.pdf is text in the CSV."""
    monkeypatch.chdir(signed.parent)
    Path("=1+1.pdf").write_bytes(signed.read_bytes())
    assert "\r\n'=1+1.pdf,valid" in kyso("verify", "=1+1.pdf", "--format", "csv").out


def test_an_encrypted_letter_in_another_process(kyso: Kyso, post: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password reaches every process."""
    encryption = pikepdf.Encryption(owner="o", user="mật khẩu")
    with pikepdf.open(post / "c.pdf") as pdf:
        pdf.save(post / "f.pdf", encryption=encryption)
    monkeypatch.setenv("READ", "mật khẩu")
    options = ["--format", "csv", "--workers", "2", "--password-env", "READ"]
    rows = list(csv.DictReader(io.StringIO(kyso("verify", post, *options).out, newline="")))
    assert rows[-1]["verdict"] == "unsigned"


def test_a_signature_file_speaks_for_its_letter(kyso: Kyso, post: Path) -> None:
    """In a folder the letter beside it is not judged a second time as unsigned; one without a letter is passed over."""
    (post / "c.pdf.p7s").write_bytes(b"no signature")
    (post / "mail.p7s").write_bytes(b"of a mail")
    rows = list(csv.DictReader(io.StringIO(kyso("verify", post, "--format", "csv").out, newline="")))
    assert [Path(row["file"]).name for row in rows] == ["a.pdf", "b.pdf", "e.pdf", "c.pdf.p7s", "d.pdf"]
