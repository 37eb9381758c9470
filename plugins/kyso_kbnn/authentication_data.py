"""The authentication data (VIII.1): the XML that both signers sign, written byte-stable and read back.

The bytes are canonical XML 1.0 without namespaces: no declaration, no blanks between elements, empty elements written
as a pair. The same dossier gives the same bytes on every machine; reading and writing again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree

from kyso.plugin import InputRefused
from kyso_kbnn.dossier import Dossier, Record, Voucher, column_sum
from kyso_kbnn.hardened_xml import parse_xml, plain_children
from kyso_kbnn.problems import Problem, refuse_errors
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Form, Origin, XmlElement
from kyso_kbnn.values import Value, ValueReader, written

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
# The XML carries no currency, so a decimal amount is read as one of a foreign voucher.
_ANY_CURRENCY = ""


def write_authentication_data(dossier: Dossier, profile: Profile) -> bytes:
    """Return the authentication data of a completed dossier, UTF-8.

    :raises InputRefused: it is longer than the standard allows (4.2: 32,000 characters).
    """
    data = _serialise(_tree(dossier, profile), profile)
    length = len(data) if data.isascii() else len(data.decode("utf-8"))
    if length > profile.limits.authentication_data:
        lines = sum(len(voucher.lines) for voucher in dossier.vouchers)
        limit = profile.limits.authentication_data
        raise InputRefused("kbnn.authentication_too_long", length=length, limit=limit, lines=lines)
    return data


def read_authentication_data(data: bytes, profile: Profile, name: str = "XML", *, exact: bool = True) -> Dossier:
    """Return what the authentication data says, as a dossier that holds only what the XML covers.

    :param exact: refuse bytes that writing the same dossier would not give; other software may write other blanks.
    :raises InputRefused: it is not authentication data of this profile.
    :raises DossierRefused: single values are wrong; all of them are named.
    """
    root = parse_xml(data, name, greatest_bytes=8 * profile.limits.authentication_data)
    dossier = _TreeReader(profile, name).dossier(root)
    again = _tree(dossier, profile)
    _same_tree(root, again, name)
    if exact and _serialise(again, profile) != data:
        raise InputRefused("kbnn.xml_not_canonical", name=name)
    return dossier


# ---------------------------------------------------------------------------------------------------------- writing


def _serialise(root: etree._Element, profile: Profile) -> bytes:
    data = etree.tostring(root, method="c14n")
    return _DECLARATION + data if profile.xml.declaration else data


def _tree(dossier: Dossier, profile: Profile) -> etree._Element:
    root = etree.Element(profile.xml.root)
    shared: dict[str, Record] = {"document": dossier.document, "unit": dossier.unit}
    _append(root, profile.xml.dossier, shared, (), profile)
    for voucher in dossier.vouchers:
        form = profile.forms[voucher.form]
        parent = etree.SubElement(root, profile.xml.voucher)
        etree.SubElement(parent, profile.xml.document_id).text = str(form.document_id)
        header = {**shared, "field": voucher.header}
        _append(parent, form.xml.header, header, voucher.lines, profile)
        for line in voucher.lines:
            record = {**shared, "field": line}
            _append(etree.SubElement(parent, form.xml.line), form.xml.lines, record, (), profile)
    return root


def _append(
    parent: etree._Element,
    elements: Sequence[XmlElement],
    records: Mapping[str, Record],
    lines: tuple[Record, ...],
    profile: Profile,
) -> None:
    for element in elements:
        text = ""
        if element.when is None or records["field"].get(element.when.field) in element.when.values:
            text = _text(element.origin, records, lines, profile)
            if not text and element.otherwise is not None:
                text = _text(element.otherwise, records, lines, profile)
        etree.SubElement(parent, element.tag).text = text


def _text(
    origin: Origin,
    records: Mapping[str, Record],
    lines: tuple[Record, ...],
    profile: Profile,
) -> str:
    kind = origin.kind
    if kind == "empty":
        return ""
    if kind == "constant":
        return origin.name
    value: Value | None
    value = column_sum(lines, origin.name) if kind == "sum" else records[kind].get(origin.name)
    return written(value, profile)


# ---------------------------------------------------------------------------------------------------------- reading


class _TreeReader:
    def __init__(self, profile: Profile, name: str) -> None:
        self._profile = profile
        self._name = name
        self._found: list[Problem] = []
        self._unit: dict[str, Value] = {}
        self._document: dict[str, Value] = {}

    def dossier(self, root: etree._Element) -> Dossier:
        names = self._profile.xml
        if root.tag != names.root:
            raise InputRefused("kbnn.xml_element", name=self._name, expected=names.root, found=str(root.tag)[:80])
        children = plain_children(root, self._name)
        count = len(names.dossier)
        self._elements(children[:count], names.dossier, {}, {}, "", root)
        vouchers = tuple(self._voucher(child, f"vouchers[{index}].") for index, child in enumerate(children[count:]))
        refuse_errors(self._found, self._name)
        return Dossier(self._unit, self._document, vouchers)

    def _voucher(self, element: etree._Element, path: str) -> Voucher:
        names = self._profile.xml
        self._expect(element, names.voucher)
        children = plain_children(element, self._name)
        if not children:
            raise InputRefused("kbnn.xml_element", name=self._name, expected=names.document_id, found="")
        self._expect(children[0], names.document_id)
        form = self._profile.form_of_document_id(children[0].text or "")
        if form is None:
            raise InputRefused("kbnn.xml_form_unknown", name=self._name, value=(children[0].text or "")[:20])
        count = 1 + len(form.xml.header)
        header: dict[str, Value] = {"v_gn_tailieu_id": form.document_id}
        self._elements(children[1:count], form.xml.header, header, form.header.by_name, f"{path}header.", element)
        self._infer_conditions(children[1:count], form, header)
        lines: list[Record] = []
        for number, child in enumerate(children[count:]):
            self._expect(child, form.xml.line)
            line: dict[str, Value] = {}
            parts = plain_children(child, self._name)
            self._elements(parts, form.xml.lines, line, form.lines.by_name, f"{path}lines[{number}].", child)
            lines.append(line)
        return Voucher(form.name, header, tuple(lines))

    def _elements(
        self,
        children: Sequence[etree._Element],
        elements: Sequence[XmlElement],
        record: dict[str, Value],
        fields: Mapping[str, Field],
        path: str,
        parent: etree._Element,
    ) -> None:
        if len(children) != len(elements):
            missing = elements[min(len(children), len(elements) - 1)].tag
            raise InputRefused("kbnn.xml_element", name=self._name, expected=missing, found=str(parent.tag))
        for child, element in zip(children, elements, strict=True):
            self._expect(child, element.tag)
            if len(child):
                raise InputRefused("kbnn.xml_unexpected", name=self._name, tag=element.tag)
            self._take(child.text or "", element.origin, record, fields, path)

    def _take(
        self, text: str, origin: Origin, record: dict[str, Value], fields: Mapping[str, Field], path: str
    ) -> None:
        """Keep the value of a field; a second element of the same field is compared with the first by its text."""
        match origin.kind:
            case "field":
                target, known = record, fields
            case "unit":
                target, known, path = self._unit, self._profile.unit.by_name, "unit."
            case "document":
                target, known, path = self._document, self._profile.document.by_name, "document."
            case _:
                return
        value = ValueReader(self._profile, path, self._found, _ANY_CURRENCY).read(known[origin.name], text)
        if value is not None:
            target.setdefault(origin.name, value)

    def _infer_conditions(self, children: Sequence[etree._Element], form: Form, header: dict[str, Value]) -> None:
        """A filled element that is written only under a condition tells that the condition held."""
        own = {element.origin.name for element in form.xml.header if element.when is None}
        for child, element in zip(children, form.xml.header, strict=True):
            if element.when is not None and child.text and element.when.field not in own:
                header.setdefault(element.when.field, min(element.when.values))

    def _expect(self, element: etree._Element, tag: str) -> None:
        if element.tag != tag:
            raise InputRefused("kbnn.xml_element", name=self._name, expected=tag, found=str(element.tag)[:80])


def _same_tree(given: etree._Element, again: etree._Element, name: str) -> None:
    """Refuse what the dossier would not write: a constant of another value, two elements of one field that differ."""
    for one, other in zip(given.iter(), again.iter(), strict=True):
        if len(one) == 0 and (one.text or "") != (other.text or ""):
            raise InputRefused(
                "kbnn.xml_value_differs",
                name=name,
                tag=str(one.tag),
                value=(one.text or "")[:60],
                expected=(other.text or "")[:60],
            )
