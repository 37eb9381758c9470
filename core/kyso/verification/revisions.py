"""The states a document went through, each as the parser sees it, and what differs from one to the next.

A revision is opened as the file cut at its end. Which objects an update touched is read from the two cross-reference
tables, so that reviewing a file with fifty signatures costs the fifty updates and not fifty times the file.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING, Final

import pikepdf
from pikepdf import Array, Dictionary, Object, Stream

from kyso.document.opening import PARSER_ERRORS
from kyso.frozen import dataclass
from kyso.verification.source import Mapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.document.pages import ObjectId
    from kyso.secret import Secret
    from kyso.verification.source import ByteSource

MAX_OBJECTS: Final = 1_000_000
MAX_PAGE_TREE_DEPTH: Final = 64
_LITERAL = re.compile(rb"\((?:[^()\\]|\\.)*\)|<[0-9a-f]*>", re.DOTALL)
_REFERENCE = re.compile(rb"(\d+) (\d+) R\b")
_NO_CATALOG_TYPE = "Catalog: setting missing or invalid /Type"
REBUILT = "Attempting to reconstruct cross-reference table"


class CannotJudge(Exception):
    """What happened between two revisions cannot be told; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Revision:
    """The document up to `end`."""

    end: int
    pdf: pikepdf.Pdf
    table: dict[ObjectId, tuple[int, int, int]]
    catalog_type_mended: bool = False
    """Whether the parser put /Type /Catalog where the file says otherwise."""
    _complaints: list[str] = field(default_factory=list)

    def complaints(self) -> tuple[str, ...]:
        """Return what the parser had to forgive so far, in its words."""
        self._complaints.extend(self.pdf.get_warnings())  # reading them clears them
        return tuple(self._complaints)

    @property
    def root(self) -> Dictionary:
        """The catalog.

        :raises CannotJudge: there is none.
        """
        root = self.pdf.trailer.get("/Root")
        if not isinstance(root, Dictionary):
            raise CannotJudge("change.no_catalog")
        return root

    def get(self, identity: ObjectId) -> Object | None:
        """Return an object, ``None`` where the revision does not define it."""
        return self.pdf.get_object(identity) if identity in self.table else None

    def named_by_trailer(self) -> frozenset[ObjectId]:
        """Return the objects to which the trailer itself refers."""
        return _targets(unparsed(self.pdf.trailer))


def open_pdf(source: ByteSource, end: int, password: Secret | None) -> pikepdf.Pdf:
    """Open the document cut at `end`, without letting the parser tidy anything up.

    :raises pikepdf.PdfError: not a PDF. :raises pikepdf.PasswordError: the password is wrong or missing.
    """
    stream = source.prefix(end)
    return pikepdf.open(
        stream,
        access_mode=pikepdf.AccessMode.mmap if isinstance(stream, Mapped) else pikepdf.AccessMode.default,
        password="" if password is None else password.reveal(),
        suppress_warnings=True,
        inherit_page_attributes=False,
    )


def open_revision(source: ByteSource, end: int, password: Secret | None) -> Revision:
    """Open one revision.

    :raises CannotJudge: it is damaged, so that other readers may see other objects.
    """
    try:
        pdf = open_pdf(source, end, password)
    except PARSER_ERRORS as error:
        raise CannotJudge("change.revision_unreadable") from error
    return as_revision(pdf, end)


def as_revision(pdf: pikepdf.Pdf, end: int) -> Revision:
    """Take an opened document as a revision.

    :raises CannotJudge: the parser had to search for its objects.
    """
    warnings = pdf.get_warnings()
    if any(REBUILT in warning for warning in warnings):
        raise CannotJudge("change.xref_damaged")
    entries = pdf.get_xref_table()
    if len(entries) > MAX_OBJECTS:
        raise CannotJudge("change.too_many_objects")
    table = {
        identity: (1, entry.offset or 0, 0)
        if entry.type == 1
        else (2, entry.obj_stream_number or 0, entry.obj_stream_index or 0)
        for identity, entry in entries.items()
    }
    return Revision(end, pdf, table, any(_NO_CATALOG_TYPE in warning for warning in warnings), warnings)


def differing(old: Revision, new: Revision) -> set[ObjectId]:
    """Return the objects whose value is not the same in both revisions, new and vanished ones included."""
    moved = {identity for identity, place in new.table.items() if old.table.get(identity) != place}
    moved.update(identity for identity in old.table if identity not in new.table)
    containers = {number for number, _ in moved}
    for identity, place in new.table.items():
        # An object inside an object stream changes with the stream, though its own entry stays the same.
        if place[0] == 2 and place[1] in containers:
            moved.add(identity)
    return {
        identity for identity in moved if identity not in old.table or _value(old, identity) != _value(new, identity)
    }


