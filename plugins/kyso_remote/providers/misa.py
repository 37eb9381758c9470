"""MISA eSign RemoteSigning V2: log in (with a second factor where the account has one), list, sign, ask."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from kyso.plugin import ConfigWrong, KeyTrouble
from kyso_remote.account import Account
from kyso_remote.provider import RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.providers.reading import BearerSession, certificate_list, required_user, seconds
from kyso_remote.transport import Reply, Transport

_SECOND_FACTOR_WANTED = "122"
_REJECTED = ("TỪ CHỐI", "REJECT", "CANCEL")
_EXPIRED = ("HẾT HẠN", "EXPIRE", "TIMEOUT")
_QUOTA = ("HẾT LƯỢT", "QUOTA")


def make_provider(account: Account, transport: Transport) -> Misa:
    """Build the provider. :raises WrongUse: no user is named. :raises ConfigWrong: the client id is missing."""
    required_user(account)
    if not account.client_id:
        raise ConfigWrong("remote.client_id_missing", provider=account.profile.title, section=account.profile.name)
    return Misa(account, transport)


class Misa:
    """One signer at MISA."""

    def __init__(self, account: Account, transport: Transport) -> None:
        self._account = account
        self._transport = transport
        self._options = account.options
        self._client = {"x-clientid": account.client_id, "x-clientkey": account.secret("client_secret").reveal()}
        self._password = account.secret("password")
        self._session = BearerSession(transport, self._log_in, header="AuthorizationRM")
        self._misa_user = ""

    @property
    def asks_by_own_name(self) -> bool:
        """Requests are known by the provider's own name only."""
        return False

    def _log_in(self) -> tuple[str, float]:
        body = {"userName": self._account.user_id, "password": self._password.reveal()}
        reply = self._transport.post_json(self._options["login_path"], body, headers=self._client)
        if self._error_of(reply) == _SECOND_FACTOR_WANTED:
            code = self._account.secret("otp")
            factor = {
                "userName": self._account.user_id,
                "code": code.reveal(),
                "otpType": self._options["second_factor_kind"],
                "remember": False,
            }
            reply = self._transport.post_json(self._options["second_factor_path"], factor, headers=self._client)
            if not reply.ok or self._error_of(reply):
                raise KeyTrouble("remote.second_factor_wrong", provider=self._account.profile.title)
        if not reply.ok or self._error_of(reply):
            raise KeyTrouble("remote.client_refused", provider=self._account.profile.title, user=self._account.user_id)
        data = reply.table().get("data")
        token = data.get("remoteSigningAccessToken") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(token, str) or not token:
            raise self._transport.malformed("remoteSigningAccessToken")
        return token, seconds(data.get("expiresIn"), 3600.0)

    @staticmethod
    def _error_of(reply: Reply) -> str:
        status = reply.table().get("status")
        table = status if isinstance(status, dict) else reply.table()
        return str(table.get("errorCode") or "")

    def certificates(self) -> Sequence[RemoteCertificate]:
        """Ask for the signer's remote certificates."""
        reply = self._session.get(self._options["certificates_path"], further=self._client)
        if not isinstance(reply.data, list):
            raise self._refusal(reply)
        return [self._certificate(entry) for entry in reply.data if isinstance(entry, dict)]

    def _certificate(self, entry: dict[str, Any]) -> RemoteCertificate:
        # The field's name is spelt so by the provider; the leaf stands in it as well.
        chain = entry.get("certiticateChain")
        own, *rest = certificate_list(
            self._transport, [entry.get("certificate"), *(chain if isinstance(chain, list) else [])]
        )
        self._misa_user = str(entry.get("userId") or self._misa_user)
        status = f"{entry.get('keyStatus')}, {entry.get('certStatus')}"
        return RemoteCertificate(
            own,
            tuple(der for der in rest if der != own),
            str(entry.get("keyAlias") or ""),
            usable=entry.get("keyStatus") == "ACTIVE",
            status=status,
        )

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Send the hashes in one request."""
        names = [" ".join(digest.document_name.split()) for digest in order.digests]
        body = {
            # May hold HTML: a document name must not become markup on the phone.
            "DataToBeDisplayed": html.escape(", ".join(names)[:1000]),
            "UserId": self._misa_user,
            "CertAlias": order.certificate.credential,
            "Documents": [
                {
                    "DocumentId": str(number),
                    "FileToSign": self._encoded(digest.value),
                    "DocumentName": name[: self._options["name_cap"]],
                }
                for number, (digest, name) in enumerate(zip(order.digests, names, strict=True))
            ],
        }
        reply = self._session.post(self._options["sign_path"], body, further=self._client)
        transaction = reply.table().get("transactionId")
        if not reply.ok or self._error_of(reply):
            raise self._refusal(reply)
        if not isinstance(transaction, str) or not transaction:
            raise self._transport.malformed("transactionId")
        return Waiting(transaction)

    def _encoded(self, digest: bytes) -> str:
        return digest.hex() if self._options["hash_encoding"] == "hex" else base64.b64encode(digest).decode()

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask for the status; a batch is done only when every document is."""
        path = self._options["status_path"].replace("{transaction}", quote(waiting.transaction, safe=""))
        reply = self._session.get(path, further=self._client)
        table = reply.table()
        status = str(table.get("status") or "").upper()
        if reply.ok and status == "SUCCESS":
            return self._values(table.get("signatures"))
        if reply.ok and status == "PENDING":
            return waiting
        text = f"{status} {table.get('errorCode') or ''} {table.get('errorDescription') or ''}".upper()
        for words, code in ((_REJECTED, "remote.rejected"), (_EXPIRED, "remote.expired"), (_QUOTA, "remote.quota")):
            if any(word in text for word in words):
                raise KeyTrouble(code, provider=self._account.profile.title, transaction=waiting.transaction)
        raise self._refusal(reply)

    def _values(self, entries: object) -> Values:
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self._transport.malformed("signatures")
        return Values(tuple((None, self._transport.decoded(entry.get("signature"), "signature")) for entry in entries))

    def _refusal(self, reply: Reply) -> Exception:
        table = reply.table()
        if reply.status in (401, 403):
            return KeyTrouble("remote.client_refused", provider=self._account.profile.title, user=self._account.user_id)
        text = table.get("userMsg") or table.get("errorDescription") or table.get("devMsg")
        return self._transport.failed(table.get("errorCode") or reply.status, text)
