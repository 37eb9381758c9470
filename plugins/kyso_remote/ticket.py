"""The ticket of a pending request: plain JSON without any secret, enough to go on in another process next week."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast, get_args

from kyso.models import DigestName, DigestToSign, SchemeName
from kyso.plugin import KeyTrouble
from kyso_remote.provider import Waiting

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request under way.

    :param certificate_sha256: the certificate whose key was asked.
    :param expires_at: when the provider forgets the request.
    """

    waiting: Waiting
    digests: tuple[DigestToSign, ...]
    scheme: SchemeName
    certificate_sha256: str
    expires_at: datetime

    def encoded(self) -> str:
        """Return the ticket as text."""
        return json.dumps(
            {
                "version": _VERSION,
                "transaction": self.waiting.transaction,
                "instruction": self.waiting.instruction,
                "parameters": self.waiting.parameters,
                "further": self.waiting.further,
                "scheme": self.scheme,
                "certificate": self.certificate_sha256,
                "expires": self.expires_at.isoformat(),
                "documents": [
                    [digest.document_id, digest.document_name, digest.digest, digest.value.hex()]
                    for digest in self.digests
                ],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


def read_ticket(text: str) -> Ticket:
    """Read a ticket back.

    :raises KeyTrouble: it is not one.
    """
    try:
        table: dict[str, Any] = json.loads(text)
        if table["version"] != _VERSION or table["scheme"] not in get_args(SchemeName):
            raise ValueError(table["version"])
        digests = tuple(
            DigestToSign(bytes.fromhex(value), cast(DigestName, _checked_digest(digest)), str(name), str(identifier))
            for identifier, name, digest, value in table["documents"]
        )
        expires_at = datetime.fromisoformat(table["expires"])
        if expires_at.tzinfo is None or not digests:
            raise ValueError("expires")
        waiting = Waiting(
            str(table["transaction"]),
            expires_at,
            str(table["instruction"]),
            dict(table["parameters"]),
            dict(table["further"]),
        )
        return Ticket(waiting, digests, table["scheme"], str(table["certificate"]), expires_at)
    except (ValueError, KeyError, TypeError, RecursionError) as cause:
        raise KeyTrouble("remote.ticket_bad") from cause


def _checked_digest(name: object) -> str:
    if name not in get_args(DigestName):
        raise ValueError(name)
    return str(name)
