"""Changes to the form: new signatures, filled fields, and what only looks like them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pikepdf import Array, Dictionary, Name, Object, Stream

from kyso.document.fields import text_or_none
from kyso.document.pages import rectangle_or_none
from kyso.frozen import dataclass
from kyso.verification.comparison import DIRECT, Entries, identity_of
from kyso.verification.report import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    from kyso.document.pages import ObjectId
    from kyso.verification.comparison import Comparison
    from kyso.verification.report import Changes

MAX_DEPTH: Final = 64

_FORM_ADDED: Final = frozenset({"/Fields", "/SigFlags", "/DR", "/DA", "/NeedAppearances"})
_FILLING_KEYS: Final = frozenset(
    {"/V", "/AP", "/AS", "/F", "/MK", "/BS", "/Border", "/M", "/P", "/TU", "/DA", "/StructParent", "/NM", "/Lock"}
)
_VALUE_KEYS: Final = frozenset({"/V", "/AP", "/AS", "/I", "/RV", "/M", "/MK", "/DA", "/NM"})
_DESCRIPTIVE_KEYS: Final = frozenset({"/P", "/StructParent", "/TU", "/NM"})
ACTIVE_KEYS: Final = frozenset({"/A", "/AA"})
_READ_ONLY: Final = 1
_HIDDEN, _PRINTED, _NO_VIEW = 2, 4, 32


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What fields take from their parents (ISO 32000-2, 12.7.4.1)."""

    name: str = ""
    kind: str = ""
    value: object = None

    def of(self, field: Dictionary) -> _Inherited:
        partial = text_or_none(field.get("/T"))
        name = self.name if partial is None else f"{self.name}.{partial}" if self.name else partial
        kind = field.get("/FT")
        value = field.get("/V")
        return _Inherited(
            name, str(kind) if isinstance(kind, Name) else self.kind, self.value if value is None else value
        )


