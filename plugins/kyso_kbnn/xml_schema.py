"""The XML schema of each voucher's authentication data, made from the profile, and validation compiled once.

The decision publishes no schema; this one says what the profile says. A dossier with vouchers of several forms is
validated voucher by voucher, because XML Schema 1.0 lets one element name have one type only.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

from lxml import etree

from kyso.plugin import InputRefused, WrongUse
from kyso_kbnn.hardened_xml import parse_xml
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Form, Origin, XmlElement

_XS = "http://www.w3.org/2001/XMLSchema"
_DATE = r"(0[1-9]|[12][0-9]|3[01])/(0[1-9]|1[0-2])/[0-9]{4}"
_AMOUNT = r"[0-9]{1,18}(\.[0-9]{1,4})?"
_WHOLE = r"[0-9]{1,18}"
_SHOWN_ERRORS = 5


def schema_of(form_name: str, profile: Profile) -> bytes:
    """Return the schema of one form's authentication data, as a document a person can read.

    :raises WrongUse: there is no such form.
    """
    form = profile.forms.get(form_name)
    if form is None:
        raise WrongUse("kbnn.form_unknown", form=form_name, known=list(profile.forms))
    tree = _Builder(profile).schema(form)
    etree.indent(tree, "  ")
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))


def validate(data: bytes, profile: Profile, name: str = "XML") -> None:
    """Check authentication data against the schemas of the forms in it.

    :raises InputRefused: it is not valid; the error names the element and what is wrong.
    """
    names = profile.xml
    root = parse_xml(data, name, greatest_bytes=8 * profile.limits.authentication_data)
    vouchers = [child for child in root if child.tag == names.voucher]
    if not vouchers:
        raise InputRefused("kbnn.xml_element", name=name, expected=names.voucher, found="")
    for index, voucher in enumerate(vouchers):
        first = voucher.findtext(names.document_id) or ""
        form = profile.form_of_document_id(first)
        if form is None:
            raise InputRefused("kbnn.xml_form_unknown", name=name, value=first[:20])
        single = root
        if len(vouchers) > 1:
            single = copy.deepcopy(root)
            for number, other in enumerate([child for child in single if child.tag == names.voucher]):
                if number != index:
                    single.remove(other)
        schema = _compiled(form.name, profile)
        if not schema.validate(single):
            messages = [
                re.sub(r"\{[^}]*\}", "", error.message)[:200] for error in cast("Iterable[Any]", schema.error_log)
            ]
            raise InputRefused("kbnn.xml_invalid", name=name, form=form.name, detail=messages[:_SHOWN_ERRORS])


@cache
def _compiled(form_name: str, profile: Profile) -> etree.XMLSchema:
    return etree.XMLSchema(_Builder(profile).schema(profile.forms[form_name]))


class _Builder:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def schema(self, form: Form) -> etree._Element:
        names = self._profile.xml
        root = etree.Element(f"{{{_XS}}}schema", nsmap={"xs": _XS}, elementFormDefault="unqualified")
        title = f"{form.number} {form.title} - {self._profile.id} {self._profile.version}"
        self._annotate(root, title)
        dossier = self._sequence(root, names.root)
        for element in names.dossier:
            self._element(dossier, element, {}, {})
        voucher = self._sequence(dossier, names.voucher)
        self._restricted(voucher, names.document_id, title, enumeration=[str(form.document_id)])
        for element in form.xml.header:
            self._element(voucher, element, form.header.by_name, form.lines.by_name)
        line = self._sequence(voucher, form.xml.line, greatest=self._profile.limits.lines)
        for element in form.xml.lines:
            self._element(line, element, form.lines.by_name, {})
        return root

    def _sequence(self, parent: etree._Element, tag: str, greatest: int = 1) -> etree._Element:
        element = etree.SubElement(parent, f"{{{_XS}}}element", name=tag)
        if greatest > 1:
            element.set("maxOccurs", str(greatest))
        kind = etree.SubElement(element, f"{{{_XS}}}complexType")
        return etree.SubElement(kind, f"{{{_XS}}}sequence")

    def _element(
        self,
        parent: etree._Element,
        element: XmlElement,
        fields: Mapping[str, Field],
        columns: Mapping[str, Field],
    ) -> None:
        origin = element.origin
        if origin.kind == "empty":
            self._restricted(parent, element.tag, "", greatest=0)
        elif origin.kind == "constant":
            self._restricted(parent, element.tag, "", enumeration=[origin.name])
        else:
            field = self._field(origin, fields, columns)
            needed = element.when is None and element.otherwise is None and self._needed(field)
            # A sum is written only where its column has values.
            self._value(parent, element.tag, field, needed=needed and origin.kind != "sum")

    def _field(self, origin: Origin, fields: Mapping[str, Field], columns: Mapping[str, Field]) -> Field:
        known: Mapping[str, Mapping[str, Field]] = {
            "field": fields,
            "sum": columns,
            "unit": self._profile.unit.by_name,
            "document": self._profile.document.by_name,
        }
        return known[origin.kind][origin.name]

    def _needed(self, field: Field) -> bool:
        proposed = field.proposed == "always" and self._profile.strictness.proposed_obligation == "error"
        return field.said == "always" or proposed

    def _value(self, parent: etree._Element, tag: str, field: Field, *, needed: bool) -> None:
        pattern: str | None = None
        enumeration: list[str] = []
        match field.kind:
            case "choice":
                enumeration = list(field.values) if needed else [*field.values, ""]
            case "date":
                pattern = _DATE
            case "amount" | "foreign_amount":
                pattern = _AMOUNT
            case "integer":
                pattern = _WHOLE
            case _:
                pattern = None
        if pattern and not needed:
            pattern = f"({pattern})?"
        least = 1 if needed and field.kind == "text" else None
        greatest = field.hard_max if field.kind == "text" else None
        self._restricted(
            parent, tag, field.label, pattern=pattern, enumeration=enumeration, least=least, greatest=greatest
        )

    def _restricted(
        self,
        parent: etree._Element,
        tag: str,
        label: str,
        *,
        pattern: str | None = None,
        enumeration: list[str] | None = None,
        least: int | None = None,
        greatest: int | None = None,
    ) -> None:
        element = etree.SubElement(parent, f"{{{_XS}}}element", name=tag)
        if label:
            self._annotate(element, label)
        kind = etree.SubElement(element, f"{{{_XS}}}simpleType")
        restriction = etree.SubElement(kind, f"{{{_XS}}}restriction", base="xs:string")
        if pattern:
            etree.SubElement(restriction, f"{{{_XS}}}pattern", value=pattern)
        for value in enumeration or ():
            etree.SubElement(restriction, f"{{{_XS}}}enumeration", value=value)
        if least is not None:
            etree.SubElement(restriction, f"{{{_XS}}}minLength", value=str(least))
        if greatest is not None:
            etree.SubElement(restriction, f"{{{_XS}}}maxLength", value=str(greatest))

    @staticmethod
    def _annotate(parent: etree._Element, words: str) -> None:
        annotation = etree.SubElement(parent, f"{{{_XS}}}annotation")
        text = etree.SubElement(annotation, f"{{{_XS}}}documentation")
        text.set("{http://www.w3.org/XML/1998/namespace}lang", "vi")
        text.text = words
