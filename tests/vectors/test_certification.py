"""Attacks on certified letters (evil annotation, sneaky signature), DocMDP and FieldMDP."""

from __future__ import annotations

import pytest
from pyhanko.sign import fields

from kyso.demo.pki import LEADER, DemoPki, issue, make_root
from tests.vectors.making import (
    add_annotation,
    annotation,
    changes,
    generic,
    pdf_name,
    sign,
    signer_for,
    signer_of,
    update,
    verify,
)


def test_a_certified_letter_is_a_certification(certified: bytes, pki: DemoPki) -> None:
    """The signature that /Perms names is reported as a certification and is valid."""
    report = verify(certified, pki)
    assert report.verdict == "valid"
    assert report.signatures[0].kind == "certification"


@pytest.mark.parametrize("subtype", ["/FreeText", "/Stamp", "/Square"])
def test_an_annotation_on_a_certified_letter_is_forbidden(certified: bytes, pki: DemoPki, subtype: str) -> None:
    """Evil annotation: where the certification does not allow notes, one is a forbidden change."""
    report = verify(update(certified, lambda writer: add_annotation(writer, annotation(subtype))), pki)
    assert report.changes == "forbidden"
    assert report.verdict == "invalid"


def test_an_annotation_after_an_approval_is_undetermined(signed: bytes, pki: DemoPki) -> None:
    """A note after an approval signature is shown with its page and rectangle, and the letter is not simply valid."""
    report = verify(update(signed, lambda writer: add_annotation(writer, annotation("/FreeText"))), pki)
    assert report.changes == "annotations"
    assert report.verdict == "undetermined"
    (change,) = (change for change in report.signatures[0].change_list if change.code == "change.annotation_added")
    assert change.page == 1
    assert change.rect_mm is not None


def test_a_note_that_the_certification_allows_is_not_held_against_it(certified_for_notes: bytes, pki: DemoPki) -> None:
    """DocMDP 3 allows a sticky note: it is listed, and the letter stays valid."""
    report = verify(update(certified_for_notes, lambda writer: add_annotation(writer, annotation("/Text"))), pki)
    assert report.changes == "annotations"
    assert report.verdict == "valid"


def test_a_note_that_covers_text_is_never_valid(certified_for_notes: bytes, pki: DemoPki) -> None:
    """Evil annotation within DocMDP 3: what can write over the page makes the letter undetermined at least."""
    report = verify(update(certified_for_notes, lambda writer: add_annotation(writer, annotation("/FreeText"))), pki)
    assert report.verdict != "valid"


def test_a_sneaky_visible_signature_is_forbidden(certified: bytes, pki: DemoPki) -> None:
    """A new visible signature field on a certified letter draws on the page under the guise of signing."""
    stranger = issue(make_root(), LEADER)
    report = verify(sign(certified, signer_for(stranger), "Sneaky", box=(0, 200, 595, 600)), pki)
    assert report.signatures[0].changes == "forbidden"
    assert report.verdict == "invalid"


def test_signing_the_empty_field_of_a_certified_letter_is_permitted(letter_pdf: bytes, pki: DemoPki) -> None:
    """A field that was there when the letter was certified may be signed."""

    def prepare(writer: object) -> None:
        fields.append_signature_field(writer, fields.SigFieldSpec("Seal", box=(240, 80, 340, 180)))  # type: ignore[arg-type]

    certified = sign(update(letter_pdf, prepare), signer_of(pki), certify=fields.MDPPerm.FILL_FORMS)
    report = verify(sign(certified, signer_of(pki, "seal"), "Seal"), pki)
    assert report.changes == "permitted"
    assert report.verdict == "valid"


def test_nothing_may_follow_a_certification_that_forbids_all(letter_pdf: bytes, pki: DemoPki) -> None:
    """DocMDP 1 permits no further signature."""
    certified = sign(letter_pdf, signer_of(pki), certify=fields.MDPPerm.NO_CHANGES)
    assert verify(certified, pki).verdict == "valid"

    def field(writer: object) -> None:
        fields.append_signature_field(writer, fields.SigFieldSpec("Seal", box=(240, 80, 340, 180)))  # type: ignore[arg-type]

    report = verify(update(certified, field), pki)
    assert report.verdict == "invalid"
    assert "change.signature_field_added" in changes(report)


def test_a_signature_that_hides_the_page_is_not_simply_permitted(signed: bytes, pki: DemoPki) -> None:
    """A second signer whose stamp covers the page makes the letter undetermined."""
    report = verify(sign(signed, signer_of(pki, "seal"), "Seal", box=(0, 0, 595, 842)), pki)
    assert report.signatures[0].changes == "annotations"
    assert report.verdict == "undetermined"


def test_an_unsigned_field_that_draws_is_not_simply_permitted(signed: bytes, pki: DemoPki) -> None:
    """A new empty signature field with a picture of its own is an annotation in disguise."""

    def disguise(writer: object) -> None:
        fields.append_signature_field(writer, fields.SigFieldSpec("Blank", box=(100, 300, 400, 400)))  # type: ignore[arg-type]
        for item in writer.root["/AcroForm"]["/Fields"]:  # type: ignore[attr-defined] # pyHanko's writer
            field = item.get_object()
            if field["/T"] == "Blank":
                look = generic.StreamObject(
                    {
                        pdf_name("/Type"): pdf_name("/XObject"),
                        pdf_name("/Subtype"): pdf_name("/Form"),
                        pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 300, 100))),
                    },
                    stream_data=b"1 g 0 0 300 100 re f",
                )
                field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(look)})  # type: ignore[attr-defined]

    report = verify(update(signed, disguise), pki)
    assert report.verdict != "valid"
    assert "change.unsigned_field_drawn" in changes(report)


def test_a_field_lock_does_not_make_later_signatures_forbidden(letter_pdf: bytes, pki: DemoPki) -> None:
    """A lock of one field names the catalog as what it locks; a later signature or security store changes no value."""
    lock = fields.FieldMDPSpec(fields.FieldMDPAction.INCLUDE, fields=["Amount"])
    locked = sign(letter_pdf, signer_of(pki), lock=lock)
    report = verify(sign(locked, signer_of(pki, "seal"), "Seal", box=(240, 80, 340, 180)), pki)
    assert report.verdict == "valid"
    assert changes(report) - {"change.document_info"} == {"change.signature_added"}

    def add_store(writer: object) -> None:
        writer.root[pdf_name("/DSS")] = generic.DictionaryObject()  # type: ignore[attr-defined] # pyHanko's writer
        writer.update_root()  # type: ignore[attr-defined]

    report = verify(update(locked, add_store), pki)
    assert report.verdict == "valid"
    assert changes(report) - {"change.document_info"} == {"change.security_store"}
