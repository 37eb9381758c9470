"""The family around ``sp_id``: VNPT SmartCA (SP769), Nacencomm CA2-RS and the state gateway of NEAC.

Three calls, POST with JSON: the certificates, the signing request, its status. The access data stand in every body.
What differs between the members is in their profiles. The second version of SP769 needs no phone: password and a
one-time code (TOTP, RFC 6238) go with the request, and a confirmation returns the signatures at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kyso.plugin import ConfigWrong, DigestToSign, KeyTrouble, RemoteFailed, WrongUse
from kyso_remote.account import Account
from kyso_remote.provider import RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.transport import Reply, Transport

_DOC_ID_CAP = 100


def make_provider(account: Account, transport: Transport) -> NeacFamily:
    """Build the provider. :raises WrongUse: no user is named. :raises ConfigWrong: the client id is missing."""
    if not account.user_id:
        raise WrongUse("remote.user_missing", provider=account.profile.title, scheme=account.profile.name)
    if not account.client_id:
        raise ConfigWrong("remote.client_id_missing", provider=account.profile.title, section=account.profile.name)
    return NeacFamily(account, transport)


class NeacFamily:
    """One account at a member of the family."""

    def __init__(self, account: Account, transport: Transport) -> None:
        self._account = account
        self._options = account.options
        self._transport = transport
        self._client_secret = account.secret("client_secret")

    @property
    def asks_by_own_name(self) -> bool:
        """Some members know a request by the name that the sender gave it."""
        return bool(self._options["status_by"] == "own")

    def _credentials(self) -> dict[str, Any]:
        body = {
            "sp_id": self._account.client_id,
            "sp_password": self._client_secret.reveal(),
            "user_id": self._account.user_id,
        }
        ca_name = self._account.attributes.get("ca-name") or self._options["ca_name"]
        return {**body, "ca_name": ca_name} if ca_name else body

    def certificates(self) -> Sequence[RemoteCertificate]:
        """Ask for the user's certificates."""
        body = {**self._credentials(), "serial_number": self._account.attributes.get("serial", "")}
        reply = self._transport.post_json(
            self._options["certificate_path"], {**body, "transaction_id": str(uuid4())}, reading=True
        )
        data = self._accepted(reply)
        entries = data.get("user_certificates")
        if not isinstance(entries, list):
            raise self._transport.malformed("user_certificates")
        return [self._certificate(entry) for entry in entries if isinstance(entry, dict)]

    def _certificate(self, entry: dict[str, Any]) -> RemoteCertificate:
        der = self._der(entry.get("cert_data"))
        chain_data = entry.get("chain_data")
        chain = chain_data if isinstance(chain_data, dict) else {}
        status = str(entry.get("cert_status") or "")
        active = self._options["active_status"]
        return RemoteCertificate(
            der,
            tuple(self._der(chain[name]) for name in ("ca_cert", "root_cert") if chain.get(name)),
            credential=str(entry.get("serial_number") or entry.get("cert_id") or ""),
            usable=not active or not status or status == active,
            status=status,
        )

    def _der(self, value: object) -> bytes:
        """Return a certificate as DER; members send bare Base64 or PEM."""
        text = value if isinstance(value, str) else ""
        if "-----BEGIN" in text:
            try:
                return x509.load_pem_x509_certificate(text.encode("ascii", "replace")).public_bytes(Encoding.DER)
            except ValueError as cause:
                raise self._transport.malformed("cert_data") from cause
        der = self._transport.decoded(text, "cert_data")
        try:
            x509.load_der_x509_certificate(der)
        except ValueError as cause:
            raise self._transport.malformed("cert_data") from cause
        return der

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Send the hashes; the first version waits for the phone, the second one is confirmed here."""
        names = shown_names(order.digests)
        body = {
            **self._credentials(),
            "transaction_id": order.transaction,
            "transaction_desc": f"Ky {len(order.digests)} van ban",
            "serial_number": order.certificate.credential,
            "sign_files": [
                {
                    "data_to_be_signed": self._encoded(digest.value),
                    "doc_id": name,
                    "file_type": self._options["file_type"],
                    "sign_type": "hash",
                }
                for digest, name in zip(order.digests, names, strict=True)
            ],
        }
        if self._options["send_time"]:
            body["time_stamp"] = datetime.now(UTC).strftime("%Y%m%d%H%M%SZ")
        if self._options["flow"] == "v2":
            return self._submit_without_phone(body, order)
        data = self._accepted(self._transport.post_json(self._options["sign_path"], body))
        values = self._values(data)
        if values is not None:
            return values
        transaction = order.transaction if self.asks_by_own_name else str(data.get("transaction_id") or "")
        if not transaction:
            raise self._transport.malformed("transaction_id")
        return Waiting(transaction, parameters={"code": str(data.get("tran_code") or "-")[:40]})

    def _submit_without_phone(self, body: dict[str, Any], order: SigningOrder) -> Values:
        password = self._account.secret("password")
        further = {"password": password.reveal(), "otp": self._one_time_code()}
        data = self._accepted(self._transport.post_json(self._options["sign_without_phone_path"], {**body, **further}))
        confirmation = {
            **self._credentials(),
            "password": password.reveal(),
            "transaction_id": str(data.get("transaction_id") or order.transaction),
            "sad": data.get("sad"),
        }
        values = self._values(self._accepted(self._transport.post_json(self._options["confirm_path"], confirmation)))
        if values is None:
            raise self._transport.malformed("signatures")
        return values

    def _one_time_code(self) -> str:
        if not self._account.has_secret("totp_secret"):
            return self._account.secret("otp").reveal()
        try:
            key = base64.b64decode(self._account.secret("totp_secret").reveal(), validate=True)
        except (ValueError, binascii.Error) as cause:
            raise KeyTrouble("remote.totp_secret_bad", provider=self._account.profile.title) from cause
        return one_time_code(key, time.time())

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask for the status; whatever is neither a result nor a known refusal counts as waiting."""
        path = self._options["status_path"].replace("{transaction}", quote(waiting.transaction, safe=""))
        empty = self._options["status_body"] == "empty"
        body = {} if empty else {**self._credentials(), "transaction_id": waiting.transaction}
        reply = self._transport.post_json(path, body, reading=True)
        table = reply.table()
        self._refused_by_words(str(table.get("message") or ""), waiting.transaction)
        if reply.status >= 500 or reply.status in (401, 403, 404):
            self._accepted(reply)
        data = table.get("data")
        values = self._values(data if isinstance(data, dict) else table)
        return values if values is not None else waiting

    def _accepted(self, reply: Reply) -> dict[str, Any]:
        """Return the answer's data, or raise what the provider says against it."""
        table = reply.table()
        code = table.get("status_code", reply.status)
        data = table.get("data")
        if code in (200, "200") and reply.ok:
            return data if isinstance(data, dict) else {}
        if code in self._options["pending_codes"] and reply.ok:
            return data if isinstance(data, dict) else {}
        text = str(table.get("message") or "")
        title = self._account.profile.title
        self._refused_by_words(text, "-")
        if code in (401, "401"):
            raise KeyTrouble("remote.client_refused", provider=title)
        if code in (403, "403"):
            raise KeyTrouble("remote.certificate_unusable", provider=title, uri=self._account.user_id, status=[text])
        if code in (404, "404"):
            raise KeyTrouble("remote.user_unknown", provider=title, user=self._account.user_id)
        if not isinstance(code, (int, str)):
            raise self._transport.malformed("status_code")
        raise self._failure(code, text)

    def _failure(self, code: object, text: str) -> RemoteFailed:
        return self._transport.failed(code, text)

    def _refused_by_words(self, text: str, transaction: str) -> None:
        upper = text.upper()
        for option, error in (
            ("rejected_words", "remote.rejected"),
            ("expired_words", "remote.expired"),
            ("quota_words", "remote.quota"),
        ):
            if any(word in upper for word in self._options[option]):
                raise KeyTrouble(error, provider=self._account.profile.title, transaction=transaction)

    def _values(self, data: dict[str, Any]) -> Values | None:
        for name in ("signatures", "sign_files", "signed_files"):
            entries = data.get(name)
            if isinstance(entries, list) and entries:
                return self._read_values(entries)
        return None

    def _read_values(self, entries: list[Any]) -> Values | None:
        items: list[tuple[str | None, bytes]] = []
        for entry in entries:
            if not isinstance(entry, dict):
                raise self._transport.malformed("signatures")
            value = entry.get("signature_value") or entry.get("signature")
            if value is None:
                return None
            items.append((str(entry["doc_id"]) if entry.get("doc_id") else None, self._transport.decoded(value, "sig")))
        return Values(tuple(items))

    def _encoded(self, digest: bytes) -> str:
        if self._options["hash_encoding"] == "base64":
            return base64.b64encode(digest).decode()
        return digest.hex()


def shown_names(digests: Sequence[DigestToSign]) -> list[str]:
    """Return a unique name for each document, as the person will read it on the phone."""
    names: list[str] = []
    for number, digest in enumerate(digests, 1):
        name = " ".join(digest.document_name.split())[:_DOC_ID_CAP] or digest.document_id
        names.append(name if name not in names else f"{name[: _DOC_ID_CAP - 8]} ({number})")
    return names


def one_time_code(key: bytes, moment: float) -> str:
    """Return the six digits of TOTP with HMAC-SHA-1 and 30 seconds (RFC 6238, 4)."""
    counted = hmac.new(key, struct.pack(">Q", int(moment) // 30), hashlib.sha1).digest()
    offset = counted[-1] & 0x0F
    return f"{(struct.unpack_from('>I', counted, offset)[0] & 0x7FFFFFFF) % 1_000_000:06d}"
