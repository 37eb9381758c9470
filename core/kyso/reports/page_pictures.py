"""Small pictures of the pages that changed after signing, with what changed framed in red.

They are drawn from the file that was judged, if it still is that file; without it (bytes, an encrypted file, a page
that cannot be rendered) a report simply has no pictures.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kyso.errors import KysoError
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.document.opening import OpenLetter
    from kyso.geometry import RectMm
    from kyso.verification.report import VerificationReport

MAX_PICTURES: Final = 6
MAX_FILE_BYTES: Final = 256 << 20
_WIDTH_PX: Final = 520
_SHOWN: Final = ("forbidden", "annotations", "form_filling")


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as it stands now.

    :param page: number from 1.
    :param png: the picture.
    :param framed: whether the places that changed are known and framed.
    """

    page: int
    png: bytes
    width_px: int
    height_px: int
    framed: bool


def pictures_of(report: VerificationReport) -> tuple[PagePicture, ...]:
    """Return pictures of the first pages with changes that a reader must see."""
    places = _places(report)
    if not places or report.file.path is None or report.file.sha256 is None:
        return ()
    data = _same_file(Path(report.file.path), report.file.sha256)
    if data is None:
        return ()
    from kyso.document.opening import open_letter

    pictures: list[PagePicture] = []
    try:
        with open_letter(data, name=report.file.name) as letter:
            for page in sorted(places)[:MAX_PICTURES]:
                try:
                    pictures.append(_picture(letter, page, places[page]))
                except KysoError:
                    continue  # one page that cannot be rendered takes nothing from the others
    except KysoError:
        return ()  # encrypted or too damaged to draw; the words say what changed
    return tuple(pictures)


def _places(report: VerificationReport) -> dict[int, list[RectMm]]:
    places: dict[int, list[RectMm]] = {}
    for signature in report.signatures:
        for change in signature.change_list:
            if change.severity in _SHOWN and change.page is not None:
                found = places.setdefault(change.page, [])
                if change.rect_mm is not None and change.rect_mm not in found and len(found) < MAX_PICTURES * 10:
                    found.append(change.rect_mm)
    return places


def _same_file(path: Path, sha256: str) -> bytes | None:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def _picture(letter: OpenLetter, page: int, rects: list[RectMm]) -> PagePicture:
    from PIL import ImageDraw

    from kyso.document.pdfium import render_page
    from kyso.geometry import MM_PER_INCH

    geometry = letter.page(page)
    dpi = _WIDTH_PX * MM_PER_INCH / max(geometry.width_mm, geometry.height_mm, 1.0)
    image = render_page(letter, page, dpi=dpi).convert("RGB")
    draw = ImageDraw.Draw(image)
    for rect in rects:
        left, top = rect.left * dpi / MM_PER_INCH - 3, rect.top * dpi / MM_PER_INCH - 3
        right, bottom = rect.right * dpi / MM_PER_INCH + 3, rect.bottom * dpi / MM_PER_INCH + 3
        draw.rectangle((left, top, max(right, left + 6), max(bottom, top + 6)), outline=(196, 22, 28), width=3)
    draw.rectangle((0, 0, image.width - 1, image.height - 1), outline=(120, 120, 120))
    written = io.BytesIO()
    image.quantize(64).save(written, "PNG", optimize=True)
    return PagePicture(page, written.getvalue(), image.width, image.height, bool(rects))
