"""The letter's signature fields, as the form, the pages and the signature dictionaries tell them.

Hostile forms are normal: cycles, fields that are their own children, a hundred thousand kids. Every walk here has a
cap, and what lies beyond it is refused rather than overlooked.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from pikepdf import Array, Dictionary, String

from kyso.document.pages import rectangle_or_none
from kyso.errors import InputRefused
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.document.pages import ObjectId, PageTree
    from kyso.geometry import RectPt

MAX_FIELD_DEPTH = 64
MAX_FIELDS = 200_000
MAX_PAGES_FOR_ORPHANS = 200
MAX_ANNOTATIONS = 50_000
MAX_TEXT_FIELDS = 400
"""No more text fields than this are looked at: a letter has a few, a form that is no letter has thousands."""

SIGNATURES_EXIST = 1
"""Bit 1 of /SigFlags (ISO 32000-2, table 225)."""


@dataclass(frozen=True, slots=True)
class SignatureField:
    """A signature field with the objects behind it.

    :param name: fully qualified name.
    :param node: the field dictionary.
    :param widget: its widget annotation: `node` itself where the two are merged, ``None`` without one.
    :param value: the signature dictionary, ``None`` for an empty field.
    :param page: page of the widget from 1, ``None`` where it is on no page.
    :param rect_pt: the widget's /Rect in user space, ``None`` without one.
    :param in_form: whether the form's /Fields leads to it.
    """

    name: str
    node: Dictionary
    widget: Dictionary | None
    value: Dictionary | None
    page: int | None
    rect_pt: RectPt | None
    in_form: bool = True

    @property
    def policy(self) -> str | None:
        """The kyso policy named in the signature dictionary."""
        return text_or_none(self.value.get("/KYSO_Policy")) if self.value is not None else None

    @property
    def has_area(self) -> bool:
        """Whether the widget has a rectangle that shows."""
        rect = self.rect_pt
        return rect is not None and rect[0] < rect[2] and rect[1] < rect[3]


@dataclass(frozen=True, slots=True)
class TextField:
    """A text field with one widget (ISO 32000-2, 12.7.5.3).

    :param node: the field dictionary.
    :param widget: its widget annotation: `node` itself where the two are merged.
    :param page: page of the widget from 1, ``None`` where it is on no page.
    """

    name: str
    node: Dictionary
    widget: Dictionary
    value: str
    page: int | None
    rect_pt: RectPt | None
    flags: int

    @property
    def label(self) -> str:
        """The field's name for people (/TU)."""
        return text_or_none(self.node.get("/TU")) or ""


@dataclass(frozen=True, slots=True)
class Form:
    """The interactive form, read once.

    :param acroform: the /AcroForm dictionary, ``None`` without a form.
    :param top_names: partial names in use at the top of the field tree.
    :param names: fully qualified names of the fields that are not signature fields.
    :param signature_fields: in the order of the form, orphaned widgets last.
    :param text_fields: in the order of the form; those with several widgets are left out.
    :param is_cyclic: whether a field is its own ancestor; some readers then refuse the whole file.
    """

    acroform: Dictionary | None
    top_names: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    signature_fields: tuple[SignatureField, ...] = ()
    is_cyclic: bool = False
    text_fields: tuple[TextField, ...] = ()


def read_form(root: Dictionary, tree: PageTree, name: str) -> Form:
    """Read the form of the document with catalog `root`.

    Signature widgets that a page shows but no form lists are found in letters of up to
    :data:`MAX_PAGES_FOR_ORPHANS` pages, and in any letter whose /SigFlags says that there are signatures.

    :raises InputRefused: the form is larger or deeper than any real form.
    """
    acroform = root.get("/AcroForm") if "/AcroForm" in root else None
    walk = _FormWalk(tree, name)
    if isinstance(acroform, Dictionary):
        walk.fields(acroform.get("/Fields"))
        flags = acroform.get("/SigFlags", 0)
        signatures_exist = isinstance(flags, int) and bool(flags & SIGNATURES_EXIST)
    else:
        acroform, signatures_exist = None, False
    if signatures_exist or tree.count <= MAX_PAGES_FOR_ORPHANS:
        walk.orphans()
    return Form(
        acroform, frozenset(walk.top_names), frozenset(walk.names), tuple(walk.found), walk.is_cyclic, tuple(walk.texts)
    )


