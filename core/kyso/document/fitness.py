"""Whether a letter can be signed, asked before any key is used (design, rules 2 and 9), and the repair of damaged ones.

What a signature would break is found here: certification, locked fields, forms that redraw themselves. What only has
to be known is a finding without refusal.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Literal

import pikepdf

from kyso.contracts import Finding
from kyso.document.opening import open_letter, reading
from kyso.document.seed import seed_value_findings
from kyso.errors import InputRefused, SigningRefused
from kyso.update.field import empty_field, free_name

if TYPE_CHECKING:
    from kyso.document.fields import SignatureField
    from kyso.document.opening import OpenLetter
    from kyso.models import Source
    from kyso.secret import Secret

_LARGEST_PAGE_OBJECT = 256 * 1024
_REFERENCE = re.compile(rb"(?<![\w.+-])(\d{1,9})\s+\d{1,5}\s+R(?!\w)")


def check_fitness(
    letter: OpenLetter,
    *,
    field: str | None,
    visible: bool,
    certify: Literal[1, 2, 3] | None = None,
    subfilter: str = "ETSI.CAdES.detached",
    digest: str | None = None,
    reason: str | None = None,
) -> list[Finding]:
    """Return what speaks against signing `letter` so, and what the person should know.

    :param field: the empty field to fill, or the name of a new one, or ``None``.
    :param visible: whether the signature shows on the page.
    :param certify: DocMDP permission of a certification signature.
    :param subfilter: /SubFilter that will be written, for fields that insist on one.
    :param digest: digest algorithm that will be used, for fields that insist on one.
    :param reason: /Reason that will be written, for fields that insist on one.
    :return: findings; those with `refuse` set forbid the signature.
    :raises InputRefused: the letter's structure is damaged.
    """
    damage = letter.damage
    if damage is not None:
        return [_refusal("document.damaged_signed" if letter.signature_count else damage, name=letter.name)]
    with reading(letter.name):
        if letter.page_count == 0:
            return [_refusal("document.no_pages", name=letter.name)]
        if letter.form.is_cyclic:
            return [_refusal("document.form_cyclic", name=letter.name)]
        try:
            target = empty_field(letter, field)
        except SigningRefused as error:
            return [_refusal(error.code, **error.parameters)]
        findings = [
            *_certification(letter, target, visible=visible, certify=certify),
            *_locks(letter, target, field),
            *_form(letter),
        ]
        if target is not None:
            findings.extend(_place(letter, target, visible=visible))
            findings.extend(
                seed_value_findings(target, subfilter=subfilter, digest=digest, reason=reason, certify=certify)
            )
        if letter.is_encrypted and not (letter.pdf.allow.modify_form or letter.pdf.allow.modify_annotation):
            findings.append(Finding("signing.permissions", {"name": letter.name}))
    return findings


def _certification(
    letter: OpenLetter, target: SignatureField | None, *, visible: bool, certify: int | None
) -> list[Finding]:
    level = letter.docmdp
    if level == 1:
        return [_refusal("signing.certified_no_changes", name=letter.name)]
    if certify is not None and letter.signature_count:
        return [_refusal("signing.certify_not_first", name=letter.name)]
    if level is not None and target is None and visible:
        names = _empty_fields(letter)
        code = "signing.certified_no_new_field" if names else "signing.certified_no_field_left"
        return [_refusal(code, name=letter.name, fields=names)]
    return []


def _locks(letter: OpenLetter, target: SignatureField | None, field: str | None) -> list[Finding]:
    locks = letter.field_locks
    if not locks:
        return []
    if target is not None:
        by = [lock.signed_by for lock in locks if lock.locks(target.name)]
        return [_refusal("signing.field_locked", field=target.name, signed_by=by)] if by else []
    # "All" and "Exclude" freeze fields that do not exist yet, too: reviewers reject a new one, seen or unseen.
    name = field or free_name(letter)
    by = [lock.signed_by for lock in locks if lock.locks(name)]
    if not by:
        return []
    open_fields = [empty for empty in _empty_fields(letter) if not any(lock.locks(empty) for lock in locks)]
    return [_refusal("signing.fields_locked", fields=open_fields, signed_by=by)]


def _place(letter: OpenLetter, target: SignatureField, *, visible: bool) -> list[Finding]:
    astray = target.widget is not None and target.page is None
    if visible and (astray or (not target.has_area and letter.signature_count)):
        # A widget on no page shows nothing, and giving a field a place changes what earlier signatures cover.
        return [_refusal("signing.field_without_place", field=target.name)]
    if letter.signature_count and target.widget is not None and target.widget.objgen != target.node.objgen:
        # Filling it changes the widget beside the field: pyHanko calls that an illegitimate change after a signature,
        # and without the change poppler does not see the new one.
        return [_refusal("signing.field_split", field=target.name)]
    return []


def _form(letter: OpenLetter) -> list[Finding]:
    findings = []
    acroform = letter.form.acroform
    if acroform is not None and "/XFA" in acroform:
        dynamic: object = letter.root.get("/NeedsRendering")
        if dynamic is True:
            # The pages are drawn from the XFA template when the file is opened: what is signed is not what is read.
            return [_refusal("signing.xfa_dynamic", name=letter.name)]
        findings.append(Finding("signing.xfa_static", {"name": letter.name}))
    permissions = letter.root.get("/Perms")
    if isinstance(permissions, pikepdf.Dictionary) and ("/UR3" in permissions or "/UR" in permissions):
        findings.append(Finding("signing.usage_rights", {"name": letter.name}))
    return findings


def _empty_fields(letter: OpenLetter) -> list[str]:
    return [field.name for field in letter.form.signature_fields if field.value is None and field.in_form]


def _refusal(code: str, /, **parameters: object) -> Finding:
    return Finding(code, parameters, refuse=True)


# --------------------------------------------------------------------------------------------------------- rule 9


def could_be_signed_attributes(data: bytes) -> bool:
    """Tell whether detached `data` could pass for CMS signed attributes: a DER SET or SEQUENCE OF Attribute.

    A signature value over such data, made without signed attributes, would also be one over any content that the
    attributes name, because RFC 5652, 5.4 hashes either the content or the attributes and nothing tells which. A letter
    begins with ``%PDF`` and never can; the question is for bytes of any other kind before they are signed, and for the
    verifier, which rejects a signature without signed attributes over such data.
    """
    from kyso.cms.read import is_attribute_set

    # The attributes are hashed as a SET; the tag of a SEQUENCE or of their place in SignerInfo is one byte away.
    return data[:1] in (b"\x30", b"\x31", b"\xa0") and is_attribute_set(b"\x31" + data[1:])


# --------------------------------------------------------------------------------------------------------- repair


def repair(source: Source, *, password: Secret | None = None, name: str | None = None) -> bytes:
    """Return the document rewritten with a sound structure. What the pages show stays as it was.

    :raises InputRefused: the file is beyond repair (a page has lost what it shows), encrypted, or carries a signature,
        which a rewrite would destroy.
    """
    with open_letter(source, password=password, name=name, repairing=True) as letter, reading(letter.name):
        if letter.is_encrypted:
            raise InputRefused("document.repair_encrypted", name=letter.name)
        if _carries_signature(letter):
            raise InputRefused("document.damaged_signed", name=letter.name)
        if letter.page_count == 0:
            raise InputRefused("document.no_pages", name=letter.name)
        if _lost_content(letter):
            raise InputRefused("document.beyond_repair", name=letter.name)
        rewritten = io.BytesIO()
        letter.pdf.save(rewritten, fix_metadata_version=False)
        return rewritten.getvalue()


def _carries_signature(letter: OpenLetter) -> bool:
    """Look at every object, not only at the form: a damaged file may have lost the way to its signatures."""
    if letter.signature_count:
        return True
    for item in letter.pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and "/ByteRange" in item and "/Contents" in item:
            return True
    return False


def _lost_content(letter: OpenLetter) -> bool:
    """Tell whether the damaged file was cut: in the middle of an object, or so that a page refers to a lost one.

    Such a file would be repaired into blank pages. The references are read from the raw bytes, for the parser shows a
    lost object as nothing at all.
    """
    table = letter.pdf.get_xref_table()
    last = max((entry.offset for entry in table.values() if entry.offset is not None), default=0)
    if b"endobj" not in letter.read_at(last + letter.header_offset, letter.size):
        return True
    numbers = {number for number, _ in table}
    for page in range(1, letter.page_count + 1):
        entry = table.get(letter.page_node(page).object_id)
        if entry is None or entry.offset is None:
            continue
        source = letter.read_at(entry.offset + letter.header_offset, _LARGEST_PAGE_OBJECT)
        referred = _REFERENCE.findall(source.partition(b"endobj")[0])
        if any(int(number) not in numbers for number in referred):
            return True
    return False