class FormReview:
    """Judges one pair of revisions; findings are appended to `changes`."""

    def __init__(
        self,
        comparison: Comparison,
        changes: list[Change],
        page_numbers: dict[ObjectId, int],
        field_names: set[str],
        used_elsewhere: Callable[[Object], bool],
        existed: Callable[[ObjectId], bool],
    ) -> None:
        # Read by the review of annotations, which comes after.
        self.new_ids: set[ObjectId] = set()
        self.filled_ids: set[ObjectId] = set()
        self._existed = existed
        self._used_elsewhere = used_elsewhere
        self._field_names = field_names
        self._comparison = comparison
        self._changes = changes
        self._pages = page_numbers
        self._awaiting_place: dict[ObjectId, Change] = {}
        self.reviewed: set[ObjectId] = set()

    def _add(self, code: str, severity: Changes, page: int | None = None, **parameters: Any) -> None:
        self._changes.append(Change(code, severity, parameters, page))

    def take_waiting(self, identity: ObjectId) -> Change | None:
        """Return the change of a new field that waited for a page to show its widget `identity`, once."""
        return self._awaiting_place.pop(identity, None)

    def finish(self) -> None:
        """Report new fields that no page shows."""
        self._changes.extend(self._awaiting_place.values())
        self._awaiting_place.clear()

    # ------------------------------------------------------------------------------------------------- the form

    def review(self, before: object, after: object) -> None:
        """Compare the form dictionaries."""
        if isinstance(after, Stream) or not isinstance(after, Dictionary):
            self._add("change.form_removed", "forbidden")
            return
        old = before if isinstance(before, Dictionary) else Dictionary()
        self._review_fields(Entries(old.get("/Fields")), Entries(after.get("/Fields")), _Inherited(), _Inherited(), 0)
        for key in self._comparison.changed_keys(old, after):
            first: object = old.get(key)
            second: object = after.get(key)
            if key == "/Fields":
                continue
            if key == "/SigFlags":
                kept = isinstance(second, int) and (not isinstance(first, int) or first & ~second == 0)
                self._add("change.form_flags", "permitted" if kept else "forbidden")
            elif key == "/DR":
                grown = self._resources_grown(first, second)
                self._add("change.form_resources", "permitted" if grown else "forbidden")
            elif key == "/NeedAppearances":
                self._add("change.form_appearances", "form_filling" if second is True else "permitted")
            elif key in _FORM_ADDED and first is None:
                self._add("change.form_resources", "permitted")
            else:
                self._add("change.form_entry", "forbidden", key=key)

    def _resources_grown(self, old: object, new: object) -> bool:
        """Tell whether the form's resources only gained entries (ISO 32000-2, table 34)."""
        if old is None:
            return isinstance(new, Dictionary)
        if not isinstance(old, Dictionary) or not isinstance(new, Dictionary):
            return False
        for key in self._comparison.changed_keys(old, new):
            first, second = old.get(key), new.get(key)
            if first is None:
                continue
            if not isinstance(first, Dictionary) or not isinstance(second, Dictionary) or isinstance(first, Stream):
                return False
            if any(first.get(name) is not None for name in self._comparison.changed_keys(first, second)):
                return False
        return True

    # ------------------------------------------------------------------------------------------------ the fields

    def _review_fields(
        self, old: Entries, new: Entries, above_old: _Inherited, above_new: _Inherited, depth: int
    ) -> None:
        if depth > MAX_DEPTH:
            self._add("change.form_too_deep", "forbidden")
            return
        for key in old.keys:
            if key not in new:
                self._add("change.field_removed", "forbidden", field=_name_of(old[key], above_old))
            elif self._comparison.may_differ(key):
                self._review_field(old[key], new[key], above_old, above_new, depth)
        for key in new.keys:
            if key in old:
                continue
            item = new[key]
            name = _name_of(item, above_new)
            if name in self._field_names:
                self._add("change.field_duplicate", "forbidden", field=name)
            elif name:
                self._field_names.add(name)
            self._new_field(item, above_new, depth)

    def _review_field(self, old: Object, new: Object, above_old: _Inherited, above_new: _Inherited, depth: int) -> None:
        if old.objgen != DIRECT:
            if old.objgen in self.reviewed:
                return
            self.reviewed.add(old.objgen)
        if not isinstance(old, Dictionary) or not isinstance(new, Dictionary) or isinstance(new, Stream):
            self._add("change.field_removed", "forbidden", field=_name_of(old, above_old))
            return
        before, after = above_old.of(old), above_new.of(new)
        changed = set(self._comparison.changed_keys(old, new))
        old_kids, new_kids = _items(old.get("/Kids")), _items(new.get("/Kids"))
        if any(isinstance(kid, Dictionary) and "/T" in kid for kid in old_kids):
            self._review_fields(Entries(old.get("/Kids")), Entries(new.get("/Kids")), before, after, depth + 1)
            for key in sorted(changed - {"/Kids"} - _described(old)):
                self._add("change.field_definition", "forbidden", field=before.name, key=key)
            return
        page = self._page_of(new, new_kids)
        if ("/Kids" in old) != ("/Kids" in new):
            # Even an empty array makes some readers take a field for a mere parent: its signature is gone for them.
            self._add("change.field_definition", "forbidden", page, field=before.name, key="/Kids")
        if before.kind == "/Sig" and after.kind == "/Sig":
            self._review_signature_field(old, new, before, after, changed, page)
        elif before.kind == after.kind:
            self._review_value_field(old, new, before, changed, page)
        else:
            self._add("change.field_definition", "forbidden", page, field=before.name, key="/FT")
        self._review_widgets(old_kids, new_kids, before, after, page)

    def _review_signature_field(
        self,
        old: Dictionary,
        new: Dictionary,
        before: _Inherited,
        after: _Inherited,
        changed: set[str],
        page: int | None,
    ) -> None:
        filled = before.value is None and isinstance(after.value, Dictionary)
        rest = changed - {"/Kids"}
        if filled:
            kids = [kid for kid in _items(new.get("/Kids")) if isinstance(kid, Dictionary)]
            self._add_signature(after, page, kids or [new], existing=True)
            self._review_old_appearance(old, before, changed, page)
            allowed = _FILLING_KEYS
        else:
            allowed = _described(old)
        for key in sorted(rest - allowed):
            if key == "/V":
                code = "change.signature_removed" if after.value is None else "change.signature_replaced"
            elif key in ("/AP", "/AS", "/F", "/MK"):
                code = "change.signature_appearance"
            else:
                code = "change.field_definition"
            self._add(code, "forbidden", page, field=before.name, key=key)

    def _review_old_appearance(self, old: Dictionary, before: _Inherited, changed: set[str], page: int | None) -> None:
        """Refuse a new appearance where the old one also served outside the form: a drawing kept for another use."""
        appearance = old.get("/AP") if "/AP" in changed else None
        if isinstance(appearance, Dictionary) and self._used_elsewhere(appearance):
            self._add("change.appearance_shared", "forbidden", page, field=before.name)

    def _review_value_field(
        self, old: Dictionary, new: Dictionary, before: _Inherited, changed: set[str], page: int | None
    ) -> None:
        rest = changed - {"/Kids"} - _described(old)
        if "/Ff" in rest and _only_locked(old.get("/Ff"), new.get("/Ff")):
            rest.discard("/Ff")
            self._add("change.field_locked", "permitted", page, field=before.name)
        for key in sorted(rest - _VALUE_KEYS):
            code = "change.script" if key in ACTIVE_KEYS else "change.field_definition"
            self._add(code, "forbidden", page, field=before.name, key=key)
        values = rest & _VALUE_KEYS
        if not values:
            return
        if "/AP" in values and "/V" not in values and "/AS" not in values and old.get("/AP") is not None:
            # The value says one thing, the drawing now another: the shadow attack on form fields.
            self._add("change.field_appearance", "forbidden", page, field=before.name)
        else:
            self._add("change.field_filled", "form_filling", page, field=before.name)

    def _review_widgets(
        self, old: list[Object], new: list[Object], before: _Inherited, after: _Inherited, page: int | None
    ) -> None:
        """Compare the widgets of a field that stand apart from it."""
        if [identity_of(kid) for kid in old] != [identity_of(kid) for kid in new]:
            self._add("change.field_definition", "forbidden", page, field=before.name, key="/Kids")
            return
        for first, second in zip(old, new, strict=True):
            if not self._comparison.touched(first):
                continue
            if first.objgen in self.reviewed and first.objgen != DIRECT:
                continue
            self.reviewed.add(first.objgen)
            if not isinstance(first, Dictionary) or not isinstance(second, Dictionary) or isinstance(second, Stream):
                self._add("change.field_removed", "forbidden", page, field=before.name)
                continue
            changed = set(self._comparison.changed_keys(first, second)) - _described(first)
            if not changed:
                continue
            if before.kind == "/Sig":
                self._review_old_appearance(first, before, changed, page)
                allowed = _FILLING_KEYS if before.value is None and after.value is not None else frozenset()
                code, fine = "change.signature_appearance", "permitted"
            else:
                unchanged = self._comparison.same(before.value, after.value, "/V")
                drawn_anew = "/AP" in changed and "/AS" not in changed and first.get("/AP") is not None
                allowed = frozenset() if unchanged and drawn_anew else _VALUE_KEYS
                code, fine = "change.field_appearance", "form_filling"
            if changed - allowed:
                self._add(code, "forbidden", page, field=before.name)
            elif fine == "form_filling":
                self._add("change.field_filled", "form_filling", page, field=before.name)

    def _new_field(self, item: Object, above: _Inherited, depth: int) -> None:
        if depth > MAX_DEPTH or not isinstance(item, Dictionary) or isinstance(item, Stream):
            self._add("change.form_too_deep", "forbidden")
            return
        inherited = above.of(item)
        kids = _items(item.get("/Kids"))
        if item.objgen != DIRECT:
            if item.objgen in self.new_ids:
                return
            self.new_ids.add(item.objgen)
        if any(isinstance(kid, Dictionary) and "/T" in kid for kid in kids):
            for kid in kids:
                self._new_field(kid, inherited, depth + 1)
            return
        if inherited.kind != "/Sig":
            self._add("change.form_field_added", "forbidden", field=inherited.name)
            return
        widgets = [kid for kid in kids if isinstance(kid, Dictionary)] or [item]
        if any(key in part for part in (item, *widgets) for key in ACTIVE_KEYS):
            self._add("change.script", "forbidden", field=inherited.name)
        if any(widget.get("/Subtype", Name.Widget) != Name.Widget for widget in widgets):
            # A note that calls itself part of a signature would be taken for its stamp.
            self._add("change.form_field_added", "forbidden", field=inherited.name)
        change = self._signature_change(inherited, None, widgets, existing=False)
        if not isinstance(inherited.value, Dictionary) and any(map(_draws, widgets)):
            change = replace(change, code="change.unsigned_field_drawn", severity="annotations")
        for widget in widgets:
            if widget.objgen != DIRECT:
                self.new_ids.add(widget.objgen)
        self._awaiting_place[widgets[0].objgen] = change

    def _add_signature(self, field: _Inherited, page: int | None, widgets: list[Dictionary], *, existing: bool) -> None:
        self._changes.append(self._signature_change(field, page, widgets, existing=existing))
        self.filled_ids.update(widget.objgen for widget in widgets)

    def _signature_change(
        self, field: _Inherited, page: int | None, widgets: list[Dictionary], *, existing: bool
    ) -> Change:
        parameters = {
            "field": field.name,
            "visible": not existing and any(map(is_visible, widgets)),
            "existing": existing,
        }
        if not isinstance(field.value, Dictionary):
            return Change("change.signature_field_added", "permitted", parameters, page)
        if field.value.objgen != DIRECT and self._existed(field.value.objgen):
            # The stamp of a person who signed something else: one signature shown in a second place.
            return Change("change.signature_borrowed", "forbidden", parameters, page)
        if field.value.get("/SubFilter") != Name("/ETSI.RFC3161"):
            return Change("change.signature_added", "permitted", parameters, page)
        if any(map(_draws, widgets)):
            # Anybody can get a timestamp, so nobody vouches for what its field draws.
            return Change("change.timestamp_drawn", "annotations", parameters, page)
        return Change("change.timestamp_added", "permitted", parameters, page)

    def _page_of(self, field: Dictionary, kids: list[Object]) -> int | None:
        for part in (field, *kids):
            page = part.get("/P") if isinstance(part, Dictionary) else None
            if isinstance(page, Dictionary) and page.objgen in self._pages:
                return self._pages[page.objgen]
        return None


