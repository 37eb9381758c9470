"""Drafts whose number and date are still blank, as offices set them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.plugins.decree30 import letters
from tests.support.sheets import Setup, Sheet, variant

NUMBER_LINES: Mapping[str, str] = {
    "spaces": "Số:           /UBND-VP",
    "narrow": "Số:       /UBND-VP",
    "dots": "Số: ………../UBND-VP",
    "full-stops": "Số:............/UBND-VP",
    "label-only": "Số:",
}
DATE_LINES: Mapping[str, str] = {
    "spaces": "Hà Nội, ngày        tháng        năm 2026",
    "day-only": "Hà Nội, ngày        tháng 11 năm 2026",
    "dots": "Hà Nội, ngày ….. tháng ….. năm 2026",
}


@dataclass(frozen=True)
class Draft:
    """A one-page letter with its number and date lines at 37 mm, or without them."""

    data: bytes
    truth: letters.Truth


def draft(number: str | None, dated: str | None, *, pages: int = 1, setup: Setup | None = None) -> Draft:
    """Draw a letter with those two lines."""
    sheet = Sheet()
    left, right = sheet.width_mm * 0.27, sheet.width_mm * 0.68
    sheet.text(left, 24, "ỦY BAN NHÂN DÂN", 12, bold=True, align="centre")
    sheet.text(left, 29.5, "TỈNH THỬ NGHIỆM", 12, bold=True, align="centre")
    sheet.text(right, 24, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 12, bold=True, align="centre")
    sheet.text(right, 29.5, "Độc lập - Tự do - Hạnh phúc", 13, bold=True, align="centre")
    if number is not None:
        sheet.text(left, 37, number, 13, align="centre")
    if dated is not None:
        sheet.text(right, 37, dated, 13, align="centre")
    sheet.text(sheet.width_mm / 2, 52, "Kính gửi: Các cơ quan, đơn vị trực thuộc", 13, align="centre")
    top = letters.body(sheet, 62, 2)
    for _ in range(pages - 1):
        sheet.next_page()
        top = letters.body(sheet, 25, 2)
    truth = letters.block(sheet, top + 8, ["GIÁM ĐỐC"], ["Lê Văn Hùng"], page=pages)
    data = sheet.pdf()
    return Draft(data if setup is None else variant(data, setup), truth)
