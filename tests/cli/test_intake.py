"""``kyso intake``: receiving on the command line, and everything a clerk does afterwards."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from kyso.demo.scan import scanned
from kyso.models import VIETNAM_TIME
from tests.cli.conftest import Kyso

YEAR = datetime.now(VIETNAM_TIME).year
INTAKE = """
[records]
url = "sqlite:///{records}"

[intake]
folder = "incoming"
place = "An Bình"
responsible = "Bà Phạm Thị Mẫu"
"""


@pytest.fixture
def post(kyso: Kyso, office: Path) -> Path:
    """The office with a desk, and its post: a signed letter, a changed one, one without a signature."""
    config = (office / "kyso.toml").read_text(encoding="utf-8")
    (office / "kyso.toml").write_text(config + INTAKE.format(records=office / "r.sqlite3"), encoding="utf-8")
    folder = office / "post"
    folder.mkdir()
    assert kyso("sign", "letter.pdf", "--policy", "invisible", "--secret-env", "PW", "--out", "post/a.pdf").code == 0
    data = bytearray((folder / "a.pdf").read_bytes())
    data[len(data) // 20] ^= 1
    (folder / "b.pdf").write_bytes(data)
    (folder / "c.pdf").write_bytes((office / "letter.pdf").read_bytes())
    return folder


def test_a_folder_is_received(kyso: Kyso, post: Path) -> None:
    """Each letter goes where its signatures lead it, one bad file stops nothing, the exit code is the worst."""
    result = kyso("intake", post, "missing.pdf", "--format", "json", "--to", "Phòng A", "--by", "An")
    assert result.code == 1
    received = {Path(line["document"]).name: line for line in result.lines}
    assert [received[name]["state"] for name in ("a.pdf", "b.pdf", "c.pdf")] == ["entered", "held", "returned"]
    first = received["a.pdf"]
    assert first["schema"] == "kyso.incoming/1"
    assert (first["number"], first["reference"], first["recipient"]) == (1, f"1/{YEAR}", "Phòng A")
    assert (first["number_and_symbol"], first["repeated"]) == ("07/UBND-VP", False)
    assert all(Path(path).exists() for path in first["notices"])
    assert received["missing.pdf"]["error"]["code"] == "document.not_found"
    assert [warning["code"] for warning in received["b.pdf"]["warnings"]] == ["intake.alike"]


def test_a_second_run_writes_nothing(kyso: Kyso, post: Path) -> None:
    """It says where each file stands already, and gives the same exit code."""
    assert kyso("intake", post).code == 1
    before = kyso("intake", "list", "--format", "json").lines
    again = kyso("intake", post)
    assert again.code == 1
    assert again.err.count("stands in the register") == 3
    assert kyso("intake", "list", "--format", "json").lines == before


def test_the_text_says_what_happened(kyso: Kyso, post: Path) -> None:
    """In the reader's language, with the reasons and where the notice lies."""
    result = kyso("intake", post / "b.pdf", "--lang", "vi")
    assert "CHƯA đăng ký" in result.out
    assert "Văn bản đã bị thay đổi sau khi ký số." in result.out
    assert "suspicious.docx" in result.out
    english = kyso("intake", post / "c.pdf")
    assert "NOT accepted" in english.out
    assert "The electronic letter carries no signature." in english.out


