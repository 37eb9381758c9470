"""Updates that two readers read in two ways: what this parser shows is harmless, what another shows is forged."""

from __future__ import annotations

import time

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from kyso.demo.pki import DemoPki
from tests.vectors.making import changes, generic, page, sign, signer_of, update, verify
from tests.vectors.test_odd_updates import FORGED, content_of, layout_of, place, previous_section, stream


def _entry(offset: int) -> bytes:
    return b"%010d 00000 n \n" % offset


def _finished(body: bytes, table: bytes, signed: bytes, size: int, root: int) -> bytes:
    trailer = b"trailer\n<< /Size %d /Root %d 0 R /Prev %d >>\n" % (size, root, previous_section(signed))
    return body + b"xref\n" + table + trailer + b"startxref\n%d\n%%%%EOF\n" % len(body)


def _refused(data: bytes, pki: DemoPki, code: str) -> None:
    report = verify(data, pki)
    assert report.verdict == "invalid"
    assert report.changes == "forbidden"
    assert code in changes(report)


@pytest.mark.parametrize("forged_first", [True, False])
def test_a_page_with_two_contents(signed: bytes, pki: DemoPki, forged_first: bool) -> None:
    """A page with /Contents twice: some readers take the first, some the last (ISO 32000-2, 7.3.7 forbids it)."""
    size, root, number, source = layout_of(signed)
    own = b"/Contents %d 0 R" % content_of(signed)
    forged = b"/Contents %d 0 R" % size
    assert own in source
    twice = source.replace(own, b" ".join((forged, own) if forged_first else (own, forged)))
    body = signed + b"%d 0 obj\n%b\nendobj\n" % (size, stream(FORGED))
    page_at = len(body)
    body += b"%d 0 obj\n%b\nendobj\n" % (number, twice)
    table = b"%d 1\n" % number + _entry(page_at) + b"%d 1\n" % size + _entry(len(signed))
    _refused(_finished(body, table, signed, size + 1, root), pki, "change.malformed_update")


@pytest.mark.parametrize("junk", [b"% note\n", b"%%%%\r", b"null ", b"]"])
def test_an_object_behind_junk(signed: bytes, pki: DemoPki, junk: bytes) -> None:
    """Forged content that no table lists, behind a comment or a stray token, waits for readers that rebuild tables."""
    size, root, _, _ = layout_of(signed)
    body = signed + b"%d 0 obj\nnull\nendobj\n%b%d 0 obj\n%b\nendobj\n" % (
        size, junk, content_of(signed), stream(FORGED),
    )  # fmt: skip
    table = b"%d 1\n" % size + _entry(len(signed))
    _refused(_finished(body, table, signed, size + 1, root), pki, "change.unlisted_object")


@pytest.mark.parametrize("forged_first", [True, False])
def test_a_table_that_lists_an_object_twice(signed: bytes, pki: DemoPki, forged_first: bool) -> None:
    """One section leads to the content as signed and to another object: which one counts differs between readers."""
    size, root, _, _ = layout_of(signed)
    number = content_of(signed)
    places = [signed.index(b"\n%d 0 obj" % number) + 1, len(signed)]
    table = b"".join(b"%d 1\n" % number + _entry(place) for place in (places[::-1] if forged_first else places))
    body = signed + b"%d 0 obj\n%b\nendobj\n" % (size, stream(FORGED))
    table += b"%d 1\n" % size + _entry(len(signed))
    _refused(_finished(body, table, signed, size + 1, root), pki, "change.ambiguous_table")


@pytest.mark.parametrize("index", [0, 1])
def test_an_object_stream_that_names_an_object_twice(signed: bytes, pki: DemoPki, index: int) -> None:
    """The page as signed and turned by 90 degrees under one number: some readers go by number, some by position."""
    size, root, number, source = layout_of(signed)
    turned = source.replace(b"/Type /Page", b"/Rotate 90 /Type /Page")
    head = b"%d 0 %d %d " % (number, number, len(source) + 1)
    packed = stream(head + source + b" " + turned, b"/Type /ObjStm /N 2 /First %d" % len(head))
    data = signed + b"%d 0 obj\n%b\nendobj\n" % (size, packed)
    section = len(data)
    places = place(2, size)[:-1] + bytes([index]) + place(1, len(signed)) + place(1, section)
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Index [%d 1 %d 2] /Root %d 0 R /Prev %d" % (
        size + 2, number, size, root, previous_section(signed),
    )  # fmt: skip
    data += b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (size + 1, stream(places, entries), section)
    _refused(data, pki, "change.ambiguous_table")


