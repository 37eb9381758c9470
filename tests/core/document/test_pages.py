"""Pages are found by number and boxed as readers box them, however odd the tree is."""

from __future__ import annotations

import io
import time

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name

from kyso.document.opening import open_letter
from kyso.errors import InputRefused
from tests.core.update import shapes


def geometry(page: bytes = b"", pages: bytes = b"") -> tuple[tuple[float, float, float, float], int, float]:
    """Return (visible box, rotation, user unit) of a one-page file with these entries."""
    data = shapes.by_hand(
        shapes.minimal(
            pages=b"<< /Type /Pages /Kids [ 3 0 R ] /Count 1 %b >>" % pages,
            page=b"<< /Type /Page /Parent 2 0 R /Resources << >> %b >>" % page,
        )
    )
    with open_letter(data) as letter:
        found = letter.page(1)
        return found.visible_pt, found.rotation, found.user_unit


LETTER_SIZE = (0.0, 0.0, 612.0, 792.0)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (b"/MediaBox [ 0 0 595.276 841.89 ]", (0.0, 0.0, 595.276, 841.89)),
        (b"/MediaBox [ 595 842 0 0 ]", (0.0, 0.0, 595.0, 842.0)),
        (b"/MediaBox [ -100 -50 495 792 ]", (-100.0, -50.0, 495.0, 792.0)),
        (b"/MediaBox [ 0 0 595 842 ] /CropBox [ 50 60 500 700 ]", (50.0, 60.0, 500.0, 700.0)),
        (b"/MediaBox [ 0 0 595 842 ] /CropBox [ -50 60 900 700 ]", (0.0, 60.0, 595.0, 700.0)),
        (b"/MediaBox [ 0 0 595 842 ] /CropBox [ 600 900 700 1000 ]", (0.0, 0.0, 595.0, 842.0)),
        (b"/MediaBox [ 0 0 595 842 ] /CropBox [ 0 0 0 0 ]", (0.0, 0.0, 595.0, 842.0)),
        (b"/MediaBox [ 0 0 595 842 ] /CropBox (no box)", (0.0, 0.0, 595.0, 842.0)),
        (b"", LETTER_SIZE),
        (b"/MediaBox [ 0 0 0 0 ]", LETTER_SIZE),
        (b"/MediaBox [ 0 0 595 ]", LETTER_SIZE),
        (b"/MediaBox [ 0 0 /a (b) ]", LETTER_SIZE),
        (b"/MediaBox [ 0 0 1" + b"0" * 400 + b".5 842 ]", LETTER_SIZE),
    ],
)
def test_boxes_are_what_a_reader_shows(entries: bytes, expected: tuple[float, float, float, float]) -> None:
    """The crop box clipped to the media box; US Letter where there is no usable media box."""
    assert geometry(entries)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (b"0", 0),
        (b"90", 90),
        (b"450", 90),
        (b"-90", 270),
        (b"-450", 270),
        (b"180.0", 180),
        (b"45", 0),
        (b"100", 90),
        (b"null", 0),
        (b"(90)", 0),
        (b"[ 90 ]", 0),
    ],
)
def test_rotation_is_one_of_four(turn: bytes, expected: int) -> None:
    """Negative turns, full circles and odd angles are read as pdfium reads them."""
    data = b"/MediaBox [ 0 0 595 842 ] /Rotate " + turn
    assert geometry(data)[1] == expected
    written = shapes.by_hand(
        shapes.minimal(
            page=b"<< /Type /Page /Parent 2 0 R /Resources << >> /Rotate %b /MediaBox [0 0 595 842] >>" % turn
        )
    )
    with pypdfium2.PdfDocument(written) as document:
        assert document[0].get_rotation() == expected


@pytest.mark.parametrize(("unit", "expected"), [(b"2.5", 2.5), (b"0", 1.0), (b"-3", 1.0), (b"(2)", 1.0), (b"72", 72.0)])
def test_user_unit_scales_the_page(unit: bytes, expected: float) -> None:
    """/UserUnit is taken where it is a positive number."""
    assert geometry(b"/MediaBox [ 0 0 10 10 ] /UserUnit " + unit)[2] == expected


def test_attributes_are_inherited_and_the_nearest_wins() -> None:
    """Boxes and rotation come from the nodes above, except where the page has its own."""
    above = b"/MediaBox [ 0 0 300 400 ] /Rotate 90 /CropBox [ 10 10 200 300 ] /UserUnit 3"
    assert geometry(b"", above) == ((10.0, 10.0, 200.0, 300.0), 90, 1.0)
    assert geometry(b"/Rotate 0 /CropBox [ 0 0 300 400 ]", above) == ((0.0, 0.0, 300.0, 400.0), 0, 1.0)


