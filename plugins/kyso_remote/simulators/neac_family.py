"""Simulated members of the ``sp_id`` family: VNPT SmartCA SP769 v1 and v2, Nacencomm CA2-RS, the NEAC gateway.

Paths, encodings and codes come from the same profiles that the key source uses.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kyso.serving.guard import Application
from kyso.simulation.application import World, make_application, make_world, read_json
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PASSWORD, TOTP_SECRET, Signatory
from kyso.simulation.transactions import Document, State, Transaction
from kyso_remote.profile import load_profile
from kyso_remote.providers.neac_family import one_time_code

_REFUSALS: dict[State, str] = {
    "rejected": "SIGNER_REJECTED: Người dùng từ chối ký",
    "expired": "TRANSACTION_EXPIRED: Giao dịch hết hạn",
    "quota": "OUT_OF_QUOTA: Hết lượt ký",
    "certificate": "CREDENTIAL_STATUS_INVALID",
}


class NeacFamilySimulator:
    """Plays one member of the family.

    :param name: the profile: ``smartca``, ``nacencomm`` or ``neac``.
    """

    def __init__(self, name: str, timing: Timing | None = None) -> None:
        self._profile = load_profile(name)
        self._timing = timing or Timing()

    def application(self, scenario: str) -> Application:
        """Return the ASGI application for a scenario."""
        world = make_world(scenario, self._timing)
        options = self._profile.options
        room = _Room(world, dict(options))
        routes = [
            ("POST", options["certificate_path"], room.certificates),
            ("POST", options["sign_path"], room.sign),
            ("POST", options["status_path"], room.status),
        ]
        signing = [options["sign_path"]]
        if options["sign_without_phone_path"]:
            routes += [
                ("POST", options["sign_without_phone_path"], room.sign_without_phone),
                ("POST", options["confirm_path"], room.confirm),
            ]
            signing += [options["sign_without_phone_path"]]
        # The status path begins like the signing path; only whole paths are cut.
        return make_application(world, routes, signing_paths=signing, timing=self._timing)


class _Room:
    def __init__(self, world: World, options: dict[str, Any]) -> None:
        self._world = world
        self._options = options
        self._sads: dict[str, str] = {}

    async def certificates(self, request: Request) -> Response:
        body = await read_json(request)
        signatory = self._signatory(body)
        if isinstance(signatory, Response):
            return signatory
        wanted = str(body.get("serial_number") or "").lower()
        entries = [] if wanted and wanted != signatory.serial else [_certificate_entry(signatory)]
        return _answer(200, "Success", {"user_certificates": entries})

    def _signatory(self, body: dict[str, Any]) -> Signatory | Response:
        if (body.get("sp_id"), body.get("sp_password")) != (CLIENT_ID, CLIENT_SECRET):
            return _answer(401, "SP_CREDENTIAL_INVALID", None)
        found = self._world.signatory(number=str(body.get("user_id") or ""))
        return found if found is not None else _answer(404, "USER_NOT_FOUND", None)

    def _documents(self, body: dict[str, Any]) -> list[Document] | None:
        files = body.get("sign_files")
        if not isinstance(files, list) or not 0 < len(files) <= 100:
            return None
        documents = []
        for entry in files:
            digest = self._digest(str(entry.get("data_to_be_signed"))) if isinstance(entry, dict) else None
            if digest is None or entry.get("sign_type") != "hash" or not entry.get("doc_id"):
                return None
            documents.append(Document(str(entry["doc_id"]), str(entry["doc_id"]), digest))
        return documents

    def _digest(self, text: str) -> bytes | None:
        try:
            if self._options["hash_encoding"] == "base64":
                digest = base64.b64decode(text, validate=True)
            else:
                digest = bytes.fromhex(text) if text == text.lower() else b""
        except (ValueError, binascii.Error):
            return None
        return digest if len(digest) == 32 else None

    def _take(self, body: dict[str, Any]) -> Transaction | Response:
        signatory = self._signatory(body)
        if isinstance(signatory, Response):
            return signatory
        documents = self._documents(body)
        identifier = str(body.get("transaction_id") or "")
        if documents is None or not identifier:
            return _answer(400, "BAD_REQUEST", None)
        if signatory.expired or body.get("serial_number") not in (None, "", signatory.serial):
            return _answer(403, "CREDENTIAL_STATUS_INVALID", None)
        own = self._options["status_by"] == "own"
        return self._world.transactions.create(
            signatory,
            documents,
            identifier=identifier if own else f"T-{identifier}",
            description=str(body.get("transaction_desc") or ""),
        )

    async def sign(self, request: Request) -> Response:
        taken = self._take(await read_json(request))
        if isinstance(taken, Response):
            return taken
        data = {"transaction_id": taken.id, "tran_code": taken.id[-6:]}
        if self._options["pending_codes"]:
            return _answer(self._options["pending_codes"][0], "PENDING", data)
        return _answer(200, "sig_wait_for_user_confirm", data)

    async def status(self, request: Request) -> Response:
        body = await read_json(request)
        if self._options["status_body"] == "credentials":
            refused = self._signatory(body)
            if isinstance(refused, Response):
                return refused
        identifier = request.path_params.get("transaction") or str(body.get("transaction_id") or "")
        transaction = self._world.transactions.find(identifier)
        if transaction is None:
            return _answer(400, "TRANSACTION_NOT_FOUND", None)
        state = self._world.transactions.query(transaction)
        if state == "signed":
            return _answer(200, "SUCCESS", {"transaction_id": transaction.id, "signatures": self._signed(transaction)})
        if state == "waiting":
            codes = self._options["pending_codes"]
            return _answer(codes[0] if codes else 200, "PENDING", {"transaction_id": transaction.id})
        return _answer(400, _REFUSALS[state], {"transaction_id": transaction.id}, http=200)

    def _signed(self, transaction: Transaction) -> list[dict[str, Any]]:
        return [
            {"doc_id": name, "signature_value": base64.encodebytes(value).decode(), "timestamp_signature": None}
            for name, value in self._world.transactions.signatures(transaction)
        ]

    async def sign_without_phone(self, request: Request) -> Response:
        body = await read_json(request)
        moment = time.time()
        codes = {one_time_code(TOTP_SECRET, moment), one_time_code(TOTP_SECRET, moment - 30)}
        taken = self._take(body)
        if isinstance(taken, Response):
            return taken
        if body.get("password") != PASSWORD or body.get("otp") not in codes:
            return _answer(401, "USER_CREDENTIAL_INVALID", None)
        if self._world.scenario == "quota":
            return _answer(400, _REFUSALS["quota"], None)
        self._sads[taken.id] = secrets.token_urlsafe(24)
        return _answer(200, "SUCCESS", {"transaction_id": taken.id, "sad": self._sads[taken.id], "expired_in": 299})

    async def confirm(self, request: Request) -> Response:
        body = await read_json(request)
        signatory = self._signatory(body)
        if isinstance(signatory, Response):
            return signatory
        identifier = str(body.get("transaction_id") or "")
        transaction = self._world.transactions.find(identifier)
        sad = self._sads.pop(identifier, None)
        if transaction is None or sad is None or body.get("sad") != sad or body.get("password") != PASSWORD:
            return _answer(401, "SAD_INVALID", None)
        return _answer(
            200, "SUCCESS", {"transaction_id": identifier, "expired_in": 299, "signatures": self._signed(transaction)}
        )


def _certificate_entry(signatory: Signatory) -> dict[str, Any]:
    certificate = signatory.identity.certificate
    own, *above = (base64.encodebytes(der).decode().replace("\n", "\r\n") for der in signatory.chain_der)
    return {
        "service_type": "SMARTCA",
        "service_name": "SmartCA cá nhân",
        "cert_id": signatory.credential,
        "cert_status": "Hết hạn" if signatory.expired else "Đang hoạt động",
        "serial_number": signatory.serial,
        "cert_subject": certificate.subject.rfc4514_string(),
        "cert_valid_from": certificate.not_valid_before_utc.isoformat(),
        "cert_valid_to": certificate.not_valid_after_utc.isoformat(),
        "cert_data": own,
        "chain_data": {"ca_cert": above[0], "root_cert": above[1] if len(above) > 1 else None},
        "transaction_id": "",
    }


def _answer(code: int, message: str, data: dict[str, Any] | None, http: int | None = None) -> JSONResponse:
    status = http if http is not None else code if code in (200, 400, 401, 403, 404, 500) else 200
    return JSONResponse({"status_code": code, "message": message, "data": data}, status)
