"""The signature field: a new one, or an existing empty one that is filled.

Only what has to change is written: the field and its widget, the page or its /Annots, the form or its /Fields, and the
catalog where the form stands in it. Nothing is moved from direct to indirect or back, because reviewers of later
revisions compare structure (ISO 32000-2, 12.8.2.2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pikepdf import Array, Dictionary

from kyso.errors import InputRefused, SigningRefused
from kyso.update.appearance import put_appearance
from kyso.update.objects import array_with, dictionary_with, real, reference, text_string

if TYPE_CHECKING:
    from kyso.document.fields import SignatureField
    from kyso.document.opening import OpenLetter
    from kyso.document.pages import PageNode
    from kyso.geometry import PageGeometry
    from kyso.update.plan import SignaturePlan
    from kyso.update.section import UpdateSection

_PRINT_AND_LOCKED = 4 | 128
_HIDING = 1 | 2 | 32  # Invisible, Hidden, NoView
_SIGNATURES_EXIST_AND_APPEND_ONLY = 3


def put_signature_field(letter: OpenLetter, plan: SignaturePlan, section: UpdateSection, signature: int) -> str:
    """Write the field that holds the signature dictionary `signature`, and return its full name.

    :raises SigningRefused: the name is taken, or the field cannot be filled.
    """
    existing = empty_field(letter, plan.field)
    catalog: dict[str, bytes] = {}
    if plan.certify is not None:
        catalog["/Perms"] = _permissions(letter, signature)
    if existing is not None:
        _fill(letter, plan, section, existing, signature)
        _put_form(letter, section, catalog, None)
        name = existing.name
    else:
        name = plan.field or free_name(letter)
        number = _put_new(letter, plan, section, name, signature)
        _put_form(letter, section, catalog, number)
    if catalog:
        section.put(letter.root.objgen, dictionary_with(letter.root, catalog))
    return name


def empty_field(letter: OpenLetter, name: str | None) -> SignatureField | None:
    """Return the empty signature field called `name`, ``None`` where a new field of that name can be made.

    :raises SigningRefused: a field of that name cannot be signed.
    """
    if name is None:
        return None
    form = letter.form
    for field in form.signature_fields:
        if field.name == name and field.in_form:
            if field.value is not None:
                raise SigningRefused("signing.field_signed", field=name)
            if field.node.objgen == (0, 0) or (field.widget is not None and field.widget.objgen == (0, 0)):
                raise SigningRefused("signing.field_unusable", field=name)
            return field
    if name in form.names or name in form.top_names:
        raise SigningRefused("signing.field_not_for_signatures", field=name)
    if "." in name or not name.strip():
        raise SigningRefused("signing.field_name", field=name)
    return None


def free_name(letter: OpenLetter) -> str:
    """Return the first unused name of the form ``Kyso_0001``.

    Padded, so that no name is the beginning of another: some readers take a lock on ``a1`` for a lock on ``a10``.
    """
    form = letter.form
    taken = form.top_names | {field.name for field in form.signature_fields}
    number = len(form.signature_fields) + 1
    while (name := f"Kyso_{number:04d}") in taken:
        number += 1
    return name


def _put_new(letter: OpenLetter, plan: SignaturePlan, section: UpdateSection, name: str, signature: int) -> int:
    node = letter.page_node(plan.page)
    number = section.new()
    entries = [
        b"/Type /Annot /Subtype /Widget /FT /Sig /F %d /T %b /V %b /P %b"
        % (_PRINT_AND_LOCKED, text_string(name), reference(signature), reference(*_page_id(letter, node)))
    ]
    if plan.alternative_text:
        entries.append(b"/TU " + text_string(plan.alternative_text))
    entries.append(_rect_and_appearance(letter, plan, section, letter.page(plan.page)))
    section.put((number, 0), b"<< " + b" ".join(entries) + b" >>")
    _put_on_page(letter, section, node, number)
    return number


def _fill(
    letter: OpenLetter, plan: SignaturePlan, section: UpdateSection, field: SignatureField, signature: int
) -> None:
    value = {"/V": reference(signature)}
    widget = field.widget
    if widget is None and plan.rect_mm is None:
        section.put(field.node.objgen, dictionary_with(field.node, value))
        return
    if widget is None:
        # A field without any widget becomes its own one.
        node = letter.page_node(plan.page)
        number = field.node.objgen[0]
        shown = _rect_and_appearance(letter, plan, section, letter.page(plan.page))
        source = dictionary_with(
            field.node,
            value
            | {
                "/Type": b"/Annot",
                "/Subtype": b"/Widget",
                "/F": b"%d" % _PRINT_AND_LOCKED,
                "/P": reference(*_page_id(letter, node)),
            },
            without=("/Rect", "/AP", "/Kids"),
        )
        section.put(field.node.objgen, source[:-2] + shown + b" >>")
        _put_on_page(letter, section, node, number)
        return
    entries: dict[str, bytes] = {}
    flags = widget.get("/F") if "/F" in widget else 0
    flags = (flags if isinstance(flags, int) else 0) | _PRINT_AND_LOCKED
    if plan.appearance is not None and field.page is not None:
        geometry = letter.page(field.page)
        form = put_appearance(letter, section, plan.appearance, geometry.upright_matrix)
        entries["/AP"] = b"<< /N %b >>" % reference(form)
        flags &= ~_HIDING
        if not field.has_area and plan.rect_mm is not None:
            entries["/Rect"] = _rectangle(plan, geometry)
    entries["/F"] = b"%d" % flags
    if widget.objgen == field.node.objgen:
        section.put(widget.objgen, dictionary_with(widget, value | entries))
    else:
        section.put(field.node.objgen, dictionary_with(field.node, value))
        # poppler looks for /V in the widget alone; the same reference in both harms no one.
        section.put(widget.objgen, dictionary_with(widget, value | entries))


def _rect_and_appearance(
    letter: OpenLetter, plan: SignaturePlan, section: UpdateSection, geometry: PageGeometry
) -> bytes:
    if plan.rect_mm is None or plan.appearance is None:
        return b"/Rect [ 0 0 0 0 ]"
    form = put_appearance(letter, section, plan.appearance, geometry.upright_matrix)
    return b"/Rect %b /AP << /N %b >>" % (_rectangle(plan, geometry), reference(form))


def _rectangle(plan: SignaturePlan, geometry: PageGeometry) -> bytes:
    assert plan.rect_mm is not None
    return b"[ %b ]" % b" ".join(map(real, geometry.to_user(plan.rect_mm)))


def _put_on_page(letter: OpenLetter, section: UpdateSection, node: PageNode, widget: int) -> None:
    """List the widget in the page's /Annots, in the array's own object where it has one."""
    untouched = letter.signature_count == 0
    entry, changes = reference(widget), {}
    array = node.page.get("/Annots") if "/Annots" in node.page else None
    if not isinstance(array, Array):
        changes["/Annots"] = b"[ " + entry + b" ]"
    elif array.objgen == (0, 0):
        changes["/Annots"] = array_with(array, entry, clean=untouched)
    else:
        section.put(array.objgen, array_with(array, entry, clean=untouched))
    if untouched and node.page.get("/Type") != "/Page":
        changes["/Type"] = b"/Page"  # pyHanko takes a page without it for no page
    if changes:
        section.put(_page_id(letter, node), dictionary_with(node.page, changes))


def _page_id(letter: OpenLetter, node: PageNode) -> tuple[int, int]:
    if node.object_id == (0, 0):
        raise InputRefused("document.damaged", name=letter.name)
    return node.object_id


def _put_form(letter: OpenLetter, section: UpdateSection, catalog: dict[str, bytes], new_field: int | None) -> None:
    """Add the field to the form and set /SigFlags; what changes in the catalog is left in `catalog`."""
    acroform = letter.form.acroform
    if acroform is None:
        assert new_field is not None
        number = section.new()
        section.put((number, 0), b"<< /Fields [ %b ] /SigFlags 3 >>" % reference(new_field))
        catalog["/AcroForm"] = reference(number)
        return
    entries: dict[str, bytes] = {}
    if new_field is not None:
        untouched = letter.signature_count == 0
        fields = acroform.get("/Fields") if "/Fields" in acroform else None
        if not isinstance(fields, Array):
            entries["/Fields"] = b"[ %b ]" % reference(new_field)
        elif fields.objgen == (0, 0):
            entries["/Fields"] = array_with(fields, reference(new_field), clean=untouched)
        else:
            section.put(fields.objgen, array_with(fields, reference(new_field), clean=untouched))
    flags = acroform.get("/SigFlags") if "/SigFlags" in acroform else 0
    flags = flags if isinstance(flags, int) else 0
    if flags & _SIGNATURES_EXIST_AND_APPEND_ONLY != _SIGNATURES_EXIST_AND_APPEND_ONLY:
        entries["/SigFlags"] = b"%d" % (flags | _SIGNATURES_EXIST_AND_APPEND_ONLY)
    if not entries:
        return
    source = dictionary_with(acroform, entries)
    if acroform.objgen == (0, 0):
        catalog["/AcroForm"] = source
    else:
        section.put(acroform.objgen, source)


def _permissions(letter: OpenLetter, signature: int) -> bytes:
    """Return /Perms with the certification in it (ISO 32000-2, 12.8.6)."""
    root = letter.root
    permissions = root.get("/Perms") if "/Perms" in root else None
    existing = permissions if isinstance(permissions, Dictionary) else Dictionary()
    return dictionary_with(existing, {"/DocMDP": reference(signature)})
