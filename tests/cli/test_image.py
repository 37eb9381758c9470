"""``kyso image prepare``."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Kyso
from tests.stamps.photos import photograph


@pytest.fixture
def photo(office: Path) -> Path:
    """A photo of the demo's seal in the office's folder."""
    with Image.open(office / "seal.png") as picture:
        ink = picture.resize((600, 600), Image.Resampling.LANCZOS)
    return photograph(office / "photo.jpg", ink, size=(1200, 900), at=(250, 150))


def test_a_photo_becomes_a_seal_that_seals(kyso: Kyso, office: Path, photo: Path) -> None:
    """The prepared picture has its size in it, and signs a letter."""
    result = kyso(
        "image", "prepare", photo, "own-seal.png", "--kind", "seal", "--diameter-mm", "36", "--format", "json"
    )
    assert result.code == 0, result.err
    answer = result.json
    assert (answer["schema"], answer["width_mm"], answer["height_mm"]) == ("kyso.image/1", 36, 36)
    assert answer["notices"] == []
    with Image.open(office / "own-seal.png") as picture:
        assert picture.mode == "RGBA"
        assert picture.size == (answer["width_px"], answer["height_px"])
    led = kyso("sign", "letter.pdf", "--key", "leader", "--out", "led.pdf", "--secret-env", "PW")
    assert led.code == 0, led.err
    sealing = ("--policy", "decree30.seal", "--key", "seal", "--image", "own-seal.png", "--secret-env", "PW")
    sealed = kyso("sign", "led.pdf", *sealing, "--set", "confirm_date=yes", "--out", "sealed.pdf")
    assert sealed.code == 0, sealed.err


def test_the_text_answer_names_size_and_colour(kyso: Kyso, photo: Path) -> None:
    """One line says what was made."""
    result = kyso("image", "prepare", photo, "out.png", "--kind", "seal", "--diameter-mm", "36", "--lang", "vi")
    assert "36 x 36 mm" in result.out
    assert "điểm ảnh" in result.out


@pytest.mark.parametrize(
    ("options", "exit_code", "code"),
    [
        (("--kind", "seal"), 7, "image.seal_size"),
        (("--kind", "seal", "--width-mm", "36"), 7, "image.seal_size"),
        (("--kind", "signature"), 7, "image.signature_size"),
        (("--kind", "signature", "--width-mm", "40", "--height-mm", "20"), 7, "image.signature_size"),
        (("--kind", "signature", "--diameter-mm", "40"), 7, "image.diameter"),
        (("--kind", "seal", "--diameter-mm", "36", "--black-to-blue"), 7, "image.seal_blue"),
        (("--kind", "signature", "--width-mm", "9", "--black-to-blue", "--keep-colour"), 7, "image.two_colours"),
        (("--kind", "stamp", "--width-mm", "40"), 7, "cli.bad_choice"),
        (("--kind", "seal", "--diameter-mm", "-1"), 7, "picture.size"),
        (("--kind", "signature", "--width-mm", "40"), 4, "picture.not_blue"),
        (("--kind", "seal", "--diameter-mm", "300"), 4, "picture.too_few_pixels"),
    ],
)
def test_refusals_leave_no_file(
    kyso: Kyso, office: Path, photo: Path, options: tuple[str, ...], exit_code: int, code: str
) -> None:
    """Wrong uses end with 7, unusable photos with 4, with the code, the next step, and nothing written."""
    result = kyso("image", "prepare", photo, "out.png", *options)
    assert result.code == exit_code
    assert f"[{code}]" in result.err
    assert "→" in result.err
    assert not (office / "out.png").exists()


def test_a_letter_is_no_photo(kyso: Kyso, office: Path) -> None:
    """A PDF and a missing file are refused as such; a file that exists is not written over."""
    size = ("--kind", "seal", "--diameter-mm", "36")
    assert "[picture.vector]" in kyso("image", "prepare", "letter.pdf", "out.png", *size).err
    assert "[stamp.image_unreadable]" in kyso("image", "prepare", "absent.jpg", "out.png", *size).err
    assert "[cli.output_exists]" in kyso("image", "prepare", "seal.png", "signature.png", *size).err
