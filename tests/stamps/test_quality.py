"""Appearances as archives and other programs want them: the points of PDF/A-2b that can be checked here.

Not checked here, because no PDF/A validator is at hand: the whole file's output intent and XMP metadata, which belong
to the letter and not to the stamp; colours are DeviceRGB, which PDF/A-2 allows only where the letter has an output
intent or /DefaultRGB (ISO 19005-2, 6.2.4.3).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pikepdf
import pytest

from kyso.config import Config, KeySection
from kyso.engine import Engine
from kyso.geometry import RectMm
from kyso.models import SignedDocument, SignRequest
from kyso.secret import Secret
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice
from kyso_stamps.template import SAMPLE_TIME
from kyso_stamps.templates import Library, built_in_templates
from tests.stamps.rendering import RENDERERS, Drawing
from tests.support.judges import pdfsig

if TYPE_CHECKING:
    from kyso.demo.pki import DemoPki

FIRST_MOST = 30 * 1024
LATER_MOST = 16 * 1024
NAMES = sorted(source.name for source in built_in_templates())


def stamp_pdf(name: str, seal: Path) -> bytes:
    """Return a built-in template with samples, drawn, as a page."""
    library = Library()
    template = library.template(name)
    values = {each.name: each.sample if each.kind == "text" else SAMPLE_TIME for each in template.variables}
    return appearance_to_pdf(draw(library.spec(name, values, seal, image_mm=(36, 36)), FontChoice()))


def objects(value: Any, seen: set[tuple[int, int]] | None = None) -> Iterator[pikepdf.Object]:
    """Yield every dictionary and stream that can be reached."""
    seen = set() if seen is None else seen
    if not isinstance(value, (pikepdf.Dictionary, pikepdf.Stream, pikepdf.Array)):
        return
    if value.is_indirect:
        if value.objgen in seen:
            return
        seen.add(value.objgen)
    if isinstance(value, pikepdf.Array):
        for item in value:
            yield from objects(item, seen)
        return
    yield value
    for key in set(value.keys()):
        yield from objects(value[key], seen)


@pytest.mark.parametrize("name", NAMES)
def test_fonts_are_embedded_subsets_with_everything_said(name: str, seal_image: Path) -> None:
    """ISO 19005-2, 6.2.11: embedded, CIDToGIDMap, ToUnicode, subset tag; widths of the program and of /W agree."""
    with pikepdf.open(io.BytesIO(stamp_pdf(name, seal_image))) as pdf:
        fonts = [item for item in objects(pdf.pages[0].obj) if item.get("/Subtype") == "/Type0"]
        assert fonts
        for font in fonts:
            (descendant,) = font.DescendantFonts
            assert descendant.CIDToGIDMap == "/Identity"
            assert re.fullmatch(r"/[A-Z]{6}\+.+", str(font.BaseFont))
            assert "/ToUnicode" in font
            assert "/FontFile2" in descendant.FontDescriptor
            assert len(descendant.FontDescriptor.FontFile2.read_bytes()) == descendant.FontDescriptor.FontFile2.Length1


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_archives_forbid(name: str, seal_image: Path) -> None:
    """ISO 19005-2: no LZW, no interpolation, no alternates, PostScript, actions, JavaScript, transfer functions, and
    no colours but grey and RGB; transparency only as soft masks, which part 2 allows."""
    with pikepdf.open(io.BytesIO(stamp_pdf(name, seal_image))) as pdf:
        for item in objects(pdf.pages[0].obj):
            assert item.get("/Interpolate", False) is False
            assert not {"/Alternates", "/OPI", "/Ref", "/PS", "/A", "/AA", "/JS", "/TR", "/HTP", "/F"} & set(
                item.keys()
            )
            assert item.get("/Filter", "/FlateDecode") in ("/FlateDecode", "/DCTDecode")
            if item.get("/Subtype") == "/Image":
                space = item.ColorSpace
                base = space[1] if isinstance(space, pikepdf.Array) else space
                assert base in ("/DeviceRGB", "/DeviceGray")
                if "/SMask" in item:
                    assert item.SMask.ColorSpace == "/DeviceGray"
                    assert "/SMask" not in item.SMask
            if "/Group" in item:
                assert item.Group.get("/CS", "/DeviceRGB") == "/DeviceRGB"


@pytest.mark.parametrize("name", NAMES)
def test_content_is_plain(name: str, seal_image: Path) -> None:
    """Content streams hold known operators only and hex strings of even length (ISO 19005-2, 6.1.6 and 6.2.2)."""
    known = {"q", "Q", "cm", "Do", "BT", "ET", "Tf", "Tm", "Tj", "rg", "RG", "g", "w", "re", "f", "S", "B"}
    with pikepdf.open(io.BytesIO(stamp_pdf(name, seal_image))) as pdf:
        form = pdf.pages[0].Resources.XObject.Stamp
        assert {str(operator) for _, operator in pikepdf.parse_content_stream(form)} <= known
        content = form.read_bytes()
        assert all(len(found) % 2 == 0 for found in re.findall(rb"<([0-9A-Fa-f]*)>", content))
        assert content.count(b"q\n") == content.count(b"Q\n")


@pytest.mark.parametrize("name", NAMES)
def test_three_renderers_agree(name: str, seal_image: Path, tmp_path: Path) -> None:
    """pdfium, poppler and MuPDF show the same: over 0.7 mm no mean differs by a quarter, 99 % by less than 15 %."""
    pdf = stamp_pdf(name, seal_image)
    available = [parameter for parameter in RENDERERS if not any(mark.args[0] for mark in parameter.marks)]
    shown = [_averaged(parameter.values[0](pdf, tmp_path)) for parameter in available]
    assert len(shown) >= 1
    height, width = (min(each.shape[axis] for each in shown) for axis in (0, 1))
    for other in shown[1:]:
        difference = np.abs(shown[0][:height, :width] - other[:height, :width])
        assert difference.max() < 0.25 * 255
        assert np.quantile(difference, 0.99) < 0.15 * 255


def _averaged(drawing: Drawing, side: int = 8) -> np.ndarray:
    pixels = drawing.pixels.astype(float)
    height, width = (length // side * side for length in pixels.shape[:2])
    return pixels[:height, :width].reshape(height // side, side, width // side, side, 3).mean(axis=(1, 3))


# ------------------------------------------------------------------------------------------------- through the engine


@pytest.fixture
def engine(pki: DemoPki, signature_image: Path, seal_image: Path) -> Iterator[Engine]:
    """An engine with the demo's keys and pictures."""
    keys = {
        name: KeySection(uri=f"pfx:{pki.pfx(name)}", title="Kế toán trưởng")
        for name in ("leader", "seal", "accountant", "holder")
    }
    password = pki.password_file.read_text(encoding="utf-8").strip()
    with Engine.from_config(Config(keys=keys), ask_secret=lambda code, about: Secret(password)) as made:
        yield made


