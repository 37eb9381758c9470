"""Fonts and pictures are written once for each file, and never taken from where they are not exactly the same."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest

from kyso.document.opening import open_letter
from kyso.geometry import RectMm
from tests.core.update import shapes
from tests.core.update.signed import assert_valid, plan, prepare, sign, stamp

SECOND_PLACE = RectMm(90.0, 60.0, 30.0, 15.0)


def picture_of(data: bytes, field: int) -> tuple[tuple[int, int], bytes]:
    """Return object id and pixels of the picture in the appearance of the signature field number `field`."""
    with open_letter(data) as letter:
        picture = letter.form.signature_fields[field].node.AP.N.Resources.XObject.I
        return picture.objgen, picture.read_bytes()


@pytest.mark.parametrize("mode", [pikepdf.ObjectStreamMode.disable, pikepdf.ObjectStreamMode.generate])
def test_a_second_signature_uses_the_first_ones_font_and_picture(
    mode: pikepdf.ObjectStreamMode, tmp_path: Path
) -> None:
    """The second appearance refers to the first one's objects, adds none of them again, and stays valid."""
    original = shapes.built(object_stream_mode=mode)
    once = sign(original)
    update = prepare(once, plan(rect_mm=SECOND_PLACE))
    assert b"/Subtype /Image" not in update.data
    assert b"/BaseFont" not in update.data
    twice = sign(once, rect_mm=SECOND_PLACE)
    assert picture_of(twice, 0) == picture_of(twice, 1)
    assert_valid(once, twice, tmp_path, count=2)
    thrice = sign(twice, rect_mm=SECOND_PLACE.moved(0, 40))
    assert picture_of(thrice, 2) == picture_of(thrice, 0)


def test_another_picture_under_the_same_key_is_not_taken() -> None:
    """Equal keys are a hint only: different bytes make a new object."""
    once = sign(shapes.built(), appearance=stamp(colour=b"\x10\x20\xe0"))
    twice = sign(once, appearance=stamp(colour=b"\xe0\x20\x10"), rect_mm=SECOND_PLACE)
    assert picture_of(twice, 1)[0] != picture_of(twice, 0)[0]
    assert picture_of(twice, 1)[1][:3] == b"\xe0\x20\x10"


def test_a_planted_object_is_not_taken() -> None:
    """A prepared file whose picture object was exchanged after the first signature cannot change the second stamp."""
    once = sign(shapes.built(object_stream_mode=pikepdf.ObjectStreamMode.disable))
    (number, _), pixels = picture_of(once, 0)
    planted = b"<< /KYSO_Key (picture) /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceRGB"
    planted += b" /BitsPerComponent 8 /Length 3 >>\nstream\nXXX\nendstream"
    start = len(once)
    body = b"%d 0 obj\n%b\nendobj\n" % (number, planted)
    with open_letter(once) as letter:
        previous, size = letter.newest_section.offset, letter.highest_object_number + 1
        root = letter.root.objgen[0]
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %d 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        number,
        start,
        size,
        root,
        previous,
        start + len(body),
    )
    twice = sign(once + body + table, rect_mm=SECOND_PLACE)
    assert picture_of(twice, 0)[1] == b"XXX"
    assert picture_of(twice, 1)[1] == pixels


def test_signatures_of_other_programs_are_not_searched() -> None:
    """Without a kyso signature nothing is looked up, whatever keys the file has."""
    once = sign(shapes.built(), policy="")
    assert b"/KYSO_Policy" not in once
    assert b"/Subtype /Image" in prepare(once, plan(rect_mm=SECOND_PLACE)).data
