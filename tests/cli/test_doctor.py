"""``kyso doctor``: one line for each finding, what to do next, nothing changed, nobody asked."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kyso import text
from kyso.config import Config
from kyso.contracts import Contribution, Diagnosis, Examination
from kyso.demo.pki import DemoPki, certificate_pem, issue, make_root, pfx_bytes
from kyso.diagnosing.clock import clock_against
from kyso.diagnosing.doctor import examination_of, examine_all, worst
from kyso.hookspecs import hookimpl
from kyso.plugins import create_plugin_manager
from kyso.text import LANGUAGES, Text
from tests.cli.conftest import Kyso

CHAPTERS = ("installation", "configuration", "keys", "trust", "fonts", "records", "disk", "clock", "network")


def lines(answer: Mapping[str, Any], chapter: str) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of a chapter by their codes."""
    (found,) = (each for each in answer["chapters"] if each["name"] == chapter)
    by_code: dict[str, list[dict[str, Any]]] = {}
    for line in found["diagnoses"]:
        by_code.setdefault(line["code"], []).append(line)
    return by_code


def test_a_good_office_is_well(kyso: Kyso, office: Path) -> None:
    """With keys, roots and lists in place nothing needs mending, and every line has words in both languages."""
    before = {path: path.stat().st_mtime_ns for path in office.rglob("*")}
    result = kyso("doctor", "--format", "json")
    assert result.code == 0, result.out
    answer = result.json
    assert answer["schema"] == "kyso.doctor/1"
    assert answer["state"] in ("ok", "warning")
    assert [chapter["name"] for chapter in answer["chapters"]][: len(CHAPTERS)] == list(CHAPTERS)
    assert {"pfx", "pkcs11", "remote", "kbnn"} <= {chapter["name"] for chapter in answer["chapters"]}
    told = [line for chapter in answer["chapters"] for line in chapter["diagnoses"]]
    assert sum(answer["counts"].values()) == len(told)
    for line in told:
        for language in LANGUAGES:
            assert line[f"message_{language}"] != line["code"]
            assert "{" not in line[f"message_{language}"], line
        if line["state"] != "ok":
            assert line["next_vi"], line
            assert line["next_en"], line
    assert "diagnosing.config_good" in lines(answer, "configuration")
    assert len(lines(answer, "pfx")["pfx.state_file"]) == 2
    assert "diagnosing.root_other" in lines(answer, "trust")
    assert "diagnosing.crl" in lines(answer, "trust")
    assert {path: path.stat().st_mtime_ns for path in office.rglob("*")} == before


def test_a_clerk_reads_it_on_the_telephone(kyso: Kyso, office: Path) -> None:
    """In text each finding is one line with its state in words, in the language asked for, and a summary ends it."""
    result = kyso("doctor", "--lang", "vi")
    assert result.code == 0
    body, _, summary = result.out.strip().rpartition("\n\n")
    assert summary
    heads = [line for line in body.splitlines() if not line.startswith(" ")]
    assert heads[:2] == ["Phần mềm", "Cấu hình"]
    marks = {text.message(f"diagnosing.state_{state}", "vi") for state in ("ok", "warning", "failure")}
    for line in body.splitlines():
        if line.startswith("  ") and "→" not in line:
            assert line.split("  ")[1] in marks, line
    assert "\x1b" not in result.out


def test_a_broken_configuration_is_a_finding(kyso: Kyso, office: Path) -> None:
    """A file that cannot be used does not stop the rest; the exit code says that something needs mending."""
    (office / "kyso.toml").write_text('[signing]\nlevle = "b"\n[keys.leader]\nuri = "pfx:gone.p12"\n', encoding="utf-8")
    result = kyso("doctor", "--format", "json")
    assert result.code == 1
    answer = result.json
    assert answer["state"] == "failure"
    assert lines(answer, "configuration")["config.unknown_entry"][0]["state"] == "failure"
    assert "diagnosing.clock" in lines(answer, "clock")
    (office / "kyso.toml").write_text("no toml at all [", encoding="utf-8")
    assert kyso("doctor", "--format", "json").code == 1


