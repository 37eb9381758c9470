"""The marks without a picture: on an attachment in a file of its own, and on a digitised copy.

Both stand at the top right of page 1, upright, black, in a Times-metric face of size 10 (annex I, II.8.b and part II):
the text ends 15 mm from the right edge and its ink starts 10 mm from the upper edge of the visible page. The widget is
as large as the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kyso.placement.layout import explicit_place, free_place, refuse_unused
from kyso.placement.lettering import Lettering, set_lines, shown_time
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso.text import Phrase
from kyso_decree30.seal import SealPicture, seal_picture, true_size
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.plugin import Letter, PlacementIntent
    from kyso_stamps import StampItem

ATTACHMENT = "decree30.attachment"
COPY = "decree30.copy"

SIZE_PT = 10.0
FROM_RIGHT_MM = 15.0
FROM_TOP_MM = 10.0

_FROM_LEFT_MM = 15.0
_FROM_LEFT_PART = 0.1
_LEAST_TOP_MM = 3.0
_GAP_MM = 0.5


class AttachmentPolicy:
    """``Số: 12/QĐ-ABC; 22/11/2026; 09:15:07 +07:00``."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark with the letter's number and symbol and the time of signing.

        :raises WrongUse: an option that has no meaning here.
        :raises SigningRefused: the text does not fit on the page.
        """
        refuse_unused(intent, ATTACHMENT, image=False)
        time = shown_time(intent, intent.values["time_pattern"])
        return _mark(letter, intent, ATTACHMENT, f"Số: {intent.values['number']}; {time}", None)


class CopyPolicy:
    """``SAO Y; ỦY BAN NHÂN DÂN TỈNH ABC; 22/11/2026; 09:15:07 +07:00``."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark with the form of the copy, the copying organisation and the time of signing.

        The decree shows no picture here. The preset ``text-seal`` sets the seal in its true size below the text.

        :raises WrongUse: the organisation's name is known from nowhere; a picture without the preset, or the preset
            without picture or size.
        :raises SigningRefused: the text does not fit on the page.
        """
        with_seal = intent.values["show"] == "text-seal"
        refuse_unused(intent, COPY, image=with_seal)
        organisation = intent.values.get("organisation") or intent.organisation
        if not organisation:
            raise WrongUse("decree30.organisation_missing")
        seal = None
        if with_seal:
            if intent.image is None:
                raise WrongUse("decree30.seal_image_missing")
            seal = seal_picture(intent.image, RectMm(0.0, 0.0, *true_size(intent.values)), intent.fonts.cache_dir)
        elif any(name in intent.values for name in ("diameter_mm", "width_mm", "height_mm")):
            raise WrongUse("decree30.size_without_seal")
        time = shown_time(intent, intent.values["time_pattern"])
        return _mark(letter, intent, COPY, f"{intent.values['copy_form']}; {organisation}; {time}", seal)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The text and, below it, perhaps the seal; both end at the same right edge."""

    text: Lettering
    seal: SealPicture | None

    @property
    def width_mm(self) -> float:
        return self.text.width_mm if self.seal is None else max(self.text.width_mm, self.seal.whole.width)

    @property
    def height_mm(self) -> float:
        return self.text.height_mm if self.seal is None else self.text.height_mm + _GAP_MM + self.seal.whole.height

    def stamp(self, rect: RectMm) -> StampSpec:
        """Return what is drawn in a widget `rect`, which is at least as large."""
        items: list[StampItem] = [self.text.item("right", width_mm=rect.width)]
        if self.seal is not None:
            whole = self.seal.whole
            left, top = rect.width - whole.width, self.text.height_mm + _GAP_MM
            items.insert(0, ImageItem(self.seal.path, (left, top, whole.width, whole.height), fit="exact"))
        return StampSpec(rect.width, rect.height, tuple(items))


def _mark(letter: Letter, intent: PlacementIntent, policy: str, text: str, seal: SealPicture | None) -> Placement:
    notices: tuple[Notice, ...] = ()
    if seal is not None:
        notices = (*seal.notices, Notice("decree30.seal_on_copy"))
    explicit = explicit_place(letter, intent)
    if explicit is not None:
        rect, page, field = explicit.rect_mm, explicit.page, explicit.field or intent.field
        mark = _Mark(_set(text, rect.width, intent), seal)
        if mark.height_mm > rect.height or mark.width_mm > rect.width:
            raise SigningRefused(
                "decree30.mark_too_large",
                text=text,
                height=f"{mark.height_mm:.1f}",
                place=f"{rect.height:.1f}",
            )
    else:
        geometry = letter.page(1 if intent.page is None else intent.page)
        page, field = geometry.number, intent.field
        room = geometry.width_mm - FROM_RIGHT_MM - min(_FROM_LEFT_MM, _FROM_LEFT_PART * geometry.width_mm)
        if room <= 0:
            raise SigningRefused("decree30.page_too_small", page=page, width=f"{geometry.width_mm:.1f}")
        mark = _Mark(_set(text, room, intent), seal)
        place = free_place(letter, page, _places(geometry.rect_mm, mark))
        if place is None:
            raise SigningRefused("decree30.no_free_place", page=page, text=text)
        rect = place.rect_mm
        if place.covers:
            notices += (Notice("decree30.mark_covers", {"page": page}),)
    if explicit is not None or page != 1:
        notices += (Notice("decree30.place_given", {"rule": Phrase("decree30.place.mark")}),)
    return Placement(policy, page, rect, mark.stamp(rect), field=field, notices=notices, boxes_mm={"stamp": rect})


def _set(text: str, width_mm: float, intent: PlacementIntent) -> Lettering:
    return set_lines((text,), size_pt=SIZE_PT, max_width_mm=width_mm, fonts=intent.fonts)


def _places(page: RectMm, mark: _Mark) -> Iterator[RectMm]:
    """Yield the rule's place, then places above and below it along the same right edge.

    A file may be signed as an attachment more than once, and what was scanned or printed may reach into the margin.
    """
    width, height = mark.width_mm, mark.height_mm
    left = page.right - FROM_RIGHT_MM - width
    # The ink starts at the distance, not the font's line.
    first = max(0.0, FROM_TOP_MM - mark.text.ink_top_mm)
    yield RectMm(left, first, width, height)
    for distance in range(1, int(page.height / 2)):
        for top in (first - distance, first + distance):
            if top >= _LEAST_TOP_MM:
                yield RectMm(left, top, width, height)
