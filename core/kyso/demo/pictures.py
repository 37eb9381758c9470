"""The demo's pictures: a handwritten signature in blue ink and a round red seal, both on a transparent ground."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image, ImageDraw, ImageFont

    from kyso_stamps.fonts import FontChoice

INK_BLUE = (26, 58, 158)
SEAL_RED = (214, 24, 32)
MM_PER_INCH = 25.4

# Everything is drawn this much larger and reduced at the end, for smooth edges.
_OVERSAMPLING = 3

_Point = tuple[float, float]

# A made-up signature, in units of the picture's height. Each stroke is a chain of points that a pen passes in even
# time; where they lie apart the pen is fast and the line thin.
_STROKES: tuple[tuple[_Point, ...], ...] = (
    (  # a tall N, running on into small letters, and back below them in one long flourish
        (0.03, 0.90), (0.09, 0.66), (0.17, 0.36), (0.25, 0.13), (0.30, 0.07), (0.31, 0.18), (0.31, 0.42),
        (0.36, 0.66), (0.43, 0.78), (0.48, 0.68), (0.53, 0.44), (0.60, 0.18), (0.67, 0.05), (0.71, 0.09),
        (0.68, 0.28), (0.62, 0.48), (0.62, 0.61), (0.70, 0.60), (0.79, 0.50), (0.86, 0.44), (0.88, 0.50),
        (0.88, 0.60), (0.95, 0.57), (1.01, 0.46), (1.05, 0.47), (1.05, 0.57), (1.12, 0.58), (1.19, 0.46),
        (1.23, 0.44), (1.22, 0.55), (1.28, 0.60), (1.37, 0.53), (1.47, 0.42), (1.60, 0.34), (1.72, 0.35),
        (1.74, 0.46), (1.62, 0.58), (1.34, 0.67), (0.96, 0.73), (0.58, 0.79), (0.32, 0.86), (0.26, 0.92),
        (0.40, 0.94), (0.78, 0.88), (1.22, 0.79), (1.70, 0.70), (2.16, 0.58),
    ),
    ((1.13, 0.27), (1.19, 0.21), (1.29, 0.11)),  # an accent
)  # fmt: skip


def signature_png(height_px: int = 360) -> bytes:
    """Return a handwritten-looking signature as a transparent PNG, about two and a half times as wide as high."""
    from PIL import Image

    scale = height_px * _OVERSAMPLING
    size = (round(2.22 * height_px) * _OVERSAMPLING, scale)
    coverage = Image.new("L", size, 0)
    for stroke in _STROKES:
        _pen(coverage, _smooth(stroke), scale)
    coverage = coverage.reduce(_OVERSAMPLING)
    return _inked(coverage, INK_BLUE, dpi=300)


def _smooth(points: Sequence[_Point], steps: int = 24) -> list[_Point]:
    """Return a centripetal-looking curve through all points (Catmull-Rom, uniform)."""
    padded = [points[0], *points, points[-1]]
    curve: list[_Point] = []
    for index in range(len(points) - 1):
        p0, p1, p2, p3 = padded[index : index + 4]
        for step in range(steps):
            t = step / steps
            curve.append(
                (
                    _catmull_rom(p0[0], p1[0], p2[0], p3[0], t),
                    _catmull_rom(p0[1], p1[1], p2[1], p3[1], t),
                )
            )
    curve.append(points[-1])
    return curve


def _catmull_rom(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _pen(coverage: Image.Image, curve: Sequence[_Point], scale: int) -> None:
    """Draw a curve with a pen that presses less where it is fast and at both ends."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(coverage)
    count = len(curve)
    width = 0.010
    for index in range(1, count):
        (x0, y0), (x1, y1) = curve[index - 1], curve[index]
        distance = math.hypot(x1 - x0, y1 - y0)
        downwards = (y1 - y0) / distance if distance else 0.0
        pressed = 0.0200 + 0.0135 * downwards - 0.85 * distance
        at_end = min(1.0, 0.25 + min(index, count - index) / 14)
        width += 0.10 * (max(pressed, 0.0075) * at_end - width)
        radius = width * scale / 2
        pieces = max(1, math.ceil(distance * scale / (radius / 2)))
        for piece in range(pieces):
            t = piece / pieces
            x, y = (x0 + (x1 - x0) * t) * scale, (y0 + (y1 - y0) * t) * scale
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def seal_png(
    diameter_mm: float = 36.0,
    dpi: int = 600,
    *,
    upper: str = "ỦY BAN NHÂN DÂN XÃ AN BÌNH",
    lower: str = "MẪU THỬ NGHIỆM",
    fonts: FontChoice | None = None,
) -> bytes:
    """Return a round seal as a transparent PNG of true size: two rings, a star, and lettering around it.

    :param upper: lettering over the upper arc, read from the outside.
    :param lower: lettering on the lower arc, upright for the reader; it says that the seal is a sample.
    """
    from PIL import Image, ImageDraw, ImageFont

    from kyso.demo.typeface import face_file

    size = round(diameter_mm / MM_PER_INCH * dpi)
    big = size * _OVERSAMPLING
    middle = big / 2
    coverage = Image.new("L", (big, big), 0)
    draw = ImageDraw.Draw(coverage)

    def ring(outer: float, width: float) -> None:
        radius = outer * middle
        box = (middle - radius, middle - radius, middle + radius, middle + radius)
        draw.ellipse(box, outline=255, width=round(width * middle))

    ring(1.0, 0.045)
    ring(0.92, 0.014)
    ring(0.585, 0.014)
    _star(draw, (middle, middle), 0.36 * middle)
    for angle in (25.0, 155.0):
        at = math.radians(angle)
        _star(draw, (middle + 0.75 * middle * math.cos(at), middle + 0.75 * middle * math.sin(at)), 0.055 * middle)

    face = face_file(fonts, bold=True)
    font = ImageFont.truetype(io.BytesIO(face), round(0.178 * middle))
    small = ImageFont.truetype(io.BytesIO(face), round(0.160 * middle))
    _letter_around(coverage, upper, font, radius=0.665 * middle, middle_deg=-90.0, span_deg=214.0)
    _letter_around(coverage, lower, small, radius=0.825 * middle, middle_deg=90.0, span_deg=114.0, inwards=True)
    coverage = coverage.reduce(_OVERSAMPLING)
    return _inked(coverage, SEAL_RED, dpi=dpi)


