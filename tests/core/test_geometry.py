"""Geometry: the reader's millimetres and the page's own coordinates are the same places."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kyso.geometry import MM_PER_PT, PageGeometry, RectMm, mm_to_pt, pt_to_mm

_coordinate = st.floats(-20_000, 20_000, allow_nan=False)
_side = st.floats(3, 14_400, allow_nan=False)
_mm = st.floats(-500, 5_000, allow_nan=False)


@st.composite
def pages(draw: st.DrawFn) -> PageGeometry:
    """Any page: any origin, size, rotation and unit."""
    left, bottom = draw(_coordinate), draw(_coordinate)
    box = (left, bottom, left + draw(_side), bottom + draw(_side))
    return PageGeometry(1, box, draw(st.sampled_from([0, 90, 180, 270])), draw(st.floats(0.1, 20)))


@given(pages(), _mm, _mm)
def test_a_point_survives_the_way_there_and_back(page: PageGeometry, x: float, y: float) -> None:
    """Display to user space to display is the same point, within a micrometre."""
    back = page.point_to_display(*page.point_to_user(x, y))
    assert back == pytest.approx((x, y), abs=1e-3 * max(1.0, page.user_unit))


@given(pages(), _mm, _mm, st.floats(0.1, 500), st.floats(0.1, 500))
def test_a_rectangle_survives_the_way_there_and_back(
    page: PageGeometry, left: float, top: float, width: float, height: float
) -> None:
    """A rectangle keeps place and size, and its user space form is normalised."""
    rect = RectMm(left, top, width, height)
    user = page.to_user(rect)
    assert user[0] <= user[2]
    assert user[1] <= user[3]
    assert page.to_display(user).as_tuple() == pytest.approx(rect.as_tuple(), abs=1e-3 * max(1.0, page.user_unit))


@given(pages())
def test_the_visible_page_fills_display_space_from_its_origin(page: PageGeometry) -> None:
    """The crop box is the rectangle from (0, 0) with the page's width and height, whatever its rotation."""
    shown = page.to_display(page.visible_pt)
    assert shown.as_tuple() == pytest.approx((0, 0, page.width_mm, page.height_mm), abs=1e-3 * max(1.0, page.user_unit))


@given(pages(), _mm, _mm, st.floats(0, 100), st.floats(0, 100))
def test_distances_keep_their_length(page: PageGeometry, x: float, y: float, dx: float, dy: float) -> None:
    """A millimetre is a millimetre: user space distances times the unit are display distances."""
    one, other = page.point_to_user(x, y), page.point_to_user(x + dx, y + dy)
    assert math.dist(one, other) * MM_PER_PT * page.user_unit == pytest.approx(
        math.hypot(dx, dy), abs=1e-3 * page.user_unit + 1e-6
    )


@pytest.mark.parametrize(("rotation", "corner"), [(0, (10, 220)), (90, (10, 20)), (180, (110, 20)), (270, (110, 220))])
def test_the_top_left_the_reader_sees_is_the_right_corner_of_user_space(
    rotation: int, corner: tuple[float, float]
) -> None:
    """/Rotate turns the page clockwise (ISO 32000-2, table 31), so the shown top left wanders counter-clockwise."""
    page = PageGeometry(1, (10, 20, 110, 220), rotation)  # type: ignore[arg-type]  # parametrised
    assert page.point_to_user(0, 0) == pytest.approx(corner)


@given(st.floats(0, 10_000))
def test_points_and_millimetres_are_each_others_inverse(length: float) -> None:
    """72 points are 25.4 mm."""
    assert pt_to_mm(mm_to_pt(length)) == pytest.approx(length)
    assert pt_to_mm(72) == pytest.approx(25.4)


_rects = st.builds(RectMm, _mm, _mm, st.floats(0.1, 500), st.floats(0.1, 500))


@given(_rects, _rects)
def test_the_union_holds_both_and_intersection_is_mutual(one: RectMm, other: RectMm) -> None:
    """`united` holds both rectangles, and whether two intersect does not depend on who asks."""
    whole = one.united(other)
    assert whole.contains(one)
    assert whole.contains(other)
    assert one.intersects(other) is other.intersects(one)
    assert not one.moved(dx_mm=one.width + 0.001).intersects(one)
