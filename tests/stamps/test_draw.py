"""What a drawn stamp shows, measured in renderings: places, sizes, colours, layering."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyso_stamps import FrameItem, ImageItem, StampError, StampSpec, TextItem
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice
from tests.stamps.conftest import SEAL_RED
from tests.stamps.rendering import RENDERERS, Drawing, rendered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WITHIN_MM = 0.3
NAME = TextItem(("NGUYỄN HỮU ĐỨC",), (40, 5, 50, 20), 14, 14)


@pytest.mark.parametrize("render", RENDERERS)
def test_picture_text_and_frame_stand_where_they_are_put(
    render: Callable[[bytes, Path], Drawing], seal: Path, tmp_path: Path
) -> None:
    """Every renderer shows the seal, the frame and the text at their millimetres."""
    frame = FrameItem((2, 45, 20, 10), 1.0, (0, 0, 1))
    text = dataclasses.replace(NAME, align="right", vertical="bottom", colour=(0, 0.5, 0))
    spec = StampSpec(95, 60, (ImageItem(seal, (3, 4, 36, 36)), frame, text))
    drawing = render(appearance_to_pdf(draw(spec, FontChoice())), tmp_path)

    assert drawing.pixels.shape[1] == pytest.approx(95 * 300 / 25.4, abs=2)
    red_lacks_green = _ink_in(drawing, (0, 0, 39.5, 44), channel=1)
    assert red_lacks_green == pytest.approx((3, 4, 39, 40), abs=WITHIN_MM)
    blue_lacks_red = _ink_in(drawing, (0, 43, 39, 60), channel=0)
    assert blue_lacks_red == pytest.approx((2, 45, 22, 55), abs=WITHIN_MM)
    letters = _ink_in(drawing, (40, 0, 95, 40), channel=2)
    assert letters[2] == pytest.approx(90, abs=WITHIN_MM)
    assert 5 <= letters[1] < letters[3] <= 25


@pytest.mark.parametrize(("align", "edge"), [("left", 0), ("right", 2)])
def test_text_is_flush_with_its_box(align: str, edge: int) -> None:
    """The ink of left and right aligned text begins and ends at the edge of its box."""
    item = TextItem(("HHHH",), (10, 10, 60, 20), 20, 20, align=align)
    ink = rendered(StampSpec(80, 40, (item,))).ink()
    assert ink[edge] == pytest.approx({0: 10, 2: 70}[edge], abs=WITHIN_MM)


def test_centred_text_is_in_the_middle() -> None:
    """Centred text leaves as much room on its left as on its right."""
    ink = rendered(StampSpec(80, 40, (TextItem(("HĐH",), (10, 10, 60, 20), 20, 20, align="centre"),))).ink()
    assert (ink[0] + ink[2]) / 2 == pytest.approx(40, abs=WITHIN_MM)


def test_vertical_alignment_moves_the_block() -> None:
    """Top, middle and bottom differ by the spare height, half and whole."""
    tops = []
    for vertical in ("top", "middle", "bottom"):
        item = TextItem(("Hà Nội", "Huế"), (5, 5, 60, 30), 12, 12, vertical=vertical)
        tops.append(rendered(StampSpec(70, 40, (item,))).ink()[1])
    assert tops[1] - tops[0] == pytest.approx(tops[2] - tops[1], abs=0.2)
    assert tops[2] - tops[0] > 15


def test_stacked_accents_of_capitals_stay_inside_a_tight_box() -> None:
    """The highest Vietnamese capitals begin inside the box, even where it is just high enough."""
    item = TextItem(("ẴẪỄỖ",), (5, 5, 60, 6), 14, 6, align="centre")
    ink = rendered(StampSpec(70, 16, (item,))).ink()
    assert ink[1] >= 5 - 0.1
    assert ink[3] <= 11 + 0.1


@pytest.mark.parametrize(("fit", "expected"), [("contain", (10, 5, 30, 25)), ("exact", (5, 5, 35, 25))])
def test_contain_keeps_the_aspect_and_exact_fills(fit: str, expected: tuple[float, ...], seal: Path) -> None:
    """A round seal stays round with `contain` and fills the box with `exact`."""
    ink = rendered(StampSpec(40, 30, (ImageItem(seal, (5, 5, 30, 20), fit),))).ink()
    assert ink == pytest.approx(expected, abs=WITHIN_MM)


def test_the_seal_keeps_its_colour(seal: Path) -> None:
    """The rendered red is the picture's red, to the last bit."""
    assert rendered(StampSpec(40, 40, (ImageItem(seal, (2, 2, 36, 36)),))).at(20, 20) == SEAL_RED


def test_later_items_cover_earlier_ones() -> None:
    """Items are drawn in their order."""
    spec = StampSpec(
        20, 20, (FrameItem((5, 5, 10, 10), 0, fill=(1, 0, 0)), FrameItem((5, 5, 10, 10), 0, fill=(0, 0, 1)))
    )
    assert rendered(spec).at(10, 10) == (0, 0, 255)


def test_a_frame_lies_inside_its_box() -> None:
    """Even a thick line does not leave the box."""
    ink = rendered(StampSpec(30, 30, (FrameItem((5, 5, 20, 20), 6),))).ink()
    assert ink == pytest.approx((5, 5, 25, 25), abs=0.1)


