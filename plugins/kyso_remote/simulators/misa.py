"""A simulated MISA eSign RemoteSigning V2."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.serving.guard import Application
from kyso.simulation.application import World, make_application, make_world, read_json
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PASSWORD, TOTP_SECRET, Signatory
from kyso.simulation.transactions import Document, State
from kyso_remote.profile import load_profile

SECOND_FACTOR_USER = "2fa_"
"""A user name that begins so wants a second factor; the code is :data:`SECOND_FACTOR_CODE`."""
SECOND_FACTOR_CODE = f"{sum(TOTP_SECRET) % 1_000_000:06d}"

_FAILURES: dict[State, tuple[str, str]] = {
    "rejected": ("REJECTED", "Người dùng từ chối ký"),
    "expired": ("EXPIRED", "Giao dịch hết hạn"),
    "quota": ("QUOTA", "Tài khoản hết lượt ký"),
    "certificate": ("CERTIFICATE", "Chứng thư không hợp lệ"),
}


class MisaSimulator:
    """Plays MISA eSign."""

    def __init__(self, name: str, timing: Timing | None = None) -> None:
        self._options = load_profile(name).options
        self._timing = timing or Timing()

    def application(self, scenario: str) -> Application:
        """Return the ASGI application for a scenario."""
        room = _Room(make_world(scenario, self._timing), self._options)
        options = self._options
        routes = [
            ("POST", options["login_path"], room.login),
            ("POST", options["second_factor_path"], room.second_factor),
            ("GET", options["certificates_path"], room.certificates),
            ("POST", options["sign_path"], room.sign),
            ("GET", options["status_path"], room.status),
        ]
        return make_application(room.world, routes, signing_paths=[options["sign_path"]], timing=self._timing)


class _Room:
    def __init__(self, world: World, options: Mapping[str, Any]) -> None:
        self.world = world
        self._options = options
        self._tokens: dict[str, Signatory] = {}

    @staticmethod
    def _client_known(request: Request) -> bool:
        headers = request.headers
        return (headers.get("x-clientid"), headers.get("x-clientkey")) == (CLIENT_ID, CLIENT_SECRET)

    async def login(self, request: Request) -> Response:
        body = await read_json(request)
        user = str(body.get("userName") or "")
        signatory = self.world.signatory(number=user)
        if not self._client_known(request) or signatory is None or body.get("password") != PASSWORD:
            return _status_error("111", "Sai thông tin đăng nhập")
        if user.startswith(SECOND_FACTOR_USER):
            return _status_error("122", "Cần xác thực hai lớp")
        return self._logged_in(signatory)

    async def second_factor(self, request: Request) -> Response:
        body = await read_json(request)
        signatory = self.world.signatory(number=str(body.get("userName") or ""))
        if not self._client_known(request) or signatory is None or body.get("code") != SECOND_FACTOR_CODE:
            return _status_error("123", "Mã xác thực không đúng")
        return self._logged_in(signatory)

    def _logged_in(self, signatory: Signatory) -> Response:
        token = secrets.token_urlsafe(24)
        self._tokens[token] = signatory
        data = {
            "accessToken": secrets.token_urlsafe(24),
            "remoteSigningAccessToken": token,
            "tokenType": "Bearer",
            "expiresIn": 3600,
            "refreshToken": secrets.token_urlsafe(24),
            "user": {"id": signatory.credential, "username": signatory.number, "firstName": signatory.name},
        }
        return JSONResponse({"status": {"type": "success", "code": 200, "error": False, "errorCode": ""}, "data": data})

    def _bearer(self, request: Request) -> Signatory | None:
        kind, _, token = request.headers.get("authorizationrm", "").partition(" ")
        return self._tokens.get(token) if kind == "Bearer" and self._client_known(request) else None

    async def certificates(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _refused()
        chain = [base64.b64encode(der).decode() for der in signatory.chain_der]
        certificate = signatory.identity.certificate
        return JSONResponse(
            [
                {
                    "userId": f"user-{signatory.number}",
                    "keyAlias": signatory.credential,
                    "appName": "kyso",
                    "keyStatus": "INACTIVE" if signatory.expired else "ACTIVE",
                    "certificate": chain[0],
                    "certiticateChain": chain,
                    "certStatus": "EXPIRED" if signatory.expired else "ACTIVE",
                    "effectiveDate": certificate.not_valid_before_utc.isoformat(),
                    "expirationDate": certificate.not_valid_after_utc.isoformat(),
                    "isAutoSign": False,
                }
            ]
        )

    async def sign(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _refused()
        body = await read_json(request)
        documents = self._documents(body)
        known = (body.get("UserId"), body.get("CertAlias")) == (f"user-{signatory.number}", signatory.credential)
        if documents is None or not known:
            return _error("400", "Dữ liệu không hợp lệ", 400)
        description = str(body.get("DataToBeDisplayed") or "")
        transaction = self.world.transactions.create(signatory, documents, description=description)
        return JSONResponse({"transactionId": transaction.id})

    def _documents(self, body: dict[str, Any]) -> list[Document] | None:
        entries = body.get("Documents")
        if not isinstance(entries, list) or not 0 < len(entries) <= 100:
            return None
        documents = []
        for entry in entries:
            try:
                identifier, name, text = str(entry["DocumentId"]), str(entry["DocumentName"]), str(entry["FileToSign"])
                hexadecimal = self._options["hash_encoding"] == "hex"
                digest = bytes.fromhex(text) if hexadecimal else base64.b64decode(text, validate=True)
            except (KeyError, TypeError, ValueError, binascii.Error):
                return None
            if len(digest) != 32 or len(identifier) > 36 or len(name) > 100:
                return None
            documents.append(Document(identifier, name, digest))
        return documents

    async def status(self, request: Request) -> Response:
        signatory = self._bearer(request)
        if signatory is None:
            return _refused()
        transaction = self.world.transactions.find(request.path_params["transaction"])
        if transaction is None or transaction.signatory is not signatory:
            return _error("404", "Không có giao dịch", 404)
        state = self.world.transactions.query(transaction)
        answer: dict[str, Any] = {"transactionId": transaction.id, "errorCode": "", "errorDescription": ""}
        if state == "signed":
            pairs = self.world.transactions.signatures(transaction)
            signatures = [{"documentId": name, "signature": base64.b64encode(value).decode()} for name, value in pairs]
            return JSONResponse({**answer, "status": "SUCCESS", "signatures": signatures})
        if state == "waiting":
            return JSONResponse({**answer, "status": "PENDING", "signatures": []})
        code, text = _FAILURES[state]
        return JSONResponse({**answer, "status": "FAILED", "errorCode": code, "errorDescription": text})


def _status_error(code: str, text: str) -> JSONResponse:
    status = {"type": "error", "code": 400, "error": True, "errorCode": code, "devMsg": text, "userMsg": text}
    return JSONResponse({"status": status, "data": None})


def _error(code: str, text: str, status: int) -> JSONResponse:
    return JSONResponse({"error": True, "errorCode": code, "devMsg": text, "userMsg": text}, status)


def _refused() -> JSONResponse:
    return _error("401", "Phiên đăng nhập không hợp lệ", 401)
