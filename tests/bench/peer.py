"""pyHanko as its own documentation uses it: for each letter the key is read and the stamp laid out."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from kyso.demo.pki import DEMO_PASSWORD, certificate_der
from tests.bench.stage import Stage

if TYPE_CHECKING:
    from pyhanko.stamp import TextStampStyle

STAMP_TEXT = "Ký bởi: Nguyễn Văn Mẫu (THỬ NGHIỆM)\nCơ quan: Ủy ban nhân dân xã An Bình\nThời gian: %(ts)s"
BOX_PT = (312, 91, 510, 162)


def signing(stage: Stage, *, visible: bool) -> Callable[[], bytes]:
    """Return a call that signs the letter once, PAdES baseline B."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import fields, signers

    letter, pfx = stage.letter.read_bytes(), str(stage.pki.pfx("leader"))

    def sign() -> bytes:
        signer = signers.SimpleSigner.load_pkcs12(pfx, passphrase=DEMO_PASSWORD.encode())
        assert signer is not None
        metadata = signers.PdfSignatureMetadata(
            field_name="Signature1", subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256"
        )
        writer = IncrementalPdfFileWriter(io.BytesIO(letter))
        if not visible:
            return signers.PdfSigner(metadata, signer).sign_pdf(writer).getvalue()
        place = fields.SigFieldSpec("Signature1", on_page=0, box=BOX_PT)
        stamp = style(stage)
        return signers.PdfSigner(metadata, signer, stamp_style=stamp, new_field_spec=place).sign_pdf(writer).getvalue()

    return sign


def style(stage: Stage) -> TextStampStyle:
    """Return the stamp that pyHanko lays out: picture and three lines."""
    import logging

    from pyhanko.pdf_utils.font.opentype import GlyphAccumulatorFactory
    from pyhanko.pdf_utils.images import PdfImage
    from pyhanko.pdf_utils.text import TextBoxStyle
    from pyhanko.stamp import TextStampStyle

    # It reports for every letter that it drops a table nobody needs.
    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    return TextStampStyle(
        stamp_text=STAMP_TEXT,
        background=PdfImage(str(stage.picture)),
        text_box_style=TextBoxStyle(font=GlyphAccumulatorFactory(str(stage.font))),
    )


def verifying(stage: Stage, data: bytes) -> Callable[[], bool]:
    """Return a call that validates every signature of `data` to the root, with the difference analysis."""
    from asn1crypto import x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    root = x509.Certificate.load(certificate_der(stage.pki.root.certificate))

    def verify() -> bool:
        reader = PdfFileReader(io.BytesIO(data))
        context = ValidationContext(trust_roots=[root], allow_fetching=False)
        return all(validate_pdf_signature(found, context).bottom_line for found in reader.embedded_regular_signatures)

    return verify
