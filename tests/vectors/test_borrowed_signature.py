"""New signature fields that draw on the page although nobody vouches for what they draw."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import SEAL, DemoPki, issue
from tests.vectors.making import annotation, changes, generic, page, pdf_name, pdf_string, timestamp, update, verify


def _stamp(writer: IncrementalPdfFileWriter, **entries: Any) -> generic.DictionaryObject:
    """Return a widget that writes an amount on the page."""
    drawn = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 300, 100))),
        },
        stream_data=b"BT /F1 40 Tf 10 10 Td (9.000.000.000) Tj ET",
    )
    widget = annotation("/Widget")
    del widget["/Contents"]
    widget[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(drawn)})
    widget.update({pdf_name(f"/{key}"): value for key, value in entries.items()})
    return widget


def _put(writer: IncrementalPdfFileWriter, widget: generic.DictionaryObject, **entries: Any) -> None:
    """List a new signature field in the form and its widget on the first page."""
    reference = writer.add_object(widget)
    field = widget
    if entries:
        field = generic.DictionaryObject({pdf_name("/Kids"): generic.ArrayObject([reference])})
        widget[pdf_name("/Parent")] = writer.add_object(field)
    field.update({pdf_name(f"/{key}"): value for key, value in entries.items()})
    field[pdf_name("/FT")] = pdf_name("/Sig")
    field[pdf_name("/T")] = pdf_string("Seal")
    form = writer.root["/AcroForm"]
    form["/Fields"].append(widget.raw_get("/Parent") if entries else reference)
    writer.update_container(form["/Fields"])
    where = page(writer)
    shown = generic.ArrayObject(where.get("/Annots", ()))
    shown.append(reference)
    where["/Annots"] = shown


def _leaders(writer: IncrementalPdfFileWriter) -> Any:
    return writer.root["/AcroForm"]["/Fields"][0].raw_get("/V")


@pytest.mark.parametrize("letter", ["signed", "certified"])
def test_a_field_that_borrows_a_signature(letter: str, request: pytest.FixtureRequest, pki: DemoPki) -> None:
    """A new field whose value is the leader's own signature would draw anything under the leader's name."""
    data = request.getfixturevalue(letter)
    report = verify(update(data, lambda writer: _put(writer, _stamp(writer, V=_leaders(writer)))), pki)
    assert report.verdict == "invalid"
    assert "change.signature_borrowed" in changes(report)


def test_a_note_as_part_of_a_borrowed_signature(signed: bytes, pki: DemoPki) -> None:
    """A free text note that a signature field calls its widget is no stamp."""
    data = update(
        signed, lambda writer: _put(writer, _stamp(writer, Subtype=pdf_name("/FreeText")), V=_leaders(writer))
    )
    report = verify(data, pki)
    assert report.verdict == "invalid"
    assert {"change.form_field_added", "change.signature_borrowed"} <= changes(report)


@pytest.mark.parametrize("flags", [4, 4 | 32], ids=["seen", "printed only"])
def test_an_unsigned_field_that_draws(signed: bytes, pki: DemoPki, flags: int) -> None:
    """An empty field draws, on the screen or only on paper: never simply valid."""
    data = update(signed, lambda writer: _put(writer, _stamp(writer, F=generic.NumberObject(flags))))
    report = verify(data, pki)
    assert report.verdict == "undetermined"
    assert report.changes == "annotations"


def test_an_unsigned_field_with_a_coloured_ground(signed: bytes, pki: DemoPki) -> None:
    """An empty field without an appearance still hides text where readers paint its background (/MK /BG)."""
    white = generic.ArrayObject(map(generic.FloatObject, (1, 1, 1)))

    def add(writer: IncrementalPdfFileWriter) -> None:
        widget = _stamp(writer, MK=generic.DictionaryObject({pdf_name("/BG"): white}))
        del widget["/AP"]
        _put(writer, widget)

    report = verify(update(signed, add), pki)
    assert report.verdict == "undetermined"
    assert "change.unsigned_field_drawn" in changes(report)


def test_a_trusted_timestamp_that_draws(signed: bytes, pki: DemoPki) -> None:
    """Anybody gets a timestamp: one that writes an amount on the page never leaves the letter valid."""
    authority = issue(pki.issuing, SEAL, purposes=[x509.oid.ExtendedKeyUsageOID.TIME_STAMPING])
    data = timestamp(update(signed, lambda writer: _put(writer, _stamp(writer))), authority, "Seal")
    report = verify(data, pki)
    assert report.signatures[1].verdict == "valid"
    assert report.verdict == "undetermined"
    assert "change.timestamp_drawn" in changes(report)


def test_a_timestamp_that_draws_nothing(signed: bytes, pki: DemoPki) -> None:
    """A timestamp as tools make it leaves the letter valid."""
    authority = issue(pki.issuing, SEAL, purposes=[x509.oid.ExtendedKeyUsageOID.TIME_STAMPING])
    report = verify(timestamp(signed, authority), pki)
    assert report.verdict == "valid"
    assert "change.timestamp_added" in changes(report)
