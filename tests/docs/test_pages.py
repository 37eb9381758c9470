"""The pages hang together: links lead somewhere, Vietnamese is composed, what is named exists."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, own_pages

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_TEST_PATH = re.compile(r"`(tests/[\w/.]+?)(?:::(\w+))?`")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", own_pages(), ids=_name)
def test_links_lead_to_files(page: Path) -> None:
    """Every relative link of a page leads to a file of the project, every anchor to a heading of it."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} in {_name(page)}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", own_pages(), ids=_name)
def test_text_is_composed_unicode(page: Path) -> None:
    """Pages are NFC and hold no replacement characters."""
    text = page.read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)
    assert "\N{REPLACEMENT CHARACTER}" not in text


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_is_listed(language: str) -> None:
    """The first page of each language leads to every other page of this part."""
    index = (DOCS / language / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / language / target).resolve() for target in _LINK.findall(index)}
    for folder in ("howto", "reference", "explanation"):
        for page in (DOCS / language / folder).glob("*.md"):
            assert page.resolve() in linked, page


@pytest.mark.parametrize("language", ["vi", "en"])
def test_tests_named_in_the_legal_mapping_exist(language: str) -> None:
    """The legal mapping names tests by path; each of them is there."""
    found = _TEST_PATH.findall((DOCS / language / "legal.md").read_text(encoding="utf-8"))
    assert found
    for path, function in found:
        file = ROOT / path
        assert file.exists(), path
        if function:
            assert f"def {function}(" in file.read_text(encoding="utf-8"), f"{path}::{function}"
