"""Writes a signature into a letter as one incremental update, the signature value still empty.

The order of the work: the signature dictionary, the field with its widget and appearance, the page, the form, the
catalog, and the cross-reference section. Encrypted files take the same way, through pyHanko's security handler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.document.opening import reading
from kyso.errors import SigningRefused
from kyso.update.field import empty_field, put_signature_field
from kyso.update.plan import Update
from kyso.update.section import LeanSection
from kyso.update.signature import signature_entries

if TYPE_CHECKING:
    from kyso.document.opening import OpenLetter
    from kyso.update.plan import SignaturePlan
    from kyso.update.section import UpdateSection


def write_update(letter: OpenLetter, plan: SignaturePlan) -> Update:
    """Return the incremental update that adds the planned signature to `letter`.

    :raises SigningRefused: the letter is damaged, or the field cannot be filled.
    :raises InputRefused: an object that has to change is malformed.
    """
    damage = letter.damage
    if damage is not None:
        raise SigningRefused("document.damaged_signed" if letter.signature_count else damage, name=letter.name)
    with reading(letter.name):
        section: UpdateSection
        if letter.is_encrypted:
            from kyso.update.handover import EncryptingSection

            section = EncryptingSection(letter)
        else:
            section = LeanSection(letter)
        signature = section.new()
        field = empty_field(letter, plan.field)
        section.put_signature(signature, signature_entries(letter, plan, field), plan.contents_size)
        name = put_signature_field(letter, plan, section, signature)
        if plan.fills:
            from kyso.update.filling import put_filled_fields

            put_filled_fields(letter, plan.fills, section)
        data, byte_range = section.finish()
    return Update(
        data=data,
        byte_range=byte_range,
        field=name,
        signature_number=letter.signature_count + 1,
        source_identity=letter.source_identity,
    )
