"""The update fits files of every structure, and each judge accepts the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from kyso.document.opening import open_letter
from kyso.geometry import RectMm
from tests.core.update import shapes
from tests.core.update.signed import assert_valid, sign

OBJECT_STREAMS = {"object_stream_mode": pikepdf.ObjectStreamMode.generate}
PLAIN = {"object_stream_mode": pikepdf.ObjectStreamMode.disable}

SHAPES: dict[str, Callable[[], bytes]] = {
    "plain": lambda: shapes.built(**PLAIN),
    "object streams": lambda: shapes.built(shapes.indirect_annotations, **OBJECT_STREAMS),
    "linearised": lambda: shapes.built(shapes.direct_annotations, linearize=True),
    "linearised with object streams": lambda: shapes.built(shapes.direct_form, linearize=True, **OBJECT_STREAMS),
    "indirect annotations": lambda: shapes.built(shapes.indirect_annotations, **PLAIN),
    "direct annotations": lambda: shapes.built(shapes.direct_annotations, **PLAIN),
    "inherited attributes": lambda: shapes.built(shapes.inherited_attributes, **PLAIN),
    "direct form": lambda: shapes.built(shapes.direct_form, **PLAIN),
    "indirect form": lambda: shapes.built(shapes.indirect_form, **PLAIN),
    "form without fields": lambda: shapes.built(shapes.form_without_fields, **PLAIN),
    "text fields": lambda: shapes.built(shapes.text_and_signature_fields, **PLAIN),
    "PDF 2.0": lambda: shapes.built(force_version="2.0", **PLAIN),
    "no identifier": shapes.no_id,
    "hybrid": shapes.hybrid,
    "generation numbers": lambda: shapes.by_hand(
        shapes.minimal(pages=b"<< /Type /Pages /Kids [ 3 7 R ] /Count 1 >>"), generations={3: 7}
    ),
    "no newline at the end": lambda: shapes.built(**PLAIN).rstrip(b"\r\n"),
    "carriage return at the end": lambda: shapes.built(**PLAIN).rstrip(b"\n") + b"\r",
    "bytes after the end": lambda: shapes.built(**PLAIN) + b"\n\x00 left over",
    "annotations that lead to nothing": lambda: _page(b"/Annots [ 99 0 R null ]"),
    "annotations in an object, leading to nothing": lambda: _page(b"/Annots 4 0 R", {4: b"[ 99 0 R ]"}),
    "annotations that are none": lambda: _page(b"/Annots << >>"),
    "a page without type": lambda: _page(b"").replace(b"/Type /Page /Parent", b" " * 12 + b"/Parent"),
    "a page without type, its annotations apart": lambda: _page(b"/Annots 4 0 R", {4: b"[ ]"}).replace(
        b"/Type /Page /Parent", b" " * 12 + b"/Parent"
    ),
    "fields that lead to nothing": lambda: shapes.by_hand(
        shapes.minimal(catalog=b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [ 99 0 R ] >> >>")
    ),
    "form that leads to nothing": lambda: shapes.by_hand(
        shapes.minimal(catalog=b"<< /Type /Catalog /Pages 2 0 R /AcroForm 99 0 R >>")
    ),
    "white space before xref": lambda: _startxref_moved(shapes.by_hand(shapes.minimal()), -1),
}


def _page(entries: bytes, further: dict[int, bytes] | None = None) -> bytes:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 595 842 ] /Resources << >> %b >>" % entries
    return shapes.by_hand({**shapes.minimal(page=page), **(further or {})})


def _startxref_moved(data: bytes, by: int) -> bytes:
    position = data.rindex(b"startxref\n") + len(b"startxref\n")
    end = data.index(b"\n", position)
    return data[:position] + b"%d" % (int(data[position:end]) + by) + data[end:]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("visible", [True, False], ids=["visible", "invisible"])
def test_two_signatures_one_after_the_other_are_valid(shape: str, visible: bool, tmp_path: Path) -> None:
    """Both signatures verify in pdfsig and pyHanko, qpdf finds no new fault, and the original is the beginning."""
    original = SHAPES[shape]()
    once = sign(original) if visible else sign(original, rect_mm=None)
    assert_valid(original, once, tmp_path)
    twice = sign(once, rect_mm=RectMm(90.0, 60.0, 30.0, 15.0)) if visible else sign(once, rect_mm=None)
    assert_valid(once, twice, tmp_path, count=2)


@pytest.mark.parametrize(
    ("shape", "form"),
    [("plain", "table"), ("object streams", "stream"), ("hybrid", "hybrid"), ("linearised", "table")],
)
def test_the_update_has_the_form_of_the_newest_section(shape: str, form: str) -> None:
    """A table is followed by a table, a stream by a stream, a hybrid file by a table."""
    original = SHAPES[shape]()
    with open_letter(original) as letter:
        assert letter.xref_form == form
    with open_letter(sign(original)) as letter:
        assert letter.xref_form == ("stream" if form == "stream" else "table")


@pytest.mark.parametrize("certify", [1, 2, 3])
def test_a_certification_is_valid_and_named_in_the_catalog(certify: int, tmp_path: Path) -> None:
    """A certification signature carries its DocMDP permission and pyHanko accepts it."""
    original = SHAPES["plain"]()
    certified = sign(original, certify=certify)
    assert_valid(original, certified, tmp_path)
    with open_letter(certified) as letter:
        assert letter.docmdp == certify
        assert letter.root.Perms.DocMDP.objgen == letter.form.signature_fields[0].value.objgen  # type: ignore[union-attr]


@pytest.mark.parametrize("visible", [True, False], ids=["visible", "invisible"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Ký", shapes.empty_field("Ký")),
        ("Ký", shapes.empty_field("Ký", Rect=pikepdf.Array([0, 0, 0, 0]))),
        ("a.b", shapes.nested_field),
        ("Bare", shapes.field_without_widget),
    ],
    ids=["merged", "merged without area", "nested with its own widget", "without widget"],
)
@pytest.mark.parametrize("saving", [PLAIN, OBJECT_STREAMS], ids=["table", "stream"])
def test_an_existing_empty_field_is_filled(
    name: str, change: Callable[[pikepdf.Pdf], None], saving: dict[str, object], visible: bool, tmp_path: Path
) -> None:
    """The field gets the signature, no second field appears, and every judge finds it."""
    original = shapes.built(change, **saving)
    signed = sign(original, field=name) if visible else sign(original, field=name, rect_mm=None)
    assert_valid(original, signed, tmp_path)
    with open_letter(signed) as letter:
        assert [(field.name, field.signed) for field in letter.signature_fields] == [(name, True)]


def test_a_filled_field_keeps_its_place() -> None:
    """An empty field with a rectangle keeps it, whatever place was asked for."""
    original = shapes.built(shapes.empty_field("Ký"), **PLAIN)
    with open_letter(original) as before, open_letter(sign(original, field="Ký")) as after:
        assert after.signature_fields[0].rect_mm == before.signature_fields[0].rect_mm
        assert after.signature_fields[0].page == 2


def test_a_field_with_a_lock_freezes_what_it_says(tmp_path: Path) -> None:
    """Filling a field with /Lock writes the FieldMDP reference that the field demands."""
    original = shapes.built(shapes.with_lock("Include", "a", "note"), **PLAIN)
    signed = sign(original, field="lock")
    assert_valid(original, signed, tmp_path)
    with open_letter(signed) as letter:
        (lock,) = letter.field_locks
        assert (lock.action, lock.fields, lock.signed_by) == ("Include", ("a", "note"), "lock")


def test_the_form_keeps_its_other_entries() -> None:
    """/DA, /NeedAppearances and a form's own flags survive; /SigFlags gains bits and loses none."""
    with open_letter(sign(shapes.built(shapes.direct_form, **PLAIN))) as letter:
        form = letter.form.acroform
        assert form is not None
        assert str(form.DA) == "/Helv 0 Tf"
        assert form.NeedAppearances is True
    with open_letter(sign(shapes.built(shapes.indirect_form, **PLAIN))) as letter:
        form = letter.form.acroform
        assert form is not None
        assert form.SigFlags == 7