def test_without_anything_it_says_where_to_start(kyso: Kyso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder there are warnings with the commands to run, and nothing to mend."""
    monkeypatch.chdir(tmp_path)
    result = kyso("doctor", "--format", "json")
    assert result.code == 0
    answer = result.json
    assert "kyso init" in lines(answer, "configuration")["diagnosing.no_config"][0]["next_en"]
    assert "kyso keys list" in lines(answer, "keys")["diagnosing.no_keys"][0]["next_en"]
    assert "kyso trust add" in lines(answer, "trust")["diagnosing.no_roots"][0]["next_en"]


def test_keys_that_cannot_be_used_are_told(kyso: Kyso, office: Path, pki: DemoPki) -> None:
    """A missing file, one that is none, an unknown source, an old protection, a file open to others: a line each."""
    leader = pki.identities["leader"]
    (office / "old.p12").write_bytes(pfx_bytes(leader, legacy=True))
    (office / "old.p12").chmod(0o644)
    (office / "none.p12").write_bytes(b"no key")
    uris = {"gone": "pfx:gone.p12", "none": "pfx:none.p12", "old": "pfx:old.p12", "odd": "nosuch:1"}
    entries = "".join(f'[keys.{name}]\nuri = "{uri}"\n' for name, uri in uris.items())
    (office / "kyso.toml").write_text(entries, encoding="utf-8")
    answer = kyso("doctor", "--format", "json").json
    found = lines(answer, "pfx")
    assert found["pfx.not_found"][0]["state"] == "failure"
    assert found["pfx.not_pkcs12"][0]["state"] == "failure"
    assert found["pfx.state_old"][0]["state"] == "warning"
    if os.name == "posix":
        assert found["pfx.state_open"][0]["parameters"]["key"] == "old"
    assert lines(answer, "keys")["plugins.unknown"][0]["parameters"]["key"] == "odd"


def test_roots_and_lists_that_ran_out_are_told(kyso: Kyso, office: Path) -> None:
    """A root that bears a known name without being it needs mending; what has run out is a warning."""
    from kyso.demo.pki import Subject, make_crl
    from kyso.verification.known_roots import known_roots

    impostor = make_root(Subject(known_roots()[0].name), kind="p-256")
    past = make_root(Subject("Gốc cũ (TEST)"), kind="p-256", now=datetime.now(UTC) - timedelta(days=30 * 365))
    old_list = make_crl(
        past, this_update=datetime.now(UTC) - timedelta(days=9), next_update=datetime.now(UTC) - timedelta(days=2)
    )
    (office / "roots.pem").write_bytes(certificate_pem(impostor.certificate, past.certificate))
    (office / "old.crl").write_bytes(old_list)
    (office / "kyso.toml").write_text('[verification]\ntrust = ["roots.pem"]\ncrl = ["old.crl"]\n', encoding="utf-8")
    result = kyso("doctor", "--format", "json")
    found = lines(result.json, "trust")
    assert result.code == 1
    assert found["diagnosing.root_pretends"][0]["state"] == "failure"
    assert found["diagnosing.root_expired"][0]["state"] == "warning"
    assert found["diagnosing.crl_stale"][0]["state"] == "warning"


# ---------------------------------------------------------------------------------------------------------- records


def test_records_are_looked_at_and_not_made(kyso: Kyso, office: Path) -> None:
    """A database that does not exist is not created; one that is no database, or a newer kyso's, is told."""
    place = office / "records.sqlite3"
    with (office / "kyso.toml").open("a", encoding="utf-8") as config:
        config.write(f"\n[records]\nurl = 'sqlite:///{place}'\n")
    assert "diagnosing.records_none" in lines(kyso("doctor", "--format", "json").json, "records")
    assert not place.exists()
    assert kyso("pending", "list").code == 0
    assert "diagnosing.records" in lines(kyso("doctor", "--format", "json").json, "records")
    with sqlite3.connect(place) as database:
        database.execute("UPDATE kyso_version_core SET version_num = 'core_9999'")
    database.close()
    result = kyso("doctor", "--format", "json")
    assert result.code == 1
    assert "records.newer" in lines(result.json, "records")
    place.write_bytes(b"this is no database at all, whatever its name says" * 100)
    result = kyso("doctor", "--format", "json")
    assert result.code == 1
    assert "records.unusable" in lines(result.json, "records")


def test_a_database_password_is_not_shown(kyso: Kyso, office: Path) -> None:
    """Records on a server that is not there: told within the deadline, without the password of its address."""
    with (office / "kyso.toml").open("a", encoding="utf-8") as config:
        config.write("\n[records]\nurl = 'postgresql+psycopg://kyso:very-secret@127.0.0.1:1/kyso'\n")
    result = kyso("doctor", "--format", "json")
    assert result.code == 1
    assert "very-secret" not in result.out + result.err


# -------------------------------------------------------------------------------------------------------- leftovers


def _leftover(path: Path, age: timedelta) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half a letter")
    when = time.time() - age.total_seconds()
    os.utime(path, (when, when))
    return path


def test_leftovers_are_swept_when_asked(kyso: Kyso, office: Path) -> None:
    """Old temporary files are told; --sweep removes them, here and in the folders named, and nothing else."""
    old = timedelta(hours=3)
    here = _leftover(office / f".kyso-{'a' * 16}.part", old)
    deep = _leftover(office / "out" / "deep" / f".kyso-{'b' * 16}.pdf", old)
    young = _leftover(office / f".kyso-{'c' * 16}.part", timedelta(minutes=5))
    foreign = _leftover(office / ".kyso-notes.part", old)
    link = office / f".kyso-{'d' * 16}.part"
    link.symlink_to(office / "letter.pdf")
    found = lines(kyso("doctor", "--format", "json").json, "disk")["diagnosing.leftovers"][0]
    assert found["parameters"]["count"] == 1
    assert "--sweep" in found["next_en"]
    assert here.exists()
    answer = kyso("doctor", "--sweep", "--format", "json").json
    assert [Path(path).name for path in answer["removed"]] == [here.name]
    assert deep.exists()
    answer = kyso("doctor", "--sweep", "out", "--format", "json").json
    assert [Path(path).name for path in answer["removed"]] == [deep.name]
    assert "diagnosing.no_leftovers" in lines(answer, "disk")
    assert young.exists()
    assert foreign.exists()
    assert (office / "letter.pdf").exists()


def test_prepared_letters_that_nobody_waits_for_are_swept(kyso: Kyso, office: Path) -> None:
    """A process that died between keeping a letter and recording it leaves a file; a letter waited for stays."""
    place = office / "records.sqlite3"
    with (office / "kyso.toml").open("a", encoding="utf-8") as config:
        config.write(f"\n[records]\nurl = 'sqlite:///{place}'\n")
    assert kyso("pending", "list").code == 0
    orphan, waiting = "0" * 16, "1" * 16
    with sqlite3.connect(place) as database:
        database.execute(
            "INSERT INTO prepared_signatures (id, state, created_at, changed_at, document_name, key_name,"
            " prepared_json, prepared_path, overwrite) VALUES (?, 'pending', '2026-11-20', '2026-11-20', 'a', 'k',"
            " '{}', 'p', 0)",
            (waiting,),
        )
    database.close()
    for name in (orphan, waiting):
        _leftover(office / "prepared" / f"{name}.pdf", timedelta(days=2))
    answer = kyso("doctor", "--sweep", "--format", "json").json
    assert [Path(path).stem for path in answer["removed"]] == [orphan]
    assert (office / "prepared" / f"{waiting}.pdf").exists()
    assert lines(answer, "records")["diagnosing.waiting"][0]["parameters"]["count"] == 1


def test_wrong_options_are_refused(kyso: Kyso, office: Path) -> None:
    """A deadline out of range, folders without --sweep, a folder that is not there, an unknown format."""
    assert kyso("doctor", "--deadline", "0").code == 7
    assert kyso("doctor", ".").code == 7
    assert kyso("doctor", "--sweep", "nowhere").code == 7
    assert kyso("doctor", "--format", "yaml").code == 7


# ------------------------------------------------------------------------------------------- examinations that fail


class _Stuck:
    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        yield Diagnosis("diagnosing.clock", "ok", {"time": "-"})
        time.sleep(20)


class _Broken:
    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        raise RuntimeError("no such\x1b[31m thing")
        yield Diagnosis("diagnosing.clock", "ok")


def _load_failing() -> Any:
    raise ImportError("libgone.so")


class _Plugin:
    """A plugin whose examinations hang, fail and do not load."""

    __name__ = "sick"

    @hookimpl
    def register_diagnostics(self, register: Any) -> None:
        register(Contribution("sick.stuck", Text("Kẹt", "Stuck"), load=_Stuck))
        register(Contribution("sick.broken", Text("Hỏng", "Broken"), load=_Broken))
        register(Contribution("sick.unloadable", Text("Thiếu", "Missing"), load=_load_failing))


def test_an_examination_that_fails_is_a_line() -> None:
    """One that hangs is given up at the deadline with what it said so far; one that breaks or does not load is told."""
    registry = create_plugin_manager(autoload=False, extra=[_Plugin()])
    started = time.monotonic()
    chapters = examine_all(examination_of(Config(), registry, deadline_s=4.0))
    assert time.monotonic() - started < 12
    by_name = {chapter.name: chapter for chapter in chapters}
    assert [d.code for d in by_name["sick.stuck"].diagnoses] == ["diagnosing.clock", "diagnosing.examination_hangs"]
    (broken,) = by_name["sick.broken"].diagnoses
    assert broken.code == "diagnosing.examination_failed"
    assert "\x1b" not in json.dumps(broken.parameters)
    assert [d.state for d in by_name["sick.unloadable"].diagnoses] == ["failure"]
    assert worst(chapters) == "failure"


def test_clocks_are_held_against_each_other() -> None:
    """Within two minutes nothing is said; beyond them by how much and to which side."""
    now = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert clock_against(now + timedelta(seconds=90), now, now, "a.example") is None
    fast = clock_against(now - timedelta(minutes=7), now, now, "a.example")
    slow = clock_against(now + timedelta(hours=1), now, now, "a.example")
    assert fast is not None
    assert slow is not None
    assert (fast.code, fast.parameters["minutes"]) == ("diagnosing.clock_fast", 7)
    assert (slow.code, slow.parameters["minutes"]) == ("diagnosing.clock_slow", 60)


def test_a_clock_before_the_installation_is_wrong() -> None:
    """A machine whose battery died stands in the past; that needs mending before anything is signed."""
    registry = create_plugin_manager(autoload=False)
    chapters = examine_all(examination_of(Config(), registry, now=datetime(2020, 1, 1, tzinfo=UTC)))
    (clock,) = (chapter for chapter in chapters if chapter.name == "clock")
    assert [(d.code, d.state) for d in clock.diagnoses] == [("diagnosing.clock_behind", "failure")]


def test_certificates_that_end_soon_are_told(pki: DemoPki) -> None:
    """Days left, a trusted chain and the owner are judged by the same rules that hold before signing."""
    from kyso.config import KeySection, VerificationSection
    from kyso.demo.pki import LEADER, certificate_der
    from kyso.diagnosing.certificates import examine_certificate

    trusting = VerificationSection(trust=(pki.root_pem, pki.issuing_pem), crl=(pki.crl_folder,))
    config = Config(verification=trusting, keys={"seal": KeySection(uri="pfx:x", role="seal")})
    registry = create_plugin_manager(autoload=False)
    now = datetime.now(UTC)
    ends = {"later": timedelta(days=400), "soon": timedelta(days=12), "past": -timedelta(days=1)}
    told = {}
    for name, left in ends.items():
        identity = issue(pki.issuing, LEADER, not_before=now - timedelta(days=500), not_after=now + left)
        der = certificate_der(identity.certificate)
        found = list(examine_certificate("seal", der, (), examination_of(config, registry, now=now)))
        told[name] = [(line.code, line.state) for line in found]
    assert told["later"] == [
        ("diagnosing.certificate", "ok"),
        ("diagnosing.certificate_trusted", "ok"),
        ("signing.organisation_wanted", "warning"),
    ]
    assert told["soon"][0] == ("diagnosing.certificate_soon", "warning")
    assert told["past"] == [("key.certificate_expired", "failure")]