def signed_in_turn(engine: Engine, letter: bytes, requests: list[dict[str, Any]]) -> list[bytes]:
    """Sign a letter several times and return every state of it, the unsigned one first."""
    states = [letter]
    for request in requests:
        outcome = engine.sign(SignRequest(states[-1], **request))
        assert isinstance(outcome, SignedDocument)
        assert outcome.data is not None
        states.append(outcome.data)
    return states


def sizes(states: list[bytes]) -> list[int]:
    return [len(after) - len(before) for before, after in pairwise(states)]


def test_pictures_are_in_the_file_once(engine: Engine, letter_pdf: bytes, seal_image: Path, tmp_path: Path) -> None:
    """The first stamp with the demo's seal adds at most 30 KB, each later one at most 16 KB; all are valid."""
    requests = [
        {"key": key, "policy": "fixed", "page": 1, "rect_mm": RectMm(20 + 45 * at, 20, 36, 36), "image": seal_image}
        for at, key in enumerate(("leader", "seal", "accountant"))
    ]
    states = signed_in_turn(engine, letter_pdf, requests)
    first, *later = sizes(states)
    assert first <= FIRST_MOST
    assert all(size <= LATER_MOST for size in later), later
    # A mask and its colours, once for three stamps.
    images = len(re.findall(rb"/Subtype ?/Image", states[3])) - len(re.findall(rb"/Subtype ?/Image", states[0]))
    assert images == 2
    path = tmp_path / "signed.pdf"
    path.write_bytes(states[3])
    judged = pdfsig(path)
    assert len(judged) == 3
    assert all(each.valid for each in judged)


