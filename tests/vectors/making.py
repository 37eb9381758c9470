"""Building signed letters and what attackers do to them, with pyHanko as an independent producer."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from kyso.demo.pki import DEMO_PASSWORD, DemoPki, Identity, certificate_der
from kyso.verification.report import SignatureReport, VerificationReport
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document

PADES = fields.SigSeedSubFilter.PADES
PKCS7 = fields.SigSeedSubFilter.ADOBE_PKCS7_DETACHED


def signer_of(pki: DemoPki, who: str = "leader") -> signers.SimpleSigner:
    """Return pyHanko's signer for one of the demo's PFX files."""
    signer = signers.SimpleSigner.load_pkcs12(str(pki.pfx(who)), passphrase=DEMO_PASSWORD.encode())
    assert signer is not None
    return signer


def signer_for(identity: Identity, **options: Any) -> signers.SimpleSigner:
    """Return pyHanko's signer for an identity made by the test."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    for certificate in identity.chain:
        store.register_multiple(load_certs_from_pemder_data(certificate_der(certificate)))
    return signers.SimpleSigner(
        signing_cert=next(iter(load_certs_from_pemder_data(certificate_der(identity.certificate)))),
        signing_key=load_private_key_from_pemder_data(pem, None),
        cert_registry=store,
        **options,
    )


def stamper_for(identity: Identity, moment: datetime | None = None) -> DummyTimeStamper:
    """Return a timestamp authority in this process; without `moment` it states the present."""
    signer = signer_for(identity)
    return DummyTimeStamper(
        signer.signing_cert, signer.signing_key, certs_to_embed=signer.cert_registry, fixed_dt=moment
    )


def timestamp(data: bytes, authority: Identity, field: str = "Stamp", moment: datetime | None = None) -> bytes:
    """Add a document timestamp in a new field, or in the existing empty field of that name."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data), strict=False)
    out: io.BytesIO = signers.PdfTimeStamper(stamper_for(authority, moment), field_name=field).timestamp_pdf(
        writer, "sha256"
    )
    return out.getvalue()


def sign(
    data: bytes,
    signer: signers.SimpleSigner,
    field: str = "Leader",
    *,
    box: tuple[int, int, int, int] | None = (60, 80, 220, 140),
    subfilter: fields.SigSeedSubFilter = PADES,
    certify: fields.MDPPerm | None = None,
    lock: fields.FieldMDPSpec | None = None,
    **metadata: Any,
) -> bytes:
    """Sign `data` into a new field, or into the existing empty field of that name."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data), strict=False)
    exists = any(name == field for name, _, _ in fields.enumerate_sig_fields(writer))
    spec = None if exists else fields.SigFieldSpec(field, box=box, field_mdp_spec=lock)
    settings = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm=metadata.pop("md_algorithm", "sha256"),
        subfilter=subfilter,
        certify=certify is not None,
        docmdp_permissions=certify or fields.MDPPerm.FILL_FORMS,
        **metadata,
    )
    out: io.BytesIO = signers.PdfSigner(settings, signer, new_field_spec=spec).sign_pdf(writer)
    return out.getvalue()


def update(data: bytes, edit: Callable[[IncrementalPdfFileWriter], None]) -> bytes:
    """Append an incremental update made by `edit`."""
    writer = IncrementalPdfFileWriter(io.BytesIO(data), strict=False)
    edit(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def page(writer: IncrementalPdfFileWriter, number: int = 1) -> generic.DictionaryObject:
    """Return a page for changing; the page object will be written."""
    reference = writer.find_page_for_modification(number - 1)[0]
    found: generic.DictionaryObject = writer.get_object(reference.reference)
    writer.mark_update(reference.reference)
    return found


def annotation(subtype: str, **entries: Any) -> generic.DictionaryObject:
    """Return an annotation dictionary over the middle of the page."""
    found = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Annot"),
            pdf_name("/Subtype"): pdf_name(subtype),
            pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (100, 300, 400, 400))),
            pdf_name("/Contents"): pdf_string("Số tiền: 9.000.000.000 đồng"),
            pdf_name("/F"): generic.NumberObject(4),
        }
    )
    found.update({pdf_name(f"/{key}"): value for key, value in entries.items()})
    return found


def add_annotation(writer: IncrementalPdfFileWriter, item: generic.DictionaryObject, number: int = 1) -> None:
    """Put an annotation on a page, whichever way its /Annots is kept."""
    where = page(writer, number)
    entries = generic.ArrayObject(where.get("/Annots", ()))
    entries.append(writer.add_object(item))
    where["/Annots"] = entries


def drawing(text: str = "BT /F1 40 Tf 100 400 Td (9.000.000.000) Tj ET") -> generic.StreamObject:
    """Return a content stream."""
    return generic.StreamObject(stream_data=text.encode())


def byte_range(data: bytes, which: int = -1) -> tuple[int, int, int, int]:
    """Return a /ByteRange as it stands in the raw bytes; the last one by default."""
    found = re.findall(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", data)[which]
    return tuple(map(int, found))  # type: ignore[return-value]


def terms(pki: DemoPki, **settings: Any) -> VerificationSettings:
    """Return settings that trust the demo's root and know its revocation lists."""
    return VerificationSettings(trust=(pki.root_pem,), crls=(pki.crl_folder,), **settings)


def verify(data: bytes | Path, pki: DemoPki, **settings: Any) -> VerificationReport:
    """Verify with the demo's trust."""
    return verify_document(data, terms(pki, **settings))


def only(report: VerificationReport) -> SignatureReport:
    """Return the report's only signature."""
    assert len(report.signatures) == 1
    return report.signatures[0]


def reasons(signature: SignatureReport) -> set[str]:
    """Return the codes of a signature's reasons."""
    return {notice.code for notice in signature.reasons}


def changes(report: VerificationReport) -> set[str]:
    """Return the codes of everything that changed after any signature."""
    return {change.code for signature in report.signatures for change in signature.change_list}
