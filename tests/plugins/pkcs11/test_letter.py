"""A whole letter signed with a token through the engine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso.config import Config, KeySection
from kyso.engine import Engine
from kyso.errors import KeyTrouble
from kyso.geometry import RectMm
from kyso.models import FailedSignature, SignedDocument, SignRequest
from tests.plugins.pkcs11.conftest import Person, Tokens
from tests.plugins.pkcs11.test_strange_modules import Strange
from tests.plugins.registry import registry_with


def engine_for(module: Path, person: Person) -> Engine:
    uri = f"pkcs11:token=LANH%20DAO?module-path={module}"
    return Engine(Config(keys={"leader": KeySection(uri=uri)}), registry_with("kyso_pkcs11"), ask_secret=person.ask)


@pytest.fixture
def engine(softhsm_environment: Tokens, person: Person) -> Iterator[Engine]:
    """An engine whose leader's key is on the token."""
    with engine_for(softhsm_environment.module, person) as made:
        yield made


def test_a_letter_is_signed_with_a_token(engine: Engine, letter_path: Path, tmp_path: Path, person: Person) -> None:
    """The signed letter begins with the original's bytes and is valid for pdfsig; the PIN was asked once."""
    out = tmp_path / "signed.pdf"
    for number in range(3):
        target = out if number == 0 else tmp_path / f"{number}.pdf"
        done = engine.sign(SignRequest(letter_path, "leader", policy="invisible", out=target))
        assert isinstance(done, SignedDocument)
    assert out.read_bytes().startswith(letter_path.read_bytes())
    assert [code.removesuffix("_low") for code in person.asked] == [
        "pkcs11.prompt_pin"
    ]  # another test may have spent a try
    if shutil.which("pdfsig"):
        shown = subprocess.run(["pdfsig", str(out)], capture_output=True, text=True, check=False).stdout
        assert "Signature is Valid" in shown


def test_a_preview_asks_no_pin(engine: Engine, letter_path: Path, person: Person) -> None:
    """The page is drawn with the name from the token's certificate, and no PIN is asked."""
    preview = engine.preview(SignRequest(letter_path, "leader", policy="fixed", page=1, rect_mm=RectMm(20, 20, 70, 30)))
    assert preview.png.startswith(b"\x89PNG")
    assert person.asked == []


def test_a_token_removed_in_a_batch_leaves_nothing_half_done(
    strange: Strange, person: Person, letter_path: Path, tmp_path: Path
) -> None:
    """Two of four letters are whole; the others have no file, and each says after how many signatures it stopped."""
    requests = [
        SignRequest(letter_path, "leader", policy="invisible", out=tmp_path / f"{number}.pdf") for number in range(4)
    ]
    with engine_for(strange(remove="2"), person) as engine:
        outcomes = list(engine.sign_many(requests))
    assert [type(outcome) for outcome in outcomes] == [SignedDocument] * 2 + [FailedSignature] * 2
    failed = [outcome for outcome in outcomes if isinstance(outcome, FailedSignature)]
    assert [(each.code, each.parameters["made"]) for each in failed] == [("pkcs11.token_removed", 2)] * 2
    assert sorted(path.name for path in tmp_path.glob("[0-9].pdf")) == ["0.pdf", "1.pdf"]


def test_a_token_that_is_back_signs_again(
    strange: Strange, person: Person, letter_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service goes on once the token is plugged in again: the key is opened anew, with its PIN, and not at once."""
    from kyso.signing import keyring

    def request(number: int) -> SignRequest:
        return SignRequest(letter_path, "leader", policy="invisible", out=tmp_path / f"{number}.pdf")

    with engine_for(strange(remove="1"), person) as engine:
        engine.sign(request(1))
        for number in (2, 3):
            with pytest.raises(KeyTrouble, match=r"pkcs11\.token_removed"):
                engine.sign(request(number))
        assert len(person.asked) == 1
        monkeypatch.setattr(keyring, "REST_S", 0.0)
        assert isinstance(engine.sign(request(4)), SignedDocument)
        assert len(person.asked) == 2
    assert sorted(path.name for path in tmp_path.glob("[0-9].pdf")) == ["1.pdf", "4.pdf"]
