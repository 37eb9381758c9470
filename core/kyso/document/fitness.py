"""Whether a letter can be signed, asked before any key is used (design, rules 2 and 9), and the repair of damaged ones.

What a signature would break is found here: certification, locked fields, forms that redraw themselves. What only has
to be known is a finding without refusal.
"""

from __future__ import annotations

import io
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

_OID_TAG, _SET_TAG, _SEQUENCE_TAG = 0x06, 0x31, 0x30
_MAX_ATTRIBUTES = 1000


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
    if visible and not target.has_area and letter.signature_count:
        # Giving the field a place now would change what the earlier signatures cover.
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
    if not data or data[0] not in (_SET_TAG, _SEQUENCE_TAG):
        return False
    outer = _der_value(data, 0, len(data))
    if outer is None or outer[1] != len(data):
        return False
    position, end = outer
    count = 0
    while position < end:
        attribute = _der_value(data, position, end) if data[position] == _SEQUENCE_TAG else None
        if attribute is None:
            return False
        inner, attribute_end = attribute
        kind = _der_value(data, inner, attribute_end) if inner < attribute_end and data[inner] == _OID_TAG else None
        if kind is None or kind[1] >= attribute_end or data[kind[1]] != _SET_TAG:
            return False
        values = _der_value(data, kind[1], attribute_end)
        if values is None or values[1] != attribute_end:
            return False
        position = attribute_end
        count += 1
        if count > _MAX_ATTRIBUTES:
            return True
    return count > 0


def _der_value(data: bytes, position: int, end: int) -> tuple[int, int] | None:
    """Return start and end of the contents of the DER value at `position`, ``None`` where it is not well formed."""
    if position + 2 > end:
        return None
    length, start = data[position + 1], position + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 8 or start + octets > end:
            return None
        length, start = int.from_bytes(data[start : start + octets], "big"), start + octets
    return (start, start + length) if start + length <= end else None


# --------------------------------------------------------------------------------------------------------- repair


def repair(source: Source, *, password: Secret | None = None, name: str | None = None) -> bytes:
    """Return the document rewritten with a sound structure. What the pages show stays as it was.

    :raises InputRefused: the file is beyond repair, encrypted, or carries a signature, which a rewrite would destroy.
    """
    with open_letter(source, password=password, name=name, repairing=True) as letter, reading(letter.name):
        if letter.is_encrypted:
            raise InputRefused("document.repair_encrypted", name=letter.name)
        if _carries_signature(letter):
            raise InputRefused("document.damaged_signed", name=letter.name)
        if not len(letter.pdf.pages):
            raise InputRefused("document.no_pages", name=letter.name)
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
