"""What a policy makes no use of is refused, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kyso.errors import WrongUse
from kyso.geometry import RectMm
from tests.core.placement.test_fixed import with_field
from tests.support.placing import place
from tests.support.sheets import Sheet

RECT = RectMm(30, 60, 40, 20)
SETTINGS: Mapping[str, dict[str, str]] = {
    "decree30.attachment": {"number": "12/QĐ-ABC"},
    "decree30.copy": {"copy_form": "SAO Y"},
    "decree30.seal": {"diameter_mm": "36"},
    "kbnn.attachment": {"budget_code": "1022345", "content": "Chi", "title": "Kế toán trưởng"},
}


@pytest.mark.parametrize(
    ("policy", "given", "option"),
    [
        ("fixed", {"anchor": "GIÁM ĐỐC", "page": 1, "rect_mm": RECT}, "--anchor"),
        ("fixed", {"leader_field": "Sig1", "page": 1, "rect_mm": RECT}, "--leader-field"),
        ("decree30.leader", {"leader_field": "Sig1"}, "--leader-field"),
        ("decree30.seal", {"anchor": "GIÁM ĐỐC"}, "--anchor"),
        ("decree30.attachment", {"anchor": "GIÁM ĐỐC"}, "--anchor"),
        ("decree30.attachment", {"image": Path("seal.png")}, "--image"),
        ("decree30.copy", {"anchor": "GIÁM ĐỐC"}, "--anchor"),
        ("decree30.copy", {"leader_field": "Sig1"}, "--leader-field"),
        ("kbnn.attachment", {"anchor": "GIÁM ĐỐC"}, "--anchor"),
        ("kbnn.attachment", {"leader_field": "Sig1"}, "--leader-field"),
    ],
)
def test_an_option_without_meaning_is_refused_by_name(policy: str, given: dict[str, Any], option: str) -> None:
    """The error names the policy and the option, before the letter is searched."""
    with pytest.raises(WrongUse) as refused:
        place(Sheet().pdf(), policy, SETTINGS.get(policy), **given)
    assert refused.value.code == "placement.option_unused"
    assert refused.value.parameters == {"policy": policy, "options": [option]}


@pytest.mark.parametrize("option", ["anchor", "leader_field", "image", "rect_mm"])
def test_an_invisible_signature_takes_no_place_and_no_picture(option: str) -> None:
    """Whatever could only be seen is refused."""
    values: dict[str, Any] = {"anchor": "X", "leader_field": "X", "image": Path("x.png"), "rect_mm": RECT}
    with pytest.raises(WrongUse) as refused:
        place(Sheet().pdf(), "invisible", **{option: values[option]})
    assert refused.value.code == "placement.invisible_takes_no_place"


def test_two_places_at_once_are_refused(signature_image: Path) -> None:
    """An anchor beside a rectangle, and a field on another page than the one asked for, contradict themselves."""
    data = with_field([100, 400, 300, 460], pages=2)
    for given, code in (
        ({"anchor": "GIÁM ĐỐC", "page": 1, "rect_mm": RECT}, "placement.anchor_and_place"),
        ({"anchor": "GIÁM ĐỐC", "field": "ChuKy"}, "placement.anchor_and_place"),
        ({"page": 2, "field": "ChuKy"}, "placement.field_on_other_page"),
    ):
        with pytest.raises(WrongUse) as refused:
            place(data, "decree30.leader", image=signature_image, **given)
        assert refused.value.code == code


def test_a_mark_at_a_given_place_says_that_the_decree_asks_for_another() -> None:
    """A rectangle or a page is honoured for attachments and copies, with a notice."""
    sheet = Sheet()
    sheet.next_page()
    data = sheet.pdf()
    for policy in ("decree30.attachment", "decree30.copy"):
        for given in ({"page": 1, "rect_mm": RectMm(20, 60, 120, 20)}, {"page": 2}):
            placement = place(data, policy, SETTINGS[policy], **given)
            assert "decree30.place_given" in [notice.code for notice in placement.notices]
            assert placement.page == given["page"]
        assert place(data, policy, SETTINGS[policy]).notices == ()
