"""The signature block on an attachment to a Treasury dossier: at the top of page 1, centred (Decision 935, VII.2).

It names the signer, the date, the title, the budget code and the content. The decision's figure is not published, so
sizes and order of the lines are assumptions and stand here as constants.

Where it goes: a single block is centred. When the number of signers is told beforehand, their blocks stand in one row
that is centred as a whole, in the order in which they sign. Otherwise a further block takes the free place nearest to
the top centre, to the right before to the left, then below. No block ever overlaps another widget; a block that has to
cover print says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.placement.layout import explicit_place, free_place
from kyso.placement.lettering import Lettering, set_lines
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.plugin import Letter, PlacementIntent
    from kyso_stamps import StampItem

NAME = "kbnn.attachment"

SIZE_PT = 9.0
MIN_SIZE_PT = 6.0
TOP_MM = 5.0
MAX_WIDTH_MM = 85.0
GAP_MM = 3.0
PAGE_MARGIN_MM = 10.0

_IMAGE_WIDTH_MM = 22.0
_IMAGE_GAP_MM = 1.5
_STEP_MM = 1.0


class AttachmentPolicy:
    """Sets the block and finds its place."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the block's place and lines.

        :raises WrongUse: the signer's title is known from nowhere.
        :raises SigningRefused: the text does not fit, or other signatures leave no place.
        """
        lines = _lines(intent)
        with_image = _IMAGE_WIDTH_MM + _IMAGE_GAP_MM if intent.image is not None else 0.0
        notices: tuple[Notice, ...] = ()
        explicit = explicit_place(letter, intent)
        if explicit is not None:
            rect, page, field = explicit.rect_mm, explicit.page, explicit.field or intent.field
            lettering = _set(lines, rect.width - with_image, intent)
            if lettering.height_mm > rect.height:
                raise SigningRefused(
                    "kbnn.block_too_large", height=f"{lettering.height_mm:.1f}", place=f"{rect.height:.1f}"
                )
        else:
            geometry = letter.page(1 if intent.page is None else intent.page)
            page, field = geometry.number, intent.field
            column = _column_width(geometry.width_mm, int(intent.values["signers"]))
            lettering = _set(lines, column - with_image, intent)
            candidates = _places(letter, geometry.rect_mm, lettering, with_image, int(intent.values["signers"]))
            place = free_place(letter, page, candidates, gap_mm=GAP_MM / 2)
            if place is None:
                raise SigningRefused("kbnn.no_free_place", page=page)
            rect = place.rect_mm
            if place.covers:
                notices = (Notice("kbnn.block_covers", {"page": page}),)
        return Placement(
            NAME,
            page,
            rect,
            StampSpec(rect.width, rect.height, _items(rect, lettering, with_image, intent)),
            field=field,
            notices=notices,
            boxes_mm={"stamp": rect},
        )


def _lines(intent: PlacementIntent) -> tuple[str, ...]:
    title = intent.values.get("title") or intent.signer.title
    if not title:
        raise WrongUse("kbnn.title_missing")
    date = intent.values.get("date")
    pattern = intent.values["time_pattern"]
    try:
        time = intent.signed_at.strftime(pattern) if date is None else date.strftime("%d/%m/%Y")
    except ValueError as error:
        raise WrongUse("kbnn.time_pattern_wrong", pattern=pattern) from error
    return (
        f"Người ký: {intent.signer.name}",
        f"Ngày ký: {time}",
        f"Chức danh: {title}",
        f"Mã ĐVQHNS: {intent.values['budget_code']}",
        f"Nội dung: {intent.values['content']}",
    )


def _set(lines: tuple[str, ...], width_mm: float, intent: PlacementIntent) -> Lettering:
    if width_mm <= 0:
        raise SigningRefused("kbnn.no_room_for_text", width=f"{width_mm:.1f}")
    return set_lines(lines, size_pt=SIZE_PT, min_size_pt=MIN_SIZE_PT, max_width_mm=width_mm, fonts=intent.fonts)


def _items(rect: RectMm, lettering: Lettering, with_image: float, intent: PlacementIntent) -> tuple[StampItem, ...]:
    text = lettering.item("left", width_mm=rect.width - with_image, left_mm=with_image)
    if intent.image is None:
        return (text,)
    from kyso.placement.pictures import read_picture

    picture = read_picture(intent.image, intent.fonts.cache_dir)
    visible = picture.visible_in(RectMm(0.0, 0.0, _IMAGE_WIDTH_MM, rect.height))
    return ImageItem(picture.path, picture.around(visible).as_tuple(), fit="exact"), text


def _column_width(page_width: float, signers: int) -> float:
    room = page_width - 2 * PAGE_MARGIN_MM - (signers - 1) * GAP_MM
    return min(MAX_WIDTH_MM, room / signers)


def _places(letter: Letter, page: RectMm, lettering: Lettering, with_image: float, signers: int) -> Iterator[RectMm]:
    width, height = lettering.width_mm + with_image, lettering.height_mm
    if signers > 1:
        column = _column_width(page.width, signers)
        before = sum(field.signed and field.policy == NAME for field in letter.signature_fields)
        if before < signers:
            left = page.centre_x - (signers * column + (signers - 1) * GAP_MM) / 2 + before * (column + GAP_MM)
            yield RectMm(left + (column - width) / 2, TOP_MM, width, height)
    reach = (page.width - width) / 2 - PAGE_MARGIN_MM
    top = TOP_MM
    while top + height <= page.height / 2:
        yield RectMm(page.centre_x - width / 2, top, width, height)
        offset = _STEP_MM
        while offset <= reach:
            for shift in (offset, -offset):
                yield RectMm(page.centre_x - width / 2 + shift, top, width, height)
            offset += _STEP_MM
        top += _STEP_MM
