"""``kyso batch sign``: a ledger makes a rerun go on, and no letter is signed twice, whenever a run ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kyso.cli.program import run
from tests.cli.conftest import Kyso, Result
from tests.support.judges import pdfsig
from tests.support.killing import NEVER, die_at, needs_sigkill, preload, run_child, steps_until_alive
from tests.support.phone_plugin import install

preload(__name__)

INVISIBLE = ("--policy", "invisible")
SIGN = ("batch", "sign", "in", "--into", "out", "--out", "answers.jsonl", "--secret-env", "PW")
QUICK = (*SIGN, *INVISIBLE)


def letters(office: Path, count: int, folder: str = "in") -> list[str]:
    """Lay down letters that differ, in two folders, and return their names."""
    names = [f"{'cũ/' if number % 2 else ''}{number:03}.pdf" for number in range(count)]
    for number, name in enumerate(names):
        place = office / folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((office / "letter.pdf").read_bytes() + f"\n% {number}\n".encode())
    return sorted(names)


def answers(office: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (office / "answers.jsonl").read_text(encoding="utf-8").splitlines()]


def assert_each_signed_once(office: Path, names: list[str], kyso: Kyso | None = None) -> None:
    """Every result goes on from its letter and carries exactly one signature; there is no further result."""
    found = sorted(path.relative_to(office / "out").as_posix() for path in (office / "out").rglob("*.pdf"))
    assert found == names
    for name in names:
        out = (office / "out" / name).read_bytes()
        assert out.startswith((office / "in" / name).read_bytes())
        assert out.count(b"/ByteRange") == 1
    if kyso is not None:
        assert [each.valid for each in pdfsig(office / "out" / names[0])] == [True]
        assert kyso("verify", "out").code == 0


def test_a_batch_is_signed_and_gone_on_with(kyso: Kyso, office: Path) -> None:
    """Summary, answers of all letters in their order, and a second run that signs only what is new."""
    names = letters(office, 4)
    (office / "in" / "bad.pdf").write_text("no PDF", encoding="utf-8")
    result = kyso(*SIGN, "--format", "json")
    assert result.code == 4, result.err
    summary = result.json
    assert (summary["schema"], summary["letters"], summary["counts"]) == ("kyso.batch/1", 5, {"signed": 4, "failed": 1})
    (failure,) = summary["failures"]
    assert (failure["code"], failure["count"], failure["first"]) == ("document.not_pdf", 1, "in/bad.pdf")
    assert failure["message_vi"] != failure["message_en"]
    assert [one["document"] for one in answers(office)] == [f"in/{name}" for name in sorted([*names, "bad.pdf"])]
    first = {name: (office / "out" / name).read_bytes() for name in names}

    shutil.copy("letter.pdf", office / "in" / "bad.pdf")
    shutil.copy("letter.pdf", office / "in" / "new.pdf")
    again = kyso(*SIGN)
    assert again.code == 0, again.err
    assert "Done by an earlier run\t4\t" in again.out
    assert "Signed\t2\t" in again.out
    assert {one["status"] for one in answers(office)} == {"signed"}
    assert len(answers(office)) == 6
    assert all((office / "out" / name).read_bytes() == data for name, data in first.items())
    assert_each_signed_once(office, sorted([*names, "bad.pdf", "new.pdf"]), kyso)


def test_a_list_names_the_letters(kyso: Kyso, office: Path) -> None:
    """One path a line, relative to the list; results stay below the target folder, two of one name are refused."""
    letters(office, 3)
    elsewhere = office / "else"
    elsewhere.mkdir()
    shutil.copy("letter.pdf", elsewhere / "x.pdf")
    source = office / "in" / "today.txt"
    source.write_text(f"# hôm nay\n000.pdf\n\ncũ/001.pdf\n{elsewhere}/x.pdf\n", encoding="utf-8")
    assert kyso("batch", "sign", "in/today.txt", "--into", "out", "--secret-env", "PW").code == 0
    assert sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.pdf")) == [
        "000.pdf",
        "cũ/001.pdf",
        "x.pdf",
    ]
    source.write_text("../else/x.pdf\n../x/x.pdf\n", encoding="utf-8")
    twice = kyso("batch", "sign", "in/today.txt", "--into", "other", "--secret-env", "PW")
    assert (twice.code, "batch.name_twice" in twice.err) == (7, True)
    source.write_bytes(b"\xff\xfe\x00")
    assert kyso("batch", "sign", "in/today.txt", "--into", "other", "--secret-env", "PW").code == 4


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["none"], 7, "cli.no_such_path"),
        (["in", "--workers", "0"], 7, "cli.bad_workers"),
        (["in", "--wait", "-1"], 7, "cli.bad_wait"),
        (["in", "--key", "seal"], 7, "batch.other_job"),
        (["in", "--set", "max_width_mm=20"], 7, "batch.other_job"),
        (["in", "--ledger", "letter.pdf"], 4, "batch.no_ledger"),
        (["in", "--out", "letter.pdf"], 7, "cli.output_exists"),
        (["empty"], 7, "cli.folder_empty"),
    ],
)
def test_what_cannot_be_is_refused(kyso: Kyso, office: Path, arguments: list[str], code: int, says: str) -> None:
    """Another job with the same ledger, a ledger that is none, answers of somebody else: each by its name."""
    letters(office, 1)
    (office / "empty").mkdir()
    assert kyso("batch", "sign", "in", "--into", "out", "--secret-env", "PW").code == 0
    before = (office / "letter.pdf").read_bytes(), (office / "out" / "000.pdf").read_bytes()
    result = kyso("batch", "sign", *arguments, "--into", "out", "--secret-env", "PW")
    assert (result.code, says in result.err) == (code, True), result.err
    assert ((office / "letter.pdf").read_bytes(), (office / "out" / "000.pdf").read_bytes()) == before


def test_a_wrong_secret_begins_nothing(kyso: Kyso, office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is opened once, before a ledger or folder is made."""
    letters(office, 3)
    monkeypatch.setenv("WRONG", "no")
    result = kyso("batch", "sign", "in", "--into", "out", "--secret-env", "WRONG")
    assert result.code == 5
    assert result.err.count("pfx.wrong_password") == 1
    assert not (office / "out").exists()


