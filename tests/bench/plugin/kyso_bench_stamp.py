"""A third-party plugin for the bench alone: the same stamp that pyHanko is asked for, a picture and three lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kyso.plugin import Contribution, PlacementPolicy, RectMm, Text, hookimpl

if TYPE_CHECKING:
    from kyso.plugin import Letter, Placement, PlacementIntent

WIDTH_MM, HEIGHT_MM = 70.0, 25.0
LINES = ("Ký bởi: Nguyễn Văn Mẫu (THỬ NGHIỆM)", "Cơ quan: Ủy ban nhân dân xã An Bình")


class BenchStamp:
    """Puts picture and three lines at the given rectangle, or low on the first page."""

    def place(self, letter: Letter, intent: PlacementIntent) -> Placement:
        """Return the stamp: a picture behind three Vietnamese lines."""
        from kyso.models import Placement
        from kyso_stamps import ImageItem, StampSpec, TextItem

        assert intent.image is not None
        rect = intent.rect_mm or RectMm(110.0, 240.0, WIDTH_MM, HEIGHT_MM)
        picture = ImageItem(intent.image, (0.0, 0.0, rect.width, rect.height))
        lines = (*LINES, intent.signed_at.strftime("Thời gian: %Y-%m-%d %H:%M:%S +07:00"))
        text = TextItem(lines, (1.0, 1.0, rect.width - 2, rect.height - 2), size_pt=10, min_size_pt=6)
        return Placement("bench.stamp", intent.page or 1, rect, StampSpec(rect.width, rect.height, (picture, text)))


@hookimpl
def register_placement_policies(register: Callable[[Contribution[PlacementPolicy]], None]) -> None:
    """Contribute ``bench.stamp``."""
    register(Contribution("bench.stamp", Text("Dấu để đo tốc độ", "A stamp to measure with"), load=BenchStamp))
