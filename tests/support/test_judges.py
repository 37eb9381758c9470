"""The judges themselves, held against a letter that pyHanko signed: a judge that never objects proves nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from kyso.demo.pki import DEMO_PASSWORD, DemoPki, certificate_der
from tests.support.judges import (
    differing_box_mm,
    pdfsig,
    pyhanko_validate,
    qpdf_check,
    render_mupdf,
    render_pdfium,
    render_poppler,
)


@pytest.fixture(scope="module")
def signed(letter_pdf: bytes, pki: DemoPki) -> bytes:
    """The letter, signed invisibly by pyHanko."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, signers

    signer = signers.SimpleSigner.load_pkcs12(str(pki.pfx("leader")), passphrase=DEMO_PASSWORD.encode())
    assert signer is not None
    writer = IncrementalPdfFileWriter(io.BytesIO(letter_pdf))
    return signers.sign_pdf(writer, PdfSignatureMetadata(field_name="One"), signer=signer).getvalue()


def test_judges_accept_a_sound_signature(signed: bytes, pki: DemoPki, tmp_path: Path) -> None:
    """A sound letter is valid for pdfsig, pyHanko and qpdf, and trusted only with its root."""
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    [seen] = pdfsig(path)
    assert (seen.valid, seen.total_document, seen.field) == (True, True, "One")
    assert seen.signer == "Nguyễn Văn Mẫu (THỬ NGHIỆM)"
    assert qpdf_check(path)[0] == 0
    [status] = pyhanko_validate(signed, [certificate_der(pki.root.certificate)])
    assert status.intact
    assert status.valid
    assert status.trusted
    assert (status.coverage, status.modification) == ("ENTIRE_FILE", "NONE")
    assert not pyhanko_validate(signed)[0].trusted


def test_judges_object_to_a_changed_byte(signed: bytes, tmp_path: Path) -> None:
    """One changed byte in the signed range is seen by pdfsig and by pyHanko."""
    at = signed.index(b"/Producer") + 12
    changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
    path = tmp_path / "changed.pdf"
    path.write_bytes(changed)
    assert not pdfsig(path)[0].valid
    assert not pyhanko_validate(changed)[0].intact


@pytest.mark.parametrize("render", [render_pdfium, render_poppler, render_mupdf])
def test_renderers_agree_on_the_page(letter_pdf: bytes, render: object) -> None:
    """Every renderer shows an A4 page, and the two pages of the letter differ within the margins."""
    assert callable(render)
    first, second = (render(letter_pdf, page=page, dpi=100.0) for page in (1, 2))
    assert abs(first.width - 827) <= 1
    assert abs(first.height - 1169) <= 1
    box = differing_box_mm(first, second, dpi=100.0)
    assert box is not None
    assert box[0] > 25
    assert box[0] + box[2] < 195
    assert differing_box_mm(first, first, dpi=100.0) is None
