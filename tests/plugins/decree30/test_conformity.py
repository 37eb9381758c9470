"""The form of arriving letters: judged with tolerance, rule by rule, on other programs' signatures too."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pikepdf
import pytest

import kyso_decree30
from kyso.contracts import Conformity
from kyso.document.opening import open_letter
from kyso.geometry import RectMm
from kyso.verification.report import VerificationReport
from kyso_decree30.conformity import Decree30Check, next_working_day
from tests.plugins.decree30 import letters
from tests.plugins.decree30.drafts import draft
from tests.plugins.decree30.test_number import DONE
from tests.plugins.decree30.test_seal import DIAMETER, fields_of, report, seal, without_policy
from tests.support.placing import place, written
from tests.support.sheets import Setup, Sheet

ALL = [
    "leader_place",
    "leader_colour",
    "seal_after_leader",
    "seal_overlap",
    "seal_colour",
    "seal_size",
    "number_and_date",
    "day_of_issue",
    "shown_time",
    "mark_place",
    "mark_time",
    "own_picture",
]


def judged(data: bytes, verified: VerificationReport | None = None) -> dict[str, Conformity]:
    """Judge a letter whose signatures were made in the order of its fields, at ten o'clock."""
    checked = report(fields_of(data))() if verified is None else verified
    with open_letter(data) as letter:
        found = list(Decree30Check().check(letter, checked))
    assert [item.rule for item in found] == [f"decree30.{rule}" for rule in ALL]
    assert all(item.article and item.detail.vi and item.detail.en for item in found)
    return {item.rule.removeprefix("decree30."): item for item in found}


def statuses(data: bytes, verified: VerificationReport | None = None) -> dict[str, str]:
    return {rule: item.status for rule, item in judged(data, verified).items()}


def later(made: VerificationReport, distance: timedelta) -> VerificationReport:
    """Return the report with every time of signing moved."""
    moved = []
    for one in made.signatures:
        assert one.signing_time.value is not None
        time = dataclasses.replace(one.signing_time, value=one.signing_time.value + distance)
        moved.append(dataclasses.replace(one, signing_time=time))
    return dataclasses.replace(made, signatures=tuple(moved))


def sealed_letter(
    signature: Path, stamp: Path, ratio: str = "1/3", setup: Setup | None = None, **given: object
) -> bytes:
    data = draft(*DONE, setup=setup).data
    data = written(data, place(data, "decree30.leader", image=signature, signer="Lê Văn Hùng"))
    return written(data, seal(data, stamp, {**DIAMETER, "ratio": ratio}, **given))


def test_the_check_is_contributed() -> None:
    """Under the plugin's name, with a summary."""
    found = []
    kyso_decree30.register_conformity_checks(found.append)
    assert [(item.name, type(item.load())) for item in found] == [("decree30", Decree30Check)]


@pytest.mark.parametrize("foreign", [False, True], ids=["kyso", "another-program"])
@pytest.mark.parametrize("setup", [None, Setup(90, (5, 5), 3, 1.0)], ids=["plain", "turned"])
def test_a_letter_as_the_decree_asks_meets_every_rule(
    foreign: bool, setup: Setup | None, signature_image: Path, seal_image: Path
) -> None:
    """Recognised by the policy, or in another program's file by place and colour."""
    data = sealed_letter(signature_image, seal_image, setup=setup)
    data = without_policy(data) if foreign else data
    expected = dict.fromkeys(ALL, "met") | dict.fromkeys(("mark_place", "mark_time", "shown_time"), "not_applicable")
    assert statuses(data) == expected
    assert "33 %" in judged(data)["seal_overlap"].detail.en


@pytest.mark.parametrize(
    ("ratio", "status"), [("0.26", "met"), ("0.39", "met"), ("0.2", "not_met"), ("0.5", "not_met")]
)
def test_the_overlap_is_judged_with_tolerance(ratio: str, status: str, signature_image: Path, seal_image: Path) -> None:
    """From 0.25 to 0.40 is about a third."""
    assert statuses(sealed_letter(signature_image, seal_image, ratio))["seal_overlap"] == status


