"""The vocabulary of the profile: what one field, one object, one condition and one XML element of the standard is.

All values here are read from ``profile.toml`` by :mod:`kyso_kbnn.profile`; nothing in this module knows a field's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Kind = Literal["text", "choice", "integer", "amount", "foreign_amount", "date", "time"]
Severity = Literal["error", "warning"]
FilledBy = Literal["person", "codes", "signing", "upload", "gateway"]
OriginKind = Literal["field", "unit", "document", "voucher", "header", "constant", "sum", "order", "form", "empty"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: ``field:v_x``, ``unit:name``, ``constant:283``, ``sum:v_so_tien``, ``empty`` ..."""

    kind: OriginKind
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Origin:
        """Read the profile's notation; an unknown kind is a :class:`ValueError`."""
        kind, _, name = text.partition(":")
        if kind not in {"field", "unit", "document", "voucher", "header", "constant", "sum", "order", "form", "empty"}:
            raise ValueError(text)
        if bool(name) == (kind in {"order", "form", "empty"}):
            raise ValueError(text)
        return cls(kind, name)  # type: ignore[arg-type]  # checked against the literal's members above


@dataclass(frozen=True, slots=True)
class Equals:
    """A test of one header field: ``v_dv_nhantien_loai=0``; several values are separated by ``|``."""

    field: str
    values: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Equals:
        """Read the profile's notation; anything without ``=`` is a :class:`ValueError`."""
        name, equals, values = text.partition("=")
        if not equals:
            raise ValueError(text)
        return cls(name, frozenset(values.split("|")))


@dataclass(frozen=True)
class Field:
    """One field of one object, as the decision prints it and as this profile reads it.

    :param name: its name here, in rules and in the XML mapping.
    :param wire: its name in the body that is sent; the same unless the profile says otherwise.
    :param aliases: further names accepted on input.
    :param json: how the decision types it on the wire.
    :param max: greatest length in characters after NFC; ``None`` where nothing is printed.
    :param source_max: the width the decision prints where it differs from `max`.
    :param said: obligation in the decision: ``always``, a condition's name, or ``None``.
    :param proposed: obligation that only this profile states.
    :param default: where an absent value comes from.
    :param filled_by: who fills it; a person unless said.
    :param expect: the usual form of the value (full match).
    :param sent: whether it is part of the body that is sent.
    """

    name: str
    kind: Kind
    label: str
    wire: str = ""
    aliases: tuple[str, ...] = ()
    json: Literal["string", "number"] = "string"
    max: int | None = None
    source_max: int | None = None
    said: str | None = None
    proposed: str | None = None
    default: Origin | None = None
    filled_by: FilledBy = "person"
    values: Mapping[str, str] = field(default_factory=dict)
    expect: str | None = None
    sent: bool = True
    secret: bool = False
    source_name: str | None = None
    source_type: str | None = None
    source_label: str | None = None

    @cached_property
    def expected(self) -> re.Pattern[str] | None:
        """The compiled form of `expect`."""
        return re.compile(self.expect, re.ASCII) if self.expect else None

    @property
    def key(self) -> str:
        """The field's name on the wire."""
        return self.wire or self.name

    @property
    def hard_max(self) -> int | None:
        """The length no value may exceed: the larger of the two widths."""
        if self.max is None or self.source_max is None:
            return self.max
        return max(self.max, self.source_max)


@dataclass(frozen=True)
class Table:
    """The fields of one object, in the decision's order."""

    name: str
    source: str
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by their names here."""
        return {field.name: field for field in self.fields}

    @cached_property
    def by_input_name(self) -> dict[str, Field]:
        """Fields by every name accepted on input; a field's own name wins over another's alias."""
        names = {alias: field for field in self.fields for alias in field.aliases}
        names.update({field.key: field for field in self.fields})
        names.update(self.by_name)
        return names


@dataclass(frozen=True, slots=True)
class Condition:
    """When a conditional obligation holds.

    :param origin: ``source`` where the decision states it, ``profile`` where it is ours.
    :param equals: header fields and the values they must have, separated by ``|``.
    :param positive: header amounts of which one above zero makes it hold.
    :param positive_lines: line amounts, likewise.
    :param foreign_currency: holds when the voucher's currency is not VND.
    :param then_empty: the condition whose fields must then be empty.
    :param also_proposed: the condition whose fields this profile then requires too.
    :param otherwise_empty: its fields must be empty where it does not hold.
    :param form: the form its fields' values then have.
    :param registered: its fields must be known to the treasury.
    """

    name: str
    origin: Literal["source", "profile"]
    vi: str
    en: str
    always: bool = False
    equals: Mapping[str, str] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    positive_lines: tuple[str, ...] = ()
    foreign_currency: bool = False
    then_empty: str | None = None
    also_proposed: str | None = None
    otherwise_empty: bool = False
    form: str | None = None
    registered: bool = False


@dataclass(frozen=True, slots=True)
class EqualRule:
    """Two header fields that carry one value."""

    fields: tuple[str, ...]
    severity: Severity


@dataclass(frozen=True, slots=True)
class SumRule:
    """A header amount that is the sum of a line column."""

    total: str
    of: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class LineRule:
    """A line amount that is the sum of other amounts of the line."""

    total: str
    of: tuple[str, ...]
    severity: Severity


@dataclass(frozen=True, slots=True)
class PairRule:
    """A header field's value that fixes another's."""

    when: str
    then: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class LimitRule:
    """A line amount that another bounds."""

    field: str
    limit: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class ProductRule:
    """A line amount that is the product of two others."""

    factors: tuple[str, ...]
    product: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules between the fields of one form."""

    equal: tuple[EqualRule, ...] = ()
    sum: tuple[SumRule, ...] = ()
    line: tuple[LineRule, ...] = ()
    pair: tuple[PairRule, ...] = ()
    at_most: tuple[LimitRule, ...] = ()
    product: tuple[ProductRule, ...] = ()


@dataclass(frozen=True, slots=True)
class XmlElement:
    """One element of the authentication data and where its text comes from.

    :param otherwise: the second choice where the first gives nothing.
    :param when: the element is empty unless this holds.
    :param source_tag: the tag as the decision prints it, where the reading differs.
    :param swapped: the decision exchanges its meaning with its neighbour's; it is read by its name.
    """

    tag: str
    origin: Origin
    otherwise: Origin | None = None
    when: Equals | None = None
    source_tag: str | None = None
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class XmlForm:
    """The elements of one kind of voucher.

    :param line: tag of the element that is repeated per line.
    :param guessed: the decision prints no tags at all for it.
    """

    header: tuple[XmlElement, ...]
    line: str
    lines: tuple[XmlElement, ...]
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """One of the seven vouchers.

    :param document_id: its number in GN_TAILIEU_ID.
    :param number: its number in the accounting regime.
    :param budget_year: the header field that holds the budget year, where there is one.
    """

    name: str
    document_id: int
    number: str
    title: str
    header: Table
    lines: Table
    xml: XmlForm
    rules: RuleSet
    budget_year: str | None = None
