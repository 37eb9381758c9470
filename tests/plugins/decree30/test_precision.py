"""The seal's third, with a ruler finer than the rule: rendered at 1200 dpi, edges where half a pixel is covered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from kyso.geometry import RectMm
from tests.plugins.decree30.test_seal import DIAMETER, seal, signed_by_leader
from tests.support.placing import written
from tests.support.strips import Strip, ink_span, pdfium_strip, poppler_strip

DPI = 1200.0
BLUE, RED = (26, 58, 158), (220, 20, 40)
SHAPES = ("box", "ellipse", "stroke", "zigzag")
PAGES = ("deputy", "rotated", "rotated-cropped", "landscape")
GREATEST_ERROR = 0.005
"""Half of the one per cent of the ink's width that is promised."""


def blue(pixels: np.ndarray) -> np.ndarray:
    """Return how much of each pixel the signature's ink covers."""
    return (pixels[..., 2] - pixels[..., 0]) / (BLUE[2] - BLUE[0])


def red(pixels: np.ndarray) -> np.ndarray:
    """Return how much of each pixel the seal covers."""
    return (pixels[..., 0] - pixels[..., 2]) / (RED[0] - RED[2])


def ink(shape: str, size: tuple[int, int]) -> Image.Image:
    """Return the coverage of one shape, with uneven margins around it."""
    width, height = size[0] * 4, size[1] * 4
    canvas = Image.new("L", (width, height))
    drawing = ImageDraw.Draw(canvas)
    if shape == "box":
        drawing.rectangle((200, 200, width - 600, height - 200), fill=255)
    elif shape == "ellipse":
        drawing.ellipse((100, 40, width - 300, height - 300), outline=255, width=60)
    elif shape == "stroke":
        points = [(90, height - 300), (width / 3, 120), (width / 2, height - 200), (width - 500, 80)]
        drawing.line(points, fill=255, width=44, joint="curve")
    else:
        corners = [(300 + 180 * step, 100 if step % 2 else height - 100) for step in range(12)]
        drawing.line(corners, fill=255, width=30)
    return canvas.resize(size, Image.Resampling.BOX)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Signatures of several shapes, and a seal, all of known colour."""
    folder = tmp_path_factory.mktemp("shapes")
    sizes = {"box": (900, 320), "ellipse": (1200, 500), "stroke": (1000, 400), "zigzag": (700, 700)}
    found = {}
    for shape, size in sizes.items():
        picture = Image.new("RGB", size, BLUE)
        picture.putalpha(ink(shape, size))
        found[shape] = folder / f"{shape}.png"
        picture.save(found[shape])
    ring = Image.new("L", (3400, 3400))
    ImageDraw.Draw(ring).ellipse((0, 0, 3399, 3399), outline=255, width=260)
    stamp = Image.new("RGB", (850, 850), RED)
    stamp.putalpha(ring.resize((850, 850), Image.Resampling.BOX))
    found["seal"] = folder / "seal.png"
    stamp.save(found["seal"])
    return found


def assert_a_third(
    data: bytes, seal_image: Path, box: RectMm, strip: Callable[[bytes, int, RectMm, float], Strip]
) -> None:
    """Seal a signed letter and measure on the rendered page.

    :param box: about where the leader's ink is.
    """
    placement = seal(data, seal_image, {**DIAMETER, "confirm_number": "yes"})
    sealed, page, stamp = written(data, placement), placement.page, placement.boxes_mm["ink"]

    def span(file: bytes, area: RectMm, colour: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
        found = ink_span(strip(file, page, area, DPI), colour, DPI)
        assert found is not None
        return found

    left = span(data, RectMm(box.left - 1.5, box.top - 1, 4, box.height + 2), blue)[0]
    right = span(data, RectMm(box.right - 2.5, box.top - 1, 4, box.height + 2), blue)[1]
    # The outermost point of a circle is at the height of its centre.
    edge = span(sealed, RectMm(stamp.right - 2.5, stamp.centre_y - 3, 4, 6), red)[1]
    other_edge = span(sealed, RectMm(stamp.left - 1.5, stamp.centre_y - 3, 4, 6), red)[0]
    assert (edge - left) / (right - left) == pytest.approx(1 / 3, abs=GREATEST_ERROR)
    assert edge - other_edge == pytest.approx(36, abs=0.08)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_third_is_exact(page: str, shape: str, pictures: dict[str, Path]) -> None:
    """Whatever the ink looks like and however the page is turned and cropped, the error is below 1 % of its width."""
    data, leader = signed_by_leader(page, pictures[shape])
    assert_a_third(data, pictures["seal"], leader.boxes_mm["ink"], pdfium_strip)


@pytest.mark.parametrize(("page", "shape"), list(zip(PAGES, SHAPES, strict=True)))
def test_another_renderer_measures_the_same(page: str, shape: str, pictures: dict[str, Path]) -> None:
    """poppler draws pictures by rules of its own, and finds the same third."""
    data, leader = signed_by_leader(page, pictures[shape])
    assert_a_third(data, pictures["seal"], leader.boxes_mm["ink"], poppler_strip)


@pytest.mark.parametrize("shape", ["stroke", "zigzag"])
def test_the_ink_of_another_tools_signature_is_measured_as_well(shape: str, pictures: dict[str, Path]) -> None:
    """Nothing tells who placed the picture; its rendered ink alone decides, as exactly."""
    data, leader = signed_by_leader("rotated-cropped", pictures[shape])
    foreign = data.replace(b"/KYSO_Policy", b"/Else_Policy")
    assert foreign != data
    assert_a_third(foreign, pictures["seal"], leader.boxes_mm["ink"], pdfium_strip)
