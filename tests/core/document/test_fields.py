"""Signature fields are found wherever a form or a page keeps them."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from kyso.document.fitness import check_fitness
from kyso.document.opening import open_letter
from kyso.errors import InputRefused
from tests.core.update import shapes
from tests.core.update.signed import sign


def fields(data: bytes) -> list[tuple[str, bool, int | None]]:
    """Return (name, signed, page) of every signature field."""
    with open_letter(data) as letter:
        return [(field.name, field.signed, field.page) for field in letter.signature_fields]


def test_a_letter_without_a_form_has_no_fields() -> None:
    """No form, no fields, no signatures."""
    with open_letter(shapes.built()) as letter:
        assert letter.signature_fields == ()
        assert letter.signature_count == 0
        assert letter.docmdp is None
        assert letter.field_locks == ()


def test_merged_nested_and_bare_fields_are_found() -> None:
    """A merged field, a nested one with its own widget, and one without any widget."""
    assert fields(shapes.built(shapes.empty_field("Ký"))) == [("Ký", False, 2)]
    assert fields(shapes.built(shapes.nested_field)) == [("a.b", False, 1)]
    assert fields(shapes.built(shapes.field_without_widget)) == [("Bare", False, None)]


def test_other_fields_are_not_signature_fields() -> None:
    """Text fields are passed over; their names stay taken."""
    with open_letter(shapes.built(shapes.text_and_signature_fields)) as letter:
        assert [field.name for field in letter.signature_fields] == ["a", "ab", "lock"]
        assert letter.form.names == {"note"}
        assert letter.form.top_names == {"note", "a", "ab", "lock"}


def test_a_place_is_given_in_display_space() -> None:
    """The rectangle is in millimetres from the top left of the visible page, after crop and rotation."""

    def change(pdf: pikepdf.Pdf) -> None:
        shapes.empty_field("Ký")(pdf)
        pdf.pages[1].obj.CropBox = Array([50, 50, 550, 800])
        pdf.pages[1].obj.Rotate = 90

    with open_letter(shapes.built(change)) as letter:
        (field,) = letter.signature_fields
        assert field.rect_mm is not None
        mm = 25.4 / 72
        assert field.rect_mm.as_tuple() == pytest.approx((50 * mm, 50 * mm, 50 * mm, 100 * mm))


def test_a_widget_without_a_page_entry_is_found_on_its_page() -> None:
    """/P is optional: the page whose /Annots lists the widget counts."""

    def change(pdf: pikepdf.Pdf) -> None:
        shapes.empty_field("Ký")(pdf)
        del pdf.Root.AcroForm.Fields[0]["/P"]

    assert fields(shapes.built(change)) == [("Ký", False, 2)]


@pytest.mark.filterwarnings("ignore:This document has 1 form widget")
def test_a_widget_that_no_form_lists_is_found() -> None:
    """A signature widget that only its page knows is reported, last."""

    def change(pdf: pikepdf.Pdf) -> None:
        shapes.empty_field("listed")(pdf)
        orphan = shapes.widget(pdf, FT=Name.Sig, T=String("orphan"))
        pdf.pages[0].obj.Annots = Array([orphan])

    data = shapes.built(change)
    assert fields(data) == [("listed", False, 2), ("orphan", False, 1)]
    with open_letter(data) as letter:
        assert [field.in_form for field in letter.form.signature_fields] == [True, False]


def test_a_signed_field_tells_its_policy() -> None:
    """The policy that kyso wrote into the signature is read back; another program's signature has none."""
    with open_letter(sign(shapes.built(), policy="decree30.seal")) as letter:
        assert [field.policy for field in letter.signature_fields] == ["decree30.seal"]
    with open_letter(sign(shapes.built(), policy="")) as letter:
        assert [field.policy for field in letter.signature_fields] == [None]


def test_cycles_in_the_form_end() -> None:
    """A field that is its own kid, and two that are each other's, are visited once; such a letter is not signed."""

    def change(pdf: pikepdf.Pdf) -> None:
        own = pdf.make_indirect(Dictionary(T=String("own"), FT=Name.Sig))
        own.Kids = Array([own])
        left = pdf.make_indirect(Dictionary(T=String("left")))
        right = pdf.make_indirect(Dictionary(T=String("right"), Kids=Array([left])))
        left.Kids = Array([right])
        pdf.Root.AcroForm = Dictionary(Fields=Array([own, left, own]))

    with open_letter(shapes.built(change)) as letter:
        assert letter.signature_count == 0
        assert letter.form.top_names == {"own", "left"}
        (finding,) = check_fitness(letter, field=None, visible=True)
        assert (finding.code, finding.refuse) == ("document.form_cyclic", True)


def test_a_bottomless_form_is_refused() -> None:
    """A form nested deeper than any real one is refused with a reason."""

    def change(pdf: pikepdf.Pdf) -> None:
        field = pdf.make_indirect(Dictionary(T=String("x"), FT=Name.Sig))
        for _ in range(100):
            field = pdf.make_indirect(Dictionary(T=String("x"), Kids=Array([field])))
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]))

    with pytest.raises(InputRefused) as refused, open_letter(shapes.built(change)) as letter:
        _ = letter.signature_fields
    assert refused.value.code == "document.form_too_large"


@pytest.mark.parametrize(
    "acroform",
    [b"null", b"17", b"[ ]", b"<< >>", b"<< /Fields 4 >>", b"<< /Fields [ 1 null (x) << >> ] /SigFlags (y) >>"],
)
def test_a_malformed_form_is_no_form(acroform: bytes) -> None:
    """Whatever stands in place of the form or its fields, there are no fields in it, and the letter can be signed."""
    data = shapes.by_hand(shapes.minimal(catalog=b"<< /Type /Catalog /Pages 2 0 R /AcroForm %b >>" % acroform))
    with open_letter(data) as letter:
        assert letter.signature_fields == ()
    assert fields(sign(data)) == [("Kyso_0001", True, 1)]


@pytest.mark.filterwarnings("ignore:This document has 4 form widget")
def test_visible_annotations_are_listed_and_hidden_ones_are_not() -> None:
    """Squares and widgets take up space; hidden ones, pop-ups, links and empty rectangles do not."""

    def change(pdf: pikepdf.Pdf) -> None:
        annotations = [
            shapes.square(pdf),
            shapes.widget(pdf, F=2),
            shapes.widget(pdf, F=32),
            shapes.widget(pdf, Rect=Array([0, 0, 0, 0])),
            shapes.widget(pdf, Subtype=Name.Popup),
            shapes.widget(pdf, Subtype=Name.Link),
            shapes.widget(pdf, Rect=Array([200, 300, 100, 250])),
        ]
        pdf.pages[0].obj.Annots = Array(annotations)

    with open_letter(shapes.built(change)) as letter:
        rects = letter.widgets_mm(1)
        assert [(round(rect.width, 2), round(rect.height, 2)) for rect in rects] == [(7.06, 7.06), (35.28, 17.64)]
        assert letter.widgets_mm(2) == ()