def wide_and_deep() -> bytes:
    """Return a file of 30 pages in an uneven tree; page n is n points wide."""

    def change(pdf: pikepdf.Pdf) -> None:
        leaves = [
            pdf.make_indirect(Dictionary(Type=Name.Page, MediaBox=Array([0, 0, number, 100])))
            for number in range(1, 31)
        ]

        def node(kids: list[pikepdf.Object], count: int) -> pikepdf.Object:
            made = pdf.make_indirect(Dictionary(Type=Name.Pages, Kids=Array(kids), Count=count))
            for kid in kids:
                kid.Parent = made
            return made

        left = node([node(leaves[:3], 3), leaves[3], node([node(leaves[4:10], 6)], 6)], 10)
        pdf.Root.Pages = node([left, leaves[10], node(leaves[11:], 19)], 30)

    return shapes.built(change)


def test_every_page_of_an_uneven_tree_is_found() -> None:
    """Numbers from the front and from the end agree with the order of the leaves, and back again."""
    with open_letter(wide_and_deep()) as letter:
        assert letter.page_count == 30
        for number in range(1, 31):
            assert letter.page(number).visible_pt[2] == number
            assert letter.page(number).number == number
            assert letter.page(number - 31).number == number
            assert letter.pages.number_of(letter.page_node(number).object_id) == number
        assert letter.pages.number_of((9999, 0)) is None


@pytest.mark.parametrize("number", [0, 31, -31, 10**12])
def test_a_page_that_is_not_there_is_refused(number: int) -> None:
    """The refusal names the page and how many there are."""
    with open_letter(wide_and_deep()) as letter, pytest.raises(InputRefused) as refused:
        letter.page(number)
    assert refused.value.code == "document.no_such_page"
    assert refused.value.parameters["pages"] == 30


@pytest.mark.parametrize("count", [b"0", b"7", b"-1", b"(x)", b"99999999999"])
def test_a_count_that_lies_is_not_believed(count: bytes) -> None:
    """The kids decide how many pages there are."""
    data = shapes.by_hand(
        {
            **shapes.minimal(pages=b"<< /Type /Pages /Kids [ 3 0 R 4 0 R ] /Count %b >>" % count),
            4: b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 50 60 ] /Resources << >> >>",
        }
    )
    with open_letter(data) as letter:
        assert letter.page_count == 2
        assert letter.page(-1).visible_pt == (0.0, 0.0, 50.0, 60.0)


def test_a_lie_deeper_in_the_tree_is_found_out() -> None:
    """Where inner counts lead nowhere the tree is walked whole."""
    data = shapes.by_hand(
        {
            **shapes.minimal(pages=b"<< /Type /Pages /Kids [ 4 0 R 3 0 R ] /Count 6 >>"),
            4: b"<< /Type /Pages /Kids [ 5 0 R ] /Count 5 /Parent 2 0 R >>",
            5: b"<< /Type /Page /Parent 4 0 R /MediaBox [ 0 0 70 80 ] /Resources << >> >>",
        }
    )
    with open_letter(data) as letter:
        assert letter.page(2).visible_pt == (0.0, 0.0, 595.0, 842.0)
        assert letter.page_count == 2
        assert letter.page(1).visible_pt == (0.0, 0.0, 70.0, 80.0)


@pytest.mark.parametrize(
    "kids",
    [b"[ 2 0 R 3 0 R ]", b"[ 4 0 R 3 0 R ]", b"[ null 3 0 R (x) 17 ]"],
    ids=["its own kid", "a cycle", "not pages"],
)
def test_cycles_and_strangers_in_the_tree_are_passed_over(kids: bytes) -> None:
    """A node that is its own descendant ends the walk there; the real page is still found."""
    data = shapes.by_hand(
        {
            **shapes.minimal(pages=b"<< /Type /Pages /Kids %b /Count 9 >>" % kids),
            4: b"<< /Type /Pages /Kids [ 2 0 R ] /Count 5 /Parent 2 0 R >>",
        }
    )
    with open_letter(data) as letter:
        assert letter.page_count == 1
        assert letter.page(1).visible_pt == (0.0, 0.0, 595.0, 842.0)


def test_a_bottomless_tree_is_refused() -> None:
    """A chain of nodes deeper than any real tree is refused with a reason."""
    chain = {number: b"<< /Type /Pages /Kids [ %d 0 R ] /Count 3 >>" % (number + 1) for number in range(4, 200)}
    objects = {**shapes.minimal(pages=b"<< /Type /Pages /Kids [ 4 0 R ] /Count 2 >>"), **chain}
    with pytest.raises(InputRefused) as refused, open_letter(shapes.by_hand(objects)) as letter:
        letter.page(1)
    assert refused.value.code == "document.page_tree"


def test_the_last_of_ten_thousand_pages_costs_no_more_than_the_first() -> None:
    """Only the asked page is loaded: ends are found in a fraction of the time that loading all pages takes."""
    pdf = pikepdf.new()
    for _ in range(10_000):
        pdf.add_blank_page()
    written = io.BytesIO()
    pdf.save(written)
    with open_letter(written.getvalue()) as letter:
        started = time.perf_counter()
        assert letter.page(-1).number == 10_000
        assert letter.page(1).number == 1
        ends = time.perf_counter() - started
        started = time.perf_counter()
        for number in range(1, 10_001):
            letter.page(number)
        assert ends < (time.perf_counter() - started) / 10
