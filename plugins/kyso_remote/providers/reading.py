"""What the providers' interfaces share: certificates in Base64, bearer tokens, names that a phone can show."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509

from kyso.plugin import WrongUse
from kyso_remote.account import Account
from kyso_remote.transport import Reply, Transport

_TOKEN_MARGIN_S = 60.0


def required_user(account: Account) -> None:
    """Refuse an account without a signer. :raises WrongUse: none is named."""
    if not account.user_id:
        raise WrongUse("remote.user_missing", provider=account.profile.title, scheme=account.profile.name)


def certificate_list(transport: Transport, values: object) -> tuple[bytes, ...]:
    """Read a list of Base64 certificates, the signer's first.

    :raises RemoteFailed: it is empty, or one of them is not a certificate.
    """
    if not isinstance(values, list) or not values:
        raise transport.malformed("certificates")
    chain = tuple(transport.decoded(value, "certificates") for value in values)
    for der in chain:
        try:
            x509.load_der_x509_certificate(der)
        except ValueError as cause:
            raise transport.malformed("certificates") from cause
    return chain


def plain_name(name: str, cap: int) -> str:
    """Return a document's name with letters, digits, ``_``, ``-`` and spaces only, for phones that show no others."""
    folded = unicodedata.normalize("NFD", name.replace("đ", "d").replace("Đ", "D"))
    ascii_only = "".join(character for character in folded if not unicodedata.combining(character))
    return " ".join(re.sub(r"[^A-Za-z0-9_\- ]+", "_", ascii_only).split())[:cap] or "document"


class BearerSession:
    """Keeps an access token in memory, fetches it when needed, and once anew when the server no longer takes it.

    :param log_in: returns the token and its lifetime in seconds.
    """

    def __init__(self, transport: Transport, log_in: Callable[[], tuple[str, float]], header: str = "Authorization"):
        self._transport = transport
        self._log_in = log_in
        self._header = header
        self._token = ""
        self._until = 0.0

    def headers(self) -> dict[str, str]:
        """Return the header with a token that is still good."""
        if not self._token or time.monotonic() > self._until:
            self._token, lifetime_s = self._log_in()
            self._until = time.monotonic() + max(lifetime_s - _TOKEN_MARGIN_S, 1.0)
        return {self._header: f"Bearer {self._token}"}

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        further: Mapping[str, str] | None = None,
        reading: bool = False,
    ) -> Reply:
        """POST JSON with the token. A refused token is renewed once: a refused request did nothing."""
        reply = self._transport.post_json(path, body, headers={**(further or {}), **self.headers()}, reading=reading)
        if reply.status != 401:
            return reply
        self._token = ""
        return self._transport.post_json(path, body, headers={**(further or {}), **self.headers()}, reading=reading)

    def get(self, path: str, *, further: Mapping[str, str] | None = None) -> Reply:
        """GET with the token, renewed once."""
        reply = self._transport.get(path, headers={**(further or {}), **self.headers()})
        if reply.status != 401:
            return reply
        self._token = ""
        return self._transport.get(path, headers={**(further or {}), **self.headers()})


def seconds(value: object, default: float) -> float:
    """Read a lifetime that providers send as a number or as text."""
    try:
        read = float(str(value))
    except ValueError:
        return default
    return read if 0 < read < 10**7 else default
