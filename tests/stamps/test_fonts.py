"""Fonts: the order of choice, what is embedded, damaged and forbidden files."""

from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pikepdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from kyso_stamps import StampError, StampSpec, TextItem, fontsearch
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice, choose_face, embedded, packaged_serif
from kyso_stamps.fontsearch import VIETNAMESE_LETTERS
from kyso_stamps.sfnt import parse_font, read_font
from kyso_stamps.subset import embed
from tests.stamps.rendering import available_fonts

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "Ủy ban nhân dân xã Đông Ỷ ẩn ỡ ỵ"


def made_font(
    family: str, revision: float = 7.0, letters: str = VIETNAMESE_LETTERS, permissions: int = 0, **names: str
) -> bytes:
    """Build a small TrueType font whose letters are boxes."""
    characters = sorted({*map(chr, range(0x20, 0x7F)), *letters})
    order = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({ord(character): name for character, name in zip(characters, order[1:], strict=True)})
    glyphs = {}
    for place, name in enumerate(order):
        pen = TTGlyphPen(None)
        pen.moveTo((50, 0))
        for point in ((50, 300 + place), (450, 300 + place), (450, 0)):
            pen.lineTo(point)
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(order, (500, 50)))
    builder.setupHorizontalHeader(ascent=900, descent=-200)
    style = names.get("style", "Regular")
    builder.setupNameTable({"familyName": family, "styleName": style, "psName": f"{family}-{style}".replace(" ", "")})
    builder.setupOS2(fsType=permissions)
    builder.setupPost()
    builder.font["head"].fontRevision = revision
    builder.font["head"].macStyle = {"Regular": 0, "Bold": 1, "Italic": 2}[style]
    output = io.BytesIO()
    builder.save(output)
    return output.getvalue()


