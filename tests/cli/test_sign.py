"""``kyso sign`` and ``kyso preview``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from kyso.cli.sign import default_output
from tests.cli.conftest import Kyso
from tests.support.judges import pdfsig


def test_a_letter_is_signed_and_sealed(kyso: Kyso, office: Path) -> None:
    """Leader, then seal: the second file goes on from the first, and both signatures are intact for pdfsig."""
    before = (office / "letter.pdf").read_bytes()
    first = kyso("sign", "letter.pdf", "--secret-env", "PW")
    assert first.code == 0, first.err
    assert "letter.signed.pdf" in first.out
    second = kyso(
        "sign",
        "letter.signed.pdf",
        "--policy",
        "decree30.seal",
        "--key",
        "seal",
        "--set",
        "confirm_date=yes",
        "--out",
        "out.pdf",
        "--secret-env",
        "PW",
    )
    assert second.code == 0
    signed = (office / "out.pdf").read_bytes()
    assert signed.startswith((office / "letter.signed.pdf").read_bytes())
    assert signed.startswith(before)
    assert [each.valid for each in pdfsig(office / "out.pdf")] == [True, True]
    assert kyso("verify", "out.pdf").code == 0


def test_the_answer_as_json(kyso: Kyso, office: Path) -> None:
    """`--format json` gives kyso.signed/1 with what was done."""
    answer = kyso("sign", "letter.pdf", "--secret-env", "PW", "--format", "json", "--reason", "Phê duyệt").json
    assert answer["schema"] == "kyso.signed/1"
    assert answer["status"] == "signed"
    assert answer["out"] == "letter.signed.pdf"
    assert answer["size"] == (office / "letter.signed.pdf").stat().st_size
    assert answer["original_size"] == (office / "letter.pdf").stat().st_size
    assert (answer["policy"], answer["level"]) == ("decree30.leader", "b")
    assert len(answer["rect_mm"]) == 4
    assert answer["signed_at"].endswith("+07:00")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["none.pdf", "--secret-env", "PW"], 4, "none.pdf"),
        (["kyso.toml", "--secret-env", "PW"], 4, "kyso.toml"),
        (["letter.pdf", "--key", "nobody"], 7, "key.unknown_name"),
        (["letter.pdf", "--key", "vault:x"], 7, "plugins.unknown"),
        (["letter.pdf", "--policy", "decree30.leder", "--secret-env", "PW"], 7, "decree30.leader"),
        (["letter.pdf", "--secret-env", "UNSET_VARIABLE"], 5, "UNSET_VARIABLE"),
        (["letter.pdf", "--secret-env", "WRONG"], 5, "pfx.wrong_password"),
        (["letter.pdf", "--secret-fd", "91"], 5, "91"),
        (["letter.pdf"], 5, "--secret-env"),
        (["letter.pdf", "--policy", "fixed", "--rect-mm", "1,2,3"], 7, "cli.bad_rect"),
        (["letter.pdf", "--policy", "fixed", "--rect-mm", "1,2,3,-4"], 7, "cli.bad_rect"),
        (["letter.pdf", "--policy", "fixed", "--rect-mm", "1,2,nan,4"], 7, "cli.bad_rect"),
        (["letter.pdf", "--set", "nonsense"], 7, "NAME=VALUE"),
        (["letter.pdf", "--set", "a=1", "--set", "a=2"], 7, "cli.setting_twice"),
        (["letter.pdf", "--set", "no_such=1", "--secret-env", "PW"], 7, "no_such"),
        (["letter.pdf", "--level", "x"], 7, "b, t, lt, lta"),
        (["letter.pdf", "--certify", "4"], 7, "1, 2, 3"),
        (["letter.pdf", "--digest", "md5"], 7, "sha256"),
        (["letter.pdf", "--tsa", "ftp://x"], 7, "http://"),
        (["letter.pdf", "--workers", "0"], 7, "--workers"),
        (["letter.pdf", "--format", "html"], 7, "text, json"),
        (["letter.pdf", "--page", "one"], 7, "number"),
        (["letter.pdf", "--out", ""], 7, "path"),
        (["letter.pdf", "--password-env", "UNSET_VARIABLE"], 5, "UNSET_VARIABLE"),
        (["letter.pdf", "--image", "none.png", "--secret-env", "PW"], 4, "none.png"),
    ],
)
def test_what_cannot_be_is_refused(
    kyso: Kyso, office: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, says: str
) -> None:
    """Each refusal has its exit code and its words, leaves no output and touches no input."""
    monkeypatch.setenv("WRONG", "not the password hunter2")
    before = sorted(office.iterdir()), (office / "letter.pdf").read_bytes()
    result = kyso("sign", *arguments)
    assert result.code == code, result.err
    assert says in result.err
    assert result.out == ""
    assert "hunter2" not in result.err
    assert "Traceback" not in result.err
    assert (sorted(office.iterdir()), (office / "letter.pdf").read_bytes()) == before


def test_a_failure_is_told_in_json_too(kyso: Kyso, office: Path) -> None:
    """With `--format json` a refused letter is an object with the error in both languages."""
    result = kyso("sign", "none.pdf", "--secret-env", "PW", "--format", "json")
    assert result.code == 4
    assert result.json["status"] == "failed"
    assert result.json["error"]["code"] == "document.not_found"
    assert result.json["error"]["message_vi"] != result.json["error"]["message_en"]


def test_output_that_exists_is_kept(kyso: Kyso, office: Path) -> None:
    """An existing output is refused without --force and replaced with it; the input never is the output."""
    (office / "letter.signed.pdf").write_text("mine", encoding="utf-8")
    assert kyso("sign", "letter.pdf", "--secret-env", "PW").code == 7
    assert (office / "letter.signed.pdf").read_text(encoding="utf-8") == "mine"
    assert kyso("sign", "letter.pdf", "--secret-env", "PW", "--force").code == 0
    before = (office / "letter.pdf").read_bytes()
    os.link(office / "letter.pdf", office / "same.pdf")
    for out in ("letter.pdf", "same.pdf"):
        assert kyso("sign", "letter.pdf", "--secret-env", "PW", "--out", out, "--force").code in (4, 7)
        assert (office / "letter.pdf").read_bytes() == before


def test_secrets_come_by_a_descriptor(kyso: Kyso, office: Path, pfx_password: str, tmp_path: Path) -> None:
    """`--secret-fd` reads an open descriptor; a line break at the end does not count, and more than a line does."""
    secret = tmp_path / "secret"
    for text, code in ((pfx_password, 0), (pfx_password + "\n", 0), (pfx_password + "\r\n", 0), ("x" * 5000, 5)):
        secret.write_text(text, encoding="utf-8", newline="")
        with secret.open("rb") as stream:
            result = kyso("sign", "letter.pdf", "--secret-fd", stream.fileno(), "--force")
        assert result.code == code, result.err
        assert "xxxx" not in result.err
    secret.write_bytes(b"\xff\xfe")
    with secret.open("rb") as stream:
        assert kyso("sign", "letter.pdf", "--secret-fd", stream.fileno(), "--force").code == 5


def test_a_folder_is_signed(kyso: Kyso, office: Path) -> None:
    """Every PDF under the folder is signed into the same place under --out; one bad file does not stop the rest."""
    inner = office / "in" / "2026"
    inner.mkdir(parents=True)
    shutil.copy("letter.pdf", office / "in" / "a.pdf")
    shutil.copy("letter.pdf", inner / "b.PDF")
    shutil.copy("letter.pdf", office / "in" / ".hidden.pdf")
    (office / "in" / "bad.pdf").write_text("no PDF", encoding="utf-8")
    (office / "in" / "notes.txt").write_text("notes", encoding="utf-8")
    result = kyso("sign", "in", "--out", "out", "--secret-env", "PW", "--format", "json")
    assert result.code == 4
    assert {answer["document"]: answer["status"] for answer in result.lines} == {
        "in/2026/b.PDF": "signed",
        "in/a.pdf": "signed",
        "in/bad.pdf": "failed",
    }
    assert sorted(str(path.relative_to("out")) for path in Path("out").rglob("*") if path.is_file()) == [
        ".kyso-ledger.jsonl",
        "2026/b.PDF",
        "a.pdf",
    ]
    assert "Signed\t2\t" in result.err
    assert "Failed\t1\t" in result.err
    assert "document.not_pdf\t1\tin/bad.pdf" in result.err


def test_a_folder_is_gone_on_with(kyso: Kyso, office: Path) -> None:
    """Run again, what is signed stays as it is, what failed is tried again, what is new is signed; --force does all."""
    (office / "in").mkdir()
    shutil.copy("letter.pdf", office / "in" / "a.pdf")
    (office / "in" / "b.pdf").write_text("no PDF", encoding="utf-8")
    arguments = ("sign", "in", "--out", "out", "--secret-env", "PW", "--format", "json")
    assert kyso(*arguments).code == 4
    first = (office / "out" / "a.pdf").read_bytes()
    for name in ("b.pdf", "c.pdf"):
        shutil.copy("letter.pdf", office / "in" / name)
    again = kyso(*arguments)
    assert again.code == 0, again.err
    assert [answer["status"] for answer in again.lines] == ["signed"] * 3
    assert "Done by an earlier run\t1\t" in again.err
    assert (office / "out" / "a.pdf").read_bytes() == first
    assert [len(pdfsig(path)) for path in sorted((office / "out").glob("*.pdf"))] == [1, 1, 1]
    other = kyso("sign", "in", "--out", "out", "--secret-env", "PW", "--policy", "invisible")
    assert other.code == 7
    assert "policy" in other.err
    assert kyso(*arguments, "--force").code == 0
    assert (office / "out" / "a.pdf").read_bytes() != first


def test_results_of_no_ledger_are_kept(kyso: Kyso, office: Path) -> None:
    """A file that stands where a result would go, and that no run with this ledger made, is not replaced."""
    for folder in ("in", "out"):
        (office / folder).mkdir()
    shutil.copy("letter.pdf", office / "in" / "a.pdf")
    (office / "out" / "a.pdf").write_text("mine", encoding="utf-8")
    result = kyso("sign", "in", "--out", "out", "--secret-env", "PW")
    assert result.code == 7
    assert (office / "out" / "a.pdf").read_text(encoding="utf-8") == "mine"


def test_a_wrong_secret_is_tried_once_for_a_folder(kyso: Kyso, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a wrong secret stops before the first letter: nothing is tried again with each one."""
    (office / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        shutil.copy("letter.pdf", office / "in" / name)
    monkeypatch.setenv("WRONG", "no")
    result = kyso("sign", "in", "--out", "out", "--secret-env", "WRONG")
    assert result.code == 5
    assert result.err.count("pfx.wrong_password") == 1
    assert not (office / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in"], "--out"),
        (["empty", "--out", "out"], "no PDF"),
        (["in", "--out", "letter.pdf"], "not a folder"),
    ],
)
def test_a_folder_needs_a_place(kyso: Kyso, office: Path, arguments: list[str], says: str) -> None:
    """A folder without --out, without letters, or with a file as --out is refused before a key is asked for."""
    for name in ("in", "empty"):
        (office / name).mkdir()
    shutil.copy("letter.pdf", office / "in" / "a.pdf")
    result = kyso("sign", *arguments)
    assert result.code == 7
    assert says in result.err


