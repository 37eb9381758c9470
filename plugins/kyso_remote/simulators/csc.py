"""A simulated service of the Cloud Signature Consortium: v1 with PIN and one-time code, v2 with the phone.

``/csc/v1`` plays authMode "explicit" (PIN 123456, one-time code 246810), ``/csc/v2`` plays "implicit": authorize
returns a handle, and authorizeCheck the SAD once the phone page approved.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.models import DigestName, SchemeName
from kyso.serving.guard import Application
from kyso.simulation.application import World, make_application, make_world, read_json
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PASSWORD, Signatory
from kyso.simulation.transactions import Document, State, Transaction
from kyso_remote.providers.csc import DIGEST_OIDS

PIN, OTP = "123456", "246810"
_ALGORITHMS: dict[str, SchemeName] = {
    "1.2.840.113549.1.1.1": "rsa-pkcs1v15",
    "1.2.840.113549.1.1.10": "rsa-pss",
}
_REFUSALS: dict[State, tuple[str, str]] = {
    "rejected": ("access_denied", "The user denied the request"),
    "expired": ("expired_request", "The request has expired"),
    "quota": ("quota_exceeded", "No signatures left"),
    "certificate": ("invalid_request", "The certificate has expired"),
}


class CscSimulator:
    """Plays a CSC service in both versions."""

    def __init__(self, name: str, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()

    def application(self, scenario: str) -> Application:
        """Return the ASGI application for a scenario."""
        room = _Room(make_world(scenario, self._timing))
        routes = []
        for version in ("v1", "v2"):
            base = f"/csc/{version}"
            routes += [
                ("POST", f"{base}/oauth2/token", room.token),
                ("POST", f"{base}/auth/login", room.login),
                ("POST", f"{base}/credentials/list", room.credentials),
                ("POST", f"{base}/credentials/info", room.info),
                ("POST", f"{base}/credentials/sendOTP", room.send_code),
                ("POST", f"{base}/credentials/authorize", room.authorize),
                ("POST", f"{base}/credentials/authorizeCheck", room.authorize_check),
                ("POST", f"{base}/signatures/signHash", room.sign),
                ("POST", f"{base}/signatures/signPolling", room.poll),
            ]
        signing = ["/csc/v1/credentials/authorize", "/csc/v2/credentials/authorize"]
        return make_application(room.world, routes, signing_paths=signing, timing=self._timing)


class _Room:
    def __init__(self, world: World) -> None:
        self.world = world
        self._tokens: dict[str, Signatory | None] = {}
        self._sads: dict[str, Transaction] = {}

    def _issue(self, signatory: Signatory | None) -> Response:
        token = secrets.token_urlsafe(24)
        self._tokens[token] = signatory
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _error("invalid_client", "Client authentication failed", 401)
        if form.get("grant_type") == "client_credentials":
            return self._issue(None)
        signatory = self.world.signatory(number=form.get("username", ""))
        if form.get("grant_type") != "password" or signatory is None or form.get("password") != PASSWORD:
            return _error("invalid_grant", "Wrong user or password")
        return self._issue(signatory)

    async def login(self, request: Request) -> Response:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        user, _, password = (_decoded(value) or b"").decode("utf-8", "replace").partition(":")
        signatory = self.world.signatory(number=user)
        if kind != "Basic" or signatory is None or password != PASSWORD:
            return _error("authentication_error", "An error occurred during authentication process", 401)
        return self._issue(signatory)

    def _known(self, request: Request) -> bool:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind == "Bearer" and token in self._tokens

    async def credentials(self, request: Request) -> Response:
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        own = self._tokens[request.headers["authorization"].partition(" ")[2]]
        user = (await read_json(request)).get("userID")
        if own is not None and user:
            return _error("invalid_request", "userID is not allowed with a user's own access")
        found = own or self.world.signatory(number=str(user or ""))
        if found is None:
            return _error("invalid_request", "Invalid parameter userID")
        return JSONResponse({"credentialIDs": [found.credential]})

    async def info(self, request: Request) -> Response:
        signatory = self.world.signatory(credential=str((await read_json(request)).get("credentialID")))
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        if signatory is None:
            return _error("invalid_request", "Invalid parameter credentialID")
        answer: dict[str, Any] = {
            "description": signatory.name,
            "key": {"status": "enabled", "algo": list(_ALGORITHMS), "len": signatory.key_bits},
            "cert": {
                "status": "expired" if signatory.expired else "valid",
                "certificates": [base64.b64encode(der).decode() for der in signatory.chain_der],
                "serialNumber": signatory.serial,
            },
            "multisign": 100,
        }
        if "/v2/" in request.url.path:
            answer |= {"auth": {"mode": "implicit"}, "SCAL": "2"}
        else:
            answer |= {
                "authMode": "explicit",
                "SCAL": "2",
                "PIN": {"presence": "true", "format": "N"},
                "OTP": {"presence": "true", "type": "online", "format": "N"},
            }
        return JSONResponse(answer)

    async def send_code(self, request: Request) -> Response:
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        return Response(status_code=204)

    def _documents(self, body: dict[str, Any]) -> tuple[list[Document], DigestName] | None:
        hashes = body.get("hashes", body.get("hash"))
        oid = body.get("hashAlgorithmOID", body.get("hashAlgo"))
        name = next((digest for digest, known in DIGEST_OIDS.items() if known == oid), None)
        if not isinstance(hashes, list) or name is None or not 0 < len(hashes) <= 100:
            return None
        titles = str(body.get("description") or "").split("; ")
        documents = []
        for number, value in enumerate(hashes):
            digest = _decoded(value)
            if digest is None or len(digest) * 8 != int(name.removeprefix("sha")):
                return None
            title = titles[number] if number < len(titles) else f"#{number + 1}"
            documents.append(Document(str(number), title, digest))
        return documents, name

    async def authorize(self, request: Request) -> Response:
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        body = await read_json(request)
        signatory = self.world.signatory(credential=str(body.get("credentialID")))
        read = self._documents(body)
        if signatory is None or read is None or body.get("numSignatures") != len(read[0]):
            return _error("invalid_request", "Invalid parameters")
        second = "/v2/" in request.url.path
        if not second and body.get("PIN") != PIN:
            return _error("invalid_pin", "The PIN is invalid")
        if not second and body.get("OTP") != OTP:
            return _error("invalid_otp", "The OTP is invalid")
        transaction = self.world.transactions.create(
            signatory, read[0], digest=read[1], description=str(body.get("description") or "")
        )
        if second:
            return JSONResponse({"handle": transaction.id, "expiresIn": 300})
        self.world.transactions.decide(transaction.id, "approved")
        return self._activation(transaction)

    def _activation(self, transaction: Transaction) -> Response:
        sad = secrets.token_urlsafe(24)
        self._sads[sad] = transaction
        return JSONResponse({"SAD": sad, "expiresIn": 300})

    async def authorize_check(self, request: Request) -> Response:
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        transaction = self.world.transactions.find(str((await read_json(request)).get("handle")))
        if transaction is None:
            return _error("invalid_request", "Invalid handle")
        state = self.world.transactions.query(transaction)
        if state == "waiting":
            return _error("authorization_pending", "The user has not answered yet")
        return self._activation(transaction) if state == "signed" else _error(*_REFUSALS[state])

    async def sign(self, request: Request) -> Response:
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        body = await read_json(request)
        transaction = self._sads.pop(str(body.get("SAD")), None)
        read = self._documents(body)
        scheme = _ALGORITHMS.get(str(body.get("signAlgo")))
        bound = transaction is not None and read is not None and _same(transaction, read[0])
        if transaction is None or not bound or scheme is None:
            return _error("invalid_request", "The SAD is invalid")
        if scheme == "rsa-pss" and not body.get("signAlgoParams"):
            return _error("invalid_request", "Missing signAlgoParams")
        transaction.scheme = scheme
        if body.get("operationMode") == "A" or (len(transaction.documents) > 10 and "/v2/" in request.url.path):
            return JSONResponse({"responseID": transaction.id})
        return JSONResponse({"signatures": self._signatures(transaction)})

    def _signatures(self, transaction: Transaction) -> list[str]:
        return [base64.b64encode(value).decode() for _, value in self.world.transactions.signatures(transaction)]

    async def poll(self, request: Request) -> Response:
        if not self._known(request):
            return _error("invalid_token", "The access token is invalid", 401)
        transaction = self.world.transactions.find(str((await read_json(request)).get("responseID")))
        if transaction is None or transaction.decision != "approved":
            return _error("invalid_request", "Invalid responseID")
        transaction.polls += 1
        if transaction.polls < 4:
            return JSONResponse({}, 202)
        return JSONResponse({"signatures": self._signatures(transaction)})


def _same(transaction: Transaction, documents: list[Document]) -> bool:
    return [document.digest for document in transaction.documents] == [document.digest for document in documents]


def _decoded(value: object) -> bytes | None:
    try:
        return base64.b64decode(str(value), validate=True)
    except (ValueError, binascii.Error):
        return None


def _error(error: str, text: str, status: int = 400) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": text}, status)
