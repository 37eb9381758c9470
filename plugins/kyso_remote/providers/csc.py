"""The Cloud Signature Consortium's API, v1.0.4 and v2: OAuth 2.0, a SAD bound to the hashes, then the signatures.

The SAD (signature activation data) is as good as a PIN while it lives: it stays in memory and never enters a ticket.
Names in quotes below are the specification's own.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from kyso.cms import der
from kyso.cms.build import signature_algorithm
from kyso.models import DigestName, SchemeName
from kyso.plugin import ConfigWrong, KeyTrouble, Secret
from kyso_remote.account import Account
from kyso_remote.provider import RemoteCertificate, SigningOrder, Values, Waiting
from kyso_remote.providers.reading import BearerSession, certificate_list, seconds
from kyso_remote.transport import Reply, Transport

DIGEST_OIDS: dict[DigestName, str] = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_RSA, _RSASSA_PSS, _EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1"
_COMBINED: dict[str, tuple[SchemeName, DigestName]] = {
    "1.2.840.113549.1.1.11": ("rsa-pkcs1v15", "sha256"),
    "1.2.840.113549.1.1.12": ("rsa-pkcs1v15", "sha384"),
    "1.2.840.113549.1.1.13": ("rsa-pkcs1v15", "sha512"),
    "1.2.840.10045.4.3.2": ("ecdsa", "sha256"),
    "1.2.840.10045.4.3.3": ("ecdsa", "sha384"),
    "1.2.840.10045.4.3.4": ("ecdsa", "sha512"),
}
_ERRORS = {
    "access_denied": "remote.rejected",
    "invalid_client": "remote.client_refused",
    "invalid_grant": "remote.client_refused",
    "unauthorized_client": "remote.client_refused",
    "authentication_error": "remote.client_refused",
    "invalid_token": "remote.client_refused",
    "invalid_pin": "remote.second_factor_wrong",
    "invalid_otp": "remote.second_factor_wrong",
    "expired_request": "remote.expired",
    "quota_exceeded": "remote.quota",
}
_PENDING = "authorization_pending"
_CREDENTIAL_CAP = 20


def make_provider(account: Account, transport: Transport) -> CloudSignature:
    """Build the provider. :raises ConfigWrong: the client id is missing or an option is wrong."""
    if not account.client_id:
        raise ConfigWrong("remote.client_id_missing", provider=account.profile.title, section=account.profile.name)
    for name, known in (("version", ("v1", "v2")), ("auth", ("client_credentials", "password", "basic"))):
        if account.options[name] not in known:
            raise ConfigWrong("remote.setting_wrong", name=name, value=account.options[name])
    return CloudSignature(account, transport)


def schemes_of(algorithms: object) -> tuple[tuple[SchemeName, DigestName], ...]:
    """Return what "key/algo" permits, in kyso's terms and in the service's order.

    A plain "rsaEncryption" leaves the digest to the request.
    """
    found: list[tuple[SchemeName, DigestName]] = []
    for oid in map(str, algorithms) if isinstance(algorithms, list) else ():
        pairs: list[tuple[SchemeName, DigestName]]
        if oid in _COMBINED:
            pairs = [_COMBINED[oid]]
        elif oid == _RSA:
            pairs = [("rsa-pkcs1v15", digest) for digest in DIGEST_OIDS]
        elif oid == _RSASSA_PSS:
            pairs = [("rsa-pss", digest) for digest in DIGEST_OIDS]
        elif oid == _EC:
            pairs = [("ecdsa", digest) for digest in DIGEST_OIDS]
        else:
            continue
        found += [pair for pair in pairs if pair not in found]
    return tuple(found)


class CloudSignature:
    """One account at a CSC service."""

    def __init__(self, account: Account, transport: Transport) -> None:
        self._account = account
        self._transport = transport
        self._options = account.options
        self._second = account.options["version"] == "v2"
        self._base = account.options["service_path"] or f"/csc/{account.options['version']}"
        self._client_secret = account.secret("client_secret")
        self._session = BearerSession(transport, self._log_in)
        self._credentials: dict[str, dict[str, Any]] = {}

    @property
    def asks_by_own_name(self) -> bool:
        """The specification has no name given by the client."""
        return False

    # ----------------------------------------------------------------------------------------------- access

    def _log_in(self) -> tuple[str, float]:
        kind = self._options["auth"]
        if kind == "basic":
            pair = f"{self._account.user_id}:{self._account.secret('password').reveal()}".encode()
            headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
            reply = self._transport.post_json(
                self._base + self._options["login_path"], {"rememberMe": False}, headers=headers
            )
        else:
            fields = {
                "grant_type": kind,
                "client_id": self._account.client_id,
                "client_secret": self._client_secret.reveal(),
                "scope": self._options["scope"],
            }
            if kind == "password":
                password = self._account.secret("password").reveal()
                fields |= {"username": self._account.user_id, "password": password}
            reply = self._transport.post_form(self._base + self._options["token_path"], fields)
        table = self._accepted(reply)
        token = table.get("access_token")
        if not isinstance(token, str) or not token:
            raise self._transport.malformed("access_token")
        return token, seconds(table.get("expires_in"), 3600.0)

    def _post(self, name: str, body: dict[str, Any], *, reading: bool = False) -> Reply:
        return self._session.post(f"{self._base}/{name}", body, reading=reading)

    def _accepted(self, reply: Reply) -> dict[str, Any]:
        table = reply.table()
        error = table.get("error")
        if reply.ok and not error:
            return table
        code = _ERRORS.get(str(error)) or ("remote.client_refused" if reply.status == 401 else None)
        if code is not None:
            raise KeyTrouble(
                code, provider=self._account.profile.title, user=self._account.user_id or self._account.client_id
            )
        raise self._transport.failed(error or reply.status, table.get("error_description"))

    # ----------------------------------------------------------------------------------------- certificates

    def certificates(self) -> Sequence[RemoteCertificate]:
        """List the credentials, then ask for each one's certificate."""
        wanted = self._account.attributes.get("credential")
        if wanted:
            return [self._certificate(wanted)]
        # With a user's own access the service knows whom it talks to and refuses "userID" (v1.0.4, 11.4).
        by_service = self._options["auth"] == "client_credentials" and self._account.user_id
        body = {"userID": self._account.user_id} if by_service else {}
        identifiers = self._accepted(self._post("credentials/list", body, reading=True)).get("credentialIDs")
        if not isinstance(identifiers, list):
            raise self._transport.malformed("credentialIDs")
        return [self._certificate(str(identifier)) for identifier in identifiers[:_CREDENTIAL_CAP]]

    def _certificate(self, identifier: str) -> RemoteCertificate:
        body = {"credentialID": identifier, "certificates": "chain", "certInfo": True, "authInfo": True}
        table = self._accepted(self._post("credentials/info", body, reading=True))
        key, cert = table.get("key"), table.get("cert")
        if not isinstance(key, dict) or not isinstance(cert, dict):
            raise self._transport.malformed("credentials/info")
        own, *above = certificate_list(self._transport, cert.get("certificates"))
        self._credentials[identifier] = table
        key_status, cert_status = str(key.get("status") or "enabled"), str(cert.get("status") or "valid")
        multisign = table.get("multisign")
        return RemoteCertificate(
            own,
            tuple(above),
            identifier,
            schemes=schemes_of(key.get("algo")),
            usable=key_status == "enabled" and cert_status == "valid",
            status=f"{key_status}, {cert_status}",
            batch_limit=int(seconds(multisign, 1)) if not isinstance(multisign, bool) else (100 if multisign else 1),
        )

    # ---------------------------------------------------------------------------------------------- signing

    def _hashes(self, order: SigningOrder) -> dict[str, Any]:
        encoded = [base64.b64encode(digest.value).decode() for digest in order.digests]
        oid = DIGEST_OIDS[order.digests[0].digest]
        if self._second:
            return {"hashes": encoded, "hashAlgorithmOID": oid}
        return {"hash": encoded, "hashAlgo": oid}

    def submit(self, order: SigningOrder) -> Values | Waiting:
        """Authorize the hashes; where that is done at once, sign them."""
        table = self._credentials.get(order.certificate.credential, {})
        body = {
            "credentialID": order.certificate.credential,
            "numSignatures": len(order.digests),
            **self._hashes(order),
            **self._factors(order, table),
            "description": "; ".join(digest.document_name for digest in order.digests)[:500],
            "clientData": order.transaction,
        }
        answer = self._accepted(self._post("credentials/authorize", body))
        sad, handle = answer.get("SAD"), answer.get("handle")
        if isinstance(sad, str) and sad:
            return self._sign(order, Secret(sad))
        if isinstance(handle, str) and handle:
            return Waiting(handle, further={"step": "authorize"})
        raise self._transport.malformed("SAD")

    def _factors(self, order: SigningOrder, table: dict[str, Any]) -> dict[str, Any]:
        """Return PIN and one-time code where the credential wants them."""
        wanted = _wanted_factors(table)
        if "OTP" in wanted and wanted["OTP"] == "online":
            self._accepted(self._post("credentials/sendOTP", {"credentialID": order.certificate.credential}))
        values = {name: self._account.secret(name.lower()).reveal() for name in wanted}
        if self._second:
            return {"authData": [{"id": name, "value": value} for name, value in values.items()]} if values else {}
        return dict(values)

    def _sign(self, order: SigningOrder, sad: Secret) -> Values | Waiting:
        body = {
            "credentialID": order.certificate.credential,
            "SAD": sad.reveal(),
            **self._hashes(order),
            **_algorithm(order.scheme, order.digests[0].digest),
            "clientData": order.transaction,
        }
        if self._second:
            body["operationMode"] = "S"
        answer = self._accepted(self._post("signatures/signHash", body))
        response = answer.get("responseID")
        if answer.get("signatures") is None and isinstance(response, str) and response:
            return Waiting(response, further={"step": "sign"})
        return self._values(answer.get("signatures"))

    def poll(self, waiting: Waiting, order: SigningOrder) -> Values | Waiting:
        """Ask whether the person authorized the hashes, and then sign; or whether the signatures are ready."""
        if waiting.further.get("step") == "sign":
            reply = self._post("signatures/signPolling", {"responseID": waiting.transaction}, reading=True)
            table = self._accepted(reply)
            ready = reply.status != 202 and table.get("signatures")
            return self._values(table["signatures"]) if ready else waiting
        reply = self._post("credentials/authorizeCheck", {"handle": waiting.transaction}, reading=True)
        if reply.table().get("error") == _PENDING or reply.status == 202:
            return waiting
        sad = self._accepted(reply).get("SAD")
        if not isinstance(sad, str) or not sad:
            raise self._transport.malformed("SAD")
        return self._sign(order, Secret(sad))

    def _values(self, values: object) -> Values:
        if not isinstance(values, list):
            raise self._transport.malformed("signatures")
        return Values(tuple((None, self._transport.decoded(value, "signatures")) for value in values))


