"""Shadow attacks: content prepared before signing and switched on after it (hide, replace, hide and replace)."""

from __future__ import annotations

import io

import pikepdf
import pytest
from pyhanko.sign import fields

from kyso.demo.pki import DemoPki
from tests.vectors.making import changes, generic, page, pdf_name, pdf_string, sign, signer_of, update, verify


@pytest.fixture(scope="module")
def overlay_signed(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """A signed letter whose page draws a white form over forged text: the leader saw only the white."""
    with pikepdf.open(io.BytesIO(letter_pdf)) as pdf:
        first = pdf.pages[0]
        white = pdf.make_stream(
            b"1 g 90 380 300 60 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 600, 850]
        )
        name = first.add_resource(white, pikepdf.Name.XObject)
        first.contents_add(b"BT /F1 40 Tf 100 400 Td (9.000.000.000) Tj ET %b Do" % str(name).encode())
        out = io.BytesIO()
        pdf.save(out)
    return sign(out.getvalue(), signer_of(pki))


def test_hiding_the_overlay_is_forbidden(overlay_signed: bytes, pki: DemoPki) -> None:
    """Emptying the covering form in an update uncovers what the signer never saw."""

    def uncover(writer: object) -> None:
        forms = page(writer)["/Resources"]["/XObject"]  # type: ignore[arg-type] # pyHanko's writer
        for name in list(forms):
            stream = forms[name]
            stream._data = b" "
            stream._encoded_data = None
            writer.update_container(stream)  # type: ignore[attr-defined]

    assert verify(overlay_signed, pki).verdict == "valid"
    report = verify(update(overlay_signed, uncover), pki)
    assert report.verdict == "invalid"
    assert report.integrity == "intact"
    assert "change.page_resources" in changes(report)


@pytest.fixture(scope="module")
def form_signed(form: bytes, pki: DemoPki) -> bytes:
    """The letter with the amount, signed."""
    return sign(form, signer_of(pki))


@pytest.fixture(scope="module")
def form(letter_pdf: bytes) -> bytes:
    """A letter with a text field that shows an amount."""
    with pikepdf.open(io.BytesIO(letter_pdf)) as pdf:
        look = pdf.make_stream(
            b"BT /Helv 12 Tf 0 0 Td (1.000) Tj ET",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 100, 20],
        )
        field = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Tx,
                T="Amount",
                V="1.000",
                Rect=[100, 300, 200, 320],
                F=4,
                AP=pikepdf.Dictionary(N=look),
                P=pdf.pages[0].obj,
            )
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array([field]))
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()


def _amount(writer: object) -> generic.DictionaryObject:
    for item in writer.root["/AcroForm"]["/Fields"]:  # type: ignore[attr-defined] # pyHanko's writer
        field = item.get_object()
        if field["/T"] == "Amount":
            writer.update_container(field)  # type: ignore[attr-defined]
            return field
    raise AssertionError("no field")


def test_redrawing_a_field_without_its_value_is_forbidden(form_signed: bytes, pki: DemoPki) -> None:
    """A field that still says 1.000 but is drawn as 9.000 is the replace attack on forms."""

    def redraw(writer: object) -> None:
        stream = _amount(writer)["/AP"]["/N"]
        stream._data = b"BT /Helv 12 Tf 0 0 Td (9.000) Tj ET"
        stream._encoded_data = None
        writer.update_container(stream)  # type: ignore[attr-defined]

    report = verify(update(form_signed, redraw), pki)
    assert report.verdict == "invalid"
    assert "change.field_appearance" in changes(report)


def test_filling_a_field_after_an_approval_is_undetermined(form_signed: bytes, pki: DemoPki) -> None:
    """A filled field is named; without a certification that allows it the letter is not simply valid."""

    def fill(writer: object) -> None:
        _amount(writer)["/V"] = pdf_string("2.000")

    report = verify(update(form_signed, fill), pki)
    assert report.changes == "form_filling"
    assert report.verdict == "undetermined"
    assert "change.field_filled" in changes(report)


@pytest.mark.parametrize(("locked", "changes_are"), [("Amount", "forbidden"), ("Another", "form_filling")])
def test_a_locked_field_stays_as_it_is(form: bytes, pki: DemoPki, locked: str, changes_are: str) -> None:
    """FieldMDP: a field that the signature froze may not be filled; another one is judged as usual."""
    lock = fields.FieldMDPSpec(fields.FieldMDPAction.INCLUDE, fields=[locked])

    def fill(writer: object) -> None:
        _amount(writer)["/V"] = pdf_string("2.000")

    report = verify(update(sign(form, signer_of(pki), lock=lock), fill), pki)
    assert report.changes == changes_are


def test_many_permitted_changes_do_not_bury_a_forbidden_one(signed: bytes, pki: DemoPki) -> None:
    """Three hundred empty signature fields in front of a rotated page do not push it off the list."""

    def bury(writer: object) -> None:
        for number in range(300):
            fields.append_signature_field(writer, fields.SigFieldSpec(f"F{number}"))  # type: ignore[arg-type] # pyHanko's writer
        page(writer, 2)["/Rotate"] = generic.NumberObject(90)  # type: ignore[arg-type]

    report = verify(update(signed, bury), pki)
    assert report.verdict == "invalid"
    assert "change.page_rotated" in changes(report)


