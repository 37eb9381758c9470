"""XML of the Treasury's from outside: strictly parsed, and elements that may hold nothing but elements."""

from __future__ import annotations

from lxml import etree

from kyso.plugin import InputRefused
from kyso.strict_xml import XmlRefused, read_xml

GREATEST_BYTES = 2 * 1024 * 1024
_GREATEST_ELEMENTS = 100_000


def parse_xml(data: bytes, name: str, *, greatest_bytes: int = GREATEST_BYTES) -> etree._Element:
    """Return the root element.

    :param name: what is shown in errors.
    :raises InputRefused: not well-formed, too large, not UTF-8, or with a document type declaration.
    """
    try:
        return read_xml(data, greatest_bytes=greatest_bytes, greatest_nodes=_GREATEST_ELEMENTS)
    except XmlRefused as refused:
        match refused.fault:
            case "too_large":
                raise InputRefused("kbnn.input_too_large", name=name, limit=refused.limit) from refused
            case "not_utf8":
                raise InputRefused("kbnn.xml_not_utf8", name=name) from refused
            case "doctype":
                raise InputRefused("kbnn.xml_doctype", name=name) from refused
            case _:
                raise InputRefused("kbnn.xml_wrong", name=name, detail=refused.detail[:200]) from refused


def plain_children(element: etree._Element, name: str) -> list[etree._Element]:
    """Return the child elements of an element that may hold nothing else.

    :raises InputRefused: comments, processing instructions, attributes or text between the children.
    """
    children: list[etree._Element] = []
    stray = bool(element.attrib or (element.text or "").strip())
    for child in element:
        if not isinstance(child.tag, str) or child.attrib or (child.tail or "").strip():
            stray = True
            break
        children.append(child)
    if stray:
        raise InputRefused("kbnn.xml_unexpected", name=name, tag=_shown(element))
    return children


def _shown(element: etree._Element) -> str:
    return str(element.tag)[:80]
