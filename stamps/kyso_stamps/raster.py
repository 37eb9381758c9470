"""Pictures of pixels as PDF image XObjects: colours exact, transparency as a soft mask, no byte more than needed.

The colour of a fully transparent pixel is nobody's to see; it is replaced by a neighbour's, so that a one-coloured seal
costs a few bytes of colour and one mask, and no viewer blends a hidden white into the edges.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

from kyso_stamps.errors import StampError
from kyso_stamps.jpeg import read_jpeg
from kyso_stamps.pdfsyntax import keyed

if TYPE_CHECKING:
    from PIL.Image import Image

    from kyso_stamps.appearance import Part

MAX_PIXELS = 32_000_000
INK_THRESHOLD = 25
"""How much darker than white paper (of 255, in any channel) a pixel must be to count as ink."""

_JPEG_QUALITY = 90
_EXACT_MASK_BYTES = 8192
_MASK_LEVELS = (16, 8)
_UNSEEN_DIFFERENCE = 2
_EDGE_DIFFERENCE = 40
_KEPT_FACTOR = 2

UnitMatrix = tuple[float, float, float, float, float, float]
_ORIENTATIONS: dict[int, UnitMatrix] = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}
"""EXIF orientation to the matrix that turns the stored picture upright within the unit square (y upwards)."""

UPRIGHT = _ORIENTATIONS[1]

_EXIF_ORIENTATION = 0x0112


def png_size(data: bytes, name: str) -> tuple[int, int]:
    """Return width and height from a PNG's header.

    :raises StampError: ``stamp.image_unreadable``.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise StampError("stamp.image_unreadable", name=name)
    width, height = struct.unpack_from(">2I", data, 16)
    return int(width), int(height)


