"""Passwords and PINs kept by the system's own safe (extra ``keyring``), for keys whose configuration asks for it.

::

    [keys.leader]
    uri = "pkcs11:token=..."
    keyring = true          # off without it

    kyso keys remember leader

A kept PIN is used once per opened key, never where the token says that few tries or one are left, and is forgotten at
once when it was wrong: a program that starts every hour must not lock a token. Safes that keep secrets in plain files
are refused.

What this does not protect against: whoever uses the person's unlocked session can have the secret read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kyso.errors import KeyTrouble
from kyso.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from kyso.config import Config
    from kyso.contracts import SecretAsker

SERVICE = "kyso"
PURPOSES = ("password", "login", "signing")
"""What a secret opens: a file, a token, a single signature."""


class SystemStore:
    """The secrets of one key in the system's safe.

    :param heard: told each secret that is taken out, for worker processes that need it too.
    """

    def __init__(self, name: str, config: Config, heard: Callable[[Secret], None] = lambda secret: None) -> None:
        # The same name in two offices is two keys.
        self._user = f"{config.base_dir.absolute()}|{name}|{config.keys[name].uri}"
        self._heard = heard

    def get(self, purpose: str) -> Secret | None:
        """Return the kept secret, ``None`` where there is none.

        :raises KeyTrouble: there is no safe, or it is locked.
        """
        found = _safely(lambda safe: safe.get_password(SERVICE, self._entry(purpose)))
        if found is None:
            return None
        secret = Secret(found)
        self._heard(secret)
        return secret

    def reject(self, purpose: str) -> None:
        """Forget a secret that turned out wrong."""
        self.forget(purpose)

    def put(self, purpose: str, secret: Secret) -> None:
        """Keep a secret.

        :raises KeyTrouble: there is no safe, or it is locked.
        """
        _safely(lambda safe: safe.set_password(SERVICE, self._entry(purpose), secret.reveal()))

    def forget(self, purpose: str) -> bool:
        """Forget a secret, and tell whether there was one.

        :raises KeyTrouble: there is no safe, or it is locked.
        """
        if self.get(purpose) is None:
            return False
        _safely(lambda safe: safe.delete_password(SERVICE, self._entry(purpose)))
        return True

    def _entry(self, purpose: str) -> str:
        return f"{self._user}|{purpose}"


class AskingStore:
    """Asks a person wherever a kept secret would be taken, and remembers what was typed until it has proved right."""

    def __init__(self, name: str, ask: SecretAsker) -> None:
        self._name = name
        self._ask = ask
        self.given: dict[str, Secret] = {}

    def get(self, purpose: str) -> Secret | None:
        """Return what the person types."""
        self.given[purpose] = self._ask(f"keyring.ask_{purpose}", {"name": self._name})
        return self.given[purpose]

    def reject(self, purpose: str) -> None:
        """Keep nothing that was wrong."""
        self.given.pop(purpose, None)


def _safely(work: Callable[[Any], Any]) -> Any:
    """Do something with the system's safe.

    :raises KeyTrouble: keyring is not installed, there is no safe fit for secrets, or it refuses.
    """
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise KeyTrouble("keyring.not_installed") from None
    safe = keyring.get_keyring()
    if not _is_fit(safe):
        raise KeyTrouble("keyring.no_safe", safe=f"{type(safe).__module__}.{type(safe).__name__}")
    try:
        return work(safe)
    except keyring.errors.KeyringError as error:
        # Never the error's own words: a backend may quote what it was given.
        raise KeyTrouble("keyring.refused", cause=type(error).__name__) from None


def _is_fit(safe: Any) -> bool:
    """Tell whether a backend protects what it keeps: not the one that fails, not those that write plain files."""
    inner = getattr(safe, "backends", None)
    if inner is not None:
        return bool(inner) and all(map(_is_fit, inner))
    module = type(safe).__module__
    return not module.startswith(("keyring.backends.fail", "keyring.backends.null", "keyrings.alt"))
