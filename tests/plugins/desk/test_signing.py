"""Signing at the desk over its own interface: placement, jobs, PINs, many letters, a phone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kyso import Engine
from tests.plugins.desk.running import RunningDesk, Visitor, running_desk
from tests.plugins.desk.test_gate import assert_refused
from tests.support import phone_plugin
from tests.support.judges import pdfsig

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")

LEADER = {"role": "leader", "key": "leader", "settings": {}}


def begin(visitor: Visitor, letters: list[dict[str, object]], **asked: object) -> str:
    """Begin a job and return its name."""
    answer = visitor.post("/api/jobs", {**LEADER, "letters": letters, **asked})
    assert answer.status == 200, answer.body
    return str(answer.json["id"])


def test_the_stamp_is_placed_and_shown(visitor: Visitor, letter_pdf: bytes) -> None:
    """The page gets the place between title and name in millimetres, and the stamp as a picture."""
    letter = visitor.upload(letter_pdf).json["id"]
    placed = visitor.post(f"/api/letters/{letter}/place", LEADER).json
    left, top, width, height = placed["rect_mm"]
    assert placed["page"] == 2
    assert 100 < left < 140
    assert 180 < top < 215
    assert 30 < width < 60
    assert 5 < height < 25
    assert base64.b64decode(placed["stamp"])[:4] == b"\x89PNG"
    assert placed["notices"] == []


def test_a_place_by_hand_is_kept_and_remarked(visitor: Visitor, letter_pdf: bytes) -> None:
    """A place that the person chose is used as it is, with the decree's rule beside it, in the page's own words."""
    letter = visitor.upload(letter_pdf).json["id"]
    wish = {"page": 1, "rect_mm": [20, 250, 50, 20]}
    placed = visitor.post(f"/api/letters/{letter}/place", {**LEADER, **wish}).json
    assert (placed["page"], placed["rect_mm"]) == (1, [20, 250, 50, 20])


def test_a_refusal_speaks_to_a_person_at_a_page(visitor: Visitor, letter_pdf: bytes) -> None:
    """Sealing before the leader signed is refused, and the next step names no command-line option."""
    letter = visitor.upload(letter_pdf).json["id"]
    answer = visitor.post(f"/api/letters/{letter}/place", {"role": "seal", "key": "seal", "settings": {}})
    assert_refused(answer, 422, "decree30.leader_missing")
    assert "--" not in answer.json["next_vi"]


@pytest.mark.parametrize(
    "asked",
    [
        {"key": "pfx:/etc/passwd"},
        {"key": "../leader"},
        {"key": "nobody"},
        {"role": "decree30.leader"},
        {"role": 5},
        {"settings": ["a"]},
        {"settings": {"show": 7}},
        {"page": "1"},
        {"page": True},
        {"rect_mm": [1, 2, 3]},
        {"rect_mm": [1, 2, -3, 4]},
        {"rect_mm": [1, 2, 1e300, 4]},
        {"rect_mm": "1,2,3,4"},
        {"field": ["x"]},
    ],
)
def test_a_page_names_roles_and_configured_keys_only(
    visitor: Visitor, letter_pdf: bytes, asked: dict[str, object]
) -> None:
    """URIs, paths and malformed places are refused, for a preview and for a job alike."""
    letter = visitor.upload(letter_pdf).json["id"]
    for answer in (
        visitor.post(f"/api/letters/{letter}/place", {**LEADER, **asked}),
        visitor.post("/api/jobs", {**LEADER, "letters": [{"id": letter}], **asked}),
    ):
        assert answer.status == 400
        assert answer.json["code"] in ("desk.bad_request", "desk.no_such_key")


def test_not_a_number_is_no_place(visitor: Visitor, desk: RunningDesk, letter_pdf: bytes) -> None:
    """JSON's own extensions of numbers are refused like every other nonsense."""
    letter = visitor.upload(letter_pdf).json["id"]
    for number in ("NaN", "Infinity", "-Infinity"):
        body = json.dumps({**LEADER, "rect_mm": [1, 2, 3, 4]}).replace("1, 2", f"{number}, 2").encode()
        answer = desk.request("POST", f"/api/letters/{letter}/place", body, visitor.headers)
        assert_refused(answer, 400, "desk.bad_request")


