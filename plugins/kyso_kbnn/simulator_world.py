"""The simulator's world: registered units, what was received, refusals, and how requests are taken apart."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from starlette.requests import Request

from kyso.plugin import KysoError, Text
from kyso_kbnn.envelope import Role
from kyso_kbnn.profile import Profile
from kyso_kbnn.reading import parse_json

GREATEST_LIST = 1000
"""How many entries a request may list."""

SCENARIOS: Mapping[str, Text] = {
    "accept": Text("Tiếp nhận rồi hoàn thành, có giấy báo nợ", "Take the dossier, complete it, with a debit note"),
    "processing": Text("Tiếp nhận, chưa xử lý xong", "Take the dossier and leave it in progress"),
    "returned": Text("Tiếp nhận rồi trả lại", "Take the dossier, then return it"),
    "expired-token": Text("Mã phiên hết hạn sau lần dùng đầu", "The token expires after its first use"),
    "busy": Text("Mỗi dịch vụ báo bận ở lần gọi đầu", "Every service but sending is busy at its first call"),
    "slow": Text("Trả lời chậm", "Answer slowly"),
    "drop": Text("Nhận hồ sơ rồi ngắt kết nối, không trả lời", "Take the dossier, then cut the line without an answer"),
    "lost": Text("Ngắt kết nối và không nhận hồ sơ", "Cut the line and do not take the dossier"),
    "suspended": Text("Đơn vị bị tạm ngừng kết nối", "The unit's connection is suspended"),
    "cancelled": Text("Đơn vị bị hủy kết nối", "The unit's connection is cancelled"),
    "server-error": Text("Máy chủ báo lỗi nội bộ", "The server fails inside"),
    "garbage": Text("Trả về dữ liệu không đọc được", "Answer with what cannot be read"),
}

DEMO_PASSWORD = "mat-khau-THU-NGHIEM-khong-bi-mat"  # noqa: S105 -- public on purpose: a simulator's account
DEBIT_NOTE_PATH = "global/dvc/fe/giaybaono-{code}.pdf"


@dataclass(slots=True)
class Unit:
    """A registered unit.

    :param accounts: its accounts; empty accepts any.
    :param users: user name -> (password, role).
    :param certificates: role -> SHA-256 of the registered certificates; a role without an entry registers the first
        certificate it signs with, so that a demo needs no preparation.
    """

    budget_code: str
    treasury: str = ""
    accounts: frozenset[str] = frozenset()
    users: dict[str, tuple[str, Role]] = field(default_factory=dict)
    certificates: dict[Role, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Received:
    """A dossier that the simulator took."""

    code: str
    title: str
    taken_at: datetime
    sha256: str
    signers: tuple[str, ...]
    total: int | None
    attachments: int
    asked: int = 0


class Refused(Exception):
    """What the gateway answers with: an HTTP status and a ServiceResult code."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


def demo_unit() -> Unit:
    """Return the made-up unit of the samples, with one account of each role."""
    return Unit(
        "1999999",
        users={
            "test_ctk_1999999": (DEMO_PASSWORD, "holder"),
            "test_ktt_1999999": (DEMO_PASSWORD, "accountant"),
        },
    )


def debit_note(dossier: Received) -> bytes:
    """Return a one-page PDF that says it is a simulated debit note."""
    import pikepdf

    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(595, 842))
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    pdf.pages[0].Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
    words = f"GIAY BAO NO - TEST - kyso simulator - {dossier.code}".encode("ascii", "replace")
    safe = words.replace(b"\\", b"").replace(b"(", b"").replace(b")", b"")
    pdf.pages[0].Contents = pdf.make_stream(b"BT /F1 14 Tf 60 760 Td (" + safe + b") Tj ET")
    target = BytesIO()
    pdf.save(target)
    return target.getvalue()


def bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def json_object(body: bytes) -> dict[str, Any]:
    try:
        raw = parse_json(body, "body")
    except KysoError as error:
        raise Refused(400, "refused", "JSON không hợp lệ") from error
    if not isinstance(raw, dict):
        raise Refused(400, "refused", "JSON không hợp lệ")
    return raw


def json_list(body: bytes) -> list[Any]:
    try:
        raw = parse_json(body, "body")
    except KysoError as error:
        raise Refused(400, "refused", "JSON không hợp lệ") from error
    if not isinstance(raw, list) or len(raw) > GREATEST_LIST:
        raise Refused(400, "refused", "Cần một mảng JSON")
    return raw


def form_file(body: bytes, content_type: str, profile: Profile) -> tuple[str, bytes]:
    """Take the one file out of a multipart form."""
    from email.parser import BytesParser
    from email.policy import HTTP

    if not content_type.startswith("multipart/form-data"):
        raise Refused(400, "refused", "Cần multipart/form-data")
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    for part in message.iter_parts() if message.is_multipart() else ():
        field_name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if field_name == profile.gateway.upload_field and isinstance(data, bytes):
            return part.get_filename() or "", data
    raise Refused(400, "refused", f"Thiếu tệp '{profile.gateway.upload_field}'")


def make_token(claims: Mapping[str, Any]) -> str:
    """Return a token of a JWT's form; nobody verifies the simulator's signature."""
    claims = {**claims, "exp": int((datetime.now(UTC) + timedelta(hours=1)).timestamp())}
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}).encode(), json.dumps(claims).encode(), secrets.token_bytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
