"""What a signature's widget shows by itself: its ink, its colour and its words, whichever program drew it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from kyso.document import pdfium
from kyso.document.ink import appearance_page, ink_of_raster
from kyso.document.letter import reading
from kyso.document.text import text_lines
from kyso.geometry import PageGeometry

if TYPE_CHECKING:
    from kyso.document.ink import InkLetter
    from kyso.document.pdfium import Raster
    from kyso.geometry import RectMm
    from kyso.plugin import Letter
    from kyso.secret import Secret

Ink = Literal["red", "blue", "other", "colourless"]

_DPI = 300.0
_MAX_SIDE_MM = 600.0
_COLOUR_DPI = 72.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What is seen of a signature.

    :param ink_mm: bounding box of its picture, or of everything where it shows no picture, in display space.
    :param colour: prevailing colour of the coloured ink.
    :param text: its words from top to bottom, separated by spaces.
    """

    ink_mm: RectMm
    colour: Ink
    text: str


@dataclass(frozen=True, slots=True)
class _OnePage:
    """A PDF of one page, for the reader of text."""

    name: str
    source: bytes
    geometry: PageGeometry
    password: Secret | None = None

    def page(self, number: int) -> PageGeometry:
        """Return the only page's geometry."""
        assert number == 1
        return self.geometry


def shown_by(letter: Letter, field: str) -> Shown | None:
    """Return what the signed `field` shows; ``None`` without a visible widget or with an empty appearance.

    :raises InputRefused: the appearance is malformed or cannot be rendered.
    """
    with reading(letter.name):
        return _shown(letter, field)


def _shown(letter: Letter, field: str) -> Shown | None:
    # Judging what a widget shows needs the opened file, which is what every check is handed.
    opened = cast("InkLetter", letter)
    info = next((info for info in opened.form.signature_fields if info.name == field), None)
    if info is None or info.widget is None or info.page is None or info.rect_pt is None or not info.has_area:
        return None
    geometry = letter.page(info.page)
    drawn = appearance_page(info.widget, pictures_only=True)
    whole = appearance_page(info.widget, pictures_only=False)
    if drawn is None or whole is None:
        return None
    data, rect_pt = drawn
    page = PageGeometry(1, rect_pt, 0, geometry.user_unit)
    if max(page.width_mm, page.height_mm) > _MAX_SIDE_MM:
        return None
    with pdfium.opened(data, name=letter.name) as document:
        ink = ink_of_raster(document.render(page, dpi=_DPI, draw_forms=False, grey=True))
        coloured = document.render(page, dpi=_COLOUR_DPI, draw_forms=False)
    if ink is None:
        return None
    upright = PageGeometry(1, rect_pt, geometry.rotation, geometry.user_unit)
    lines = text_lines(_OnePage(letter.name, whole[0], upright), 1)
    return Shown(geometry.to_display(page.to_user(ink)), _colour(coloured), " ".join(line.text for line in lines))


def _colour(raster: Raster) -> Ink:
    from kyso_stamps import StampError
    from kyso_stamps.picture_checks import measure_image, right_hue

    try:
        measure = measure_image(raster.image(), "")
    except StampError:
        return "colourless"
    if measure.hue_deg is None:
        return "colourless"
    if right_hue(measure.hue_deg, "seal"):
        return "red"
    return "blue" if right_hue(measure.hue_deg, "signature") else "other"
