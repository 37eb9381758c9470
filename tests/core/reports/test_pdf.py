"""The PDF report, read back with poppler."""

from __future__ import annotations

import dataclasses
import subprocess
import unicodedata
from pathlib import Path

import pytest

from kyso.config import Config
from kyso.engine import Engine
from kyso.reports.pdf import PdfReport
from kyso.reports.wording import label
from kyso.text import LANGUAGES, Language
from kyso.verification.report import VerificationReport
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.stamps.test_fonts import made_font

_SEVEN = ("issuer", "signer", "managing_unit", "signing_time", "integrity", "validity", "period")


def text_of(data: bytes, folder: Path, *options: str) -> str:
    """Return the text poppler reads, its white space reduced."""
    path = folder / "report.pdf"
    path.write_bytes(data)
    run = subprocess.run(["pdftotext", *options, str(path), "-"], capture_output=True, check=True, timeout=60)
    return " ".join(unicodedata.normalize("NFC", run.stdout.decode()).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_says_what_matters(valid_report: VerificationReport, tmp_path: Path, language: Language) -> None:
    """Headline, what to do, and both signatures with their seven items and chains fit on page 1."""
    first = text_of(PdfReport().render(valid_report, language), tmp_path, "-l", "1")
    assert label("verdict.valid", language) in first
    assert label("sheet.do_now", language) in first
    for item in _SEVEN:
        assert first.count(label(f"label.{item}", language)) >= 2
    assert first.count(label("link.state.trusted", language)) == 2


def test_every_font_is_embedded(valid_report: VerificationReport, tmp_path: Path) -> None:
    """The report looks the same on every machine."""
    path = tmp_path / "report.pdf"
    path.write_bytes(PdfReport().render(valid_report, "vi"))
    listed = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True, timeout=60).stdout
    rows = listed.splitlines()[2:]
    assert rows
    assert all(row.split()[-5] == "yes" for row in rows)


def test_a_letter_without_glyph_is_written_as_its_number(valid_report: VerificationReport, tmp_path: Path) -> None:
    """No empty box stands in a name."""
    signature = dataclasses.replace(valid_report.signatures[0], issuer="中 <b>CA</b> \U0001f600")
    report = dataclasses.replace(valid_report, signatures=(signature,))
    text = text_of(PdfReport().render(report, "vi"), tmp_path)
    assert "[U+4E2D] <b>CA</b> [U+1F600]" in text


def test_the_failing_link_is_named(untrusted_report: VerificationReport, tmp_path: Path) -> None:
    """An untrusted root is shown in the chain with the way to mend it."""
    text = text_of(PdfReport().render(untrusted_report, "vi"), tmp_path, "-l", "1")
    assert label("link.state.untrusted", "vi") in text
    assert label("sheet.chain_failure", "vi") in text


def test_the_changed_page_is_pictured(annotated_report: VerificationReport, tmp_path: Path) -> None:
    """The page with the note stands in the report as a picture with a red frame."""
    path = tmp_path / "report.pdf"
    path.write_bytes(PdfReport().render(annotated_report, "vi"))
    run = subprocess.run(["pdfimages", "-list", str(path)], capture_output=True, text=True, check=True, timeout=60)
    assert len(run.stdout.splitlines()) == 3


@pytest.mark.parametrize("data", [b"", b"nothing"])
def test_unreadable_files_have_a_report_too(data: bytes, tmp_path: Path) -> None:
    """A report is made of whatever there is to say."""
    report = verify_document(data, VerificationSettings(), name="x.pdf")
    assert label("verdict.unreadable", "vi") in text_of(PdfReport().render(report, "vi"), tmp_path)


def test_the_same_verification_gives_the_same_file(valid_report: VerificationReport) -> None:
    """No clock and no chance is in the report."""
    assert PdfReport().render(valid_report, "vi") == PdfReport().render(valid_report, "vi")


def test_the_configured_fonts_are_used(valid_report: VerificationReport, tmp_path: Path) -> None:
    """``[fonts] regular`` of the configuration reaches the report."""
    own = tmp_path / "own.ttf"
    own.write_bytes(made_font("House Serif"))
    config = tmp_path / "kyso.toml"
    config.write_text(f'[fonts]\nregular = "{own}"\n', encoding="utf-8")
    with Engine.from_config(Config.load(config)) as engine:
        data = engine.registry.report_format("pdf").render(valid_report, "vi")
    path = tmp_path / "report.pdf"
    path.write_bytes(data)
    listed = subprocess.run(["pdffonts", str(path)], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "HouseSerif" in listed