def test_a_letter_that_changed_is_told(kyso: Kyso, office: Path) -> None:
    """The result that is there is of the earlier content: neither kept silently nor signed over."""
    names = letters(office, 2)
    assert kyso(*SIGN).code == 0
    before = (office / "out" / names[0]).read_bytes()
    with (office / "in" / names[0]).open("ab") as file:
        file.write(b"\n% changed\n")
    result = kyso(*SIGN)
    assert (result.code, "batch.source_changed" in result.out) == (4, True)
    assert (office / "out" / names[0]).read_bytes() == before


def test_two_runs_at_once_are_one(kyso: Kyso, office: Path) -> None:
    """A second process with the same ledger is refused while the first is at it."""
    from kyso.signing.ledger import Ledger

    letters(office, 1)
    assert kyso(*SIGN).code == 0
    job = json.loads((office / "out" / ".kyso-ledger.jsonl").read_text(encoding="utf-8").splitlines()[0])["job"]
    with Ledger.open(office / "out" / ".kyso-ledger.jsonl", job):
        result = kyso(*SIGN)
    assert (result.code, "batch.ledger_busy" in result.err) == (4, True)


@pytest.mark.parametrize("answer", [{}, {"status": 1}, {"status": "signed", "document": "x"}])
def test_a_ledger_that_somebody_changed_is_told(kyso: Kyso, office: Path, answer: dict[str, Any]) -> None:
    """An answer in it that no run wrote ends with a code and a next step, not with a defect."""
    letters(office, 1)
    assert kyso(*SIGN).code == 0
    ledger = office / "out" / ".kyso-ledger.jsonl"
    with ledger.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"letter": "000.pdf", "state": "done", "answer": answer}) + "\n")
    result = kyso(*SIGN)
    assert (result.code, "batch.no_ledger" in result.err) == (4, True)
    assert_each_signed_once(office, ["000.pdf"])


