"""Reading a filled-in workbook: every problem names its sheet, cell, Vietnamese label and rule.

The workbook is hostile input: the archive's size and names are checked before anything is unpacked, document type
declarations are refused, formulas are never evaluated and cached results never trusted.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kyso.plugin import InputRefused
from kyso_kbnn.problems import Problem
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Form, Table
from kyso_kbnn.workbook import (
    FIRST_LINE_ROW,
    FURTHER_FORMS_ROW,
    SCHEMA,
    SHEET_ATTACHMENTS,
    SHEET_DOSSIER,
    SHEET_HEADER,
    SHEET_HIDDEN,
    SHEET_LINES,
    numbered,
)

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell, MergedCell
    from openpyxl.worksheet.worksheet import Worksheet

GREATEST_BYTES = 8 * 1024 * 1024
_GREATEST_UNPACKED = 64 * 1024 * 1024
_GREATEST_PARTS = 500
_GREATEST_ROWS = 2000
_GREATEST_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class WorkbookInput:
    """A workbook's content in kyso's JSON form.

    :param raw: what :func:`kyso_kbnn.reading.read_dossier` takes.
    :param places: path -> ``sheet!cell``.
    :param problems: what is wrong with cells as such: formulas, merged cells, stray values.
    """

    raw: dict[str, Any]
    places: Mapping[str, str]
    problems: tuple[Problem, ...]

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return `problems` with sheet and cell, wherever their path has one."""
        return [problem.at(self.place_of(problem.path)) for problem in problems]

    def place_of(self, path: str) -> str:
        """Return ``sheet!cell`` of a path, or its sheet."""
        if path in self.places:
            return self.places[path]
        within = re.match(r"vouchers\[(\d+)\]", path)
        if within is None:
            return SHEET_DOSSIER
        return numbered(SHEET_LINES if ".lines" in path else SHEET_HEADER, int(within[1]))


def read_workbook(data: bytes, profile: Profile, name: str) -> WorkbookInput:
    """Read a workbook made by :func:`kyso_kbnn.workbook.write_template`.

    :raises InputRefused: it is no such workbook; single cells give problems instead.
    """
    book = _open(data, name)
    forms = _forms(book, profile, name)
    reader = _Reader(profile, name)
    document, unit = reader.entries(book, SHEET_DOSSIER)
    vouchers: list[dict[str, Any]] = []
    for index, form in enumerate(forms):
        path = f"vouchers[{index}]"
        header, _ = reader.entries(book, numbered(SHEET_HEADER, index), path)
        lines = reader.table(book, numbered(SHEET_LINES, index), form.lines, path + ".lines[{}].")
        vouchers.append({"form": form.name, "header": header, "lines": lines})
    attachments = reader.table(book, SHEET_ATTACHMENTS, profile.attachment, "attachments[{}].")
    raw = {"unit": unit, "document": document, "vouchers": vouchers, "attachments": attachments}
    return WorkbookInput(raw, reader.places, tuple(reader.problems))


def _open(data: bytes, name: str) -> Workbook:
    """Check the archive, then open it.

    :raises InputRefused: not an .xlsx file, a bomb, or one with document type declarations.
    """
    if len(data) > GREATEST_BYTES:
        raise InputRefused("kbnn.input_too_large", name=name, limit=GREATEST_BYTES)
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > _GREATEST_PARTS or sum(part.file_size for part in parts) > _GREATEST_UNPACKED:
                raise InputRefused("kbnn.input_too_large", name=name, limit=_GREATEST_UNPACKED)
            for part in parts:
                if part.filename.endswith((".xml", ".rels", ".vml")):
                    _check_part(archive, part, name)
        # Whatever is wrong inside the parts, openpyxl reports in many ways: it trusts the file to be Excel's.
        return load_workbook(BytesIO(data), data_only=False, keep_links=False, keep_vba=False)
    except InputRefused:
        raise
    except Exception as cause:
        raise InputRefused("kbnn.workbook_wrong", name=name) from cause


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    """Read one XML part no further than it claims to be long, and refuse a document type declaration in it."""
    with archive.open(part) as stream:
        content = stream.read(part.file_size + 1)
    if len(content) > part.file_size:
        raise InputRefused("kbnn.input_too_large", name=name, limit=_GREATEST_UNPACKED)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputRefused("kbnn.xml_doctype", name=name)


