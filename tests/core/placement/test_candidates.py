"""Several places that could be meant: a numbered list with reasons, their pages drawn, and a choice by number."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
from PIL import Image

from kyso.document.opening import open_letter
from kyso.errors import SigningRefused, WrongUse
from kyso.placement.candidates import candidate_pages, candidates_of
from tests.plugins.decree30 import letters
from tests.support.placing import place
from tests.support.sheets import Setup, Sheet, variant


def refusal(data: bytes, image: Path, **given: object) -> SigningRefused:
    """Return the refusal of a letter whose place is not clear."""
    with pytest.raises(SigningRefused) as refused:
        place(data, "decree30.leader", image=image, signer="Ai Khác", **given)
    return refused.value


@pytest.mark.parametrize("setup", [Setup(), Setup(90), Setup(270, (20, 30), 4, 2.0)], ids=str)
def test_each_candidate_is_boxed_where_it_is(setup: Setup, signature_image: Path) -> None:
    """On turned and scaled pages too, the coloured boxes enclose the blocks that the list names."""
    data = variant(letters.joint(), setup)
    found = candidates_of(refusal(data, signature_image))
    assert [one.parameters["number"] for one in found] == [1, 2]
    with open_letter(data) as letter:
        (page,) = candidate_pages(letter, found, dpi=80.0)
        width = letter.page(1).width_mm
    picture = Image.open(io.BytesIO(page.png)).convert("RGB")
    scale = picture.width / width
    for one, colour in zip(found, ((200, 0, 110), (0, 110, 60)), strict=True):
        assert one.rect_mm is not None
        rect = one.rect_mm
        for x, y in ((rect.left, rect.centre_y), (rect.right, rect.centre_y), (rect.centre_x, rect.bottom)):
            around = picture.crop(
                (round(x * scale) - 3, round(y * scale) - 3, round(x * scale) + 4, round(y * scale) + 4)
            )
            assert colour in {pixel for _, pixel in around.getcolors(64) or ()}


def test_the_list_says_why_in_both_languages(signature_image: Path) -> None:
    """Each line names page, place, text and reasons, and survives the way from a worker process."""
    error = refusal(letters.joint(), signature_image)
    again = pickle.loads(pickle.dumps(error))
    assert candidates_of(again) == candidates_of(error)
    assert "Căn cứ: " in error.message("vi")
    assert "Because: " in error.message("en")
    assert "kyso preview" in (error.next_step("vi") or "")
    assert error.message("en").count("\n") == 2


def test_a_number_chooses_and_a_wrong_one_is_refused(signature_image: Path) -> None:
    """``candidate`` takes the place of that number; a number beyond the list, or beside a named place, is refused."""
    data = letters.joint()
    found = candidates_of(refusal(data, signature_image))
    for number, one in enumerate(found, 1):
        placement = place(data, "decree30.leader", {"candidate": str(number)}, image=signature_image, signer="Ai Khác")
        assert placement.rect_mm is not None
        assert one.rect_mm is not None
        assert one.rect_mm.grown(10).contains(placement.rect_mm)
    for settings, given, code in (
        ({"candidate": "3"}, {}, "decree30.candidate_unknown"),
        ({"candidate": "0,5"}, {}, "decree30.candidate_unknown"),
        ({"candidate": "1"}, {"anchor": "SỞ NỘI VỤ"}, "decree30.candidate_unused"),
    ):
        with pytest.raises(WrongUse) as refused:
            place(data, "decree30.leader", settings, image=signature_image, **given)
        assert refused.value.code == code


def test_an_anchor_at_several_lines_is_drawn_on_each_page(signature_image: Path) -> None:
    """The lines are listed in reading order, one picture a page."""
    sheet = Sheet()
    sheet.text(30, 40, "Giám đốc ký tại đây")
    sheet.next_page()
    sheet.text(30, 60, "Giám đốc ký tại kia")
    data = sheet.pdf()
    error = refusal(data, signature_image, anchor="Giám đốc ký")
    assert error.code == "placement.anchor_ambiguous"
    with open_letter(data) as letter:
        assert [page.page for page in candidate_pages(letter, candidates_of(error))] == [1, 2]
