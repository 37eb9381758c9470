"""A USB token at the desk: SoftHSM plays it, in the plugin's own worker process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso.demo.pki import DemoPki
from tests.plugins.desk.running import Visitor, running_desk
from tests.plugins.desk.test_signing import begin
from tests.support.judges import pdfsig
from tests.support.softhsm import PIN, entry, make_tokens, softhsm_module

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")


@pytest.fixture
def token_visitor(office: Path, tmp_path: Path, pki: DemoPki, pfx: Path) -> Iterator[Visitor]:
    """The person at a desk whose leader's key is on a token."""
    module = softhsm_module()
    if module is None:
        pytest.skip("SoftHSM 2 is not installed")
    leader = entry("01", "leader", pki.identities["leader"])
    configuration = make_tokens(tmp_path / "softhsm", module, {"LANH DAO": [leader]})
    folder = tmp_path / "office"
    folder.mkdir()
    text = (office / "kyso.toml").read_text(encoding="utf-8").replace(str(office), str(folder))
    text = text.replace(f"pfx:{pfx}", "pkcs11:token=LANH%20DAO") + f'\n[plugins.pkcs11]\nmodules = ["{module}"]\n'
    (folder / "kyso.toml").write_text(text, encoding="utf-8")
    with running_desk(folder, environment={"SOFTHSM2_CONF": str(configuration)}) as desk:
        yield desk.open()


def test_a_token_signs_with_one_pin(token_visitor: Visitor, letter_pdf: bytes) -> None:
    """The question names the token; a wrong PIN costs one try and is told; the right one signs every letter."""
    visitor = token_visitor
    assert visitor.get("/api/desk").json["keys"][0]["kind"] == "token"
    letters = [{"id": visitor.upload(letter_pdf, f"{name}.pdf").json["id"]} for name in "ab"]
    job = begin(visitor, letters)
    while (state := visitor.get(f"/api/jobs/{job}").json)["state"] != "asking":
        assert state["state"] == "working", state
    assert "LANH DAO" in state["question"]["message_vi"]
    failed = visitor.finish(job, "999999")
    assert [item["state"] for item in failed["items"]] == ["failed", "failed"]
    assert failed["items"][0]["error"]["code"].startswith("pkcs11.pin_wrong")
    ended = visitor.finish(begin(visitor, letters), PIN)
    assert [item["state"] for item in ended["items"]] == ["signed", "signed"]
    for item in ended["items"]:
        assert all(signature.valid for signature in pdfsig(Path(item["signed"]["out"])))
