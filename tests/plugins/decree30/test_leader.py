"""The authorised person's signature stands between title and name, on every kind of letter, or it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from kyso.document.opening import open_letter
from kyso.errors import SigningRefused, WrongUse
from kyso.geometry import RectMm
from tests.plugins.decree30 import letters
from tests.plugins.decree30.letters import Sample
from tests.support import judges
from tests.support.pixels import assert_close, bluish, find
from tests.support.placing import place, written
from tests.support.sheets import PT

SAMPLES = letters.samples()
CAPITAL = 0.66  # of the size, above the baseline


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_the_block_is_found_and_the_signature_stands_in_its_middle(sample: Sample, signature_image: Path) -> None:
    """The picture is centred between the last title line and the name, and lies on empty paper only."""
    signer = sample.signer or sample.truth.name
    placement = place(sample.data, "decree30.leader", image=signature_image, signer=signer)
    truth, ink = sample.truth, placement.boxes_mm["ink"]
    assert placement.page == truth.page
    assert ink.centre_x == pytest.approx(truth.axis_mm, abs=0.5)
    size_mm = truth.size_pt / PT
    # Descenders and marks move the middle of the empty band by a little.
    assert ink.centre_y == pytest.approx((truth.above_mm + truth.below_mm - CAPITAL * size_mm) / 2, abs=1.3)
    assert truth.above_mm < ink.top
    assert ink.bottom < truth.below_mm - CAPITAL * size_mm
    assert ink.width <= 40.001
    assert ink.height <= 22.001
    with open_letter(sample.data) as letter:
        assert letter.free_of_ink(placement.page, ink)


def test_no_other_block_is_ever_chosen(signature_image: Path) -> None:
    """Without the certificate's name the same blocks are found, and only letters of two signers are refused."""
    wrong, refused = [], []
    for sample in SAMPLES:
        try:
            placement = place(sample.data, "decree30.leader", image=signature_image, signer="")
        except SigningRefused as refusal:
            refused.append((sample.name, refusal.code))
            continue
        if placement.page != sample.truth.page or abs(placement.boxes_mm["ink"].centre_x - sample.truth.axis_mm) > 1:
            wrong.append(sample.name)
    assert wrong == []
    assert refused == [(sample.name, "decree30.block_ambiguous") for sample in SAMPLES if sample.signer]


def test_two_signers_side_by_side_are_never_guessed_between(signature_image: Path) -> None:
    """Both candidates are named with page, place and text; the certificate's name or an anchor decides."""
    data = letters.joint()
    with pytest.raises(SigningRefused) as refused:
        place(data, "decree30.leader", image=signature_image, signer="Người Khác")
    assert refused.value.code == "decree30.block_ambiguous"
    shown = " ".join(map(str, refused.value.parameters["candidates"]))  # type: ignore[call-overload]  # a list
    assert "Bùi Thị Hòa" in shown
    assert "Đỗ Minh Tuấn" in shown
    by_anchor = place(data, "decree30.leader", image=signature_image, signer="Người Khác", anchor="sở nội vụ")
    assert by_anchor.boxes_mm["ink"].centre_x == pytest.approx(150, abs=0.5)


def test_a_second_signer_gets_the_other_place(signature_image: Path) -> None:
    """A block that carries a signature is taken: the next signer of a joint letter is led to the free one."""
    data = letters.joint()
    first = place(data, "decree30.leader", image=signature_image, signer="Bùi Thị Hòa")
    second = place(written(data, first), "decree30.leader", image=signature_image, signer="Đỗ Minh Tuấn")
    assert first.boxes_mm["ink"].centre_x == pytest.approx(62, abs=0.5)
    assert second.boxes_mm["ink"].centre_x == pytest.approx(150, abs=0.5)


def test_a_letter_that_is_signed_already_is_not_signed_over(signature_image: Path) -> None:
    """Where the only block carries a signature, another one is refused."""
    data = SAMPLES[0].data
    signed = written(data, place(data, "decree30.leader", image=signature_image))
    with pytest.raises(SigningRefused) as refused:
        place(signed, "decree30.leader", image=signature_image)
    assert refused.value.code == "decree30.block_signed"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (letters.split, "decree30.block_split"),
        (letters.without_block, "decree30.block_not_found"),
        (letters.picture_only, "decree30.no_text"),
        (letters.crowded, "decree30.space_too_small"),
    ],
    ids=["split", "none", "scan", "crowded"],
)
def test_no_place_is_a_refusal_that_says_what_was_seen(make: object, code: str, signature_image: Path) -> None:
    """Split, missing, unreadable and cramped blocks are refused, each with its own words and next step."""
    assert callable(make)
    with pytest.raises(SigningRefused) as refused:
        place(make(), "decree30.leader", image=signature_image)
    assert refused.value.code == code
    for language in ("vi", "en"):
        assert "{" not in refused.value.message(language)  # type: ignore[arg-type]  # two languages
        assert refused.value.next_step(language)  # type: ignore[arg-type]


