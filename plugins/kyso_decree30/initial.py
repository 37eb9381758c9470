"""Initials of who drafted or reviewed (ký nháy, ký tắt): beside the last line of the text or the signer's title.

Who drafts a letter answers for its content with initials at the end of the text, after "./."; the head of office for
its form, beside the title of who is going to sign. Decree 30/2020 leaves the form of initials to each office's rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kyso.placement.anchor import find_anchor
from kyso.placement.layout import ExplicitPlace, explicit_place, free_place, refuse_unused
from kyso.placement.lettering import set_lines
from kyso.placement.pictures import picture_notices, read_picture
from kyso.placement.templates import stamp_of
from kyso.plugin import Notice, Placement, RectMm, SigningRefused, WrongUse
from kyso_decree30.search import choose_block
from kyso_decree30.wording import folded_name
from kyso_stamps import ImageItem, StampSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.plugin import Letter, PlacementIntent, TextLine
    from kyso_stamps import Colour, StampItem

NAME = "decree30.initial"

SIZE_PT = 11.0
LEAST_SIZE_PT = 7.0
INK: Colour = (0.05, 0.15, 0.55)
"""Blue, as a pen would."""

GAP_MM = 1.5
_STEPS_MM = (0.0, 3.0, 6.0, 10.0, 15.0)
_MAX_PAGES = 60
_END_OF_TEXT = re.compile(r"\./\.?$")


class InitialPolicy:
    """Puts a small picture, or letters, beside the line they belong to."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return where the initials go: to the right of the line, or at a place given by the caller.

        :raises WrongUse: there is neither a picture nor a name to take letters from.
        :raises SigningRefused: the line was not found, or there is no room beside it.
        """
        refuse_unused(intent, NAME, anchor=True)
        explicit = explicit_place(letter, intent)
        by_title = intent.values["beside"] == "title" and intent.anchor is None and explicit is None
        if "candidate" in intent.values and not by_title:
            raise WrongUse("decree30.candidate_unused")
        if explicit is not None:
            return _given(intent, explicit)
        page, line = _line(letter, intent)
        size = _size(intent)
        notices: tuple[Notice, ...] = ()
        place = free_place(letter, page, _places(letter.page(page).rect_mm, line.rect_mm, *size))
        if place is None:
            raise SigningRefused("decree30.no_room_for_initials", page=page, line=line.text)
        if place.covers:
            notices = (Notice("decree30.mark_covers_text", {"page": page, "line": line.text}),)
        rect = place.rect_mm
        stamp, about = _stamp(intent, rect)
        return Placement(
            NAME,
            page,
            rect,
            stamp,
            field=intent.field,
            notices=notices + about,
            boxes_mm={"stamp": rect, "line": line.rect_mm},
        )


def _given(intent: PlacementIntent, place: ExplicitPlace) -> Placement:
    rect = place.rect_mm
    stamp, notices = _stamp(intent, rect)
    return Placement(
        NAME,
        place.page,
        rect,
        stamp,
        field=place.field or intent.field,
        notices=notices,
        boxes_mm={"stamp": rect},
    )


def _line(letter: Letter, intent: PlacementIntent) -> tuple[int, TextLine]:
    """Return the page and the line beside which the initials go."""
    if intent.anchor is not None:
        anchor = find_anchor(letter, intent.anchor, intent.page)
        return anchor.page, anchor.line
    if intent.values["beside"] == "title":
        # Any block will do for who initials: the signer's name is another's.
        block = choose_block(letter, "", intent.page, intent.values.get("candidate")).block
        lines = [line for line in letter.text_lines(block.page) if line.text == block.title[-1]]
        return block.page, next(line for line in lines if block.title_rect.grown(0.1).contains(line.rect_mm))
    return _end_of_text(letter, intent.page)


def _end_of_text(letter: Letter, page: int | None) -> tuple[int, TextLine]:
    """Return the last line of the text: the last one of the letter that ends with ``./.``.

    :raises SigningRefused: there is no such line.
    """
    last = letter.page(-1).number
    numbers = [letter.page(page).number] if page is not None else range(last, max(0, last - _MAX_PAGES), -1)
    for number in numbers:
        for line in reversed(letter.text_lines(number)):
            if _END_OF_TEXT.search(line.text):
                return number, line
    raise SigningRefused("decree30.end_of_text_missing", pages=f"{min(numbers)}-{max(numbers)}")


def _letters(intent: PlacementIntent) -> str:
    """Return the letters to show: as set, else the first letters of the signer's name.

    :raises WrongUse: there are none.
    """
    given = intent.values.get("initials")
    if given:
        return str(given)
    if not intent.signer.name:
        return intent.signer.shown_name
    letters = "".join(word[0] for word in folded_name(intent.signer.name).split() if word[0].isalpha()).upper()
    if not letters:
        raise WrongUse("decree30.initials_missing")
    return letters


def _size(intent: PlacementIntent) -> tuple[float, float]:
    values = intent.values
    if intent.template is not None:
        return intent.template.width_mm, intent.template.height_mm
    box = RectMm(0.0, 0.0, values["max_width_mm"], values["max_height_mm"])
    if intent.image is not None:
        picture = read_picture(intent.image, intent.fonts.cache_dir)
        whole = picture.around(picture.visible_in(box))
        return whole.width, whole.height
    lettering = set_lines(
        (_letters(intent),), size_pt=SIZE_PT, min_size_pt=LEAST_SIZE_PT, max_width_mm=box.width, fonts=intent.fonts
    )
    return lettering.width_mm, lettering.height_mm


def _stamp(intent: PlacementIntent, rect: RectMm) -> tuple[StampSpec, tuple[Notice, ...]]:
    """Return what is drawn in `rect`: the template, the picture, or the letters."""
    if intent.template is not None:
        return stamp_of(intent, place_mm=(rect.width, rect.height)).spec, ()
    item, notices = _item(intent, rect)
    return StampSpec(rect.width, rect.height, (item,)), notices


def _item(intent: PlacementIntent, rect: RectMm) -> tuple[StampItem, tuple[Notice, ...]]:
    """Return what is drawn in `rect`: the picture, or the letters in its middle."""
    if intent.image is not None:
        if intent.values.get("initials"):
            raise WrongUse("decree30.initials_twice")
        picture = read_picture(intent.image, intent.fonts.cache_dir)
        visible = picture.visible_in(RectMm(0.0, 0.0, rect.width, rect.height))
        notices = picture_notices(intent.image, "signature", visible, intent.fonts.cache_dir)
        return ImageItem(picture.path, picture.around(visible).as_tuple(), fit="exact"), notices
    lettering = set_lines(
        (_letters(intent),), size_pt=SIZE_PT, min_size_pt=LEAST_SIZE_PT, max_width_mm=rect.width, fonts=intent.fonts
    )
    if lettering.height_mm > rect.height + 0.02:
        raise SigningRefused("decree30.initials_too_large", height=f"{lettering.height_mm:.1f}")
    top = (rect.height - lettering.height_mm) / 2
    return lettering.item("centre", width_mm=rect.width, top_mm=top, colour=INK), ()


def _places(page: RectMm, line: RectMm, width: float, height: float) -> Iterator[RectMm]:
    """Yield places to the right of the line, level with it; then below its end, then to its left."""
    top = line.centre_y - height / 2
    for step in _STEPS_MM:
        yield RectMm(line.right + GAP_MM + step, top, width, height)
    if line.right + GAP_MM + width > page.right:
        for step in _STEPS_MM:
            yield RectMm(line.right - width, line.bottom + 0.5 + step / 3, width, height)
    yield RectMm(line.left - GAP_MM - width, top, width, height)
