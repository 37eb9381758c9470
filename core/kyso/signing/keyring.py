"""The opened keys of one engine: each is opened once, stays open, and its password is asked for once."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from kyso.contracts import NOTHING_STORED, KeyAccess, MortalKey
from kyso.errors import KysoError
from kyso.signing.keys import access_options, resolve

if TYPE_CHECKING:
    from kyso.config import Config
    from kyso.contracts import Key, NoticeTeller, SecretAsker, SecretStore
    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret


REST_S = 5.0
"""A key that stopped working is opened anew this long afterwards, and not for the next letter of the same batch."""


class KeyRing:
    """Opens keys by their configured name or URI. Safe to use from several threads.

    :param stored: where secrets are kept, instead of what the keys' configuration says.
    """

    def __init__(
        self,
        config: Config,
        registry: PluginRegistry,
        *,
        ask_secret: SecretAsker,
        online: bool,
        last_try: bool,
        tell: NoticeTeller,
        stored: SecretStore | None = None,
    ) -> None:
        self._config = config
        self._registry = registry
        self._ask_secret = ask_secret
        self._online = online
        self._last_try = last_try
        self._tell = tell
        self._stored = stored
        self._keys: dict[str, Key] = {}
        self._secrets: dict[str, Secret] = {}
        self._lock = threading.RLock()

    def key(self, name: str) -> Key:
        """Return the key, opening it on first use.

        :raises KeyTrouble: it cannot be opened.
        :raises WrongUse: the name is unknown.
        """
        with self._lock:
            opened = self._keys.get(name)
            if opened is not None and _is_dead(opened):
                with suppress(KysoError):  # what is broken may refuse to close; nothing is lost
                    opened.close()
                opened = None
            if opened is None:
                uri, source = resolve(name, self._config, self._registry)
                opened = self._keys[name] = source.open(uri, self.access(name))
            return opened

    def opened(self, name: str) -> Key | None:
        """Return the key where it is open already."""
        return self._keys.get(name)

    def is_portable(self, name: str) -> bool:
        """Tell whether worker processes may open the key by themselves.

        :raises WrongUse: the name is unknown.
        """
        return resolve(name, self._config, self._registry)[1].portable

    def portable_secrets(self) -> dict[str, str]:
        """Return the passwords of the opened portable keys, for the initialiser of a worker process."""
        return {name: secret.reveal() for name, secret in self._secrets.items() if self.is_portable(name)}

    def access(self, name: str) -> KeyAccess:
        """Return what a key source may use to open the key."""

        def ask(code: str, parameters: Mapping[str, object]) -> Secret:
            secret = self._secrets[name] = self._ask_secret(code, parameters)
            return secret

        base_dir, options, key_options = access_options(name, self._config)
        stored = self._store_of(name)
        return KeyAccess(ask, base_dir, options, key_options, self._online, self._last_try, self._tell, stored)

    def _store_of(self, name: str) -> SecretStore:
        """Return where the key's secrets are kept: nowhere, unless its configuration says so."""
        if self._stored is not None:
            return self._stored
        section = self._config.keys.get(name)
        if section is None or not section.keyring:
            return NOTHING_STORED
        from kyso.signing.secret_store import SystemStore

        return SystemStore(name, self._config, lambda secret: self._secrets.update({name: secret}))

    def close(self) -> None:
        """Close every key and forget every secret. Closing twice is harmless."""
        with self._lock:
            for key in self._keys.values():
                with suppress(KysoError):  # a token that was pulled out cannot be closed; there is nothing to lose
                    key.close()
            self._keys.clear()
            self._secrets.clear()


def _is_dead(key: Key) -> bool:
    """Tell whether a key stopped working long enough ago to be opened anew."""
    since = key.given_up_at if isinstance(key, MortalKey) else None
    return since is not None and time.monotonic() - since >= REST_S
