"""Files as word processors write them: hybrid cross-references (Word) and tagged structure. No false alarm, no gap."""

from __future__ import annotations

import zlib

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import DemoPki
from tests.vectors.making import changes, page, sign, signer_of, update, verify


@pytest.fixture(scope="module")
def hybrid() -> bytes:
    """A page whose font stands in an object stream that only /XRefStm leads to (ISO 32000-2, 7.5.8.4)."""
    text = b"BT /F1 14 Tf 72 720 Td (So 12/UBND-VP) Tj ET"
    packed = zlib.compress(b"5 0 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        4: b"<< /Length %d >>\nstream\n%b\nendstream" % (len(text), text),
        6: b"<< /Type /ObjStm /N 1 /First 4 /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream"
        % (len(packed), packed),
    }
    data, offsets = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n", {}
    for number, body in objects.items():
        offsets[number] = len(data)
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    hidden = len(data)
    rows = zlib.compress(b"\x02\x00\x06\x00")
    data += (
        b"7 0 obj\n<< /Type /XRef /Size 8 /W [1 2 1] /Index [5 1] /Root 1 0 R /Length %d /Filter /FlateDecode >>\n"
        b"stream\n%b\nendstream\nendobj\n" % (len(rows), rows)
    )
    table = len(data)
    data += b"xref\n0 8\n0000000000 65535 f \n"
    for number in range(1, 8):
        place = offsets.get(number, hidden if number == 7 else None)
        data += b"0000000000 65535 f \n" if place is None else b"%010d 00000 n \n" % place
    data += b"trailer\n<< /Size 8 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (hidden, table)
    return data


@pytest.fixture(scope="module")
def tagged(letter_pdf: bytes) -> bytes:
    """The letter with a structure tree of one paragraph."""

    def edit(writer: IncrementalPdfFileWriter) -> None:
        tree = generic.DictionaryObject({pdf_name("/Type"): pdf_name("/StructTreeRoot")})
        reference = writer.add_object(tree)
        tree[pdf_name("/K")] = generic.ArrayObject([writer.add_object(_element("/P", reference))])
        writer.root[pdf_name("/StructTreeRoot")] = reference
        writer.root[pdf_name("/MarkInfo")] = generic.DictionaryObject(
            {pdf_name("/Marked"): generic.BooleanObject(value=True)}
        )
        writer.update_root()

    return update(letter_pdf, edit)


def _element(kind: str, parent: generic.PdfObject) -> generic.DictionaryObject:
    return generic.DictionaryObject(
        {pdf_name("/Type"): pdf_name("/StructElem"), pdf_name("/S"): pdf_name(kind), pdf_name("/P"): parent}
    )


def test_a_hybrid_file_is_signed_twice_without_alarm(hybrid: bytes, pki: DemoPki) -> None:
    """Objects that only the hidden table leads to are seen in every revision."""
    once = sign(hybrid, signer_of(pki))
    assert verify(once, pki).verdict == "valid"
    report = verify(sign(once, signer_of(pki, "seal"), "Seal", box=(240, 80, 340, 180)), pki)
    assert (report.verdict, report.integrity, report.changes) == ("valid", "intact", "permitted")


def test_a_hidden_object_of_a_hybrid_file_is_watched(hybrid: bytes, pki: DemoPki) -> None:
    """Replacing the font that stands in the hidden object stream changes what is read: forbidden."""

    def edit(writer: IncrementalPdfFileWriter) -> None:
        font = page(writer)["/Resources"]["/Font"]["/F1"]
        font["/BaseFont"] = pdf_name("/Symbol")
        writer.mark_update(page(writer)["/Resources"]["/Font"].raw_get("/F1"))

    report = verify(update(sign(hybrid, signer_of(pki)), edit), pki)
    assert (report.verdict, report.changes) == ("invalid", "forbidden")
    assert "change.page_resources" in changes(report)


def test_a_signature_may_enter_the_structure(tagged: bytes, pki: DemoPki) -> None:
    """A further signature that adds its own structure element is no alarm; one that retells a paragraph is."""
    signed = sign(tagged, signer_of(pki))
    assert verify(signed, pki).verdict == "valid"

    def grow(writer: IncrementalPdfFileWriter) -> None:
        tree = writer.root["/StructTreeRoot"]
        reference = writer.root.raw_get("/StructTreeRoot")
        tree["/K"] = generic.ArrayObject([*tree["/K"], writer.add_object(_element("/Form", reference))])
        writer.mark_update(reference)

    report = verify(sign(update(signed, grow), signer_of(pki, "seal"), "Seal", box=(240, 80, 340, 180)), pki)
    assert (report.verdict, report.changes) == ("valid", "permitted")
    assert "change.structure" in changes(report)

    def retell(writer: IncrementalPdfFileWriter) -> None:
        element = writer.root["/StructTreeRoot"]["/K"][0]
        element[pdf_name("/ActualText")] = generic.pdf_string("Số tiền: 9.000.000.000 đồng")
        writer.mark_update(writer.root["/StructTreeRoot"]["/K"].raw_get(0))

    report = verify(update(signed, retell), pki)
    assert (report.verdict, report.changes) == ("invalid", "forbidden")
