"""What plugins that bring keys implement, and what they are handed: sources, keys, access, kept secrets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.models import DigestName, DigestToSign, Notice, Pending, SchemeName, Signed
    from kyso.secret import Secret


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A key that can be named: one entry of `kyso keys list`. Times are aware.

    :param subject: whom the certificate names; empty where it shows itself only with a secret.
    :param serial: the certificate's serial number, lower-case hexadecimal.
    :param usage: names of RFC 5280, 4.2.1.3: ``digitalSignature``, ``nonRepudiation`` ...
    :param name: the key's name in the configuration, ``None`` where it has none.
    :param owner: ``person`` or ``organisation``, ``None`` where the certificate does not say.
    """

    uri: str
    subject: str
    issuer: str
    serial: str
    not_before: datetime | None
    not_after: datetime | None
    usage: tuple[str, ...] = ()
    name: str | None = None
    owner: str | None = None


SecretAsker = Callable[[str, Mapping[str, object]], "Secret"]
"""Asks a person for a secret: (code of the prompt's text, its parameters) -> Secret; raises KeyTrouble when none."""


NoticeTeller = Callable[["Notice"], None]
"""Shows a person something while a key is at work: "enter the PIN on the device", a token that cannot be read."""


def untold(notice: Notice) -> None:
    """Nobody is there to be told; whatever matters is raised as an error all the same."""


class SecretStore(Protocol):
    """Where a secret may be kept between runs, for keys whose configuration asks for it."""

    def get(self, purpose: str) -> Secret | None:
        """Return a kept secret, ``None`` where there is none.

        :param purpose: ``password`` of a file, ``login`` to a token, ``signing`` for each signature. A source does not
            ask here where a wrong one could be the last.
        """

    def reject(self, purpose: str) -> None:
        """Be told that what was returned is wrong, so that it is never returned again."""


class _NothingStored:
    """Keeps nothing."""

    def get(self, purpose: str) -> Secret | None:
        return None

    def reject(self, purpose: str) -> None:
        pass


NOTHING_STORED: SecretStore = _NothingStored()


@dataclass(frozen=True, slots=True)
class KeyAccess:
    """What a key source may use to open a key.

    :param ask_secret: gets a password or PIN from where the caller decided (prompt, environment, descriptor).
    :param base_dir: relative paths in a URI start here.
    :param options: the config section ``[plugins.NAME]`` of the source.
    :param key_options: the further entries of ``[keys.NAME]`` for this key.
    :param online: whether the network may be used.
    :param last_try: spend a token's last PIN try.
    :param tell: shows a notice at once, before a call that waits for a person.
    :param stored: secrets that a person let the system keep.
    """

    ask_secret: SecretAsker
    base_dir: Path
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    key_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    online: bool = False
    last_try: bool = False
    tell: NoticeTeller = untold
    stored: SecretStore = NOTHING_STORED


class Key(Protocol):
    """An opened key. It signs digests of signed attributes and nothing else."""

    @property
    def certificate(self) -> bytes:
        """The signer's certificate, DER."""

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Issuing CA certificates that the source knows, DER, nearest first, without the signer's."""

    @property
    def schemes(self) -> tuple[tuple[SchemeName, DigestName], ...]:
        """What it can sign with, preferred first."""

    @property
    def batch_limit(self) -> int | None:
        """How many digests one confirmation of a person covers; ``None`` where nobody is asked for each signature."""

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        """Sign every digest with `scheme`, in order, or say what a person must do first.

        :raises KeyTrouble: the key, PIN or certificate does not allow it.
        :raises RemoteFailed: the other side failed.
        """

    def poll(self, ticket: str) -> Signed | Pending:
        """Ask for the answer to an earlier :class:`Pending`.

        :raises KeyTrouble: the person declined or the request expired.
        """

    def close(self) -> None:
        """Forget the session and the key. Closing twice is harmless."""


@runtime_checkable
class UnlockingKey(Protocol):
    """A key that is opened without its secret and asks for it at the first signature."""

    def unlock(self) -> None:
        """Ask for the secret and use it now.

        :raises KeyTrouble: it is wrong, or nobody can be asked.
        """


@runtime_checkable
class MortalKey(Protocol):
    """A key that may stop working for good while it is open: its token was pulled out, its PIN was refused."""

    @property
    def given_up_at(self) -> float | None:
        """When it stopped, by ``time.monotonic()``; ``None`` while it works.

        What is under way then fails as a whole; what comes later opens the key anew.
        """


@runtime_checkable
class AnnouncingKey(Protocol):
    """A key whose requests can be asked for by a name of our own, even where no answer to them ever came.

    What :meth:`announce` returns is recorded before anything is sent, so that a process that dies while it sends leaves
    something to ask with.
    """

    def announce(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> str | None:
        """Return the ticket of the next request over exactly `digests`; ``None`` where the other side gives the name.

        Nothing is sent. :meth:`Key.sign` over the same digests then uses that name, once.
        """


class KeySource(Protocol):
    """A kind of place where keys live; one per URI scheme."""

    @property
    def portable(self) -> bool:
        """Whether worker processes may open the same key by themselves (a file: yes; a token's session: no)."""

    def open(self, uri: str, access: KeyAccess) -> Key:
        """Open the key that `uri` names.

        :raises KeyTrouble: not found, ambiguous, locked, wrong secret.
        """

    def read_certificate(self, uri: str, access: KeyAccess) -> bytes | None:
        """Return the signer's certificate (DER) where it can be read without any secret, else ``None``."""

    def list_keys(self, access: KeyAccess) -> Iterable[KeyDescription]:
        """List what can be found without any secret."""