def _items(value: object) -> list[Object]:
    if not isinstance(value, Array):
        return []
    return [item for item in value.as_list() if isinstance(item, Object)]


def _described(old: Dictionary) -> frozenset[str]:
    """Return the keys that may be added to say more about a field; what was said before stays as it was."""
    return frozenset(key for key in _DESCRIPTIVE_KEYS if key not in old)


def _name_of(item: Object, above: _Inherited) -> str:
    return above.of(item).name if isinstance(item, Dictionary) else above.name


def _only_locked(old: object, new: object) -> bool:
    before = old if isinstance(old, int) else 0
    return isinstance(new, int) and new == before | _READ_ONLY


def is_visible(widget: Dictionary) -> bool:
    rect = rectangle_or_none(widget.get("/Rect"))
    flags = widget.get("/F")
    # What is not viewed may still be printed (ISO 32000-2, table 167).
    hidden = isinstance(flags, int) and bool(flags & _HIDDEN or (flags & _NO_VIEW and not flags & _PRINTED))
    return rect is not None and rect[0] < rect[2] and rect[1] < rect[3] and not hidden


def _draws(widget: Dictionary) -> bool:
    """Tell whether a widget shows anything of its own: an appearance with content, or a coloured ground."""
    appearance = widget.get("/AP")
    normal = appearance.get("/N") if isinstance(appearance, Dictionary) else None
    if not is_visible(widget):
        return False
    if normal is None:
        ground = widget.get("/MK")
        return isinstance(ground, Dictionary) and bool({"/BG", "/CA", "/I"} & set(ground.keys()))
    return not isinstance(normal, Stream) or bool(normal.read_raw_bytes().strip())
