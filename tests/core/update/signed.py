"""Signs with the real writer and a test key, and asks the independent judges. Used by the tests of this folder."""

from __future__ import annotations

import dataclasses
import zlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from kyso.cms.build import signed_attributes, signed_data
from kyso.demo.pki import LEADER, Identity, issue, make_root
from kyso.document.fitness import check_fitness
from kyso.document.opening import open_letter
from kyso.errors import SigningRefused
from kyso.geometry import RectMm
from kyso.models import VIETNAM_TIME, Source
from kyso.secret import Secret
from kyso.update.files import PreparedFile
from kyso.update.plan import SignaturePlan, Update
from kyso.update.writer import write_update
from kyso_stamps import Appearance, Part
from tests.support import judges

SIGNED_AT = datetime(2026, 3, 15, 9, 30, tzinfo=VIETNAM_TIME)
PLACE = RectMm(20.0, 30.0, 35.0, 17.5)


@cache
def signer() -> tuple[Identity, Identity]:
    """Return (root, signer), made once."""
    root = make_root()
    return root, issue(root, LEADER)


def stamp(*, key: str = "picture", colour: bytes = b"\x10\x20\xe0") -> Appearance:
    """Return a red box with a picture of one colour in it and a word."""
    picture = zlib.compress(colour * 400)
    return Appearance(
        100,
        50,
        (
            Part(
                (
                    b"<< /Type /XObject /Subtype /Form /BBox [ 0 0 100 50 ] /Resources << /XObject << /I ",
                    1,
                    b" >> /Font << /F ",
                    2,
                    b" >> >> >>",
                ),
                b"q 1 0 0 rg 0 0 100 50 re f q 40 0 0 40 5 5 cm /I Do Q BT 0 g /F 12 Tf 50 20 Td (Ky) Tj ET Q",
            ),
            Part(
                (
                    b"<< /Type /XObject /Subtype /Image /Width 20 /Height 20 /ColorSpace /DeviceRGB"
                    b" /BitsPerComponent 8 /Filter /FlateDecode >>",
                ),
                picture,
                key,
            ),
            Part((b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding ", 3, b" >>"), None, "font"),
            Part((b"<< /Type /Encoding /BaseEncoding /WinAnsiEncoding >>",), None),
        ),
    )


def plan(**changes: Any) -> SignaturePlan:
    """Return a visible signature on page 1, with `changes`; ``rect_mm=None`` makes it invisible."""
    made = SignaturePlan(
        page=1,
        rect_mm=PLACE,
        appearance=stamp(),
        field=None,
        subfilter="ETSI.CAdES.detached",
        contents_size=4000,
        signed_at=SIGNED_AT,
        signer_name="Nguyễn Văn Mẫu",
        policy="decree30.leader",
        reason="Phê duyệt",
        location="Hà Nội",
        alternative_text="Chữ ký số của Nguyễn Văn Mẫu",
    )
    if "rect_mm" in changes and changes["rect_mm"] is None:
        changes.setdefault("appearance", None)
    return dataclasses.replace(made, **changes)


def prepare(source: Source, planned: SignaturePlan, password: str | None = None) -> Update:
    """Return the update, after the same questions as the engine asks."""
    with open_letter(source, password=None if password is None else Secret(password)) as letter:
        for finding in check_fitness(
            letter, field=planned.field, visible=planned.rect_mm is not None, certify=planned.certify
        ):
            if finding.refuse:
                raise SigningRefused(finding.code, **finding.parameters)
        return write_update(letter, planned)


def complete(source: Source, update: Update) -> bytes:
    """Return the signed file."""
    _, leader = signer()
    assert isinstance(leader.key, rsa.RSAPrivateKey)
    certificate = leader.certificate.public_bytes(Encoding.DER)
    with PreparedFile.create(source, update, None) as file:
        attributes = signed_attributes(file.digest("sha256"), certificate, "pades", SIGNED_AT)
        value = leader.key.sign(attributes, padding.PKCS1v15(), hashes.SHA256())
        file.embed(signed_data(attributes, value, (certificate,), "rsa-pkcs1v15", "sha256"))
        published = file.publish(None)
    assert isinstance(published, bytes)
    return published


def sign(source: Source, password: str | None = None, **changes: Any) -> bytes:
    """Sign `source` and return the signed bytes."""
    return complete(source, prepare(source, plan(**changes), password))


def root_der() -> bytes:
    """Return the trusted root."""
    return signer()[0].certificate.public_bytes(Encoding.DER)


def assert_valid(original: bytes, signed: bytes, folder: Path, *, count: int = 1) -> None:
    """Assert that pdfsig, pyHanko, qpdf and pdfium accept `signed`, and that `original` is its beginning."""
    before, after = folder / "before.pdf", folder / "after.pdf"
    before.write_bytes(original)
    after.write_bytes(signed)
    assert signed.startswith(original)
    # pdfsig lists the empty fields too, without a type.
    seen = [signature for signature in judges.pdfsig(after) if "is not signed" not in signature.text]
    assert len(seen) == count
    assert all(signature.valid for signature in seen), [signature.text for signature in seen]
    assert sum(signature.total_document for signature in seen) == 1
    judged = judges.pyhanko_validate(signed, [root_der()])
    assert len(judged) == count
    assert all(signature.bottom_line for signature in judged), [
        (signature.field, signature.modification) for signature in judged
    ]
    assert judged[-1].coverage == "ENTIRE_FILE"
    status, said = judges.qpdf_check(after)
    assert status <= judges.qpdf_check(before)[0], said
    judges.render_pdfium(signed, 1, 30)
