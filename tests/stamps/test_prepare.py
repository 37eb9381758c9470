"""From a photo to a picture for stamps: what is kept, what goes, what is refused."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from kyso_stamps import StampError
from kyso_stamps.picture_checks import check_picture
from kyso_stamps.prepare import PreparedPicture, prepare_picture
from tests.stamps.photos import photograph

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def signature_ink(signature_image: Path) -> Image.Image:
    """The demo's signature, 900 pixels wide, transparent margins cut off."""
    with Image.open(signature_image) as picture:
        cut = picture.crop(picture.getchannel("A").getbbox())
    return cut.resize((900, round(900 * cut.height / cut.width)), Image.Resampling.LANCZOS)


@pytest.fixture(scope="module")
def seal_ink(seal_image: Path) -> Image.Image:
    """The demo's seal, 700 pixels across."""
    with Image.open(seal_image) as picture:
        return picture.resize((700, 700), Image.Resampling.LANCZOS)


def _opened(prepared: PreparedPicture) -> Image.Image:
    picture = Image.open(io.BytesIO(prepared.png))
    picture.load()
    return picture


def _agreement(prepared: PreparedPicture, ink: Image.Image) -> tuple[float, float]:
    """Return which share of the original's ink was found, and which share of what was found is the original's."""
    found = np.asarray(_opened(prepared).getchannel("A").resize(ink.size, Image.Resampling.LANCZOS)) > 127
    wanted = np.asarray(ink.getchannel("A")) > 127
    both = (found & wanted).sum()
    return both / wanted.sum(), both / found.sum()


def test_a_signature_leaves_the_paper_behind(signature_ink: Image.Image, tmp_path: Path) -> None:
    """Uneven light, shadow and grain go; the strokes stay, in their own blue, at the width asked for."""
    photo = photograph(tmp_path / "photo.jpg", signature_ink)
    prepared = prepare_picture(photo, "signature", 60)
    kept, right = _agreement(prepared, signature_ink)
    assert kept > 0.93
    assert right > 0.93
    picture = _opened(prepared)
    assert picture.mode == "RGBA"
    assert np.mean(np.asarray(picture.getchannel("A")) == 0) > 0.8
    assert prepared.width_mm == 60
    assert prepared.height_mm == pytest.approx(60 * signature_ink.height / signature_ink.width, rel=0.02)
    # pHYs says the true size; viewers and word processors go by it.
    assert picture.width / picture.info["dpi"][0] * 25.4 == pytest.approx(60, abs=0.05)
    red, green, blue = prepared.colour
    assert blue > 2 * red
    assert blue > 1.5 * green
    assert prepared.findings == ()


def test_a_seal_keeps_its_red_and_its_true_diameter(seal_ink: Image.Image, tmp_path: Path) -> None:
    """A seal comes out exactly as large as it is, edge to edge, in its own red."""
    photo = photograph(tmp_path / "photo.jpg", seal_ink, strength=0.85)
    prepared = prepare_picture(photo, "seal", 36, 36)
    kept, right = _agreement(prepared, seal_ink)
    assert kept > 0.95
    assert right > 0.95
    alpha = np.asarray(_opened(prepared).getchannel("A"))
    assert alpha.shape[0] == alpha.shape[1]
    for edge in (alpha[:3], alpha[-3:], alpha[:, :3], alpha[:, -3:]):
        assert edge.max() > 60
    red, green, blue = prepared.colour
    assert red > 2 * max(green, blue)
    assert prepared.findings == ()


def test_print_below_a_seal_goes(seal_ink: Image.Image, tmp_path: Path) -> None:
    """Black print where the seal was set is not taken for ink, only what it hides of the seal is missing."""
    photo = photograph(tmp_path / "photo.jpg", seal_ink, print_below=True)
    prepared = prepare_picture(photo, "seal", 36, 36)
    kept, right = _agreement(prepared, seal_ink)
    assert kept > 0.80
    assert right > 0.93


def test_black_ink_turns_blue_only_when_asked(signature_ink: Image.Image, tmp_path: Path) -> None:
    """A signature in black is refused, becomes blue where that is asked for, and stays black where that is."""
    black = Image.new("RGBA", signature_ink.size, (30, 30, 34, 0))
    black.putalpha(signature_ink.getchannel("A"))
    photo = photograph(tmp_path / "photo.jpg", black, shadow=False)
    with pytest.raises(StampError) as caught:
        prepare_picture(photo, "signature", 60)
    assert caught.value.code == "picture.not_blue"
    blue = prepare_picture(photo, "signature", 60, black_to_blue=True)
    assert blue.colour == (26, 58, 158)
    assert _agreement(blue, black)[0] > 0.9
    kept = prepare_picture(photo, "signature", 60, keep_colour=True)
    assert max(kept.colour) < 90
    assert [finding.code for finding in kept.findings] == ["picture.colourless_signature"]


