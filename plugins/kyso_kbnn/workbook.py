"""The Excel workbook of a dossier: a template made from the profile and filled in by accountants.

Sheets: *Hồ sơ* (dossier and unit), *Chứng từ* (a voucher's header), *Chi tiết* (its lines), the last two with a number
for each further voucher (*Chứng từ 2*, *Chi tiết 2*), *Đính kèm* (attachments), *Hướng dẫn* (how to fill it in). A
hidden column or row carries the fields' names, so rows may be moved and labels reworded; a hidden sheet carries the
forms and the lists of choices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from kyso.plugin import WrongUse
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Form, Table

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

SCHEMA = "kyso.kbnn.workbook/1"
SHEET_DOSSIER = "Hồ sơ"
SHEET_HEADER = "Chứng từ"
SHEET_LINES = "Chi tiết"
SHEET_ATTACHMENTS = "Đính kèm"
SHEET_GUIDE = "Hướng dẫn"
SHEET_HIDDEN = "kyso"

FURTHER_FORMS_ROW = 4
"""The hidden sheet names the first form in row 2 and further ones from here on."""

FIRST_LINE_ROW = 3
"""Lines begin here: row 1 carries the labels, row 2 (hidden) the names."""

_EMPTY_LINES = 200
_TEXT_FORMAT = "@"

_GUIDE = (
    "Điền cột 'Giá trị' ở các trang Hồ sơ, Chứng từ; mỗi dòng chi tiết một hàng ở trang Chi tiết.",
    "Ngày viết dd/MM/yyyy. Số tiền chỉ viết chữ số; ngoại tệ dùng dấu chấm thập phân.",
    "Không dùng công thức, không trộn ô, không xóa các cột và hàng ẩn.",
    "Ô để trống được điền từ cấu hình đơn vị hoặc tính từ các dòng nếu có thể.",
    "Cột 'Quy tắc' cho biết điều Quyết định 935/QĐ-KBNN nêu và điều phần mềm đề xuất.",
)


def numbered(title: str, index: int) -> str:
    """Return the name of a sheet of voucher `index`, counted from 0; the first has no number."""
    return title if index == 0 else f"{title} {index + 1}"


def write_template(form_names: str | Sequence[str], profile: Profile, unit: Mapping[str, Any] | None = None) -> bytes:
    """Return the template of one voucher, or of several that go into one dossier, as an .xlsx file.

    :param form_names: the vouchers' forms, in their order in the dossier; a form may stand more than once.
    :param unit: the unit's entries, filled in beforehand.
    :raises WrongUse: there is no such form, or there are too many of them.
    """
    from openpyxl import Workbook

    names = (form_names,) if isinstance(form_names, str) else tuple(form_names)
    if not 0 < len(names) <= profile.limits.vouchers:
        raise WrongUse("kbnn.vouchers_count", count=len(names), limit=profile.limits.vouchers)
    for name in names:
        if name not in profile.forms:
            raise WrongUse("kbnn.form_unknown", form=name, known=list(profile.forms))
    book = Workbook()
    book.remove(book.worksheets[0])
    _Template(book, profile, [profile.forms[name] for name in names], unit or {}).write()
    target = BytesIO()
    book.save(target)
    return target.getvalue()


class _Template:
    def __init__(self, book: Workbook, profile: Profile, forms: Sequence[Form], unit: Mapping[str, Any]) -> None:
        self._book = book
        self._profile = profile
        self._forms = forms
        self._unit = unit
        self._lists: dict[tuple[str, ...], str] = {}

    def write(self) -> None:
        profile = self._profile
        dossier = self._book.create_sheet(SHEET_DOSSIER)
        sheets = [
            (form, self._book.create_sheet(numbered(SHEET_HEADER, index)), numbered(SHEET_LINES, index))
            for index, form in enumerate(self._forms)
        ]
        attachments = self._book.create_sheet(SHEET_ATTACHMENTS)
        guide = self._book.create_sheet(SHEET_GUIDE)
        self._hidden = self._book.create_sheet(SHEET_HIDDEN)
        self._hidden.sheet_state = "veryHidden"
        first, *further = [form.name for form in self._forms]
        for row, value in enumerate((SCHEMA, first, f"{profile.id} {profile.version}", *further), 1):
            self._hidden.cell(row, 1, value)
        self._form_sheet(
            dossier, "Hồ sơ gửi KBNN - mẫu " + ", ".join(f"{one.name} ({one.number})" for one in self._forms)
        )
        row = self._entries(dossier, profile.document, "document.", 3, {})
        self._entries(dossier, profile.unit, "unit.", row + 1, self._unit)
        for form, header, title in sheets:
            self._form_sheet(header, f"{form.title} - mẫu {form.name} ({form.number})")
            self._entries(header, form.header, "header.", 3, {})
            self._columns(self._book.create_sheet(title, self._book.index(header) + 1), form.lines)
        self._columns(attachments, profile.attachment)
        guide.column_dimensions["A"].width = 110
        for row, words in enumerate(_GUIDE, 1):
            guide.cell(row, 1, words)

    def _form_sheet(self, sheet: Worksheet, title: str) -> None:
        from openpyxl.styles import Font

        for letter, width in zip("ABCD", (58, 44, 70, 34), strict=True):
            sheet.column_dimensions[letter].width = width
        sheet.column_dimensions["D"].hidden = True
        sheet.cell(1, 1, title).font = Font(bold=True, size=13)
        for column, words in enumerate(("Nội dung", "Giá trị", "Quy tắc", "Tên trường"), 1):
            sheet.cell(2, column, words).font = Font(bold=True)
        sheet.freeze_panes = "A3"

    def _entries(self, sheet: Worksheet, table: Table, prefix: str, row: int, given: Mapping[str, Any]) -> int:
        for field in table.fields:
            if field.filled_by not in ("person", "codes"):
                continue
            sheet.cell(row, 1, field.label)
            cell = cast("Cell", sheet.cell(row, 2))
            self._prepare(sheet, cell, field)
            if field.name in given:
                _set_text(cell, str(given[field.name]))
            sheet.cell(row, 3, self._rule(field))
            sheet.cell(row, 4, prefix + field.name)
            row += 1
        return row

    def _columns(self, sheet: Worksheet, table: Table) -> None:
        from openpyxl.styles import Alignment, Font
        from openpyxl.utils import get_column_letter

        fields = [field for field in table.fields if field.filled_by == "person"]
        for column, field in enumerate(fields, 1):
            label = sheet.cell(1, column, field.label)
            label.font = Font(bold=True)
            label.alignment = Alignment(wrap_text=True, vertical="top")
            sheet.cell(2, column, field.name)
            letter = get_column_letter(column)
            sheet.column_dimensions[letter].width = 50 if (field.max or 0) >= 240 else 18
            for row in range(FIRST_LINE_ROW, FIRST_LINE_ROW + _EMPTY_LINES):
                sheet.cell(row, column).number_format = _number_format(field)
            if field.values:
                self._choices(sheet, f"{letter}{FIRST_LINE_ROW}:{letter}{FIRST_LINE_ROW + _EMPTY_LINES}", field)
        sheet.row_dimensions[2].hidden = True
        sheet.freeze_panes = f"A{FIRST_LINE_ROW}"

    def _prepare(self, sheet: Worksheet, cell: Cell, field: Field) -> None:
        from openpyxl.styles import Alignment, PatternFill

        cell.number_format = _number_format(field)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.fill = PatternFill("solid", fgColor="FFFFF2CC" if field.said else "FFF7F7F7")
        if field.values:
            self._choices(sheet, cell.coordinate, field)

    def _choices(self, sheet: Worksheet, cells: str, field: Field) -> None:
        from openpyxl.utils import get_column_letter
        from openpyxl.worksheet.datavalidation import DataValidation

        choices = tuple(f"{value} - {words}" for value, words in field.values.items())
        if choices not in self._lists:
            column = 2 + len(self._lists)
            for row, words in enumerate(choices, 1):
                self._hidden.cell(row, column, words)
            letter = get_column_letter(column)
            self._lists[choices] = f"{SHEET_HIDDEN}!${letter}$1:${letter}${len(choices)}"
        validation = DataValidation(type="list", formula1=f"={self._lists[choices]}", allow_blank=True)
        sheet.add_data_validation(validation)
        validation.add(cells)

    def _rule(self, field: Field) -> str:
        words: list[str] = []
        for obligation, origin in ((field.said, "Quyết định 935"), (field.proposed, "đề xuất")):
            condition = self._profile.conditions.get(obligation or "")
            if condition is not None:
                words.append(f"{condition.vi} ({origin})")
            elif obligation == "always":
                words.append(f"bắt buộc ({origin})")
        if field.max is not None and field.kind == "text":
            words.append(f"tối đa {field.max} ký tự")
        if field.kind == "date":
            words.append("dd/MM/yyyy")
        if field.default is not None or field.filled_by == "codes":
            words.append("để trống thì phần mềm điền nếu có thể")
        return "; ".join(words)


def _number_format(field: Field) -> str:
    """Dates are text as well: in a cell of Excel's own date format, 05/06 may silently become the 6th of May."""
    if field.kind == "amount":
        return "#,##0"
    if field.kind == "foreign_amount":
        return "#,##0.####"
    if field.kind == "integer":
        return "0"
    return _TEXT_FORMAT


def _set_text(cell: Cell, value: str) -> None:
    """Write a text that Excel never takes for a formula."""
    cell.value = value
    cell.data_type = "s"
    if value[:1] in "=+-@":
        cell.quotePrefix = True
