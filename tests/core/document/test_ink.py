"""Ink: what a signature's appearance visibly draws, and whether a place on a page is empty."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from kyso.document import pdfium
from kyso.document.opening import open_letter
from kyso.geometry import RectMm
from kyso.models import Placement
from kyso_stamps import FrameItem, ImageItem, StampSpec, TextItem
from tests.support.pixels import assert_close
from tests.support.placing import written
from tests.support.sheets import SETUPS, Setup, Sheet, variant

WIDGET = RectMm(60, 100, 80, 40)


@pytest.fixture
def spot(tmp_path: Path) -> Path:
    """A picture whose ink is the middle half of its width and the upper quarter of its height."""
    path = tmp_path / "spot.png"
    picture = Image.new("RGBA", (400, 200), (255, 255, 255, 0))
    picture.paste((20, 30, 200, 255), (100, 0, 300, 50))
    picture.save(path)
    return path


def signed(data: bytes, spec: StampSpec, policy: str = "decree30.leader", rect: RectMm = WIDGET) -> bytes:
    return written(data, Placement(policy, 1, rect, spec))


def ink_of(data: bytes) -> RectMm | None:
    with open_letter(data) as letter:
        return letter.ink_mm(letter.signature_fields[-1].name)


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_ink_is_the_visible_part_on_any_page(setup: Setup, spot: Path) -> None:
    """Transparent margins do not count, whatever way the page is turned, cropped or scaled."""
    data = variant(Sheet().pdf(), setup)
    ink = ink_of(signed(data, StampSpec(80, 40, (ImageItem(spot, (0, 0, 80, 40)),))))
    assert_close(ink, RectMm(80, 100, 40, 10), 0.1)


def test_text_and_frames_of_our_own_stamp_are_no_picture(spot: Path) -> None:
    """The seal covers a third of the picture, not of the lines of text around it."""
    items = (
        ImageItem(spot, (0, 0, 80, 40)),
        FrameItem((0, 0, 80, 40)),
        TextItem(("Ký bởi: Nguyễn Văn Mẫu",), (0, 20, 80, 10)),
    )
    assert_close(ink_of(signed(Sheet().pdf(), StampSpec(80, 40, items))), RectMm(80, 100, 40, 10), 0.1)


def test_everything_another_tool_draws_is_ink(spot: Path) -> None:
    """Without kyso's mark the whole rendered appearance counts."""
    items = (ImageItem(spot, (0, 0, 80, 40)), FrameItem((10, 20, 50, 10), line_pt=2))
    foreign = signed(Sheet().pdf(), StampSpec(80, 40, items)).replace(b"/KYSO_Policy", b"/OTHR_Policy")
    assert_close(ink_of(foreign), RectMm(70, 100, 50, 30), 0.1)


def test_print_below_and_other_signatures_do_not_count(spot: Path) -> None:
    """Only the field's own appearance is measured."""
    sheet = Sheet()
    sheet.box(50, 90, 100, 60, (0, 0, 0))
    data = signed(sheet.pdf(), StampSpec(80, 40, (ImageItem(spot, (0, 0, 80, 40)),)))
    assert_close(ink_of(data), RectMm(80, 100, 40, 10), 0.1)


def test_an_appearance_that_shows_nothing_answers_the_widget() -> None:
    """An empty appearance, or a broken one, falls back to the widget's rectangle; an invisible field to nothing."""
    white = StampSpec(80, 40, (FrameItem((0, 0, 80, 40), colour=(1, 1, 1), fill=(1, 1, 1)),))
    assert_close(ink_of(signed(Sheet().pdf(), white)), WIDGET, 0.01)
    assert ink_of(written(Sheet().pdf(), Placement("invisible", 1))) is None


@pytest.mark.parametrize(
    "appearance",
    [
        {"BBox": [0, 0, 0, 0]},
        {"BBox": ["x"]},
        {},
        {"BBox": [0, 0, 10, 10], "Matrix": [0, 0, 0, 0, 0, 0]},
        {"BBox": [0, 0, 10, 10], "Matrix": [1, 2]},
    ],
    ids=str,
)
def test_malformed_appearances_are_no_error(appearance: dict[str, object]) -> None:
    """Whatever another tool wrote, the answer is the widget and never a traceback."""
    with pikepdf.open(io.BytesIO(Sheet().pdf())) as pdf:
        stream = pdf.make_stream(b"0 0 10 10 re f", Subtype=pikepdf.Name.Form, **appearance)
        widget = pdf.make_indirect(
            pikepdf.Dictionary(
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Sig,
                T="Hong",
                Rect=[100, 400, 200, 450],
                AP=pikepdf.Dictionary(N=stream),
                V=pikepdf.Dictionary(Type=pikepdf.Name.Sig),
            )
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([widget])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([widget]))
        saved = io.BytesIO()
        pdf.save(saved)
    assert_close(ink_of(saved.getvalue()), RectMm(100 / 72 * 25.4, (841.89 - 450) / 72 * 25.4, 35.28, 17.64), 0.02)


