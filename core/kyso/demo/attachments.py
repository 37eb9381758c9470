"""The demo's further papers: the letter's separate attachment and a payment list for the State Treasury (KBNN)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kyso.demo.pki import ACCOUNTANT_NAME, HOLDER_NAME
from kyso.demo.sheet import MM, TEXT_WIDTH, build, style, tight
from kyso.demo.typeface import Faces, register_faces
from kyso.demo.wording import sample_letter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from kyso_stamps.fonts import FontChoice

BUDGET_CODE = "1099999"
"""A made-up budget relation code (mã đơn vị quan hệ ngân sách)."""

PAYMENT_CONTENT = "Thanh toán chứng thư chữ ký số"

_UNITS = (
    ("Văn phòng Hội đồng nhân dân và Ủy ban nhân dân xã", "Ký số văn bản đi, kiểm tra văn bản đến", "4"),
    ("Phòng Kinh tế", "Ký số hồ sơ thanh toán gửi Kho bạc Nhà nước", "3"),
    ("Phòng Văn hóa - Xã hội", "Kiểm tra văn bản đến", "2"),
    ("Trung tâm Phục vụ hành chính công", "Số hóa, ký số bản sao điện tử", "3"),
    ("Ban Chỉ huy Quân sự xã", "Kiểm tra văn bản đến", "1"),
)

_PAYMENTS = (
    ("Gia hạn chứng thư chữ ký số của cơ quan (01 chứng thư)", "0000101", 2_400_000),
    ("Gia hạn chứng thư chữ ký số cá nhân (04 chứng thư)", "0000102", 4_800_000),
    ("Thiết bị lưu khóa bí mật (05 thiết bị)", "0000103", 2_750_000),
    ("Hướng dẫn sử dụng tại trụ sở (01 ngày)", "0000104", 3_000_000),
)
_TOTAL_IN_WORDS = "Mười hai triệu chín trăm năm mươi nghìn đồng"


def draw_attachment(dated: date, *, number: int = 7, fonts: FontChoice | None = None) -> bytes:
    """Return the letter's attachment, a file of its own, which the organisation must therefore sign as well."""
    from reportlab.platypus import Paragraph, Spacer

    letter = sample_letter(dated, number)
    faces = register_faces(fonts)
    heading = _centred(faces, 14, fontName=faces.bold)
    day = letter.place_and_date.partition(", ")[2]
    issuer = "Ủy ban nhân dân xã An Bình Thử Nghiệm"
    title = "DANH SÁCH ĐƠN VỊ THAM GIA THÍ ĐIỂM"
    story = [
        Paragraph("Phụ lục", heading),
        Paragraph(title, heading),
        Paragraph(
            f"(Kèm theo Công văn số {letter.number_and_symbol} {day}<br/>của {issuer})",
            _centred(faces, 14, fontName=faces.italic),
        ),
        Spacer(1, 14),
        _ruled(
            faces,
            ("TT", "Đơn vị", "Nội dung thực hiện", "Số người"),
            [(str(index), *row) for index, row in enumerate(_UNITS, 1)],
            (12 * MM, 62 * MM, 64 * MM, 22 * MM),
        ),
    ]
    return build(story, faces, title=f"Phụ lục - {title.capitalize()}", author=" ".join(letter.issuer))


def draw_payment_list(dated: date, *, fonts: FontChoice | None = None) -> bytes:
    """Return a payment list for the State Treasury; the upper 45 mm stay free for the signers' blocks."""
    from reportlab.platypus import Paragraph, Spacer

    letter = sample_letter(dated)
    faces = register_faces(fonts)
    left = style(faces, 13)
    title = "BẢNG KÊ CHỨNG TỪ THANH TOÁN"
    rows = [
        (str(index), content, invoice, _dong(amount)) for index, (content, invoice, amount) in enumerate(_PAYMENTS, 1)
    ]
    rows.append(("", "<b>Tổng cộng</b>", "", f"<b>{_dong(sum(amount for _, _, amount in _PAYMENTS))}</b>"))
    story = [
        Paragraph(f"Đơn vị: {' '.join(letter.issuer)}", left),
        Paragraph(f"Mã đơn vị quan hệ ngân sách: {BUDGET_CODE}", left),
        Spacer(1, 12),
        Paragraph(title, _centred(faces, 14, fontName=faces.bold)),
        Paragraph("(Kèm theo Giấy rút dự toán ngân sách)", _centred(faces, 13, fontName=faces.italic)),
        Spacer(1, 12),
        _ruled(
            faces,
            ("TT", "Nội dung", "Số hóa đơn", "Số tiền (đồng)"),
            rows,
            (12 * MM, 84 * MM, 28 * MM, 36 * MM),
        ),
        Spacer(1, 8),
        Paragraph(f"Số tiền bằng chữ: <i>{_TOTAL_IN_WORDS}.</i>", left),
        Spacer(1, 12),
        _two_signers(faces, letter.place_and_date),
    ]
    return build(story, faces, title=title.capitalize(), author=" ".join(letter.issuer), first_head=25 * MM)


def _dong(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")


def _centred(faces: Faces, size_pt: float, **properties: Any) -> Any:
    from reportlab.lib.enums import TA_CENTER

    return style(faces, size_pt, alignment=TA_CENTER, **properties)


def _ruled(faces: Faces, head: tuple[str, ...], rows: Sequence[tuple[str, ...]], widths: tuple[float, ...]) -> Any:
    from reportlab.lib import colors
    from reportlab.lib.enums import TA_RIGHT
    from reportlab.platypus import Paragraph, Table, TableStyle

    cell, bold = style(faces, 13), _centred(faces, 13, fontName=faces.bold)
    middle, amount = _centred(faces, 13), style(faces, 13, alignment=TA_RIGHT)

    def styled(column: int) -> Any:
        if column == 0:
            return middle
        return amount if column == len(head) - 1 else cell

    table = [[Paragraph(text, bold) for text in head]]
    table += [[Paragraph(text, styled(column)) for column, text in enumerate(row)] for row in rows]
    ruled = TableStyle(
        [
            ("FONTNAME", (0, 0), (-1, -1), faces.regular),
            ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    return Table(table, colWidths=widths, style=ruled, repeatRows=1)


def _two_signers(faces: Faces, place_and_date: str) -> Any:
    from reportlab.platypus import Paragraph, Spacer, Table

    bold, italic = _centred(faces, 13, fontName=faces.bold), _centred(faces, 13, fontName=faces.italic)

    def block(title: str, name: str, above: str) -> list[Any]:
        return [
            Paragraph(above or "&nbsp;", italic),
            Paragraph(title, bold),
            Paragraph("(Ký số ở đầu trang)", italic),
            Spacer(1, 18 * MM),
            Paragraph(name, bold),
        ]

    blocks = [block("Kế toán trưởng", ACCOUNTANT_NAME, ""), block("Chủ tài khoản", HOLDER_NAME, place_and_date)]
    return Table([blocks], colWidths=(TEXT_WIDTH / 2, TEXT_WIDTH / 2), style=tight(faces))
