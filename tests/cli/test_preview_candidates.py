"""``kyso preview`` where several places could be meant."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Kyso
from tests.plugins.decree30 import letters


def test_several_places_are_drawn_and_listed(kyso: Kyso, office: Path) -> None:
    """The pages with numbered boxes are written, the refusal follows, and the number chooses; nothing is guessed."""
    (office / "joint.pdf").write_bytes(letters.joint())
    asked = ("preview", "joint.pdf", "--policy", "decree30.leader", "--out", "places.png")
    result = kyso(*asked)
    assert result.code == 4
    assert (office / "places.png").read_bytes().startswith(b"\x89PNG")
    assert [line.split("\t")[:2] for line in result.out.splitlines()] == [["1", "1"], ["2", "1"]]
    assert "decree30.block_ambiguous" in result.err
    told = kyso(*asked, "--force", "--format", "json")
    assert told.code == 4
    assert told.json["schema"] == "kyso.candidates/1"
    assert [entry["number"] for entry in told.json["candidates"]] == [1, 2]
    assert told.json["pages"] == [{"page": 1, "out": "places.png"}]
    assert kyso(*asked).code == 7
    assert kyso("sign", "joint.pdf", "--out", "x.pdf", "--secret-env", "PW").code == 4
    assert not (office / "x.pdf").exists()
    chosen = kyso("sign", "joint.pdf", "--set", "candidate=2", "--out", "x.pdf", "--secret-env", "PW")
    assert chosen.code == 0, chosen.err
