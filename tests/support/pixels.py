"""Finds what a renderer drew, in millimetres of the page it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kyso.geometry import RectMm

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image


def find(image: Image.Image, page: RectMm, chosen: Callable[[np.ndarray], np.ndarray]) -> RectMm | None:
    """Return the bounding box of the pixels that `chosen` marks in an integer array (height, width, RGB).

    The scale comes from the picture's own size, so that it does not matter what a renderer makes of /UserUnit.
    """
    marked = chosen(np.asarray(image.convert("RGB")).astype(int))
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    if not len(rows):
        return None
    across, down = page.width / image.width, page.height / image.height
    return RectMm(
        columns[0] * across,
        rows[0] * down,
        (columns[-1] + 1 - columns[0]) * across,
        (rows[-1] + 1 - rows[0]) * down,
    )


def reddish(pixels: np.ndarray) -> np.ndarray:
    """Mark red ink."""
    return (pixels[..., 0] - np.maximum(pixels[..., 1], pixels[..., 2])) > 60


def bluish(pixels: np.ndarray) -> np.ndarray:
    """Mark blue ink."""
    return (pixels[..., 2] - pixels[..., 0]) > 40


def dark(pixels: np.ndarray) -> np.ndarray:
    """Mark black ink."""
    return pixels.max(axis=2) < 140


def assert_close(found: RectMm | None, wanted: RectMm, tolerance_mm: float = 0.5) -> None:
    """Compare all four edges."""
    assert found is not None, "nothing was drawn"
    edges = [found.left - wanted.left, found.top - wanted.top, found.right - wanted.right, found.bottom - wanted.bottom]
    assert max(map(abs, edges)) <= tolerance_mm, f"{found} is not {wanted}: {edges}"