def _value(revision: Revision, identity: ObjectId) -> bytes | None:
    found = revision.get(identity)
    if found is None:
        return None
    if isinstance(found, Stream):
        return b"stream" + unparsed(found) + hashlib.sha256(found.read_raw_bytes()).digest()
    return unparsed(found)


def unparsed(value: Object) -> bytes:
    """Return an object's canonical text; of a stream only the dictionary."""
    if isinstance(value, Stream):
        return value.stream_dict.unparse()
    return value.unparse(resolved=True) if isinstance(value, Object) else repr(value).encode()


@dataclass
class ReferenceGraph:
    """Who refers to whom in the revision last seen. Built once, then kept up to date with each update's objects."""

    _referrers: dict[ObjectId, set[ObjectId]] = field(default_factory=lambda: defaultdict(set))
    _references: dict[ObjectId, frozenset[ObjectId]] = field(default_factory=dict)

    def update(self, revision: Revision, identities: Iterable[ObjectId]) -> None:
        """Read the references of these objects anew."""
        for identity in identities:
            for target in self._references.pop(identity, ()):
                self._referrers[target].discard(identity)
            found = revision.get(identity)
            if not isinstance(found, Object):
                continue
            targets = _targets(unparsed(found))
            if targets:
                self._references[identity] = targets
                for target in targets:
                    self._referrers[target].add(identity)

    def reaching(
        self, changed: Iterable[ObjectId], page_tree: set[ObjectId], above_pages: set[ObjectId]
    ) -> set[ObjectId]:
        """Return everything from which something changed can be reached.

        References to pages from anywhere but the page tree (/P, /Parent, destinations) are not followed: pages are
        judged by themselves, and nothing can be drawn by referring to a page.

        :param page_tree: pages and the nodes above them.
        :param above_pages: the nodes above and the catalog.
        """
        found: set[ObjectId] = set(changed)
        stack = list(found)
        while stack:
            identity = stack.pop()
            referrers = self._referrers.get(identity, ())
            for referrer in referrers:
                if referrer in found or (identity in page_tree and referrer not in above_pages):
                    continue
                found.add(referrer)
                stack.append(referrer)
        return found

    def referrers(self, identity: ObjectId) -> frozenset[ObjectId]:
        """Return the objects that refer to this one. The trailer is none; see :meth:`Revision.named_by_trailer`."""
        return frozenset(self._referrers.get(identity, ()))


def _targets(text: bytes) -> frozenset[ObjectId]:
    if b" R" not in text:
        return frozenset()
    plain = _LITERAL.sub(b"", text) if b"(" in text or b"<" in text else text
    return frozenset((int(number), int(generation)) for number, generation in _REFERENCE.findall(plain))


@dataclass
class PageList:
    """The pages of a revision in order, and the nodes above them."""

    pages: list[ObjectId]
    nodes: set[ObjectId]
    numbers: dict[ObjectId, int]

    @classmethod
    def read(cls, root: Dictionary) -> PageList:
        """Walk the page tree.

        :raises CannotJudge: it is no tree, or holds pages that are no objects of their own.
        """
        pages: list[ObjectId] = []
        nodes: set[ObjectId] = set()
        stack: list[tuple[object, int]] = [(root.get("/Pages"), 0)]
        while stack:
            node, depth = stack.pop()
            if not isinstance(node, Dictionary) or node.objgen == (0, 0) or depth > MAX_PAGE_TREE_DEPTH:
                raise CannotJudge("change.page_tree_malformed")
            above = node.get("/Parent")
            if depth and isinstance(above, Dictionary) and above.objgen not in nodes:
                # It would inherit its resources from where nobody looks.
                raise CannotJudge("change.page_tree_malformed")
            kids = node.get("/Kids")
            if isinstance(kids, Array):
                if node.objgen in nodes:
                    raise CannotJudge("change.page_tree_malformed")
                nodes.add(node.objgen)
                stack.extend((kid, depth + 1) for kid in reversed(kids.as_list()))
            else:
                pages.append(node.objgen)
            if len(pages) + len(nodes) > MAX_OBJECTS:
                raise CannotJudge("change.too_many_objects")
        return cls(pages, nodes, {identity: number for number, identity in enumerate(pages, start=1)})
