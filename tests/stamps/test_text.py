"""Text: normal form, coverage, measuring, wrapping, shrinking."""

from __future__ import annotations

import unicodedata

import numpy as np
import pypdfium2
import pytest

from kyso_stamps import StampError, StampSpec, TextItem
from kyso_stamps.draw import appearance_to_pdf, draw
from kyso_stamps.fonts import FontChoice, choose_face, embedded
from kyso_stamps.fontsearch import VIETNAMESE_LETTERS
from kyso_stamps.text import MAX_CHARACTERS, check_glyphs, clean_lines, fit, measure
from tests.stamps.rendering import available_fonts, rendered

SENTENCE = "Nguyễn Thị Lấp Lánh Ánh, Ủy ban nhân dân xã An Bình"


def spec(*lines: str, size_pt: float = 10, min_size_pt: float = 10, **more: object) -> StampSpec:
    """A stamp of one text in a large box."""
    return StampSpec(90, 40, (TextItem(lines, (5, 5, 80, 30), size_pt, min_size_pt, **more),))


def extracted(stamp: StampSpec, fonts: FontChoice | None = None) -> str:
    """Return the text that a reader copies out of the stamp."""
    document = pypdfium2.PdfDocument(appearance_to_pdf(draw(stamp, fonts or FontChoice())))
    text: str = document[0].get_textpage().get_text_bounded()
    document.close()
    return text


def test_decomposed_text_draws_like_composed_text() -> None:
    """NFD and NFC input give the same stamp, byte for byte."""
    decomposed = unicodedata.normalize("NFD", SENTENCE)
    assert decomposed != SENTENCE
    assert draw(spec(decomposed), FontChoice()) == draw(spec(SENTENCE), FontChoice())


@pytest.mark.parametrize("fonts", available_fonts())
def test_copied_text_is_what_was_written(fonts: FontChoice) -> None:
    """/ToUnicode gives back every letter, also where one glyph serves two characters (Đ and Ð)."""
    text = f"{SENTENCE} Đ Ð đ ð"
    assert extracted(spec(text), fonts).replace("\r\n", " ") == text


@pytest.mark.parametrize("fonts", available_fonts())
@pytest.mark.parametrize("bold", [False, True])
def test_every_vietnamese_letter_is_drawn(fonts: FontChoice, bold: bool) -> None:
    """Each of the 134 letters has ink of its own: none is empty, none is the box for a missing glyph."""
    assert len(set(VIETNAMESE_LETTERS)) == 134
    cell = 8.0
    pictures = _cells(fonts, VIETNAMESE_LETTERS, bold, cell)
    font = choose_face(fonts, bold=bold).font
    assert all(font.outline(font.cmap[ord(letter)]) != font.outline(0) for letter in VIETNAMESE_LETTERS)
    assert all(picture.any() for picture in pictures)
    distinct = {picture.tobytes() for picture in pictures}
    assert len(distinct) == 134


