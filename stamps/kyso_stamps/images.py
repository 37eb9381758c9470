"""Pictures for stamps: PNG, JPEG, or a PDF's first page, prepared once for a physical size.

A picture file is hostile input: its size is capped before it is read, its pixels before they are decoded, and only
three kinds of file are let near a decoder. Prepared pictures are kept in memory and, with a cache folder, on disk, so
that a later run needs neither Pillow nor pikepdf.
"""

from __future__ import annotations

import hashlib
import math
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kyso_stamps import cache
from kyso_stamps.appearance import Part
from kyso_stamps.errors import StampError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_DPI = 300
"""Pictures are embedded with at most this resolution at their physical size: what printing wants of a picture."""

Kind = Literal["PNG", "JPEG", "PDF"]
Fit = Literal["exact", "contain"]
UnitMatrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class ImageInk:
    """How large a picture is and where it is visible.

    :param width_px: width as shown, in pixels; for a PDF page in points.
    :param height_px: height as shown, in pixels; for a PDF page in points.
    :param ink: (left, top, right, bottom) of what shows on white paper, as fractions of width and height from the
        top left; the whole page for a PDF.
    """

    width_px: float
    height_px: float
    ink: tuple[float, float, float, float]

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.width_px / self.height_px


@dataclass(frozen=True, slots=True, eq=False)
class PreparedImage:
    """A picture as PDF objects.

    :param width: width as shown, in the picture's own units.
    :param height: height as shown, in the picture's own units.
    :param matrix: turns the XObject's space into the unit square, upright, y upwards.
    :param parts: ``parts[0]`` is the XObject to be painted, references count within this tuple.
    """

    width: float
    height: float
    matrix: UnitMatrix
    parts: tuple[Part, ...]


def image_ink(path: Path, cache_dir: Path | None = None) -> ImageInk:
    """Return a picture's size and the box of its visible ink.

    :raises StampError: ``stamp.image_unreadable``, ``stamp.image_unsupported``, ``stamp.image_cmyk``,
        ``stamp.image_too_large``, ``stamp.image_file_too_large``, or ``stamp.image_empty`` when nothing would show.
    """
    return _ink(path, *picture_state(path), cache_dir)


def prepare_image(
    path: Path, width_mm: float, height_mm: float, fit: Fit, cache_dir: Path | None = None
) -> PreparedImage:
    """Return a picture ready to be painted into a box of the given physical size.

    :param fit: as in :class:`kyso_stamps.spec.ImageItem`; decides how many pixels the box can use.

    :raises StampError: as :func:`image_ink`.
    """
    limit = (max(1, math.ceil(width_mm / 25.4 * MAX_DPI)), max(1, math.ceil(height_mm / 25.4 * MAX_DPI)))
    return _prepared(path, *picture_state(path), limit, fit, cache_dir)


def picture_state(path: Path) -> tuple[int, int, int]:
    """Return inode, size and change time of a picture file, which name its content for the memory caches.

    :raises StampError: ``stamp.image_unreadable``, ``stamp.image_file_too_large``.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise StampError("stamp.image_unreadable", name=path.name) from error
    if not stat.S_ISREG(status.st_mode):
        raise StampError("stamp.image_unreadable", name=path.name)
    if status.st_size > MAX_FILE_BYTES:
        raise StampError("stamp.image_file_too_large", name=path.name, limit=MAX_FILE_BYTES // 2**20)
    return status.st_ino, status.st_size, status.st_mtime_ns


def read_picture_file(path: Path) -> tuple[bytes, Kind]:
    """Return a picture's bytes and what kind of picture they begin like.

    :raises StampError: ``stamp.image_unreadable``, ``stamp.image_unsupported``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StampError("stamp.image_unreadable", name=path.name) from error
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data, "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return data, "JPEG"
    if b"%PDF-" in data[:1024]:
        return data, "PDF"
    raise StampError("stamp.image_unsupported", name=path.name)


