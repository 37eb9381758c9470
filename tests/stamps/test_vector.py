"""Vector pictures: a PDF's first page, upright, without what does not belong in a signed letter."""

from __future__ import annotations

import base64
import io
import zlib
from typing import TYPE_CHECKING

import pikepdf
import pytest

from kyso_stamps import ImageItem, StampError, StampSpec
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice
from kyso_stamps.images import image_ink
from tests.stamps.rendering import RENDERERS, Drawing, rendered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# 60 x 40: red left half above, green right half above, blue below.
CONTENT = b"1 0 0 rg 10 25 30 20 re f 0 1 0 rg 40 25 30 20 re f 0 0 1 rg 10 5 60 20 re f"


def page_file(path: Path, change: Callable[[pikepdf.Pdf, pikepdf.Page], None] | None = None) -> Path:
    """Write a PDF with the coloured page; its visible part is the crop box."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(100, 80))
    page.obj.CropBox = pikepdf.Array([10, 5, 70, 45])
    page.obj.Contents = pdf.make_stream(CONTENT)
    if change is not None:
        change(pdf, page)
    pdf.save(path)
    return path


def stamp(path: Path, width_mm: float = 30, height_mm: float = 20) -> StampSpec:
    """A stamp that is the picture."""
    return StampSpec(width_mm, height_mm, (ImageItem(path, (0, 0, width_mm, height_mm), "exact"),))


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
# Colours at top left, top right, bottom left, bottom right after a clockwise turn.
TURNED = {0: [RED, GREEN, BLUE, BLUE], 90: [BLUE, RED, BLUE, GREEN], 180: [BLUE, BLUE, GREEN, RED]}
TURNED[270] = [GREEN, BLUE, RED, BLUE]


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_visible_page_fills_the_box_upright(
    render: Callable[[bytes, Path], Drawing], rotation: int, tmp_path: Path
) -> None:
    """/CropBox, an inherited /Rotate and /UserUnit are honoured by every renderer's measure."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
        pdf.Root.Pages.Rotate = rotation - 360
        page.obj.UserUnit = 3

    path = page_file(tmp_path / "turned.pdf", change)
    ink = image_ink(path)
    assert (ink.width_px, ink.height_px) == ((180, 120) if rotation in (0, 180) else (120, 180))
    width, height = (30, 20) if rotation in (0, 180) else (20, 30)
    drawing = render(appearance_to_pdf(draw(stamp(path, width, height), FontChoice())), tmp_path)
    points = [(width * x, height * y) for y in (0.2, 0.8) for x in (0.2, 0.8)]
    assert [drawing.at(x, y) for x, y in points] == TURNED[rotation]
    assert drawing.ink() == pytest.approx((0, 0, width, height), abs=0.3)


def test_resources_come_along_and_nothing_else(tmp_path: Path) -> None:
    """Nested forms and graphics states are copied; annotations, scripts, metadata and other pages are not."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
        form = pdf.make_stream(b"/Half gs 1 0 0 rg 0 0 100 100 re f")
        form.Type, form.Subtype, form.BBox = pikepdf.Name.XObject, pikepdf.Name.Form, pikepdf.Array([0, 0, 100, 100])
        half = pdf.make_indirect(pikepdf.Dictionary(ca=0.5, Note=pikepdf.String("ghi chú")))
        form.Resources = pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(Half=half))
        form.Metadata = pdf.make_stream(b"<private/>")
        page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary({"/A#B C": form}))
        page.obj.Contents = pikepdf.Array([pdf.make_stream(b"q /A#23B#20C"), pdf.make_stream(b"Do Q")])
        script = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        page.obj.AA = pikepdf.Dictionary(O=script)
        pdf.Root.OpenAction = script

    path = page_file(tmp_path / "rich.pdf", change)
    appearance = draw(stamp(path), FontChoice())
    source = b"".join(b"".join(p for p in part.head if isinstance(p, bytes)) for part in appearance.parts)
    assert b"JavaScript" not in source
    assert b"Metadata" not in source
    assert len(appearance.parts) == 4
    assert rendered(stamp(path)).at(15, 10) == pytest.approx((255, 127, 127), abs=1)


@pytest.mark.parametrize("filters", [["/ASCII85Decode", "/FlateDecode"], ["/ASCIIHexDecode"], ["/FlateDecode"]])
def test_encoded_contents_are_read(filters: list[str], tmp_path: Path) -> None:
    """Contents in the usual encodings are decoded."""
    data = CONTENT
    for name in reversed(filters):
        encode = {
            "/FlateDecode": zlib.compress,
            "/ASCII85Decode": lambda data: base64.a85encode(data) + b"~>",
            "/ASCIIHexDecode": lambda data: data.hex().encode() + b">",
        }[name]
        data = encode(data)

    def change(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
        page.obj.Contents = pikepdf.Stream(pdf, data, Filter=pikepdf.Array([pikepdf.Name(name) for name in filters]))

    path = tmp_path / "encoded.pdf"
    page_file(path, change)
    assert rendered(stamp(path)).at(5, 5) == RED


def test_two_stamps_of_one_drawing_share_it(tmp_path: Path) -> None:
    """Keys go by content, and every part of a drawing has one of its own."""
    first = draw(stamp(page_file(tmp_path / "a.pdf")), FontChoice())
    second = draw(stamp(page_file(tmp_path / "b.pdf"), 60, 40), FontChoice())
    assert [part.key for part in first.parts[1:]] == [part.key for part in second.parts[1:]]
    assert all(part.key for part in first.parts[1:])


def test_only_streams_of_a_drawing_are_shared(tmp_path: Path) -> None:
    """Arrays and plain dictionaries cannot carry a key; exchanging two references makes another drawing."""

    def change(names: str) -> Callable[[pikepdf.Pdf, pikepdf.Page], None]:
        def with_names(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
            states = [pdf.make_indirect(pikepdf.Dictionary(ca=level)) for level in (1, 0.5)]
            page.obj.Resources = pikepdf.Dictionary(
                ExtGState=pikepdf.Dictionary(dict(zip(names.split(), states, strict=True)))
            )
            page.obj.Resources.Plain = pdf.make_indirect(pikepdf.Array([1, True, None]))

        return with_names

    first = draw(stamp(page_file(tmp_path / "a.pdf", change("/A /B"))), FontChoice())
    second = draw(stamp(page_file(tmp_path / "b.pdf", change("/B /A"))), FontChoice())
    assert [bool(part.key) for part in first.parts] == [False, True, False, False, False]
    assert first.parts[1].key != second.parts[1].key


def test_contents_that_break_off_are_refused(tmp_path: Path) -> None:
    """Half a seal is not drawn."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
        page.obj.Contents = pikepdf.Stream(pdf, zlib.compress(CONTENT)[:-12], Filter=pikepdf.Name.FlateDecode)

    with pytest.raises(StampError, match=r"stamp\.image_unreadable"):
        draw(stamp(page_file(tmp_path / "half.pdf", change)), FontChoice())


