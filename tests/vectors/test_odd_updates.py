"""Page content exchanged by each kind of update that a reader may follow: generations, hybrids, object streams."""

from __future__ import annotations

import io
import re

import pikepdf

from kyso.demo.pki import DemoPki
from tests.vectors.making import verify

FORGED = b"BT /F1 40 Tf 100 400 Td (9.000.000.000) Tj ET"


def layout_of(data: bytes) -> tuple[int, int, int, bytes]:
    """Return /Size, the numbers of the catalog and of the first page, and the text of that page."""
    with pikepdf.open(io.BytesIO(data)) as pdf:
        first = pdf.pages[0].obj
        return int(pdf.trailer.Size), pdf.Root.objgen[0], first.objgen[0], first.unparse(resolved=True)


def content_of(data: bytes) -> int:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        contents = pdf.pages[0].obj.Contents
        return (contents[0] if isinstance(contents, pikepdf.Array) else contents).objgen[0]


def previous_section(data: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", data)[-1])


def stream(body: bytes, entries: bytes = b"") -> bytes:
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (entries, len(body), body)


def place(kind: int, where: int) -> bytes:
    return bytes([kind]) + where.to_bytes(4, "big") + b"\0"


def _is_found(data: bytes, pki: DemoPki) -> None:
    report = verify(data, pki)
    assert report.verdict == "invalid"
    assert report.changes == "forbidden"


def test_an_object_of_another_generation(signed: bytes, pki: DemoPki) -> None:
    """Content redefined with generation 1 is another object to some readers and the same to others."""
    size, root, _, _ = layout_of(signed)
    number = content_of(signed)
    data = signed + b"%d 1 obj\n%b\nendobj\n" % (number, stream(FORGED))
    data += b"xref\n%d 1\n%010d 00001 n \ntrailer\n<< /Size %d /Root %d 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        number, len(signed), size, root, previous_section(signed), len(data),
    )  # fmt: skip
    _is_found(data, pki)


def test_an_object_behind_a_hybrid_section(signed: bytes, pki: DemoPki) -> None:
    """An empty table whose /XRefStm lists the forged content: only readers of PDF 1.5 see it."""
    size, root, _, _ = layout_of(signed)
    number = content_of(signed)
    data = signed + b"%d 0 obj\n%b\nendobj\n" % (number, stream(FORGED))
    section = len(data)
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Index [%d 1] /Root %d 0 R" % (size + 1, number, root)
    data += b"%d 0 obj\n%b\nendobj\n" % (size, stream(place(1, len(signed)), entries))
    data += b"xref\n0 0\ntrailer\n<< /Size %d /Root %d 0 R /Prev %d /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        size + 1, root, previous_section(signed), section, len(data),
    )  # fmt: skip
    _is_found(data, pki)


def test_a_page_in_an_object_stream(signed: bytes, pki: DemoPki) -> None:
    """The page itself redefined, turned by 90 degrees, inside a compressed object."""
    size, root, number, source = layout_of(signed)
    head = b"%d 0 " % number
    body = head + source.replace(b"/Type /Page", b"/Rotate 90 /Type /Page")
    data = signed + b"%d 0 obj\n%b\nendobj\n" % (size, stream(body, b"/Type /ObjStm /N 1 /First %d" % len(head)))
    section = len(data)
    places = place(2, size) + place(1, len(signed)) + place(1, section)
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Index [%d 1 %d 2] /Root %d 0 R /Prev %d" % (
        size + 2, number, size, root, previous_section(signed),
    )  # fmt: skip
    data += b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (size + 1, stream(places, entries), section)
    _is_found(data, pki)


def test_a_catalog_of_its_own(signed: bytes, pki: DemoPki) -> None:
    """A trailer that names another catalog shows another document."""
    size, _, _, _ = layout_of(signed)
    data = signed + b"%d 0 obj\n<< /Type /Catalog /Pages %d 0 R >>\nendobj\n" % (size, size + 1)
    pages = len(data)
    data += b"%d 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n" % (size + 1)
    table = b"xref\n%d 2\n%010d 00000 n \n%010d 00000 n \n" % (size, len(signed), pages)
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (size + 2, size, previous_section(signed))
    report = verify(data + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(data), pki)
    assert report.verdict not in ("valid", "undetermined")
    assert report.changes == "forbidden"