def test_the_trailer_keeps_its_entries_and_renews_its_identifier() -> None:
    """/Info and private entries stay, the first /ID element stays, the second is fresh in every update."""
    original = shapes.by_hand(
        {**shapes.minimal(), 4: b"<< /Title (T) >>"}, trailer=b"/Info 4 0 R /Private (x) /ID [ <AA> <BB> ]"
    )
    once = sign(original)
    twice = sign(once)
    with open_letter(once) as first, open_letter(twice) as second:
        for letter in (first, second):
            assert str(letter.pdf.trailer.Info.Title) == "T"
            assert str(letter.pdf.trailer.Private) == "x"
            assert bytes(letter.pdf.trailer.ID[0]) == b"\xaa"
        assert len({bytes(letter.pdf.trailer.ID[1]) for letter in (first, second)} | {b"\xbb"}) == 3


def test_a_wrong_size_does_not_make_numbers_collide(tmp_path: Path) -> None:
    """New objects are numbered behind the highest one there is, where /Size claims fewer."""
    original = shapes.by_hand({**shapes.minimal(), 9: b"<< /Kept true >>"}, trailer=b"/Kept 9 0 R").replace(
        b"/Size 10", b"/Size 4 "
    )
    signed = sign(original)
    assert_valid(original, signed, tmp_path)
    with open_letter(signed) as letter:
        assert letter.pdf.trailer.Kept.Kept is True


def test_tagged_structure_is_left_alone() -> None:
    """The structure tree and the marks of a tagged file are not touched."""

    def tagged(pdf: pikepdf.Pdf) -> None:
        pdf.Root.MarkInfo = pikepdf.Dictionary(Marked=True)
        pdf.Root.StructTreeRoot = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot))

    with open_letter(sign(shapes.built(tagged, **PLAIN))) as letter:
        assert letter.root.MarkInfo.Marked is True
        assert letter.root.StructTreeRoot.Type == "/StructTreeRoot"