def test_fonts_are_in_the_file_once(engine: Engine, letter_pdf: bytes) -> None:
    """A second signature whose text needs the letters of the first takes the font that is there."""
    requests = [
        {"key": "leader", "policy": "fixed", "page": 1, "rect_mm": RectMm(20, 20 + 25 * at, 80, 20)} for at in range(2)
    ]
    states = signed_in_turn(engine, letter_pdf, requests)
    assert states[2].count(b"/FontFile2") - states[0].count(b"/FontFile2") == 1
    assert sizes(states)[1] <= 10 * 1024


def test_texts_of_other_people_share_the_font(engine: Engine, letter_pdf: bytes) -> None:
    """Long blocks of other signers, with other letters, take the font that the first one brought."""
    contents = (
        "Thanh toán khối lượng xây lắp hoàn thành đợt 3 gói thầu số 7 thuộc dự án nâng cấp, mở rộng đường tỉnh 123",
        "Đề nghị Kho bạc Nhà nước kiểm soát, chuyển tiền theo chứng từ kèm theo; quỹ lương tháng 11, phụ cấp GV",
    )
    requests = [
        {
            "key": key,
            "policy": "kbnn.attachment",
            "settings": {"budget_code": "1099999", "content": content, "signers": "2"},
        }
        for key, content in zip(("accountant", "holder"), contents, strict=True)
    ]
    states = signed_in_turn(engine, letter_pdf, requests)
    first, later = sizes(states)
    assert first <= FIRST_MOST
    assert later <= 11 * 1024
    assert states[2].count(b"/FontFile2") - states[0].count(b"/FontFile2") == 1


def test_a_seal_with_text_stays_small(engine: Engine, letter_pdf: bytes, seal_image: Path) -> None:
    """A seal above its organisation's name and the time is within 30 KB with the signature's own objects."""
    fonts = FontChoice()
    lines = {"organisation": "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM", "time": SAMPLE_TIME}
    parts = draw(Library().spec("seal", lines, seal_image, image_mm=(36, 36)), fonts).parts
    heads = sum(len(piece) if isinstance(piece, bytes) else 8 for part in parts for piece in part.head)
    drawn = sum(len(part.stream or b"") for part in parts) + heads + 60 * len(parts)
    request = {"key": "seal", "policy": "invisible"}
    (signature,) = sizes(signed_in_turn(engine, letter_pdf, [request]))
    assert drawn + signature <= FIRST_MOST


def test_widgets_are_as_archives_want_them(engine: Engine, letter_pdf: bytes, seal_image: Path) -> None:
    """ISO 19005-2, 6.3: printed, not hidden, /AP with /N alone, a stream; no actions; locked."""
    request = {"key": "leader", "policy": "fixed", "page": 1, "rect_mm": RectMm(20, 20, 36, 36), "image": seal_image}
    (_, signed) = signed_in_turn(engine, letter_pdf, [request])
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        widgets = [each for each in pdf.pages[0].Annots if each.Subtype == "/Widget"]
        assert len(widgets) == 1
        (widget,) = widgets
        assert int(widget.F) & 0b100111 == 0b100  # print; none of invisible, hidden, no view
        assert int(widget.F) & 0b10000000  # locked
        assert set(widget.AP.keys()) == {"/N"}
        assert isinstance(widget.AP.N, pikepdf.Stream)
        assert not {"/A", "/AA"} & set(widget.keys())
