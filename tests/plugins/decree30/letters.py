"""Varied letters with the true place of their signature block, drawn for the tests.

Each is as some office would set it. The truth is noted while drawing: the axis, the lower edge of the last title line's
capitals, and the upper edge of the name's line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.sheets import A4, PT, Setup, Sheet, variant

BODY = (
    "Thực hiện Kế hoạch số 15/KH-UBND ngày 20 tháng 01 năm 2026 của Ủy ban",
    "nhân dân tỉnh, đề nghị các cơ quan, đơn vị triển khai ký số trên văn bản điện tử,",
    "bảo đảm đúng thể thức, kỹ thuật trình bày và thời hạn; báo cáo kết quả trước ngày 25",
    "hằng tháng để tổng hợp./.",
)
RECIPIENTS = (
    "Nơi nhận:",
    "- Như trên;",
    "- Thường trực Tỉnh ủy (để báo cáo);",
    "- Chủ tịch, các Phó Chủ tịch;",
    "- Lưu: VT, VP.",
)


@dataclass(frozen=True)
class Truth:
    """Where the signature belongs.

    :param axis_mm: centre of title and name.
    :param above_mm: baseline of the last line over the space.
    :param below_mm: baseline of the first line under the space.
    :param size_pt: their size.
    """

    page: int
    axis_mm: float
    above_mm: float
    below_mm: float
    size_pt: float
    name: str


@dataclass(frozen=True)
class Sample:
    """One letter.

    :param signer: the name in the certificate, empty where it does not matter.
    """

    name: str
    data: bytes
    truth: Truth
    signer: str = ""


def head(sheet: Sheet) -> float:
    """Draw boxes 1 to 5 of annex I and return the height where the body starts."""
    left, right = sheet.width_mm * 0.27, sheet.width_mm * 0.68
    sheet.text(left, 24, "ỦY BAN NHÂN DÂN", 12, bold=True, align="centre")
    sheet.text(left, 29.5, "TỈNH THỬ NGHIỆM", 12, bold=True, align="centre")
    sheet.text(right, 24, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 12, bold=True, align="centre")
    sheet.text(right, 29.5, "Độc lập - Tự do - Hạnh phúc", 13, bold=True, align="centre")
    sheet.text(left, 37, "Số: 07/UBND-VP", 13, align="centre")
    sheet.text(right, 37, "Hà Nội, ngày 22 tháng 11 năm 2026", 13, align="centre")
    sheet.text(sheet.width_mm / 2, 50, "Kính gửi: Các cơ quan, đơn vị trực thuộc", 13, align="centre")
    return 60.0


def body(sheet: Sheet, top: float, paragraphs: int = 3, size_pt: float = 13) -> float:
    """Draw the body and return the height after it."""
    for _ in range(paragraphs):
        for index, line in enumerate(BODY):
            sheet.text(40 if index == 0 else 30, top, line, size_pt)
            top += 6.4
        top += 2.5
    return top


def block(
    sheet: Sheet,
    top: float,
    title: Sequence[str],
    name: Sequence[str],
    *,
    axis: float = 148.0,
    size_pt: float = 13.0,
    space: float = 28.0,
    recipients: bool = True,
    page: int = 1,
    title_shift: float = 0.0,
    hint: str = "",
    bold_name: bool = True,
    spelled: bool = False,
    decomposed: bool = False,
    invisible: bool = False,
) -> Truth:
    """Draw boxes 7 and 9b and return the truth about the space between them."""
    style = {"spelled": spelled, "decomposed": decomposed, "invisible": invisible}
    line_mm = size_pt * 1.25 / PT
    if recipients:
        for index, line in enumerate(RECIPIENTS):
            sheet.text(30, top + index * 4.8, line, 12 if index == 0 else 11)
    baseline = top
    for line in title:
        sheet.text(axis + title_shift, baseline, line, size_pt, bold=True, align="centre", **style)
        baseline += line_mm
    if hint:
        sheet.text(axis + title_shift, baseline, hint, size_pt - 1, align="centre", **style)
        baseline += line_mm
    above = baseline - line_mm
    below = baseline = above + space
    for index, line in enumerate(name):
        bold = bold_name or index < len(name) - 1
        sheet.text(axis, baseline, line, size_pt, bold=bold, align="centre", **style)
        baseline += line_mm
    return Truth(page, axis + title_shift / 2, above, below, size_pt, name[-1])


def _simple(name: str, title: Sequence[str], names: Sequence[str], **given: object) -> Sample:
    sheet = Sheet()
    truth = block(sheet, body(sheet, head(sheet)) + 8, title, names, **given)  # type: ignore[arg-type]  # passed on
    return Sample(name, sheet.pdf(), truth)


def _set_up(name: str, setup: Setup) -> Sample:
    sample = _simple(name, ["KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"], ["Trần Thị Bích Ngọc"])
    return Sample(name, variant(sample.data, setup), sample.truth)


def _page_of_size(name: str, size: tuple[float, float], axis: float, size_pt: float = 13.0) -> Sample:
    sheet = Sheet(size)
    top = 70.0 if size[1] < 290 else 150.0
    sheet.text(30, 40, BODY[1][:40], size_pt)
    truth = block(sheet, top, ["GIÁM ĐỐC"], ["Lê Văn Hùng"], axis=axis, size_pt=size_pt)
    return Sample(name, sheet.pdf(), truth)


def _with_attachment(name: str, tail: Callable[[Sheet], None]) -> Sample:
    sheet = Sheet()
    truth = block(sheet, body(sheet, head(sheet)) + 8, ["TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"], ["Vũ Đức Thắng"])
    sheet.next_page()
    tail(sheet)
    return Sample(name, sheet.pdf(), truth)


def _table_of_names(sheet: Sheet) -> None:
    sheet.text(105, 30, "PHỤ LỤC", bold=True, align="centre")
    sheet.text(105, 37, "DANH SÁCH CÁN BỘ THAM GIA", bold=True, align="centre")
    sheet.text(80, 50, "HỌ VÀ TÊN", bold=True, align="centre")
    sheet.text(150, 50, "CHỨC VỤ", bold=True, align="centre")
    for row, person in enumerate(["Nguyễn Văn An", "Trần Thị Bình", "Lê Hoàng Châu", "Phạm Minh Đức", "Hồ Thị Em"]):
        sheet.text(80, 60 + 9 * row, person, align="centre")
        sheet.text(150, 60 + 9 * row, "Chuyên viên", align="centre")


def _form_to_fill(sheet: Sheet) -> None:
    sheet.text(105, 30, "MẪU GIẤY ĐỀ NGHỊ", bold=True, align="centre")
    body(sheet, 45, 2)
    sheet.text(150, 150, "NGƯỜI ĐỀ NGHỊ", bold=True, align="centre")
    sheet.text(150, 156, "(Ký, ghi rõ họ tên)", 12, align="centre")


def letter_of_pages(pages: int, at: int) -> bytes:
    """Return a letter of many pages whose block stands on page `at`."""
    return _many_pages("", pages, at).data


def _many_pages(name: str, pages: int, at: int) -> Sample:
    sheet = Sheet()
    truth: Truth | None = None
    for number in range(1, pages + 1):
        top = body(sheet, head(sheet) if number == 1 else 25, 4)
        if number == at:
            truth = block(sheet, top + 8, ["BỘ TRƯỞNG"], ["Đặng Quốc Khánh"], page=number)
        if number < pages:
            sheet.next_page()
    assert truth is not None
    return Sample(name, sheet.pdf(), truth)


def _side_by_side(name: str, signer: str, axis: float) -> Sample:
    sheet = Sheet()
    top = body(sheet, head(sheet)) + 10
    left = block(sheet, top, ["SỞ TÀI CHÍNH", "GIÁM ĐỐC"], ["Bùi Thị Hòa"], axis=62, recipients=False)
    right = block(sheet, top, ["SỞ NỘI VỤ", "GIÁM ĐỐC"], ["Đỗ Minh Tuấn"], axis=150, recipients=False)
    return Sample(name, sheet.pdf(), left if axis < 100 else right, signer)


def samples() -> list[Sample]:
    """Return the letters in which one block must be found."""
    return [
        _simple("one-title", ["CHỦ TỊCH"], ["Nguyễn Văn Mẫu"]),
        _simple("deputy", ["KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"], ["Nguyễn Thị Lấp Lánh Ánh"]),
        _simple("on-behalf", ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"], ["Hoàng Văn Thụ"]),
        _simple(
            "four-lines", ["TM. BAN CHỈ ĐẠO", "KT. TRƯỞNG BAN", "PHÓ TRƯỞNG BAN", "THƯỜNG TRỰC"], ["Phan Đình Phùng"]
        ),
        _simple("acting", ["Q. GIÁM ĐỐC"], ["Võ Thị Sáu"]),
        _simple("by-order", ["TUQ. BỘ TRƯỞNG", "VỤ TRƯỞNG VỤ PHÁP CHẾ"], ["Tạ Quang Bửu"]),
        _simple("rank", ["GIÁM ĐỐC"], ["Đại tá Nguyễn Hữu Cầu"]),
        _simple("rank-own-line", ["TƯ LỆNH"], ["Trung tướng", "Nguyễn Văn Nam"]),
        _simple("degrees", ["HIỆU TRƯỞNG"], ["PGS.TS. Trần Thị Bích Ngọc"]),
        _simple("doctor", ["KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"], ["BSCKII. Phạm Thị Hoà"]),
        _simple("further-title", ["TM. HỘI ĐỒNG", "CHỦ TỊCH"], ["BỘ TRƯỞNG BỘ NỘI VỤ", "Lê Thị Hồng Gấm"]),
        _simple("capital-name", ["TỔNG GIÁM ĐỐC"], ["NGUYỄN VĂN BÌNH"]),
        _simple("decomposed", ["CỤC TRƯỞNG"], ["Nguyễn Thị Ngọc Ánh"], decomposed=True),
        _simple("letter-by-letter", ["VIỆN TRƯỞNG"], ["Trương Mỹ Hoa"], spelled=True),
        _simple("letters-decomposed", ["CHI CỤC TRƯỞNG"], ["Lưu Đức Dũng"], spelled=True, decomposed=True),
        _simple("no-recipients", ["GIÁM ĐỐC"], ["Cao Xuân Dục"], recipients=False),
        _simple("centred-by-hand", ["TRƯỞNG PHÒNG"], ["Mai Thị Lựu"], title_shift=4.5),
        _simple("ethnic-name", ["CHỦ TỊCH"], ["Y Biêr Niê"]),
        _simple("two-word-name", ["BÍ THƯ"], ["H'Liê Ksor"]),
        _simple("ordinary-title", ["Giám đốc"], ["Kiều Minh Anh"]),
        _simple("head-of-unit", ["Thủ trưởng đơn vị"], ["Vàng A Sùng"], hint="(Ký tên, đóng dấu)", space=26),
        _simple("no-full-stop", ["T/M ỦY BAN NHÂN DÂN", "CHỦ TỊCH"], ["Nguyễn Văn An"]),
        _simple("foreign-name", ["TỔNG GIÁM ĐỐC"], ["John Michael Smith"]),
        _simple("body-below-title", ["CHỦ TỊCH", "HỘI ĐỒNG THÀNH VIÊN"], ["Cao Thị Ngọc"]),
        _simple("hint", ["THỦ TRƯỞNG ĐƠN VỊ"], ["Đinh Công Tráng"], hint="(Ký, ghi rõ họ tên, đóng dấu)", space=26),
        _simple("narrow-space", ["TRẠM TRƯỞNG"], ["Lâm Thị Mỹ Dạ"], space=15.0),
        _simple("wide-space", ["CHÁNH THANH TRA"], ["Ngô Quyền"], space=42.0),
        _simple("long-title", ["KT. CHỦ NHIỆM ỦY BAN KIỂM TRA TỈNH ỦY", "PHÓ CHỦ NHIỆM"], ["Tôn Nữ Thị Ninh"]),
        _simple("size-14", ["TỔNG BIÊN TẬP"], ["Thạch Sa Mân"], size_pt=14.0),
        _simple("invisible-layer", ["GIÁM ĐỐC"], ["Quách Thị Trang"], invisible=True),
        _simple("left-block", ["CHỦ HỘ KINH DOANH", "NGƯỜI ĐẠI DIỆN"], ["Nông Văn Dền"], axis=70, recipients=False),
        _set_up("rotated", Setup(90, (0, 0), 0)),
        _set_up("rotated-cropped", Setup(270, (-40, 65), 30)),
        _set_up("upside-down-unit", Setup(180, (10, 20), 12, 2.0)),
        _page_of_size("landscape", (297.0, 210.0), 220),
        _page_of_size("a5", (148.0, 210.0), 108, 11.0),
        _with_attachment("attachment-table", _table_of_names),
        _with_attachment("attachment-form", _form_to_fill),
        _many_pages("second-of-six", 6, 2),
        _many_pages("eighth-of-twenty", 20, 8),
        _side_by_side("joint-left", "BÙI THỊ HOÀ", 62),
        _side_by_side("joint-right", "Đỗ Minh Tuấn", 150),
    ]


def joint() -> bytes:
    """A letter of two signers side by side."""
    return _side_by_side("joint", "", 62).data


def split() -> bytes:
    """A letter whose block is torn apart by the end of the page."""
    sheet = Sheet()
    body(sheet, head(sheet), 6)
    sheet.text(148, 272, "KT. CHỦ TỊCH", bold=True, align="centre")
    sheet.text(148, 278, "PHÓ CHỦ TỊCH", bold=True, align="centre")
    sheet.next_page()
    sheet.text(105, 14, "2", align="centre")
    sheet.text(148, 40, "Nguyễn Văn Mẫu", bold=True, align="centre")
    return sheet.pdf()


def without_block() -> bytes:
    """A letter that nobody is to sign."""
    sheet = Sheet()
    body(sheet, head(sheet), 4)
    return sheet.pdf()


def picture_only() -> bytes:
    """A scan without a text layer."""
    sheet = Sheet(A4)
    sheet.box(20, 20, 170, 250, (0.93, 0.93, 0.9))
    return sheet.pdf()


def crowded() -> bytes:
    """A letter with hardly any space to sign."""
    return _simple("crowded", ["GIÁM ĐỐC"], ["Lê Văn Hùng"], space=8.5).data