def test_a_source_that_cannot_be_read_stops_no_other(kyso: Kyso, office: Path) -> None:
    """A listed letter that is gone, a folder of that name, a path that is too long: each fails by itself."""
    letters(office, 1)
    source = office / "in" / "list.txt"
    (office / "in" / "folder.pdf").mkdir()
    source.write_text(f"000.pdf\ngone.pdf\nfolder.pdf\n{'x' * 300}.pdf\n", encoding="utf-8")
    result = kyso("batch", "sign", "in/list.txt", "--into", "out", "--secret-env", "PW")
    assert result.code == 4
    assert "Signed\t1\t" in result.out
    assert "Failed\t3\t" in result.out
    source.write_bytes(b"000.pdf\n\0.pdf\n")
    assert kyso("batch", "sign", "in/list.txt", "--into", "other", "--secret-env", "PW").code == 4


@pytest.mark.skipif(os.name != "posix", reason="signals are sent otherwise there")
def test_ctrl_c_leaves_a_whole_ledger(kyso: Kyso, office: Path, pfx_password: str) -> None:
    """Interrupted in the middle: exit 130, no traceback, answers of what was done, and the next run goes on."""
    names = letters(office, 40)
    command = [str(Path(sys.executable).with_name("kyso")), *SIGN]
    environment = {**os.environ, "PW": pfx_password}
    child = subprocess.Popen(
        command, cwd=office, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    until = time.monotonic() + 60
    while len(list((office / "out").rglob("*.pdf"))) < 5 and child.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    child.send_signal(signal.SIGINT)
    shown = child.communicate(timeout=60)[0]
    assert child.returncode == 130, shown
    assert "Traceback" not in shown
    assert 4 <= len(answers(office)) < 40
    assert kyso(*SIGN).code == 0
    assert_each_signed_once(office, names)
    assert len(answers(office)) == 40


def test_workers_share_the_letters(kyso: Kyso, office: Path) -> None:
    """Two processes: the same answers, each letter once."""
    names = letters(office, 20)
    assert kyso(*SIGN, "--workers", "2").code == 0
    assert_each_signed_once(office, names, kyso)
    assert len(answers(office)) == 20


# ---------------------------------------------------------------------------------------------------------- kill -9


def _command(folder: str, environment: dict[str, str], step: int, arguments: tuple[str, ...]) -> None:
    """Run a command in a child that dies at its `step`-th step on the disk."""
    os.environ.update(environment)
    os.chdir(folder)
    for place in environment["PYTHONPATH"].split(os.pathsep):
        if place and place not in sys.path:
            sys.path.append(place)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - the null device, not a path
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    die_at(step, (os, "write"), (os, "link"), (Path, "replace"))
    os._exit(run(arguments))


def environment_of(pfx_password: str, *further: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(("XDG_", "HOME", "KYSO_"))}
    return {**kept, "PW": pfx_password, "PYTHONPATH": os.pathsep.join(str(place) for place in further)}


@needs_sigkill
def test_killed_at_every_step_each_letter_is_signed_once(kyso: Kyso, office: Path, pfx_password: str) -> None:
    """Two letters and a key in a file: whatever moment the run dies at, the next one ends with one signature each."""
    names = letters(office, 2)
    environment = environment_of(pfx_password)

    def one(step: int) -> int:
        shutil.rmtree(office / "out", ignore_errors=True)
        (office / "answers.jsonl").unlink(missing_ok=True)
        return run_child(_command, str(office), environment, step, QUICK)

    seen: Counter[int] = Counter()
    for _ in steps_until_alive(one):
        there = {path.name: path.read_bytes() for path in (office / "out").rglob("*.pdf")}
        seen[len(there)] += 1
        assert run_child(_command, str(office), environment, NEVER, QUICK) == 0
        assert_each_signed_once(office, names)
        assert [one["status"] for one in answers(office)] == ["signed", "signed"]
        assert [one["size"] for one in answers(office)] == [(office / "out" / name).stat().st_size for name in names]
        for path in (office / "out").rglob("*.pdf"):
            assert there.get(path.name, path.read_bytes()) == path.read_bytes()
    assert set(seen) == {0, 1, 2}
    assert kyso("verify", "out").code == 0


@needs_sigkill
def test_a_process_group_killed_in_the_middle(kyso: Kyso, office: Path, pfx_password: str) -> None:
    """The command as installed, with workers, killed with all its processes after some letters; then run again."""
    names = letters(office, 60)
    command = [str(Path(sys.executable).with_name("kyso")), *SIGN, "--workers", "2"]
    environment = {**os.environ, "PW": pfx_password}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    child = subprocess.Popen(command, cwd=office, env=environment, start_new_session=True, **quiet)
    until = time.monotonic() + 60
    while len(list((office / "out").rglob("*.pdf"))) < 12 and child.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    before = {path: path.read_bytes() for path in (office / "out").rglob("*.pdf")}
    assert len(before) >= 12
    done = subprocess.run(
        command, cwd=office, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert_each_signed_once(office, names, kyso)
    assert len(answers(office)) == 60
    assert all(path.read_bytes() == data for path, data in before.items())


# ------------------------------------------------------------------------------------------------------- the phone


@pytest.fixture
def phone(office: Path, pki: Any, pfx_password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key that a person confirms, as a third party's plugin; returns the phone's folder."""
    site, folder = tmp_path / "site", office / "phone"
    site.mkdir()
    folder.mkdir()
    shutil.copy(pki.pfx("leader"), folder / "key.p12")
    (folder / "password").write_text(pfx_password, encoding="utf-8")
    monkeypatch.syspath_prepend(str(install(site)))
    config = office / "kyso.toml"
    lines = config.read_text(encoding="utf-8")
    config.write_text(
        f'[keys.phone]\nuri = "phone:{folder}"\n[records]\nurl = "sqlite:///{office}/records.sqlite3"\n{lines}',
        encoding="utf-8",
    )
    return folder


PHONE = ("batch", "sign", "in", "--into", "out", "--key", "phone", *INVISIBLE)
ANSWERS = ("--out", "answers.jsonl")


def requests_to(phone: Path) -> int:
    return len(list(phone.glob("*.json")))


def asked_for(phone: Path) -> Counter[str]:
    """Count in how many requests each letter was."""
    requests = [json.loads(path.read_text(encoding="utf-8")) for path in phone.glob("*.json")]
    return Counter(name for _, asked in requests for _, _, name, _ in asked)


def test_one_confirmation_for_the_whole_batch(kyso: Kyso, office: Path, phone: Path) -> None:
    """One request for all letters; a rerun asks for it instead of making another, and finishes every letter."""
    names = letters(office, 5)
    first = kyso(*PHONE, *ANSWERS)
    assert first.code == 8, first.err
    assert {one["status"] for one in answers(office)} == {"pending"}
    assert kyso(*PHONE, *ANSWERS).code == 8
    assert requests_to(phone) == 1
    assert not list((office / "out").rglob("*.pdf"))
    (phone / "confirmed").touch()
    assert kyso(*PHONE, *ANSWERS).code == 0
    assert requests_to(phone) == 1
    assert_each_signed_once(office, names, kyso)
    assert {one["status"] for one in answers(office)} == {"signed"}


def test_more_letters_than_one_confirmation_covers(kyso: Kyso, office: Path, phone: Path) -> None:
    """The provider's limit is fifty: sixty letters are two requests."""
    names = letters(office, 60)
    assert kyso(*PHONE).code == 8
    assert requests_to(phone) == 2
    (phone / "confirmed").touch()
    assert kyso(*PHONE).code == 0
    assert_each_signed_once(office, names)


def test_a_refusal_is_told_and_asked_again_only_by_a_person(kyso: Kyso, office: Path, phone: Path) -> None:
    """Declined: each letter says so and stays unsigned; the next run is a person's decision to ask once more."""
    names = letters(office, 3)
    assert kyso(*PHONE).code == 8
    (phone / "declined").touch()
    declined = kyso(*PHONE)
    assert declined.code == 5
    assert "Failed\t3\t" in declined.out
    assert requests_to(phone) == 1
    (phone / "declined").unlink()
    (phone / "confirmed").touch()
    assert kyso(*PHONE).code == 8
    assert requests_to(phone) == 2
    assert kyso(*PHONE).code == 0
    assert_each_signed_once(office, names)


def test_waiting_without_a_terminal(kyso: Kyso, office: Path, phone: Path) -> None:
    """`--wait` asks every few seconds; what was confirmed meanwhile is finished in the same run."""
    names = letters(office, 2)
    (phone / "confirmed").touch()
    result = kyso(*PHONE, "--wait", "20")
    assert result.code == 0, result.err
    assert_each_signed_once(office, names)


def test_finished_or_cancelled_by_another_command(kyso: Kyso, office: Path, phone: Path) -> None:
    """What `kyso pending resume` finished is taken as it is; what was cancelled is asked for anew."""
    names = letters(office, 2)
    assert kyso(*PHONE).code == 8
    waiting = kyso("pending", "list", "--format", "json").json["pending"]
    assert kyso("pending", "cancel", waiting[0]["prepared_id"]).code == 0
    (phone / "confirmed").touch()
    assert kyso("pending", "resume", waiting[1]["prepared_id"]).code == 0
    assert len(list((office / "out").rglob("*.pdf"))) == 1
    assert kyso(*PHONE).code == 8
    assert requests_to(phone) == 2
    assert kyso(*PHONE).code == 0
    assert_each_signed_once(office, names)


def test_a_lost_ledger_asks_nobody_again(kyso: Kyso, office: Path, phone: Path) -> None:
    """Without the ledger the records still know what waits for the same results."""
    names = letters(office, 2)
    assert kyso(*PHONE).code == 8
    (office / "out" / ".kyso-ledger.jsonl").unlink()
    (phone / "confirmed").touch()
    result = kyso(*PHONE, "--force")
    assert result.code == 0, result.err
    assert requests_to(phone) == 1
    assert_each_signed_once(office, names)


def _phone_command(folder: str, environment: dict[str, str], step: int, arguments: tuple[str, ...]) -> None:
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = [place for place in environment["PYTHONPATH"].split(os.pathsep) if place]
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - the null device, not a path
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    from kyso_test_phone import Phone  # type: ignore[import-not-found]  # written by the test

    from kyso.records.store import Records

    changes = ((Records, "put_prepared"), (Records, "change_prepared"))
    die_at(step, (os, "write"), (os, "link"), (Phone, "sign"), (Phone, "poll"), *changes)
    os._exit(run(arguments))


@needs_sigkill
def test_killed_at_every_step_a_person_is_asked_once(
    kyso: Kyso, office: Path, phone: Path, pfx_password: str, tmp_path: Path
) -> None:
    """A key whose owner confirms: one request, unless a person gives up one whose outcome nobody knows."""
    names = letters(office, 2)
    environment = environment_of(pfx_password, tmp_path / "site")
    (phone / "confirmed").touch()
    first_run_has = [NEVER]

    def one(step: int) -> int:
        for name in ("out", "prepared"):
            shutil.rmtree(office / name, ignore_errors=True)
        for path in (*office.glob("records.sqlite3*"), *phone.glob("*.json")):
            path.unlink()
        if step > first_run_has[0]:
            # The phone answers at the second question, so the whole story takes two runs.
            assert kyso(*PHONE).code == 8
            return run_child(_phone_command, str(office), environment, step - first_run_has[0], PHONE)
        code = run_child(_phone_command, str(office), environment, step, PHONE)
        if code == 8:
            first_run_has[0] = step - 1
            return run_child(_phone_command, str(office), environment, 1, PHONE)
        return code

    given_up = 0
    for _ in steps_until_alive(one):
        result = Result(8, "", "")
        for _ in range(3):
            result = kyso(*PHONE)
            if result.code != 8:
                break
        if result.code == 6:
            given_up += 1
            assert "pending.outcome_unknown" in result.out
            assert max(asked_for(phone).values(), default=0) <= 1
            for waiting in kyso("pending", "list", "--format", "json").json["pending"]:
                kyso("pending", "cancel", waiting["prepared_id"])
            for _ in range(3):
                result = kyso(*PHONE)
                if result.code != 8:
                    break
        else:
            assert asked_for(phone) == Counter([Path(name).name for name in names])
        assert result.code == 0, result.out + result.err
        assert_each_signed_once(office, names)
    assert given_up > 0