def test_a_seal_elsewhere_of_another_size_or_colour_is_told(signature_image: Path, seal_image: Path) -> None:
    """Not over the signature, on its right, too small, blue."""
    data = draft(*DONE).data
    leader = place(data, "decree30.leader", image=signature_image, signer="Lê Văn Hùng")
    signed, ink = written(data, leader), leader.boxes_mm["ink"]
    away = written(signed, seal(signed, seal_image, page=1, rect_mm=RectMm(20, 200, 36, 36)))
    assert judged(away)["seal_overlap"].detail.en == "The seal does not cover the signature"
    right = RectMm(ink.centre_x, ink.centre_y - 18, 36, 36)
    other_side = written(signed, seal(signed, seal_image, page=1, rect_mm=right))
    assert judged(other_side)["seal_overlap"].detail.en == "The seal stands on the right of the signature"
    small = statuses(written(signed, seal(signed, seal_image, {"diameter_mm": "15"})))
    assert small["seal_size"] == "not_met"
    blue = statuses(written(signed, seal(signed, signature_image)))
    assert (blue["seal_colour"], blue["seal_after_leader"]) == ("not_met", "met")


def test_a_seal_before_the_leader_is_told(signature_image: Path, seal_image: Path) -> None:
    """Article 32.2: the order in which the signatures were made counts, not where they stand."""
    data = sealed_letter(signature_image, seal_image)
    first, second = fields_of(data)
    assert statuses(data, report([second, first])())["seal_after_leader"] == "not_met"
    bare = draft(*DONE).data
    alone = written(bare, place(bare, "fixed", image=seal_image, page=1, rect_mm=RectMm(90, 150, 36, 36)))
    assert statuses(alone)["seal_after_leader"] == "not_met"
    assert statuses(alone)["leader_place"] == "not_applicable"


def test_a_letter_without_number_or_signed_late_is_told(signature_image: Path, seal_image: Path) -> None:
    """Number and date are read from page 1; the organisation signs on that day or the next working day."""
    data = draft(None, None).data
    data = written(data, place(data, "decree30.leader", image=signature_image, signer="Lê Văn Hùng"))
    data = written(data, seal(data, seal_image, {**DIAMETER, "confirm_number": "yes"}))
    bare = statuses(data)
    assert (bare["number_and_date"], bare["day_of_issue"]) == ("not_met", "not_applicable")
    good = sealed_letter(signature_image, seal_image)
    made = report(fields_of(good))()
    for days, status in ((0, "met"), (1, "met"), (3, "not_met"), (-1, "not_met")):
        assert statuses(good, later(made, timedelta(days=days)))["day_of_issue"] == status
    assert next_working_day(date(2026, 11, 20)) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("policy", "settings"),
    [("decree30.attachment", {"number": "12/QĐ-ABC"}), ("decree30.copy", {"copy_form": "SAO Y"})],
)
@pytest.mark.parametrize("foreign", [False, True], ids=["kyso", "another-program"])
def test_marks_are_judged_by_place_and_time(policy: str, settings: dict[str, str], foreign: bool) -> None:
    """At the top right of page 1 with the time of signing; elsewhere, or with another time, is told."""
    change: Callable[[bytes], bytes] = without_policy if foreign else bytes
    sheet = Sheet()
    letters.body(sheet, 60, 2)
    data = sheet.pdf()
    good = change(written(data, place(data, policy, settings)))
    made = report(fields_of(good))()
    assert statuses(good, made)["mark_place"] == "met"
    # The mark shows 09:15:07, the report says ten o'clock.
    assert statuses(good, made)["mark_time"] == "not_met"
    assert statuses(good, later(made, timedelta(minutes=-44)))["mark_time"] == "met"
    low = change(written(data, place(data, policy, settings, page=1, rect_mm=RectMm(30, 200, 120, 12))))
    assert statuses(low)["mark_place"] == "not_met"