@pytest.mark.parametrize("setup", SETUPS[::2], ids=str)
def test_empty_paper_is_free_and_print_is_not(setup: Setup) -> None:
    """A place between two lines is free, a place that touches one is not, on any page."""
    sheet = Sheet()
    sheet.text(40, 100, "Nguyễn Văn Mẫu", 13)
    with open_letter(variant(sheet.pdf(), setup)) as letter:
        assert letter.free_of_ink(1, RectMm(40, 105, 60, 30))
        assert not letter.free_of_ink(1, RectMm(40, 90, 60, 9))
        assert letter.free_of_ink(1, RectMm(500, 500, 10, 10))


def test_grey_paper_of_a_scan_is_free_and_a_dark_area_is_not() -> None:
    """Paper need not be white; a photograph or a black area is no free place."""
    sheet = Sheet()
    sheet.box(0, 0, 210, 150, (0.85, 0.84, 0.8))
    sheet.box(0, 150, 210, 147, (0.1, 0.1, 0.1))
    with open_letter(sheet.pdf()) as letter:
        assert letter.free_of_ink(1, RectMm(20, 20, 100, 100))
        assert not letter.free_of_ink(1, RectMm(20, 200, 50, 50))
        assert not letter.free_of_ink(1, RectMm(20, 140, 50, 20))


def test_an_annotation_takes_its_place(spot: Path) -> None:
    """What a signature shows is seen when free places are looked for."""
    data = signed(Sheet().pdf(), StampSpec(80, 40, (ImageItem(spot, (0, 0, 80, 40)),)))
    with open_letter(data) as letter:
        assert not letter.free_of_ink(1, RectMm(80, 100, 40, 10))
        assert letter.free_of_ink(1, RectMm(80, 115, 40, 10))


@pytest.mark.parametrize("setup", [Setup(), Setup(90, (15, 25), 8), Setup(180, (0, 0), 0, 2.0)], ids=str)
def test_a_second_look_sees_what_the_first_one_saw(setup: Setup) -> None:
    """The page that is kept for further looks has the pixels that a rendering of the place alone has."""
    sheet = Sheet()
    sheet.text(40, 60, "Ủy ban nhân dân", 13)
    with open_letter(variant(sheet.pdf(), setup)) as letter:
        geometry, shared = letter.page(1), letter.shared_document
        for rect in (RectMm(38.3, 52.1, 31.7, 11.2), RectMm(-5, -5, 30, 20), RectMm(190, 280, 60, 60)):
            with shared.used() as document:
                alone = document.render(geometry, dpi=110.0, area=rect, grey=True)
            looked = [shared.grey_part(geometry, 110.0, rect) for _ in range(3)]
            for again in looked:
                assert (again.width_px, again.height_px) == (alone.width_px, alone.height_px)
                assert (again.left_mm, again.top_mm) == pytest.approx((alone.left_mm, alone.top_mm))
                rows = [(again.row(y), alone.row(y)) for y in range(alone.height_px)]
                assert all(max(abs(a - b) for a, b in zip(*row, strict=True)) <= 40 for row in rows)


def test_a_letter_is_opened_once_for_all_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text and looks share one document, and it is closed with the letter."""
    opened: list[str] = []
    original = pdfium._document

    def counted(source: object, name: str, password: object, *, forms: bool) -> object:
        opened.append(name)
        return original(source, name, password, forms=forms)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(pdfium, "_document", counted)
    sheet = Sheet()
    for _ in range(4):
        sheet.text(40, 60, "Trang")
        sheet.next_page()
    with open_letter(sheet.pdf()) as letter:
        for number in (1, 2, 3, 4):
            assert [line.text for line in letter.text_lines(number)] == ["Trang"]
            assert letter.free_of_ink(number, RectMm(100, 100, 20, 20))
        assert len(opened) == 1
