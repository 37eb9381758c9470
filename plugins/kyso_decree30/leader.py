"""The authorised person's signature: its picture centred between title and name (annex I, II.7.d, box 7c).

The picture keeps its proportions and is scaled into the space; it never covers title or name. Its visible part is what
is centred and measured, so that uneven transparent margins do not shift it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from kyso.placement.anchor import find_anchor
from kyso.placement.layout import ExplicitPlace, centred, explicit_place, refuse_unused
from kyso.placement.lettering import Lettering, set_lines, shown_time
from kyso.placement.pictures import Picture, picture_notices, read_picture
from kyso.placement.templates import stamp_of
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso_decree30.block import Block, find_blocks
from kyso_decree30.search import choose_block, read_page
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kyso.placement.anchor import Anchor
    from kyso.plugin import Letter, PlacementIntent
    from kyso_stamps import StampItem

NAME = "decree30.leader"

CLEARANCE_MM = 0.8
"""Kept free to title, name and neighbouring text."""

CAPTION_PT = 8.0
CAPTION_LEAST_PT = 6.0

MIN_HEIGHT_MM = 5.0
MIN_WIDTH_MM = 8.0
"""A signature smaller than this is refused: it would not be recognised."""


class LeaderPolicy:
    """Finds the signature block and puts the picture into its space."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return where the picture goes.

        A place given by field, or by page and rectangle, is used as it is; the picture is fitted into it. An anchor
        names the block, or else a line under which the signature goes.

        :raises WrongUse: there is no picture, or an option that has no meaning here.
        :raises SigningRefused: no block, several blocks, or too little space; the error names what was seen.
        """
        if intent.template is not None and not intent.template.takes_image:
            raise WrongUse("decree30.template_without_picture", template=intent.template.name)
        refuse_unused(intent, NAME, anchor=True)
        if intent.image is None:
            raise WrongUse("decree30.leader_image_missing")
        explicit = explicit_place(letter, intent)
        if "candidate" in intent.values and (explicit is not None or intent.anchor is not None):
            raise WrongUse("decree30.candidate_unused")
        if intent.template is not None:
            return _templated(letter, intent, explicit)
        picture = read_picture(intent.image, intent.fonts.cache_dir)
        if explicit is not None:
            visible, text = _fitted(picture, explicit.rect_mm, intent, explicit.page)
            place = explicit.rect_mm
            return _placement(intent, explicit.page, picture, visible, text, place, explicit.field, {}, ())
        page, space, boxes, notices = _space(letter, intent)
        clear = _clear(space, page)
        visible, text = _fitted(
            picture, clear, intent, page, intent.values["max_width_mm"], intent.values["max_height_mm"]
        )
        return _placement(intent, page, picture, visible, text, None, None, {**boxes, "space": space}, notices)


def _templated(letter: Letter, intent: PlacementIntent, explicit: ExplicitPlace | None) -> Placement:
    """Return the placement of a template: in the middle of the space, no larger than it."""
    notices: tuple[Notice, ...] = ()
    boxes: dict[str, RectMm] = {}
    # A signature has no true size; where a template asks for one, it is the largest that is allowed.
    largest = (intent.values["max_width_mm"], intent.values["max_height_mm"])
    if explicit is not None:
        page, rect = explicit.page, explicit.rect_mm
        stamp = stamp_of(intent, image_mm=largest, place_mm=(rect.width, rect.height))
    else:
        page, space, boxes, notices = _space(letter, intent)
        clear = _clear(space, page)
        stamp = stamp_of(intent, image_mm=largest, within_mm=(clear.width, clear.height))
        rect = centred(stamp.spec.width_mm, stamp.spec.height_mm, clear.centre_x, clear.centre_y)
        boxes = {**boxes, "space": space}
    if stamp.picture is not None and intent.image is not None:
        ink = stamp.picture.moved(rect.left, rect.top)
        boxes = {**boxes, "ink": ink}
        notices += picture_notices(intent.image, "signature", ink, intent.fonts.cache_dir)
    return Placement(
        NAME,
        page,
        rect,
        stamp.spec,
        field=(explicit.field if explicit is not None else None) or intent.field,
        notices=notices,
        boxes_mm={**boxes, "stamp": rect},
    )


def _clear(space: RectMm, page: int) -> RectMm:
    """Return what of the space may be drawn in.

    :raises SigningRefused: no signature could be recognised in it.
    """
    clear = space.grown(-CLEARANCE_MM)
    if clear.width < MIN_WIDTH_MM or clear.height < MIN_HEIGHT_MM:
        raise _too_small(space, page)
    return clear


def _space(letter: Letter, intent: PlacementIntent) -> tuple[int, RectMm, dict[str, RectMm], tuple[Notice, ...]]:
    """Return page and room for the signature, what was measured, and what to say about the choice."""
    if intent.anchor is not None:
        anchor = find_anchor(letter, intent.anchor, intent.page)
        block = _block_of_anchor(letter, anchor, intent.signer.name)
        if block is None:
            return (anchor.page, *_space_at(letter, anchor, intent.values), ())
        notices: tuple[Notice, ...] = ()
    else:
        choice = choose_block(letter, intent.signer.name, intent.page, intent.values.get("candidate"))
        block, notices = choice.block, choice.notices
    return block.page, block.space, {"title": block.title_rect, "name": block.name_rect}, notices


@dataclass(frozen=True, slots=True)
class _Caption:
    """The lines of the preset with name and time, under the picture."""

    rect_mm: RectMm
    lettering: Lettering


def _fitted(
    picture: Picture,
    area: RectMm,
    intent: PlacementIntent,
    page: int,
    max_width_mm: float = inf,
    max_height_mm: float = inf,
) -> tuple[RectMm, _Caption | None]:
    """Return the picture's visible part as large as `area` and settings allow, and the lines below it.

    :raises SigningRefused: the lines leave too little room for the picture.
    """
    if intent.values["show"] == "image":
        return picture.visible_in(area, max_width_mm=max_width_mm, max_height_mm=max_height_mm), None
    lettering = set_lines(
        (intent.signer.shown_name, shown_time(intent, intent.time_pattern)),
        size_pt=CAPTION_PT,
        min_size_pt=CAPTION_LEAST_PT,
        max_width_mm=area.width,
        fonts=intent.fonts,
    )
    room = area.height - lettering.height_mm - CLEARANCE_MM
    if room < MIN_HEIGHT_MM:
        raise _too_small(area, page, lettering.height_mm + CLEARANCE_MM)
    upper = RectMm(area.left, area.top, area.width, room)
    visible = picture.visible_in(upper, max_width_mm=max_width_mm, max_height_mm=max_height_mm)
    whole = picture.around(visible)
    left = area.centre_x - lettering.width_mm / 2
    text = RectMm(left, whole.bottom + CLEARANCE_MM, lettering.width_mm, lettering.height_mm)
    # Picture and lines stand in the middle together.
    down = ((area.bottom - text.bottom) - (whole.top - area.top)) / 2
    return visible.moved(dy_mm=down), _Caption(text.moved(dy_mm=down), lettering)


def _placement(
    intent: PlacementIntent,
    page: int,
    picture: Picture,
    visible: RectMm,
    caption: _Caption | None,
    place: RectMm | None,
    field: str | None,
    boxes: Mapping[str, RectMm],
    notices: tuple[Notice, ...],
) -> Placement:
    """Return the placement; the widget is the given `place`, else as large as what is drawn."""
    whole = picture.around(visible)
    rect = place if place is not None else whole if caption is None else whole.united(caption.rect_mm)
    items: list[StampItem] = [ImageItem(picture.path, whole.moved(-rect.left, -rect.top).as_tuple(), fit="exact")]
    notices += picture_notices(picture.path, "signature", visible, intent.fonts.cache_dir)
    if caption is not None:
        text = caption.rect_mm
        items.append(
            caption.lettering.item(
                "centre", width_mm=text.width, left_mm=text.left - rect.left, top_mm=text.top - rect.top
            )
        )
        notices += (Notice("decree30.lines_added"),)
    return Placement(
        NAME,
        page,
        rect,
        StampSpec(rect.width, rect.height, tuple(items)),
        field=field or intent.field,
        notices=notices,
        boxes_mm={**boxes, "stamp": rect, "ink": visible},
    )


def _too_small(space: RectMm, page: int, more_mm: float = 0.0) -> SigningRefused:
    return SigningRefused(
        "decree30.space_too_small",
        page=page,
        width=f"{space.width:.1f}",
        height=f"{space.height:.1f}",
        least=f"{MIN_HEIGHT_MM + 2 * CLEARANCE_MM + more_mm:.1f}",
    )


def _block_of_anchor(letter: Letter, anchor: Anchor, signer: str) -> Block | None:
    """Return the recognised block one of whose lines is the anchor."""
    centre = anchor.line.rect_mm.grown(-0.2)
    for block in find_blocks(read_page(letter, anchor.page), signer):
        if block.title_rect.contains(centre) or block.name_rect.contains(centre):
            return block
    return None


def _space_at(letter: Letter, anchor: Anchor, values: Mapping[str, Any]) -> tuple[RectMm, dict[str, RectMm]]:
    """Return the free space below the anchor line, or above it where there is more, centred on its axis.

    Beside a line that belongs to no recognised block nobody says how far the space reaches, so no more of it is used
    than the largest allowed picture needs.
    """
    rect, page = anchor.line.rect_mm, letter.page(anchor.page).rect_mm
    half = values["max_width_mm"] / 2 + CLEARANCE_MM
    half = min(half, rect.centre_x - page.left, page.right - rect.centre_x)
    left, right = rect.centre_x - half, rect.centre_x + half
    others = [
        line.rect_mm
        for line in letter.text_lines(anchor.page)
        if line.rect_mm.left < right and line.rect_mm.right > left and line != anchor.line
    ]
    others += letter.widgets_mm(anchor.page)
    below = min((other.top for other in others if other.bottom > rect.bottom), default=page.bottom)
    above = max((other.bottom for other in others if other.top < rect.top), default=page.top)
    most = values["max_height_mm"] + 2 * CLEARANCE_MM
    down, up = min(most, below - rect.bottom), min(most, rect.top - above)
    # Below is where a signature belongs: above is taken only where below has no room for it.
    if down >= MIN_HEIGHT_MM + 2 * CLEARANCE_MM or down >= up:
        space = RectMm(left, rect.bottom, right - left, max(0.0, down))
    else:
        space = RectMm(left, rect.top - up, right - left, up)
    return space, {"anchor": rect}
