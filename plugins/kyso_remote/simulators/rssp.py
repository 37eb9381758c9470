"""A simulated RSSP: ``/auth``, ``/credentials`` and ``/signatures``.

The relying party's key file is made up at start and fetched from ``/simulator/relying-party.p12``.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.demo.pki import Identity, Subject, make_root, pfx_bytes
from kyso.serving.guard import Application
from kyso.simulation.application import World, make_application, make_world, read_json
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PASSWORD, Signatory
from kyso.simulation.transactions import Document, State, Transaction

RELYING_PARTY = "KYSO"
PARTY_SIGNATURE = "kyso-simulator-signature"
KEYSTORE_PASSWORD = "kyso-simulator-keystore"  # noqa: S105 - opens a simulator and nothing else
PIN = "12345678"
_CLOCK_S = 300
_REFUSALS: dict[State, tuple[int, str]] = {
    "rejected": (3035, "USER REJECTED THE REQUEST"),
    "expired": (3036, "REQUEST EXPIRED"),
    "quota": (3040, "SIGNING QUOTA EXCEEDED"),
    "certificate": (3050, "CERTIFICATE IS NOT VALID"),
}


@cache
def relying_party() -> Identity:
    """Return the key that the simulated provider issued to the relying party."""
    return make_root(Subject("TEST relying party (RSSP)"))


class RsspSimulator:
    """Plays an RSSP."""

    def __init__(self, name: str, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()

    def application(self, scenario: str) -> Application:
        """Return the ASGI application for a scenario."""
        room = _Room(make_world(scenario, self._timing))
        routes = [
            ("GET", "/simulator/relying-party.p12", room.keystore),
            ("POST", "/auth/login", room.login),
            ("POST", "/credentials/list", room.credentials),
            ("POST", "/credentials/info", room.info),
            ("POST", "/credentials/authorize", room.authorize),
            ("POST", "/signatures/signHash", room.sign),
            ("POST", "/signatures/signPolling", room.poll),
        ]
        return make_application(room.world, routes, signing_paths=["/signatures/signHash"], timing=self._timing)


class _Room:
    def __init__(self, world: World) -> None:
        self.world = world
        self._tokens: dict[str, Signatory] = {}
        self._sads: dict[str, Transaction] = {}

    async def keystore(self, request: Request) -> Response:
        return Response(pfx_bytes(relying_party(), KEYSTORE_PASSWORD), media_type="application/x-pkcs12")

    async def login(self, request: Request) -> Response:
        body = await read_json(request)
        party, _, user = request.headers.get("authorization", "").partition(", ")
        if not _party_known(party) or body.get("relyingParty") != RELYING_PARTY:
            return _error(3000, "INVALID RELYING PARTY", 401)
        kind, name, password = (*_decoded(user.removeprefix("Basic ")).decode("utf-8", "replace").split(":"), "", "")[
            :3
        ]
        signatory = self.world.signatory(number=name)
        if signatory is None:
            return _error(3003, "ACCOUNT NOT FOUND")
        if kind != "USERNAME" or password != PASSWORD:
            return _error(3000, "INVALID CREDENTIAL")
        token = secrets.token_urlsafe(24)
        self._tokens[token] = signatory
        return _ok(accessToken=token, refreshToken=secrets.token_urlsafe(24), expiresIn=3600)

    def _bearer(self, request: Request) -> Signatory | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self._tokens.get(token) if kind == "Bearer" else None

    async def credentials(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _error(3005, "UNAUTHORIZED", 401)
        return _ok(certs=[{"credentialID": signatory.credential, "status": "OPERATED"}])

    async def info(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _error(3005, "UNAUTHORIZED", 401)
        if (await read_json(request)).get("credentialID") != signatory.credential:
            return _error(3020, "CREDENTIAL NOT FOUND")
        cert = {
            "status": "EXPIRED" if signatory.expired else "VALID",
            "certificates": [base64.b64encode(der).decode() for der in signatory.chain_der],
            "serialNumber": signatory.serial,
        }
        return _ok(cert=cert, authMode="IMPLICIT/TSE", multisign=100, SCAL="2")

    def _transaction(self, signatory: Signatory, body: dict[str, Any]) -> Transaction | None:
        entry = body.get("documentDigests")
        values = entry.get("hashes") if isinstance(entry, dict) else None
        if (
            not isinstance(values, list)
            or not 0 < len(values) <= 100
            or body.get("credentialID") != signatory.credential
        ):
            return None
        names = str(body.get("message") or "").split("; ")
        documents = []
        for number, value in enumerate(values):
            digest = _decoded(str(value))
            if len(digest) != 32:
                return None
            documents.append(Document(str(number), names[number] if number < len(names) else f"#{number + 1}", digest))
        return self.world.transactions.create(signatory, documents, description=str(body.get("messageCaption") or ""))

    async def authorize(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _error(3005, "UNAUTHORIZED", 401)
        body = await read_json(request)
        transaction = self._transaction(signatory, body)
        if transaction is None:
            return _error(3001, "INVALID PARAMETERS")
        if body.get("authorizeCode") != PIN:
            return _error(3000, "INVALID AUTHORIZE CODE")
        self.world.transactions.decide(transaction.id, "approved")
        sad = secrets.token_urlsafe(24)
        self._sads[sad] = transaction
        return _ok(SAD=sad, expiresIn=300)

    async def sign(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _error(3005, "UNAUTHORIZED", 401)
        body = await read_json(request)
        if body.get("SAD"):
            transaction = self._sads.pop(str(body["SAD"]), None)
            return _error(3030, "INVALID SAD") if transaction is None else self._signed(transaction)
        transaction = self._transaction(signatory, body)
        if transaction is None or body.get("operationMode") != "A":
            return _error(3001, "INVALID PARAMETERS")
        return JSONResponse({"error": 3034, "errorDescription": "IN PROGRESS", "responseID": transaction.id})

    async def poll(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _error(3005, "UNAUTHORIZED", 401)
        transaction = self.world.transactions.find(str((await read_json(request)).get("requestID")))
        if transaction is None or transaction.signatory is not signatory:
            return _error(3021, "REQUEST NOT FOUND")
        state = self.world.transactions.query(transaction)
        if state == "waiting":
            return JSONResponse({"error": 3034, "errorDescription": "IN PROGRESS"})
        return self._signed(transaction) if state == "signed" else _error(*_REFUSALS[state])

    def _signed(self, transaction: Transaction) -> Response:
        pairs = self.world.transactions.signatures(transaction)
        return _ok(signatures=[base64.b64encode(value).decode() for _, value in pairs], remainingSigningCounter=1000)


def _party_known(header: str) -> bool:
    """Check the relying party's proof: who, when, and the signature over both."""
    parts = _decoded(header.removeprefix("SSL2 ")).decode("utf-8", "replace").split(":")
    if not header.startswith("SSL2 ") or len(parts) != 5 or parts[:3] != [CLIENT_ID, CLIENT_SECRET, PARTY_SIGNATURE]:
        return False
    moment = parts[3]
    if not moment.isdigit() or abs(time.time() - int(moment) / 1000) > _CLOCK_S:
        return False
    key = relying_party().certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(_decoded(parts[4]), "".join(parts[:4]).encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _ok(**values: Any) -> JSONResponse:
    return JSONResponse({"error": 0, "errorDescription": "SUCCESSFULLY", "responseID": secrets.token_hex(8), **values})


def _error(code: int, text: str, status: int = 200) -> JSONResponse:
    return JSONResponse({"error": code, "errorDescription": text}, status)
