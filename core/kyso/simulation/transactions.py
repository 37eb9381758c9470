"""Signing requests inside a simulator: from the request over the phone to the signatures."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import field
from typing import Literal

from kyso.frozen import dataclass
from kyso.models import DigestName, SchemeName
from kyso.simulation.callbacks import call_back
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import Signatory

State = Literal["waiting", "signed", "rejected", "expired", "quota", "certificate"]
_CAP = 1000
_DECIDING: dict[str, Literal["approved", "rejected"]] = {
    "approve": "approved",
    "slow": "approved",
    "reject": "rejected",
}
"""Scenarios in which the phone decides without being asked, where somebody is to be called back."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a request as the provider got it."""

    id: str
    name: str
    digest: bytes


@dataclass(slots=True)
class Transaction:
    """A signing request.

    :param decision: what the person did on the phone, ``None`` as long as nothing.
    :param polls: how often its status was asked.
    """

    id: str
    signatory: Signatory
    documents: tuple[Document, ...]
    digest: DigestName
    scheme: SchemeName
    description: str
    created: float
    decision: Literal["approved", "rejected"] | None = None
    polls: int = 0
    values: tuple[bytes, ...] = field(default=())


class Transactions:
    """The requests of one simulator, and how the scenario lets them go on."""

    def __init__(self, scenario: str, timing: Timing) -> None:
        self._scenario = scenario
        self._timing = timing
        self._lock = threading.Lock()
        self._by_id: dict[str, Transaction] = {}

    def create(
        self,
        signatory: Signatory,
        documents: Sequence[Document],
        *,
        identifier: str | None = None,
        digest: DigestName = "sha256",
        scheme: SchemeName = "rsa-pkcs1v15",
        description: str = "",
    ) -> Transaction:
        """Take a request. An identifier that was used already returns the request it belongs to."""
        with self._lock:
            identifier = identifier or str(uuid.uuid4())
            known = self._by_id.get(identifier)
            if known is not None:
                return known
            while len(self._by_id) >= _CAP:
                del self._by_id[next(iter(self._by_id))]
            made = Transaction(identifier, signatory, tuple(documents), digest, scheme, description, time.monotonic())
            self._by_id[identifier] = made
        if self._timing.callback_url is not None and self._scenario in _DECIDING:
            timer = threading.Timer(self._timing.pause_s, self.decide, (identifier, _DECIDING[self._scenario]))
            timer.daemon = True
            timer.start()
        return made

    def find(self, identifier: str) -> Transaction | None:
        """Return a request."""
        return self._by_id.get(identifier)

    def all(self) -> list[Transaction]:
        """Return every request, the newest first."""
        return list(reversed(self._by_id.values()))

    def decide(self, identifier: str, decision: Literal["approved", "rejected"]) -> bool:
        """Do on the phone what the person decided; only an open request can be decided, and once."""
        with self._lock:
            transaction = self._by_id.get(identifier)
            if transaction is None or transaction.decision is not None or self._overdue(transaction):
                return False
            transaction.decision = decision
        if self._timing.callback_url is not None:
            call_back(self._timing.callback_url, identifier, decision)
        return True

    def _overdue(self, transaction: Transaction) -> bool:
        return time.monotonic() - transaction.created > self._timing.lifetime_s

    def look(self, transaction: Transaction) -> State:
        """Return the state without counting as a query."""
        if transaction.decision == "approved":
            return "signed"
        if transaction.decision == "rejected":
            return "rejected"
        return "expired" if self._overdue(transaction) else "waiting"

    def query(self, transaction: Transaction) -> State:
        """Return the state for a status query, after the scenario did what it does by itself."""
        transaction.polls += 1
        if transaction.decision is None and not self._overdue(transaction):
            if self._scenario == "quota":
                return "quota"
            if transaction.signatory.expired:
                return "certificate"
            if self._scenario == "expire" and transaction.polls > self._timing.waiting_polls:
                return "expired"
            if self._scenario != "ask" and transaction.polls > self._timing.waiting_polls:
                self.decide(transaction.id, "rejected" if self._scenario == "reject" else "approved")
        return self.look(transaction)

    def signatures(self, transaction: Transaction) -> list[tuple[str, bytes]]:
        """Return (document id, signature) of an approved request, with the fault that the scenario plays."""
        if not transaction.values:
            transaction.values = tuple(
                transaction.signatory.sign(document.digest, transaction.digest, transaction.scheme)
                for document in transaction.documents
            )
        values = list(transaction.values)
        identifiers = [document.id for document in transaction.documents]
        if self._scenario == "wrong-signature":
            wrong = bytes(len(transaction.documents[-1].digest))
            values[-1] = transaction.signatory.sign(wrong, transaction.digest, transaction.scheme)
        if self._scenario == "wrong-order":
            values.reverse()
        pairs = list(zip(identifiers, values, strict=True))
        return pairs[:-1] if self._scenario == "wrong-count" else pairs
