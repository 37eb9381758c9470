"""VNPT SmartCA's CSC-like interface: OAuth 2.0 with the signer's password, then hashes with a name for each."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from kyso.plugin import ConfigWrong, KeyTrouble
from kyso_remote.account import Account
from kyso_remote.provider import RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.providers.reading import BearerSession, certificate_list, required_user, seconds
from kyso_remote.transport import Reply, Transport

_STATUSES = {4001: "remote.expired", 4002: "remote.rejected", 4003: "remote.key_disabled"}
_CREDENTIAL_CAP = 20


def make_provider(account: Account, transport: Transport) -> SmartCaCsc:
    """Build the provider. :raises WrongUse: no user is named. :raises ConfigWrong: the client id is missing."""
    required_user(account)
    if not account.client_id:
        raise ConfigWrong("remote.client_id_missing", provider=account.profile.title, section=account.profile.name)
    return SmartCaCsc(account, transport)


class SmartCaCsc:
    """One signer at SmartCA."""

    def __init__(self, account: Account, transport: Transport) -> None:
        self._account = account
        self._transport = transport
        self._client_secret = account.secret("client_secret")
        self._password = account.secret("password")
        self._session = BearerSession(transport, self._log_in)

    @property
    def asks_by_own_name(self) -> bool:
        """The status is asked by the provider's name only."""
        return False

    def _log_in(self) -> tuple[str, float]:
        fields = {
            "grant_type": "password",
            "client_id": self._account.client_id,
            "client_secret": self._client_secret.reveal(),
            "username": self._account.user_id,
            "password": self._password.reveal(),
            "scope": str(self._account.options["scope"]),
        }
        reply = self._transport.post_form("/auth/token", fields)
        token = reply.table().get("access_token")
        if reply.ok and isinstance(token, str) and token:
            return token, seconds(reply.table().get("expires_in"), 3600.0)
        error = str(reply.table().get("error") or "")
        if error in {"invalid_client", "invalid_grant", "invalid_scope"}:
            raise KeyTrouble("remote.client_refused", provider=self._account.profile.title, user=self._account.user_id)
        raise self._transport.failed(error or reply.status, reply.table().get("error_description"))

    def certificates(self) -> Sequence[RemoteCertificate]:
        """Ask for the signer's credentials, then for each one's certificate."""
        identifiers = self._content(self._session.post("/csc/credentials/list", {}, reading=True))
        if not isinstance(identifiers, list):
            raise self._transport.malformed("credentials")
        return [self._certificate(str(identifier)) for identifier in identifiers[:_CREDENTIAL_CAP]]

    def _certificate(self, identifier: str) -> RemoteCertificate:
        body = {"credentialId": identifier, "certificates": "chain", "certInfo": True, "authInfo": True}
        reply = self._session.post("/csc/credentials/info", body, reading=True)
        table = reply.table()
        content = self._content(reply) if "code" in table else table
        cert = content.get("cert") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not isinstance(cert, dict):
            raise self._transport.malformed("cert")
        own, *above = certificate_list(self._transport, cert.get("certificates"))
        status = str(cert.get("status") or "")
        return RemoteCertificate(
            own,
            tuple(above),
            identifier,
            usable=status in {"", "valid"},
            status=status,
            batch_limit=int(seconds(content.get("multisign"), 50)),
        )

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Send the hashes in one request."""
        body = {
            "credentialId": order.certificate.credential,
            "refTranId": order.transaction,
            "notifyUrl": "",
            "description": f"Ký {len(order.digests)} văn bản",
            "datas": [
                {
                    "name": digest.document_name[: self._account.options["name_cap"]],
                    "hash": base64.b64encode(digest.value).decode(),
                }
                for digest in order.digests
            ],
        }
        content = self._content(self._session.post("/csc/signature/signhash", body))
        transaction = content.get("tranId") if isinstance(content, dict) else None
        if not isinstance(transaction, str) or not transaction:
            raise self._transport.malformed("tranId")
        return Waiting(transaction)

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask for the transaction."""
        body = {"tranId": waiting.transaction}
        content = self._content(self._session.post("/csc/credentials/gettraninfo", body, reading=True))
        status = content.get("tranStatus") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not isinstance(status, int):
            raise self._transport.malformed("tranStatus")
        if status == 1:
            return self._values(content.get("documents"))
        if status in self._account.options["waiting_statuses"]:
            return waiting
        if status in _STATUSES:
            raise KeyTrouble(_STATUSES[status], provider=self._account.profile.title, transaction=waiting.transaction)
        raise self._transport.failed(status, content.get("tranStatusDesc"))

    def _values(self, documents: object) -> Values:
        if not isinstance(documents, list) or not all(isinstance(entry, dict) for entry in documents):
            raise self._transport.malformed("documents")
        return Values(tuple((None, self._transport.decoded(entry.get("sig"), "sig")) for entry in documents))

    def _content(self, reply: Reply) -> Any:
        table = reply.table()
        if reply.ok and table.get("code") == 0:
            return table.get("content")
        if reply.status in (401, 403):
            raise KeyTrouble("remote.client_refused", provider=self._account.profile.title, user=self._account.user_id)
        text = table.get("message") or table.get("codeDesc") or table.get("error_description")
        raise self._transport.failed(table.get("code", reply.status), text)
