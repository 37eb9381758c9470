"""Pictures as policies place them: by what is visible, so that transparent margins take no room and shift nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kyso.errors import SigningRefused

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.geometry import RectMm
    from kyso_stamps import BoxMm


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its visible part.

    :param aspect: width : height of the visible part.
    :param ink: the visible part as fractions (left, top, width, height) of the whole picture.
    """

    path: Path
    aspect: float
    ink: tuple[float, float, float, float]

    def box_for(self, visible: RectMm) -> BoxMm:
        """Return the box of the whole picture whose visible part fills `visible`, in the same space."""
        left, top, width, height = self.ink
        whole_width, whole_height = visible.width / width, visible.height / height
        return visible.left - left * whole_width, visible.top - top * whole_height, whole_width, whole_height


def read_picture(path: Path, cache_dir: Path | None) -> Picture:
    """Measure the picture in `path`.

    :raises SigningRefused: it is no picture, too large, or nothing of it can be seen.
    """
    from kyso_stamps import StampError
    from kyso_stamps.images import image_ink

    try:
        measured = image_ink(path, cache_dir)
    except StampError as error:
        raise SigningRefused(error.code, **error.parameters) from error
    left, top, right, bottom = measured.ink
    return Picture(
        path,
        (right - left) * measured.width_px / ((bottom - top) * measured.height_px),
        (left, top, right - left, bottom - top),
    )