def test_a_letter_is_signed_and_then_sealed(
    visitor: Visitor, office: Path, letter_pdf: bytes, pfx_password: str
) -> None:
    """One PIN signs; the result lies on the desk for the seal, and in the results folder for good."""
    letter = visitor.upload(letter_pdf, "công văn.pdf").json["id"]
    ended = visitor.finish(begin(visitor, [{"id": letter}]), pfx_password)
    (item,) = ended["items"]
    assert item["state"] == "signed", item
    signed = Path(item["signed"]["out"])
    assert signed.parent == office / "results"
    assert signed.name.startswith("công văn.signed")
    assert item["result"]["signatures"] == 1
    seal = {"role": "seal", "key": "seal", "settings": {"confirm_date": "yes"}}
    sealed = visitor.finish(begin(visitor, [{"id": item["result"]["id"]}], **seal), pfx_password)
    (item,) = sealed["items"]
    assert item["state"] == "signed", item
    with Engine.from_config(office / "kyso.toml") as engine:
        report = engine.verify(Path(item["signed"]["out"]))
    assert (report.verdict, len(report.signatures)) == ("valid", 2)
    assert all(signature.valid for signature in pdfsig(Path(item["signed"]["out"])))
    download = visitor.get(f"/api/letters/{item['result']['id']}/file")
    assert download.body == Path(item["signed"]["out"]).read_bytes()
    assert download.headers["content-disposition"].startswith("attachment")


def test_many_letters_cost_one_pin(visitor: Visitor, letter_pdf: bytes, pfx_password: str) -> None:
    """Three letters of one name are signed with one question, each under a name of its own."""
    letters = [{"id": visitor.upload(letter_pdf, "a.pdf").json["id"]} for _ in range(3)]
    job = begin(visitor, letters)
    asked = 0
    while True:
        state = visitor.get(f"/api/jobs/{job}").json
        if state["state"] == "asking":
            asked += 1
            visitor.post(f"/api/jobs/{job}/secret", {"secret": pfx_password})
        if state["state"] == "done":
            break
    assert asked == 1
    assert [item["state"] for item in state["items"]] == ["signed"] * 3
    assert len({item["signed"]["out"] for item in state["items"]}) == 3


def test_a_wrong_pin_signs_nothing(visitor: Visitor, office: Path, letter_pdf: bytes) -> None:
    """The reason is told, nothing is written, and the PIN is asked for once, not once a letter."""
    before = set((office / "results").glob("*")) if (office / "results").exists() else set()
    letters = [{"id": visitor.upload(letter_pdf).json["id"]} for _ in range(2)]
    ended = visitor.finish(begin(visitor, letters), "wrong-4711")
    assert [item["state"] for item in ended["items"]] == ["failed", "failed"]
    assert {item["error"]["code"] for item in ended["items"]} == {"pfx.wrong_password"}
    assert set((office / "results").glob("*")) == before


def test_a_job_can_be_stopped_before_it_signs(visitor: Visitor, letter_pdf: bytes, pfx_password: str) -> None:
    """Stopping instead of giving the PIN signs nothing; a PIN that comes afterwards is refused."""
    letter = visitor.upload(letter_pdf).json["id"]
    job = begin(visitor, [{"id": letter}])
    while visitor.get(f"/api/jobs/{job}").json["state"] != "asking":
        pass
    answer = visitor.post("/api/jobs", {**LEADER, "letters": [{"id": letter}]})
    assert_refused(answer, 400, "desk.signing_already")
    visitor.post(f"/api/jobs/{job}/stop")
    ended = visitor.finish(job)
    assert ended["state"] == "cancelled"
    assert [item["state"] for item in ended["items"]] == ["stopped"]
    assert_refused(visitor.post(f"/api/jobs/{job}/secret", {"secret": pfx_password}), 400, "desk.not_asking")


@pytest.mark.parametrize("secret", [None, "", 5, "x" * 5000])
def test_a_strange_secret_is_refused(visitor: Visitor, letter_pdf: bytes, secret: object) -> None:
    """Only a short text is taken for a PIN, and a refusal does not repeat it."""
    job = begin(visitor, [{"id": visitor.upload(letter_pdf).json["id"]}])
    answer = visitor.post(f"/api/jobs/{job}/secret", {"secret": secret})
    assert answer.status in (400, 413)
    assert b"xxxx" not in answer.body
    visitor.post(f"/api/jobs/{job}/stop")
    visitor.finish(job)


