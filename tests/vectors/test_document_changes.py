"""Scripts, attachments, layers and fields slipped in after signing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kyso.demo.pki import DemoPki
from tests.vectors.making import (
    add_annotation,
    annotation,
    changes,
    generic,
    pdf_name,
    pdf_string,
    sign,
    signer_of,
    update,
    verify,
)


def _script() -> generic.DictionaryObject:
    return generic.DictionaryObject(
        {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): pdf_string("app.alert(1)")}
    )


def _root_entry(key: str, value: Callable[[Any], Any]) -> Callable[[Any], None]:
    def edit(writer: Any) -> None:
        writer.root[pdf_name(key)] = value(writer)
        writer.update_root()

    return edit


def _names(key: str) -> Callable[[Any], Any]:
    tree = generic.DictionaryObject({pdf_name("/Names"): generic.ArrayObject([pdf_string("x"), _script()])})
    return lambda writer: generic.DictionaryObject({pdf_name(key): writer.add_object(tree)})


def _link_with_script(writer: Any) -> None:
    add_annotation(writer, annotation("/Link", A=_script()))


def _attached_file(writer: Any) -> None:
    add_annotation(writer, annotation("/FileAttachment"))


def _text_field(writer: Any) -> None:
    field = annotation("/Widget", FT=pdf_name("/Tx"), T=pdf_string("New"), V=pdf_string("9.000"))
    reference = writer.add_object(field)
    form = writer.root["/AcroForm"]
    form["/Fields"].append(reference)
    writer.update_container(form["/Fields"])


def _remove_signature(writer: Any) -> None:
    form = writer.root["/AcroForm"]
    del form["/Fields"][0]
    writer.update_container(form["/Fields"])


def _replace_signature_appearance(writer: Any) -> None:
    field = writer.root["/AcroForm"]["/Fields"][0].get_object()
    look = generic.StreamObject({pdf_name("/Subtype"): pdf_name("/Form")}, stream_data=b"0 0 100 100 re f")
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(look)})
    writer.update_container(field)


def _move_signature(writer: Any) -> None:
    field = writer.root["/AcroForm"]["/Fields"][0].get_object()
    field[pdf_name("/Rect")] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 595, 842)))
    writer.update_container(field)


def _change_claimed_time(writer: Any) -> None:
    value = writer.root["/AcroForm"]["/Fields"][0].get_object()["/V"]
    value[pdf_name("/M")] = pdf_string("D:20200101000000Z")
    writer.update_container(value)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (_root_entry("/OpenAction", lambda writer: _script()), "change.script"),
        (_root_entry("/AA", lambda writer: generic.DictionaryObject({pdf_name("/WC"): _script()})), "change.script"),
        (_root_entry("/Names", _names("/JavaScript")), "change.script"),
        (_root_entry("/Names", _names("/EmbeddedFiles")), "change.attachment"),
        (_root_entry("/OCProperties", lambda writer: generic.DictionaryObject()), "change.layers"),
        (_root_entry("/Perms", lambda writer: generic.DictionaryObject()), "change.permissions"),
        (_root_entry("/Kyso", lambda writer: generic.NumberObject(1)), "change.catalog"),
        (_link_with_script, "change.annotation_active"),
        (_attached_file, "change.annotation_active"),
        (_text_field, "change.form_field_added"),
        (_remove_signature, "change.field_removed"),
        (_replace_signature_appearance, "change.signature_appearance"),
        (_move_signature, "change.field_definition"),
        (_change_claimed_time, "change.signature_replaced"),
    ],
)
def test_what_no_rule_allows_is_forbidden_and_named(
    signed_twice: bytes, pki: DemoPki, edit: Callable[[Any], None], code: str
) -> None:
    """Every change that no rule allows makes the letter invalid under its own name."""
    report = verify(update(signed_twice, edit), pki)
    assert report.verdict == "invalid"
    assert report.changes == "forbidden"
    assert code in changes(report)


def test_a_removed_signature_leaves_a_trace(signed: bytes, pki: DemoPki) -> None:
    """Taking the only signature out of form and page does not make the letter merely unsigned."""

    def remove(writer: Any) -> None:
        _remove_signature(writer)
        from tests.vectors.making import page

        page(writer)[pdf_name("/Annots")] = generic.ArrayObject()

    report = verify(update(signed, remove), pki)
    assert report.verdict != "valid"
    assert report.signatures or any(w.code == "verification.stray_signature" for w in report.warnings)


def test_updates_that_only_describe_are_permitted(signed: bytes, pki: DemoPki) -> None:
    """A security store and a PDF version are no change of the letter."""

    def describe(writer: Any) -> None:
        stream = writer.add_object(generic.StreamObject(stream_data=b"x"))
        store = generic.DictionaryObject({pdf_name("/Certs"): generic.ArrayObject([stream])})
        writer.root[pdf_name("/DSS")] = writer.add_object(store)
        writer.root[pdf_name("/Version")] = pdf_name("/2.0")
        writer.update_root()

    report = verify(update(signed, describe), pki)
    assert report.verdict == "valid"
    assert report.changes == "permitted"
    assert {"change.security_store", "change.version"} <= changes(report)


def test_twenty_signatures_are_all_valid(letter_pdf: bytes, pki: DemoPki) -> None:
    """Each of twenty visible signatures sees only permitted changes after it."""
    signer = signer_of(pki)
    data = letter_pdf
    for number in range(20):
        column, row = number % 5, number // 5
        box = (20 + column * 100, 40 + row * 40, 110 + column * 100, 75 + row * 40)
        data = sign(data, signer, f"S{number}", box=box)
    report = verify(data, pki)
    assert report.verdict == "valid"
    assert [s.changes for s in report.signatures] == ["permitted"] * 19 + ["none"]
