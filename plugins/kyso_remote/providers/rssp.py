"""Mobile-ID's RSSP, also behind FPT-CA's cloud and, as it seems, VGCA's MPKI.

The relying party proves itself with a time-stamped text signed by the key the provider issued (``SSL2``), the signer
with name and password; then hashes are signed on the phone's word, or with a PIN or one-time code and a SAD.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from kyso.plugin import ConfigWrong, DigestToSign, KeyTrouble
from kyso_remote.account import Account
from kyso_remote.provider import RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.providers.reading import BearerSession, certificate_list, required_user, seconds
from kyso_remote.transport import Reply, Transport

_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = "1.2.840.113549.1.1.1"
_ERRORS = {
    3000: "remote.client_refused",
    3002: "remote.key_disabled",
    3003: "remote.user_unknown",
    3036: "remote.expired",
    3213: "remote.phone_not_ready",
}
_KEYSTORE_CAP = 1 << 20
_CREDENTIAL_CAP = 20


def make_provider(account: Account, transport: Transport) -> Rssp:
    """Build the provider.

    :raises WrongUse: no user is named.
    :raises ConfigWrong: client id, relying party or key file is missing.
    """
    required_user(account)
    title, section = account.profile.title, account.profile.name
    if not account.client_id:
        raise ConfigWrong("remote.client_id_missing", provider=title, section=section)
    for name in ("relying_party", "keystore"):
        if not account.options[name]:
            raise ConfigWrong("remote.option_missing", provider=title, name=name, section=section)
    if account.options["flow"] not in ("phone", "code"):
        raise ConfigWrong("remote.setting_wrong", name="flow", value=account.options["flow"])
    return Rssp(account, transport)


class Rssp:
    """One signer at an RSSP."""

    def __init__(self, account: Account, transport: Transport) -> None:
        self._account = account
        self._transport = transport
        self._options = account.options
        self._party_password = account.secret("client_secret")
        self._party_signature = account.secret("signature")
        self._party_key = _relying_party_key(account)
        self._password = account.secret("password")
        self._session = BearerSession(transport, self._log_in)

    @property
    def asks_by_own_name(self) -> bool:
        """Requests are known by the provider's own name only."""
        return False

    def _log_in(self) -> tuple[str, float]:
        body = {
            "relyingParty": self._options["relying_party"],
            "rememberMeEnabled": False,
            "profile": self._options["protocol_profile"],
            "lang": "VN",
        }
        reply = self._transport.post_json("/auth/login", body, headers={"Authorization": self._authorization()})
        table = self._accepted(reply)
        token = table.get("accessToken")
        if not isinstance(token, str) or not token:
            raise self._transport.malformed("accessToken")
        return token, seconds(table.get("expiresIn"), 3600.0)

    def _authorization(self) -> str:
        """Return the header of the first login: SSL2 for the relying party, Basic for the signer.

        SHA-1 is what the interface prescribes here; it proves who connects and signs no letter.
        """
        moment = str(int(time.time() * 1000))
        name, password = self._account.client_id, self._party_password.reveal()
        signature = self._party_signature.reveal()
        text = f"{name}{password}{signature}{moment}".encode()
        proof = base64.b64encode(self._party_key.sign(text, padding.PKCS1v15(), hashes.SHA1())).decode()  # noqa: S303
        party = base64.b64encode(f"{name}:{password}:{signature}:{moment}:{proof}".encode()).decode()
        user = f"{self._options['user_kind']}:{self._account.user_id}:{self._password.reveal()}"
        return f"SSL2 {party}, Basic {base64.b64encode(user.encode()).decode()}"

    def certificates(self) -> Sequence[RemoteCertificate]:
        """List the signer's credentials, then ask for each one's certificate."""
        body = {
            "searchConditions": {"certificateStatus": "ALL", "certificatePurpose": "ALL"},
            "certInfo": True,
            "certificates": "chain",
            "authInfo": True,
        }
        entries = self._accepted(self._session.post("/credentials/list", body, reading=True)).get("certs")
        if not isinstance(entries, list):
            raise self._transport.malformed("certs")
        identifiers = [str(entry.get("credentialID")) for entry in entries if isinstance(entry, dict)]
        return [self._certificate(identifier) for identifier in identifiers[:_CREDENTIAL_CAP]]

    def _certificate(self, identifier: str) -> RemoteCertificate:
        body = {"credentialID": identifier, "certificates": "chain", "certInfo": True, "authInfo": True}
        table = self._accepted(self._session.post("/credentials/info", body, reading=True))
        cert = table.get("cert")
        if not isinstance(cert, dict):
            raise self._transport.malformed("cert")
        own, *above = certificate_list(self._transport, cert.get("certificates"))
        status = str(cert.get("status") or "VALID")
        return RemoteCertificate(
            own,
            tuple(above),
            identifier,
            usable=status.upper() in {"VALID", "OPERATED", "ACTIVE"},
            status=status,
            batch_limit=int(seconds(table.get("multisign"), 100)),
        )

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Send the hashes: to the phone, or with a code at once."""
        if self._options["flow"] == "code":
            return self._sign_with_code(order)
        body = {**self._body(order), "operationMode": "A", **_messages(order.digests)}
        return self._outcome(self._session.post("/signatures/signHash", body), None)

    def _body(self, order: SigningOrder) -> dict[str, Any]:
        return {
            "credentialID": order.certificate.credential,
            "documentDigests": _document_digests(order.digests),
            "signAlgo": _RSA,
            "signAlgoParams": None,
            "responseURI": None,
        }

    def _sign_with_code(self, order: SigningOrder) -> Values | Waiting:
        body = {
            "credentialID": order.certificate.credential,
            "authorizeCode": self._account.secret("pin").reveal(),
            "numSignatures": len(order.digests),
            "documentDigests": _document_digests(order.digests),
            "operationMode": "S",
            **_messages(order.digests),
        }
        sad = self._accepted(self._session.post("/credentials/authorize", body)).get("SAD")
        if not isinstance(sad, str) or not sad:
            raise self._transport.malformed("SAD")
        signing = {**self._body(order), "SAD": sad, "operationMode": "S"}
        return self._outcome(self._session.post("/signatures/signHash", signing), None)

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask for the signatures."""
        reply = self._session.post("/signatures/signPolling", {"requestID": waiting.transaction}, reading=True)
        return self._outcome(reply, waiting)

    def _outcome(self, reply: Reply, waiting: Waiting | None) -> Values | Waiting:
        table = reply.table()
        if table.get("error") in self._options["waiting_errors"]:
            if waiting is not None:
                return waiting
            response = table.get("responseID")
            if not isinstance(response, str) or not response:
                raise self._transport.malformed("responseID")
            return Waiting(response)
        values = self._accepted(reply).get("signatures")
        if not isinstance(values, list):
            raise self._transport.malformed("signatures")
        return Values(tuple((None, self._transport.decoded(value, "signatures")) for value in values))

    def _accepted(self, reply: Reply) -> dict[str, Any]:
        table = reply.table()
        error, text = table.get("error", 0), str(table.get("errorDescription") or table.get("message") or "")
        if reply.ok and error in (0, "0", None):
            return table
        code = _ERRORS.get(error) if isinstance(error, int) else None
        if code is None and reply.status == 401:
            code = "remote.client_refused"
        for option, named in (
            ("rejected_words", "remote.rejected"),
            ("expired_words", "remote.expired"),
            ("quota_words", "remote.quota"),
        ):
            if code is None and any(word in text.upper() for word in self._options[option]):
                code = named
        if code is not None:
            raise KeyTrouble(code, provider=self._account.profile.title, user=self._account.user_id)
        raise self._transport.failed(error or reply.status, text)


def _document_digests(digests: Sequence[DigestToSign]) -> dict[str, Any]:
    return {
        "hashes": [base64.b64encode(digest.value).decode() for digest in digests],
        "hashAlgorithmOID": _SHA256,
    }


def _messages(digests: Sequence[DigestToSign]) -> dict[str, str]:
    names = "; ".join(digest.document_name for digest in digests)[:500]
    return {"notificationMessage": "Yêu cầu ký số", "messageCaption": "Ký văn bản", "message": names}


def _relying_party_key(account: Account) -> rsa.RSAPrivateKey:
    path = account.access.base_dir / str(account.options["keystore"])
    password = account.secret("keystore_password").reveal()
    try:
        if path.stat().st_size > _KEYSTORE_CAP:
            raise ValueError("size")
        key, _, _ = pkcs12.load_key_and_certificates(path.read_bytes(), password.encode())
    except (OSError, ValueError) as cause:
        raise KeyTrouble("remote.keystore_unreadable", provider=account.profile.title, file=path.name) from cause
    if not isinstance(key, rsa.RSAPrivateKey):
        raise KeyTrouble("remote.keystore_unreadable", provider=account.profile.title, file=path.name)
    return key