def test_facts_go_with_one_file(kyso: Kyso, post: Path) -> None:
    """For several files they are refused before anything is received."""
    assert kyso("intake", post, "--author", "x").code == 7
    assert kyso("intake", "list", "--format", "json").out == ""
    given = [
        "--author",
        "Sở Mẫu",
        "--number",
        "9/TB-SM",
        "--dated",
        "1/2/2026",
        "--kind",
        "Thông báo",
        "--subject",
        "họp",
    ]
    line = kyso("intake", post / "a.pdf", *given, "--arrived", f"{YEAR}-01-02", "--format", "json").json
    assert (line["author"], line["number_and_symbol"], line["dated"]) == ("Sở Mẫu", "9/TB-SM", "2026-02-01")
    assert (line["kind"], line["subject"], line["arrived_on"]) == ("Thông báo", "họp", f"{YEAR}-01-02")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--dated", "tomorrow"],
        ["--arrived", "2999-01-01"],
        ["--key", "seal"],
        ["--paper", "--key", "seal", "--stamp-policy", "none", "--page", "1"],
        ["--intake-policy", "nowhere.toml"],
        ["--organisation", ""],
        ["--format", "xml"],
    ],
)
def test_wrong_use_is_told(kyso: Kyso, post: Path, wrong: list[str]) -> None:
    """With exit code 7 and nothing in the register, save for an empty organisation, which is none."""
    expected = 0 if wrong[0] == "--organisation" else 7
    assert kyso("intake", post / "a.pdf", *wrong).code == expected
    assert bool(kyso("intake", "list", "--format", "json").out) is (expected == 0)


def test_an_office_without_a_name_is_asked_for_one(kyso: Kyso, post: Path, tmp_path: Path) -> None:
    """There is no register without an organisation."""
    config = tmp_path / "bare.toml"
    config.write_text(f'[records]\nurl = "sqlite:///{tmp_path / "r.sqlite3"}"\n', encoding="utf-8")
    result = kyso("intake", post / "c.pdf", "--config", config)
    assert result.code == 7
    assert "--organisation" in result.err


def test_paper_is_stamped_and_signed(kyso: Kyso, office: Path, post: Path) -> None:
    """The scan is entered under its number with two signatures of the organisation."""
    (office / "scan.pdf").write_bytes(scanned((office / "letter.pdf").read_bytes(), (1,)))
    place = ["--page", "1", "--rect-mm", "20,2,50,35"]
    paper = ["intake", "scan.pdf", "--paper", "--key", "seal", "--secret-env", "PW", *place, "--number", "12/QĐ-ABC"]
    line = kyso(*paper, "--format", "json").json
    assert (line["state"], line["number"], line["form"]) == ("entered", 1, "paper")
    report = json.loads(kyso("verify", Path(line["path"]) / "letter-scan.pdf", "--format", "json").out)
    assert (report["verdict"], len(report["signatures"])) == ("valid", 2)


def test_what_a_clerk_does_afterwards(kyso: Kyso, post: Path, office: Path) -> None:
    """Decide, pass on, amend, show, search, print, recall, export, destroy: each is written down."""
    kyso("intake", post)
    held = next(line["id"] for line in kyso("intake", "list", "--state", "held", "--format", "json").lines)
    assert kyso("intake", "decide", held, "accept").code == 7
    decided = kyso("intake", "decide", held[:8], "accept", "--reason", "verified", "--format", "json").json
    assert (decided["number"], decided["decision"]["rule"]) == (2, "person")
    assert kyso("intake", "forward", "1", "Phòng B", "--received-by", "Mai", "--on", "23/11/2026").code == 0
    assert kyso("intake", "amend", "1", "--subject", "=1+1", "--remark", "khẩn").code == 0
    shown = kyso("intake", "show", "1", "--format", "json").json
    assert (shown["recipient"], shown["received_by"], shown["subject"]) == ("Phòng B", "Mai", "=1+1")
    assert (shown["kept"], shown["kept_until"]) == ("whole", f"{YEAR + 20}-12-31")
    assert [event["name"] for event in shown["history"]] == ["recorded", "forwarded", "amended"]
    assert "Phòng B" in kyso("intake", "show", "1").out
    assert len(kyso("intake", "search", "phòng", "B", "--format", "json").lines) == 1
    for name in ("book.pdf", "book.csv", "book.xlsx"):
        assert kyso("intake", "register", name).code == 0
    assert kyso("intake", "register", "book.csv").code == 7
    assert "Công văn: =1+1" in (office / "book.csv").read_text(encoding="utf-8-sig")
    assert kyso("intake", "recall", "1").code == 7
    recalled = kyso("intake", "recall", "1", "--by-letter", "Công văn số 99/UBND-VP")
    assert (recalled.code, "recall.docx" in recalled.out) == (0, True)
    assert kyso("intake", "recall", "1", "--undo", "--reason", "nhầm").code == 0
    assert kyso("intake", "export", "1", "2", "--out", "out.zip").code == 0
    with zipfile.ZipFile(office / "out.zip") as archive:
        assert json.loads(archive.read(f"{YEAR}-00001/entry.json"))["number"] == 1
    assert kyso("intake", "destroy", "1", "--confirm").code == 7
    assert kyso("intake", "destroy", "1", "--confirm", "--reason", "test").code == 0
    assert "destroyed" in kyso("intake", "show", "1").out
    assert kyso("intake", "destroy", "1", "--undo").code == 0
    assert kyso("intake", "show", "1", "--format", "json").json["kept"] == "whole"
    ahead = kyso("intake", "destroy", "--on", f"{YEAR + 21}-01-01", "--format", "json")
    assert len(ahead.lines) == 3
    assert "Nothing was destroyed" in ahead.err
    assert kyso("intake", "destroy").out == ""
    assert kyso("intake", "destroy", "--purge", "--confirm").code == 0


