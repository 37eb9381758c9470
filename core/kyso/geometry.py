"""Display space and user space: where something is for the reader, and what the PDF must say.

*Display space* is what the reader sees after /CropBox, /Rotate and /UserUnit: millimetres, origin at the top left of
the visible page, x to the right, y downwards. Pages are counted from 1, from the end with negative numbers.

*User space* is the page's own coordinate system (ISO 32000-2, 8.3.2.3): units of 1/72 inch times /UserUnit, origin
anywhere, y upwards, before /Rotate.

This module is the only one that turns one into the other.
"""

from __future__ import annotations

from typing import Literal

from kyso.frozen import dataclass

MM_PER_INCH = 25.4
PT_PER_INCH = 72.0
MM_PER_PT = MM_PER_INCH / PT_PER_INCH

Rotation = Literal[0, 90, 180, 270]
RectPt = tuple[float, float, float, float]
Matrix = tuple[float, float, float, float, float, float]


def mm_to_pt(millimetres: float) -> float:
    """Turn millimetres into points (1/72 inch)."""
    return millimetres / MM_PER_PT


def pt_to_mm(points: float) -> float:
    """Turn points (1/72 inch) into millimetres."""
    return points * MM_PER_PT


@dataclass(frozen=True, slots=True)
class RectMm:
    """A rectangle in display space, in millimetres from the top left of the visible page."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge, in mm from the left of the visible page."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """The lower edge, in mm from the top of the visible page."""
        return self.top + self.height

    @property
    def centre_x(self) -> float:
        """The horizontal centre, in mm."""
        return self.left + self.width / 2

    @property
    def centre_y(self) -> float:
        """The vertical centre, in mm."""
        return self.top + self.height / 2

    def moved(self, dx_mm: float = 0.0, dy_mm: float = 0.0) -> RectMm:
        """Return the rectangle moved right by `dx_mm` and down by `dy_mm`."""
        return RectMm(self.left + dx_mm, self.top + dy_mm, self.width, self.height)

    def grown(self, margin_mm: float) -> RectMm:
        """Return the rectangle with `margin_mm` added on every side (taken away where negative)."""
        return RectMm(
            self.left - margin_mm, self.top - margin_mm, self.width + 2 * margin_mm, self.height + 2 * margin_mm
        )

    def intersects(self, other: RectMm) -> bool:
        """Tell whether the two rectangles share an area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def contains(self, other: RectMm, tolerance_mm: float = 1e-6) -> bool:
        """Tell whether `other` lies inside this rectangle."""
        return (
            other.left >= self.left - tolerance_mm
            and other.top >= self.top - tolerance_mm
            and other.right <= self.right + tolerance_mm
            and other.bottom <= self.bottom + tolerance_mm
        )

    def united(self, other: RectMm) -> RectMm:
        """Return the smallest rectangle that holds both."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        return RectMm(left, top, max(self.right, other.right) - left, max(self.bottom, other.bottom) - top)

    def as_tuple(self) -> tuple[float, float, float, float]:
        """Return (left, top, width, height)."""
        return self.left, self.top, self.width, self.height


@dataclass(frozen=True, slots=True)
class PageGeometry:
    """The visible page: which part of user space it shows, how it is turned and how large its units are.

    :param number: page number from 1.
    :param visible_pt: the crop box clipped to the media box, normalised (left, bottom, right, top), user space units.
    :param rotation: clockwise rotation for display, /Rotate reduced to 0, 90, 180 or 270.
    :param user_unit: size of a user space unit in 1/72 inch (/UserUnit, ISO 32000-2 table 31).
    """

    number: int
    visible_pt: RectPt
    rotation: Rotation = 0
    user_unit: float = 1.0

    @property
    def _mm_per_unit(self) -> float:
        return MM_PER_PT * self.user_unit

    @property
    def width_mm(self) -> float:
        """Width of the page as the reader sees it."""
        left, bottom, right, top = self.visible_pt
        return (right - left if self.rotation in (0, 180) else top - bottom) * self._mm_per_unit

    @property
    def height_mm(self) -> float:
        """Height of the page as the reader sees it."""
        left, bottom, right, top = self.visible_pt
        return (top - bottom if self.rotation in (0, 180) else right - left) * self._mm_per_unit

    @property
    def rect_mm(self) -> RectMm:
        """The whole visible page as a rectangle in display space."""
        return RectMm(0.0, 0.0, self.width_mm, self.height_mm)

    def point_to_user(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Turn a display point (mm) into a user space point."""
        left, bottom, right, top = self.visible_pt
        x, y = x_mm / self._mm_per_unit, y_mm / self._mm_per_unit
        if self.rotation == 0:
            return left + x, top - y
        if self.rotation == 90:
            return left + y, bottom + x
        if self.rotation == 180:
            return right - x, bottom + y
        return right - y, top - x

    def point_to_display(self, x_pt: float, y_pt: float) -> tuple[float, float]:
        """Turn a user space point into a display point (mm)."""
        left, bottom, right, top = self.visible_pt
        if self.rotation == 0:
            x, y = x_pt - left, top - y_pt
        elif self.rotation == 90:
            x, y = y_pt - bottom, x_pt - left
        elif self.rotation == 180:
            x, y = right - x_pt, y_pt - bottom
        else:
            x, y = top - y_pt, right - x_pt
        return x * self._mm_per_unit, y * self._mm_per_unit

    def to_user(self, rect: RectMm) -> RectPt:
        """Turn a display rectangle (mm) into a normalised user space rectangle."""
        x0, y0 = self.point_to_user(rect.left, rect.top)
        x1, y1 = self.point_to_user(rect.right, rect.bottom)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def to_display(self, rect: RectPt) -> RectMm:
        """Turn a user space rectangle, in any corner order, into a display rectangle (mm)."""
        x0, y0 = self.point_to_display(rect[0], rect[1])
        x1, y1 = self.point_to_display(rect[2], rect[3])
        return RectMm(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))

    @property
    def upright_matrix(self) -> Matrix:
        """The /Matrix that makes a form XObject stand upright for the reader of this page.

        A viewer maps the transformed /BBox onto the annotation's /Rect (ISO 32000-2, 12.5.5), so only the rotation
        matters here, not the translation.
        """
        return _UPRIGHT[self.rotation]


_UPRIGHT: dict[int, Matrix] = {
    0: (1, 0, 0, 1, 0, 0),
    90: (0, 1, -1, 0, 0, 0),
    180: (-1, 0, 0, -1, 0, 0),
    270: (0, -1, 1, 0, 0, 0),
}