@pytest.fixture
def font_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system whose only font folder is this one."""
    folder = tmp_path / "fonts"
    (folder / "deep" / "er").mkdir(parents=True)
    monkeypatch.setattr(fontsearch, "font_folders", lambda: (folder,))
    return folder


def choice(folder: Path, **faces: Path) -> FontChoice:
    """A choice of its own for each test, so that nothing is remembered from another."""
    return FontChoice(cache_dir=folder / "cache", **faces)


def test_times_new_roman_comes_before_liberation(font_folder: Path) -> None:
    """A system with both uses Times New Roman, found by file name in any case and depth, believed by its names."""
    (font_folder / "LiberationSerif-Regular.ttf").write_bytes(made_font("Liberation Serif", 2.1))
    (font_folder / "deep" / "er" / "TIMES.TTF").write_bytes(made_font("Times New Roman"))
    face = choose_face(choice(font_folder))
    assert (face.font.family, face.origin) == ("Times New Roman", "times_new_roman")


def test_liberation_serif_comes_before_the_packaged_serif(font_folder: Path) -> None:
    """Without Times New Roman, Liberation Serif from version 2 on is used."""
    (font_folder / "LiberationSerif-Regular.ttf").write_bytes(made_font("Liberation Serif", 2.0))
    assert choose_face(choice(font_folder)).origin == "liberation_serif"


@pytest.mark.parametrize(
    "font",
    [
        pytest.param(made_font("Liberation Serif", 1.07), id="version-1.07"),
        pytest.param(made_font("Liberation Serif", 2.1, VIETNAMESE_LETTERS.replace("ữ", "")), id="one-letter-short"),
        pytest.param(made_font("Something Else", 2.1), id="other-family"),
        pytest.param(made_font("Liberation Serif", 2.1, style="Bold"), id="other-style"),
        pytest.param(made_font("Liberation Serif", 2.1, permissions=2), id="embedding-forbidden"),
        pytest.param(made_font("Liberation Serif", 2.1)[:900], id="cut-short"),
        pytest.param(b"", id="empty"),
    ],
)
def test_an_unfit_system_font_is_passed_over(font_folder: Path, font: bytes) -> None:
    """A font under a trusted file name that lacks letters, is another one or is damaged is not used."""
    (font_folder / "LiberationSerif-Regular.ttf").write_bytes(font)
    assert choose_face(choice(font_folder)).origin == "packaged"


def test_a_configured_file_comes_first_for_its_style_only(font_folder: Path) -> None:
    """A configured regular face is used for regular text; bold follows the search order."""
    (font_folder / "times.ttf").write_bytes(made_font("Times New Roman"))
    (font_folder / "timesbd.ttf").write_bytes(made_font("Times New Roman", style="Bold"))
    own = font_folder / "own.ttf"
    own.write_bytes(made_font("House Serif"))
    fonts = choice(font_folder, regular=own)
    assert (choose_face(fonts).origin, choose_face(fonts).font.family) == ("configured", "House Serif")
    assert choose_face(fonts, bold=True).origin == "times_new_roman"


def test_a_configured_variable_font_is_its_own_bold(font_folder: Path) -> None:
    """The weight axis serves bold text; the instance is static, wider and named Bold."""
    fonts = choice(font_folder, regular=packaged_serif())
    bold = choose_face(fonts, bold=True)
    assert (bold.origin, bold.place) == ("configured", {"wght": 700.0, "wdth": 100.0})
    regular = embedded(choose_face(fonts), frozenset("m"))
    heavy = embedded(bold, frozenset("m"))
    assert heavy.glyphs["m"].width > regular.glyphs["m"].width
    assert b"NotoSerif-Bold" in heavy.parts[0].head[0]


@pytest.mark.parametrize("fonts", available_fonts())
@pytest.mark.parametrize("bold", [False, True])
def test_the_subset_is_a_sound_static_font(fonts: FontChoice, bold: bool) -> None:
    """fontTools reads every outline, nothing is left of hinting and variations, all widths agree with /W."""
    stamp = StampSpec(90, 20, (TextItem((TEXT,), (0, 0, 90, 20), bold=bold),))
    with pikepdf.open(io.BytesIO(appearance_to_pdf(draw(stamp, fonts)))) as pdf:
        (font,) = pdf.pages[0].Resources.XObject.Stamp.Resources.Font.values()
        descendant = font.DescendantFonts[0]
        program = descendant.FontDescriptor.FontFile2.read_bytes()
        widths = [int(width) for width in descendant.W[1]]
        assert (font.Encoding, descendant.CIDToGIDMap) == ("/Identity-H", "/Identity")
        assert font.BaseFont == descendant.BaseFont == descendant.FontDescriptor.FontName
        assert str(font.BaseFont)[7] == "+"
        assert int(descendant.FontDescriptor.FontFile2.Length1) == len(program)
    subset = TTFont(io.BytesIO(program), checkChecksums=2)
    assert set(subset.keys()) - {"GlyphOrder"} == {"glyf", "head", "hhea", "hmtx", "loca", "maxp"}
    scale = 1000 / subset["head"].unitsPerEm
    for place, name in enumerate(subset.getGlyphOrder()):
        glyph = subset["glyf"][name]
        glyph.getCoordinates(subset["glyf"])
        assert not hasattr(glyph, "program") or not glyph.program.getBytecode()
        if place < len(widths):
            assert abs(subset["hmtx"][name][0] * scale - widths[place]) <= 0.5


@pytest.mark.parametrize("fonts", available_fonts())
def test_outlines_are_those_of_the_font(fonts: FontChoice) -> None:
    """Each embedded glyph has exactly the contours that fontTools reads from the font file."""
    face = choose_face(fonts)
    made = embed(face.font, TEXT)
    import zlib

    subset = TTFont(io.BytesIO(zlib.decompress(made.parts[3].stream)))
    source = TTFont(face.font.path)
    names = source.getBestCmap()
    for place, character in enumerate(sorted(set(TEXT)), 1):
        ours = subset["glyf"][subset.getGlyphOrder()[place]].getCoordinates(subset["glyf"])
        theirs = source["glyf"][names[ord(character)]].getCoordinates(source["glyf"])
        assert list(ours[0]) == list(theirs[0])
        assert list(ours[1]) == list(theirs[1])


def test_poppler_calls_the_font_embedded_subset_and_readable(tmp_path: Path) -> None:
    """pdffonts lists one CID TrueType font: embedded, subset, with a Unicode map."""
    if shutil.which("pdffonts") is None:
        pytest.skip("pdffonts is not installed")
    stamp = StampSpec(90, 20, (TextItem((TEXT,), (0, 0, 90, 20)),))
    (tmp_path / "stamp.pdf").write_bytes(appearance_to_pdf(draw(stamp, FontChoice())))
    listing = subprocess.run(["pdffonts", tmp_path / "stamp.pdf"], capture_output=True, text=True, check=True).stdout
    (line,) = listing.splitlines()[2:]
    assert "CID TrueType" in line
    assert line.split()[-5:-2] == ["yes", "yes", "yes"]


def test_changing_digits_keep_the_subset() -> None:
    """Numbers and times of a batch meet one subset; a smaller need reuses a larger subset."""
    face = choose_face(FontChoice())
    first = embedded(face, frozenset("Số: 17/QĐ-UBND"))
    assert embedded(face, frozenset("Số: 2958/QĐ-UBND")) is first
    assert embedded(face, frozenset("QĐ")) is first


def test_one_glyph_for_two_characters_is_embedded_twice(tmp_path: Path) -> None:
    """Characters that share a glyph get codes of their own, so that copied text is right."""
    font = TTFont(io.BytesIO(made_font("Shared")))
    for table in font["cmap"].tables:
        table.cmap[0xD0] = table.cmap[0x110]
    path = tmp_path / "shared.ttf"
    font.save(path)
    glyphs = embed(read_font(path), "ĐÐ").glyphs
    assert glyphs["Đ"].code != glyphs["Ð"].code


def _postscript_font() -> bytes:
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder([".notdef"])
    builder.setupCharacterMap({})
    builder.setupCFF("Test", {}, {".notdef": T2CharStringPen(500, None).getCharString()}, {})
    builder.setupHorizontalMetrics({".notdef": (500, 0)})
    builder.setupHorizontalHeader()
    builder.setupNameTable({"familyName": "Test"})
    builder.setupOS2()
    builder.setupPost()
    output = io.BytesIO()
    builder.save(output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(_postscript_font(), "stamp.font_unsupported", id="postscript-outlines"),
        pytest.param(b"ttcf\x00\x01\x00\x00", "stamp.font_unsupported", id="collection"),
        pytest.param(b"wOF2" + bytes(40), "stamp.font_unsupported", id="web-font"),
        pytest.param(made_font("Locked", permissions=0x0002), "stamp.font_forbidden", id="restricted"),
        pytest.param(made_font("Locked", permissions=0x0100), "stamp.font_forbidden", id="no-subsetting"),
        pytest.param(b"", "stamp.font_broken", id="empty"),
        pytest.param(b"%PDF-1.7", "stamp.font_broken", id="not-a-font"),
        pytest.param(made_font("Cut")[:2000], "stamp.font_broken", id="cut-short"),
        pytest.param(struct.pack(">IH", 0x10000, 65535), "stamp.font_broken", id="too-many-tables"),
    ],
)
def test_a_configured_font_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    """A configured file is never silently replaced by another font."""
    path = tmp_path / "font.ttf"
    path.write_bytes(content)
    with pytest.raises(StampError) as caught:
        choose_face(FontChoice(regular=path))
    assert (caught.value.code, caught.value.parameters["font"]) == (code, "font.ttf")


def test_a_missing_configured_font_is_refused(tmp_path: Path) -> None:
    """A wrong path in the configuration is an error."""
    with pytest.raises(StampError, match=r"stamp\.font_unreadable"):
        choose_face(FontChoice(regular=tmp_path / "nowhere.ttf"))


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_font_is_refused_or_drawn_never_more(tmp_path: Path, seed: int) -> None:
    """Whatever bytes of a font are wrong, the outcome is a font or a StampError."""
    chance = random.Random(seed)
    sound = made_font("Damaged")
    outcomes = set()
    for _ in range(150):
        data = bytearray(sound)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        path = tmp_path / "damaged.ttf"
        try:
            path.write_bytes(data)
            face = choose_face(FontChoice(regular=path, cache_dir=tmp_path / str(len(outcomes)) / str(_)))
            embedded(face, frozenset(character for character in TEXT if face.has(character)))
            outcomes.add("drawn")
        except StampError as error:
            outcomes.add(error.code)
    assert outcomes <= {"drawn", "stamp.font_broken", "stamp.font_unsupported", "stamp.font_forbidden"}
    assert "drawn" in outcomes


def test_endless_composites_are_refused() -> None:
    """A glyph that is a part of itself ends in an embedded font or a StampError, not in a loop."""
    font = TTFont(io.BytesIO(made_font("Endless")))
    from fontTools.ttLib.tables._g_l_y_f import Glyph, GlyphComponent

    component = GlyphComponent()
    component.glyphName, component.x, component.y, component.flags = "u0041", 0, 0, 0
    glyph = Glyph()
    glyph.numberOfContours, glyph.components = -1, [component]
    glyph.xMin = glyph.yMin = glyph.xMax = glyph.yMax = 0
    font.recalcBBoxes = False
    font["glyf"].glyphs["u0041"] = glyph
    font["maxp"].recalc = lambda _: None
    output = io.BytesIO()
    font.save(output)
    made = embed(parse_font(output.getvalue(), packaged_serif(), "endless"), "A")
    assert set(made.glyphs) == {"A"}
