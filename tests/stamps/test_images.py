"""Pictures: every kind of PNG and JPEG as it was, and nothing that could harm."""

from __future__ import annotations

import io
import os
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageOps

from kyso_stamps import ImageItem, StampError, StampSpec, images
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice
from kyso_stamps.images import image_ink, prepare_image
from tests.stamps.conftest import SEAL_RED, seal_image
from tests.stamps.rendering import RENDERERS, Drawing, png, rendered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def stamp(path: Path, size_mm: float = 20) -> StampSpec:
    """A stamp that is one square picture."""
    return StampSpec(size_mm, size_mm, (ImageItem(path, (0, 0, size_mm, size_mm)),))


def four_colours(size: int = 120) -> Image.Image:
    """Red, green above blue, black: tells every turn and mirror apart."""
    picture = Image.new("RGB", (size, size), "black")
    half = size // 2
    picture.paste("red", (0, 0, half, half))
    picture.paste((0, 255, 0), (half, 0, size, half))
    picture.paste("blue", (0, half, half, size))
    return picture


def corners(drawing: Drawing, size_mm: float = 20) -> list[tuple[int, int, int]]:
    """The colours of the four quarters: top left, top right, bottom left, bottom right."""
    near, far = size_mm / 4, size_mm * 3 / 4
    return [drawing.at(x, y) for x, y in ((near, near), (far, near), (near, far), (far, far))]


FOUR = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)]


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_and_orientation_of_png(render: Callable[[bytes, Path], Drawing], mode: str, tmp_path: Path) -> None:
    """Every renderer shows RGB, RGBA and palette pictures upright in their colours."""
    path = png(four_colours().convert(mode), tmp_path / "four.png")
    assert corners(render(appearance_to_pdf(draw(stamp(path), FontChoice())), tmp_path)) == FOUR


@pytest.mark.parametrize(
    ("image", "options"),
    [
        pytest.param(Image.new("L", (50, 50), 77), {}, id="grey"),
        pytest.param(Image.new("LA", (50, 50), (77, 255)), {}, id="grey-alpha"),
        pytest.param(Image.new("I;16", (50, 50), 77 * 257), {}, id="grey-16"),
        pytest.param(Image.new("RGB", (50, 50), (77, 77, 77)), {"transparency": (1, 2, 3)}, id="colour-key"),
        pytest.param(Image.new("P", (50, 50), 0), {}, id="palette-of-one"),
    ],
)
def test_kinds_of_png_keep_their_value(image: Image.Image, options: dict[str, object], tmp_path: Path) -> None:
    """Grey, 16-bit grey, colour-keyed and palette pictures keep their level exactly."""
    if image.mode == "P":
        image.putpalette([77, 77, 77])
    assert rendered(stamp(png(image, tmp_path / "flat.png", **options))).at(10, 10) == (77, 77, 77)


def test_bilevel_and_interlaced_png(tmp_path: Path) -> None:
    """One-bit pictures and Adam7 interlacing are read."""
    bilevel = four_colours().convert("L").point([0] * 70 + [255] * 186).convert("1", dither=Image.Dither.NONE)
    assert corners(rendered(stamp(png(bilevel, tmp_path / "one.png"))))[1:3] == [(255, 255, 255), (0, 0, 0)]
    (tmp_path / "adam7.png").write_bytes(_interlaced(8))
    assert rendered(stamp(tmp_path / "adam7.png")).at(10, 10) == (10, 200, 30)


def _interlaced(size: int) -> bytes:
    """Build an Adam7 PNG of one colour, `size` pixels square (ISO/IEC 15948, 8.2)."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b""
    for left, top, across, down in passes:
        width, height = len(range(left, size, across)), len(range(top, size, down))
        data += (b"\x00" + bytes((10, 200, 30)) * width) * height
    header = struct.pack(">2I5B", size, size, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")


def _chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def test_transparency_shows_what_lies_below(tmp_path: Path) -> None:
    """Half transparent red over white paper is the mean of both; a hidden colour stays hidden."""
    picture = Image.new("RGBA", (60, 60), (255, 0, 0, 128))
    picture.paste((0, 255, 0, 0), (0, 0, 30, 60))
    drawing = rendered(stamp(png(picture, tmp_path / "half.png")))
    assert drawing.at(15, 10) == pytest.approx((255, 127, 127), abs=1)
    assert drawing.at(5, 10) == (255, 255, 255)


def test_an_opaque_picture_has_no_mask(tmp_path: Path) -> None:
    """A fully opaque alpha channel is dropped."""
    path = png(four_colours().convert("RGBA"), tmp_path / "four.png")
    assert len(prepare_image(path, 20, 20, "contain").parts) == 1


def test_pixels_are_kept_exactly(tmp_path: Path) -> None:
    """A many-coloured picture at its own resolution loses nothing: colours and soft mask are the file's."""
    generator = np.random.default_rng(7)
    pixels = generator.integers(0, 256, (40, 50, 4), dtype=np.uint8)
    pixels[..., 3] |= 1  # visible everywhere
    path = png(Image.fromarray(pixels, "RGBA"), tmp_path / "noise.png")
    pdf = pikepdf.open(io.BytesIO(appearance_to_pdf(draw(stamp(path), FontChoice()))))
    (image,) = pdf.pages[0].Resources.XObject.Stamp.Resources.XObject.values()
    colours = np.frombuffer(image.read_bytes(), np.uint8).reshape(40, 50, 3)
    mask = np.frombuffer(image.SMask.read_bytes(), np.uint8).reshape(40, 50)
    assert (colours == pixels[..., :3]).all()
    assert (mask == pixels[..., 3]).all()


