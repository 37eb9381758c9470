"""What each provider's code does, and the values it passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from kyso.models import DigestName, DigestToSign, SchemeName


@dataclass(frozen=True, slots=True)
class RemoteCertificate:
    """A certificate the provider holds the key of.

    :param der: the signer's certificate.
    :param chain: the certificates above it, the issuer's first.
    :param credential: the provider's name for the key.
    :param schemes: what the provider signs with, preferred first.
    :param usable: whether the provider says that the key may be used.
    :param batch_limit: the provider's own limit for this key, ``None`` where it says nothing.
    """

    der: bytes
    chain: tuple[bytes, ...]
    credential: str
    schemes: tuple[tuple[SchemeName, DigestName], ...] = (("rsa-pkcs1v15", "sha256"),)
    usable: bool = True
    status: str = ""
    batch_limit: int | None = None


@dataclass(frozen=True, slots=True)
class SigningOrder:
    """What is sent to be signed in one confirmation.

    :param transaction: our own unique name for the request.
    """

    certificate: RemoteCertificate
    digests: tuple[DigestToSign, ...]
    scheme: SchemeName
    transaction: str


@dataclass(frozen=True, slots=True)
class Values:
    """The signatures: (document id or ``None``, value), in the provider's order."""

    items: tuple[tuple[str | None, bytes], ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The person has not confirmed yet.

    :param transaction: the name under which the provider is asked again.
    :param expires_at: when the provider says that it forgets the request; ``None`` takes the profile's lifetime.
    :param instruction: code of the text that tells the person what to do.
    :param parameters: what that text mentions.
    :param further: what else a later query needs; plain values, never a secret.
    """

    transaction: str
    expires_at: datetime | None = None
    instruction: str = "remote.confirm_on_phone"
    parameters: dict[str, Any] = field(default_factory=dict)
    further: dict[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """A provider's interface, for one account. Built with the account and a transport."""

    @property
    def asks_by_own_name(self) -> bool:
        """Whether a request whose answer got lost can be asked for by our own transaction name."""

    def certificates(self) -> Sequence[RemoteCertificate]:
        """Return the account's certificates.

        :raises KeyTrouble: the provider does not know the user or the client.
        """

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Send digests to be signed.

        :raises KeyTrouble: refused.
        :raises RemoteFailed: failed; a :class:`~kyso.fetch.FetchFailed` says whether it may have arrived.
        """

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask how a request stands.

        :param order: what was asked to be signed; some providers make the signatures only now.

        :raises KeyTrouble: rejected, expired, over quota.
        """
