"""PDFs of unusual structure, made here: each function returns the bytes of a small two-page letter of that shape."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, String

PAGE_PT = (595.0, 842.0)


def built(change: Callable[[pikepdf.Pdf], None] | None = None, **saving: Any) -> bytes:
    """Return a two-page letter after `change`, saved with `saving`."""
    pdf = pikepdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for number in (1, 2):
        pdf.add_blank_page(page_size=PAGE_PT)
        page = pdf.pages[-1].obj
        page.Resources = Dictionary(Font=Dictionary(F=font))
        page.Contents = pdf.make_stream(b"BT /F 20 Tf 60 760 Td (Letter, page %d) Tj ET" % number)
    pdf.docinfo[Name.Producer] = String("shapes")
    if change is not None:
        change(pdf)
    written = io.BytesIO()
    pdf.save(written, **saving)
    return written.getvalue()


def widget(pdf: pikepdf.Pdf, page: int = 0, **entries: Any) -> pikepdf.Object:
    """Return a new widget annotation of `page` (from 0), 100 pt wide, not yet listed anywhere."""
    defaults: dict[str, Any] = {
        "Type": Name.Annot,
        "Subtype": Name.Widget,
        "F": 4,
        "P": pdf.pages[page].obj,
        "Rect": Array([100, 100, 200, 150]),
    }
    return pdf.make_indirect(Dictionary(**(defaults | entries)))


def square(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """Return a drawn square annotation."""
    return pdf.make_indirect(Dictionary(Type=Name.Annot, Subtype=Name.Square, Rect=Array([10, 10, 30, 30])))


def indirect_annotations(pdf: pikepdf.Pdf) -> None:
    """Give page 1 an /Annots array that is an object of its own."""
    pdf.pages[0].obj.Annots = pdf.make_indirect(Array([square(pdf)]))


def direct_annotations(pdf: pikepdf.Pdf) -> None:
    """Give page 1 an /Annots array in the page dictionary."""
    pdf.pages[0].obj.Annots = Array([square(pdf)])


def inherited_attributes(pdf: pikepdf.Pdf) -> None:
    """Move boxes, resources and rotation up into the page tree."""
    root = pdf.Root.Pages
    for page in root.Kids:
        root.Resources = page.Resources
        root.MediaBox = page.MediaBox
        del page["/Resources"]
        del page["/MediaBox"]
    root.Rotate = 90
    root.CropBox = Array([50, 60, 500, 700])


def direct_form(pdf: pikepdf.Pdf) -> None:
    """Put an empty form directly into the catalog."""
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), DA=String("/Helv 0 Tf"), NeedAppearances=True)


def indirect_form(pdf: pikepdf.Pdf) -> None:
    """Make form and field array objects of their own."""
    pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=pdf.make_indirect(Array([])), SigFlags=4))


def form_without_fields(pdf: pikepdf.Pdf) -> None:
    """Give the catalog a form that lacks /Fields."""
    pdf.Root.AcroForm = pdf.make_indirect(Dictionary(SigFlags=1))


def empty_field(name: str = "Ký", **entries: Any) -> Callable[[pikepdf.Pdf], None]:
    """Add an empty signature field, merged with its widget, on page 2."""

    def change(pdf: pikepdf.Pdf) -> None:
        field = widget(pdf, page=1, FT=Name.Sig, T=String(name), **entries)
        pdf.pages[1].obj.Annots = Array([field])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]))

    return change


def nested_field(pdf: pikepdf.Pdf) -> None:
    """Add the empty signature field ``a.b``, /FT inherited, its widget a kid of its own."""
    shown = widget(pdf)
    inner = pdf.make_indirect(Dictionary(T=String("b"), Kids=Array([shown])))
    shown.Parent = inner
    outer = pdf.make_indirect(Dictionary(T=String("a"), FT=Name.Sig, Kids=Array([inner])))
    inner.Parent = outer
    pdf.pages[0].obj.Annots = Array([shown])
    pdf.Root.AcroForm = Dictionary(Fields=Array([outer]))


def field_without_widget(pdf: pikepdf.Pdf) -> None:
    """Add the empty signature field ``Bare``, which is on no page."""
    field = pdf.make_indirect(Dictionary(FT=Name.Sig, T=String("Bare")))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))


def text_and_signature_fields(pdf: pikepdf.Pdf) -> None:
    """Add the text field ``note`` and the empty signature fields ``a``, ``ab`` and ``lock``, each merged."""
    note = widget(pdf, FT=Name.Tx, T=String("note"), Rect=Array([300, 100, 400, 120]))
    names = ("a", "ab", "lock")
    fields = [
        widget(pdf, FT=Name.Sig, T=String(name), Rect=Array([100, 100 + 60 * row, 200, 150 + 60 * row]))
        for row, name in enumerate(names)
    ]
    pdf.pages[0].obj.Annots = Array([note, *fields])
    pdf.Root.AcroForm = Dictionary(Fields=Array([note, *fields]))


def with_lock(action: str, *names: str) -> Callable[[pikepdf.Pdf], None]:
    """Add the fields of :func:`text_and_signature_fields`, with a /Lock in ``lock``."""

    def change(pdf: pikepdf.Pdf) -> None:
        text_and_signature_fields(pdf)
        lock = Dictionary(Type=Name.SigFieldLock, Action=Name("/" + action))
        if names:
            lock.Fields = Array([String(name) for name in names])
        pdf.Root.AcroForm.Fields[3].Lock = lock

    return change


def no_id() -> bytes:
    """Return a letter whose trailer has no /ID."""
    written = built()
    start = written.rindex(b"/ID [")
    end = written.index(b"]", start) + 1
    return written[:start] + b" " * (end - start) + written[end:]


def by_hand(objects: dict[int, bytes], *, generations: dict[int, int] | None = None, trailer: bytes = b"") -> bytes:
    """Return a file with these objects, a cross-reference table and object 1 as catalog."""
    generations = generations or {}
    written = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number, source in objects.items():
        offsets[number] = len(written)
        written += b"%d %d obj\n%b\nendobj\n" % (number, generations.get(number, 0), source)
    start, size = len(written), max(objects) + 1
    written += b"xref\n0 %d\n" % size
    for number in range(size):
        if number in offsets:
            written += b"%010d %05d n \n" % (offsets[number], generations.get(number, 0))
        else:
            written += b"0000000000 65535 f \n"
    written += b"trailer\n<< /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    return bytes(written)


def minimal(**changes: bytes) -> dict[int, bytes]:
    """Return the objects of a one-page file for :func:`by_hand`; ``catalog``, ``pages``, ``page`` replace them."""
    return {
        1: changes.get("catalog", b"<< /Type /Catalog /Pages 2 0 R >>"),
        2: changes.get("pages", b"<< /Type /Pages /Kids [ 3 0 R ] /Count 1 >>"),
        3: changes.get("page", b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 595 842 ] /Resources << >> >>"),
    }


def hybrid() -> bytes:
    """Return a hybrid-reference file (ISO 32000-2, 7.5.8.4): only /XRefStm leads to the object stream with the form."""
    written = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    objects = minimal(catalog=b"<< /Type /Catalog /Pages 2 0 R /AcroForm 5 0 R >>")
    held = b"<< /Fields [ ] /SigFlags 0 >>"
    index = b"5 0 "
    objects[4] = b"<< /Type /ObjStm /N 1 /First %d /Length %d >>\nstream\n%b\nendstream" % (
        len(index),
        len(index + held),
        index + held,
    )
    for number, source in objects.items():
        offsets[number] = len(written)
        written += b"%d 0 obj\n%b\nendobj\n" % (number, source)
    offsets[6] = len(written)
    rows = struct.pack(">BIH", 1, offsets[4], 0) + struct.pack(">BIH", 2, 4, 0)
    written += (
        b"6 0 obj\n<< /Type /XRef /Size 7 /W [ 1 4 2 ] /Index [ 4 2 ] /Root 1 0 R /Length %d >>\n"
        b"stream\n%b\nendstream\nendobj\n" % (len(rows), rows)
    )
    start = len(written)
    written += b"xref\n0 7\n0000000000 65535 f \n"
    for number in (1, 2, 3):
        written += b"%010d 00000 n \n" % offsets[number]
    written += b"0000000000 65535 f \n0000000000 65535 f \n%010d 00000 n \n" % offsets[6]
    written += b"trailer\n<< /Size 7 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (offsets[6], start)
    return bytes(written)
