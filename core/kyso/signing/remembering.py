"""Keeping a key's secret in the system's safe, and forgetting it; see :mod:`kyso.signing.secret_store`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kyso.contracts import UnlockingKey, untold
from kyso.errors import KeyTrouble, WrongUse
from kyso.signing.keyring import KeyRing
from kyso.signing.secret_store import PURPOSES, AskingStore, SystemStore

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import SecretAsker
    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret


def remember(
    name: str, config: Config, registry: PluginRegistry, ask: SecretAsker, *, online: bool = False
) -> tuple[str, ...]:
    """Ask for a key's secrets, open the key with them, and let the system keep them.

    :returns: what the kept secrets are for.
    :raises WrongUse: the key is not configured, or its configuration does not ask for it.
    :raises KeyTrouble: the secret is wrong, the token has few tries left, nothing was asked, or there is no safe.
    """
    _refuse_unless_wanted(name, config)
    system = SystemStore(name, config)
    system.get(PURPOSES[0])  # without a safe nobody is asked for anything
    asking = AskingStore(name, ask)
    ring = KeyRing(config, registry, ask_secret=_few_tries, online=online, last_try=False, tell=untold, stored=asking)
    try:
        key = ring.key(name)
        if isinstance(key, UnlockingKey):
            key.unlock()
    finally:
        ring.close()
    if not asking.given:
        raise KeyTrouble("keyring.nothing_asked", name=name)
    for purpose, secret in asking.given.items():
        system.put(purpose, secret)
    return tuple(asking.given)


def forget(name: str, config: Config) -> bool:
    """Forget everything that is kept for a key, and tell whether there was anything.

    :raises WrongUse: the key is not configured.
    :raises KeyTrouble: there is no safe, or it is locked.
    """
    if name not in config.keys:
        raise WrongUse("key.unknown_name", name=name, known=sorted(config.keys))
    system = SystemStore(name, config)
    forgotten = [system.forget(purpose) for purpose in PURPOSES]
    return any(forgotten)


def _refuse_unless_wanted(name: str, config: Config) -> None:
    if name not in config.keys:
        raise WrongUse("key.unknown_name", name=name, known=sorted(config.keys))
    if not config.keys[name].keyring:
        raise WrongUse("keyring.off", name=name)


def _few_tries(code: str, parameters: Mapping[str, object]) -> Secret:
    """Stand where a source asks a person although a kept secret could be used: it does so when few tries are left."""
    raise KeyTrouble("keyring.few_tries", **parameters)
