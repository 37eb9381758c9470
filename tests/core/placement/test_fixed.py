"""The policies `fixed` and `invisible`: the caller decides the place, kyso only checks it."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest

from kyso.errors import KysoError, SigningRefused
from kyso.geometry import RectMm
from kyso_stamps import StampError
from tests.support import judges
from tests.support.pixels import assert_close, bluish, dark, find
from tests.support.placing import place, written
from tests.support.sheets import SETUPS, Setup, Sheet, variant

RECT = RectMm(30, 60, 80, 25)
PAGE = RectMm(0, 0, 210, 297)


def blank(pages: int = 1) -> bytes:
    sheet = Sheet()
    for _ in range(pages - 1):
        sheet.next_page()
    return sheet.pdf()


@pytest.mark.parametrize("renderer", [judges.render_pdfium, judges.render_poppler, judges.render_mupdf])
@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_a_picture_fills_the_given_box_on_any_page(setup: Setup, renderer: object, tmp_path: Path) -> None:
    """A picture of the box's proportions is drawn exactly in it, upright, in three renderers, within half a mm."""
    from PIL import Image

    assert callable(renderer)
    picture = tmp_path / "blue.png"
    canvas = Image.new("RGB", (320, 100), (0, 0, 255))
    canvas.paste((0, 0, 0), (0, 0, 80, 25))
    canvas.save(picture)
    data = variant(blank(), setup)
    placement = place(data, "fixed", image=picture, page=1, rect_mm=RECT)
    dpi = 150.0 if renderer is judges.render_mupdf else 150.0 * setup.user_unit
    image = renderer(written(data, placement), 1, dpi)
    assert_close(find(image, PAGE, lambda pixels: pixels[..., :2].max(axis=2) < 100), RECT, 0.5)
    # The black corner shows which way is up.
    assert_close(find(image, PAGE, dark), RectMm(30, 60, 20, 6.25), 0.5)


def test_without_a_picture_the_signer_is_named() -> None:
    """Name, organisation and time are drawn inside the box."""
    data = blank()
    placement = place(data, "fixed", page=1, rect_mm=RECT)
    assert placement.stamp is not None
    (item,) = placement.stamp.items
    assert getattr(item, "lines", None) == ("Nguyễn Văn Mẫu", "ỦY BAN NHÂN DÂN TỈNH ABC", "22/11/2026 09:15:07 +07:00")
    found = find(judges.render_pdfium(written(data, placement), 1, 150.0), PAGE, dark)
    assert found is not None
    assert RECT.grown(0.2).contains(found)


def test_text_shrinks_to_a_readable_size_and_is_then_refused() -> None:
    """A small box makes smaller print; below 6 points the stamp cannot be drawn."""
    data = blank()
    narrow = place(data, "fixed", page=1, rect_mm=RectMm(30, 60, 30, 12))
    found = find(judges.render_pdfium(written(data, narrow), 1, 200.0), PAGE, dark)
    assert found is not None
    assert RectMm(30, 60, 30, 12).contains(found)
    with pytest.raises(StampError) as refused:
        written(data, place(data, "fixed", page=1, rect_mm=RectMm(30, 60, 12, 5)))
    assert refused.value.code == "stamp.text_too_long"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "placement.place_missing"),
        ({"page": 1}, "placement.place_missing"),
        ({"rect_mm": RECT}, "placement.page_missing"),
        ({"page": 3, "rect_mm": RECT}, "document.no_such_page"),
        ({"page": 0, "rect_mm": RECT}, "document.no_such_page"),
        ({"page": 1, "rect_mm": RectMm(150, 60, 80, 25)}, "placement.off_page"),
        ({"page": 1, "rect_mm": RectMm(-5, 60, 80, 25)}, "placement.off_page"),
        ({"page": 1, "rect_mm": RectMm(30, 60, 0, 25)}, "placement.rectangle_empty"),
        ({"page": 1, "rect_mm": RectMm(30, 60, -20, -25)}, "placement.rectangle_empty"),
        ({"page": 1, "rect_mm": RectMm(float("nan"), 60, 20, 25)}, "placement.rectangle_empty"),
        ({"page": 1, "rect_mm": RectMm(30, 60, float("inf"), 25)}, "placement.rectangle_empty"),
        ({"page": 1, "rect_mm": RECT, "image": Path("nowhere.png")}, "stamp.image_unreadable"),
    ],
    ids=str,
)
def test_a_place_that_is_none_is_refused(given: dict[str, object], code: str) -> None:
    """No place, half a place, pages that are not there, rectangles empty or off the page."""
    with pytest.raises(KysoError) as refused:
        place(blank(2), "fixed", **given)
    assert refused.value.code == code
    assert refused.value.exit_code in (4, 7)


