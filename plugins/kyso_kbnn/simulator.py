"""KBNN-Gateway played by the same profile: a real HTTP server that checks what the real one is said to check.

It takes the six calls, refuses what a client must be able to handle, and shows on ``/`` what it received. It is no
authority on the real gateway: where the decision is silent, it knows only what the profile assumes.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kyso.plugin import VIETNAM_TIME, InputRefused, Language, RemoteFailed, Text, WrongUse
from kyso.serving.guard import LOOPBACK_HOSTS, Application, Guard
from kyso.serving.server import abort_connection
from kyso.text import shown
from kyso_kbnn.check import check_input, input_of_body
from kyso_kbnn.dossier import column_sum
from kyso_kbnn.envelope import ROLES, Role
from kyso_kbnn.gateway_encoding import hashed_data
from kyso_kbnn.problems import errors_among
from kyso_kbnn.profile import Profile, default_profile
from kyso_kbnn.reading import parse_json, read_dossier
from kyso_kbnn.rules import check_dossier
from kyso_kbnn.simulator_world import (
    DEBIT_NOTE_PATH,
    DEMO_PASSWORD,
    SCENARIOS,
    Received,
    Refused,
    Unit,
    bearer,
    debit_note,
    demo_unit,
    form_file,
    json_list,
    json_object,
    make_token,
)
from kyso_kbnn.values import Value
from kyso_kbnn.xml_schema import validate

_GREATEST_BODY = 64 * 1024 * 1024
_GREATEST_KEPT = 1000
_PAUSE_S = 1.0


@dataclass(slots=True)
class _Session:
    unit: Unit
    username: str
    salt_token: str
    expires_at: float
    uses: int = 0


class GatewaySimulator:
    """The gateway's memory and its six services.

    :param lifetime_s: how long a token lives.
    """

    def __init__(
        self,
        scenario: str = "accept",
        *,
        profile: Profile | None = None,
        units: tuple[Unit, ...] | None = None,
        lifetime_s: float = 900.0,
        pause_s: float = _PAUSE_S,
    ) -> None:
        if scenario not in SCENARIOS:
            raise WrongUse("kbnn.scenario_unknown", name=scenario, known=list(SCENARIOS))
        self.scenario = scenario
        self.profile = profile or default_profile()
        self.units = {unit.budget_code: unit for unit in units or (demo_unit(),)}
        self.received: dict[str, Received] = {}
        self.uploads: dict[str, tuple[str, int]] = {}
        self.sends = 0
        self._lifetime_s = lifetime_s
        self._pause_s = pause_s
        self._sessions: dict[str, _Session] = {}
        self._called: set[str] = set()

    def application(self) -> Application:
        """Return the ASGI application."""
        form = self.profile.gateway
        services = [
            (form.login, "POST", self._login),
            (form.logout, "POST", self._logout),
            (form.status, "POST", self._status),
            (form.send, "POST", self._send),
            (form.download, "GET", self._download),
            (form.upload, "POST", self._upload),
        ]
        routes = [Route(f"/{path}", self._answering(call), methods=[method]) for path, method, call in services]
        routes.append(Route("/", self._page, methods=["GET"]))
        return Guard(Starlette(routes=routes), hosts=LOOPBACK_HOSTS, body_cap=_GREATEST_BODY)

    # ----------------------------------------------------------------------------------------------- the services

    async def _login(self, request: Request) -> Response:
        body = json_object(await request.body())
        unit = self.units.get(str(body.get("BudgetCode")))
        for name in ("UserName", "Password", "BudgetCode", "ComputerIP", "ComputerName", "Description"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise Refused(400, "refused", f"Thiếu {name}")
        account = unit.users.get(body["UserName"]) if unit else None
        if (
            unit is None
            or account is None
            or not secrets.compare_digest(account[0].encode(), body["Password"].encode())
        ):
            raise Refused(401, "login_failed", "Sai tên đăng nhập hoặc mật khẩu")
        if account[1] != "holder":
            raise Refused(403, "not_account_holder", "Chỉ tài khoản của chủ tài khoản được đăng nhập")
        names = self.profile.gateway.login_response
        token = secrets.token_urlsafe(24)
        salt_token = make_token({"salt": secrets.token_hex(16), "sub": body["UserName"]})
        self._sessions[token] = _Session(unit, body["UserName"], salt_token, time.monotonic() + self._lifetime_s)
        data = {
            names.token: token,
            names.private_token: salt_token,
            names.expires_in_seconds: int(self._lifetime_s),
        }
        return self._ok(data)

    async def _logout(self, request: Request) -> Response:
        self._session(request)
        self._sessions.pop(bearer(request), None)
        return self._ok(None)

    async def _upload(self, request: Request) -> Response:
        self._session(request)
        name, data = form_file(await request.body(), request.headers.get("content-type", ""), self.profile)
        if not data.startswith(b"%PDF-"):
            raise Refused(400, "refused", "Tệp đính kèm phải là PDF")
        if len(self.uploads) >= _GREATEST_KEPT:
            raise Refused(507, "refused", "Đầy bộ nhớ giả lập")
        file_id = f"{secrets.token_hex(12)}.pdf"
        self.uploads[file_id] = (name, len(data))
        names = self.profile.gateway.upload_response
        return self._ok([{names.file_id: file_id, names.file_name: name}])

    async def _status(self, request: Request) -> Response:
        body = await request.body()
        self._session(request, body)
        asked = json_list(body)
        key = self.profile.gateway.status_parameter.code
        return self._ok([self._status_of(str(one.get(key, ""))) for one in asked if isinstance(one, dict)])

    async def _download(self, request: Request) -> Response:
        path = request.query_params.get(self.profile.gateway.download_parameter, "")
        code = next((code for code in self.received if path == DEBIT_NOTE_PATH.format(code=code)), None)
        if code is None:
            raise Refused(404, "refused", "Không tìm thấy tệp")
        return Response(debit_note(self.received[code]), media_type="application/pdf")

    async def _send(self, request: Request) -> Response:
        body = await request.body()
        session = self._session(request, body)
        if self.scenario == "lost":
            abort_connection(request.scope["client"])
            return Response(status_code=500)
        self.sends += 1
        received = self._judge(body, session)
        if received.code in self.received:
            raise Refused(409, "duplicate", "Hồ sơ đã được tiếp nhận")
        if len(self.received) >= _GREATEST_KEPT:
            raise Refused(507, "refused", "Đầy bộ nhớ giả lập")
        self.received[received.code] = received
        if self.scenario == "drop":
            abort_connection(request.scope["client"])
        return self._ok({self.profile.gateway.status_response.code: received.code})

    # ------------------------------------------------------------------------------------------------- judging

    def _judge(self, body: bytes, session: _Session) -> Received:
        """Check a body as the decision says the gateway does: user, form, data, both signatures, files."""
        profile = self.profile
        try:
            raw = parse_json(body, "SendDocument")
            given = input_of_body(body, "SendDocument", profile)
            validate(given.content, profile, "v_du_lieu_xac_thuc")
            draft = read_dossier({key: value for key, value in raw.items() if key != profile.json.login}, profile)
        except InputRefused as refused:
            raise Refused(400, "refused", refused.message("vi")) from refused
        self._judge_login(raw.get(profile.json.login), session, given.envelopes)
        dossier = draft.dossier
        # A body carries nothing of the unit's registration; the gateway has it.
        registration: dict[str, Value] = {
            "name": "-",
            "establishment_decision": "-",
            "establishment_date": datetime.now(UTC).date(),
            "budget_code": session.unit.budget_code,
        }
        checked = replace(dossier, unit={**registration, **dossier.unit})
        found = [
            *draft.problems,
            *check_dossier(checked, profile, stage="signed", registered=self._registered(session)),
        ]
        unsent = {f".{name}" for name in ("x_ngay_tao", "x_ctmt_ten")}
        errors = [one for one in errors_among(found) if not any(one.path.endswith(name) for name in unsent)]
        if errors:
            words = "; ".join(f"{one.path}: {one.message('vi')}" for one in errors[:20])
            raise Refused(400, "refused", words)
        report = check_input(given, profile, None, datetime.now(UTC))
        if report.verdict == "invalid" or len(report.signers) < len(ROLES):
            reasons = [*report.reasons, *(reason for signer in report.signers for reason in signer.reasons)]
            raise Refused(400, "refused", "Chữ ký không hợp lệ: " + ", ".join(sorted({one.code for one in reasons})))
        for signer in report.signers:
            fingerprint = hashlib.sha256(signer.certificate).hexdigest()
            if fingerprint not in session.unit.certificates.setdefault(signer.role, {fingerprint}):
                raise Refused(403, "refused", f"Chứng thư số chưa đăng ký: {signer.signer}")
        for attachment in dossier.attachments:
            if attachment.get("fileId") not in self.uploads:
                raise Refused(400, "refused", f"Không có tệp đã tải lên: {attachment.get('fileId')}")
        totals = [column_sum(voucher.lines, "v_so_tien") for voucher in dossier.vouchers]
        return Received(
            dossier.code,
            dossier.title,
            datetime.now(VIETNAM_TIME),
            report.sha256,
            tuple(signer.signer for signer in report.signers),
            sum(int(total) for total in totals if total is not None),
            len(dossier.attachments),
        )

    def _judge_login(self, login: Any, session: _Session, envelopes: Mapping[Role, bytes]) -> None:
        if not isinstance(login, dict):
            raise Refused(400, "refused", "Thiếu thông tin đăng nhập")
        account = session.unit.users.get(str(login.get("UserName")))
        password = str(login.get("Password") or "")
        if account is None or not secrets.compare_digest(account[0].encode(), password.encode()):
            raise Refused(401, "login_failed", "Sai thông tin đăng nhập trong hồ sơ")
        for key, role in (("HeadOfDepartmentCertInfo", "holder"), ("ChiefAccountantCertInfo", "accountant")):
            wire = self.profile.login.by_name[key].key
            taken = str(login.get(wire) or "")
            envelope = envelopes.get("holder" if role == "holder" else "accountant", b"")
            if not taken or f">{taken}</".encode() not in envelope:
                raise Refused(400, "refused", f"{wire} không phải chữ ký trong hồ sơ")

    def _registered(self, session: _Session) -> Any:
        unit = session.unit

        def known(name: str, value: str) -> bool:
            if name.endswith("sotk_so"):
                return not unit.accounts or value in unit.accounts
            return value == unit.budget_code

        return known

    def _status_of(self, code: str) -> dict[str, Any]:
        form = self.profile.gateway
        names, states = form.status_response, form.states
        dossier = self.received.get(code)
        if dossier is None:
            return {names.code: code, names.status: states.unknown[0]}
        dossier.asked += 1
        answer: dict[str, Any] = {
            names.code: code,
            names.title: dossier.title,
            names.time: dossier.taken_at.strftime("%d/%m/%Y %H:%M:%S"),
            names.amount: dossier.total,
        }
        if self.scenario == "returned":
            return {**answer, names.status: states.returned[0], names.reason: "Thiếu hồ sơ pháp lý (giả lập)"}
        if self.scenario == "processing":
            return {**answer, names.status: states.sent[0]}
        return {**answer, names.status: states.accepted[0], names.file: DEBIT_NOTE_PATH.format(code=code)}

    # --------------------------------------------------------------------------------------------------- around

    def _session(self, request: Request, hashed_body: bytes | None = None) -> _Session:
        """Check the headers each call carries (chapter II, V; rule VI)."""
        form = self.profile.gateway
        session = self._sessions.get(bearer(request))
        if session is None or time.monotonic() > session.expires_at:
            raise Refused(401, "token_expired", "Phiên làm việc không còn hiệu lực")
        session.uses += 1
        if self.scenario == "expired-token" and session.uses > 1:
            del self._sessions[bearer(request)]
            raise Refused(401, "token_expired", "Phiên làm việc không còn hiệu lực")
        if self.scenario in ("suspended", "cancelled"):
            raise Refused(403, self.scenario, "Đơn vị bị tạm ngừng hoặc hủy kết nối")
        if hashed_body is not None:
            salt_token = request.headers.get(form.salt_header, "")
            try:
                expected = hashed_data(hashed_body, salt_token, self.profile)
            except RemoteFailed:
                expected = ""
            given = request.headers.get(form.hash_header, "")
            if salt_token != session.salt_token or not expected or not secrets.compare_digest(given, expected):
                raise Refused(400, "hash_mismatch", "Hashed-Data không đúng")
        return session

    def _answering(self, call: Any) -> Any:
        async def answer(request: Request) -> Response:
            if self.scenario == "slow":
                await asyncio.sleep(self._pause_s)
            sending = request.url.path == f"/{self.profile.gateway.send}"
            if self.scenario == "busy" and not sending and request.url.path not in self._called:
                self._called.add(request.url.path)
                return Response("Service Unavailable", 503)
            if self.scenario == "server-error" and sending:
                return Response("Internal Server Error", 500)
            if self.scenario == "garbage" and sending:
                return HTMLResponse("<html>\x1b[31m502", 200)
            try:
                response: Response = await call(request)
            except Refused as refused:
                names = self.profile.gateway.result
                code = getattr(self.profile.gateway.errors, refused.kind)[-1]
                body = {names.code: code, names.message: refused.message, names.data: None}
                return JSONResponse(body, refused.status)
            return response

        return answer

    def _ok(self, data: Any) -> Response:
        names = self.profile.gateway.result
        return JSONResponse({names.code: names.success[0], names.message: "", names.data: data})

    async def _page(self, request: Request) -> Response:
        rows = "".join(
            f"<tr><td>{_escaped(one.taken_at.strftime('%d/%m/%Y %H:%M:%S'))}<td>{_escaped(one.code)}"
            f"<td>{_escaped(one.title)}<td>{_escaped(one.total)}<td>{_escaped(', '.join(one.signers))}"
            f"<td>{one.attachments}"
            for one in sorted(self.received.values(), key=lambda one: one.taken_at, reverse=True)
        )
        headers = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(_PAGE.replace("{rows}", rows), headers=headers)


class KbnnSimulator:
    """What `register_simulators` loads."""

    def application(self, scenario: str) -> Application:
        """Return the ASGI application; ``ask``, the default of `kyso simulate`, is ``accept`` here: nobody is asked.

        :raises WrongUse: the scenario is unknown.
        """
        return GatewaySimulator("accept" if scenario == "ask" else scenario).application()

    def guide(self, url: str, language: Language) -> str:
        """Return the lines for kyso.toml, the account to log in with, and where the page is."""
        user = next(name for name, (_, role) in demo_unit().users.items() if role == "holder")
        return "\n".join(
            (
                "[plugins.kbnn]",
                f'gateway_url = "{url}"',
                "gateway_private = true",
                f'holder_username = "{user}"',
                "",
                f"# {Text('Mật khẩu', 'Password').of(language)}: {DEMO_PASSWORD}",
                f"# {Text('Hồ sơ đã nhận', 'Received dossiers').of(language)}: {url}/",
            )
        )


def _escaped(value: object) -> str:
    return html.escape(shown(value)[:300])


_PAGE = """<!doctype html><html lang="vi"><meta charset="utf-8"><title>KBNN-Gateway giả lập - kyso</title>
<style>body{font:16px sans-serif;margin:1rem}table{border-collapse:collapse}
td,th{border:1px solid #888;padding:.3rem .6rem}</style>
<h1>KBNN-Gateway giả lập</h1><p>Chỉ để thử nghiệm, không có giá trị pháp lý.</p>
<table><tr><th>Thời gian<th>Mã hồ sơ<th>Tiêu đề<th>Số tiền<th>Người ký<th>Tệp{rows}</table></html>"""