def test_two_tones_of_a_seal_stay_two(tmp_path: Path) -> None:
    """Only what scaling did to edges is evened out; an area of a slightly different red stays different."""
    picture = seal_image()
    ImageDraw.Draw(picture).rectangle((190, 190, 210, 210), fill=(*SEAL_RED[:2], SEAL_RED[2] + 20, 255))
    drawing = rendered(stamp(png(picture, tmp_path / "two.png"), 34))
    assert drawing.at(17, 17) == (*SEAL_RED[:2], SEAL_RED[2] + 20)
    assert drawing.at(17, 12) == SEAL_RED


def test_a_scaled_seal_costs_one_colour(tmp_path: Path) -> None:
    """The false colours that scaling leaves at the edges of a one-coloured seal are not embedded."""
    path = png(seal_image(900).resize((400, 400), Image.Resampling.LANCZOS), tmp_path / "scaled.png")
    parts = prepare_image(path, 36, 36, "contain").parts
    assert b"/Indexed" in parts[0].head[0]
    assert len(parts[0].stream) < 100
    assert rendered(stamp(path, 36)).at(18, 18) == SEAL_RED


def test_large_pictures_are_embedded_at_print_resolution(tmp_path: Path) -> None:
    """A 3000-pixel seal at 36 mm is embedded with 300 dpi, its colour and place unchanged."""
    path = png(seal_image(3000), tmp_path / "large.png")
    image = prepare_image(path, 36, 36, "contain")
    assert b"/Width 426/Height 426" in image.parts[0].head[0]
    drawing = rendered(stamp(path, 36))
    assert drawing.at(18, 18) == SEAL_RED
    assert drawing.ink() == pytest.approx((0, 0, 36, 36), abs=0.3)


def test_the_whole_stamp_is_small(seal: Path) -> None:
    """A plain 400-pixel seal adds a few kilobytes."""
    assert sum(len(part.stream or b"") for part in prepare_image(seal, 36, 36, "contain").parts) < 8_000


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_pictures_are_shown_as_a_phone_meant_them(orientation: int, kind: str, tmp_path: Path) -> None:
    """All eight EXIF orientations come out upright, in shape and in ink box."""
    picture = four_colours().crop((0, 0, 120, 100))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone"
    picture.save(path, kind, exif=exif, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}))
    with Image.open(path) as opened:
        expected = ImageOps.exif_transpose(opened).convert("RGB")
    ink = image_ink(path)
    assert (ink.width_px, ink.height_px) == expected.size
    width, height = expected.size[0] / 5, expected.size[1] / 5
    drawing = rendered(StampSpec(width, height, (ImageItem(path, (0, 0, width, height)),)))
    for x, y in ((0.2, 0.2), (0.8, 0.2), (0.2, 0.8), (0.8, 0.8)):
        wanted = expected.getpixel((int(x * expected.width), int(y * expected.height)))
        assert drawing.at(x * width, y * height) == pytest.approx(wanted, abs=6)


def test_a_jpeg_passes_through_without_its_private_data(tmp_path: Path) -> None:
    """The compressed picture is not touched; where and when it was taken is removed."""
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    path = tmp_path / "photo.jpg"
    four_colours().save(path, "JPEG", exif=exif, comment=b"private words", progressive=True)
    (part,) = prepare_image(path, 20, 20, "contain").parts
    assert b"/DCTDecode" in part.head[0]
    assert b"taken at home" in path.read_bytes()
    assert b"taken at home" not in part.stream
    assert b"private words" not in part.stream
    scan = path.read_bytes()[path.read_bytes().index(b"\xff\xda") :]
    assert part.stream.endswith(scan)
    assert corners(rendered(stamp(path)))[3] == pytest.approx((0, 0, 0), abs=6)


def test_a_large_jpeg_becomes_smaller(tmp_path: Path) -> None:
    """A 12-megapixel photograph does not add megabytes to a letter."""
    path = tmp_path / "photo.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (750, 1000, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((4000, 3000)).save(path, "JPEG", quality=95)
    (part,) = prepare_image(path, 60, 45, "contain").parts
    assert len(part.stream) < path.stat().st_size / 4


