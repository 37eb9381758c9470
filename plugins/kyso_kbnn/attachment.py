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

from kyso.placement.layout import explicit_place, free_place, refuse_unused
from kyso.placement.lettering import Lettering, set_lines
from kyso.placement.templates import stamp_of
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.plugin import Letter, PlacementIntent
    from kyso_stamps import StampItem

NAME = "kbnn.attachment"

SIZES_PT = (9.0, 8.0, 7.0)
"""Sizes of the text, the wished one first; a smaller one is taken where it keeps the block clear of print."""

MIN_SIZE_PT = 6.0
TOP_MM = 4.0
MAX_WIDTH_MM = 85.0
GAP_MM = 3.0
PAGE_MARGIN_MM = 10.0

_IMAGE_WIDTH_MM = 22.0
_IMAGE_GAP_MM = 1.5


class AttachmentPolicy:
    """Sets the block and finds its place."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the block's place and lines.

        :raises WrongUse: the signer's title is known from nowhere.
        :raises SigningRefused: the text does not fit, or other signatures leave no place.
        """
        refuse_unused(intent, NAME)
        if intent.template is not None:
            return _templated(letter, intent)
        lines = _lines(intent)
        with_image = _IMAGE_WIDTH_MM + _IMAGE_GAP_MM if intent.image is not None else 0.0
        notices: tuple[Notice, ...] = ()
        explicit = explicit_place(letter, intent)
        if explicit is not None:
            rect, page, field = explicit.rect_mm, explicit.page, explicit.field or intent.field
            lettering = _set(lines, rect.width - with_image, intent, SIZES_PT[0])
            if lettering.height_mm > rect.height:
                raise SigningRefused(
                    "kbnn.block_too_large", height=f"{lettering.height_mm:.1f}", place=f"{rect.height:.1f}"
                )
        else:
            geometry = letter.page(1 if intent.page is None else intent.page)
            page, field = geometry.number, intent.field
            rect, lettering, covers = _found(letter, geometry.number, lines, with_image, intent)
            if covers:
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


def _templated(letter: Letter, intent: PlacementIntent) -> Placement:
    """Return the placement of a template: inside the given place, else where a block of its size goes.

    :raises SigningRefused: other signatures leave no place.
    """
    notices: tuple[Notice, ...] = ()
    explicit = explicit_place(letter, intent)
    if explicit is not None:
        rect, page, field = explicit.rect_mm, explicit.page, explicit.field or intent.field
        spec = stamp_of(intent, place_mm=(rect.width, rect.height)).spec
    else:
        geometry = letter.page(1 if intent.page is None else intent.page)
        page, field, signers = geometry.number, intent.field, int(intent.values["signers"])
        # Several blocks share the row; one alone may be as wide as the page leaves.
        room = _column_width(geometry.width_mm, signers) if signers > 1 else geometry.width_mm - 2 * PAGE_MARGIN_MM
        spec = stamp_of(intent, within_mm=(room, geometry.height_mm / 3)).spec
        places = _places(letter, page, spec.width_mm, spec.height_mm, signers)
        place = free_place(letter, page, places, gap_mm=GAP_MM / 2)
        if place is None:
            raise SigningRefused("kbnn.no_free_place", page=page)
        rect = place.rect_mm
        if place.covers:
            notices = (Notice("kbnn.block_covers", {"page": page}),)
    return Placement(NAME, page, rect, spec, field=field, notices=notices, boxes_mm={"stamp": rect})


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
        f"Người ký: {intent.signer.shown_name}",
        f"Ngày ký: {time}",
        f"Chức danh: {title}",
        f"Mã ĐVQHNS: {intent.values['budget_code']}",
        f"Nội dung: {intent.values['content']}",
    )


def _set(lines: tuple[str, ...], width_mm: float, intent: PlacementIntent, size_pt: float) -> Lettering:
    if width_mm <= 0:
        raise SigningRefused("kbnn.no_room_for_text", width=f"{max(width_mm, 0):.1f}")
    return set_lines(lines, size_pt=size_pt, min_size_pt=MIN_SIZE_PT, max_width_mm=width_mm, fonts=intent.fonts)


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


def _found(
    letter: Letter, page: int, lines: tuple[str, ...], with_image: float, intent: PlacementIntent
) -> tuple[RectMm, Lettering, bool]:
    """Return the block's place, its lines as set, and whether it covers print; smaller print may avoid that.

    :raises SigningRefused: other signatures leave no place.
    """
    rect = letter.page(page).rect_mm
    signers = int(intent.values["signers"])
    column = _column_width(rect.width, signers) - with_image
    first: tuple[RectMm, Lettering, bool] | None = None
    for size in SIZES_PT:
        lettering = _set(lines, column, intent, size)
        places = _places(letter, page, lettering.width_mm + with_image, lettering.height_mm, signers)
        place = free_place(letter, page, places, gap_mm=GAP_MM / 2)
        if place is not None and not place.covers:
            return place.rect_mm, lettering, False
        if place is not None and first is None:
            first = place.rect_mm, lettering, True
    if first is None:
        raise SigningRefused("kbnn.no_free_place", page=page)
    return first


def _places(letter: Letter, page: int, width: float, height: float, signers: int) -> Iterator[RectMm]:
    """Yield places from the top centre outwards and downwards, each next to what stands there already."""
    whole, widgets = letter.page(page).rect_mm, letter.widgets_mm(page)
    if signers > 1:
        column = _column_width(whole.width, signers)
        before = sum(field.signed and field.policy == NAME for field in letter.signature_fields)
        if before < signers:
            left = whole.centre_x - (signers * column + (signers - 1) * GAP_MM) / 2 + before * (column + GAP_MM)
            yield RectMm(left + (column - width) / 2, TOP_MM, width, height)
    centre = whole.centre_x - width / 2
    lefts = {centre}
    lefts.update(widget.right + GAP_MM for widget in widgets)
    lefts.update(widget.left - GAP_MM - width for widget in widgets)
    least, most = whole.left + PAGE_MARGIN_MM, whole.right - PAGE_MARGIN_MM - width
    # To the right comes before to the left, and the nearest to the centre first.
    nearest = sorted(
        (left for left in lefts if left == centre or least <= left <= most),
        key=lambda left: (round(abs(left - centre), 3), -left),
    )
    for top in sorted({TOP_MM, *(widget.bottom + GAP_MM for widget in widgets)}):
        if top >= TOP_MM and top + height <= whole.height / 2:
            for left in nearest:
                yield RectMm(left, top, width, height)
