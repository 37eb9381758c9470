"""The two papers a unit writes to the treasury: the report of an incident and the notice of registration.

The incident report follows chapter I, rule V and letter 7204/KBNN-CNTT (address, form of the subject); the notice is
the annex of the decision, filled in as a PDF that is ready to be signed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from io import BytesIO
from typing import Any

from kyso import text
from kyso.models import VIETNAM_TIME
from kyso.plugin import InputRefused
from kyso_kbnn.profile import Profile

# The annex's own words: what the unit commits itself to is not for a program to rephrase.
_COMMITMENTS = (
    "Cam kết những thông tin đăng ký trên hoàn toàn chính xác.",
    "Đã hiểu rõ các quy định của KBNN về sử dụng ứng dụng, dịch vụ của KBNN.",
    "Tuân thủ các thủ tục đăng ký và các hướng dẫn của KBNN, sử dụng đúng mục đích những thông tin mà ứng dụng, "
    "dịch vụ cung cấp.",
    "Không chia sẻ tài khoản được cấp cho bất kỳ cá nhân hay tổ chức nào khác.",
    "Phối hợp với KBNN trong việc kiểm tra, giám sát về các vấn đề liên quan đến phần mềm ứng dụng kết nối với "
    "hệ thống thông tin của KBNN.",
    "Chịu trách nhiệm về những tấn công an ninh mạng vào hệ thống của KBNN phát sinh từ hệ thống đăng ký kết nối của "
    "mình; bảo đảm tính xác thực và bảo vệ sự toàn vẹn của dữ liệu được xử lý trong quá trình kết nối với hệ "
    "thống của KBNN.",
    "Tuân thủ và thực hiện đầy đủ các quy định của pháp luật về giao dịch điện tử, đảm bảo điều kiện an toàn cho chữ "
    "ký số (khóa bí mật chỉ thuộc sự kiểm soát của người ký tại thời điểm ký) và quy định của pháp luật về dịch vụ "
    "công đã đăng ký sử dụng.",
    "Nếu vi phạm những điều cam kết trên, khách hàng chịu hoàn toàn trách nhiệm trước pháp luật.",
)


@dataclass(frozen=True, slots=True)
class Incident:
    """What happened, in the reporter's words.

    :param summary: one line, for the subject.
    :param dossier: code of the dossier concerned, if any.
    """

    summary: str
    details: str
    dossier: str = ""


def incident_mail(incident: Incident, unit: Mapping[str, Any], profile: Profile, now: datetime) -> bytes:
    """Return the report as an e-mail message (RFC 5322) without sender: a person looks at it and sends it.

    :raises InputRefused: the unit's name or treasury is not configured, or there is no summary.
    """
    _need(unit, "name", "treasury")
    summary = " ".join(text.shown(incident.summary).split())
    if not summary:
        raise InputRefused("kbnn.paper_incomplete", fields=["summary"])
    message = EmailMessage(policy=SMTP)
    message["To"] = profile.support.address
    message["Subject"] = profile.support.subject.format(treasury=unit["treasury"], summary=summary[:150])
    message["X-Unsent"] = "1"
    moment = now.astimezone(VIETNAM_TIME)
    lines = [
        f"Đơn vị: {unit['name']}",
        f"Mã ĐVQHNS: {unit.get('budget_code', '')}",
        f"KBNN nơi giao dịch: {unit['treasury']}",
        f"Thời điểm báo: {moment:%d/%m/%Y %H:%M:%S} (+07:00)",
        "Phần mềm kết nối: kyso",
        *([f"Mã hồ sơ: {incident.dossier}"] if incident.dossier else []),
        "",
        "Mô tả sự cố:",
        text.shown(incident.details),
        "",
        "Đề nghị KBNN phối hợp tìm nguyên nhân và thông báo kết quả xử lý.",
    ]
    message.set_content("\n".join(lines), charset="utf-8")
    return message.as_bytes()


def registration_notice(unit: Mapping[str, Any], treasury_name: str, place: str, now: datetime) -> bytes:
    """Return the annex's notice about the use of software that connects directly, as a one-page PDF.

    :param treasury_name: the treasury the unit deals with, as the salutation names it.
    :param place: where it is written, for the line of place and date.
    :raises InputRefused: the unit's name, code, address or phone is not configured.
    """
    _need(unit, "name", "budget_code", "address", "phone")
    from reportlab.lib.enums import TA_CENTER, TA_RIGHT
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    from kyso.demo.typeface import register_faces

    faces = register_faces()
    body = ParagraphStyle("body", fontName=faces.regular, fontSize=12.5, leading=16.5, spaceAfter=3)
    centred = ParagraphStyle("centred", body, alignment=TA_CENTER, fontName=faces.bold)
    right = ParagraphStyle("right", body, alignment=TA_RIGHT, fontName=faces.italic)
    day = now.astimezone(VIETNAM_TIME)
    words = [
        Paragraph("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", centred),
        Paragraph("Độc lập - Tự do - Hạnh phúc", centred),
        Spacer(1, 6 * mm),
        Paragraph("THÔNG BÁO CỦA KHÁCH HÀNG VỀ VIỆC ĐĂNG KÝ SỬ DỤNG ỨNG DỤNG, DỊCH VỤ CỦA KHO BẠC NHÀ NƯỚC", centred),
        Spacer(1, 3 * mm),
        Paragraph(f"Kính gửi: {_safe(treasury_name)}", centred),
        Spacer(1, 3 * mm),
        Paragraph(
            "Căn cứ Thông tư số 87/2021/TT-BTC ngày 08 tháng 10 năm 2021 của Bộ Tài chính quy định về giao dịch "
            "điện tử trong hoạt động nghiệp vụ Kho bạc Nhà nước (KBNN), đơn vị thông báo và cam kết về việc đăng ký, "
            "sử dụng ứng dụng, dịch vụ của KBNN như sau:",
            body,
        ),
        Paragraph("Tên ứng dụng, dịch vụ: Hệ thống dịch vụ công trực tuyến KBNN.", body),
        Paragraph(f"Tên khách hàng/ĐVQHNS: {_safe(unit['name'])}", body),
        Paragraph(f"Mã ĐVQHNS: {_safe(unit['budget_code'])}", body),
        Paragraph(f"Địa chỉ: {_safe(unit['address'])}", body),
        Paragraph(f"Số điện thoại: {_safe(unit['phone'])}", body),
        Paragraph("Tên phần mềm kết nối tới ứng dụng, dịch vụ của KBNN: kyso", body),
        Paragraph("Khách hàng cam kết:", body),
        *(Paragraph(f"- {line}", body) for line in _COMMITMENTS),
        Spacer(1, 4 * mm),
        Paragraph(f"{_safe(place)}, ngày {day:%d} tháng {_month(day.month)} năm {day.year}", right),
        Paragraph("THỦ TRƯỞNG ĐƠN VỊ", ParagraphStyle("sign", right, fontName=faces.bold)),
        Paragraph("(Ký số hoặc ký, đóng dấu)", right),
    ]
    target = BytesIO()
    document = SimpleDocTemplate(
        target,
        pagesize=A4,
        leftMargin=30 * mm,
        rightMargin=18 * mm,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
        title="Thông báo đăng ký sử dụng dịch vụ của KBNN",
        author=str(unit["name"]),
        invariant=1,
    )
    document.build(words)
    return target.getvalue()


def _month(number: int) -> str:
    """Return a month as Decree 30/2020, Annex I, II.4 writes it: a zero before 1 and 2 only."""
    return f"{number:02}" if number < 3 else str(number)


def _need(unit: Mapping[str, Any], *names: str) -> None:
    missing = [f"unit_{name}" for name in names if not unit.get(name)]
    if missing:
        raise InputRefused("kbnn.paper_incomplete", fields=missing)


def _safe(value: object) -> str:
    """Return a value as reportlab's markup shows it: nothing in it is markup."""
    from xml.sax.saxutils import escape

    return escape(unicodedata.normalize("NFC", text.shown(value)))