def _wanted_factors(table: dict[str, Any]) -> dict[str, str]:
    """Return the factors of explicit authorization: name -> kind; empty where the service asks the person itself."""
    auth = table.get("auth")
    if isinstance(auth, dict):
        if auth.get("mode") != "explicit":
            return {}
        objects = auth.get("objects")
        entries = [entry for entry in objects if isinstance(entry, dict)] if isinstance(objects, list) else []
        return {str(entry["id"]): str(entry.get("type", "")) for entry in entries if entry.get("id") in ("PIN", "OTP")}
    if table.get("authMode") != "explicit":
        return {}
    found: dict[str, str] = {}
    for name in ("PIN", "OTP"):
        entry = table.get(name)
        if isinstance(entry, dict) and entry.get("presence") not in (None, False, "false"):
            found[name] = str(entry.get("type", ""))
    return found


def _algorithm(scheme: SchemeName, digest: DigestName) -> dict[str, str]:
    """Return "signAlgo", and for PSS its parameters in Base64 DER (RFC 4055, 3.1)."""
    if scheme == "rsa-pkcs1v15":
        return {"signAlgo": _RSA}
    algorithm = der.read_all(signature_algorithm(scheme, digest)).children()
    if scheme == "rsa-pss":
        return {"signAlgo": _RSASSA_PSS, "signAlgoParams": base64.b64encode(algorithm[1].raw).decode()}
    return {"signAlgo": der.oid(algorithm[0])}
