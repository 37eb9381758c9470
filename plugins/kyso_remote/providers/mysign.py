"""Viettel MySign: log in for the signer, list certificates, sign hashes, ask for the status."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from kyso.plugin import ConfigWrong, KeyTrouble
from kyso_remote.account import Account
from kyso_remote.provider import RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.providers.reading import BearerSession, certificate_list, plain_name, required_user, seconds
from kyso_remote.transport import Reply, Transport

_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = "1.2.840.113549.1.1.1"
_ERRORS = {
    "58007": "remote.client_refused",
    "58008": "remote.user_unknown",
    "59033": "remote.client_refused",
    "86024": "remote.client_refused",
    "86002": "remote.client_refused",
}
_STATUSES = {
    "4001": "remote.expired",
    "4002": "remote.rejected",
    "4005": "remote.quota",
    "13004": "remote.certificate_unusable",
}


def make_provider(account: Account, transport: Transport) -> MySign:
    """Build the provider. :raises WrongUse: no user is named. :raises ConfigWrong: the client id is missing."""
    required_user(account)
    if not account.client_id:
        raise ConfigWrong("remote.client_id_missing", provider=account.profile.title, section=account.profile.name)
    return MySign(account, transport)


class MySign:
    """One signer at MySign."""

    def __init__(self, account: Account, transport: Transport) -> None:
        self._account = account
        self._transport = transport
        self._options = account.options
        self._client_secret = account.secret("client_secret")
        self._session = BearerSession(transport, self._log_in)

    @property
    def asks_by_own_name(self) -> bool:
        """Requests are known by the provider's own name only."""
        return False

    def _path(self, name: str) -> str:
        return f"{self._options['service_path']}/{name}"

    def _client(self) -> dict[str, Any]:
        return {
            "client_id": self._account.client_id,
            "client_secret": self._client_secret.reveal(),
            "profile_id": self._options["profile_id"],
            "user_id": self._account.user_id,
        }

    def _log_in(self) -> tuple[str, float]:
        table = self._accepted(self._transport.post_json(self._path("ras/v1/login"), self._client(), reading=True))
        token = table.get("access_token")
        if not isinstance(token, str) or not token:
            raise self._transport.malformed("access_token")
        return token, seconds(table.get("expires_in"), 3600.0)

    def certificates(self) -> Sequence[RemoteCertificate]:
        """Ask for the signer's certificates."""
        body = {**self._client(), "certificates": "chain", "certInfo": True, "authInfo": True}
        reply = self._transport.post_json(self._path("certificates/info"), body, reading=True)
        if not isinstance(reply.data, list):
            self._accepted(reply)
            raise self._transport.malformed("certificates")
        return [self._certificate(entry) for entry in reply.data if isinstance(entry, dict)]

    def _certificate(self, entry: dict[str, Any]) -> RemoteCertificate:
        key, cert = entry.get("key"), entry.get("cert")
        if not isinstance(key, dict) or not isinstance(cert, dict):
            raise self._transport.malformed("certificates")
        own, *above = certificate_list(self._transport, cert.get("certificates"))
        status = f"{key.get('status')}, {cert.get('status')}"
        return RemoteCertificate(
            own,
            tuple(above),
            credential=str(entry.get("credential_id") or ""),
            usable=status == "enabled, valid",
            status=status,
            batch_limit=int(seconds(entry.get("multisign"), 100)),
        )

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Send the hashes in one request."""
        names = [plain_name(digest.document_name, self._options["name_cap"]) for digest in order.digests]
        body = {
            "client_id": self._account.client_id,
            "client_secret": self._client_secret.reveal(),
            "credentialID": order.certificate.credential,
            "numSignatures": len(order.digests),
            "description": _base64(f"Ky {len(order.digests)} van ban".encode()),
            "documents": [
                {"document_id": digest.document_id, "document_name": _base64(name.encode())}
                for digest, name in zip(order.digests, names, strict=True)
            ],
            "hash": [_base64(digest.value) for digest in order.digests],
            "hashAlgo": _SHA256,
            "signAlgo": _RSA,
            "async": self._options["async_mode"],
        }
        table = self._accepted(self._session.post(self._path("signHash"), body))
        if table.get("signatures"):
            return self._values(table["signatures"])
        transaction = table.get("transactionId")
        if not isinstance(transaction, str) or not transaction:
            raise self._transport.malformed("transactionId")
        return Waiting(transaction)

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask for the status."""
        body = {"transactionId": waiting.transaction}
        table = self._accepted(self._session.post(self._path("requests/status"), body, reading=True))
        status = str(table.get("status"))
        if status == "1":
            return self._values(table.get("signatures"))
        if status in self._options["waiting_statuses"]:
            return waiting
        code = _STATUSES.get(status)
        title = self._account.profile.title
        if code is not None:
            raise KeyTrouble(
                code, provider=title, transaction=waiting.transaction, uri=self._account.user_id, status=[status]
            )
        raise self._transport.failed(status, table.get("description"))

    def _values(self, values: object) -> Values:
        if not isinstance(values, list):
            raise self._transport.malformed("signatures")
        return Values(tuple((None, self._transport.decoded(value, "signatures")) for value in values))

    def _accepted(self, reply: Reply) -> dict[str, Any]:
        table = reply.table()
        error = table.get("error")
        if error is None and reply.ok:
            return table
        code = _ERRORS.get(str(error)) or ("remote.client_refused" if reply.status == 401 else None)
        if code is not None:
            raise KeyTrouble(code, provider=self._account.profile.title, user=self._account.user_id)
        raise self._transport.failed(error or reply.status, table.get("error_description"))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
