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
from kyso.placement.templates import stamp_of
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso.text import Phrase
from kyso_decree30.numbering import given_parts
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
_MARGIN_DOWN_MM = 25.0
_FARTHER_LEFT_MM = (10.0, 20.0, 30.0, 45.0, 60.0)
_GAP_MM = 0.5


class AttachmentPolicy:
    """``Số: 12/QĐ-ABC; 22/11/2026; 09:15:07 +07:00``."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark with the letter's number and symbol and the time of signing.

        :raises WrongUse: an option that has no meaning here.
        :raises SigningRefused: the text does not fit on the page.
        """
        refuse_unused(intent, ATTACHMENT, image=False)
        if intent.template is not None:
            return _templated(letter, intent, ATTACHMENT)
        time = shown_time(intent, intent.values["time_pattern"])
        # The leading zero of a number below 10 (annex I, II.3) belongs to it here as on the letter.
        parts = given_parts(intent.values["number"])
        number = intent.values["number"] if parts is None else "/".join(part for part in parts if part)
        return _mark(letter, intent, ATTACHMENT, f"Số: {number}; {time}", None)


class CopyPolicy:
    """``SAO Y; ỦY BAN NHÂN DÂN TỈNH ABC; 22/11/2026; 09:15:07 +07:00``."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark with the form of the copy, the copying organisation and the time of signing.

        The decree shows no picture here. The preset ``text-seal`` sets the seal in its true size below the text;
        picture and size are those of the request, else the configured seal's.

        :raises WrongUse: the organisation's name is known from nowhere; a picture without the preset, or the preset
            without picture or size.
        :raises SigningRefused: the text does not fit on the page.
        """
        with_seal = intent.values["show"] == "text-seal"
        refuse_unused(intent, COPY, image=with_seal)
        organisation = intent.values.get("organisation") or intent.organisation
        if not organisation:
            raise WrongUse("decree30.organisation_missing")
        with_size = any(name in intent.values for name in ("diameter_mm", "width_mm", "height_mm"))
        if intent.template is not None:
            if with_size and not intent.template.true_size:
                raise WrongUse("decree30.size_without_seal")
            return _templated(letter, intent, COPY, true_size(intent.values) if with_size else None)
        seal = None
        if with_seal:
            image = intent.image or (intent.seal.image if intent.seal is not None else None)
            if image is None:
                raise WrongUse("decree30.seal_image_missing")
            size = true_size(intent.values, intent.seal)
            seal = seal_picture(image, RectMm(0.0, 0.0, *size), intent.fonts.cache_dir)
        elif with_size:
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
        page, room = _page_and_room(letter, intent)
        field = intent.field
        mark = _Mark(_set(text, room, intent), seal)
        # The ink starts at the distance, not the font's line.
        rect, covers = _found(letter, page, mark.width_mm, mark.height_mm, mark.text.ink_top_mm, text)
        notices += covers
    notices += _told(page, given=explicit is not None)
    return Placement(policy, page, rect, mark.stamp(rect), field=field, notices=notices, boxes_mm={"stamp": rect})


def _templated(
    letter: Letter, intent: PlacementIntent, policy: str, seal_mm: tuple[float, float] | None = None
) -> Placement:
    """Return the placement of a template: at its own size where the rule wants the text, or inside the given place."""
    notices: tuple[Notice, ...] = ()
    explicit = explicit_place(letter, intent)
    if explicit is not None:
        rect, page, field = explicit.rect_mm, explicit.page, explicit.field or intent.field
        stamp = stamp_of(intent, image_mm=seal_mm, place_mm=(rect.width, rect.height))
    else:
        page, room = _page_and_room(letter, intent)
        field = intent.field
        stamp = stamp_of(intent, image_mm=seal_mm, within_mm=(room, letter.page(page).height_mm / 2))
        name = intent.template.name if intent.template is not None else ""
        rect, notices = _found(letter, page, stamp.spec.width_mm, stamp.spec.height_mm, 0.0, name)
    if stamp.picture is not None and policy == COPY:
        notices += (Notice("decree30.seal_on_copy"),)
    notices += _told(page, given=explicit is not None)
    return Placement(policy, page, rect, stamp.spec, field=field, notices=notices, boxes_mm={"stamp": rect})


def _told(page: int, *, given: bool) -> tuple[Notice, ...]:
    """Say that the place is not the decree's where it is not."""
    if not given and page == 1:
        return ()
    return (Notice("decree30.place_given", {"rule": Phrase("decree30.place.mark")}),)


def _page_and_room(letter: Letter, intent: PlacementIntent) -> tuple[int, float]:
    """Return the page and the width in mm that a mark may have on it.

    :raises SigningRefused: the page has no room between its margins.
    """
    geometry = letter.page(1 if intent.page is None else intent.page)
    room = geometry.width_mm - FROM_RIGHT_MM - min(_FROM_LEFT_MM, _FROM_LEFT_PART * geometry.width_mm)
    if room <= 0:
        raise SigningRefused("decree30.page_too_small", page=geometry.number, width=f"{geometry.width_mm:.1f}")
    return geometry.number, room


def _found(
    letter: Letter, page: int, width: float, height: float, ink_top_mm: float, shown: str
) -> tuple[RectMm, tuple[Notice, ...]]:
    """Return the free place of a mark and what to say about it.

    :raises SigningRefused: other signatures leave no place.
    """
    place = free_place(letter, page, _places(letter.page(page).rect_mm, width, height, ink_top_mm))
    if place is None:
        raise SigningRefused("decree30.no_free_place", page=page, text=shown)
    return place.rect_mm, (Notice("decree30.mark_covers", {"page": page}),) if place.covers else ()


def _set(text: str, width_mm: float, intent: PlacementIntent) -> Lettering:
    return set_lines((text,), size_pt=SIZE_PT, max_width_mm=width_mm, fonts=intent.fonts)


def _places(page: RectMm, width: float, height: float, ink_top_mm: float) -> Iterator[RectMm]:
    """Yield the rule's place, then others in the top margin, along the same right edge before farther left, then below.

    A file may be signed as an attachment more than once, and what was scanned or printed may reach into the margin.
    """
    left = page.right - FROM_RIGHT_MM - width
    first = max(0.0, FROM_TOP_MM - ink_top_mm)
    yield RectMm(left, first, width, height)
    margin = [first + sign * step for step in range(1, int(_MARGIN_DOWN_MM)) for sign in (-1, 1)]
    margin = [top for top in margin if _LEAST_TOP_MM <= top <= _MARGIN_DOWN_MM - height]
    for top in margin:
        yield RectMm(left, top, width, height)
    for farther in _FARTHER_LEFT_MM:
        if left - farther >= page.width / 2 - width / 2:
            for top in (first, *margin[::2]):
                yield RectMm(left - farther, top, width, height)
    for top in range(int(_MARGIN_DOWN_MM - height), int(page.height / 2)):
        yield RectMm(left, top, width, height)