@lru_cache(maxsize=64)
def _ink(path: Path, inode: int, size: int, modified_ns: int, cache_dir: Path | None) -> ImageInk:
    data, kind = read_picture_file(path)
    key = hashlib.sha256(data).hexdigest()
    found = cache.load(cache_dir, "ink", key)
    if found is not None:
        width, height, *box = (float(value) for value in found[0]["ink"])
        return ImageInk(width, height, (box[0], box[1], box[2], box[3]))
    ink = _measured_ink(data, kind, path.name)
    cache.store(cache_dir, "ink", key, {"ink": [ink.width_px, ink.height_px, *ink.ink]}, b"")
    return ink


def _measured_ink(data: bytes, kind: Kind, name: str) -> ImageInk:
    if kind == "PDF":
        from kyso_stamps.vector import read_page

        page = read_page(data, name)
        return ImageInk(page.width_pt, page.height_pt, (0.0, 0.0, 1.0, 1.0))
    from kyso_stamps import raster

    _check_pixels(data, kind, name)
    image, matrix = raster.decode(data, kind, name)
    box = raster.ink_box(image)
    if box is None:
        raise StampError("stamp.image_empty", name=name)
    width, height = image.size
    a, b, c, d, e, f = matrix
    corners = [(box[x] / width, 1 - box[y] / height) for x, y in ((0, 1), (2, 3))]
    xs = sorted(a * u + c * v + e for u, v in corners)
    ys = sorted(1 - (b * u + d * v + f) for u, v in corners)
    shown = (width, height) if a else (height, width)
    return ImageInk(*shown, (xs[0], ys[0], xs[1], ys[1]))


def decoded(data: bytes, kind: Kind, name: str) -> Image:
    """Return a picture of pixels, decoded and turned upright; never a PDF.

    :raises StampError: as :func:`image_ink`.
    """
    from kyso_stamps import raster

    _check_pixels(data, kind, name)
    return raster.upright(*raster.decode(data, kind, name))


def _check_pixels(data: bytes, kind: Kind, name: str) -> None:
    from kyso_stamps import raster
    from kyso_stamps.jpeg import read_jpeg

    if kind == "PNG":
        raster.check_size(*raster.png_size(data, name), name)
    else:
        frame = read_jpeg(data, name)
        raster.check_size(frame.width, frame.height, name)


@lru_cache(maxsize=64)
def _prepared(
    path: Path, inode: int, size: int, modified_ns: int, limit: tuple[int, int], fit: Fit, cache_dir: Path | None
) -> PreparedImage:
    data, kind = read_picture_file(path)
    key = f"{hashlib.sha256(data).hexdigest()}-{limit[0]}x{limit[1]}-{fit}"
    found = cache.load_parts(cache_dir, "image", key)
    if found is not None:
        header, parts = found
        return PreparedImage(header["width"], header["height"], tuple(header["matrix"]), parts)
    made = _made(data, kind, path.name, limit, fit)
    header = {"width": made.width, "height": made.height, "matrix": made.matrix}
    cache.store_parts(cache_dir, "image", key, header, made.parts)
    return made


def _made(data: bytes, kind: Kind, name: str, limit: tuple[int, int], fit: Fit) -> PreparedImage:
    if kind == "PDF":
        from kyso_stamps.vector import read_page

        page = read_page(data, name)
        return PreparedImage(page.width_pt, page.height_pt, page.matrix, page.parts)
    from kyso_stamps import raster

    _check_pixels(data, kind, name)
    image, matrix = raster.decode(data, kind, name)
    turned = matrix[0] == 0
    most = (limit[1], limit[0]) if turned else limit
    ratios = most[0] / image.width, most[1] / image.height
    scale = min(1.0, min(ratios) if fit == "contain" else max(ratios))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    parts = raster.jpeg_parts(data, image, size, name) if kind == "JPEG" else raster.pixel_parts(image, size, name)
    shown = (image.height, image.width) if turned else image.size
    return PreparedImage(*shown, matrix, parts)
