"""Whatever is added to a page, the catalog or the form under any key: nothing but the known harmless keys passes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from kyso.demo.pki import DemoPki
from tests.vectors.making import changes, generic, page, pdf_name, update, verify

NUMBER = b"90"
BOX = b"[0 0 300 300]"
EMPTY = b"<< >>"
ROW = b"[ ]"
NAME = b"/Foo"


def _parsed(value: bytes) -> Any:
    if value == EMPTY:
        return generic.DictionaryObject()
    return generic.read_object(io.BytesIO(value + b"\n"), generic.Dereferenceable())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/Rotate", NUMBER), ("/UserUnit", b"2"), ("/CropBox", BOX), ("/MediaBox", BOX),
        ("/TrimBox", BOX), ("/Group", EMPTY), ("/AA", EMPTY), ("/Resources", EMPTY), ("/Trans", NUMBER),
        ("/Dur", NUMBER), ("/AF", ROW), ("/VP", ROW), ("/B", ROW), ("/Type", b"/Template"),
        ("/Contents", b"null"), ("/SeparationInfo", EMPTY), ("/PresSteps", EMPTY), ("/Foo", NUMBER),
    ],
)  # fmt: skip
def test_an_entry_of_the_page_is_forbidden(signed: bytes, pki: DemoPki, key: str, value: bytes) -> None:
    """A page shows something else, or elsewhere, by each of these entries."""
    report = verify(update(signed, lambda writer: page(writer).__setitem__(pdf_name(key), _parsed(value))), pki)
    assert (report.integrity, report.changes, report.verdict) == ("intact", "forbidden", "invalid")


@pytest.mark.parametrize(
    ("key", "value"),
    [("/Rotate", NUMBER), ("/MediaBox", BOX), ("/CropBox", BOX), ("/Count", b"1"),
     ("/Resources", EMPTY)],
)  # fmt: skip
def test_an_entry_that_pages_inherit_is_forbidden(signed: bytes, pki: DemoPki, key: str, value: bytes) -> None:
    """What is set on the node above the pages changes every page."""

    def edit(writer: Any) -> None:
        writer.root["/Pages"][pdf_name(key)] = _parsed(value)
        writer.mark_update(writer.root.raw_get("/Pages").reference)

    report = verify(update(signed, edit), pki)
    assert (report.integrity, report.changes, report.verdict) == ("intact", "forbidden", "invalid")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/Type", NAME), ("/Outlines", EMPTY), ("/ViewerPreferences", EMPTY), ("/PageLabels", EMPTY),
        ("/Lang", b"(de)"), ("/Collection", EMPTY), ("/NeedsRendering", b"true"),
        ("/Requirements", ROW), ("/AF", ROW), ("/URI", EMPTY), ("/OutputIntents", ROW), ("/Threads", ROW),
        ("/PageMode", NAME), ("/PageLayout", NAME), ("/StructTreeRoot", EMPTY), ("/Pages", EMPTY),
        ("/AcroForm", EMPTY), ("/SpiderInfo", EMPTY), ("/DPartRoot", EMPTY),
    ],
)  # fmt: skip
def test_an_entry_of_the_catalog_is_never_passed_over(signed: bytes, pki: DemoPki, key: str, value: bytes) -> None:
    """Also /Type, which the parser mends by itself, and an empty form in place of the one with the signature."""

    def edit(writer: Any) -> None:
        writer.root[pdf_name(key)] = _parsed(value)
        writer.update_root()

    report = verify(update(signed, edit), pki)
    assert (report.integrity, report.changes, report.verdict) == ("intact", "forbidden", "invalid")


@pytest.mark.parametrize(
    ("key", "value"),
    [("/XFA", b"(x)"), ("/CO", ROW), ("/Q", b"2"), ("/Fields", ROW), ("/Foo", NUMBER),
     ("/SigFlags", b"0")],
)  # fmt: skip
def test_an_entry_of_the_form_is_forbidden(signed: bytes, pki: DemoPki, key: str, value: bytes) -> None:
    """A form may gain fields for signatures and what they need, nothing else."""

    def edit(writer: Any) -> None:
        form = writer.root["/AcroForm"]
        form[pdf_name(key)] = _parsed(value)
        writer.update_container(form)

    report = verify(update(signed, edit), pki)
    assert (report.integrity, report.changes, report.verdict) == ("intact", "forbidden", "invalid")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("/FT", b"/Tx"), ("/T", b"(Other)"), ("/Rect", BOX), ("/F", b"2"),
        ("/Lock", EMPTY), ("/A", EMPTY), ("/Kids", ROW), ("/MK", EMPTY), ("/Ff", b"1"),
        ("/SV", EMPTY), ("/AS", NAME), ("/OC", EMPTY), ("/V", b"null"),
    ],
)  # fmt: skip
def test_an_entry_of_a_signed_field_is_forbidden(signed: bytes, pki: DemoPki, key: str, value: bytes) -> None:
    """A signed field keeps its place, its look and its kind; an empty /Kids hides its signature from some readers."""

    def edit(writer: Any) -> None:
        reference = writer.root["/AcroForm"]["/Fields"].raw_get(0)
        reference.get_object()[pdf_name(key)] = _parsed(value)
        writer.mark_update(reference.reference)

    report = verify(update(signed, edit), pki)
    assert report.verdict == "invalid"
    assert changes(report) & {
        "change.field_definition",
        "change.signature_appearance",
        "change.signature_removed",
        "change.field_removed",
        "change.script",
    }
