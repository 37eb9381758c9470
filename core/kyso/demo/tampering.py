"""What a forger would do, so that the demo can show it being found: a changed byte, and a page painted over.

Both leave a file that every viewer opens without complaint.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from kyso.geometry import mm_to_pt

if TYPE_CHECKING:
    from kyso.geometry import RectMm


def change_one_byte(data: bytes) -> bytes:
    """Return the file with one bit of a signed byte turned over, in the document's title."""
    at = data.index(b"/Title") + 20
    return data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]


def paint_over(data: bytes, page: int, place: RectMm, text: str) -> bytes:
    """Return the file with an incremental update that hides `place` and writes `text` there instead.

    The signed bytes stay as they are: each signature's digest is still right, and a program that looks no further
    calls the file valid.

    :param data: a PDF with a cross-reference table.
    :param text: printable ASCII.
    """
    import pikepdf

    with pikepdf.open(io.BytesIO(data)) as pdf:
        target = pdf.pages[page - 1]
        left, _, _, top = (float(value) for value in target.mediabox)
        x, y = left + mm_to_pt(place.left), top - mm_to_pt(place.bottom)
        width, height = mm_to_pt(place.width), mm_to_pt(place.height)
        drawing = (
            f"q 1 g {x - 1:.2f} {y - 1:.2f} {width + 2:.2f} {height + 2:.2f} re f Q\n"
            f"BT 0 g /Forged 13 Tf {x:.2f} {y + 0.5:.2f} Td ({text}) Tj ET\n"
        ).encode("ascii")
        number, size = target.objgen[0], int(pdf.trailer["/Size"])
        changed = target.obj.copy()
        font = pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name("/Times-Bold")
        )
        resources = changed.Resources.copy()
        resources.Font = pikepdf.Dictionary({**dict(resources.Font.items()), "/Forged": font})
        changed.Resources = resources
        first = target.obj.Contents.unparse()
        del changed.Contents
        source = changed.unparse(resolved=True)[:-2] + b"/Contents [ %b %d 0 R ] >>" % (first, size)
        kept = b" ".join(
            key.encode("ascii") + b" " + pdf.trailer[key].unparse()
            for key in ("/Root", "/Info", "/ID")
            if key in pdf.trailer
        )

    stream = b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing)
    previous = int(data[data.rindex(b"startxref") + 9 :].split()[0])
    update, offsets = b"\n", {}
    for object_number, body in ((number, source), (size, stream)):
        offsets[object_number] = len(data) + len(update)
        update += b"%d 0 obj\n%b\nendobj\n" % (object_number, body)
    start = len(data) + len(update)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % item for item in sorted(offsets.items()))
    trailer = b"trailer\n<< /Size %d %b /Prev %d >>\n" % (size + 1, kept, previous)
    return data + update + b"xref\n" + table + trailer + b"startxref\n%d\n%%%%EOF\n" % start
