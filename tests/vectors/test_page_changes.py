"""Pages changed after signing: content, resources, boxes, order. None of it may be called unchanged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import DemoPki
from tests.vectors.making import changes, drawing, generic, page, pdf_name, reasons, update, verify


def _append_content(writer: IncrementalPdfFileWriter) -> None:
    where = page(writer)
    old = where.raw_get("/Contents")
    where["/Contents"] = generic.ArrayObject([old, writer.add_object(drawing())])


def _replace_content_stream(writer: IncrementalPdfFileWriter) -> None:
    stream = page(writer)["/Contents"]
    stream = stream[0].get_object() if isinstance(stream, generic.ArrayObject) else stream
    stream._data = b"BT ET"
    stream._encoded_data = None
    writer.update_container(stream)


def _replace_font(writer: IncrementalPdfFileWriter) -> None:
    fonts = page(writer)["/Resources"]["/Font"]
    for name in list(fonts.keys()):
        fonts[name] = writer.add_object(
            generic.DictionaryObject(
                {
                    pdf_name("/Type"): pdf_name("/Font"),
                    pdf_name("/Subtype"): pdf_name("/Type1"),
                    pdf_name("/BaseFont"): pdf_name("/ZapfDingbats"),
                }
            )
        )
    writer.update_container(fonts)


def _rotate(writer: IncrementalPdfFileWriter) -> None:
    page(writer)["/Rotate"] = generic.NumberObject(180)


def _crop(writer: IncrementalPdfFileWriter) -> None:
    page(writer)["/CropBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 400, 595, 842)))


def _kids(writer: IncrementalPdfFileWriter) -> generic.ArrayObject:
    pages = writer.root["/Pages"]
    writer.update_container(pages)
    found: generic.ArrayObject = pages["/Kids"]
    return found


def _reorder(writer: IncrementalPdfFileWriter) -> None:
    _kids(writer).reverse()


def _remove(writer: IncrementalPdfFileWriter) -> None:
    del _kids(writer)[0]
    writer.root["/Pages"]["/Count"] = generic.NumberObject(1)


def _add(writer: IncrementalPdfFileWriter) -> None:
    new = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Page"),
            pdf_name("/Parent"): writer.root.raw_get("/Pages"),
            pdf_name("/MediaBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 595, 842))),
            pdf_name("/Contents"): writer.add_object(drawing()),
        }
    )
    _kids(writer).append(writer.add_object(new))
    writer.root["/Pages"]["/Count"] = generic.NumberObject(3)


def _replace_page_by_appended_body(writer: IncrementalPdfFileWriter) -> None:
    where = page(writer)
    where["/Contents"] = writer.add_object(drawing())


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (_append_content, "change.page_content"),
        (_replace_content_stream, "change.page_content"),
        (_replace_page_by_appended_body, "change.page_content"),
        (_replace_font, "change.page_resources"),
        (_rotate, "change.page_rotated"),
        (_crop, "change.page_box"),
        (_reorder, "change.pages_reordered"),
        (_remove, "change.page_removed"),
        (_add, "change.page_added"),
    ],
)
def test_a_changed_page_is_forbidden_and_named(
    signed: bytes, pki: DemoPki, edit: Callable[[IncrementalPdfFileWriter], None], code: str
) -> None:
    """An update that touches a page leaves the signature intact, but the letter invalid, and says what was touched."""
    report = verify(update(signed, edit), pki)
    assert report.integrity == "intact"
    assert report.changes == "forbidden"
    assert report.verdict == "invalid"
    assert code in changes(report)
    assert "change.forbidden" in reasons(report.signatures[0])


def test_a_later_signature_does_not_launder_a_changed_page(signed: bytes, pki: DemoPki) -> None:
    """A page changed between two signatures is held against the first, though the second covers the whole file."""
    from tests.vectors.making import sign, signer_of

    report = verify(sign(update(signed, _rotate), signer_of(pki, "seal"), "Seal"), pki)
    assert [s.changes for s in report.signatures] == ["forbidden", "none"]
    assert [s.verdict for s in report.signatures] == ["invalid", "valid"]
    assert report.verdict == "invalid"
