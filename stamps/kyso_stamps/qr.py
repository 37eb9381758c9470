"""QR codes as vectors: one path of rectangles, sharp at every size and a few hundred bytes in the file.

The codes are made by segno, which is installed with ``kyso[qr]``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from kyso_stamps.errors import StampError
from kyso_stamps.pdfsyntax import PT_PER_MM, numbers

if TYPE_CHECKING:
    from kyso_stamps.spec import QrItem

MAX_BYTES = 600
QUIET_ZONE = 4
"""White modules around a code (ISO/IEC 18004, 7.3.7)."""

LEAST_MODULE_MM = 0.25
"""Smaller modules are three dots of a 300 dpi printer; telephones no longer read them from paper."""

Matrix = tuple[bytes, ...]
"""The modules row by row, 1 is dark."""


@lru_cache(maxsize=64)
def qr_matrix(content: str, error_correction: str) -> Matrix:
    """Return the modules of a code, without the quiet zone.

    :raises StampError: ``stamp.qr_unavailable`` without segno, ``stamp.qr_too_much`` for more than 600 bytes.
    """
    try:
        import segno
    except ImportError as error:
        raise StampError("stamp.qr_unavailable") from error
    if not content or len(content.encode()) > MAX_BYTES:
        raise StampError("stamp.qr_too_much", limit=MAX_BYTES)
    code = segno.make_qr(content, error=error_correction, boost_error=True)
    return tuple(bytes(row) for row in code.matrix)


@lru_cache(maxsize=128)
def draw_qr(item: QrItem, stamp_height_mm: float) -> str:
    """Return the content stream of a code.

    :raises StampError: as :func:`qr_matrix`, and ``stamp.qr_too_dense`` where the box is too small for the content.
    """
    matrix = qr_matrix(item.content, item.error_correction)
    side = len(matrix) + 2 * QUIET_ZONE
    left, top, width, height = item.box_mm
    module_mm = min(width, height) / side
    if module_mm < LEAST_MODULE_MM:
        raise StampError(
            "stamp.qr_too_dense", box=f"{width:g} x {height:g}", least=f"{side * LEAST_MODULE_MM:.1f}", modules=side
        )
    module = module_mm * PT_PER_MM
    x = (left + (width - side * module_mm) / 2) * PT_PER_MM
    y = (stamp_height_mm - top - (height - side * module_mm) / 2) * PT_PER_MM
    # y counts downwards in modules from the upper edge of the quiet zone.
    content = [f"q\n{module:.5f} 0 0 {-module:.5f} {x:.4f} {y:.4f} cm\n1 g\n0 0 {side} {side} re\nf\n"]
    content.append(f"{numbers(*item.colour)} rg\n")
    content += [
        f"{column + QUIET_ZONE} {row + QUIET_ZONE} {wide} {high} re\n" for column, row, wide, high in rectangles(matrix)
    ]
    content.append("f\nQ\n")
    return "".join(content)


def rectangles(matrix: Matrix) -> list[tuple[int, int, int, int]]:
    """Return rectangles (column, row, width, height) that cover the dark modules, each once."""
    left = [bytearray(row) for row in matrix]
    found: list[tuple[int, int, int, int]] = []
    for row, modules in enumerate(left):
        column = modules.find(1)
        while column >= 0:
            end = modules.find(0, column)
            end = len(modules) if end < 0 else end
            run = bytes([1]) * (end - column)
            last = row
            # A run is as high as the rows below repeat it within longer runs of their own.
            while last + 1 < len(left) and left[last + 1][column:end] == run:
                last += 1
                left[last][column:end] = bytes(end - column)
            found.append((column, row, end - column, last - row + 1))
            column = modules.find(1, end)
    return found
