"""What changed from one revision to the next, judged by a whitelist.

Everything reachable in the old revision must mean the same in the new one, except what a rule here allows: new
signatures and their fields, filled form fields, annotations, the security store, and a few entries that only describe
the document. What no rule allows is `forbidden`; what cannot be compared is `forbidden` too, with the reason.

The published attacks on signed PDFs (incremental saving, shadow hide and replace, evil annotation, sneaky signature)
all need a change that no rule allows, or one whose severity says what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pikepdf import Array, Dictionary, Object, Stream

from kyso.document.fields import text_or_none
from kyso.document.opening import PARSER_ERRORS
from kyso.verification.annotation_changes import AnnotationReview
from kyso.verification.comparison import DIRECT, Comparison
from kyso.verification.form_changes import FormReview
from kyso.verification.report import Change
from kyso.verification.revisions import CannotJudge, PageList, ReferenceGraph, Revision, differing
from kyso.verification.structure_changes import structure_grown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kyso.document.pages import ObjectId
    from kyso.verification.report import Changes

SEVERITY: Final[dict[Changes, int]] = {"none": 0, "permitted": 1, "form_filling": 2, "annotations": 3, "forbidden": 4}
MAX_CHANGES: Final = 200

_CATALOG_CODES: Final = {
    "/DSS": ("change.security_store", "permitted"),
    "/Extensions": ("change.extensions", "permitted"),
    "/Version": ("change.version", "permitted"),
    "/Metadata": ("change.metadata", "permitted"),
    "/MarkInfo": ("change.mark_info", "permitted"),
    "/Legal": ("change.legal", "permitted"),
    "/OpenAction": ("change.script", "forbidden"),
    "/AA": ("change.script", "forbidden"),
    "/Names": ("change.names", "forbidden"),
    "/AF": ("change.attachment", "forbidden"),
    "/OCProperties": ("change.layers", "forbidden"),
    "/Perms": ("change.permissions", "forbidden"),
    "/Outlines": ("change.outlines", "forbidden"),
    "/Dests": ("change.names", "forbidden"),
    "/ViewerPreferences": ("change.viewer_preferences", "forbidden"),
}
_PAGE_CODES: Final = {
    "/Contents": "change.page_content",
    "/Resources": "change.page_resources",
    "/MediaBox": "change.page_box",
    "/CropBox": "change.page_box",
    "/BleedBox": "change.page_box",
    "/TrimBox": "change.page_box",
    "/ArtBox": "change.page_box",
    "/UserUnit": "change.page_box",
    "/Rotate": "change.page_rotated",
    "/AA": "change.script",
    "/Group": "change.page_content",
    "/AF": "change.attachment",
}
_PAGE_PRIVATE: Final = frozenset({"/LastModified", "/PieceInfo", "/Metadata"})
_DSS_KEYS: Final = frozenset({"/Type", "/Certs", "/CRLs", "/OCSPs", "/VRI", "/Extensions"})
_TRAILER_IGNORED: Final = frozenset(
    {"/Size", "/Prev", "/XRefStm", "/ID", "/Root", "/W", "/Index", "/Type", "/Length", "/Filter", "/DecodeParms"}
)

_TRAILER_MEANS: Final = frozenset({"/Encrypt", "/AuthCode"})


class ChangeReviewer:
    """Reviews pairs of neighbouring revisions in order. What was learnt of one revision serves the next pair."""

    def __init__(self, first: Revision) -> None:
        self._graph = ReferenceGraph()
        self._graph.update(first, first.table)
        self._pages = PageList.read(first.root)
        self._annotations: set[ObjectId] = set()
        for identity in self._pages.pages:
            self._annotations.update(_annotation_ids(first.get(identity)))
        self._field_names: set[str] = set()
        self._annotations.update(_field_ids(first.root, self._field_names))

    def review(self, old: Revision, new: Revision) -> tuple[Change, ...]:
        """Return what changed from `old` to `new`."""
        try:
            return self._review(old, new)
        except CannotJudge as reason:
            return (Change(reason.code, "forbidden"),)
        except PARSER_ERRORS:
            return (Change("change.cannot_be_judged", "forbidden"),)

    def _review(self, old: Revision, new: Revision) -> tuple[Change, ...]:
        changed = differing(old, new)
        nodes = self._pages.nodes
        tree = nodes | self._pages.numbers.keys()
        dirty = self._graph.reaching(changed, tree, {*nodes, old.root.objgen})
        # A field lock names the catalog as what it locks (/Data, ISO 32000-2, table 256) and uses none of its entries.
        comparison = Comparison(dirty, {*tree, old.root.objgen}, self._annotations)
        pair = _Pair(old, new, comparison, dirty, self._pages, self._field_names, self._appearance_shared)
        found = pair.review()
        self._graph.update(new, changed)
        if changed & (nodes | {old.root.objgen}) or new.root.objgen != old.root.objgen:
            self._pages = PageList.read(new.root)
        self._annotations |= pair.new_annotations
        return found

    def _appearance_shared(self, appearance: Object, old: Revision) -> bool:
        """Tell whether an appearance dictionary or one of its streams has a use that no widget leads to."""
        users = set(self._annotations)
        parts = [appearance, *(part for part in map(appearance.get, ("/N", "/R", "/D")) if isinstance(part, Object))]
        for part in parts:
            if part.objgen == DIRECT:
                continue
            if self._graph.referrers(part.objgen) - users or part.objgen in old.named_by_trailer():
                return True
            users.add(part.objgen)
        return False


class _Pair:
    """The review of one pair."""

    def __init__(
        self,
        old: Revision,
        new: Revision,
        comparison: Comparison,
        dirty: set[ObjectId],
        pages: PageList,
        field_names: set[str],
        appearance_shared: Callable[[Object, Revision], bool],
    ) -> None:
        self._old = old
        self._new = new
        self._comparison = comparison
        self._dirty = dirty
        self._pages = pages
        self._changes: list[Change] = []
        self._form = FormReview(
            comparison,
            self._changes,
            pages.numbers,
            field_names,
            lambda item: appearance_shared(item, old),
            old.table.__contains__,
        )
        self._notes = AnnotationReview(comparison, self._changes, self._form)
        self.new_annotations: set[ObjectId] = set()

    def review(self) -> tuple[Change, ...]:
        """Compare the trailers and, from the catalog on, everything else."""
        self._review_trailer()
        self._review_catalog()
        for identity in self._pages.pages:
            if identity in self._dirty:
                self._review_page(identity, self._pages.numbers[identity])
        self._form.finish()
        self.new_annotations |= self._form.new_ids
        if len(self._changes) > MAX_CHANGES:
            # The list is cut for the reader's sake; what is cut must not be the change that matters.
            self._changes.sort(key=lambda change: SEVERITY[change.severity], reverse=True)
        return tuple(self._changes[:MAX_CHANGES])

    def _add(self, code: str, severity: Changes, page: int | None = None, **parameters: Any) -> None:
        self._changes.append(Change(code, severity, parameters, page))

    def _review_trailer(self) -> None:
        old, new = self._old.pdf.trailer, self._new.pdf.trailer
        before, after = old.get("/Size"), new.get("/Size")
        if isinstance(before, int) and isinstance(after, int) and after < before:
            # Objects from /Size on are missing for readers that go by the book (ISO 32000-2, 7.5.5).
            self._add("change.trailer", "forbidden", key="/Size")
        for key in sorted((set(old.keys()) | set(new.keys())) - _TRAILER_IGNORED):
            if self._comparison.same(old.get(key), new.get(key), key):
                continue
            if key == "/Info":
                self._add("change.document_info", "permitted")
            else:
                # Programs note things of their own there (/DocChecksum), which others leave out when they add to it.
                self._add("change.trailer", "forbidden" if key in _TRAILER_MEANS else "permitted", key=key)

    def _review_catalog(self) -> None:
        old, new = self._old.root, self._new.root
        before, after = old.get("/AcroForm"), new.get("/AcroForm")
        if before is not None or after is not None:
            # Not left to the comparison below, which takes references to fields on trust because they are judged here.
            self._form.review(before, after)
        for key in self._comparison.changed_keys(old, new):
            before, after = old.get(key), new.get(key)
            if key == "/AcroForm":
                continue
            if key == "/Pages":
                self._add("change.page_tree", "forbidden")
            elif key == "/StructTreeRoot":
                grown = structure_grown(self._comparison, before, after)
                self._add("change.structure", "permitted" if grown else "forbidden")
            elif key == "/DSS":
                known = isinstance(after, Dictionary) and set(after.keys()) <= _DSS_KEYS
                self._add("change.security_store", "permitted" if known else "forbidden")
            elif key == "/Names":
                self._review_names(before, after)
            else:
                code, severity = _CATALOG_CODES.get(key, ("change.catalog", "forbidden"))
                self._add(code, severity, key=key)  # type: ignore[arg-type] # the table holds severities only
        if self._new.catalog_type_mended and not self._old.catalog_type_mended:
            # The parser has mended it in both views; other readers find no document.
            self._add("change.catalog", "forbidden", key="/Type")
        # A page tree of the same root may still have changed below: its nodes are compared here, once.
        if self._pages.nodes & self._dirty:
            self._review_page_tree()

    def _review_names(self, before: object, after: object) -> None:
        """Tell scripts and attachments apart from other names."""
        old = before if isinstance(before, Dictionary) else Dictionary()
        new = after if isinstance(after, Dictionary) else Dictionary()
        for key in self._comparison.changed_keys(old, new):
            code = {"/JavaScript": "change.script", "/EmbeddedFiles": "change.attachment"}.get(key, "change.names")
            self._add(code, "forbidden", key=key)

    def _review_page_tree(self) -> None:
        changed = [
            node
            for node in sorted(self._pages.nodes & self._dirty)
            if not self._same_node(self._old.get(node), self._new.get(node))
        ]
        if not changed:
            return
        try:
            now = PageList.read(self._new.root)
        except CannotJudge as reason:
            self._add(reason.code, "forbidden")
            return
        before = self._pages
        removed = [before.numbers[page] for page in before.pages if page not in now.numbers]
        added = [now.numbers[page] for page in now.pages if page not in before.numbers]
        for number in removed[:20]:
            self._add("change.page_removed", "forbidden", page=number)
        for number in added[:20]:
            self._add("change.page_added", "forbidden", page=number)
        kept = [page for page in before.pages if page in now.numbers]
        if kept != [page for page in now.pages if page in before.numbers]:
            self._add("change.pages_reordered", "forbidden")
        elif not removed and not added:
            self._add("change.page_tree", "forbidden")

    def _same_node(self, old: Object | None, new: Object | None) -> bool:
        return (
            isinstance(old, Dictionary)
            and isinstance(new, Dictionary)
            and not any(True for _ in self._comparison.changed_keys(old, new))
        )

    def _review_page(self, identity: ObjectId, number: int) -> None:
        old, new = self._old.get(identity), self._new.get(identity)
        if not isinstance(old, Dictionary) or not isinstance(new, Dictionary) or isinstance(new, Stream):
            self._add("change.page_removed", "forbidden", page=number)
            return
        for key in self._comparison.changed_keys(old, new):
            if key == "/Annots":
                continue
            if key in _PAGE_PRIVATE or (key in ("/Tabs", "/StructParents") and key not in old):
                self._add("change.page_description", "permitted", page=number)
            else:
                self._add(_PAGE_CODES.get(key, "change.page_entry"), "forbidden", page=number, key=key)
        before, after = old.get("/Annots"), new.get("/Annots")
        if not self._comparison.same(before, after, "/Annots"):
            self._notes.review(before, after, new, number)


def _annotation_ids(page: object) -> Iterable[ObjectId]:
    entries = page.get("/Annots") if isinstance(page, Dictionary) else None
    if not isinstance(entries, Array):
        return []
    return [entry.objgen for entry in entries.as_list() if isinstance(entry, Dictionary) and entry.objgen != DIRECT]


def _field_ids(root: Dictionary, names: set[str]) -> set[ObjectId]:
    """Return every field object; their fully qualified names are added to `names`."""
    form = root.get("/AcroForm")
    fields = form.get("/Fields") if isinstance(form, Dictionary) else None
    found: set[ObjectId] = set()
    stack = [(item, "") for item in fields.as_list()] if isinstance(fields, Array) else []
    while stack:
        node, above = stack.pop()
        if not isinstance(node, Dictionary) or isinstance(node, Stream):
            continue
        partial = text_or_none(node.get("/T"))
        name = above if partial is None else f"{above}.{partial}" if above else partial
        if name:
            names.add(name)
        if node.objgen != DIRECT:
            if node.objgen in found:
                continue
            found.add(node.objgen)
        kids = node.get("/Kids")
        if isinstance(kids, Array):
            stack.extend((kid, name) for kid in kids.as_list())
        if len(found) > 200_000:
            raise CannotJudge("change.too_many_objects")
    return found
