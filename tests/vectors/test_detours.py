"""Content exchanged by a detour: a second listing, a parent elsewhere, words for what the page shows, a circle."""

from __future__ import annotations

from typing import Any

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import DemoPki
from tests.vectors.making import (
    add_annotation,
    annotation,
    changes,
    drawing,
    generic,
    page,
    pdf_name,
    pdf_string,
    sign,
    signer_of,
    update,
    verify,
)


def _dictionary(**entries: Any) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name(f"/{key}"): value for key, value in entries.items()})


def test_a_note_listed_again_over_what_hid_it(letter_pdf: bytes, pki: DemoPki) -> None:
    """Two stamps lie one over the other when the letter is signed; listing the lower one again draws it on top."""

    def prepare(writer: IncrementalPdfFileWriter) -> None:
        add_annotation(writer, annotation("/Stamp"))
        add_annotation(writer, annotation("/Stamp"))

    def again(writer: IncrementalPdfFileWriter) -> None:
        where = page(writer)
        shown = where["/Annots"]
        where["/Annots"] = generic.ArrayObject([*shown, shown.raw_get(0)])

    report = verify(update(sign(update(letter_pdf, prepare), signer_of(pki)), again), pki)
    assert report.verdict == "undetermined"
    assert "change.annotations_reordered" in changes(report)


def test_a_page_that_inherits_from_a_note(letter_pdf: bytes, pki: DemoPki) -> None:
    """The page's /Parent is a note, which a certification allows to change: its resources are the page's."""

    def prepare(writer: IncrementalPdfFileWriter) -> None:
        note = annotation("/Text", MediaBox=generic.ArrayObject(map(generic.NumberObject, (0, 0, 595, 842))))
        add_annotation(writer, note)
        where = page(writer)
        where["/Parent"] = where["/Annots"].raw_get(-1)

    def swap(writer: IncrementalPdfFileWriter) -> None:
        note = page(writer)["/Annots"][-2]
        note["/MediaBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 595, 400)))
        writer.update_container(note)

    report = verify(update(sign(update(letter_pdf, prepare), signer_of(pki)), swap), pki)
    assert report.verdict == "invalid"
    assert report.changes == "forbidden"


def test_content_behind_a_circle_through_the_security_store(letter_pdf: bytes, pki: DemoPki) -> None:
    """A drawing that leads back to an entry of the security store, which may change, is compared all the same.

    The order in which entries are compared is not ours, so the forged picture stands in both places.
    """

    def prepare(writer: IncrementalPdfFileWriter) -> None:
        forged_at = [writer.add_object(drawing("q Q")) for _ in range(2)]
        entry, inner = drawing("q Q"), drawing("/Entry Do")
        entry_at, inner_at = writer.add_object(entry), writer.add_object(inner)
        entry[pdf_name("/Resources")] = _dictionary(
            XObject=_dictionary(A=forged_at[0], B=inner_at, C=forged_at[1]),
        )
        inner[pdf_name("/Resources")] = _dictionary(XObject=_dictionary(Entry=entry_at))
        writer.root["/DSS"] = writer.add_object(_dictionary(Certs=generic.ArrayObject([entry_at])))
        writer.update_root()
        resources = page(writer)["/Resources"]
        resources["/XObject"] = _dictionary(Inner=inner_at)
        writer.update_container(resources)

    signed = sign(update(letter_pdf, prepare), signer_of(pki))
    for which in ("/A", "/C"):

        def swap(writer: IncrementalPdfFileWriter, which: str = which) -> None:
            entry = writer.root["/DSS"]["/Certs"][0]
            forged = entry["/Resources"]["/XObject"][which]
            forged._data = forged._encoded_data = b"BT /F1 40 Tf 100 400 Td (9.000.000.000) Tj ET"
            writer.update_container(forged)

        report = verify(update(signed, swap), pki)
        assert report.verdict == "invalid"
        assert "change.page_resources" in changes(report)


@pytest.mark.parametrize("words", [True, False])
def test_new_words_for_old_content(letter_pdf: bytes, pki: DemoPki, words: bool) -> None:
    """Structure may grow by the element of a widget, not by one that gives the page's text other words."""

    def prepare(writer: IncrementalPdfFileWriter) -> None:
        tree = _dictionary(Type=pdf_name("/StructTreeRoot"), K=generic.ArrayObject())
        writer.root["/StructTreeRoot"] = writer.add_object(tree)
        writer.update_root()

    def add(writer: IncrementalPdfFileWriter) -> None:
        tree = writer.root["/StructTreeRoot"]
        element = _dictionary(
            Type=pdf_name("/StructElem"),
            S=pdf_name("/Span"),
            P=writer.root.raw_get("/StructTreeRoot"),
            Pg=writer.find_page_for_modification(0)[0],
            ActualText=pdf_string("9.000.000.000"),
            K=generic.NumberObject(0) if words else _dictionary(Type=pdf_name("/OBJR")),
        )
        tree["/K"].append(writer.add_object(element))
        writer.update_container(tree)

    report = verify(update(sign(update(letter_pdf, prepare), signer_of(pki)), add), pki)
    assert report.verdict == ("invalid" if words else "valid")
    assert "change.structure" in changes(report)


def test_a_language_written_in_another_encoding(letter_pdf: bytes, pki: DemoPki) -> None:
    """A tool that writes /Lang as UTF-16 has changed nothing; another language is a change."""

    def speak(language: bytes) -> Any:
        def edit(writer: IncrementalPdfFileWriter) -> None:
            writer.root["/Lang"] = generic.ByteStringObject(language)
            writer.update_root()

        return edit

    signed = sign(update(letter_pdf, speak(b"vi-VN")), signer_of(pki))
    assert verify(update(signed, speak(b"\xfe\xff" + "vi-VN".encode("utf-16-be"))), pki).verdict == "valid"
    assert verify(update(signed, speak(b"en-US")), pki).verdict == "invalid"


def test_a_note_of_a_programs_own_in_the_trailer(signed: bytes, pki: DemoPki) -> None:
    """What programs note in the trailer (/DocChecksum) means nothing to readers."""

    def note(writer: IncrementalPdfFileWriter) -> None:
        writer.set_custom_trailer_entry(pdf_name("/DocChecksum"), pdf_string("0A1B"))
        writer.update_root()

    report = verify(update(signed, note), pki)
    assert report.verdict == "valid"
    assert "change.trailer" in changes(report)


def test_a_wide_icon_of_a_note(certified_for_notes: bytes, pki: DemoPki) -> None:
    """A sticky note 60 mm wide and 3 mm high is no icon: it writes over a line even where notes are allowed."""
    wide = generic.ArrayObject(map(generic.NumberObject, (100, 300, 270, 309)))

    def add(writer: IncrementalPdfFileWriter) -> None:
        shown = _dictionary(N=writer.add_object(drawing()))
        add_annotation(writer, annotation("/Text", Rect=wide, AP=shown))

    assert verify(update(certified_for_notes, add), pki).verdict == "undetermined"
