"""The signature dictionary (ISO 32000-2, 12.8.1; ETSI EN 319 142-1, 5.3 and 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pikepdf import Dictionary

from kyso.document.permissions import read_lock
from kyso.update.objects import date_string, reference, text_string

if TYPE_CHECKING:
    from kyso.document.fields import SignatureField
    from kyso.document.opening import OpenLetter
    from kyso.update.plan import SignaturePlan


def signature_entries(letter: OpenLetter, plan: SignaturePlan, field: SignatureField | None) -> bytes:
    """Return the entries of the signature dictionary without /ByteRange and /Contents.

    :param field: the existing field that is filled; its /Lock becomes part of what is signed.
    """
    entries = [
        b"/Type /Sig /Filter /Adobe.PPKLite /SubFilter /%b /M %b"
        % (plan.subfilter.encode("ascii"), date_string(plan.signed_at))
    ]
    for key, text in ((b"/Name ", plan.signer_name), (b"/Reason ", plan.reason), (b"/Location ", plan.location)):
        if text:
            entries.append(key + text_string(text))
    if plan.policy:
        entries.append(b"/KYSO_Policy " + text_string(plan.policy))
    references = []
    if plan.certify is not None:
        references.append(
            b"<< /Type /SigRef /TransformMethod /DocMDP"
            b" /TransformParams << /Type /TransformParams /P %d /V /1.2 >> >>" % plan.certify
        )
    if field is not None and (frozen := _field_lock_reference(letter, field)) is not None:
        references.append(frozen)
    if references:
        entries.append(b"/Reference [ " + b" ".join(references) + b" ]")
    entries.append(b"/Prop_Build << /App << /Name /kyso >> >> ")
    return b" ".join(entries)


def _field_lock_reference(letter: OpenLetter, field: SignatureField) -> bytes | None:
    """Return the FieldMDP reference that a signature in a field with /Lock must carry (ISO 32000-2, 12.7.5.5)."""
    lock = field.node.get("/Lock") if "/Lock" in field.node else None
    frozen = read_lock(lock, field.name) if isinstance(lock, Dictionary) else None
    if frozen is None:
        return None
    names = b""
    if frozen.action != "All":
        names = b" /Fields [ " + b" ".join(map(text_string, frozen.fields)) + b" ]"
    return (
        b"<< /Type /SigRef /TransformMethod /FieldMDP /Data %b"
        b" /TransformParams << /Type /TransformParams /Action /%b%b /V /1.2 >> >>"
        % (reference(*letter.root.objgen), frozen.action.encode("ascii"), names)
    )
