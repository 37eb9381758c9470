"""A simulated Viettel MySign: ``/vtss/service``."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.serving.guard import Application
from kyso.simulation.application import World, make_application, make_world, read_json
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, Signatory
from kyso.simulation.transactions import Document, State
from kyso_remote.profile import load_profile

_STATUSES: dict[State, str] = {
    "signed": "1",
    "waiting": "4000",
    "expired": "4001",
    "rejected": "4002",
    "quota": "4005",
    "certificate": "13004",
}


class MySignSimulator:
    """Plays Viettel MySign."""

    def __init__(self, name: str, timing: Timing | None = None) -> None:
        self._options = load_profile(name).options
        self._timing = timing or Timing()

    def application(self, scenario: str) -> Application:
        """Return the ASGI application for a scenario."""
        room = _Room(make_world(scenario, self._timing), str(self._options["profile_id"]))
        base = self._options["service_path"]
        routes = [
            ("POST", f"{base}/ras/v1/login", room.login),
            ("POST", f"{base}/certificates/info", room.certificates),
            ("POST", f"{base}/signHash", room.sign),
            ("POST", f"{base}/requests/status", room.status),
        ]
        return make_application(room.world, routes, signing_paths=[f"{base}/signHash"], timing=self._timing)


class _Room:
    def __init__(self, world: World, profile_id: str) -> None:
        self.world = world
        self._profile_id = profile_id
        self._tokens: dict[str, Signatory] = {}

    def _client(self, body: dict[str, Any]) -> Signatory | Response:
        if body.get("client_id") != CLIENT_ID:
            return _error("58007", "Client ID does not exist", 400)
        if body.get("client_secret") != CLIENT_SECRET:
            return _error("86024", "Invalid client secret", 400)
        if body.get("profile_id") != self._profile_id:
            return _error("59033", "Invalid profile", 401)
        found = self.world.signatory(number=str(body.get("user_id") or ""))
        return found or _error("58008", "User ID does not exist", 400)

    async def login(self, request: Request) -> Response:
        signatory = self._client(await read_json(request))
        if isinstance(signatory, Response):
            return signatory
        token = secrets.token_urlsafe(24)
        self._tokens[token] = signatory
        return JSONResponse({"access_token": token, "refresh_token": "", "token_type": "Bearer", "expires_in": "3600"})

    async def certificates(self, request: Request) -> Response:
        signatory = self._client(await read_json(request))
        if isinstance(signatory, Response):
            return signatory
        certificate = signatory.identity.certificate
        stamp = "%Y%m%d%H%M%S+0000"
        return JSONResponse(
            [
                {
                    "credential_id": signatory.credential,
                    "description": signatory.name,
                    "key": {
                        "status": "enabled",
                        "algo": ["1.2.840.113549.1.1.1"],
                        "len": str(signatory.key_bits),
                        "curve": "",
                    },
                    "cert": {
                        "status": "expired" if signatory.expired else "valid",
                        "certificates": [base64.b64encode(der).decode() for der in signatory.chain_der],
                        "issuerDN": certificate.issuer.rfc4514_string(),
                        "serialNumber": signatory.serial,
                        "subjectDN": certificate.subject.rfc4514_string(),
                        "validFrom": certificate.not_valid_before_utc.strftime(stamp),
                        "validTo": certificate.not_valid_after_utc.strftime(stamp),
                    },
                    "authMode": "implicit",
                    "multisign": "2147483647",
                    "scal": "2",
                }
            ]
        )

    def _bearer(self, request: Request) -> Signatory | Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        found = self._tokens.get(token) if kind == "Bearer" else None
        return found or _error("invalid_token", "The access token is invalid", 401)

    async def sign(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if isinstance(signatory, Response):
            return signatory
        body = await read_json(request)
        documents = _documents(body)
        if body.get("credentialID") != signatory.credential or documents is None:
            return _error("invalid_request", "The request is invalid", 400)
        description = _text(body.get("description")) or ""
        transaction = self.world.transactions.create(signatory, documents, description=description)
        return JSONResponse({"transactionId": transaction.id})

    async def status(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if isinstance(signatory, Response):
            return signatory
        body = await read_json(request)
        transaction = self.world.transactions.find(str(body.get("transactionId")))
        if transaction is None or transaction.signatory is not signatory:
            return _error("invalid_request", "Unknown transaction", 400)
        state = self.world.transactions.query(transaction)
        answer: dict[str, Any] = {"status": _STATUSES[state], "description": state}
        if state == "signed":
            pairs = self.world.transactions.signatures(transaction)
            # As the service does it: lines of 76 characters that end with CR LF.
            answer["signatures"] = [base64.encodebytes(value).decode().replace("\n", "\r\n") for _, value in pairs]
        return JSONResponse(answer)


def _documents(body: dict[str, Any]) -> list[Document] | None:
    hashes, entries = body.get("hash"), body.get("documents")
    if not isinstance(hashes, list) or not isinstance(entries, list) or not hashes:
        return None
    if not body.get("numSignatures") == len(hashes) == len(entries):
        return None
    documents = []
    for value, entry in zip(hashes, entries, strict=True):
        name = _text(entry.get("document_name")) if isinstance(entry, dict) else None
        digest = _decoded(value)
        if name is None or not re.fullmatch(r"[A-Za-z0-9_\- ]{1,99}", name) or digest is None or len(digest) != 32:
            return None
        documents.append(Document(str(entry.get("document_id")), name, digest))
    return documents


def _decoded(value: object) -> bytes | None:
    try:
        return base64.b64decode(str(value), validate=True)
    except (ValueError, binascii.Error):
        return None


def _text(value: object) -> str | None:
    decoded = _decoded(value)
    return None if decoded is None else decoded.decode("utf-8", "replace")


def _error(code: str, text: str, status: int) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": text}, status)