def _forms(book: Workbook, profile: Profile, name: str) -> list[Form]:
    _need_sheets(book, name, SHEET_HIDDEN, SHEET_DOSSIER, SHEET_ATTACHMENTS)
    hidden = book[SHEET_HIDDEN]
    if hidden["A1"].value != SCHEMA:
        raise InputRefused("kbnn.sheet_missing", name=name, sheet=SHEET_HIDDEN)
    last = FURTHER_FORMS_ROW + profile.limits.vouchers - 1
    further = [row[0] for row in hidden.iter_rows(FURTHER_FORMS_ROW, last, 1, 1, values_only=True)]
    forms: list[Form] = []
    for given in (hidden["A2"].value, *(value for value in further if value is not None)):
        form = profile.forms.get(str(given))
        if form is None:
            raise InputRefused("kbnn.form_unknown", form=str(given)[:20], known=list(profile.forms))
        forms.append(form)
    for index in range(len(forms)):
        _need_sheets(book, name, numbered(SHEET_HEADER, index), numbered(SHEET_LINES, index))
    return forms


def _need_sheets(book: Workbook, name: str, *titles: str) -> None:
    for title in titles:
        if title not in book.sheetnames or not hasattr(book[title], "iter_rows"):
            raise InputRefused("kbnn.sheet_missing", name=name, sheet=title)


@dataclass(slots=True)
class _Reader:
    profile: Profile
    name: str
    places: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def entries(self, book: Workbook, title: str, voucher: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
        """Read a sheet of label, value, rule and name; return the document's or header's entries, and the unit's.

        :param voucher: path of the voucher whose header it is.
        """
        sheet = book[title]
        self._merged(sheet, first_row=3)
        main: dict[str, Any] = {}
        unit: dict[str, Any] = {}
        for row in self._rows(sheet, 3):
            cells = (*row, *([None] * 4))[:4]
            label, value, name = cells[0], cells[1], cells[3]
            if value is None:
                continue
            place = f"{title}!{value.coordinate}"
            group, _, field_name = str(name.value if name is not None and name.value else "").partition(".")
            if not field_name or group not in ("document", "header", "unit"):
                if value.value is not None:
                    words = str(label.value)[:80] if label is not None and label.value else place
                    self._tell("kbnn.cell_stray", place, words, "name")
                continue
            path = f"{voucher}.header.{field_name}" if group == "header" else f"{group}.{field_name}"
            target = unit if group == "unit" else main
            if field_name in target or path in self.places:
                self._tell("kbnn.cell_twice", place, field_name, "name")
                continue
            self.places[path] = place
            content = self._content(value, place, str(label.value) if label is not None else field_name)
            if content is not None:
                target[field_name] = content
        return main, unit

    def table(self, book: Workbook, title: str, table: Table, path: str) -> list[dict[str, Any]]:
        """Read a sheet whose row 2 names its columns; rows without any value are skipped."""
        sheet = book[title]
        self._merged(sheet, first_row=1)
        names: dict[int, str] = {}
        for cell in next(iter(self._rows(sheet, 2)), ()):
            if cell.value is not None:
                names[cell.column or 0] = str(cell.value)
        records: list[dict[str, Any]] = []
        for row in self._rows(sheet, FIRST_LINE_ROW):
            if all(cell.value is None or cell.value == "" for cell in row):
                continue
            base = path.format(len(records))
            record: dict[str, Any] = {}
            for cell in row:
                place = f"{title}!{cell.coordinate}"
                field_name = names.get(cell.column or 0)
                if field_name is None:
                    if cell.value is not None:
                        self._tell("kbnn.cell_stray", place, place, "name")
                    continue
                known = table.by_input_name.get(field_name)
                self.places[f"{base}{known.name if known else field_name}"] = place
                content = self._content(cell, place, known.label if known else field_name)
                if content is not None:
                    record[field_name] = content
            records.append(record)
        return records

    def _rows(self, sheet: Worksheet, first: int) -> Iterable[tuple[Cell | MergedCell, ...]]:
        if sheet.max_row > _GREATEST_ROWS or sheet.max_column > _GREATEST_COLUMNS:
            limit = f"{_GREATEST_ROWS} x {_GREATEST_COLUMNS}"
            raise InputRefused("kbnn.input_too_large", name=f"{self.name} ({sheet.title})", limit=limit)
        return sheet.iter_rows(min_row=first)

    def _merged(self, sheet: Worksheet, first_row: int) -> None:
        for merged in sheet.merged_cells.ranges:
            if merged.max_row >= first_row:
                self._tell("kbnn.cell_merged", f"{sheet.title}!{merged.coord}", merged.coord, "cell")

    def _content(self, cell: Cell | MergedCell, place: str, label: str) -> Any:
        """Return a cell's value; formulas and error values are told and count as empty."""
        kind = getattr(cell, "data_type", "n")
        if kind == "f":
            self._tell("kbnn.cell_formula", place, label, "cell")
            return None
        if kind == "e":
            self._tell("kbnn.cell_error", place, label, "cell", value=str(cell.value))
            return None
        return cell.value

    def _tell(self, code: str, place: str, label: str, rule: str, **parameters: object) -> None:
        self.problems.append(Problem(code, place, label, rule, "error", parameters, place))
