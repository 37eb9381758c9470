"""Changes to annotations: notes, stamps and links on a page, and those that hide, write or act."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pikepdf import Array, Dictionary, Name, Object, Stream

from kyso.document.fields import text_or_none
from kyso.document.pages import PageNode, rectangle_or_none
from kyso.verification.comparison import DIRECT, Entries
from kyso.verification.form_changes import ACTIVE_KEYS, MAX_DEPTH, is_visible
from kyso.verification.report import Change

if TYPE_CHECKING:
    from kyso.geometry import RectMm
    from kyso.verification.comparison import Comparison
    from kyso.verification.form_changes import FormReview
    from kyso.verification.report import Changes

LARGE_SHARE_OF_PAGE: Final = 0.4
"""A new stamp larger than this share of its page hides more than a signature should."""

_DANGEROUS_SUBTYPES: Final = frozenset(
    {"/FileAttachment", "/RichMedia", "/Movie", "/Screen", "/3D", "/Sound", "/TrapNet", "/Watermark", "/Redact"}
)
_MARKUP_SUBTYPES: Final = frozenset({"/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Popup", "/Link"})
_NOTE_ICON_MM: Final = 12.0
"""A sticky note's icon is not wider or higher; a larger one can hide text."""
_OF_FIELDS: Final = frozenset({"/FT", "/V", "/DV", "/Ff", "/Opt", "/MaxLen", "/TI", "/I", "/Kids"})
"""What fields inherit (ISO 32000-2, table 226); a note has none of it."""


class AnnotationReview:
    """Judges the annotations of one pair of revisions, after its form; findings are appended to `changes`.

    :param form: what the review of the form found: widgets of listed fields are judged there.
    """

    def __init__(self, comparison: Comparison, changes: list[Change], form: FormReview) -> None:
        self._comparison = comparison
        self._changes = changes
        self._form = form

    def _add(self, code: str, severity: Changes, page: int | None = None, **parameters: Any) -> None:
        self._changes.append(Change(code, severity, parameters, page))

    def review(self, before: object, after: object, page: Dictionary, number: int) -> None:
        """Compare the annotations of one page."""
        if after is not None and (not isinstance(after, Array) or isinstance(after, Stream)):
            self._add("change.annotations_malformed", "forbidden", number)
            return
        old, new = Entries(before), Entries(after)
        # One that is listed again at the end is drawn again, over what hid it.
        again = new.repeats and not old.repeats
        if again or [key for key in new.keys if key in old] != [key for key in old.keys if key in new]:
            self._add("change.annotations_reordered", "annotations", number)
        for key in old.keys:
            if key not in new:
                item = old[key]
                widget = isinstance(item, Dictionary) and item.get("/Subtype") == Name.Widget
                self._add("change.annotation_removed", "forbidden" if widget else "annotations", number)
            elif key in self._form.filled_ids:
                self._check_size(new[key], page, number)
            elif self._comparison.may_differ(key) and key not in self._form.reviewed:
                self._review_annotation(old[key], new[key], page, number)
        for key in new.keys:
            if key not in old:
                self._new_annotation(new[key], page, number)

    def _review_annotation(self, old: Object, new: Object, page: Dictionary, number: int) -> None:
        if not isinstance(old, Dictionary) or not isinstance(new, Dictionary) or isinstance(new, Stream):
            self._add("change.annotations_malformed", "forbidden", number)
            return
        changed = set(self._comparison.changed_keys(old, new)) - {"/P", "/StructParent"}
        if not changed:
            return
        subtype = str(new.get("/Subtype"))
        if subtype == "/Widget":
            # Widgets of listed fields were judged with their fields; this one belongs to none.
            self._add("change.field_definition", "forbidden", number, field=text_or_none(old.get("/T")) or "")
        elif changed & ACTIVE_KEYS or "/Subtype" in changed or subtype in _DANGEROUS_SUBTYPES:
            self._add("change.script" if changed & ACTIVE_KEYS else "change.annotation_active", "forbidden", number)
        elif changed & _OF_FIELDS:
            # The object also serves as a parent of fields.
            self._add("change.annotations_malformed", "forbidden", number)
        else:
            rect = _rect(new, page, number)
            self._changes.append(
                Change(
                    "change.annotation_changed",
                    "annotations",
                    {"kind": subtype[1:], "covers": _covers(new, rect)},
                    number,
                    rect,
                )
            )

    def _new_annotation(self, item: Object, page: Dictionary, number: int) -> None:
        if not isinstance(item, Dictionary) or isinstance(item, Stream):
            self._add("change.annotations_malformed", "forbidden", number)
            return
        subtype = str(item.get("/Subtype"))
        rect = _rect(item, page, number)
        if item.objgen != DIRECT and item.objgen in self._form.new_ids:
            change = self._form.take_waiting(item.objgen)
            if change is not None:
                self._changes.append(replace(change, page=number, rect_mm=rect))
            self._check_size(item, page, number)
            return
        if subtype == "/Widget":
            self._add("change.form_field_added", "forbidden", number, field=text_or_none(item.get("/T")) or "")
        elif subtype in _DANGEROUS_SUBTYPES or _is_active(item):
            self._changes.append(Change("change.annotation_active", "forbidden", {"kind": subtype[1:]}, number, rect))
        else:
            if item.objgen != DIRECT:
                self._form.new_ids.add(item.objgen)
            self._changes.append(
                Change(
                    "change.annotation_added",
                    "annotations",
                    {"kind": subtype[1:], "covers": _covers(item, rect)},
                    number,
                    rect,
                )
            )

    def _check_size(self, item: Object, page: Dictionary, number: int) -> None:
        rect = _rect(item, page, number) if isinstance(item, Dictionary) else None
        if rect is None or not isinstance(item, Dictionary) or not is_visible(item):
            return
        whole = _node(page, number).geometry().rect_mm
        if rect.width * rect.height > LARGE_SHARE_OF_PAGE * whole.width * whole.height:
            self._changes.append(Change("change.signature_hides_page", "annotations", {}, number, rect))


def _covers(annotation: Dictionary, rect: RectMm | None) -> bool:
    """Tell whether an annotation can write on or hide the page: the lever of the evil annotation attack."""
    subtype = str(annotation.get("/Subtype"))
    if subtype in _MARKUP_SUBTYPES:
        return annotation.get("/AP") is not None
    icon = rect is not None and max(rect.width, rect.height) <= _NOTE_ICON_MM
    return not (subtype == "/Text" and (icon or annotation.get("/AP") is None))


def _is_active(annotation: Dictionary) -> bool:
    """Tell whether an annotation does something: any action but going to a page or a web address."""
    if "/AA" in annotation:
        return True
    action = annotation.get("/A")
    if not isinstance(action, Dictionary):
        return action is not None
    return str(action.get("/S")) not in ("/GoTo", "/URI") or "/Next" in action


def _rect(annotation: Dictionary, page: Dictionary, number: int) -> RectMm | None:
    rect = rectangle_or_none(annotation.get("/Rect"))
    return None if rect is None else _node(page, number).geometry().to_display(rect)


def _node(page: Dictionary, number: int) -> PageNode:
    """Return the page with the nodes above it, for inherited boxes."""
    above: list[Dictionary] = []
    parent = page.get("/Parent")
    while isinstance(parent, Dictionary) and len(above) < MAX_DEPTH:
        above.append(parent)
        parent = parent.get("/Parent")
    return PageNode(number, page, tuple(above))
