"""The HTML report: whole in one file, harmless, readable."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from kyso.models import Notice
from kyso.reports.contents import MAX_LINES
from kyso.reports.html import HtmlReport
from kyso.reports.wording import label
from kyso.text import LANGUAGES, Language
from kyso.verification.report import Change, VerificationReport
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document

_VOID = {"meta", "img", "br"}
_SEVEN = ("issuer", "signer", "managing_unit", "signing_time", "integrity", "validity", "period")


class _Page(HTMLParser):
    """Reads a page, checks that its elements are closed in order, and keeps what the tests ask about."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def page_of(report: VerificationReport, language: Language = "vi") -> _Page:
    """Render and read the page."""
    return _Page(HtmlReport().render(report, language).decode())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_it_all(valid_report: VerificationReport, language: Language) -> None:
    """Headline, what to do, the seven items of each signature and the chain stand there in the reader's language."""
    page = page_of(valid_report, language)
    assert ("html", {"lang": language}) in page.elements
    for code in ("verdict.valid", "sheet.do_now", "label.chain", "link.state.trusted"):
        assert label(code, language) in page.text
    for item in _SEVEN:
        assert page.text.count(label(f"label.{item}", language)) >= len(valid_report.signatures)
    for name in valid_report.signatures[0].chain.names:
        assert name in page.text


def test_nothing_is_loaded_and_nothing_runs(annotated_report: VerificationReport) -> None:
    """No script, link, form or address; the policy lets in the page's own style sheet, by its hash, and no other."""
    source = HtmlReport().render(annotated_report, "vi").decode()
    page = _Page(source)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "embed", "form", "base", "a"}
    assert "http:" not in source
    assert "https:" not in source
    assert "url(" not in source
    assert not [name for _, found in page.elements for name in found if name.startswith("on") or name == "style"]
    assert all(found["src"].startswith("data:image/png;base64,") for tag, found in page.elements if tag == "img")  # type: ignore[union-attr]
    (policy,) = [found["content"] for _, found in page.elements if found.get("http-equiv") == "Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy is not None
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{digest}'" in policy


def test_hostile_names_stay_text(valid_report: VerificationReport) -> None:
    """Markup, quotes, control and bidirectional characters from the file change nothing of the page."""
    evil = "\"><script>alert(1)</script>\u202e\x1b[2J&amp;'"
    signature = dataclasses.replace(
        valid_report.signatures[0],
        field=evil,
        issuer=evil,
        signer=dataclasses.replace(valid_report.signatures[0].signer, name=evil),
        chain=dataclasses.replace(valid_report.signatures[0].chain, names=(evil, evil)),
        change_list=(Change("change.signature_added", "permitted", {"field": evil}),),
        reasons=(Notice("chain.issuer_missing", {"issuer": evil}),),
    )
    hostile = dataclasses.replace(
        valid_report, signatures=(signature,), file=dataclasses.replace(valid_report.file, name=evil)
    )
    source = HtmlReport().render(hostile, "vi").decode()
    page = _Page(source)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in source
    assert "\u202e" not in source


def test_the_changed_page_is_shown(annotated_report: VerificationReport) -> None:
    """The page with the note is pictured once, with words for those who do not see it."""
    images = [found for tag, found in page_of(annotated_report).elements if tag == "img"]
    assert len(images) == 1
    assert images[0]["alt"] == label("sheet.change_picture", "vi", page=1)


def test_headings_are_in_order(annotated_report: VerificationReport) -> None:
    """A screen reader's list of headings skips no level, and every table row has a header cell."""
    page = page_of(annotated_report)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    rows = [tag for tag, _ in page.elements].count("tr")
    assert rows == len([1 for tag, found in page.elements if tag == "th" and found.get("scope") == "row"])


@pytest.mark.parametrize("data", [b"", b"nothing", b"%PDF-1.7\n"])
def test_unreadable_files_have_a_report_too(data: bytes) -> None:
    """The page is whole and says why."""
    report = verify_document(data, VerificationSettings(), name="x.pdf")
    page = page_of(report, "en")
    assert label("verdict.unreadable", "en") in page.text


def test_a_flood_of_changes_is_cut(valid_report: VerificationReport) -> None:
    """Ten thousand changes are counted, not listed."""
    flood = tuple(Change("change.field_filled", "form_filling", {"field": f"F{number}"}) for number in range(10_000))
    signature = dataclasses.replace(valid_report.signatures[0], change_list=flood)
    page = page_of(dataclasses.replace(valid_report, signatures=(signature,)), "en")
    assert len([1 for tag, _ in page.elements if tag == "li"]) < MAX_LINES + 20
    assert label("sheet.and_more", "en", count=10_000 - MAX_LINES) in page.text


def test_a_file_that_changed_meanwhile_has_no_picture(
    annotated_report: VerificationReport, annotated_file: Path, tmp_path: Path
) -> None:
    """A picture of other bytes than those judged would be a lie."""
    other = tmp_path / "other.pdf"
    other.write_bytes(annotated_file.read_bytes() + b"\n")
    moved = dataclasses.replace(annotated_report, file=dataclasses.replace(annotated_report.file, path=str(other)))
    assert "img" not in {tag for tag, _ in page_of(moved).elements}