def test_a_stamp_without_anything_to_show_is_an_empty_form() -> None:
    """No items, a frame without line and fill, and blank lines draw nothing and need no font program."""
    spec = StampSpec(20, 20, (FrameItem((5, 5, 10, 10), 0), TextItem(("", " "), (0, 0, 20, 20))))
    assert rendered(spec).ink() is None
    assert len(draw(StampSpec(20, 20), FontChoice()).parts) == 1


def test_equal_parts_have_equal_keys(seal: Path) -> None:
    """Two letters' stamps share font and picture by key; the form itself is never shared."""
    items = (ImageItem(seal, (0, 0, 30, 30)), TextItem(("Số: 123/QĐ-UBND",), (30, 0, 60, 30)))
    first = draw(StampSpec(90, 30, items), FontChoice())
    second = draw(
        StampSpec(90, 30, (items[0], dataclasses.replace(items[1], lines=("Số: 123/QĐ-BUND",)))), FontChoice()
    )
    assert first.parts[0].key == second.parts[0].key == ""
    assert [part.key for part in first.parts[1:]] == [part.key for part in second.parts[1:]]
    assert len({part.key for part in first.parts}) == len(first.parts)
    assert first.parts[0] != second.parts[0]


def test_the_form_is_upright_and_as_large_as_it_says(seal: Path) -> None:
    """/BBox starts at 0 0 with the size in points; /Matrix and /Length are the writer's to add."""
    appearance = draw(StampSpec(90, 30, (ImageItem(seal, (0, 0, 30, 30)),)), FontChoice())
    assert (appearance.width_pt, appearance.height_pt) == pytest.approx((90 / 25.4 * 72, 30 / 25.4 * 72))
    with pikepdf.open(_as_file(appearance_to_pdf(appearance))) as pdf:
        form = pdf.pages[0].Resources.XObject.Stamp
        assert [float(edge) for edge in form.BBox] == pytest.approx([0, 0, 255.118, 85.039])
        assert "/Matrix" not in form


@pytest.mark.parametrize(
    "spec",
    [
        StampSpec(0, 10),
        StampSpec(10, math.nan),
        StampSpec(10, 6000),
        StampSpec(10, 10, (FrameItem((0, 0, 11, 5)),)),
        StampSpec(10, 10, (FrameItem((-1, 0, 5, 5)),)),
        StampSpec(10, 10, (FrameItem((0, 0, 0, 5)),)),
        StampSpec(10, 10, (FrameItem((0, 0, math.nan, 5)),)),
        StampSpec(10, 10, (FrameItem((0, 0, 5, 5), -1),)),
        StampSpec(10, 10, (FrameItem((0, 0, 5, 5), colour=(0, 0, 2)),)),
        StampSpec(10, 10, (FrameItem((0, 0, 5, 5), fill=(0, math.nan, 0)),)),
        StampSpec(10, 10, (TextItem(("a",), (0, 0, 5, 5), size_pt=0),)),
        StampSpec(10, 10, (TextItem(("a",), (0, 0, 5, 5), min_size_pt=-1),)),
        StampSpec(10, 10, (TextItem(("a",), (0, 0, 5, 5), leading=math.inf),)),
        StampSpec(10, 10, (FrameItem((0, 0, 5, 5)),) * 201),
    ],
)
def test_impossible_measures_are_refused(spec: StampSpec) -> None:
    """Sizes, boxes and colours that cannot be drawn as they say are refused by name."""
    with pytest.raises(StampError) as caught:
        draw(spec, FontChoice())
    assert caught.value.code == "stamp.spec_invalid"


words = st.text("ABCĐÊghkyấựỹ.,-0f", min_size=1, max_size=9)


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.lists(words, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4),
    width=st.floats(4, 60),
    height=st.floats(4, 40),
    size=st.floats(5, 24),
    align=st.sampled_from(["left", "centre", "right"]),
    vertical=st.sampled_from(["top", "middle", "bottom"]),
    italic=st.booleans(),
)
def test_text_never_leaves_its_box(
    lines: list[str], width: float, height: float, size: float, align: str, vertical: str, italic: bool
) -> None:
    """Text fits its box with all its ink, or is refused."""
    item = TextItem(tuple(lines), (10, 10, width, height), size, 5, align=align, vertical=vertical, italic=italic)
    stamp = StampSpec(width + 20, height + 20, (item,))
    try:
        draw(stamp, FontChoice())
    except StampError as error:
        if error.code == "stamp.text_too_long":
            return
        raise
    ink = rendered(stamp).ink()
    assert ink is not None
    assert ink[0] >= 10 - 0.15
    assert ink[1] >= 10 - 0.15
    assert ink[2] <= 10 + width + 0.15
    assert ink[3] <= 10 + height + 0.15


def _ink_in(drawing: Drawing, area_mm: tuple[float, ...], channel: int) -> tuple[float, ...]:
    """Return the ink's box within an area, in mm of the whole stamp."""
    scale = 300 / 25.4
    left, top, right, bottom = (round(edge * scale) for edge in area_mm)
    ink = Drawing(drawing.pixels[top:bottom, left:right]).ink(channel)
    assert ink is not None
    return tuple(edge + area_mm[index % 2] for index, edge in enumerate(ink))


def _as_file(data: bytes) -> object:
    import io

    return io.BytesIO(data)
