"""Incremental saving attacks: appended bodies with, without and with half a cross-reference section."""

from __future__ import annotations

import re

import pytest

from kyso.demo.pki import DemoPki
from tests.vectors.making import changes, verify


def _content_object(data: bytes) -> int:
    found = re.search(rb"/Contents (\d+) 0 R", data)
    assert found is not None
    return int(found[1])


def _body(number: int) -> bytes:
    stream = b"BT /F1 40 Tf 100 400 Td (9.000.000.000) Tj ET"
    return b"%d 0 obj\n<< /Length %d >>\nstream\n%b\nendstream\nendobj\n" % (number, len(stream), stream)


@pytest.mark.parametrize("ending", [b"", b"%%EOF\n", b"xref\n0 0\ntrailer\n<< >>\n%%EOF\n"])
def test_a_body_without_a_proper_table_is_forbidden(signed: bytes, pki: DemoPki, ending: bytes) -> None:
    """Appended objects that no table lists are what a rebuilding reader shows: never unchanged."""
    report = verify(signed + _body(_content_object(signed)) + ending, pki)
    assert report.changes == "forbidden"
    assert report.verdict == "invalid"


def test_an_object_hidden_beside_a_listed_one_is_forbidden(signed: bytes, pki: DemoPki) -> None:
    """An update that lists a harmless object and also carries another page content, unlisted, is refused."""
    number = _content_object(signed)
    previous = int(re.findall(rb"startxref\s+(\d+)", signed)[-1])
    size = int(re.findall(rb"/Size (\d+)", signed)[-1])
    root = re.findall(rb"/Root (\d+ \d+ R)", signed)[-1]
    offset = len(signed)
    harmless = b"%d 0 obj\n<< >>\nendobj\n" % size
    hidden = _body(number)
    table_at = offset + len(harmless) + len(hidden)
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %b /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        offset,
        size + 1,
        root,
        previous,
        table_at,
    )
    report = verify(signed + harmless + hidden + table, pki)
    assert report.verdict == "invalid"
    assert "change.unlisted_object" in changes(report)


def test_white_space_after_the_end_changes_nothing(signed: bytes, pki: DemoPki) -> None:
    """A line end that a mail gateway appended holds no content and raises no alarm."""
    report = verify(signed + b"\r\n", pki)
    assert report.verdict == "valid"
    assert report.changes == "none"


def test_an_object_marked_free_is_forbidden(signed: bytes, pki: DemoPki) -> None:
    """Taking an object away through the table alone hides content as well as any edit does."""
    number = _content_object(signed)
    previous = int(re.findall(rb"startxref\s+(\d+)", signed)[-1])
    size = int(re.findall(rb"/Size (\d+)", signed)[-1])
    root = re.findall(rb"/Root (\d+ \d+ R)", signed)[-1]
    table = b"xref\n%d 1\n%010d 00001 f \ntrailer\n<< /Size %d /Root %b /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        number,
        0,
        size,
        root,
        previous,
        len(signed),
    )
    report = verify(signed + table, pki)
    assert report.verdict == "invalid"
    assert report.changes == "forbidden"


def test_a_bypassed_revision_is_forbidden(signed: bytes, pki: DemoPki) -> None:
    """A proper revision that changes the page, followed by one whose /Prev skips it, hides the change in the middle."""
    number = _content_object(signed)
    previous = int(re.findall(rb"startxref\s+(\d+)", signed)[-1])
    size = int(re.findall(rb"/Size (\d+)", signed)[-1])
    root = re.findall(rb"/Root (\d+ \d+ R)", signed)[-1]
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size %d /Root %b /Prev %d >>\nstartxref\n%d\n%%%%EOF\n"
    middle = signed + _body(number)
    middle += table % (number, len(signed), size, root, previous, len(middle))
    last = middle + b"%d 0 obj\n<< >>\nendobj\n" % size
    last += table % (size, len(middle), size + 1, root, previous, len(last))
    report = verify(last, pki)
    assert report.verdict == "invalid"
    assert "change.unlisted_object" in changes(report)
