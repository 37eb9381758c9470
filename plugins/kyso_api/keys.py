"""The configured keys as the service uses them: files in every worker, everything else in the server's own process.

A key that is a file is opened by each worker for itself. A token's session and a remote CA's account belong to one
process; there the server makes only the signature value over a digest, and workers prepare and finish the letter.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from kyso.engine import Engine
from kyso.frozen import dataclass
from kyso.key_contracts import UnlockingKey
from kyso.plugin import Key, KeyTrouble, Secret, WrongUse

if TYPE_CHECKING:
    from kyso.config import Config

Course = Literal["worker", "session", "confirmation"]
"""How a key signs: in the workers, in the server's session at once, or after a person's confirmation elsewhere."""


@dataclass(frozen=True, slots=True)
class PublicPart:
    """What a worker needs of a key that is opened in the server's process."""

    certificates: tuple[bytes, ...]
    schemes: tuple[tuple[str, str], ...]


class KeyHolder:
    """Opens the configured keys. Usable from several threads; close it at the end.

    :param secrets: passwords and PINs by the keys' names.
    """

    def __init__(self, config: Config, secrets: Mapping[str, Secret], *, online: bool) -> None:
        self._config = config
        self._secrets = dict(secrets)
        self._current = threading.local()
        self._courses: dict[str, Course] = {}
        self.engine = Engine.from_config(config, ask_secret=self._ask, online=online)
        self._lock = threading.RLock()
        self._spent: set[tuple[str, str]] = set()

    def check(self) -> None:
        """Open and unlock every key whose secret was given: a wrong one is told at once and never tried again.

        :raises KysoError: a key does not open, or a secret is for none of the keys.
        """
        for name in self._secrets:
            self._known(name)
            with self.at_work(name):
                key = self.open(name)
                if isinstance(key, UnlockingKey):
                    key.unlock()

    def worker_secrets(self) -> dict[str, str]:
        """Return the passwords of the keys that are files, for the initialiser of a worker."""
        return {name: secret.reveal() for name, secret in self._secrets.items() if self.engine.is_portable(name)}

    def course(self, name: str) -> Course:
        """Return how the key signs.

        :raises WrongUse: there is no such key; names of files and URIs are none.
        :raises KeyTrouble: it does not open, or its secret was not given.
        """
        course = self._courses.get(name)
        if course is None:
            self._known(name)
            if self.engine.is_portable(name):
                if name not in self._secrets:
                    raise KeyTrouble("api.key_closed", name=name)
                course = "worker"
            else:
                course = "session" if self.open(name).batch_limit is None else "confirmation"
            self._courses[name] = course
        return course

    def is_known_course(self, name: str) -> bool:
        """Tell whether :meth:`course` answers without opening a key."""
        return name in self._courses

    def public_part(self, name: str) -> PublicPart:
        """Return the certificates, the signer's first, and the schemes of a key."""
        key = self.open(name)
        return PublicPart((key.certificate, *key.chain), key.schemes)

    def open(self, name: str) -> Key:
        """Return the opened key."""
        with self._lock, self._using(name):
            return self.engine.key(name)

    @contextmanager
    def at_work(self, name: str) -> Iterator[Engine]:
        """Give the engine for work with an opened key, which may ask for its PIN only now.

        A PIN that was asked for and did not lead to a success is not handed out again: a token would be locked by it.
        """
        self.open(name)
        with self._using(name):
            yield self.engine
        self._spent = {spent for spent in self._spent if spent[0] != name}

    def names(self) -> list[str]:
        """Return the names of the configured keys."""
        return sorted(self._config.keys)

    def close(self) -> None:
        """Close every key. Closing twice is harmless."""
        self.engine.close()

    def _known(self, name: str) -> None:
        if name not in self._config.keys:
            raise WrongUse("key.unknown_name", name=name[:200], known=self.names() or ["-"])

    @contextmanager
    def _using(self, name: str) -> Iterator[None]:
        before = getattr(self._current, "name", "")
        self._current.name = name
        try:
            yield
        finally:
            self._current.name = before

    def _ask(self, code: str, parameters: Mapping[str, object]) -> Secret:
        name = getattr(self._current, "name", "")
        secret = self._secrets.get(name)
        if secret is None:
            raise KeyTrouble("key.secret_missing", **parameters)
        if (name, code) in self._spent:
            raise KeyTrouble("api.secret_spent", name=name)
        self._spent.add((name, code))
        return secret
