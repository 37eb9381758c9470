"""From a word processor's file to the PDF that is signed."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import pytest

from kyso.errors import InputRefused
from kyso_desk import conversion
from tests.plugins.desk.running import Visitor

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")

_OFFICE = conversion.program()
needs_office = pytest.mark.skipif(
    _OFFICE is None and not os.environ.get("KYSO_NEED_TOOLS"), reason="LibreOffice is not installed"
)


def odt(text: str) -> bytes:
    """Return a small ODT with one paragraph."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.2" '
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text>'
    )
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text", zipfile.ZIP_STORED)
        body = f"<text:p>{text}</text:p></office:text></office:body></office:document-content>"
        archive.writestr("content.xml", head + body)
        archive.writestr("META-INF/manifest.xml", manifest)
    return written.getvalue()


@needs_office
def test_an_odt_becomes_a_letter_on_the_desk(visitor: Visitor) -> None:
    """A dropped ODT lies on the desk as a PDF with its text."""
    answer = visitor.upload(odt("Kính gửi: Ủy ban nhân dân xã"), "Công văn.odt")
    assert answer.status == 200, answer.body
    letter = answer.json
    assert letter["converted"]
    assert letter["name"] == "Công văn.pdf"
    from kyso.document.opening import open_letter

    with open_letter(visitor.get(f"/api/letters/{letter['id']}/file").body) as opened:
        assert "Ủy ban nhân dân" in opened.text_lines(1)[0].text


def test_a_conversion_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After the deadline the program and what it started are gone, and nothing is left behind."""
    program = tmp_path / "soffice"
    marker = tmp_path / "child"
    program.write_text(f'#!/bin/sh\nsh -c "echo $$ > {marker}; sleep 300" &\nwait\n')
    program.chmod(0o755)
    monkeypatch.setattr(conversion, "program", lambda: str(program))
    source = tmp_path / "a.odt"
    source.write_bytes(odt("x"))
    target = tmp_path / "out" / "a.pdf"
    target.parent.mkdir()
    began = time.monotonic()
    with pytest.raises(InputRefused) as refusal:
        conversion.convert(source, target, deadline_s=1.0)
    assert refusal.value.code == "serving.too_slow"
    assert time.monotonic() - began < 10
    assert not list(target.parent.iterdir())
    child = int(marker.read_text())
    for _ in range(50):
        if not _alive(child):
            break
        time.sleep(0.05)
    assert not _alive(child)


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_what_cannot_be_converted_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program that writes nothing, and none at all, are refusals with a next step."""
    source = tmp_path / "a.docx"
    source.write_bytes(b"rubbish")
    monkeypatch.setattr(conversion, "program", lambda: "/bin/true")
    with pytest.raises(InputRefused) as refusal:
        conversion.convert(source, tmp_path / "a.pdf")
    assert refusal.value.code == "desk.not_convertible"
    monkeypatch.setattr(conversion, "program", lambda: None)
    with pytest.raises(InputRefused) as refusal:
        conversion.convert(source, tmp_path / "a.pdf")
    assert refusal.value.code == "desk.no_libreoffice"
    assert refusal.value.next_step("vi")