def test_a_picture_that_is_no_signature_is_told(signature_image: Path) -> None:
    """An invisible signature under a drawn one: a click on the picture shows nothing."""
    data = draft(*DONE).data
    leader = place(data, "decree30.leader", image=signature_image, signer="Lê Văn Hùng")
    drawn = written(data, leader)
    with pikepdf.open(io.BytesIO(drawn)) as pdf:
        widget = next(entry for entry in pdf.pages[0].obj.Annots if str(entry.Subtype) == "/Widget")
        stamp = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Stamp, Rect=widget.Rect, F=4, AP=widget.AP)
        )
        pdf.pages[0].obj.Annots.append(stamp)
        widget.Rect = [0, 0, 0, 0]
        saved = io.BytesIO()
        pdf.save(saved)
    found = statuses(saved.getvalue())
    assert (found["own_picture"], found["leader_place"]) == ("not_met", "not_applicable")
    invisible = statuses(written(data, place(data, "invisible")))
    assert set(invisible.values()) == {"not_applicable"}


def test_an_unsigned_letter_is_not_judged() -> None:
    """There is no form of signatures without one."""
    data = draft(*DONE).data
    with open_letter(data) as letter:
        assert list(Decree30Check().check(letter, report([])())) == []


@pytest.mark.parametrize("broken", ["filter", "box", "matrix", "resources", "number"])
def test_a_malformed_appearance_is_no_crash(broken: str, signature_image: Path, seal_image: Path) -> None:
    """What a stranger's file holds in place of an appearance shows nothing; the letter is judged all the same."""
    data = sealed_letter(signature_image, seal_image)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        for widget in pdf.pages[0].obj.Annots:
            form = widget.AP.N
            if broken == "filter":
                form.write(b"not flate at all", filter=pikepdf.Name.FlateDecode)
            elif broken == "box":
                form.BBox = [0, "x", pikepdf.Name.No, 1]
            elif broken == "matrix":
                form.Matrix = [0, 0, 0, 0, 0, 0]
            elif broken == "resources":
                form.Resources = pikepdf.Array([1, 2])
            else:
                widget.AP = 7
        saved = io.BytesIO()
        pdf.save(saved)
    found = statuses(saved.getvalue())
    assert set(found) == set(ALL)


@pytest.mark.parametrize("foreign", [False, True], ids=["kyso", "another-program"])
def test_a_time_that_is_shown_must_be_true(foreign: bool, signature_image: Path, seal_image: Path) -> None:
    """A picture that shows a time is held to the time of signing, the seal's also to the letter's date."""
    data = draft(*DONE).data
    data = written(data, place(data, "decree30.leader", image=signature_image, signer="Lê Văn Hùng"))
    data = written(data, seal(data, seal_image, {**DIAMETER, "show": "image-organisation-time"}))
    data = without_policy(data) if foreign else data
    made = report(fields_of(data))()
    # The seal shows 09:15:07 of 22/11/2026, the letter's date; the report says ten o'clock.
    found = judged(data, made)["shown_time"]
    assert found.status == "not_met"
    assert "22/11/2026 09:15:07" in found.detail.en
    assert statuses(data, later(made, timedelta(minutes=-44)))["shown_time"] == "met"
    early = draft("Số: 07/UBND-VP", "Hà Nội, ngày 10 tháng 11 năm 2026").data
    early = written(early, place(early, "decree30.leader", image=signature_image, signer="Lê Văn Hùng"))
    settings = {**DIAMETER, "show": "image-organisation-time", "confirm_date": "yes"}
    early = written(early, seal(early, seal_image, settings))
    detail = judged(early, later(report(fields_of(early))(), timedelta(minutes=-44)))["shown_time"].detail.en
    assert detail == "The seal shows 22/11/2026, the letter is dated 10/11/2026"


def test_a_number_that_another_program_drew_counts(signature_image: Path, seal_image: Path) -> None:
    """A signature at the head of page 1 that shows a number stands for a printed one."""
    data = draft(None, None).data
    data = written(data, place(data, "decree30.leader", image=signature_image, signer="Lê Văn Hùng"))
    numbered = place(data, "decree30.number", {"number": "7/UBND-VP", "date": "22/11/2026"})
    data = written(data, numbered)
    data = written(data, seal(data, seal_image, {**DIAMETER, "confirm_number": "yes"}))
    assert statuses(without_policy(data))["number_and_date"] == "met"