def test_a_dry_run_touches_no_key(kyso: Kyso, office: Path) -> None:
    """`--dry-run` says where it would sign, for one letter and for a folder, and writes nothing."""
    result = kyso("sign", "letter.pdf", "--dry-run", "--format", "json")
    assert result.code == 0
    assert result.json["status"] == "would_sign"
    assert result.json["page"] == 2
    assert "Nothing was signed" in kyso("sign", "letter.pdf", "--dry-run").out
    (office / "in").mkdir()
    shutil.copy("letter.pdf", office / "in" / "a.pdf")
    (office / "in" / "bad.pdf").write_text("no PDF", encoding="utf-8")
    result = kyso("sign", "in", "--out", "out", "--dry-run", "--format", "json")
    assert [answer["status"] for answer in result.lines] == ["would_sign", "failed"]
    assert result.code == 4
    assert not (office / "out").exists()
    assert not (office / "letter.signed.pdf").exists()


def test_a_preview_is_a_picture(kyso: Kyso, office: Path) -> None:
    """`kyso preview` writes the page as PNG, tells the boxes, and asks for no secret."""
    result = kyso("preview", "letter.pdf", "--out", "page.png", "--format", "json")
    assert result.code == 0, result.err
    assert (office / "page.png").read_bytes().startswith(b"\x89PNG")
    assert result.json["page"] == 2
    assert result.json["boxes_mm"]
    assert kyso("preview", "letter.pdf", "--out", "page.png").code == 7
    told = kyso("preview", "letter.pdf", "--out", "page.png", "--force")
    assert told.code == 0
    assert "No key was touched" in told.err
    assert all(len(line.split("\t")) == 5 for line in told.out.splitlines())
    assert kyso("preview", "letter.pdf", "--out", "b.png", "--dpi", "9000").code == 7


