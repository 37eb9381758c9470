"""A signed PDF assembled byte by byte, for signatures that no library makes any more."""

from __future__ import annotations

from collections.abc import Callable

ROOM = 6000


def assemble(
    sub_filter: str,
    sign: Callable[[bytes], bytes],
    *,
    entries: bytes = b"",
    direct: bool = False,
    nested: bool = False,
    in_form: bool = True,
    before: bytes = b"",
) -> bytes:
    """Return a one-page PDF with one signature.

    :param sign: makes /Contents for the covered bytes.
    :param entries: further entries of the signature dictionary.
    :param direct: the signature dictionary stands in the field instead of an object of its own.
    :param nested: the field is a kid of a kid.
    :param in_form: whether /Fields leads to the field.
    :param before: junk before the header.
    """
    dictionary = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /%b %b /ByteRange [%b] /Contents <%b> >>"
    placeholder = b"0" * (2 * ROOM)
    value = dictionary % (sub_filter.encode(), entries, b"0 0000000000 0000000000 0000000000", placeholder)
    field = b"<< /FT /Sig /T (S) /Type /Annot /Subtype /Widget /Rect [0 0 0 0] /P 3 0 R /V %b >>" % (
        value if direct else b"5 0 R"
    )
    fields = b"[6 0 R]" if nested else b"[4 0 R]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /SigFlags 3 /Fields %b >> >>" % (fields if in_form else b"[]"),
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [4 0 R] >>",
        field,
        b"null" if direct else value,
        b"<< /T (outer) /Kids [7 0 R] >>",
        b"<< /T (inner) /Parent 6 0 R /Kids [4 0 R] >>",
    ]
    data, offsets = before + b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data) - len(before))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(data) - len(before)
    data += b"xref\n0 8\n0000000000 65535 f \n%btrailer\n<< /Size 8 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        start,
    )
    gap = data.index(b"<" + placeholder)
    end = gap + len(placeholder) + 2
    stated = b"0 %010d %010d %010d" % (gap, end, len(data) - end)
    data = data.replace(b"0 0000000000 0000000000 0000000000", stated, 1)
    contents = sign(data[:gap] + data[end:]).hex().encode()
    return data[: gap + 1] + contents.ljust(2 * ROOM, b"0") + data[end - 1 :]