def _cells(fonts: FontChoice, letters: str, bold: bool, cell_mm: float) -> list[np.ndarray]:
    items = tuple(
        TextItem((letter,), (cell_mm * (place % 12), cell_mm * (place // 12), cell_mm, cell_mm), 14, 14, bold=bold)
        for place, letter in enumerate(letters)
    )
    rows = -(-len(letters) // 12)
    dark = rendered(StampSpec(cell_mm * 12, cell_mm * rows, items), fonts).pixels.min(axis=2) < 128
    step = dark.shape[1] / 12
    return [
        dark[round(row * step) : round(row * step) + int(step), round(column * step) : round(column * step) + int(step)]
        for row, column in (divmod(place, 12) for place in range(len(letters)))
    ]


def test_a_missing_glyph_is_named_before_anything_is_drawn() -> None:
    """The error lists each missing character with its code point and official name, and the font."""
    with pytest.raises(StampError) as caught:
        draw(spec("Hà Nội 漢", "∰ và 漢"), FontChoice())
    assert caught.value.code == "stamp.glyph_missing"
    assert caught.value.parameters["characters"] == [
        "∰ U+2230 VOLUME INTEGRAL",
        "漢 U+6F22 CJK UNIFIED IDEOGRAPH-6F22",
    ]
    assert choose_face(FontChoice()).label == caught.value.parameters["font"]
    with pytest.raises(StampError):
        check_glyphs(["漢"], FontChoice())
    check_glyphs([SENTENCE], FontChoice(), bold=True)


def test_invisible_characters_are_left_out() -> None:
    """Zero-width and bidirectional characters, which only change how others are shown, are dropped; tabs are spaces."""
    assert clean_lines(("A\u200bB\u202eC\ufeff\tD",)) == ("ABC D",)


def test_line_breaks_begin_lines() -> None:
    """A line break inside a line is a line break, in every notation."""
    assert clean_lines(("a\nb\r\nc\u2028d", "", "e")) == ("a", "b", "c", "d", "", "e")


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[31m", "x\u0331", "שלום", "\ue000", "\ud800"])
def test_what_cannot_be_drawn_faithfully_is_refused(text: str) -> None:
    """Control characters, marks without a composed letter, right-to-left scripts, private and broken code points."""
    with pytest.raises(StampError) as caught:
        draw(spec(text), FontChoice())
    assert caught.value.code == "stamp.character_refused"
    assert caught.value.parameters["characters"]


def test_too_much_text_is_refused_at_once() -> None:
    """A text of megabytes does not reach the layout."""
    with pytest.raises(StampError) as caught:
        draw(spec("a " * MAX_CHARACTERS), FontChoice())
    assert caught.value.code == "stamp.text_too_much"


def test_measured_width_is_the_drawn_width() -> None:
    """`measure` agrees with the ink of a text without side bearings to a tenth of a millimetre per letter."""
    width = measure("H" * 20, 12, FontChoice())
    ink = rendered(spec("H" * 20, size_pt=12, min_size_pt=12)).ink()
    assert ink[2] - ink[0] == pytest.approx(width, abs=0.3)
    assert measure("H" * 20, 12, FontChoice(), bold=True) > width
    assert measure("", 12, FontChoice()) == 0


def test_long_lines_wrap_at_spaces_and_lose_nothing() -> None:
    """A long name is wrapped between words, never cut."""
    item = TextItem((f"{SENTENCE} {SENTENCE}",), (0, 0, 40, 60), 11, 11)
    text = extracted(StampSpec(40, 60, (item,)))
    assert "\r\n" in text
    assert text.replace("\r\n", " ").split() == f"{SENTENCE} {SENTENCE}".split()


def test_text_shrinks_no_further_than_needed() -> None:
    """The size goes down in quarter points and stops at the first that fits."""
    font = embedded(choose_face(FontChoice()), frozenset(SENTENCE))
    fitted = fit((SENTENCE,), font, 150.0, 20.0, 14.0, 4.0, 1.2, False)
    widest = fitted.lines[0].width / 1000
    assert (14.0 - fitted.size_pt) % 0.25 == 0
    assert widest * fitted.size_pt <= 150.0 < widest * (fitted.size_pt + 0.25)


@pytest.mark.parametrize("wrap", [True, False])
def test_text_that_does_not_fit_at_its_smallest_is_refused(wrap: bool) -> None:
    """Nothing is clipped: the error tells the text, the box and the size that was tried last."""
    item = TextItem((SENTENCE,), (0, 0, 15, 4), 12, 9, wrap=wrap)
    with pytest.raises(StampError) as caught:
        draw(StampSpec(15, 4, (item,)), FontChoice())
    assert caught.value.code == "stamp.text_too_long"
    assert caught.value.parameters["size_pt"] == "9"
    assert caught.value.parameters["width_mm"] == "15.0"


def test_a_word_without_spaces_shrinks_instead_of_breaking() -> None:
    """A word is never broken, whatever `wrap` says."""
    text = "X" * 30
    assert extracted(StampSpec(40, 20, (TextItem((text,), (0, 0, 40, 20), 20, 3),))).strip() == text
