"""Marks that the decree lists for paper: degrees of urgency (annex I, III.2.b) and the stamp of receipt (annex IV, V).

On a PDF they are drawn by the appearance of the organisation's own signature, which works before and after other
signatures; page content could only be added before the first one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from kyso.placement.layout import MAX_LOOKS, explicit_place, free_place, refuse_unused, shown_rect
from kyso.placement.lettering import set_lines
from kyso.placement.templates import stamp_of
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso_stamps import FrameItem, StampSpec, TextItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from kyso.plugin import Letter, PlacementIntent
    from kyso_stamps import Colour, StampItem

URGENCY = "decree30.urgency"
INCOMING = "decree30.incoming"

URGENCY_SIZES_MM: Mapping[str, tuple[float, float]] = {
    "HỎA TỐC": (30.0, 8.0),
    "THƯỢNG KHẨN": (40.0, 8.0),
    "KHẨN": (20.0, 8.0),
}
INCOMING_SIZE_MM = (50.0, 35.0)
RED: Colour = (0.85, 0.0, 0.0)
URGENCY_PT = 13.5
LINE_PT = 1.0

_MARGIN_MM = 15.0
_TOP_MM = 5.0
_INSET_MM = 2.0
_HEAD_MM = 14.0
_LEAST_PT = 6.0
_MOST_LOOKS = 3 * MAX_LOOKS
_EMPTY = "…………………"


class UrgencyPolicy:
    """``HỎA TỐC``, ``THƯỢNG KHẨN`` or ``KHẨN``: bold capitals in a rectangle, bright red."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the mark in the top margin of page 1, where the paper is empty.

        :raises SigningRefused: the font lacks a letter, or the given place is too small.
        """
        refuse_unused(intent, URGENCY, image=False)
        if intent.template is not None:
            return _templated(letter, intent, URGENCY, _margin_places)
        words = intent.values["urgency"]
        width, height = URGENCY_SIZES_MM[words]
        lettering = set_lines((words,), size_pt=URGENCY_PT, max_width_mm=width, fonts=intent.fonts, bold=True)
        frame = FrameItem((0.0, 0.0, width, height), line_pt=LINE_PT, colour=RED)
        top = (height - lettering.height_mm) / 2
        text = lettering.item("centre", width_mm=width, top_mm=top, colour=RED)
        return _placed(letter, intent, URGENCY, (width, height), (frame, text), _margin_places)


class IncomingPolicy:
    """The stamp ``ĐẾN`` of 35 x 50 mm: organisation, number and date of receipt, who it goes to, the file."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the stamp on empty paper of page 1, in its upper half where there is room.

        :raises WrongUse: the organisation's name is known from nowhere.
        :raises SigningRefused: a text does not fit, or the given place is too small.
        """
        refuse_unused(intent, INCOMING, image=False)
        organisation = intent.values.get("organisation") or intent.organisation
        if not organisation:
            raise WrongUse("decree30.organisation_missing")
        if intent.template is not None:
            return _templated(letter, intent, INCOMING, _upper_places)
        return _placed(
            letter, intent, INCOMING, INCOMING_SIZE_MM, tuple(_incoming_items(intent, organisation)), _upper_places
        )


def _incoming_items(intent: PlacementIntent, organisation: str) -> Iterable[StampItem]:
    width, height = INCOMING_SIZE_MM
    values = intent.values
    received: date = values.get("date") or intent.signed_at.date()
    inner = width - 2 * _INSET_MM
    yield FrameItem((0.0, 0.0, width, height), line_pt=LINE_PT, colour=RED)
    yield TextItem(
        (organisation,),
        (_INSET_MM, 1.0, inner, _HEAD_MM - 1.0),
        size_pt=10.0,
        min_size_pt=_LEAST_PT,
        align="centre",
        vertical="middle",
        bold=True,
        colour=RED,
    )
    yield TextItem(
        ("ĐẾN",),
        (_INSET_MM, _HEAD_MM, 14.0, height - _HEAD_MM - 1.0),
        size_pt=14.0,
        align="centre",
        bold=True,
        colour=RED,
    )
    lines = (
        f"Số: {values['number']}",
        f"Ngày: {received:%d/%m/%Y}",
        f"Chuyển: {values.get('forward_to') or _EMPTY}",
        f"Số và ký hiệu HS: {values.get('file_symbol') or _EMPTY}",
    )
    yield TextItem(
        lines,
        (_INSET_MM + 14.0, _HEAD_MM, inner - 14.0, height - _HEAD_MM - 1.0),
        size_pt=9.0,
        min_size_pt=_LEAST_PT,
        colour=RED,
    )


def _templated(
    letter: Letter,
    intent: PlacementIntent,
    policy: str,
    places: Callable[[RectMm, float, float], Iterable[RectMm]],
) -> Placement:
    """Return the placement of a template, at its own size like the marks themselves."""
    spec = stamp_of(intent).spec
    return _placed(letter, intent, policy, (spec.width_mm, spec.height_mm), spec.items, places)


def _placed(
    letter: Letter,
    intent: PlacementIntent,
    policy: str,
    size: tuple[float, float],
    items: tuple[StampItem, ...],
    places: Callable[[RectMm, float, float], Iterable[RectMm]],
) -> Placement:
    width, height = size
    explicit = explicit_place(letter, intent)
    if explicit is not None:
        page, given, field = explicit.page, explicit.rect_mm, explicit.field
        if given.width < width - 0.05 or given.height < height - 0.05:
            raise SigningRefused(
                "decree30.mark_larger_than_place", rect=shown_rect(given), width=f"{width:g}", height=f"{height:g}"
            )
        if field is not None:
            items = tuple(_moved(item, given.width - width, given.height - height) for item in items)
            rect = given
        else:
            rect = RectMm(given.left, given.top, width, height)
    else:
        geometry = letter.page(1 if intent.page is None else intent.page)
        page, field = geometry.number, None
        rect = _empty_place(letter, page, places(geometry.rect_mm, width, height))
    return Placement(
        policy,
        page,
        rect,
        StampSpec(rect.width, rect.height, items),
        field=field or intent.field,
        notices=(Notice("decree30.mark_of_paper"),),
        boxes_mm={"stamp": rect},
    )


def _moved(item: StampItem, spare_width: float, spare_height: float) -> StampItem:
    left, top, width, height = item.box_mm
    return replace(item, box_mm=(left + spare_width / 2, top + spare_height / 2, width, height))


def _empty_place(letter: Letter, page: int, places: Iterable[RectMm]) -> RectMm:
    """Return the first place on empty paper; known lines of text are passed over without a look.

    :raises SigningRefused: there is none.
    """
    lines = [line.rect_mm.grown(0.5) for line in letter.text_lines(page)]
    candidates = [place for place in places if not any(place.intersects(line) for line in lines)]
    for start in range(0, min(len(candidates), _MOST_LOOKS), MAX_LOOKS):
        found = free_place(letter, page, candidates[start : start + MAX_LOOKS])
        if found is not None and not found.covers:
            return found.rect_mm
    raise SigningRefused("decree30.no_empty_paper", page=page)


def _margin_places(page: RectMm, width: float, height: float) -> Iterator[RectMm]:
    """Yield places in the top margin, from the left to the right."""
    for top in (_TOP_MM, _TOP_MM + 4, _TOP_MM + 8):
        left = _MARGIN_MM * 2
        while left + width <= page.width - _MARGIN_MM:
            yield RectMm(left, top, width, height)
            left += 15.0
    # A page too narrow for those margins: in the middle of its head.
    yield RectMm((page.width - width) / 2, _TOP_MM, width, height)


def _upper_places(page: RectMm, width: float, height: float) -> Iterator[RectMm]:
    """Yield places in the upper half, below number and symbol at the left first; then in the lower half."""
    lefts = (_MARGIN_MM, 30.0, page.width - _MARGIN_MM - width, (page.width - width) / 2, 3.0)
    middle, end = int(page.height / 2), int(page.height - height)
    for tops in ([*range(38, middle, 6), 4, 14], range(middle, end, 6)):
        for left in lefts:
            for top in tops:
                yield RectMm(left, top, width, height)
