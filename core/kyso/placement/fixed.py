"""The policy ``fixed``: the place is given, by page and rectangle or by an empty field; it decides nothing itself.

With a picture, the picture stands in the rectangle as large as it fits. Without one the stamp names who signs, for
which organisation and when. A template stands in the middle of the rectangle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.contracts import Contribution, PlacementPolicy
from kyso.text import Text

if TYPE_CHECKING:
    from kyso.contracts import Letter, PlacementIntent
    from kyso.models import Placement
    from kyso_stamps import StampItem

NAME = "fixed"
SIZE_PT = 10.0
MIN_SIZE_PT = 6.0
"""Text that does not fit is shrunk to this size and refused below it: smaller print cannot be read on paper."""

_INSET_MM = 0.5


class FixedPolicy:
    """Places the stamp where the caller says."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the given place with the picture or the text in it.

        :raises WrongUse: no place is given, or only half of one, or an anchor, which marks no rectangle.
        :raises SigningRefused: the place is not on the page, the field is signed, the picture cannot be used.
        """
        from kyso.errors import WrongUse
        from kyso.models import Placement
        from kyso.placement.layout import explicit_place, refuse_unused
        from kyso.placement.templates import stamp_of
        from kyso_stamps import StampSpec

        refuse_unused(intent, NAME)
        place = explicit_place(letter, intent)
        if place is None:
            raise WrongUse("placement.place_missing", policy=NAME)
        width, height = place.rect_mm.width, place.rect_mm.height
        if intent.template is not None:
            spec = stamp_of(intent, place_mm=(width, height)).spec
        else:
            spec = StampSpec(
                width, height, (self._picture(intent, width, height) or self._text(intent, width, height),)
            )
        return Placement(
            NAME,
            place.page,
            place.rect_mm,
            spec,
            field=place.field or intent.field,
            boxes_mm={"stamp": place.rect_mm},
        )

    def _picture(self, intent: PlacementIntent, width: float, height: float) -> StampItem | None:
        if intent.image is None:
            return None
        from kyso.geometry import RectMm
        from kyso.placement.pictures import read_picture
        from kyso_stamps import ImageItem

        picture = read_picture(intent.image, intent.fonts.cache_dir)
        visible = picture.visible_in(RectMm(0.0, 0.0, width, height))
        return ImageItem(picture.path, picture.around(visible).as_tuple(), fit="exact")

    def _text(self, intent: PlacementIntent, width: float, height: float) -> StampItem:
        from kyso_stamps import TextItem

        lines = (intent.signer.shown_name, intent.organisation, intent.signed_at.strftime(intent.time_pattern))
        inset = min(_INSET_MM, width / 10, height / 10)
        return TextItem(
            tuple(dict.fromkeys(line for line in lines if line)),
            (inset, inset, width - 2 * inset, height - 2 * inset),
            size_pt=SIZE_PT,
            min_size_pt=MIN_SIZE_PT,
            vertical="middle",
        )


def contribution() -> Contribution[PlacementPolicy]:
    """Return the policy as a contribution."""
    from kyso.placement.templates import template_setting

    return Contribution(
        NAME,
        Text("Vị trí do người dùng chỉ định (trang và khung)", "A place given by page and rectangle"),
        load=FixedPolicy,
        settings=(template_setting(),),
    )