def check_size(width: int, height: int, name: str) -> None:
    """Refuse pictures without pixels and pictures that would fill the memory, before they are decoded.

    :raises StampError: ``stamp.image_unreadable``, ``stamp.image_too_large``.
    """
    if width < 1 or height < 1:
        raise StampError("stamp.image_unreadable", name=name)
    if width * height > MAX_PIXELS:
        raise StampError("stamp.image_too_large", name=name, width=width, height=height, limit=MAX_PIXELS // 1_000_000)


def decode(data: bytes, kind: str, name: str) -> tuple[Image, UnitMatrix]:
    """Decode a PNG or JPEG whose size was checked, to mode L, RGB, LA or RGBA, with its orientation.

    :raises StampError: ``stamp.image_unreadable``.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as opened:
            opened.load()
            orientation = opened.getexif().get(_EXIF_ORIENTATION, 1)
            picture = _eight_bits(opened)
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
    ) as error:
        # Pillow's readers answer damaged files with any of these.
        raise StampError("stamp.image_unreadable", name=name) from error
    return picture, _ORIENTATIONS.get(orientation, UPRIGHT) if isinstance(orientation, int) else UPRIGHT


def upright(image: Image, matrix: UnitMatrix) -> Image:
    """Return a decoded picture turned as `matrix`, its orientation, says."""
    from PIL import Image as Pillow

    turns = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_270,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_90,
    }
    orientation = next(number for number, known in _ORIENTATIONS.items() if known == matrix)
    return image.transpose(turns[orientation]) if orientation in turns else image


def _eight_bits(image: Image) -> Image:
    from PIL import ImageMath

    if image.mode.startswith("I"):  # 16-bit grey, with at most one transparent value
        wide = image.convert("I")
        grey: Image = ImageMath.lambda_eval(lambda args: args["convert"](args["wide"] / 257, "L"), wide=wide)
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            alpha = ImageMath.lambda_eval(
                lambda args: args["convert"](args["notequal"](args["wide"], transparent) * 255, "L"), wide=wide
            )
            grey.putalpha(alpha)
        return grey
    if "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "LA", "RGB", "RGBA"):
        return image.copy()
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if image.mode in ("PA", "RGBa", "La") else "RGB")


def ink_box(image: Image) -> tuple[int, int, int, int] | None:
    """Return the box (left, top, right, bottom) in pixels of what is visible on white paper; ``None`` for nothing."""
    from PIL import Image as Pillow
    from PIL import ImageChops

    colour, alpha = split(image)
    colour = colour.convert("RGB")
    if alpha is not None:
        colour = Pillow.composite(colour, Pillow.new("RGB", image.size, (255, 255, 255)), alpha)
    darkness = _brightest(ImageChops.invert(colour))
    return darkness.point([0] * INK_THRESHOLD + [255] * (256 - INK_THRESHOLD)).getbbox()


def split(image: Image) -> tuple[Image, Image | None]:
    """Return colours (L or RGB) and transparency; ``None`` where everything is opaque."""
    if image.mode in ("L", "RGB"):
        return image, None
    alpha = image.getchannel("A")
    colour = image.convert("L" if image.mode == "LA" else "RGB")
    return colour, None if alpha.getextrema() == (255, 255) else alpha


def jpeg_parts(data: bytes, image: Image, size: tuple[int, int], name: str) -> tuple[Part, ...]:
    """Return a JPEG as it is, or compressed again where it has far more pixels than `size`."""
    jpeg = read_jpeg(data, name)
    if size != (jpeg.width, jpeg.height):
        from PIL import Image as Pillow

        output = io.BytesIO()
        image.resize(size, Pillow.Resampling.LANCZOS).save(output, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        smaller = read_jpeg(output.getvalue(), name)
        if len(smaller.data) < len(jpeg.data):
            jpeg = smaller
    space = "/DeviceGray" if jpeg.components == 1 else "/DeviceRGB"
    return (keyed((_image_head(jpeg.width, jpeg.height, space, 8, "/Filter/DCTDecode") + b">>",), jpeg.data),)


def pixel_parts(image: Image, size: tuple[int, int], name: str) -> tuple[Part, ...]:
    """Return a decoded picture, at `size` pixels or at its own size if that is shorter, with its soft mask.

    :raises StampError: ``stamp.image_empty`` for a picture that is transparent everywhere.
    """
    colour, alpha = split(image)
    if alpha is not None:
        colour = _plain(colour, alpha, name)
    forms = []
    if size != image.size:
        forms.append(_parts(*_resized(colour, alpha, size, name)))
    # Fewer pixels are not always fewer bytes: scaling a little turns sharp edges into soft ones.
    if image.width * image.height <= _KEPT_FACTOR * size[0] * size[1]:
        forms.append(_parts(colour, alpha))
    return min(forms, key=lambda parts: sum(len(part.stream or b"") for part in parts))


def _resized(colour: Image, alpha: Image | None, size: tuple[int, int], name: str) -> tuple[Image, Image | None]:
    from PIL import Image as Pillow

    if alpha is None:
        return colour.resize(size, Pillow.Resampling.LANCZOS), None
    if colour.getcolors(1) is not None:  # its colour stays exact, only the shape is made smaller
        return colour.resize(size), alpha.resize(size, Pillow.Resampling.LANCZOS)
    both = colour.copy()
    both.putalpha(alpha)
    colour, alpha = split(both.resize(size, Pillow.Resampling.LANCZOS))
    return (colour if alpha is None else _plain(colour, alpha, name)), alpha


def _parts(colour: Image, alpha: Image | None) -> tuple[Part, ...]:
    head, data = _encoded(colour)
    if alpha is None:
        return (keyed((head + b">>",), data),)
    mask_head, mask_data = _encoded(alpha)
    for levels in _MASK_LEVELS:
        if len(mask_data) > _EXACT_MASK_BYTES:
            mask_head, mask_data = _encoded(_levelled(alpha, levels))
    mask = keyed((mask_head + b">>",), mask_data)
    return keyed((head + b"/SMask ", 1, b">>"), data, (mask, mask)), mask


def _plain(colour: Image, alpha: Image, name: str) -> Image:
    """Return `colour` in one colour where it has only one, but for what scaling did to the edges.

    Programs that scale a transparent picture leave false colours in pixels that are almost transparent or beside an
    edge. One colour takes their place if that changes no area by more than 2 of 255 and no edge by more than 40.
    """
    from PIL import Image as Pillow
    from PIL import ImageChops, ImageFilter

    filled = _filled(colour, alpha, name)
    most = alpha.getextrema()[1]
    assert isinstance(most, (int, float))
    inside = alpha.filter(ImageFilter.MinFilter(3)).point([255 if level >= most - 5 else 0 for level in range(256)])
    solid = inside if inside.getbbox() else alpha
    histogram = colour.histogram(solid)
    levels = [max(range(256), key=histogram[at : at + 256].__getitem__) for at in range(0, len(histogram), 256)]
    one = Pillow.merge(colour.mode, [Pillow.new("L", colour.size, level) for level in levels])
    difference = _brightest(ImageChops.difference(filled, one))
    everywhere = _maximum(ImageChops.multiply(difference, alpha))
    in_areas = _maximum(ImageChops.multiply(difference, inside))
    unseen = everywhere <= _UNSEEN_DIFFERENCE
    edges_only = solid is inside and in_areas <= _UNSEEN_DIFFERENCE and everywhere <= _EDGE_DIFFERENCE
    return one if unseen or edges_only else filled


def _brightest(image: Image) -> Image:
    from PIL import ImageChops

    bands = image.split()
    result = bands[0]
    for band in bands[1:]:
        result = ImageChops.lighter(result, band)
    return result


def _maximum(grey: Image) -> int:
    return max(level for level, count in enumerate(grey.histogram()) if count)


def _filled(colour: Image, alpha: Image, name: str) -> Image:
    """Return `colour` with its fully transparent pixels in the colour of the first visible one."""
    from PIL import Image as Pillow

    box = alpha.getbbox()
    if box is None:
        raise StampError("stamp.image_empty", name=name)
    row = alpha.crop((0, box[1], alpha.width, box[1] + 1)).getbbox()
    assert row is not None
    first = colour.getpixel((row[0], box[1]))
    assert first is not None
    return Pillow.composite(colour, Pillow.new(colour.mode, colour.size, first), alpha.point([0] + [255] * 255))


def _image_head(width: int, height: int, space: str, bits: int, filter_entry: str) -> bytes:
    return (
        f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace{space}"
        f"/BitsPerComponent {bits}{filter_entry}"
    ).encode("ascii")


def _levelled(alpha: Image, levels: int) -> Image:
    """Return a mask with its in-between levels rounded to a grid of `levels`.

    The levels that make up areas stay as they are; what is rounded (by at most 4 % with 16 levels, 8 % with 8) are
    the levels of smooth edges, a pixel wide at 300 dpi, which are as good as noise to a compressor: the mask of a
    finely drawn seal becomes a third as large.
    """
    histogram = alpha.histogram()
    areas = {level for level in range(16, 240) if histogram[level] * 50 > alpha.width * alpha.height}
    grid = sorted(areas | {round(step * 255 / (levels - 1)) for step in range(levels)})
    return alpha.point([min(grid, key=lambda known: abs(known - level)) for level in range(256)])


def _encoded(image: Image) -> tuple[bytes, bytes]:
    """Return the start of an image dictionary and the data of an L or RGB picture, in its shortest lossless form."""
    width, height = image.size
    components = len(image.getbands())
    space = "/DeviceGray" if components == 1 else "/DeviceRGB"
    colours = image.getcolors(256) if components == 3 else None
    if colours is not None and len(colours) == 1:
        data = zlib.compress(bytes((width + 7) // 8 * height), 9)
        value = image.getpixel((0, 0))
        assert isinstance(value, tuple)
        palette = "".join(f"{round(level):02x}" for level in value)
        return _image_head(width, height, f"[/Indexed/DeviceRGB 0<{palette}>]", 1, "/Filter/FlateDecode"), data
    forms: list[tuple[bytes, bytes]] = []
    plain = zlib.compress(image.tobytes(), 9)
    forms.append((_image_head(width, height, space, 8, "/Filter/FlateDecode"), plain))
    predictor = (
        f"/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors {components}/BitsPerComponent 8/Columns {width}>>"
    )
    forms.append((_image_head(width, height, space, 8, predictor), _png_data(image)))
    if colours is not None:
        indexed = _indexed(image, [colour for _, colour in colours])
        if indexed is not None:
            forms.append(indexed)
    return min(forms, key=lambda form: len(form[0]) + len(form[1]))


def _indexed(image: Image, colours: list[object]) -> tuple[bytes, bytes] | None:
    """Return an RGB picture of at most 256 colours with a palette, or ``None`` if that would change a colour."""
    from PIL import Image as Pillow

    mapped = image.quantize(len(colours), method=Pillow.Quantize.MEDIANCUT, dither=Pillow.Dither.NONE)
    if mapped.convert("RGB").tobytes() != image.tobytes():
        return None
    palette = bytes(mapped.getpalette() or ())[: 3 * len(colours)]
    space = f"[/Indexed/DeviceRGB {len(palette) // 3 - 1}<{palette.hex()}>]"
    return _image_head(*image.size, space, 8, "/Filter/FlateDecode"), zlib.compress(mapped.tobytes(), 9)


def _png_data(image: Image) -> bytes:
    """Return the picture's lines with PNG predictors, compressed: the data of a PNG is what /Predictor 15 wants."""
    output = io.BytesIO()
    image.save(output, "PNG", compress_level=9)
    png = output.getvalue()
    data, at = bytearray(), 8
    while at < len(png):
        length = struct.unpack_from(">I", png, at)[0]
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    return bytes(data)
