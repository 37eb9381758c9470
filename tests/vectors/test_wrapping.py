"""Signature wrapping: the signed bytes are kept somewhere, but the reader is shown another signature dictionary."""

from __future__ import annotations

import io

import pikepdf

from kyso.demo.pki import DemoPki
from tests.vectors.making import byte_range, generic, pdf_name, pdf_string, reasons, update, verify


def test_a_cloned_signature_dictionary_is_not_a_second_signature(signed: bytes, pki: DemoPki) -> None:
    """A new field whose value is a copy of the old signature dictionary, with another date and reason, is refused."""

    def clone(writer: object) -> None:
        form = writer.root["/AcroForm"]  # type: ignore[attr-defined] # pyHanko's writer
        old = form["/Fields"][0]["/V"]
        copy = generic.DictionaryObject({key: old.raw_get(key) for key in old})
        copy[pdf_name("/M")] = pdf_string("D:20200101000000Z")
        copy[pdf_name("/Name")] = pdf_string("Someone else")
        field = generic.DictionaryObject(
            {
                pdf_name("/FT"): pdf_name("/Sig"),
                pdf_name("/T"): pdf_string("Copy"),
                pdf_name("/V"): writer.add_object(copy),  # type: ignore[attr-defined]
            }
        )
        form["/Fields"].append(writer.add_object(field))  # type: ignore[attr-defined]
        writer.update_container(form["/Fields"])  # type: ignore[attr-defined]

    report = verify(update(signed, clone), pki)
    copy = next(signature for signature in report.signatures if signature.field == "Copy")
    assert "byte_range.wrapped" in reasons(copy)
    assert copy.verdict == "invalid"
    assert report.verdict == "invalid"


def test_moved_signed_bytes_are_refused(signed: bytes, pki: DemoPki) -> None:
    """The signed tail is moved back, and a new table and dictionary stand where the tail's startxref leads."""
    _, start, end, rest = byte_range(signed)
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        number = pdf.Root.AcroForm.Fields[0].V.objgen[0]
        root = pdf.trailer.Root.objgen[0]
        size = int(pdf.trailer.Size)
    table_at = int(signed.rsplit(b"startxref", 1)[1].split()[0])
    previous = int(signed.rsplit(b"/Prev", 1)[1].split()[0])
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n"
    # The signed revision's own table moved with the tail; its entries are listed again where they stand now.
    offset = len(table % (number, 0, size, root, previous)) + table_at
    moved = 40000
    dictionary = b"%d 0 obj\n<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Contents " % number
    dictionary += signed[start:end] + b" /ByteRange [0 %d %d %d] >>\nendobj\n" % (start, end + moved, rest)
    room = b" " * (table_at - end) + table % (number, offset, size, root, previous) + dictionary
    forged = signed[:end] + room.ljust(moved) + signed[end:]
    report = verify(forged, pki)
    assert report.verdict != "valid"
    assert not (report.integrity == "intact" and report.changes != "forbidden")
    assert report.signatures or report.warnings


def test_something_behind_the_value_is_refused(signed: bytes, pki: DemoPki) -> None:
    """Bytes hidden in the padding behind the CMS are signed by nobody and refused."""
    _, _, end, _ = byte_range(signed)
    report = verify(signed[: end - 9] + b"deadbeef" + signed[end - 1 :], pki)
    assert report.integrity == "broken"
    assert "cms.hidden_data" in reasons(report.signatures[0])