def test_a_grey_seal_is_refused(seal_ink: Image.Image, tmp_path: Path) -> None:
    """A seal scanned without colour is not painted red."""
    grey = seal_ink.convert("LA").convert("RGBA")
    photo = photograph(tmp_path / "photo.jpg", grey, shadow=False)
    with pytest.raises(StampError) as caught:
        prepare_picture(photo, "seal", 36, 36)
    assert caught.value.code == "picture.not_red"


def test_own_colours_give_the_photo_back(signature_ink: Image.Image, tmp_path: Path) -> None:
    """With its own colours kept, the picture on white looks as the evenly lit photo did."""
    photo = photograph(tmp_path / "photo.jpg", signature_ink)
    prepared = prepare_picture(photo, "signature", 60, keep_colour=True)
    picture = _opened(prepared)
    on_white = Image.new("RGB", picture.size, "white")
    on_white.paste(picture, mask=picture.getchannel("A"))
    shown = np.asarray(on_white).astype(int)
    ink = np.asarray(picture.getchannel("A")) > 240
    assert shown[ink].mean(axis=0) == pytest.approx((26, 58, 158), abs=28)
    assert len(np.unique(shown[ink], axis=0)) > 50


@pytest.mark.parametrize(
    ("width_mm", "code"), [(400, "picture.too_few_pixels"), (0, "picture.size"), (-5, "picture.size")]
)
def test_sizes_that_print_cannot_show_are_refused(
    signature_ink: Image.Image, tmp_path: Path, width_mm: float, code: str
) -> None:
    """Too few pixels for the size, and sizes that are none, are named."""
    photo = photograph(tmp_path / "photo.jpg", signature_ink)
    with pytest.raises(StampError) as caught:
        prepare_picture(photo, "signature", width_mm)
    assert caught.value.code == code


def test_half_a_seal_is_refused(seal_ink: Image.Image, tmp_path: Path) -> None:
    """A round seal that is not round on the photo is not stretched."""
    photo = photograph(tmp_path / "photo.jpg", seal_ink.crop((0, 0, 700, 450)))
    with pytest.raises(StampError) as caught:
        prepare_picture(photo, "seal", 36, 36)
    assert caught.value.code == "picture.out_of_proportion"


def test_ink_at_the_edge_is_told(signature_ink: Image.Image, tmp_path: Path) -> None:
    """Ink that runs off the photo may be incomplete, and the finding says so."""
    photo = photograph(tmp_path / "photo.jpg", signature_ink, at=(-200, 200))
    prepared = prepare_picture(photo, "signature", 40)
    assert "picture.cut_off" in {finding.code for finding in prepared.findings}


def test_empty_paper_is_refused(tmp_path: Path) -> None:
    """Paper with nothing but shadow and grain has no ink."""
    photo = photograph(tmp_path / "photo.jpg", Image.new("RGBA", (10, 10)))
    with pytest.raises(StampError) as caught:
        prepare_picture(photo, "signature", 60)
    assert caught.value.code == "picture.no_ink"


def test_one_pixel_is_refused(tmp_path: Path) -> None:
    """A picture of one black pixel holds no signature."""
    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    with pytest.raises(StampError) as caught:
        prepare_picture(tmp_path / "one.png", "signature", 60)
    assert caught.value.code == "picture.no_ink"


def test_a_pixel_bomb_is_not_decoded(tmp_path: Path) -> None:
    """A small file that claims 100,000 x 100,000 pixels is refused by its header."""
    Image.new("1", (8, 8)).save(tmp_path / "bomb.png")
    data = bytearray((tmp_path / "bomb.png").read_bytes())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(StampError) as caught:
        prepare_picture(tmp_path / "bomb.png", "seal", 36, 36)
    assert caught.value.code == "stamp.image_too_large"


def test_preparing_again_changes_little(seal_image: Path, tmp_path: Path) -> None:
    """A picture that is right already stays what it is, and is not taken for one that was cut off."""
    with Image.open(seal_image) as picture:
        before = picture.convert("RGBA")
    prepared = prepare_picture(seal_image, "seal", 36, 36)
    kept, right = _agreement(prepared, before)
    assert min(kept, right) > 0.98
    assert prepared.findings == ()
    out = tmp_path / "seal.png"
    out.write_bytes(prepared.png)
    assert check_picture(out, "seal", 36, 36) == ()


def test_a_turned_photo_comes_out_upright(signature_ink: Image.Image, tmp_path: Path) -> None:
    """The orientation that a camera notes is honoured, and none is left in the result."""
    path = photograph(tmp_path / "photo.jpg", signature_ink)
    with Image.open(path) as photo:
        exif = photo.getexif()
        exif[0x0112] = 6
        photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", quality=92, exif=exif)
    prepared = prepare_picture(tmp_path / "turned.jpg", "signature", 60)
    assert min(_agreement(prepared, signature_ink)) > 0.9
    assert "exif" not in _opened(prepared).info
