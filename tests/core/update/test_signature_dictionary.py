"""What stands in the signature dictionary, the field and the widget."""

from __future__ import annotations

import pikepdf
import pytest

from kyso.document.opening import open_letter
from kyso.errors import SigningRefused
from kyso.geometry import RectMm
from tests.core.update import shapes
from tests.core.update.signed import PLACE, plan, prepare, sign

LETTER = shapes.built(object_stream_mode=pikepdf.ObjectStreamMode.disable)


def test_the_signature_dictionary_is_a_pades_one() -> None:
    """All entries of a baseline signature are there, and nothing that PAdES forbids (EN 319 142-1, 6.3)."""
    with open_letter(sign(LETTER)) as letter:
        (field,) = letter.form.signature_fields
        value = field.value
        assert value is not None
        assert value.Type == "/Sig"
        assert value.Filter == "/Adobe.PPKLite"
        assert value.SubFilter == "/ETSI.CAdES.detached"
        assert str(value.M) == "D:20260315093000+07'00'"
        assert str(value.Name) == "Nguyễn Văn Mẫu"
        assert str(value.Reason) == "Phê duyệt"
        assert str(value.Location) == "Hà Nội"
        assert value.Prop_Build.App.Name == "/kyso"
        assert field.policy == "decree30.leader"
        assert "/Cert" not in value
        assert "/Reference" not in value


def test_what_was_not_given_is_not_written() -> None:
    """Without reason, place and alternative text those entries are missing, not empty."""
    signed = sign(LETTER, reason=None, location=None, alternative_text=None)
    with open_letter(signed) as letter:
        (field,) = letter.form.signature_fields
        assert field.value is not None
        assert not {"/Reason", "/Location", "/Reference"} & set(field.value.keys())
        assert "/TU" not in field.node


def test_the_byte_range_leaves_out_contents_and_nothing_else() -> None:
    """/ByteRange covers the file but for the hexadecimal string with its angle brackets (ISO 32000-2, 12.8.1)."""
    update = prepare(LETTER, plan(contents_size=5000))
    whole = LETTER + update.data
    start, length, after, rest = update.byte_range
    assert start == 0
    assert whole[length : length + 1] == b"<"
    assert whole[after - 1 : after] == b">"
    assert set(whole[length + 1 : after - 1]) == {ord("0")}
    assert after - length == 2 * 5000 + 2
    assert after + rest == len(whole)
    assert b"[0 %d %d %d]" % (length, after, rest) in update.data


@pytest.mark.parametrize("text", ["plain", "in (brackets) \\ here", "Ủy ban nhân dân", "😀", "line\nbreak", ""])
def test_texts_read_back_as_they_were_given(text: str) -> None:
    """ASCII, Vietnamese, characters beyond the BMP and control characters survive."""
    with open_letter(sign(LETTER, reason=text or None, signer_name=text or "x")) as letter:
        (field,) = letter.form.signature_fields
        assert field.value is not None
        assert str(field.value.Name) == (text or "x")
        if text:
            assert str(field.value.Reason) == text


def test_a_visible_widget_prints_and_is_locked() -> None:
    """The widget shows the appearance on the asked page, at the asked place, and is read aloud by its /TU."""
    with open_letter(sign(LETTER, page=2)) as letter:
        (info,) = letter.signature_fields
        (field,) = letter.form.signature_fields
        node = field.node
        assert info.page == 2
        assert info.rect_mm is not None
        assert info.rect_mm.as_tuple() == pytest.approx(PLACE.as_tuple(), abs=1e-3)
        assert node.F == 132
        assert node.FT == "/Sig"
        assert list(node.AP.keys()) == ["/N"]
        assert str(node.TU) == "Chữ ký số của Nguyễn Văn Mẫu"
        assert node.P.objgen == letter.page_node(2).object_id
        assert letter.widgets_mm(2)[0].as_tuple() == pytest.approx(PLACE.as_tuple(), abs=1e-3)


def test_an_invisible_widget_has_no_area_and_no_appearance() -> None:
    """An invisible signature still has its widget on the page (PDF/A wants /F Print), and draws nothing."""
    with open_letter(sign(LETTER, rect_mm=None)) as letter:
        (info,) = letter.signature_fields
        (field,) = letter.form.signature_fields
        assert info.page == 1
        assert info.rect_mm is None
        assert [int(value) for value in field.node.Rect] == [0, 0, 0, 0]
        assert field.node.F == 132
        assert "/AP" not in field.node
        assert letter.widgets_mm(1) == ()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_appearance_stands_upright_on_a_turned_page(rotation: int) -> None:
    """On a page with /Rotate the widget is where the reader was promised, and the form's /Matrix turns it back."""

    def turned(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj.Rotate = rotation

    with open_letter(sign(shapes.built(turned))) as letter:
        (info,) = letter.signature_fields
        (field,) = letter.form.signature_fields
        assert info.rect_mm is not None
        assert info.rect_mm.as_tuple() == pytest.approx(PLACE.as_tuple(), abs=1e-3)
        matrix = tuple(float(value) for value in field.node.AP.N.Matrix)
        assert matrix == letter.page(1).upright_matrix


def test_default_names_are_unique_and_padded() -> None:
    """New fields are Kyso_0001, Kyso_0002 ...; a name in use is skipped."""

    def taken(pdf: pikepdf.Pdf) -> None:
        shapes.empty_field("Kyso_0002")(pdf)

    once = sign(shapes.built(taken))
    twice = sign(once)
    with open_letter(twice) as letter:
        assert [field.name for field in letter.signature_fields] == ["Kyso_0002", "Kyso_0003", "Kyso_0004"]
        assert letter.signature_count == 2
    assert prepare(twice, plan()).signature_number == 3


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("note", "signing.field_not_for_signatures"),
        ("new.field", "signing.field_name"),
        ("  ", "signing.field_name"),
        ("lock", "signing.field_signed"),
    ],
)
def test_a_name_that_cannot_be_signed_is_refused(name: str, code: str) -> None:
    """Another field's name, a dotted new name, an empty one and a signed field are each refused with their reason."""
    signed = sign(shapes.built(shapes.text_and_signature_fields), field="lock")
    with pytest.raises(SigningRefused) as refused:
        sign(signed, field=name)
    assert refused.value.code == code


def test_a_new_field_takes_the_wished_name() -> None:
    """A name that is free becomes the new field's, also in Vietnamese."""
    update = prepare(LETTER, plan(field="Chữ ký lãnh đạo", rect_mm=RectMm(10, 10, 20, 10)))
    assert update.field == "Chữ ký lãnh đạo"