def test_pages_count_from_the_end_too() -> None:
    """-1 is the last page."""
    assert place(blank(3), "fixed", page=-1, rect_mm=RECT).page == 3


def with_field(rect: list[float], value: bool = False, pages: int = 1) -> bytes:
    with pikepdf.open(io.BytesIO(blank(pages))) as pdf:
        widget = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Sig, T="ChuKy", F=4, Rect=rect
            )
        )
        if value:
            widget.V = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Sig, ByteRange=[0, 1, 2, 3]))
        pdf.pages[0].obj.Annots = pikepdf.Array([widget])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([widget]), SigFlags=1)
        saved = io.BytesIO()
        pdf.save(saved)
    return saved.getvalue()


def test_an_empty_field_is_filled_where_it_stands(signature_image: Path) -> None:
    """--field with an existing name takes that field's rectangle; an unknown name becomes the new field's name."""
    data = with_field([100, 400, 300, 460])
    placement = place(data, "fixed", image=signature_image, field="ChuKy")
    assert placement.field == "ChuKy"
    assert placement.rect_mm is not None
    assert placement.rect_mm.width == pytest.approx(200 / 72 * 25.4)
    image = judges.render_pdfium(written(data, placement), 1, 150.0)
    blue = find(image, PAGE, bluish)
    assert blue is not None
    assert placement.rect_mm.grown(0.2).contains(blue)
    named = place(data, "fixed", image=signature_image, field="Moi", page=1, rect_mm=RECT)
    assert named.field == "Moi"


@pytest.mark.parametrize(
    ("make", "given", "code"),
    [
        (lambda: with_field([100, 400, 300, 460], value=True), {}, "placement.field_signed"),
        (lambda: with_field([0, 0, 0, 0]), {}, "placement.field_invisible"),
        (
            lambda: with_field([100, 400, 300, 460]),
            {"page": 1, "rect_mm": RECT},
            "placement.field_and_rectangle",
        ),
    ],
    ids=["signed", "invisible", "with-rectangle"],
)
def test_fields_that_cannot_be_filled_are_refused(make: object, given: dict[str, object], code: str) -> None:
    """Signed and invisible fields, and a field given together with a rectangle."""
    assert callable(make)
    with pytest.raises(KysoError) as refused:
        place(make(), "fixed", field="ChuKy", **given)
    assert refused.value.code == code


def test_an_invisible_signature_draws_nothing() -> None:
    """It is listed on the first page, or on the one asked for, and takes no rectangle."""
    placement = place(blank(2), "invisible")
    assert (placement.page, placement.rect_mm, placement.stamp) == (1, None, None)
    assert place(blank(2), "invisible", page=-1).page == 2
    assert place(with_field([0, 0, 0, 0]), "invisible", field="ChuKy").field == "ChuKy"
    with pytest.raises(KysoError) as refused:
        place(blank(), "invisible", rect_mm=RECT)
    assert refused.value.code == "placement.invisible_takes_no_place"
    assert not isinstance(refused.value, SigningRefused)
