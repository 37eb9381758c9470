"""Parsing XML that comes from outside: no document type, no entities, no network, bounded size, UTF-8 only.

A document type declaration is refused before the parser sees a byte of it, so entity expansion, external entities and
parameter entities have nothing to start from. What this does not protect against: an element's meaning.
"""

from __future__ import annotations

from lxml import etree

from kyso.plugin import InputRefused

GREATEST_BYTES = 2 * 1024 * 1024
_GREATEST_ELEMENTS = 100_000


def parse_xml(data: bytes, name: str, *, greatest_bytes: int = GREATEST_BYTES) -> etree._Element:
    """Return the root element.

    :param name: what is shown in errors.
    :raises InputRefused: not well-formed, too large, not UTF-8, or with a document type declaration.
    """
    if len(data) > greatest_bytes:
        raise InputRefused("kbnn.input_too_large", name=name, limit=greatest_bytes)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise InputRefused("kbnn.xml_not_utf8", name=name) from cause
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputRefused("kbnn.xml_doctype", name=name)
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        dtd_validation=False,
        huge_tree=False,
        remove_blank_text=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as cause:
        raise InputRefused("kbnn.xml_wrong", name=name, detail=str(cause)[:200]) from cause
    if sum(1 for _ in root.iter()) > _GREATEST_ELEMENTS:
        raise InputRefused("kbnn.input_too_large", name=name, limit=_GREATEST_ELEMENTS)
    return root


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
