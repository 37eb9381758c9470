"""Shadows that were prepared before the signature and that nobody used yet: a warning, not a verdict."""

from __future__ import annotations

import re

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import DemoPki
from kyso.verification.report import VerificationReport
from tests.vectors.making import add_annotation, annotation, sign, signer_of, update, verify


def _hidden(report: VerificationReport) -> set[str]:
    return {notice.code for notice in report.warnings if notice.code.startswith("verification.hidden")}


def _verified(prepared: bytes, pki: DemoPki) -> VerificationReport:
    return verify(sign(prepared, signer_of(pki)), pki)


def _with_layer(letter: bytes, *, event: bool = False) -> bytes:
    def edit(writer: IncrementalPdfFileWriter) -> None:
        group = writer.add_object(
            generic.DictionaryObject(
                {pdf_name("/Type"): pdf_name("/OCG"), pdf_name("/Name"): pdf_string("Số tiền khác")}
            )
        )
        groups = generic.ArrayObject([group])
        default = generic.DictionaryObject({pdf_name("/OFF"): groups})
        if event:
            usage = generic.DictionaryObject({pdf_name("/Event"): pdf_name("/Print"), pdf_name("/OCGs"): groups})
            default[pdf_name("/AS")] = generic.ArrayObject([usage])
        writer.root[pdf_name("/OCProperties")] = generic.DictionaryObject(
            {pdf_name("/OCGs"): groups, pdf_name("/D"): default}
        )
        writer.update_root()

    return update(letter, edit)


def test_a_layer_that_is_off(letter_pdf: bytes, pki: DemoPki) -> None:
    """A layer off in the signed letter is told by its name; one that printing switches on is an ordinary watermark."""
    report = _verified(_with_layer(letter_pdf), pki)
    assert (report.verdict, _hidden(report)) == ("valid", {"verification.hidden_layers"})
    told = next(notice for notice in report.warnings if notice.code == "verification.hidden_layers")
    assert told.parameters["layers"] == ["Số tiền khác"]
    assert _hidden(_verified(_with_layer(letter_pdf, event=True), pki)) == set()


def test_a_drawn_note_that_is_hidden(letter_pdf: bytes, pki: DemoPki) -> None:
    """A stamp with the hidden flag is told with its page; a visible one and a hidden note without drawing are not."""

    def prepared(flags: int, *, drawn: bool) -> bytes:
        def edit(writer: IncrementalPdfFileWriter) -> None:
            item = annotation("/Stamp", F=generic.NumberObject(flags))
            if drawn:
                look = generic.StreamObject(
                    {pdf_name("/Subtype"): pdf_name("/Form"), pdf_name("/BBox"): item["/Rect"]}, stream_data=b"q Q"
                )
                item[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(look)})
            add_annotation(writer, item, 2)

        return update(letter_pdf, edit)

    report = _verified(prepared(2, drawn=True), pki)
    assert _hidden(report) == {"verification.hidden_note"}
    assert [n.parameters["pages"] for n in report.warnings if n.code == "verification.hidden_note"] == [[2]]
    assert _hidden(_verified(prepared(4, drawn=True), pki)) == set()
    assert _hidden(_verified(prepared(2, drawn=False), pki)) == set()


def test_a_second_catalog(letter_pdf: bytes, pki: DemoPki) -> None:
    """Hide and replace: another catalog with pages of its own waits for a trailer that names it."""

    def edit(writer: IncrementalPdfFileWriter) -> None:
        pages = writer.add_object(
            generic.DictionaryObject(
                {
                    pdf_name("/Type"): pdf_name("/Pages"),
                    pdf_name("/Kids"): generic.ArrayObject(),
                    pdf_name("/Count"): generic.NumberObject(0),
                }
            )
        )
        writer.add_object(
            generic.DictionaryObject({pdf_name("/Type"): pdf_name("/Catalog"), pdf_name("/Pages"): pages})
        )

    assert _hidden(_verified(update(letter_pdf, edit), pki)) == {"verification.hidden_pages"}


def test_an_object_defined_twice(letter_pdf: bytes, pki: DemoPki) -> None:
    """Two versions of one object stand in one revision, and the table leads to one of them."""

    def doubled(other: bytes) -> bytes:
        number = re.search(rb"(\d+) 0 obj\s*<<[^>]*/Type /Pages", letter_pdf)
        assert number is not None
        # Between the last object and the table, where only the table's own offset has to move.
        table = letter_pdf.rindex(b"xref\n0 ")
        start = int(letter_pdf[letter_pdf.rindex(b"startxref") :].split()[1])
        assert start == table
        piece = number[1] + b" 0 obj\n" + other + b"\nendobj\n"
        return (
            letter_pdf[:table]
            + piece
            + letter_pdf[table:].replace(b"startxref\n%d" % start, b"startxref\n%d" % (start + len(piece)))
        )

    assert _hidden(_verified(doubled(b"<< /Type /Pages /Kids [] /Count 0 >>"), pki)) == {"verification.hidden_objects"}


def test_letters_signed_many_times_hide_nothing(letter_pdf: bytes, pki: DemoPki) -> None:
    """Each signature writes the catalog and the form anew; that is no second catalog and no double definition."""
    data = letter_pdf
    for number in range(4):
        data = sign(data, signer_of(pki), f"Field{number}", box=(60, 80 + 70 * number, 220, 140 + 70 * number))
    report = verify(data, pki)
    assert (report.verdict, _hidden(report)) == ("valid", set())


def test_an_attached_pdf_is_no_double_definition(letter_pdf: bytes, pki: DemoPki) -> None:
    """The objects of a PDF that is attached without compression are not this document's."""

    def edit(writer: IncrementalPdfFileWriter) -> None:
        for data in (letter_pdf, letter_pdf.replace(b"/Count 2", b"/Count 3")):
            writer.add_object(generic.StreamObject({pdf_name("/Type"): pdf_name("/EmbeddedFile")}, stream_data=data))

    assert _hidden(_verified(update(letter_pdf, edit), pki)) == set()
