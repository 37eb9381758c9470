"""Fills text fields in the same update that signs: a value, and the appearance that shows it.

Nothing is added to the page: the fields were there before the first signature, and a certification that permits form
filling permits this (ISO 32000-2, 12.8.2.2.2, table 257).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.errors import SigningRefused
from kyso.update.appearance import put_appearance
from kyso.update.objects import dictionary_with, reference, text_string

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.document.opening import OpenLetter
    from kyso.update.plan import FilledField
    from kyso.update.section import UpdateSection


def put_filled_fields(letter: OpenLetter, fills: Iterable[FilledField], section: UpdateSection) -> None:
    """Write the fields with their values.

    :raises SigningRefused: there is no such field, or it cannot be filled without changing what others signed.
    """
    fillable = {info.name for info in letter.text_fields if info.fillable}
    fields = {field.name: field for field in letter.form.text_fields}
    written: dict[str, int] = {}
    for fill in fills:
        if fill.field not in fillable:
            raise SigningRefused("signing.text_field_unusable", field=fill.field)
        field = fields[fill.field]
        assert field.page is not None
        matrix = letter.page(field.page).upright_matrix
        form = put_appearance(letter, section, fill.appearance, matrix, written)
        entries = {"/V": text_string(fill.value), "/AP": b"<< /N %b >>" % reference(form)}
        section.put(field.node.objgen, dictionary_with(field.node, entries))