def test_another_name_on_the_letter_is_noticed(signature_image: Path) -> None:
    """Signing in a block with somebody else's name warns, naming both."""
    placement = place(SAMPLES[0].data, "decree30.leader", image=signature_image, signer="Người Khác")
    assert [notice.code for notice in placement.notices] == ["decree30.name_differs"]
    same = place(SAMPLES[0].data, "decree30.leader", image=signature_image, signer="NGUYỄN VĂN MẪU (Chủ tịch)")
    assert same.notices == ()
    unknown = place(SAMPLES[0].data, "decree30.leader", image=signature_image, signer="(tên người ký)")
    assert unknown.notices == ()


def test_an_anchor_that_is_no_block_leads_to_the_space_below_it(signature_image: Path) -> None:
    """A line named by the caller gets the signature under it, without covering the next line."""
    data = SAMPLES[0].data
    placement = place(data, "decree30.leader", image=signature_image, anchor="Lưu: VT")
    assert placement.rect_mm is not None
    with open_letter(data) as letter:
        line = next(line for line in letter.text_lines(1) if "Lưu" in line.text)
        assert placement.rect_mm.top > line.rect_mm.bottom
        assert letter.free_of_ink(1, placement.boxes_mm["ink"])
    assert placement.boxes_mm["ink"].centre_x == pytest.approx(line.rect_mm.centre_x, abs=0.1)


@pytest.mark.parametrize(
    ("anchor", "code"), [("Nơi này", "placement.anchor_not_found"), ("hằng tháng", "placement.anchor_ambiguous")]
)
def test_anchors_must_name_one_line(anchor: str, code: str, signature_image: Path) -> None:
    """An anchor that is nowhere or at several places is refused, the places listed."""
    with pytest.raises(SigningRefused) as refused:
        place(SAMPLES[0].data, "decree30.leader", image=signature_image, anchor=anchor)
    assert refused.value.code == code


def test_a_given_rectangle_is_used_as_it_is(signature_image: Path) -> None:
    """--page and --rect-mm need no block; the picture keeps its proportions inside."""
    rect = RectMm(20, 100, 60, 20)
    placement = place(letters.picture_only(), "decree30.leader", image=signature_image, page=-1, rect_mm=rect)
    assert placement.rect_mm == rect
    assert rect.contains(placement.boxes_mm["ink"])


def test_size_limits_are_the_callers(signature_image: Path) -> None:
    """max_width_mm bounds the picture, whose proportions stay."""
    small = place(SAMPLES[0].data, "decree30.leader", {"max_width_mm": "20,0"}, image=signature_image)
    large = place(SAMPLES[0].data, "decree30.leader", image=signature_image)
    assert small.boxes_mm["ink"].width == pytest.approx(20)
    ratio = [rect.width / rect.height for rect in (small.boxes_mm["ink"], large.boxes_mm["ink"])]
    assert ratio[0] == pytest.approx(ratio[1])


def test_without_a_picture_there_is_no_signature() -> None:
    """The decree wants the handwritten signature's picture."""
    with pytest.raises(WrongUse) as refused:
        place(SAMPLES[0].data, "decree30.leader")
    assert refused.value.code == "decree30.leader_image_missing"


@pytest.mark.parametrize("renderer", [judges.render_pdfium, judges.render_poppler, judges.render_mupdf])
@pytest.mark.parametrize("name", ["deputy", "rotated", "rotated-cropped", "upside-down-unit", "landscape"])
def test_renderers_show_the_signature_where_it_was_measured(name: str, renderer: object, signature_image: Path) -> None:
    """The blue ink on the rendered page is the computed box, within half a millimetre, upright on turned pages."""
    assert callable(renderer)
    sample = next(sample for sample in SAMPLES if sample.name == name)
    placement = place(sample.data, "decree30.leader", image=signature_image)
    with open_letter(sample.data) as letter:
        page = letter.page(placement.page).rect_mm
    image = renderer(written(sample.data, placement), placement.page, 200.0)
    assert_close(find(image, page, bluish), placement.boxes_mm["ink"], 0.5)


@pytest.mark.parametrize("size", [(8000, 10), (10, 8000)])
def test_a_line_is_no_signature(size: tuple[int, int], tmp_path: Path) -> None:
    """A picture of extreme proportions would be a hair on paper, and is refused in words."""
    path = tmp_path / "line.png"
    Image.new("RGBA", size, (0, 0, 200, 255)).save(path)
    with pytest.raises(SigningRefused) as refused:
        place(SAMPLES[0].data, "decree30.leader", image=path)
    assert refused.value.code == "picture.too_thin"
