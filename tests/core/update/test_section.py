"""The cross-reference section leads to every object, whatever their numbers are."""

from __future__ import annotations

import io

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kyso.document.opening import open_letter
from kyso.errors import InputRefused
from kyso.update.objects import date_string, real, text_string
from kyso.update.section import MAX_OBJECT_NUMBER, LeanSection
from tests.core.update import shapes
from tests.core.update.signed import SIGNED_AT

TABLE = shapes.built(object_stream_mode=pikepdf.ObjectStreamMode.disable)
STREAM = shapes.built(object_stream_mode=pikepdf.ObjectStreamMode.generate)


@pytest.mark.parametrize("original", [TABLE, STREAM], ids=["table", "stream"])
@settings(max_examples=40, deadline=None)
@given(
    numbers=st.lists(st.integers(min_value=1, max_value=400), unique=True, max_size=12),
    streams=st.lists(st.binary(max_size=200), max_size=6),
)
def test_every_object_is_found(original: bytes, numbers: list[int], streams: list[bytes]) -> None:
    """Objects with gaps between their numbers and streams of any content read back, without a qpdf warning."""
    with open_letter(original) as letter:
        first_new = letter.highest_object_number + 1
        section = LeanSection(letter)
        made: dict[int, bytes] = {}
        for content in streams:
            number = section.new()
            section.put((number, 0), b"<< /Length %d >>" % len(content), content)
            made[number] = content
        reserved = [section.new() for _ in range(400)]
        for offset in numbers:
            section.put((reserved[offset - 1], 0), b"[ %d (text) ]" % offset)
        signature = section.new()
        section.put_signature(signature, b"/Type /Sig ", 16)
        data, byte_range = section.finish()
    whole = original + data
    assert byte_range[2] + byte_range[3] == len(whole)
    with pikepdf.open(io.BytesIO(whole), attempt_recovery=False) as pdf:
        assert pdf.trailer.Size >= signature + 1 > first_new
        for number, content in made.items():
            assert pdf.get_object(number, 0).read_raw_bytes() == content
        for offset in numbers:
            assert pdf.get_object(reserved[offset - 1], 0)[0] == offset
        assert [int(value) for value in pdf.get_object(signature, 0).ByteRange] == list(byte_range)
        assert not [warning for warning in pdf.get_warnings() if "reported number of objects" not in warning]


def test_numbers_that_leave_no_room_are_refused() -> None:
    """A file that claims the highest object number there can be is refused, not wrapped around."""
    with open_letter(TABLE) as letter:
        section = LeanSection(letter)
        section._next = MAX_OBJECT_NUMBER + 1
        with pytest.raises(InputRefused) as refused:
            section.new()
    assert refused.value.code == "document.damaged"


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_text_strings_read_back(text: str) -> None:
    """Any text survives being written as a PDF text string."""
    parsed = pikepdf.Object.parse(text_string(text))
    assert str(parsed) == text


@settings(max_examples=200, deadline=None)
@given(value=st.floats(min_value=-1e6, max_value=1e6))
def test_numbers_have_no_exponent_and_four_decimals(value: float) -> None:
    """Coordinates are exact to a ten-thousandth of a point and never in a form that PDF does not know."""
    written = real(value)
    assert set(written) <= set(b"-.0123456789")
    assert float(written) == pytest.approx(value, abs=5.1e-5)


def test_dates_carry_their_zone() -> None:
    """/M says the local time with its distance from UTC (ISO 32000-2, 7.9.4)."""
    assert date_string(SIGNED_AT) == b"(D:20260315093000+07'00')"
    with pytest.raises(ValueError, match="time zone"):
        date_string(SIGNED_AT.replace(tzinfo=None))
