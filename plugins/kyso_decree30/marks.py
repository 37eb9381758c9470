"""The marks without a picture: on an attachment in a file of its own, and on a digitised copy.

Both stand at the top right of page 1, upright, black, in a Times-metric face of size 10 (annex I, II.8.b and part II):
the text ends 15 mm from the right edge and its ink starts 10 mm from the upper edge of the visible page. The widget is
as large as the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.placement.layout import explicit_place, free_place, refuse_unused
from kyso.placement.lettering import Lettering, set_lines
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso.text import Phrase
from kyso_stamps import StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.plugin import Letter, PlacementIntent

ATTACHMENT = "decree30.attachment"
COPY = "decree30.copy"

SIZE_PT = 10.0
FROM_RIGHT_MM = 15.0
FROM_TOP_MM = 10.0

_FROM_LEFT_MM = 15.0
_FROM_LEFT_PART = 0.1
_LEAST_TOP_MM = 3.0


class AttachmentPolicy:
    """``Số: 12/QĐ-ABC; 22/11/2026; 09:15:07 +07:00``."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark with the letter's number and symbol and the time of signing.

        :raises SigningRefused: the text does not fit on the page.
        """
        return _mark(letter, intent, ATTACHMENT, f"Số: {intent.values['number']}; {_shown_time(intent)}")


class CopyPolicy:
    """``SAO Y; ỦY BAN NHÂN DÂN TỈNH ABC; 22/11/2026; 09:15:07 +07:00``."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark with the form of the copy, the copying organisation and the time of signing.

        :raises WrongUse: the organisation's name is known from nowhere.
        :raises SigningRefused: the text does not fit on the page.
        """
        organisation = intent.values.get("organisation") or intent.organisation
        if not organisation:
            raise WrongUse("decree30.organisation_missing")
        return _mark(letter, intent, COPY, f"{intent.values['copy_form']}; {organisation}; {_shown_time(intent)}")


def _shown_time(intent: PlacementIntent) -> str:
    pattern = intent.values["time_pattern"]
    try:
        shown = intent.signed_at.strftime(pattern)
    except ValueError as error:
        raise WrongUse("decree30.time_pattern_wrong", pattern=pattern) from error
    if not shown.strip():
        raise WrongUse("decree30.time_pattern_wrong", pattern=pattern)
    return shown


def _mark(letter: Letter, intent: PlacementIntent, policy: str, text: str) -> Placement:
    refuse_unused(intent, policy, image=False)
    notices: tuple[Notice, ...] = ()
    explicit = explicit_place(letter, intent)
    if explicit is not None:
        rect, page, field = explicit.rect_mm, explicit.page, explicit.field or intent.field
        lettering = _set(text, rect.width, intent)
        if lettering.height_mm > rect.height:
            raise SigningRefused(
                "decree30.mark_too_large",
                text=text,
                height=f"{lettering.height_mm:.1f}",
                place=f"{rect.height:.1f}",
            )
    else:
        geometry = letter.page(1 if intent.page is None else intent.page)
        page, field = geometry.number, intent.field
        room = geometry.width_mm - FROM_RIGHT_MM - min(_FROM_LEFT_MM, _FROM_LEFT_PART * geometry.width_mm)
        if room <= 0:
            raise SigningRefused("decree30.page_too_small", page=page, width=f"{geometry.width_mm:.1f}")
        lettering = _set(text, room, intent)
        place = free_place(letter, page, _places(geometry.rect_mm, lettering))
        if place is None:
            raise SigningRefused("decree30.no_free_place", page=page, text=text)
        rect = place.rect_mm
        if place.covers:
            notices = (Notice("decree30.mark_covers", {"page": page}),)
    if explicit is not None or page != 1:
        notices = (*notices, Notice("decree30.place_given", {"rule": Phrase("decree30.place.mark")}))
    item = lettering.item("right", width_mm=rect.width)
    return Placement(
        policy,
        page,
        rect,
        StampSpec(rect.width, rect.height, (item,)),
        field=field,
        notices=notices,
        boxes_mm={"stamp": rect},
    )


def _set(text: str, width_mm: float, intent: PlacementIntent) -> Lettering:
    return set_lines((text,), size_pt=SIZE_PT, max_width_mm=width_mm, fonts=intent.fonts)


def _places(page: RectMm, lettering: Lettering) -> Iterator[RectMm]:
    """Yield the rule's place, then places above and below it along the same right edge.

    A file may be signed as an attachment more than once, and what was scanned or printed may reach into the margin.
    """
    width, height = lettering.width_mm, lettering.height_mm
    left = page.right - FROM_RIGHT_MM - width
    # The ink starts at the distance, not the font's line.
    first = max(0.0, FROM_TOP_MM - lettering.ink_top_mm)
    yield RectMm(left, first, width, height)
    for distance in range(1, int(page.height / 2)):
        for top in (first - distance, first + distance):
            if top >= _LEAST_TOP_MM:
                yield RectMm(left, top, width, height)
