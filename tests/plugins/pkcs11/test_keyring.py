"""A PIN kept by the system's safe: never where few tries are left, forgotten as soon as a token rejects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kyso import Config
from kyso.config import KeySection
from kyso.plugin import KeyAccess, KeyTrouble, Secret
from kyso_pkcs11.source import TokenSource
from tests.plugins.pkcs11.conftest import PIN, Person, Tokens
from tests.plugins.pkcs11.test_strange_modules import COUNT_LOW, FINAL_TRY, LEADER
from tests.plugins.pkcs11.test_tokens import digests

Access = Callable[..., KeyAccess]
Strange = Callable[..., Path]


@dataclass
class Kept:
    """A store with secrets in it."""

    secrets: dict[str, str]
    taken: list[str] = field(default_factory=list)

    def get(self, purpose: str) -> Secret | None:
        self.taken.append(purpose)
        return Secret(self.secrets[purpose]) if purpose in self.secrets else None

    def reject(self, purpose: str) -> None:
        del self.secrets[purpose]


def sign(source: TokenSource, access: KeyAccess) -> None:
    key = source.open(LEADER, access)
    try:
        key.sign(digests(), "rsa-pkcs1v15")
    finally:
        key.close()


def test_a_kept_pin_signs_without_asking(
    source: TokenSource, access: Access, softhsm_environment: Tokens, person: Person
) -> None:
    """The person is not asked, and the PIN reaches the token once."""
    sign(source, access())  # a right PIN clears what another test may have left
    person.asked.clear()
    kept = Kept({"login": PIN})
    sign(source, access(stored=kept))
    assert person.asked == []
    assert kept.secrets == {"login": PIN}


@pytest.mark.parametrize("flags", [COUNT_LOW, FINAL_TRY])
def test_a_kept_pin_is_not_spent_where_few_tries_are_left(
    flags: str, source: TokenSource, access: Access, strange: Strange, person: Person
) -> None:
    """With few tries or the last one the safe is not even looked at: a person types."""
    kept = Kept({"login": PIN})
    sign(source, access(strange(flags=flags), stored=kept, last_try=True))
    assert kept.taken == []
    assert len(person.asked) == 1


def test_a_kept_pin_that_is_wrong_is_forgotten(
    source: TokenSource, access: Access, strange: Strange, person: Person, tmp_path: Path
) -> None:
    """One wrong try, then a person is asked: a program that starts again and again cannot lock the token."""
    log = tmp_path / "calls"
    sign(source, access())
    person.asked.clear()
    kept = Kept({"login": "999999"})
    module = strange(log=str(log))
    with pytest.raises(KeyTrouble, match="pin_wrong"):
        sign(source, access(module, stored=kept))
    assert kept.secrets == {}
    sign(source, access(module, stored=kept))
    assert len(person.asked) == 1
    assert log.read_text().splitlines().count("wrong") == 1


def test_a_kept_signing_pin_is_used_and_forgotten_when_wrong(
    source: TokenSource, access: Access, strange: Strange, person: Person
) -> None:
    """A separate PIN for each signature is kept by itself."""
    sign(source, access())
    person.asked.clear()
    module = strange(always=PIN, always_code="555555")
    options = {"signing_pin": "separate"}
    right = Kept({"login": PIN, "signing": "555555"})
    sign(source, access(module, stored=right, key_options=options))
    assert person.asked == []
    wrong = Kept({"login": PIN, "signing": "000000"})
    with pytest.raises(KeyTrouble, match="signing_pin_wrong"):
        sign(source, access(module, stored=wrong, key_options=options))
    assert wrong.secrets == {"login": PIN}


def test_remembering_logs_in_first(
    softhsm_environment: Tokens, strange: Strange, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`kyso keys remember` proves the PIN at the token; with few tries left it keeps none and spends none."""
    from kyso.signing import remembering
    from tests.plugins.registry import registry_with

    system = Kept({})
    system.put = lambda purpose, secret: system.secrets.update({purpose: secret.reveal()})  # type: ignore[attr-defined]
    monkeypatch.setattr(remembering, "SystemStore", lambda name, config: system)
    log = tmp_path / "calls"

    def remember(module: Path, pin: str) -> tuple[str, ...]:
        section = KeySection(uri=LEADER, keyring=True)
        config = Config(keys={"leader": section}, plugins={"pkcs11": {"modules": [str(module)]}})
        registry = registry_with("kyso_pkcs11")
        return remembering.remember("leader", config, registry, lambda code, about: Secret(pin))

    assert remember(strange(log=str(log)), PIN) == ("login",)
    assert system.secrets == {"login": PIN}
    assert log.read_text().splitlines() == ["login user"]
    system.secrets.clear()
    with pytest.raises(KeyTrouble, match=r"keyring\.few_tries"):
        remember(strange(flags=COUNT_LOW), PIN)
    assert system.secrets == {}
    assert log.read_text().splitlines() == ["login user"]
