"""Pictures of what changed since the first signature."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import DemoPki
from kyso.errors import WrongUse
from kyso.verification.visual import Differences, differing_areas, differing_boxes, draw_differences
from tests.vectors.making import drawing, page, sign, signer_of, update, verify

_RED, _GREEN = (200, 0, 0), (0, 130, 60)


def _draw(data: bytes, pki: DemoPki, folder: Path) -> Differences | None:
    return draw_differences(verify(data, pki), data, folder)


def _colours(path: Path) -> set[tuple[int, int, int]]:
    with Image.open(path) as picture:
        found = picture.convert("RGB").getcolors(1 << 24)
    assert found is not None
    return {colour for _, colour in found}  # type: ignore[misc] # RGB pictures have triples


def _overwritten(data: bytes, number: int) -> bytes:
    """Append an amount to the text of a page."""

    def edit(writer: IncrementalPdfFileWriter) -> None:
        target = page(writer, number)
        old = target.raw_get("/Contents")
        parts = list(old) if isinstance(old, generic.ArrayObject) else [old]
        # The old content may leave the coordinates turned; what follows starts from the page's own.
        target[pdf_name("/Contents")] = generic.ArrayObject(
            [writer.add_object(drawing("q")), *parts, writer.add_object(drawing("Q 0 0 0 rg 100 300 200 40 re f"))]
        )

    return update(data, edit)


def test_a_changed_page_is_drawn_beside_the_signed_one(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """Only the page that changed is drawn, with a red frame."""
    drawn = _draw(_overwritten(signed, 2), pki, tmp_path / "pictures")
    assert drawn is not None
    assert [path.name for path in drawn.pictures] == ["document.pdf.page-002.png"]
    assert drawn.undrawable == ()
    colours = _colours(drawn.pictures[0])
    assert _RED in colours
    assert _GREEN not in colours
    with Image.open(drawn.pictures[0]) as picture:
        assert picture.width > 2 * 800


def test_a_further_signature_is_framed_in_green(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A second visible signature is a difference, and one that is permitted."""
    twice = sign(signed, signer_of(pki, "seal"), "Seal", box=(300, 80, 420, 180))
    drawn = _draw(twice, pki, tmp_path)
    assert drawn is not None
    assert len(drawn.pictures) == 1
    colours = _colours(drawn.pictures[0])
    assert _GREEN in colours
    assert _RED not in colours


def test_where_nothing_followed_there_is_nothing_to_compare(
    signed: bytes, letter_pdf: bytes, pki: DemoPki, tmp_path: Path
) -> None:
    """A letter signed once, an unsigned one and a file of another kind have no pictures."""
    for data in (signed, letter_pdf, b"no PDF"):
        assert _draw(data, pki, tmp_path / "none") is None
    assert not (tmp_path / "none").exists()


def test_pages_that_are_gone_are_drawn_too(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A removed page is shown beside an empty frame."""

    def edit(writer: IncrementalPdfFileWriter) -> None:
        pages = writer.root["/Pages"]
        pages["/Kids"] = generic.ArrayObject([pages["/Kids"].raw_get(0)])
        pages[pdf_name("/Count")] = generic.NumberObject(1)
        writer.mark_update(writer.root.raw_get("/Pages"))

    drawn = _draw(update(signed, edit), pki, tmp_path)
    assert drawn is not None
    assert [path.name for path in drawn.pictures] == ["document.pdf.page-002.png"]


def test_pictures_are_not_overwritten_unasked(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """An existing picture is refused like any other output."""
    data = _overwritten(signed, 1)
    _draw(data, pki, tmp_path)
    with pytest.raises(WrongUse):
        _draw(data, pki, tmp_path)
    assert draw_differences(verify(data, pki), data, tmp_path, overwrite=True) is not None


def test_boxes_enclose_what_differs() -> None:
    """Two separate marks give two boxes, neighbouring ones give one."""
    first = Image.new("RGB", (200, 200), "white")
    second = first.copy()
    pen = ImageDraw.Draw(second)
    for place in ((20, 20, 25, 25), (30, 20, 35, 25), (150, 160, 155, 165)):
        pen.rectangle(place, fill="black")
    boxes = sorted(differing_boxes(first, second))
    assert boxes == [(20, 20, 35, 25), (150, 160, 155, 165)]
    assert differing_boxes(first, first) == []


def test_areas_are_told_for_whoever_shows_the_pages(signed: bytes, pki: DemoPki) -> None:
    """What was painted over a signed page is one area, where it was painted; pages that look the same have none."""
    data = _overwritten(signed, 2)
    areas = differing_areas(verify(data, pki), data, pages={1, 2})
    assert list(areas) == [2]
    (area,) = areas[2]
    # 100 300 200 40 in points on A4, seen from the top left.
    expected = (100, 841.89 - 340, 200, 40)
    for found, wanted in zip(area.as_tuple(), expected, strict=True):
        assert abs(found - wanted * 25.4 / 72) < 0.6


def test_a_signed_letter_has_no_differing_areas(signed: bytes, pki: DemoPki) -> None:
    """Without anything after the signature nothing differs."""
    assert differing_areas(verify(signed, pki), signed, pages={1, 2}) == {}