def test_ink_is_what_shows_on_white_paper(tmp_path: Path) -> None:
    """Transparent and white margins are not ink."""
    picture = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 100, 100))
    picture.paste((20, 20, 160, 255), (50, 30, 150, 60))
    ink = image_ink(png(picture, tmp_path / "ink.png"))
    assert ink.ink == pytest.approx((0.25, 0.3, 0.75, 0.6))
    assert ink.aspect == 2


def _cmyk(path: Path) -> None:
    Image.new("CMYK", (20, 20)).save(path, "JPEG")


def _bomb(path: Path) -> None:
    data = zlib.compress(bytes(1000), 9)
    header = struct.pack(">2I5B", 60_000, 60_000, 8, 6, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b""))


def _jpeg_bomb(path: Path) -> None:
    Image.new("RGB", (16, 16)).save(path, "JPEG")
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">2H", 65_000, 65_000)
    path.write_bytes(data)


def _cut(path: Path) -> None:
    png(seal_image(), path)
    path.write_bytes(path.read_bytes()[:3000])


def _cut_jpeg(path: Path) -> None:
    four_colours().save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:900])


def _huge_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(images.MAX_FILE_BYTES + 1)


REFUSED = {
    "cmyk": (_cmyk, "stamp.image_cmyk"),
    "png-bomb": (_bomb, "stamp.image_too_large"),
    "jpeg-bomb": (_jpeg_bomb, "stamp.image_too_large"),
    "cut-png": (_cut, "stamp.image_unreadable"),
    "cut-jpeg": (_cut_jpeg, "stamp.image_unreadable"),
    "huge-file": (_huge_file, "stamp.image_file_too_large"),
    "no-file": (lambda path: None, "stamp.image_unreadable"),
    "folder": (lambda path: path.mkdir(), "stamp.image_unreadable"),
    "pipe": (os.mkfifo, "stamp.image_unreadable"),
    "empty": (lambda path: path.write_bytes(b""), "stamp.image_unsupported"),
    "svg": (lambda path: path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "stamp.image_unsupported"),
    "gif": (lambda path: Image.new("P", (9, 9)).save(path, "GIF"), "stamp.image_unsupported"),
    "zero-size": (
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", bytes(13)) + _chunk(b"IEND", b"")),
        "stamp.image_unreadable",
    ),
    "transparent": (lambda path: png(Image.new("RGBA", (9, 9)), path), "stamp.image_empty"),
    "pdf-cut": (lambda path: path.write_bytes(b"%PDF-1.7\n"), "stamp.image_unreadable"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_unfit_pictures_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    """Bombs, broken files and foreign kinds end in a StampError with the file's name, in drawing and in measuring."""
    make, code = REFUSED[kind]
    path = tmp_path / "picture"
    make(path)
    for use in (image_ink, lambda path: draw(stamp(path), FontChoice())):
        with pytest.raises(StampError) as caught:
            use(path)
        assert (caught.value.code, caught.value.parameters["name"]) == (code, "picture")


def test_white_on_white_has_no_ink(tmp_path: Path) -> None:
    """A picture that would not show has no ink to be placed by."""
    with pytest.raises(StampError, match=r"stamp\.image_empty"):
        image_ink(png(Image.new("RGB", (9, 9), "white"), tmp_path / "white.png"))


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    """A 1 x 1 picture fills its box."""
    assert rendered(stamp(png(Image.new("RGB", (1, 1), (9, 90, 200)), tmp_path / "dot.png"))).at(10, 10) == (9, 90, 200)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_damaged_pictures_never_escape(kind: str, tmp_path: Path) -> None:
    """Whatever bytes are wrong, the outcome is a picture or a StampError."""
    chance = np.random.default_rng(3)
    buffer = io.BytesIO()
    four_colours(40).save(buffer, kind)
    sound = buffer.getvalue()
    outcomes = set()
    for round_ in range(300):
        data = bytearray(sound)
        for _ in range(int(chance.integers(1, 6))):
            data[int(chance.integers(3, len(data)))] = int(chance.integers(0, 256))
        path = tmp_path / f"damaged-{round_}"
        path.write_bytes(data)
        try:
            prepare_image(path, 10, 10, "contain")
            outcomes.add("drawn")
        except StampError as error:
            outcomes.add(error.code)
    assert "drawn" in outcomes or kind == "PNG"  # a PNG's checksums find almost every change
    assert "stamp.image_unreadable" in outcomes


def test_a_changed_picture_is_read_again(tmp_path: Path) -> None:
    """The memory of pictures goes by content, not by name."""
    path = png(Image.new("RGB", (9, 9), "red"), tmp_path / "seal.png")
    first = draw(stamp(path), FontChoice())
    path.write_bytes(b"")
    png(Image.new("RGB", (9, 9), "blue"), path)
    os.utime(path, ns=(1, 1))
    assert draw(stamp(path), FontChoice()) != first
