"""The policy ``invisible``: a signature that shows nothing, listed on the page that is asked for, else on the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.contracts import Contribution, PlacementPolicy
from kyso.text import Text

if TYPE_CHECKING:
    from kyso.contracts import Letter, PlacementIntent
    from kyso.models import Placement

NAME = "invisible"


class InvisiblePolicy:
    """Draws nothing. An existing empty field is filled, with whatever rectangle it has, and stays empty to the eye."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the page and the field.

        :raises WrongUse: a picture, an anchor or a rectangle was given, which an invisible signature cannot show.
        :raises SigningRefused: the field is signed already.
        """
        from kyso.errors import WrongUse
        from kyso.models import Placement
        from kyso.placement.layout import existing_field

        options = (
            ("--rect-mm", intent.rect_mm),
            ("--anchor", intent.anchor),
            ("--leader-field", intent.leader_field),
            ("--image", intent.image),
        )
        given = [name for name, value in options if value is not None]
        if given:
            raise WrongUse("placement.invisible_takes_no_place", options=given)
        field = existing_field(letter, intent.field)
        if field is not None and field.page is not None:
            return Placement(NAME, field.page, field=field.name)
        # Asking for page 1 by default keeps the cost independent of the letter's length.
        page = 1 if intent.page is None else letter.page(intent.page).number
        return Placement(NAME, page, field=intent.field)


def contribution() -> Contribution[PlacementPolicy]:
    """Return the policy as a contribution."""
    return Contribution(NAME, Text("Chữ ký không hiển thị", "Invisible signature"), load=InvisiblePolicy)
