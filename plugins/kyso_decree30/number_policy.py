"""The signature that carries number and date of issue, for letters whose seal stands on another page than page 1.

The clerk signs with it between the authorised person's signature and the seal (articles 14, 15 and 32): drawn at boxes
3 and 4 of page 1, or into one field that was made before the authorised person signed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.placement.layout import ExplicitPlace, explicit_place, refuse_unused
from kyso.placement.lettering import set_lines
from kyso.plugin import Placement, SigningRefused, WrongUse
from kyso_decree30.numbering import (
    LEAST_SIZE_PT,
    NUMBER,
    SIZE_PT,
    date_differs,
    given_number,
    numbered_before,
    prepare_given,
    vietnamese_date,
)
from kyso_stamps import StampSpec

if TYPE_CHECKING:
    from kyso.plugin import Letter, PlacementIntent


class NumberPolicy:
    """Draws number and date of issue in a signature of its own."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the texts at their place, or the one text in the given field or rectangle.

        :raises WrongUse: neither is given, or the letter carries what is given.
        :raises SigningRefused: the letter has no place for it.
        """
        refuse_unused(intent, NUMBER, image=False)
        explicit = explicit_place(letter, intent)
        if explicit is not None:
            return _in_place(intent, explicit)
        if intent.page is not None and letter.page(intent.page).number != 1:
            raise WrongUse("decree30.number_on_page_1", given=intent.page)
        issue = prepare_given(letter, intent)
        if "number" not in intent.values and "date" not in intent.values:
            raise WrongUse("decree30.nothing_to_number")
        if not (issue.texts or issue.fills) or numbered_before(letter) is not None:
            raise WrongUse("decree30.numbered_already")
        if not issue.texts:
            # The fields show it; the signature itself has nothing more to show.
            return Placement(NUMBER, 1, field=intent.field, notices=issue.notices, fills=issue.fills)
        rect = issue.texts[0].rect_mm
        for text in issue.texts[1:]:
            rect = rect.united(text.rect_mm)
        return Placement(
            NUMBER,
            1,
            rect,
            StampSpec(rect.width, rect.height, tuple(text.item(rect) for text in issue.texts)),
            field=intent.field,
            notices=issue.notices,
            boxes_mm={"stamp": rect},
            fills=issue.fills,
        )


def _in_place(intent: PlacementIntent, place: ExplicitPlace) -> Placement:
    """Fill one field or rectangle with the number or with the date.

    :raises WrongUse: both are given, or neither.
    :raises SigningRefused: the text does not fit.
    """
    number, day, rect = given_number(intent), intent.values.get("date"), place.rect_mm
    if (number is None) == (day is None):
        raise WrongUse("decree30.one_text_one_place")
    notices = () if day is None or day == intent.signed_at.date() else (date_differs(day, intent),)
    text = vietnamese_date(intent.values["date"]) if number is None else "/".join(part for part in number if part)
    lettering = set_lines(
        (text,),
        size_pt=SIZE_PT,
        min_size_pt=LEAST_SIZE_PT,
        max_width_mm=rect.width,
        fonts=intent.fonts,
        italic=number is None,
    )
    if lettering.height_mm > rect.height:
        raise SigningRefused("decree30.blank_too_narrow", text=text, room=f"{rect.width:.1f} x {rect.height:.1f}")
    item = lettering.item("centre", width_mm=rect.width, top_mm=(rect.height - lettering.height_mm) / 2)
    return Placement(
        NUMBER,
        place.page,
        rect,
        StampSpec(rect.width, rect.height, (item,)),
        field=place.field or intent.field,
        notices=notices,
        boxes_mm={"stamp": rect},
    )
