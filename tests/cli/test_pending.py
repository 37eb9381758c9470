"""A key whose owner confirms elsewhere: ``kyso sign`` ends with 8, ``kyso pending`` goes on in another process."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from tests.cli.conftest import Kyso
from tests.support import phone_plugin
from tests.support.judges import pdfsig


@pytest.fixture
def phone(office: Path, pki: DemoPki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The leader's key on a "phone", and records of the test's own."""
    site, folder = tmp_path / "site", tmp_path / "phone"
    site.mkdir()
    folder.mkdir()
    monkeypatch.syspath_prepend(str(phone_plugin.install(site)))
    monkeypatch.delitem(sys.modules, "kyso_test_phone", raising=False)
    shutil.copy(pki.pfx("leader"), folder / "key.p12")
    (folder / "password").write_text(DEMO_PASSWORD, encoding="utf-8")
    with (office / "kyso.toml").open("a", encoding="utf-8") as config:
        config.write(f"\n[keys.phone]\nuri = 'phone:{folder}'\n[records]\nurl = 'sqlite:///{office}/records.sqlite3'\n")
    return folder


def test_a_letter_waits_and_is_finished(kyso: Kyso, office: Path, phone: Path) -> None:
    """Exit 8 with how to go on; still 8 before the confirmation; 0 and a valid letter after it; then it has ended."""
    waiting = kyso("sign", "letter.pdf", "--key", "phone", "--out", "out.pdf", "--format", "json")
    assert waiting.code == 8, waiting.err
    identifier = waiting.json["prepared_id"]
    assert waiting.json["status"] == "pending"
    assert not (office / "out.pdf").exists()
    (listed,) = kyso("pending", "list", "--format", "json").json["pending"]
    assert (listed["prepared_id"], listed["state"], listed["key"]) == (identifier, "pending", "phone")
    assert identifier in kyso("pending", "list").out
    assert kyso("pending", "resume", identifier).code == 8
    (phone / "confirmed").touch()
    done = kyso("pending", "resume", identifier, "--format", "json")
    assert done.code == 0, done.err
    assert done.json["status"] == "signed"
    assert [each.valid for each in pdfsig(office / "out.pdf")] == [True]
    assert kyso("verify", "out.pdf").code == 0
    assert kyso("pending", "list", "--format", "json").json["pending"] == []
    assert kyso("pending", "resume", identifier).code == 7


def test_the_words_say_how_to_go_on(kyso: Kyso, office: Path, phone: Path) -> None:
    """The text answer names the letter, what to do and the command that resumes."""
    result = kyso("sign", "letter.pdf", "--key", "phone")
    assert result.code == 8
    assert "kyso pending resume " in result.err
    identifier = result.err.rpartition("kyso pending resume ")[2].split()[0]
    assert kyso("pending", "cancel", identifier).code == 0


def test_a_folder_waits_as_one(kyso: Kyso, office: Path, phone: Path) -> None:
    """Letters of one folder are one request: one confirmation finishes all of them."""
    (office / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        shutil.copy("letter.pdf", office / "in" / name)
    result = kyso("sign", "in", "--out", "out", "--key", "phone", "--format", "json")
    assert result.code == 8
    assert [answer["status"] for answer in result.lines] == ["pending", "pending"]
    (phone / "confirmed").touch()
    done = kyso("pending", "resume", result.lines[1]["prepared_id"], "--format", "json")
    assert done.code == 0, done.err
    assert len(list((office / "out").glob("*.pdf"))) == len(done.lines)
    assert len(done.lines) == 2


def test_a_declined_letter_stays_unsigned(kyso: Kyso, office: Path, phone: Path) -> None:
    """A refusal on the phone is key trouble, and nothing is waited for any more."""
    identifier = kyso("sign", "letter.pdf", "--key", "phone", "--format", "json").json["prepared_id"]
    (phone / "declined").touch()
    assert kyso("pending", "resume", identifier).code == 5
    assert not (office / "letter.signed.pdf").exists()
    assert kyso("pending", "list", "--format", "json").json["pending"] == []


def test_a_cancelled_letter_is_not_signed_later(kyso: Kyso, office: Path, phone: Path) -> None:
    """After a cancel a confirmation signs nothing here."""
    identifier = kyso("sign", "letter.pdf", "--key", "phone", "--format", "json").json["prepared_id"]
    assert kyso("pending", "cancel", identifier).code == 0
    (phone / "confirmed").touch()
    assert kyso("pending", "resume", identifier).code == 7
    assert kyso("pending", "cancel", identifier).code == 7
    assert not (office / "letter.signed.pdf").exists()


def test_waiting_has_a_limit(kyso: Kyso, office: Path, phone: Path) -> None:
    """`--wait` polls for so long and no longer, and takes no senseless times."""
    identifier = kyso("sign", "letter.pdf", "--key", "phone", "--format", "json").json["prepared_id"]
    assert kyso("pending", "resume", identifier, "--wait", "1").code == 8
    assert kyso("pending", "resume", identifier, "--wait", "-5").code == 7
    assert kyso("pending", "resume", "unknown").code == 7
