"""Secrets kept by the system's safe: only where wanted, only once proved right, never where few tries are left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

keyring = pytest.importorskip("keyring", reason="the extra `keyring` is not installed")
from keyring.backend import KeyringBackend  # noqa: E402 - after the check that it is installed

from kyso.demo.pki import DemoPki  # noqa: E402
from kyso.secret import Secret  # noqa: E402
from tests.cli.conftest import Kyso  # noqa: E402


class Safe(KeyringBackend):
    """A safe as desktop systems have one, in this process's memory: the tests' machine has no desktop session."""

    priority: ClassVar[float] = 5
    kept: ClassVar[dict[tuple[str, str], str]] = {}
    locked: ClassVar[bool] = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("secret of " + username)
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(autouse=True)
def safe() -> Iterator[type[Safe]]:
    before = keyring.get_keyring()
    keyring.set_keyring(Safe())
    Safe.kept.clear()
    Safe.locked = False
    yield Safe
    keyring.set_keyring(before)


@pytest.fixture
def wanting(office: Path) -> Path:
    """The office, whose leader's key may be kept."""
    config = office / "kyso.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('role = "leader"', 'role = "leader"\nkeyring = true'), encoding="utf-8")
    return office


def sign(kyso: Kyso, *more: str) -> Any:
    return kyso("sign", "letter.pdf", "--policy", "invisible", "--out", "out.pdf", "--force", *more)


def test_a_kept_password_signs_without_asking(kyso: Kyso, wanting: Path, safe: type[Safe], pfx_password: str) -> None:
    """Remembered once, the key opens by itself; forgotten, it asks again. The secret is shown nowhere."""
    assert sign(kyso).code == 5
    kept = kyso("keys", "remember", "leader", "--secret-env", "PW")
    assert kept.code == 0, kept.err
    assert pfx_password not in kept.out + kept.err
    assert list(safe.kept.values()) == [pfx_password]
    assert sign(kyso).code == 0
    assert "Forget" in kept.err or "forget" in kept.err
    assert kyso("keys", "forget", "leader").code == 0
    assert safe.kept == {}
    assert sign(kyso).code == 5
    assert kyso("keys", "forget", "leader").code == 0


def test_it_is_off_unless_wanted(kyso: Kyso, office: Path, safe: type[Safe]) -> None:
    """Without `keyring = true` nothing is kept, and what lies in the safe is not looked at."""
    refused = kyso("keys", "remember", "leader", "--secret-env", "PW")
    assert refused.code == 7
    assert "keyring = true" in refused.err
    safe.locked = True
    assert sign(kyso, "--secret-env", "PW").code == 0
    assert kyso("keys", "remember", "nobody").code == 7
    assert kyso("keys", "forget", "nobody").code == 7


def test_a_wrong_password_is_not_kept(
    kyso: Kyso, wanting: Path, safe: type[Safe], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not open the key is refused as always, and nothing of it stays."""
    monkeypatch.setenv("PW", "not-the-password")
    refused = kyso("keys", "remember", "leader", "--secret-env", "PW")
    assert refused.code == 5
    assert "not-the-password" not in refused.out + refused.err
    assert safe.kept == {}


def test_a_kept_password_that_is_wrong_is_forgotten(kyso: Kyso, wanting: Path, safe: type[Safe]) -> None:
    """After the key's password was changed the old one is tried once and then never again."""
    assert kyso("keys", "remember", "leader", "--secret-env", "PW").code == 0
    for entry in safe.kept:
        safe.kept[entry] = "the-password-of-last-year"
    assert sign(kyso).code == 5
    assert safe.kept == {}


def test_workers_get_it_too(kyso: Kyso, wanting: Path, letter_pdf: bytes) -> None:
    """A folder signed by worker processes needs no further question."""
    assert kyso("keys", "remember", "leader", "--secret-env", "PW").code == 0
    (wanting / "in").mkdir()
    for name in ("a.pdf", "b.pdf"):
        (wanting / "in" / name).write_bytes(letter_pdf)
    result = kyso("sign", "in", "--out", "signed", "--policy", "invisible", "--workers", "2")
    assert result.code == 0, result.err
    assert len(list((wanting / "signed").glob("*.pdf"))) == 2


def test_a_locked_safe_is_told_without_its_words(kyso: Kyso, wanting: Path, safe: type[Safe]) -> None:
    """A safe that refuses is key trouble with what to do; what the backend said is not repeated."""
    safe.locked = True
    result = sign(kyso)
    assert result.code == 5
    assert "keyring.refused" in result.err
    assert "secret of" not in result.err


def test_plain_files_are_no_safe(kyso: Kyso, wanting: Path) -> None:
    """No backend, or one that keeps secrets in a plain file, is refused before anybody is asked."""
    from keyring.backends.fail import Keyring as NoKeyring

    for backend in (NoKeyring(), type("PlaintextKeyring", (Safe,), {"__module__": "keyrings.alt.file"})()):
        keyring.set_keyring(backend)
        refused = kyso("keys", "remember", "leader", "--secret-env", "PW")
        assert refused.code == 5
        assert "keyring.no_safe" in refused.err


def test_a_missing_library_is_told(kyso: Kyso, wanting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the configuration's wish cannot be met, and the command that mends it is named."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    result = kyso("keys", "remember", "leader", "--secret-env", "PW")
    assert result.code == 5
    assert "kyso[keyring]" in result.err


def test_the_doctor_names_the_safe(kyso: Kyso, wanting: Path, safe: type[Safe]) -> None:
    """Where a key wants the safe, the doctor says whether it can be used and for which keys something is kept."""
    assert kyso("keys", "remember", "leader", "--secret-env", "PW").code == 0
    (keys,) = (chapter for chapter in kyso("doctor", "--format", "json").json["chapters"] if chapter["name"] == "keys")
    (line,) = (line for line in keys["diagnoses"] if line["code"] == "diagnosing.safe")
    assert line["parameters"] == {"keys": ["leader"], "kept": ["leader"]}


def test_two_offices_keep_two_secrets(pki: DemoPki, tmp_path: Path, safe: type[Safe]) -> None:
    """The same key name in another folder is another entry."""
    from kyso.config import Config, KeySection
    from kyso.signing.secret_store import SystemStore

    for name in ("one", "two"):
        config = Config(path=tmp_path / name / "kyso.toml", keys={"leader": KeySection(uri="pfx:a", keyring=True)})
        SystemStore("leader", config).put("password", Secret(name))
    assert sorted(safe.kept.values()) == ["one", "two"]