def test_objects_that_refer_to_each_other_in_circles_are_copied_once(tmp_path: Path) -> None:
    """A circle of references ends."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
        state = pdf.make_indirect(pikepdf.Dictionary(ca=1))
        state.Self = state
        page.obj.Resources = pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(G=state))

    assert len(draw(stamp(page_file(tmp_path / "circle.pdf", change)), FontChoice()).parts) == 3


def _deep(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    nested = pikepdf.Array([])
    for _ in range(100):
        nested = pikepdf.Array([nested])
    page.obj.Resources = pikepdf.Dictionary(Deep=nested)


def _postscript(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    program = pdf.make_stream(b"showpage", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.PS)
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(P=program))


def _external(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    picture = pdf.make_stream(b"", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, F="/etc/passwd")
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(P=picture))


def _bomb(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    data = zlib.compress(bytes(64 * 1024 * 1024), 9)
    page.obj.Contents = pikepdf.Stream(pdf, data, Filter=pikepdf.Name.FlateDecode)


def _many(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    states = {f"/G{n}": pdf.make_indirect(pikepdf.Dictionary(ca=1)) for n in range(2100)}
    page.obj.Resources = pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(states))


def _no_area(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    page.obj.CropBox = pikepdf.Array([200, 200, 300, 300])


def _skewed(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    page.obj.Rotate = 45


def _odd_types(pdf: pikepdf.Pdf, page: pikepdf.Page) -> None:
    page.obj.Contents = pikepdf.Array([pikepdf.Name.Nonsense])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_deep, "stamp.image_unsupported"),
        (_postscript, "stamp.image_unsupported"),
        (_external, "stamp.image_unsupported"),
        (_many, "stamp.image_unsupported"),
        (_bomb, "stamp.image_file_too_large"),
        (_no_area, "stamp.image_unreadable"),
        (_skewed, "stamp.image_unreadable"),
        (_odd_types, "stamp.image_unreadable"),
    ],
)
def test_drawings_that_could_harm_are_refused(
    change: Callable[[pikepdf.Pdf, pikepdf.Page], None], code: str, tmp_path: Path
) -> None:
    """PostScript, external files, bombs, endless nesting and pages that show nothing are refused."""
    with pytest.raises(StampError) as caught:
        draw(stamp(page_file(tmp_path / "bad.pdf", change)), FontChoice())
    assert caught.value.code == code


def test_an_encrypted_drawing_is_refused(tmp_path: Path) -> None:
    """A picture that wants a password is not a picture."""
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(user="a", owner="b"))
    with pytest.raises(StampError, match=r"stamp\.image_unreadable"):
        draw(stamp(tmp_path / "locked.pdf"), FontChoice())


def test_foreign_pdfs_are_drawn_or_refused(corpus: Path, tmp_path: Path) -> None:
    """Every file of the corpus ends in a drawing that qpdf can read or in a StampError."""
    drawn = 0
    refused = set()
    for path in sorted((corpus / "sign" / "files").glob("*.pdf")):
        try:
            appearance = draw(stamp(path), FontChoice())
        except StampError as error:
            refused.add(error.code)
            continue
        with pikepdf.open(io.BytesIO(appearance_to_pdf(appearance))) as pdf:
            assert not pdf.check_pdf_syntax()
        drawn += 1
    assert drawn > 10
    assert refused <= {"stamp.image_unreadable", "stamp.image_unsupported"}
