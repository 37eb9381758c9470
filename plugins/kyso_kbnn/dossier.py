"""The dossier and its vouchers as frozen values, and what fills in for a person.

A record is a mapping from field names to checked values; an absent field is empty. The tables of the profile say which
fields there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Form, Origin, Table
from kyso_kbnn.values import Value

Record = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Voucher:
    """One voucher: its form's name, its header and its lines."""

    form: str
    header: Record
    lines: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Dossier:
    """One dossier as it is sent to the treasury.

    :param unit: what the unit registered with the treasury.
    :param document: the object Document (4.2).
    :param attachments: one RefDetailAttach (4.13) per signed PDF.
    """

    unit: Record = field(default_factory=dict)
    document: Record = field(default_factory=dict)
    vouchers: tuple[Voucher, ...] = ()
    attachments: tuple[Record, ...] = ()

    @property
    def code(self) -> str:
        """The dossier's code, empty before it has one."""
        return str(self.document.get("v_ma_ho_so", ""))

    @property
    def title(self) -> str:
        """The dossier's title."""
        return str(self.document.get("v_tieu_de", ""))

    def with_document(self, **values: Value) -> Dossier:
        """Return the dossier with fields of its Document replaced."""
        return dataclasses.replace(self, document={**self.document, **values})

    def with_headers(self, **values: Value) -> Dossier:
        """Return the dossier with header fields replaced in every voucher."""
        vouchers = tuple(dataclasses.replace(one, header={**one.header, **values}) for one in self.vouchers)
        return dataclasses.replace(self, vouchers=vouchers)


def column_sum(lines: tuple[Record, ...], name: str) -> int | Decimal | None:
    """Return the sum of a line column, ``None`` where no line has a value in it."""
    total: int | Decimal | None = None
    for line in lines:
        value = line.get(name)
        if isinstance(value, (int, Decimal)):
            total = value if total is None else total + value
    return total


def completed(dossier: Dossier, profile: Profile) -> Dossier:
    """Fill absent fields from where the profile says they come from; given values are never touched."""
    first = dossier.vouchers[0].header if dossier.vouchers else {}
    unit = _Filler(profile.unit, dict(dossier.unit)).fill()
    if "treasury" not in unit:
        for name in profile.xml.treasury_fields:
            if name in first:
                unit["treasury"] = first[name]
                break
    document = _Filler(profile.document, dict(dossier.document), unit=unit).fill()
    vouchers: list[Voucher] = []
    for index, voucher in enumerate(dossier.vouchers):
        form = profile.forms[voucher.form]
        header = _Filler(
            form.header,
            dict(voucher.header),
            unit=unit,
            document=document,
            lines=voucher.lines,
            form=form,
            order=index + 1,
        ).fill()
        lines = tuple(
            _Filler(form.lines, dict(line), unit=unit, document=document, header=header, order=number).fill()
            for number, line in enumerate(voucher.lines, 1)
        )
        vouchers.append(Voucher(voucher.form, header, lines))
    first = vouchers[0].header if vouchers else {}
    attachments = tuple(
        _Filler(profile.attachment, dict(one), unit=unit, document=document, voucher=first, order=number).fill()
        for number, one in enumerate(dossier.attachments, 1)
    )
    return Dossier(unit, document, tuple(vouchers), attachments)


@dataclass(slots=True)
class _Filler:
    """Fills one record; a default that is another field's default is followed."""

    table: Table
    values: dict[str, Value]
    unit: Record = field(default_factory=dict)
    document: Record = field(default_factory=dict)
    voucher: Record = field(default_factory=dict)
    header: Record = field(default_factory=dict)
    lines: tuple[Record, ...] = ()
    form: Form | None = None
    order: int = 0

    def fill(self) -> dict[str, Value]:
        for each in self.table.fields:
            if each.default is not None and each.name not in self.values:
                self._fill(each, frozenset())
        return self.values

    def _fill(self, each: Field, following: frozenset[str]) -> Value | None:
        if each.name in self.values:
            return self.values[each.name]
        if each.default is None or each.name in following:
            return None
        value = self._resolve(each.default, following | {each.name})
        if value is not None:
            self.values[each.name] = value
        return value

    def _resolve(self, origin: Origin, following: frozenset[str]) -> Value | None:
        match origin.kind:
            case "field":
                other = self.table.by_name.get(origin.name)
                return self._fill(other, following) if other else None
            case "unit":
                return self.unit.get(origin.name)
            case "document":
                return self.document.get(origin.name)
            case "voucher":
                return self.voucher.get(origin.name)
            case "header":
                return self.header.get(origin.name)
            case "sum":
                return column_sum(self.lines, origin.name)
            case "constant":
                return origin.name
            case "order":
                return self.order
            case "form":
                return self.form.document_id if self.form else None
            case "empty":
                return None


def records_of(dossier: Dossier, profile: Profile) -> Iterator[tuple[str, Table, Record]]:
    """Give every record with its path and its table, in the order of the dossier."""
    yield "unit.", profile.unit, dossier.unit
    yield "document.", profile.document, dossier.document
    for index, voucher in enumerate(dossier.vouchers):
        form = profile.forms[voucher.form]
        yield f"vouchers[{index}].header.", form.header, voucher.header
        for number, line in enumerate(voucher.lines):
            yield f"vouchers[{index}].lines[{number}].", form.lines, line
    for number, attachment in enumerate(dossier.attachments):
        yield f"attachments[{number}].", profile.attachment, attachment
