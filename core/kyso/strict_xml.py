"""Parsing XML that comes from outside: no document type, no entities, no network, bounded size, UTF-8 only.

A document type declaration is refused before the parser sees a byte of it, so entity expansion, external entities and
parameter entities have nothing to start from. What this does not protect against: an element's meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lxml import etree


class XmlRefused(Exception):
    """Why a text is no XML that is accepted here; whoever reads it turns the fault into an error of its own.

    :ivar fault: ``too_large``, ``not_utf8``, ``doctype`` or ``malformed``.
    :ivar limit: the limit that was passed, in octets or nodes.
    """

    def __init__(
        self, fault: Literal["too_large", "not_utf8", "doctype", "malformed"], detail: str = "", limit: int = 0
    ) -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail
        self.limit = limit


def read_xml(data: bytes, *, greatest_bytes: int, greatest_nodes: int) -> etree._Element:
    """Return the root element.

    :param greatest_nodes: elements, comments and processing instructions together.
    :raises XmlRefused: not well-formed, too large, not UTF-8, or with a document type declaration.
    """
    from lxml import etree

    if len(data) > greatest_bytes:
        raise XmlRefused("too_large", limit=greatest_bytes)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise XmlRefused("not_utf8", str(error)) from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlRefused("doctype")
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
    except (etree.XMLSyntaxError, ValueError) as error:
        raise XmlRefused("malformed", str(error)) from error
    if sum(1 for _ in root.iter()) > greatest_nodes:
        raise XmlRefused("too_large", limit=greatest_nodes)
    return root
