"""Pictures as policies place them: by what is visible, so that transparent margins take no room and shift nothing."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from kyso.errors import SigningRefused
from kyso.frozen import dataclass
from kyso.geometry import RectMm
from kyso.models import Notice

if TYPE_CHECKING:
    from pathlib import Path

    from kyso_stamps.picture_checks import PictureKind


MIN_VISIBLE_MM = 2.0
"""A signature or seal that is thinner than this on paper is a line, whatever its proportions say."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its visible part.

    :param aspect: width : height of the visible part.
    :param ink: the visible part as fractions (left, top, width, height) of the whole picture.
    """

    path: Path
    aspect: float
    ink: tuple[float, float, float, float]

    def around(self, visible: RectMm) -> RectMm:
        """Return the rectangle of the whole picture whose visible part fills `visible`."""
        left, top, width, height = self.ink
        whole_width, whole_height = visible.width / width, visible.height / height
        return RectMm(visible.left - left * whole_width, visible.top - top * whole_height, whole_width, whole_height)

    def visible_in(self, box: RectMm, *, max_width_mm: float = inf, max_height_mm: float = inf) -> RectMm:
        """Return the largest visible part, of no more than the given size, that stands centred in `box`.

        The whole picture stays inside `box`: an opaque margin must not hide what stands around.
        """
        left, top, width, height = self.ink
        # Of the whole picture, in units of the visible part's height: reach from the visible centre to each side.
        whole_width, whole_height = self.aspect / width, 1.0 / height
        sideways = max(left + width / 2, 1 - left - width / 2) * whole_width
        upright = max(top + height / 2, 1 - top - height / 2) * whole_height
        scale = min(box.width / 2 / sideways, box.height / 2 / upright, max_width_mm / self.aspect, max_height_mm)
        return RectMm(box.centre_x - scale * self.aspect / 2, box.centre_y - scale / 2, scale * self.aspect, scale)


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


def picture_notices(path: Path, kind: PictureKind, visible: RectMm, cache_dir: Path | None) -> tuple[Notice, ...]:
    """Say what is wrong with a picture's ink, ground or resolution at its size on paper.

    :param kind: ``signature`` is to be blue, ``seal`` red (Decree 30/2020, annex I, II.7.d and II.8.a).
    :param visible: where its visible part goes.
    :raises SigningRefused: it must not be signed with: too coarse or too thin to be recognised on paper.
    """
    if min(visible.width, visible.height) < MIN_VISIBLE_MM:
        raise SigningRefused(
            "picture.too_thin",
            name=path.name,
            width=f"{visible.width:.1f}",
            height=f"{visible.height:.1f}",
            least=f"{MIN_VISIBLE_MM:g}",
        )
    from kyso_stamps import StampError
    from kyso_stamps.picture_checks import check_picture

    try:
        findings = check_picture(path, kind, visible.width, visible.height, cache_dir=cache_dir)
    except StampError as error:
        raise SigningRefused(error.code, **error.parameters) from error
    for finding in findings:
        if finding.refuse:
            raise SigningRefused(finding.code, **finding.parameters)
    return tuple(Notice(finding.code, finding.parameters) for finding in findings)
