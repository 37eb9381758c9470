"""``kyso verify --format html|pdf``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Kyso


@pytest.fixture
def signed(kyso: Kyso, office: Path) -> Path:
    """The letter, signed by its leader."""
    assert kyso("sign", "letter.pdf", "--secret-env", "PW", "--out", "signed.pdf").code == 0
    return office / "signed.pdf"


def test_html_goes_to_stdout_or_a_file(kyso: Kyso, signed: Path) -> None:
    """The exit code stays the verdict's."""
    shown = kyso("verify", signed, "--format", "html", "--lang", "vi")
    assert shown.code == 0
    assert shown.out.startswith("<!DOCTYPE html>")
    assert "HỢP LỆ" in shown.out
    assert kyso("verify", "letter.pdf", "--format", "html", "--out", "report.html").code == 3
    assert Path("report.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_pdf_goes_to_a_file_only(kyso: Kyso, signed: Path) -> None:
    """A terminal is not filled with binary data."""
    refused = kyso("verify", signed, "--format", "pdf")
    assert (refused.code, refused.out) == (7, "")
    assert kyso("verify", signed, "--format", "pdf", "--out", "report.pdf").code == 0
    assert Path("report.pdf").read_bytes().startswith(b"%PDF-")


def test_one_page_is_about_one_file(kyso: Kyso, signed: Path) -> None:
    """Several files have no common HTML or PDF report."""
    for name in ("html", "pdf"):
        assert kyso("verify", signed, "letter.pdf", "--format", name, "--out", f"report.{name}").code == 7
