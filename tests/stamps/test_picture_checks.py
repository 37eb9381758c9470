"""What is said about a picture before it is signed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from kyso import text
from kyso_stamps import StampError
from kyso_stamps.picture_checks import check_picture, measure_picture, right_hue
from tests.stamps.conftest import seal_image
from tests.stamps.rendering import png

if TYPE_CHECKING:
    from pathlib import Path

    from kyso_stamps.picture_checks import PictureKind


def _inked(path: Path, colour: tuple[int, int, int], size: int = 400, *, opaque: bool = False) -> Path:
    """Write a ring and star of one colour."""
    alpha = seal_image(size).getchannel("A")
    picture = Image.new("RGBA", alpha.size, (*colour, 0))
    picture.putalpha(alpha)
    if opaque:
        on_white = Image.new("RGB", alpha.size, "white")
        on_white.paste(picture, mask=alpha)
        picture = on_white
    return png(picture, path)


def codes(path: Path, kind: PictureKind, width_mm: float, height_mm: float | None = None) -> list[tuple[str, bool]]:
    findings = check_picture(path, kind, width_mm, height_mm)
    for finding in findings:
        for language in text.LANGUAGES:
            assert path.name in text.message(finding.code, language, finding.parameters)
    return [(finding.code.removeprefix("picture."), finding.refuse) for finding in findings]


def test_the_demos_pictures_are_as_the_decree_wants(
    signature_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A blue signature and a red seal of enough pixels have nothing said about them."""
    assert codes(signature_image, "signature", 40) == []
    seal = _inked(tmp_path_factory.mktemp("seal") / "seal.png", (200, 16, 32))
    assert codes(seal, "seal", 36, 36) == []


@pytest.mark.parametrize(
    ("colour", "kind", "expected"),
    [
        ((26, 58, 158), "signature", []),
        ((20, 25, 80), "signature", []),
        ((70, 40, 150), "signature", []),
        ((30, 30, 34), "signature", ["colourless_signature"]),
        ((200, 16, 32), "signature", ["wrong_hue_signature"]),
        ((30, 120, 40), "signature", ["wrong_hue_signature"]),
        ((227, 66, 52), "seal", []),
        ((160, 10, 60), "seal", []),
        ((26, 58, 158), "seal", ["wrong_hue_seal"]),
        ((230, 150, 20), "seal", ["wrong_hue_seal"]),
        ((90, 90, 90), "seal", ["colourless_seal"]),
        ((240, 175, 180), "seal", ["pale"]),
    ],
)
def test_colours_are_measured(
    tmp_path: Path, colour: tuple[int, int, int], kind: PictureKind, expected: list[str]
) -> None:
    """Blue inks pass for signatures, red ones for seals; others, greys and faded ones are named; none is refused."""
    path = _inked(tmp_path / "picture.png", colour)
    assert codes(path, kind, 30, 30) == [(code, False) for code in expected]


@pytest.mark.parametrize(
    ("width_mm", "expected"),
    [(30, []), (80, [("low_resolution", False)]), (300, [("too_coarse", True)])],
)
def test_resolution_is_that_on_paper(tmp_path: Path, width_mm: float, expected: list[tuple[str, bool]]) -> None:
    """400 pixels are plenty on 30 mm, too few for clear print on 80 mm, and of no use on 300 mm."""
    path = _inked(tmp_path / "picture.png", (200, 16, 32))
    assert codes(path, "seal", width_mm, width_mm) == expected


def test_an_opaque_picture_is_told(tmp_path: Path) -> None:
    """A picture without transparency hides what is below it, be it JPEG or PNG; its ink is measured all the same."""
    path = _inked(tmp_path / "picture.png", (200, 16, 32), opaque=True)
    assert codes(path, "seal", 30, 30) == [("opaque", False)]
    with Image.open(path) as picture:
        picture.save(tmp_path / "picture.jpg", quality=90)
    assert codes(tmp_path / "picture.jpg", "seal", 30, 30) == [("opaque", False)]
    assert ("wrong_hue_signature", False) in codes(tmp_path / "picture.jpg", "signature", 30)


def test_a_seal_of_other_proportions_is_told(tmp_path: Path) -> None:
    """A round seal whose picture is cut off or stretched does not fit its diameter."""
    path = png(seal_image().crop((0, 0, 400, 300)), tmp_path / "half.png")
    assert codes(path, "seal", 36, 36) == [("out_of_shape", False)]


def test_margins_do_not_count(tmp_path: Path) -> None:
    """Resolution and proportions are those of the visible part."""
    wide = Image.new("RGBA", (1600, 500), (0, 0, 0, 0))
    wide.paste(seal_image(), (50, 50))
    path = png(wide, tmp_path / "wide.png")
    measure = measure_picture(path)
    assert measure is not None
    assert (measure.width_px, measure.height_px) == pytest.approx((400, 400), abs=2)
    assert codes(path, "seal", 36, 36) == []


def test_measurements_are_kept(tmp_path: Path) -> None:
    """With a cache folder a second look needs no decoding and says the same."""
    from kyso_stamps import picture_checks

    path = _inked(tmp_path / "picture.png", (20, 25, 80))
    first = measure_picture(path, tmp_path / "cache")
    picture_checks._measured.cache_clear()
    assert measure_picture(path, tmp_path / "cache") == first
    assert list((tmp_path / "cache").glob("measure-*"))


def test_vectors_are_not_measured(tmp_path: Path) -> None:
    """A PDF has neither resolution nor ground."""
    path = tmp_path / "seal.pdf"
    Image.new("RGB", (40, 40), "red").save(path, "PDF")
    assert measure_picture(path) is None
    assert check_picture(path, "seal", 36, 36) == ()


def test_what_shows_nothing_is_an_error(tmp_path: Path) -> None:
    """A picture that is transparent everywhere, or white, is refused as such."""
    for name, colour in (("clear.png", (0, 0, 0, 0)), ("white.png", (255, 255, 255, 255))):
        path = png(Image.new("RGBA", (50, 50), colour), tmp_path / name)
        with pytest.raises(StampError) as caught:
            check_picture(path, "seal", 36, 36)
        assert caught.value.code == "stamp.image_empty"


@pytest.mark.parametrize(
    ("hue", "kind", "right"),
    [
        (0, "seal", True),
        (359, "seal", True),
        (20, "seal", True),
        (40, "seal", False),
        (300, "seal", False),
        (225, "signature", True),
        (180, "signature", False),
        (280, "signature", False),
    ],
)
def test_hues_around_the_circle(hue: float, kind: PictureKind, right: bool) -> None:
    """The range of reds goes over 0 degrees."""
    assert right_hue(hue, kind) is right
