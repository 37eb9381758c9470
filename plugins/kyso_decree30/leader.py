"""The authorised person's signature: its picture centred between title and name (annex I, II.7.d, box 7c).

The picture keeps its proportions and is scaled into the space; it never covers title or name. Its visible part is what
is centred and measured, so that uneven transparent margins do not shift it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.placement.anchor import find_anchor
from kyso.placement.layout import explicit_place, refuse_unused
from kyso.placement.pictures import Picture, read_picture
from kyso.plugin import Placement, RectMm, SigningRefused, WrongUse
from kyso_decree30.block import Block, find_blocks
from kyso_decree30.search import choose_block, read_page
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from kyso.placement.anchor import Anchor
    from kyso.plugin import Letter, Notice, PlacementIntent

NAME = "decree30.leader"

CLEARANCE_MM = 0.8
"""Kept free to title, name and neighbouring text."""

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
        refuse_unused(intent, NAME, anchor=True)
        if intent.image is None:
            raise WrongUse("decree30.leader_image_missing")
        picture = read_picture(intent.image, intent.fonts.cache_dir)
        explicit = explicit_place(letter, intent)
        if explicit is not None:
            visible = picture.visible_in(explicit.rect_mm)
            return _placement(explicit.page, explicit.rect_mm, visible, picture, explicit.field or intent.field, {}, ())
        if intent.anchor is not None:
            anchor = find_anchor(letter, intent.anchor, intent.page)
            block = _block_of_anchor(letter, anchor, intent.signer.name)
            if block is None:
                space, boxes = _space_at(letter, anchor, intent.values)
                visible = _fitted(picture, space, intent.values, anchor.page)
                boxes["space"] = space
                return _placement(anchor.page, picture.around(visible), visible, picture, intent.field, boxes, ())
            notices: tuple[Notice, ...] = ()
        else:
            choice = choose_block(letter, intent.signer.name, intent.page)
            block, notices = choice.block, choice.notices
        visible = _fitted(picture, block.space, intent.values, block.page)
        boxes = {"title": block.title_rect, "name": block.name_rect, "space": block.space}
        return _placement(block.page, picture.around(visible), visible, picture, intent.field, boxes, notices)


def _placement(
    page: int,
    rect: RectMm,
    visible: RectMm,
    picture: Picture,
    field: str | None,
    boxes: dict[str, RectMm],
    notices: tuple[Notice, ...],
) -> Placement:
    box = picture.around(visible.moved(-rect.left, -rect.top))
    item = ImageItem(picture.path, box.as_tuple(), fit="exact")
    return Placement(
        NAME,
        page,
        rect,
        StampSpec(rect.width, rect.height, (item,)),
        field=field,
        notices=notices,
        boxes_mm={**boxes, "stamp": rect, "ink": visible},
    )


def _fitted(picture: Picture, space: RectMm, values: Mapping[str, Any], page: int) -> RectMm:
    """Return the picture's visible part as large as space and settings allow, centred in `space`."""
    width, height = space.width - 2 * CLEARANCE_MM, space.height - 2 * CLEARANCE_MM
    if width < MIN_WIDTH_MM or height < MIN_HEIGHT_MM:
        raise SigningRefused(
            "decree30.space_too_small",
            page=page,
            width=f"{space.width:.1f}",
            height=f"{space.height:.1f}",
            least=f"{MIN_HEIGHT_MM + 2 * CLEARANCE_MM:.1f}",
        )
    return picture.visible_in(
        space.grown(-CLEARANCE_MM), max_width_mm=values["max_width_mm"], max_height_mm=values["max_height_mm"]
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