class _FormWalk:
    """One pass over /Fields and the pages' /Annots."""

    def __init__(self, tree: PageTree, name: str) -> None:
        self.found: list[SignatureField] = []
        self.texts: list[TextField] = []
        self.top_names: set[str] = set()
        self.names: set[str] = set()
        self.is_cyclic = False
        self._tree = tree
        self._name = name
        self._seen: set[ObjectId] = set()
        self._pages_of_widgets: dict[ObjectId, int] | None = None

    def fields(self, fields: object) -> None:
        if not isinstance(fields, Array):
            return
        stack: list[tuple[object, str, object, object, tuple[ObjectId, ...]]] = [
            (item, "", None, None, ()) for item in reversed(fields.as_list())
        ]
        visited = 0
        while stack:
            node, above, kind, value, ancestors = stack.pop()
            visited += 1
            if visited > MAX_FIELDS or len(ancestors) > MAX_FIELD_DEPTH:
                raise InputRefused("document.form_too_large", name=self._name)
            if not isinstance(node, Dictionary):
                continue
            self.is_cyclic |= node.objgen in ancestors and node.objgen != (0, 0)
            if not self._first_visit(node):
                continue
            partial = text_or_none(node.get("/T")) if "/T" in node else None
            if not ancestors and partial is not None:
                self.top_names.add(partial)
            full = above if partial is None else f"{above}.{partial}" if above else partial
            kind = node.get("/FT") if "/FT" in node else kind
            value = node.get("/V") if "/V" in node else value
            kids = node.get("/Kids") if "/Kids" in node else None
            inner: list[Any] = list(kids.as_list()) if isinstance(kids, Array) else []
            subfields = [kid for kid in inner if isinstance(kid, Dictionary) and "/T" in kid]
            if subfields:
                self.names.add(full)
                path = (*ancestors, node.objgen)
                stack.extend((kid, full, kind, value, path) for kid in reversed(subfields))
            elif kind == "/Sig":
                self.found.append(self._signature_field(full, node, inner, value))
            else:
                self.names.add(full)
                if kind == "/Tx" and len(inner) <= 1:
                    self._text_field(full, node, inner, value)

    def orphans(self) -> None:
        for number in range(1, self._tree.count + 1):
            for widget in page_annotations(self._tree.find(number).page):
                if widget.get("/FT") != "/Sig" or not self._first_visit(widget):
                    continue
                field = self._signature_field(
                    text_or_none(widget.get("/T")) or "", widget, [], widget.get("/V"), page=number
                )
                self.found.append(dataclasses.replace(field, in_form=False))

    def _first_visit(self, node: Dictionary) -> bool:
        identity = node.objgen
        if identity == (0, 0):
            return True
        if identity in self._seen:
            return False
        self._seen.add(identity)
        return True

    def _signature_field(
        self, full: str, node: Dictionary, kids: list[Any], value: object, page: int | None = None
    ) -> SignatureField:
        widget: Dictionary | None = None
        if "/Rect" in node or node.get("/Subtype") == "/Widget":
            widget = node
        else:
            for kid in kids:
                if isinstance(kid, Dictionary) and self._first_visit(kid):
                    widget = kid
                    break
        rect = rectangle_or_none(widget.get("/Rect")) if widget is not None else None
        if widget is not None and page is None:
            page = self._page_of(widget)
        return SignatureField(full, node, widget, value if isinstance(value, Dictionary) else None, page, rect)

    def _text_field(self, full: str, node: Dictionary, kids: list[Any], value: object) -> None:
        widget = kids[0] if kids else node
        if len(self.texts) == MAX_TEXT_FIELDS or not isinstance(widget, Dictionary) or "/Rect" not in widget:
            return
        flags = node.get("/Ff", 0)
        self.texts.append(
            TextField(
                full,
                node,
                widget,
                text_or_none(value) or "",
                self._page_of(widget),
                rectangle_or_none(widget.get("/Rect")),
                flags if isinstance(flags, int) else 0,
            )
        )

    def _page_of(self, widget: Dictionary) -> int | None:
        page = widget.get("/P") if "/P" in widget else None
        number = self._tree.number_of(page.objgen) if isinstance(page, Dictionary) else None
        if number is not None or widget.objgen == (0, 0):
            return number
        if self._pages_of_widgets is None:
            self._pages_of_widgets = {
                annotation.objgen: number
                for number in range(self._tree.count, 0, -1)
                for annotation in page_annotations(self._tree.find(number).page)
            }
        return self._pages_of_widgets.get(widget.objgen)


def page_annotations(page: Dictionary) -> list[Dictionary]:
    """Return the page's annotation dictionaries; what is none is left out."""
    entries = page.get("/Annots") if "/Annots" in page else None
    if not isinstance(entries, Array):
        return []
    if len(entries) > MAX_ANNOTATIONS:
        raise InputRefused("document.too_many_annotations", count=len(entries), limit=MAX_ANNOTATIONS)
    return [entry for entry in entries.as_list() if isinstance(entry, Dictionary)]


def text_or_none(value: object) -> str | None:
    """Return a PDF text string as text (ISO 32000-2, 7.9.2.2), ``None`` for anything else."""
    return str(value) if isinstance(value, String) else None
