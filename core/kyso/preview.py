"""The page as it will look signed: the real update is written in memory and rendered; no key is opened.

The picture comes from the same bytes that signing would write, with a signature that is still empty, so a preview
cannot differ from the signed letter.
"""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.document import pdfium
from kyso.models import VIETNAM_TIME
from kyso.update.plan import SignaturePlan

if TYPE_CHECKING:
    from kyso.document.opening import OpenLetter
    from kyso.document.pdfium import RandomAccess, Raster
    from kyso.geometry import RectMm
    from kyso.models import Placement, Source
    from kyso.update.plan import FilledField
    from kyso_stamps import Appearance

# What a preview writes into the empty signature matters to nobody; the file is never kept.
_CONTENTS_SIZE = 64
_ANY_TIME = datetime(2000, 1, 1, tzinfo=VIETNAM_TIME)


def preview_page(
    letter: OpenLetter,
    placement: Placement,
    appearance: Appearance | None,
    dpi: float = 110.0,
    fills: tuple[FilledField, ...] = (),
) -> tuple[bytes, dict[str, RectMm]]:
    """Return the page of `placement` with the stamp as a PNG, and the measured boxes in display space.

    :param appearance: the drawn stamp, ``None`` for an invisible signature.
    :param dpi: resolution wished for; a page too large for it is rendered as finely as it may be.
    :param fills: text fields that the signature's update fills in.
    :returns: the boxes carry the policy's own and ``stamp``, the rectangle of the widget.
    :raises SigningRefused: the letter cannot take the signature.
    :raises InputRefused: the page cannot be rendered.
    """
    from kyso.update.writer import write_update

    plan = SignaturePlan(
        page=placement.page,
        rect_mm=placement.rect_mm,
        appearance=appearance,
        field=placement.field,
        subfilter="ETSI.CAdES.detached",
        contents_size=_CONTENTS_SIZE,
        signed_at=_ANY_TIME,
        signer_name="",
        policy=placement.policy,
        fills=fills,
    )
    update = write_update(letter, plan)
    geometry = letter.page(placement.page)
    with pdfium.opened(
        _appended(letter.source, letter.size, update.data), name=letter.name, password=letter.password, forms=True
    ) as document:
        raster = document.render(geometry, dpi=pdfium.fitting_dpi(geometry, dpi))
    boxes = dict(placement.boxes_mm)
    if placement.rect_mm is not None:
        boxes["stamp"] = placement.rect_mm
    return _png(raster), boxes


def stamp_picture(appearance: Appearance, dpi: float = 150.0) -> bytes:
    """Return a stamp alone, on white, as a PNG.

    :param dpi: resolution wished for; a stamp too large for it is rendered as finely as it may be.
    :raises InputRefused: the picture would be too large.
    """
    from kyso.geometry import PageGeometry
    from kyso_stamps.draw import appearance_to_pdf

    page = PageGeometry(1, (0.0, 0.0, appearance.width_pt, appearance.height_pt))
    with pdfium.opened(appearance_to_pdf(appearance), name="stamp") as document:
        return _png(document.render(page, dpi=pdfium.fitting_dpi(page, dpi)))


def _png(raster: Raster) -> bytes:
    written = io.BytesIO()
    resolution = round(25.4 / raster.mm_per_px)
    raster.image().save(written, format="PNG", dpi=(resolution, resolution))
    return written.getvalue()


def _appended(source: Source, size: int, update: bytes) -> Source | RandomAccess:
    if isinstance(source, Path):
        return _FileAndUpdate(source, size, update)
    return source + update


class _FileAndUpdate:
    """A file followed by bytes that are not in it, so that a large scan is never read whole."""

    __slots__ = ("_path", "_size", "_update", "size")

    def __init__(self, path: Path, size: int, update: bytes) -> None:
        self._path = path
        self._size = size
        self._update = update
        self.size = size + len(update)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`."""
        head = b""
        if offset < self._size:
            with self._path.open("rb") as file:
                file.seek(offset)
                head = file.read(min(length, self._size - offset))
        start = max(0, offset - self._size)
        return head + self._update[start : start + length - len(head)]