def test_the_default_output_stands_beside_the_input() -> None:
    """`IN.signed.pdf`, whatever the ending is."""
    assert default_output(Path("a/b.pdf")) == Path("a/b.signed.pdf")
    assert default_output(Path("b.PDF")) == Path("b.signed.pdf")
    assert default_output(Path("b.v2")) == Path("b.v2.signed.pdf")


def test_out_may_be_a_folder(kyso: Kyso, office: Path) -> None:
    """A folder as --out of one letter takes the letter's name."""
    (office / "out").mkdir()
    assert kyso("sign", "letter.pdf", "--out", "out", "--secret-env", "PW").code == 0
    assert (office / "out" / "letter.pdf").is_file()


def test_the_only_key_needs_no_name(kyso: Kyso, office: Path) -> None:
    """Without --key the configured key is taken, else the only one; several without a choice are refused."""
    config = office / "kyso.toml"
    config.write_text(config.read_text(encoding="utf-8").replace('key = "leader"\n', ""), encoding="utf-8")
    result = kyso("sign", "letter.pdf", "--secret-env", "PW")
    assert result.code == 7
    assert "leader, seal" in result.err
    source = config.read_text(encoding="utf-8")
    start, end = source.index("[keys.seal]"), source.index("[leader]")
    config.write_text(source[:start] + source[end:], encoding="utf-8")
    assert kyso("sign", "letter.pdf", "--secret-env", "PW").code == 0
