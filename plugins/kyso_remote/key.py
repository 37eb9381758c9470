"""A key at a remote CA: what it signs becomes a pending request until a person confirms it on the phone."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kyso.fetch import Fetcher, FetchFailed
from kyso.models import DigestName, SchemeName
from kyso.plugin import DigestToSign, KeyTrouble, Pending, RemoteFailed, Signed, WrongUse
from kyso_remote.account import Account
from kyso_remote.checking import matched_values
from kyso_remote.provider import Provider, RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.ticket import Ticket, read_ticket

_FINAL = frozenset(
    {
        "remote.rejected",
        "remote.expired",
        "remote.quota",
        "remote.certificate_unusable",
        "remote.certificate_changed",
        "remote.key_disabled",
        "remote.ticket_bad",
    }
)
"""What ends a request for good. Anything else that a provider says while it is asked for the state of a request (a
client secret that was changed, a wrong one-time code) can be mended, and the request is asked for again."""


class RemoteKey:
    """Signs digests through a provider. Every value is checked against the certificate before it is handed on."""

    def __init__(self, account: Account, provider: Provider, chosen: RemoteCertificate, fetcher: Fetcher) -> None:
        self._account = account
        self._provider = provider
        self._chosen = chosen
        self._fetcher = fetcher
        self._closed = False
        self._announced: dict[tuple[bytes, ...], str] = {}
        self._thumbprint = hashlib.sha256(chosen.der).hexdigest()

    @property
    def certificate(self) -> bytes:
        """The signer's certificate, DER."""
        return self._chosen.der

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The CA certificates that the provider handed over."""
        return self._chosen.chain

    @property
    def schemes(self) -> tuple[tuple[SchemeName, DigestName], ...]:
        """What the provider signs with."""
        return self._chosen.schemes

    @property
    def batch_limit(self) -> int | None:
        """Greatest number of letters in one confirmation."""
        limit = self._account.profile.batch_limit
        return min(limit, self._chosen.batch_limit or limit)

    def announce(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> str | None:
        """Return the ticket of the next request over `digests`, where the provider can be asked by our own name."""
        if not self._provider.asks_by_own_name or not digests:
            return None
        transaction = str(uuid.uuid4())
        self._announced[_values_of(digests)] = transaction
        return self._pending(Waiting(transaction), tuple(digests), scheme).ticket

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        """Send the digests in one request.

        :raises KeyTrouble: refused, or over the limit of one confirmation.
        :raises RemoteFailed: the provider failed. With the code ``remote.outcome_unknown`` the request may have
            arrived: a person must look before anything is sent again.
        """
        self._refuse_closed()
        if not digests or len(digests) > (self.batch_limit or len(digests)):
            raise WrongUse("remote.batch_too_large", limit=self.batch_limit, count=len(digests))
        if any((scheme, digest.digest) not in self._chosen.schemes for digest in digests):
            raise KeyTrouble("remote.scheme_unsupported", provider=self._title, scheme=scheme, digest=digests[0].digest)
        if len({digest.digest for digest in digests}) > 1:
            raise KeyTrouble("remote.scheme_unsupported", provider=self._title, scheme=scheme, digest="mixed")
        transaction = self._announced.pop(_values_of(digests), None) or str(uuid.uuid4())
        order = SigningOrder(self._chosen, tuple(digests), scheme, transaction)
        try:
            outcome = self._provider.submit(order)
        except FetchFailed as failed:
            outcome = self._after_silence(order, failed)
        if isinstance(outcome, Values):
            return Signed(matched_values(outcome, digests, self.certificate, scheme, self._title))
        return self._pending(outcome, tuple(digests), scheme)

    def _after_silence(self, order: SigningOrder, failed: FetchFailed) -> Waiting:
        """Judge a request that got no answer: not sent, to be asked for, or for a person to look."""
        if not failed.sent:
            raise failed
        if self._provider.asks_by_own_name:
            # It may be on the phone already. The provider is asked by our own name; nothing is sent twice.
            return Waiting(order.transaction)
        raise RemoteFailed(
            "remote.outcome_unknown", provider=self._title, transaction=order.transaction, cause=failed.code
        ) from failed

    def poll(self, ticket: str) -> Signed | Pending:
        """Ask once how the request stands.

        :raises KeyTrouble: the person declined, the request expired, or the certificate is another one now.
        :raises RemoteFailed: the provider failed, or does not accept the access as it is now; asking again later is
            harmless.
        """
        self._refuse_closed()
        opened = read_ticket(ticket)
        if opened.certificate_sha256 != self._thumbprint:
            raise KeyTrouble("remote.certificate_changed", provider=self._title)
        order = SigningOrder(self._chosen, opened.digests, opened.scheme, opened.waiting.transaction)
        try:
            outcome = self._provider.poll(opened.waiting, order)
        except KeyTrouble as trouble:
            if trouble.code in _FINAL:
                raise
            raise RemoteFailed(trouble.code, **trouble.parameters) from trouble
        if isinstance(outcome, Values):
            values = matched_values(outcome, opened.digests, self.certificate, opened.scheme, self._title)
            return Signed(values)
        if datetime.now(UTC) >= opened.expires_at:
            raise KeyTrouble("remote.expired", provider=self._title, transaction=opened.waiting.transaction)
        return self._as_pending(Ticket(outcome, opened.digests, opened.scheme, self._thumbprint, opened.expires_at))

    def close(self) -> None:
        """Close the connections. A request under way stays with the provider. Closing twice is harmless."""
        self._closed = True
        self._fetcher.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise KeyTrouble("remote.key_closed", provider=self._title)

    @property
    def _title(self) -> str:
        return self._account.profile.title

    def _pending(self, waiting: Waiting, digests: tuple[DigestToSign, ...], scheme: SchemeName) -> Pending:
        lifetime = timedelta(seconds=self._account.profile.lifetime_s)
        expires_at = waiting.expires_at or datetime.now(UTC) + lifetime
        return self._as_pending(Ticket(waiting, digests, scheme, self._thumbprint, expires_at))

    def _as_pending(self, ticket: Ticket) -> Pending:
        parameters = {
            "provider": self._title,
            "count": len(ticket.digests),
            "documents": [digest.document_name for digest in ticket.digests[:5]],
            "poll_s": self._account.profile.poll_s,
            **ticket.waiting.parameters,
        }
        return Pending(ticket.encoded(), ticket.expires_at, ticket.waiting.instruction, parameters)


def _values_of(digests: Sequence[DigestToSign]) -> tuple[bytes, ...]:
    return tuple(digest.value for digest in digests)