def test_changed_evidence_is_told(kyso: Kyso, post: Path) -> None:
    """`show` looks at the hashes and ends with 4."""
    line = kyso("intake", post / "a.pdf", "--format", "json").json
    (Path(line["path"]) / "a.pdf").write_bytes(b"another letter")
    shown = kyso("intake", "show", "1", "--format", "json")
    assert (shown.code, shown.json["kept"]) == (4, "changed")


def test_notices_are_written_anew(kyso: Kyso, post: Path, office: Path) -> None:
    """With a number of their own, into another folder; a notice that makes no sense is refused."""
    kyso("intake", post / "a.pdf")
    assert kyso("intake", "notice", "1", "--number", "15/VP", "--out", "out").code == 0
    assert {path.name for path in (office / "out").iterdir()} == {"receipt.docx", "receipt.pdf"}
    assert kyso("intake", "notice", "1", "--kind", "recall").code == 7
    assert kyso("intake", "notice", "1", "--kind", "nonsense").code == 7


def test_the_policy_is_printed_and_checked(kyso: Kyso, post: Path, office: Path) -> None:
    """What `policy` prints is itself a policy, and a stricter one decides differently."""
    printed = kyso("intake", "policy").out
    strict = office / "strict.toml"
    strict.write_text(printed + '\n[[senders]]\nname = "*an bình*"\nsigners = ["MST:999"]\n', encoding="utf-8")
    assert kyso("intake", "policy", strict).code == 0
    result = kyso("intake", post / "a.pdf", "--intake-policy", strict, "--format", "json")
    assert (result.code, result.json["state"], result.json["verdict"]) == (2, "held", "valid")
    strict.write_text("otherwise = 1", encoding="utf-8")
    assert kyso("intake", "policy", strict).code == 7


def test_our_own_register_is_proof(kyso: Kyso, post: Path) -> None:
    """`verify --registered` asks it, says so, and without it nothing is different."""
    assert kyso("verify", post / "a.pdf", "--registered").code == 0
    kyso("intake", post / "a.pdf")
    report = json.loads(kyso("verify", post / "a.pdf", "--registered", "--format", "json").out)
    assert "verification.proven_by_register" in [warning["code"] for warning in report["warnings"]]
    plain = json.loads(kyso("verify", post / "a.pdf", "--format", "json").out)
    assert plain["warnings"] == []


@pytest.mark.parametrize("reference", ["99", "zz", "../../etc", "%", ""])
def test_an_unknown_letter_is_told(kyso: Kyso, post: Path, reference: str) -> None:
    """Whatever is asked for, in every command that takes a letter."""
    for command in (["show"], ["export", "--out", "x.zip"], ["notice"], ["recall", "--by-letter", "x"]):
        assert kyso("intake", command[0], reference, *command[1:]).code == 7
