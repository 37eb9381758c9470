"""QR codes: the modules that every renderer shows are the ones segno made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from kyso_stamps import QrItem, StampError, StampSpec
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice
from kyso_stamps.qr import QUIET_ZONE, qr_matrix, rectangles
from tests.stamps.rendering import PX_PER_MM, RENDERERS, Drawing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT = "https://example.vn/tra-cuu/văn-bản?số=12/QĐ-UBND"


@pytest.mark.parametrize("render", RENDERERS)
def test_every_module_is_shown(render: Callable[[bytes, Path], Drawing], tmp_path: Path) -> None:
    """In each renderer the middle of each module is dark or light as it should be, inside a white quiet zone."""
    item = QrItem(CONTENT, (5, 2, 40, 32), colour=(0, 0, 0.4))
    appearance = draw(StampSpec(50, 36, (item,)), FontChoice())
    drawing = render(appearance_to_pdf(appearance), tmp_path)
    matrix = np.array([list(row) for row in qr_matrix(CONTENT, "M")])
    side = len(matrix) + 2 * QUIET_ZONE
    module = 32 / side
    left, top = 5 + (40 - 32) / 2, 2
    centres = (np.arange(side) + 0.5) * module
    rows = ((top + centres) * PX_PER_MM).astype(int)
    columns = ((left + centres) * PX_PER_MM).astype(int)
    dark = drawing.pixels[np.ix_(rows, columns)][:, :, 0] < 128
    wanted = np.zeros((side, side), bool)
    wanted[QUIET_ZONE:-QUIET_ZONE, QUIET_ZONE:-QUIET_ZONE] = matrix == 1
    assert (dark == wanted).all()


def test_a_code_is_small() -> None:
    """A code of an address takes less than two kilobytes of the file and no object of its own."""
    appearance = draw(StampSpec(30, 30, (QrItem(CONTENT, (0, 0, 30, 30)),)), FontChoice())
    assert len(appearance.parts) == 1
    assert len(appearance.parts[0].stream or b"") < 2048


def test_rectangles_cover_each_dark_module_once() -> None:
    """The rectangles are the dark modules, no more, no less, and none of them twice."""
    matrix = qr_matrix(CONTENT, "H")
    covered = np.zeros((len(matrix), len(matrix)), int)
    for column, row, width, height in rectangles(matrix):
        covered[row : row + height, column : column + width] += 1
    assert (covered == np.array([list(row) for row in matrix])).all()


def test_a_place_too_small_for_paper_is_refused() -> None:
    """Modules that a telephone cannot read from paper are not drawn; the error says how much room is needed."""
    with pytest.raises(StampError) as caught:
        draw(StampSpec(5, 5, (QrItem(CONTENT, (0, 0, 5, 5)),)), FontChoice())
    assert caught.value.code == "stamp.qr_too_dense"
    least = float(str(caught.value.parameters["least"])) + 0.1
    draw(StampSpec(least, least, (QrItem(CONTENT, (0, 0, least, least)),)), FontChoice())


@pytest.mark.parametrize("content", ["", "đ" * 400])
def test_nothing_and_too_much_are_refused(content: str) -> None:
    """A code has content, and not more than can be read."""
    with pytest.raises(StampError) as caught:
        draw(StampSpec(90, 90, (QrItem(content, (0, 0, 90, 90)),)), FontChoice())
    assert caught.value.code == "stamp.qr_too_much"


def test_without_segno_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where segno is not installed the error says what to install."""
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(StampError) as caught:
        draw(StampSpec(30, 30, (QrItem("chưa vẽ lần nào", (0, 0, 30, 30)),)), FontChoice())
    assert caught.value.code == "stamp.qr_unavailable"
