"""The first run by its interface: what is taken along, and that nothing is written over or read from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from kyso.config import Config
from kyso.demo.pki import DemoPki
from tests.plugins.desk.running import Visitor, running_desk
from tests.plugins.desk.test_gate import assert_refused

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user without any configuration."""
    return tmp_path_factory.mktemp("newcomer")


@pytest.fixture(scope="module")
def newcomer(place: Path) -> Iterator[Visitor]:
    """The person at that desk."""
    (place / "here").mkdir()
    with running_desk(place / "here", environment={"XDG_CONFIG_HOME": str(place / "config")}) as desk:
        yield desk.open()


def take(visitor: Visitor, kind: str, data: bytes, name: str) -> dict[str, object]:
    """Upload a file for the first run and return what is known of it."""
    answer = visitor.upload(data, name, f"/api/setup/files?kind={kind}")
    assert answer.status == 200, answer.body
    taken: dict[str, object] = answer.json
    return taken


def png(width: int = 10, height: int = 10) -> bytes:
    """Return a small picture."""
    written = io.BytesIO()
    Image.new("RGBA", (width, height), (200, 0, 0, 255)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "data", "name", "code"),
    [
        ("key", b"hello", "a.p12", "desk.not_a_key_file"),
        ("key", b"\x30\x82", "a.exe", "desk.not_a_key_file"),
        ("seal_image", b"hello", "a.png", "desk.not_a_picture"),
        ("seal_image", b"\x89PNG\r\n\x1a\n" + b"x" * 50, "a.png", "desk.not_a_picture"),
        ("leader_image", b"<svg onload=alert(1)>", "a.png", "desk.not_a_picture"),
    ],
)
def test_files_are_looked_at(newcomer: Visitor, kind: str, data: bytes, name: str, code: str) -> None:
    """What is no key, picture or root is refused before anything is written."""
    assert_refused(newcomer.upload(data, name, f"/api/setup/files?kind={kind}"), 422, code)


def test_an_unknown_kind_is_refused(newcomer: Visitor) -> None:
    """Only the four kinds of files are taken."""
    assert_refused(newcomer.upload(b"x", "a", "/api/setup/files?kind=shell"), 400, "desk.bad_request")


def test_a_picture_bomb_is_refused(newcomer: Visitor) -> None:
    """A picture of a billion points is refused by its head, not after it was unpacked."""
    bomb = bytearray(png())
    bomb[16:24] = (50_000).to_bytes(4, "big") + (50_000).to_bytes(4, "big")
    answer = newcomer.upload(bytes(bomb), "bomb.png", "/api/setup/files?kind=seal_image")
    assert answer.status == 422
    assert answer.json["code"] in ("desk.not_a_picture", "desk.picture_too_large")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "desk.organisation_wanted"),
        ({"organisation": "  "}, "desk.organisation_wanted"),
        ({"organisation": "A\nB"}, "desk.bad_request"),
        ({"organisation": "A", "seal_diameter_mm": 0}, "desk.diameter_wanted"),
        ({"organisation": "A", "seal_diameter_mm": "36"}, "desk.diameter_wanted"),
        ({"organisation": "A", "leader_key": "pfx:/etc/passwd"}, "desk.bad_request"),
        ({"organisation": "A", "seal_image": "/etc/passwd"}, "desk.bad_request"),
        ({"organisation": "A", "roots": {"/etc": ["00"]}}, "desk.bad_request"),
        ({"organisation": "A", "roots": ["x"]}, "desk.bad_request"),
    ],
)
def test_answers_are_checked(newcomer: Visitor, place: Path, asked: dict[str, object], code: str) -> None:
    """Missing and malformed answers, paths and URIs are refused, and nothing is written."""
    assert_refused(newcomer.post("/api/setup", asked), 400, code)
    assert not (place / "config").exists()


def test_a_first_configuration_is_written_once(newcomer: Visitor, place: Path, pki: DemoPki) -> None:
    """Names that try to lead elsewhere or to end a text in the file stay plain; a second time is refused."""
    before = newcomer.get("/api/desk").json
    assert (before["config"], before["keys"]) == (None, [])
    key = take(newcomer, "key", pki.pfx("leader").read_bytes(), "../../lead\u202eer.p12")
    seal = take(newcomer, "seal_image", png(), "seal.png")
    root = take(newcomer, "root", (pki.folder / "root.pem").read_bytes(), "root.pem")
    (known,) = root["roots"]  # type: ignore[misc] # a list of one table
    asked = {
        "organisation": 'UBND "XÃ" \\ [x]',
        "leader_key": key["id"],
        "leader_title": "CHỦ TỊCH",
        "seal_image": seal["id"],
        "seal_diameter_mm": 35.5,
        "roots": {str(root["id"]): [known["sha256"], "00" * 32]},
    }
    answer = newcomer.post("/api/setup", asked)
    assert answer.status == 200, answer.body
    folder = place / "config" / "kyso"
    config = Config.load(folder / "kyso.toml")
    assert config.organisation.name == 'UBND "XÃ" \\ [x]'
    assert config.keys["leader"].uri == "pfx:keys/leader.p12"
    assert config.keys["leader"].title == "CHỦ TỊCH"
    assert config.seal.image == folder / "pictures" / "seal.png"
    assert len(list((folder / "trust").glob("*.pem"))) == 1
    assert [key["name"] for key in newcomer.get("/api/desk").json["keys"]] == ["leader"]
    assert_refused(newcomer.post("/api/setup", {"organisation": "B"}), 400, "cli.output_exists")
    assert Config.load(folder / "kyso.toml") == config


def test_found_keys_are_offered_without_their_addresses(newcomer: Visitor) -> None:
    """Keys are listed by what people know of them."""
    listed = newcomer.get("/api/setup/keys")
    assert listed.status == 200
    assert b"pfx:" not in listed.body
    assert all(set(key) == {"id", "name", "subject", "issuer", "kind", "not_after"} for key in listed.json["keys"])