def _star(draw: ImageDraw.ImageDraw, centre: _Point, radius: float) -> None:
    """Draw a five-pointed star that stands on two points."""
    corners = []
    for corner in range(10):
        length = radius if corner % 2 == 0 else radius * 0.382
        angle = math.radians(-90 + 36 * corner)
        corners.append((centre[0] + length * math.cos(angle), centre[1] + length * math.sin(angle)))
    draw.polygon(corners, fill=255)


def _letter_around(
    coverage: Image.Image,
    text: str,
    font: ImageFont.FreeTypeFont,
    *,
    radius: float,
    middle_deg: float,
    span_deg: float,
    inwards: bool = False,
) -> None:
    """Set `text` on a circle of baseline `radius`, spread over `span_deg` around `middle_deg` (0 = right, clockwise).

    :param inwards: the letters' heads point to the centre, as on the lower arc.
    """
    from PIL import Image, ImageDraw

    # An advance between letters is the difference of two lengths of the whole text: kerning is in it.
    starts = [font.getlength(text[:index]) for index in range(len(text))]
    length = font.getlength(text)
    spacing = (math.radians(span_deg) * radius - length) / max(len(text) - 1, 1)
    middle = coverage.width / 2
    tile_px = round(font.size * 2.4)
    for index, letter in enumerate(text):
        along = starts[index] + font.getlength(letter) / 2 + spacing * index - (length + spacing * (len(text) - 1)) / 2
        turn_deg = math.degrees(along / radius)
        theta = math.radians(middle_deg - turn_deg if inwards else middle_deg + turn_deg)
        tile = Image.new("L", (tile_px, tile_px), 0)
        ImageDraw.Draw(tile).text((tile_px / 2, tile_px / 2), letter, font=font, fill=255, anchor="ms")
        tile = tile.rotate(turn_deg if inwards else -turn_deg, Image.Resampling.BILINEAR)
        corner = (
            round(middle + radius * math.cos(theta) - tile_px / 2),
            round(middle + radius * math.sin(theta) - tile_px / 2),
        )
        coverage.paste(255, (*corner, corner[0] + tile_px, corner[1] + tile_px), tile)


def _inked(coverage: Image.Image, colour: tuple[int, int, int], dpi: int) -> bytes:
    """Return one colour as PNG, with `coverage` as its opacity."""
    from PIL import Image

    picture = Image.new("RGBA", coverage.size, (*colour, 0))
    picture.putalpha(coverage)
    output = io.BytesIO()
    picture.save(output, "PNG", compress_level=6, dpi=(dpi, dpi))
    return output.getvalue()
