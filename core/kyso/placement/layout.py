"""Layout that policies share: explicit places checked, pictures fitted into boxes, free places found.

Everything here is in millimetres of display space (see :mod:`kyso.geometry`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kyso.errors import SigningRefused, WrongUse
from kyso.frozen import dataclass
from kyso.geometry import RectMm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.contracts import FieldInfo, Letter, PlacementIntent

MIN_SIDE_MM = 1.0
"""Nothing smaller than this can be seen, let alone clicked."""

MAX_LOOKS = 48
"""How many candidate places are looked at to see whether they are empty."""

_EDGE_TOLERANCE_MM = 0.05


@dataclass(frozen=True, slots=True)
class ExplicitPlace:
    """A place that the caller named.

    :param field: the existing empty field to fill, ``None`` for a rectangle on a page.
    """

    page: int
    rect_mm: RectMm
    field: str | None


def explicit_place(letter: Letter, intent: PlacementIntent) -> ExplicitPlace | None:
    """Return the place named by an existing empty field, or by page and rectangle; ``None`` when neither is given.

    :raises WrongUse: a rectangle without a page, a field together with a rectangle or with another page, an
        anchor together with either.
    :raises SigningRefused: the field is signed already or cannot be seen; the rectangle is not on the page.
    """
    field = existing_field(letter, intent.field)
    if intent.anchor is not None and (field is not None or intent.rect_mm is not None):
        raise WrongUse("placement.anchor_and_place", other="--rect-mm" if field is None else "--field")
    if field is not None:
        if intent.rect_mm is not None:
            raise WrongUse("placement.field_and_rectangle", field=field.name)
        if intent.page is not None and field.page not in (None, letter.page(intent.page).number):
            raise WrongUse("placement.field_on_other_page", field=field.name, page=field.page, given=intent.page)
        if field.page is None or field.rect_mm is None or min(field.rect_mm.width, field.rect_mm.height) < MIN_SIDE_MM:
            raise SigningRefused("placement.field_invisible", field=field.name)
        return ExplicitPlace(field.page, field.rect_mm, field.name)
    if intent.rect_mm is None:
        return None
    if intent.page is None:
        raise WrongUse("placement.page_missing")
    page = letter.page(intent.page)
    return ExplicitPlace(page.number, checked_rectangle(letter, page.number, intent.rect_mm), None)


def refuse_unused(
    intent: PlacementIntent, policy: str, *, anchor: bool = False, leader_field: bool = False, image: bool = True
) -> None:
    """Refuse what the caller gave and `policy` would not look at; nothing given is ignored.

    :param anchor: whether the policy uses ``--anchor``.
    :param leader_field: whether it uses ``--leader-field``.
    :param image: whether it can show a picture; a template that was asked for decides by itself.
    :raises WrongUse: ``placement.option_unused`` naming the options.
    """
    if intent.template is not None:
        image = intent.template.takes_image
    given = {
        "--anchor": intent.anchor is not None and not anchor,
        "--leader-field": intent.leader_field is not None and not leader_field,
        "--image": intent.image is not None and not image,
    }
    unused = [option for option, wrong in given.items() if wrong]
    if unused:
        raise WrongUse("placement.option_unused", policy=policy, options=unused)


def existing_field(letter: Letter, name: str | None) -> FieldInfo | None:
    """Return the letter's empty signature field `name`, or ``None`` when there is no field of that name.

    :raises SigningRefused: the field carries a signature already.
    """
    if name is None:
        return None
    for field in letter.signature_fields:
        if field.name == name:
            if field.signed:
                raise SigningRefused(
                    "placement.field_signed",
                    field=name,
                    empty=[other.name for other in letter.signature_fields if not other.signed] or "-",
                )
            return field
    return None


def checked_rectangle(letter: Letter, page: int, rect: RectMm) -> RectMm:
    """Return `rect` cut to the page where it leaves it by a rounding error.

    :raises SigningRefused: it is empty, not finite, or leaves the visible page.
    """
    whole = letter.page(page).rect_mm
    numbers = rect.as_tuple()
    if not all(math.isfinite(number) for number in numbers) or min(rect.width, rect.height) < MIN_SIDE_MM:
        raise SigningRefused("placement.rectangle_empty", rect=shown_rect(rect), least=MIN_SIDE_MM)
    if not whole.contains(rect, _EDGE_TOLERANCE_MM):
        raise SigningRefused(
            "placement.off_page",
            rect=shown_rect(rect),
            page=page,
            width=f"{whole.width:.1f}",
            height=f"{whole.height:.1f}",
        )
    return rect


def shown_rect(rect: RectMm) -> str:
    """Return a rectangle as the command line writes it: ``left,top,width,height`` in mm."""
    return ",".join(f"{number:.1f}" for number in rect.as_tuple())


def contained(width: float, height: float, box: RectMm) -> RectMm:
    """Return the largest rectangle of the proportions `width` : `height` inside `box`, centred in it."""
    scale = min(box.width / width, box.height / height)
    return centred(width * scale, height * scale, box.centre_x, box.centre_y)


def centred(width: float, height: float, centre_x: float, centre_y: float) -> RectMm:
    """Return the rectangle of that size around a centre."""
    return RectMm(centre_x - width / 2, centre_y - height / 2, width, height)


def kept_inside(rect: RectMm, page: RectMm) -> RectMm | None:
    """Return `rect` moved by the least distance that brings it wholly onto `page`; ``None`` when it is too large."""
    if rect.width > page.width + _EDGE_TOLERANCE_MM or rect.height > page.height + _EDGE_TOLERANCE_MM:
        return None
    left = min(max(rect.left, page.left), page.right - rect.width)
    top = min(max(rect.top, page.top), page.bottom - rect.height)
    return RectMm(left, top, rect.width, rect.height)


@dataclass(frozen=True, slots=True)
class FreePlace:
    """Where a stamp of a rule's size found room.

    :param covers: whether something printed on the page lies under it, because no candidate was free of ink.
    """

    rect_mm: RectMm
    covers: bool


def free_place(letter: Letter, page: int, candidates: Iterable[RectMm], *, gap_mm: float = 0.5) -> FreePlace | None:
    """Return the first candidate on the page that keeps `gap_mm` from all widgets and lies on empty paper.

    Where the first ones without a widget are all printed on, the very first of them is returned as covering
    something; ``None`` means that widgets leave no candidate at all.

    Places on known lines of text are passed over; of the others at most :data:`MAX_LOOKS` are looked at.
    """
    geometry = letter.page(page)
    taken = [rect.grown(gap_mm) for rect in letter.widgets_mm(page)]
    first: RectMm | None = None
    lines: list[RectMm] | None = None
    looks = 0
    for candidate in candidates:
        if not geometry.rect_mm.contains(candidate, _EDGE_TOLERANCE_MM):
            continue
        if any(candidate.intersects(rect) for rect in taken):
            continue
        first = first or candidate
        if looks and lines is None:
            # Most pages have the first place free, and reading the text costs more than that one look.
            lines = [line.rect_mm for line in letter.text_lines(page)]
        if lines is not None and any(candidate.intersects(line) for line in lines):
            continue
        looks += 1
        if letter.free_of_ink(page, candidate):
            return FreePlace(candidate, covers=False)
        if looks == MAX_LOOKS:
            break
    return None if first is None else FreePlace(first, covers=True)
