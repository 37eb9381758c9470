"""Makes a scan of any size: one page of random noise after the other, as JPEG, written as it comes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

_SIDES_PX = (1654, 2339)


def write_scan(path: Path, pages: int = 110) -> int:
    """Write a scan of about 2.9 MB a page and return its size in bytes. Memory does not grow with the pages."""
    noise = _noise_jpeg()
    offsets: list[int] = []
    with path.open("wb") as file:

        def put(number: int, *pieces: bytes) -> None:
            assert number == len(offsets) + 1
            offsets.append(file.tell())
            file.write(b"%d 0 obj\n" % number)
            file.writelines(pieces)
            file.write(b"\nendobj\n")

        file.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
        kids = b" ".join(b"%d 0 R" % (3 + 3 * page) for page in range(pages))
        put(1, b"<< /Type /Catalog /Pages 2 0 R >>")
        put(2, b"<< /Type /Pages /Count %d /Kids [ %b ] >>" % (pages, kids))
        drawing = b"q 595 0 0 842 0 0 cm /Scan Do Q"
        for page in range(pages):
            number = 3 + 3 * page
            resources = b"<< /XObject << /Scan %d 0 R >> >>" % (number + 2)
            put(
                number,
                b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 595 842 ] /Resources %b /Contents %d 0 R >>"
                % (resources, number + 1),
            )
            put(number + 1, b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing))
            # A comment of its own makes each page's picture another one.
            picture = noise[:2] + b"\xff\xfe\x00\x0a%08d" % page + noise[2:]
            head = (
                b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8"
                b" /Filter /DCTDecode /Length %d >>\nstream\n"
            )
            put(number + 2, head % (*_SIDES_PX, len(picture)), picture, b"\nendstream")
        start = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
        file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
        file.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, start))
        return file.tell()


def _noise_jpeg() -> bytes:
    width, height = _SIDES_PX
    noise = np.random.default_rng(42).integers(0, 256, (height, width, 3), dtype=np.uint8)
    output = io.BytesIO()
    Image.fromarray(noise).save(output, "JPEG", quality=83)
    return output.getvalue()