def test_an_object_stream_with_an_unlisted_member(signed: bytes, pki: DemoPki) -> None:
    """The page turned by 90 degrees waits in an object stream of which the table lists another member only."""
    size, root, number, source = layout_of(signed)
    turned = source.replace(b"/Type /Page", b"/Rotate 90 /Type /Page")
    head = b"%d 0 %d 5 " % (size + 2, number)
    packed = stream(head + b"null " + turned, b"/Type /ObjStm /N 2 /First %d" % len(head))
    data = signed + b"%d 0 obj\n%b\nendobj\n" % (size, packed)
    section = len(data)
    places = place(1, len(signed)) + place(1, section) + place(2, size)
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Index [%d 3] /Root %d 0 R /Prev %d" % (
        size + 3, size, root, previous_section(signed),
    )  # fmt: skip
    data += b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (size + 1, stream(places, entries), section)
    _refused(data, pki, "change.ambiguous_table")


def test_a_size_that_hides_objects(signed: bytes, pki: DemoPki) -> None:
    """A smaller /Size makes the objects behind it missing for readers that go by the book (ISO 32000-2, 7.5.5)."""
    size, root, _, _ = layout_of(signed)
    body = signed + b"%d 0 obj\nnull\nendobj\n" % size
    data = _finished(body, b"%d 1\n" % size + _entry(len(signed)), signed, content_of(signed), root)
    _refused(data, pki, "change.trailer")


@pytest.mark.parametrize(
    ("junk", "changes_found"),
    [
        (b"1 0 obj ", "forbidden"),
        (b" obj", "forbidden"),
        (b"% obj\n 1", "forbidden"),
        (b"xref 0 9999999999 ", "permitted"),
        (b"endobj ", "permitted"),
        (b"%%EOF\n", "permitted"),
        (b"(object 1 0, offset 1)", "permitted"),
    ],
)
def test_a_long_update_full_of_junk(signed: bytes, pki: DemoPki, junk: bytes, changes_found: str) -> None:
    """A megabyte made to keep a scanner busy is judged in seconds; what looks like objects never passes."""
    size, root, _, _ = layout_of(signed)
    body = signed + junk * (1_000_000 // len(junk)) + b"\n"
    at = len(body)
    body += b"%d 0 obj\nnull\nendobj\n" % size
    started = time.process_time()
    report = verify(_finished(body, b"%d 1\n" % size + _entry(at), signed, size + 1, root), pki)
    assert time.process_time() - started < 20
    assert report.changes in (changes_found, "none" if changes_found == "permitted" else changes_found)


def test_a_table_stream_that_lists_an_object_twice(signed: bytes, pki: DemoPki) -> None:
    """The same in a cross-reference stream: /Index names the content twice."""
    size, root, _, _ = layout_of(signed)
    number = content_of(signed)
    data = signed + b"%d 0 obj\n%b\nendobj\n" % (size, stream(FORGED))
    section = len(data)
    own = signed.index(b"\n%d 0 obj" % number) + 1
    places = place(1, own) + place(1, len(signed)) + place(1, len(signed)) + place(1, section)
    entries = b"/Type /XRef /Size %d /W [1 4 1] /Index [%d 1 %d 1 %d 2] /Root %d 0 R /Prev %d" % (
        size + 2, number, number, size, root, previous_section(signed),
    )  # fmt: skip
    data += b"%d 0 obj\n%b\nendobj\nstartxref\n%d\n%%%%EOF\n" % (size + 1, stream(places, entries), section)
    _refused(data, pki, "change.ambiguous_table")


def test_an_object_that_the_signed_letter_only_mentions(letter_pdf: bytes, pki: DemoPki) -> None:
    """The signed page refers to content that is not there; an update hides an unlisted object of that number."""
    missing = 900

    def mention(writer: IncrementalPdfFileWriter) -> None:
        where = page(writer)
        own = where.raw_get("/Contents")
        parts = list(own) if isinstance(own, generic.ArrayObject) else [own]
        absent = generic.IndirectObject(missing, 0, writer)
        where["/Contents"] = generic.ArrayObject([*parts, absent])

    signed = sign(update(letter_pdf, mention), signer_of(pki))
    size, root, _, _ = layout_of(signed)
    body = signed + b"%d 0 obj\nnull\nendobj\n%d 0 obj\n%b\nendobj\n" % (size, missing, stream(FORGED))
    table = b"%d 1\n" % size + _entry(len(signed))
    _refused(_finished(body, table, signed, size + 1, root), pki, "change.unlisted_object")