def test_the_pin_is_nowhere(office: Path, letter_pdf: bytes, tmp_path: Path, pfx_password: str) -> None:
    """After signing neither what the desk said, nor any file it keeps, nor any answer holds the PIN or the content."""
    environment = {"TMPDIR": str(tmp_path / "tmp"), "XDG_STATE_HOME": str(tmp_path / "state")}
    (tmp_path / "tmp").mkdir()
    with running_desk(office, "-v", environment=environment) as desk:
        visitor = desk.open()
        letter = visitor.upload(letter_pdf).json["id"]
        for secret in ("wrong-4711", pfx_password):
            ended = visitor.finish(begin(visitor, [{"id": letter}]), secret)
            assert secret not in json.dumps(ended)
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in kept if b"wrong-4711" in path.read_bytes()]
        assert not [path for path in kept if pfx_password.encode() in path.read_bytes()]
        opening = desk.opening_url.rpartition("/")[2]
        keys = (visitor.cookie.partition("=")[2], visitor.key)
    said = "".join(desk.said)
    for secret in ("wrong-4711", pfx_password, opening, *keys, "letter.pdf"):
        assert secret not in said


@pytest.fixture
def phone_desk(office: Path, tmp_path: Path, pfx: Path, pfx_password: str, signature_image: Path) -> Path:
    """An office whose leader's key is confirmed on a "phone"."""
    phone = tmp_path / "phone"
    phone.mkdir()
    shutil.copy(pfx, phone / "key.p12")
    (phone / "password").write_text(pfx_password)
    phone_plugin.install(tmp_path)
    folder = tmp_path / "office"
    folder.mkdir()
    text = (office / "kyso.toml").read_text(encoding="utf-8").replace(str(office), str(folder))
    (folder / "kyso.toml").write_text(text.replace(f"pfx:{pfx}", f"phone:{phone}"), encoding="utf-8")
    assert "phone:" in (folder / "kyso.toml").read_text(encoding="utf-8")
    return folder


def test_a_phone_confirms_several_letters_at_once(phone_desk: Path, tmp_path: Path, letter_pdf: bytes) -> None:
    """The job waits with what to do and how long it lasts; once confirmed all letters are finished."""
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    with running_desk(phone_desk, environment=environment) as desk:
        visitor = desk.open()
        job = begin(visitor, [{"id": visitor.upload(letter_pdf, f"{n}.pdf").json["id"]} for n in "ab"])
        while (state := visitor.get(f"/api/jobs/{job}").json)["state"] != "pending":
            assert state["state"] == "working", state
        assert 0 < state["seconds_left"] <= 240
        assert state["instruction"]["message_vi"]
        (tmp_path / "phone" / "confirmed").touch()
        ended = visitor.finish(job)
    assert [item["state"] for item in ended["items"]] == ["signed", "signed"]
    assert [item["name"] for item in ended["items"]] == ["a.pdf", "b.pdf"]
    assert [Path(item["signed"]["out"]).name for item in ended["items"]] == ["a.signed.pdf", "b.signed.pdf"]


def test_a_declined_phone_signs_nothing(phone_desk: Path, tmp_path: Path, letter_pdf: bytes) -> None:
    """A person who declines leaves the letter unsigned, with the reason."""
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    (tmp_path / "phone" / "declined").touch()
    with running_desk(phone_desk, environment=environment) as desk:
        visitor = desk.open()
        ended = visitor.finish(begin(visitor, [{"id": visitor.upload(letter_pdf).json["id"]}]))
    (item,) = ended["items"]
    assert item["state"] == "failed"
    assert item["error"]["code"] == "key.needs_confirmation"
    assert not list((phone_desk / "results").glob("*"))


def test_a_waiting_letter_outlives_the_desk(phone_desk: Path, tmp_path: Path, letter_pdf: bytes) -> None:
    """When the desk is closed first, the letter goes on waiting and `kyso pending resume` finishes it."""
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    with running_desk(phone_desk, environment=environment) as desk:
        visitor = desk.open()
        job = begin(visitor, [{"id": visitor.upload(letter_pdf, "chờ.pdf").json["id"]}])
        while visitor.get(f"/api/jobs/{job}").json["state"] != "pending":
            time.sleep(0.05)
        assert visitor.get("/api/desk").json["job"] == job
    (tmp_path / "phone" / "confirmed").touch()
    kyso = Path(sys.executable).with_name("kyso")

    def run(*arguments: str) -> str:
        command = [kyso, *arguments, "--format", "json"]
        done = subprocess.run(
            command, cwd=phone_desk, env={**os.environ, **environment}, capture_output=True, text=True, check=True
        )
        return done.stdout

    (waiting,) = json.loads(run("pending", "list"))["pending"]
    assert waiting["document_name"] == "chờ.pdf"
    assert '"signed"' in run("pending", "resume", waiting["prepared_id"])
    assert (phone_desk / "results" / "chờ.signed.pdf").is_file()
