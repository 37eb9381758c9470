"""``example.corner``: the signer's name in the bottom right corner of the last page."""

from __future__ import annotations

from kyso.plugin import Letter, Placement, PlacementIntent, RectMm, SigningRefused
from kyso_stamps import FrameItem, StampSpec, TextItem

WIDTH_MM, HEIGHT_MM = 60.0, 16.0


class Corner:
    """The policy."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the corner of the page asked for, else of the last one.

        :raises SigningRefused: the page is too small for the stamp.
        """
        page = letter.page(intent.page or -1)
        margin = intent.values["margin_mm"]
        rect = RectMm(page.width_mm - margin - WIDTH_MM, page.height_mm - margin - HEIGHT_MM, WIDTH_MM, HEIGHT_MM)
        if not page.rect_mm.contains(rect):
            raise SigningRefused("example.page_too_small", page=page.number)
        lines = (intent.signer.name, intent.signed_at.strftime(intent.time_pattern))
        stamp = StampSpec(
            WIDTH_MM,
            HEIGHT_MM,
            (
                FrameItem((0.2, 0.2, WIDTH_MM - 0.4, HEIGHT_MM - 0.4)),
                TextItem(lines, (2, 1, WIDTH_MM - 4, HEIGHT_MM - 2), size_pt=9, min_size_pt=5, vertical="middle"),
            ),
        )
        return Placement(policy="example.corner", page=page.number, rect_mm=rect, stamp=stamp)
