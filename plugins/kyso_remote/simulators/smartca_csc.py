"""A simulated VNPT SmartCA with the CSC-like interface."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.serving.guard import Application
from kyso.simulation.application import World, make_application, make_world, read_json
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PASSWORD, Signatory
from kyso.simulation.transactions import Document, State

_STATUSES: dict[State, tuple[int, str]] = {
    "signed": (1, "SUCCESS"),
    "waiting": (4000, "WAITING_FOR_SIGNER_CONFIRM"),
    "expired": (4001, "EXPIRED"),
    "rejected": (4002, "SIGNER_REJECTED"),
    "certificate": (4003, "AUTHORIZE_KEY_FAILED"),
    "quota": (4004, "SIGN_FAILED"),
}


class SmartCaCscSimulator:
    """Plays SmartCA's CSC-like interface."""

    def __init__(self, name: str, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()

    def application(self, scenario: str) -> Application:
        """Return the ASGI application for a scenario."""
        room = _Room(make_world(scenario, self._timing))
        routes = [
            ("POST", "/auth/token", room.token),
            ("POST", "/csc/credentials/list", room.credentials),
            ("POST", "/csc/credentials/info", room.info),
            ("POST", "/csc/signature/signhash", room.sign),
            ("POST", "/csc/credentials/gettraninfo", room.transaction),
        ]
        return make_application(room.world, routes, signing_paths=["/csc/signature/signhash"], timing=self._timing)


class _Room:
    def __init__(self, world: World) -> None:
        self.world = world
        self._tokens: dict[str, Signatory] = {}

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return JSONResponse({"error": "invalid_client"}, 400)
        if "sign" not in form.get("scope", "").split():
            return JSONResponse({"error": "invalid_scope"}, 400)
        signatory = self.world.signatory(number=form.get("username", ""))
        if form.get("grant_type") != "password" or signatory is None or form.get("password") != PASSWORD:
            return JSONResponse({"error": "invalid_grant", "error_description": "invalid username or password"}, 400)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = signatory
        answer = {"access_token": token, "expires_in": 3600, "token_type": "Bearer", "refresh_token": "simulated"}
        return JSONResponse(answer)

    def _bearer(self, request: Request) -> Signatory | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return self._tokens.get(token) if kind == "Bearer" else None

    async def credentials(self, request: Request) -> Response:
        signatory = self._bearer(request)
        return _refused() if signatory is None else _envelope([signatory.credential])

    async def info(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _refused()
        if (await read_json(request)).get("credentialId") != signatory.credential:
            return _envelope(None, 404, "CREDENTIAL_NOT_FOUND")
        # Without the envelope, as the public client expects it.
        return JSONResponse(
            {
                "description": signatory.name,
                "key": {"status": "enabled", "algo": ["1.2.840.113549.1.1.1"], "len": signatory.key_bits},
                "cert": {
                    "status": "expired" if signatory.expired else "valid",
                    "certificates": [base64.b64encode(der).decode() for der in signatory.chain_der],
                    "serialNumber": signatory.serial,
                },
                "authMode": "implicit",
                "scal": "2",
                "multisign": 50,
            }
        )

    async def sign(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _refused()
        body = await read_json(request)
        documents = _documents(body)
        if documents is None or body.get("credentialId") != signatory.credential or not body.get("refTranId"):
            return _envelope(None, 400, "BAD_REQUEST")
        transaction = self.world.transactions.create(
            signatory, documents, description=str(body.get("description") or "")
        )
        return _envelope({"tranId": transaction.id})

    async def transaction(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _refused()
        transaction = self.world.transactions.find(str((await read_json(request)).get("tranId")))
        if transaction is None or transaction.signatory is not signatory:
            return _envelope(None, 404, "TRANSACTION_NOT_FOUND")
        state = self.world.transactions.query(transaction)
        status, text = _STATUSES[state]
        unsigned = [(document.id, b"") for document in transaction.documents]
        pairs = self.world.transactions.signatures(transaction) if state == "signed" else unsigned
        names = {document.id: document.name for document in transaction.documents}
        documents = [
            {"name": names[identifier], "type": "hash", "sig": base64.b64encode(value).decode()}
            for identifier, value in pairs
        ]
        return _envelope(
            {
                "tranId": transaction.id,
                "credentialId": signatory.credential,
                "tranStatus": status,
                "tranStatusDesc": text,
                "documents": documents,
            }
        )


def _documents(body: dict[str, Any]) -> list[Document] | None:
    entries = body.get("datas")
    if not isinstance(entries, list) or not 0 < len(entries) <= 50:
        return None
    documents = []
    for number, entry in enumerate(entries):
        try:
            digest = base64.b64decode(str(entry["hash"]), validate=True)
            documents.append(Document(str(number), str(entry["name"]), digest))
        except (KeyError, TypeError, ValueError, binascii.Error):
            return None
        if len(digest) != 32:
            return None
    return documents


def _envelope(content: object, code: int = 0, message: str = "OK") -> JSONResponse:
    return JSONResponse({"code": code, "codeDesc": message, "message": message, "content": content})


def _refused() -> JSONResponse:
    return JSONResponse({"error": "invalid_token"}, 401)
