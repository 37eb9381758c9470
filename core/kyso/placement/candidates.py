"""Places between which nothing decides: listed with their reasons in the error, and drawn on their pages.

A refusal names them as its parameter ``candidates``; `kyso preview` draws what it finds there::

    kyso preview letter.pdf --policy decree30.leader --out places.png
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from kyso.frozen import dataclass
from kyso.text import Phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from kyso.document.opening import OpenLetter
    from kyso.errors import KysoError
    from kyso.geometry import RectMm

MAX_DRAWN = 40
"""No more candidates than this are drawn; a letter with more places to sign is none."""

_COLOURS = ((200, 0, 110), (0, 110, 60), (190, 80, 0), (90, 0, 190), (0, 95, 160), (130, 100, 0))
_LABEL_MM = 6.0
_LINE_MM = 0.5


@dataclass(frozen=True, slots=True)
class Candidate(Phrase):
    """One place, as its line in the error and as a box on its page.

    :param page: from 1.
    :param rect_mm: the whole of it, in display space.
    """

    page: int = 1
    rect_mm: RectMm | None = None


@dataclass(frozen=True, slots=True)
class CandidatePage:
    """A page with numbered boxes, PNG."""

    page: int
    png: bytes


def candidates_of(error: KysoError) -> tuple[Candidate, ...]:
    """Return the places that a refusal names, in its order; they are counted from 1."""
    found = error.parameters.get("candidates")
    if not isinstance(found, (list, tuple)):
        return ()
    return tuple(candidate for candidate in found if isinstance(candidate, Candidate))


def candidate_pages(
    letter: OpenLetter, candidates: Sequence[Candidate], *, dpi: float = 110.0
) -> tuple[CandidatePage, ...]:
    """Draw the pages on which there are candidates, each one boxed and numbered; the best one's page first.

    :param dpi: resolution wished for; a page too large for it is rendered as finely as it may be.
    :raises InputRefused: a page cannot be rendered.
    """
    from kyso.document import pdfium

    numbered = [(number, one) for number, one in enumerate(candidates[:MAX_DRAWN], 1) if one.rect_mm is not None]
    pages = []
    for page in dict.fromkeys(one.page for _, one in numbered):
        geometry = letter.page(page)
        fitting = pdfium.fitting_dpi(geometry, dpi)
        picture = pdfium.render_page(letter, page, dpi=fitting).copy()
        for number, one in numbered:
            if one.page == page and one.rect_mm is not None:
                _draw(picture, one.rect_mm, number, picture.width / geometry.width_mm)
        written = io.BytesIO()
        picture.save(written, format="PNG", dpi=(round(fitting), round(fitting)))
        pages.append(CandidatePage(page, written.getvalue()))
    return tuple(pages)


def _draw(picture: Image.Image, rect: RectMm, number: int, px_per_mm: float) -> None:
    from PIL import ImageDraw, ImageFont

    drawing = ImageDraw.Draw(picture)
    colour = _COLOURS[(number - 1) % len(_COLOURS)]
    left, top, right, bottom = (round(length * px_per_mm) for length in (rect.left, rect.top, rect.right, rect.bottom))
    drawing.rectangle((left, top, right, bottom), outline=colour, width=max(2, round(_LINE_MM * px_per_mm)))
    side = max(14, round(_LABEL_MM * px_per_mm))
    # The label stands outside of the box where the page has room, so that it covers nothing of the block.
    x = left - side if left >= side else left
    drawing.rectangle((x, top, x + side, top + side), fill=colour)
    font = ImageFont.load_default(side * 0.75)
    drawing.text((x + side / 2, top + side / 2), str(number), fill=(255, 255, 255), font=font, anchor="mm")