def test_swapping_in_a_prepared_page_tree_is_forbidden(letter_pdf: bytes, pki: DemoPki) -> None:
    """Hide and replace: a second page tree lies ready unreferenced; the update only points the catalog at it."""
    with pikepdf.open(io.BytesIO(letter_pdf)) as pdf:
        shadow_page = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Page,
                MediaBox=[0, 0, 595, 842],
                Contents=pdf.make_stream(b"BT /F1 40 Tf 100 400 Td (9.000.000.000) Tj ET"),
            )
        )
        tree = pdf.make_indirect(
            pikepdf.Dictionary(Type=pikepdf.Name.Pages, Count=1, Kids=pikepdf.Array([shadow_page]))
        )
        shadow_page.Parent = tree
        pdf.Root.PieceInfo = pikepdf.Dictionary(Kept=tree)
        out = io.BytesIO()
        pdf.save(out)
    prepared = sign(out.getvalue(), signer_of(pki))
    assert verify(prepared, pki).verdict == "valid"

    def swap(writer: object) -> None:
        root = writer.root  # type: ignore[attr-defined] # pyHanko's writer
        root[pdf_name("/Pages")] = root["/PieceInfo"].raw_get("/Kept")
        writer.update_root()  # type: ignore[attr-defined]

    report = verify(update(prepared, swap), pki)
    assert report.verdict == "invalid"
    assert report.changes == "forbidden"


def test_an_appearance_that_serves_as_page_content_is_forbidden(letter_pdf: bytes, pki: DemoPki) -> None:
    """A stamp's appearance that the page also draws may not change when an empty field is signed."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    def prepare(writer: IncrementalPdfFileWriter) -> None:
        fields.append_signature_field(writer, fields.SigFieldSpec("Seal", box=(240, 80, 340, 180)))
        field = next(iter(writer.root["/AcroForm"]["/Fields"])).get_object()
        look = generic.StreamObject(
            {
                pdf_name("/Type"): pdf_name("/XObject"),
                pdf_name("/Subtype"): pdf_name("/Form"),
                pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 100, 100))),
            },
            stream_data=b"0 0 1 1 re f",
        )
        reference = writer.add_object(look)
        field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): reference})
        where = page(writer)
        resources = where["/Resources"]
        resources[pdf_name("/XObject")] = generic.DictionaryObject({pdf_name("/Stamp"): reference})
        writer.update_container(resources)

    signed = sign(update(letter_pdf, prepare), signer_of(pki))

    def redraw(writer: object) -> None:
        for item in writer.root["/AcroForm"]["/Fields"]:  # type: ignore[attr-defined] # pyHanko's writer
            field = item.get_object()
            if field["/T"] == "Seal":
                stream = field["/AP"]["/N"]
                stream._data = b"BT /F1 40 Tf 0 0 Td (9.000.000.000) Tj ET"
                stream._encoded_data = None
                writer.update_container(stream)  # type: ignore[attr-defined]

    report = verify(update(signed, redraw), pki)
    assert report.verdict == "invalid"
    assert "change.page_resources" in changes(report)


def _with_shared_drawing(letter: bytes, holder: str) -> bytes:
    """Return the letter with an empty field whose drawing is also kept somewhere else, or nowhere else."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields

    def prepare(writer: IncrementalPdfFileWriter) -> None:
        fields.append_signature_field(writer, fields.SigFieldSpec("Seal", box=(240, 80, 340, 180)))
        field = next(iter(writer.root["/AcroForm"]["/Fields"])).get_object()
        look = generic.StreamObject(
            {
                pdf_name("/Type"): pdf_name("/XObject"),
                pdf_name("/Subtype"): pdf_name("/Form"),
                pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 100, 100))),
            },
            stream_data=b"0 0 1 1 re f",
        )
        drawing = writer.add_object(look)
        appearance = writer.add_object(generic.DictionaryObject({pdf_name("/N"): drawing}))
        field[pdf_name("/AP")] = appearance
        if holder == "trailer":
            writer.set_custom_trailer_entry(pdf_name("/Kept"), appearance)
        elif holder == "catalog":
            writer.root[pdf_name("/Kept")] = appearance
            writer.update_root()
        elif holder == "catalog holds the stream":
            writer.root[pdf_name("/Kept")] = drawing
            writer.update_root()
        elif holder == "page":
            page(writer)[pdf_name("/Kept")] = appearance

    return update(letter, prepare)


@pytest.mark.parametrize("holder", ["trailer", "catalog", "catalog holds the stream", "page"])
def test_replacing_a_drawing_that_serves_elsewhere_is_forbidden(letter_pdf: bytes, pki: DemoPki, holder: str) -> None:
    """Filling an empty field may replace its drawing, but not one that something outside the form refers to."""
    signed = sign(_with_shared_drawing(letter_pdf, holder), signer_of(pki))
    assert verify(signed, pki).verdict == "valid"
    report = verify(sign(signed, signer_of(pki, "seal"), "Seal"), pki)
    assert report.verdict == "invalid"
    assert "change.appearance_shared" in changes(report)


def test_replacing_a_drawing_of_the_field_alone_is_permitted(letter_pdf: bytes, pki: DemoPki) -> None:
    """The same field whose drawing nothing else uses is signed without any alarm."""
    signed = sign(_with_shared_drawing(letter_pdf, "nothing"), signer_of(pki))
    report = verify(sign(signed, signer_of(pki, "seal"), "Seal"), pki)
    assert report.verdict == "valid"
    assert changes(report) - {"change.document_info"} == {"change.signature_added"}
