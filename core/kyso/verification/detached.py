"""Signatures in a file of their own beside the letter: ``letter.pdf.p7s`` signs ``letter.pdf`` (RFC 5652; RFC 8551).

The letter may be of any kind: its bytes are signed, from the first to the last. A signature file may hold several
signers; each is a signature with a report of its own, and one broken signer never hides the others.

What this does not do: it takes nothing out of a CMS that carries its content inside (``.p7m``), because what a reader
opens would then not be the file beside it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kyso.cms.read import CmsError, SignedData, read_signed_data
from kyso.cms.verify import CmsCheck, signer_digest
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.coverage import CoverageCheck, DigestJob
from kyso.verification.discovery import FoundSignature
from kyso.verification.integrity import Prepared
from kyso.verification.source import open_source

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.cms.read import SignerInfo

SUFFIX: Final = ".p7s"
MAX_SIGNERS: Final = 50
MAX_SIGNATURE_BYTES: Final = 32 << 20
_DIRECT: Final = (0, 0)
_PEM = re.compile(rb"-----BEGIN (PKCS7|CMS)-----(.*?)-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DetachedSignature:
    """A signature file that could be read.

    :param name: its file name, under which its signatures are reported.
    """

    name: str
    signed_data: SignedData


def signed_file(signature: Path) -> Path | None:
    """Return the file that a signature file signs by its name: without the suffix, or the PDF of that name."""
    bare = signature.with_suffix("")
    return next((path for path in (bare, bare.with_name(f"{bare.name}.pdf")) if path.is_file()), None)


def signature_beside(letter: Path) -> Path | None:
    """Return the signature file that lies beside a letter, ``None`` without one."""
    beside = (letter.with_name(letter.name + SUFFIX), letter.with_suffix(SUFFIX))
    return next((path for path in beside if path.is_file()), None)


def read_detached(path: Path) -> DetachedSignature | Notice:
    """Read a signature file, DER or PEM. Return why not where it is none.

    :raises OSError: it cannot be opened.
    """
    with open_source(path) as source:
        data = source.read(0, MAX_SIGNATURE_BYTES + 1)
    if len(data) > MAX_SIGNATURE_BYTES:
        return Notice("verification.detached_unreadable", {"name": path.name})
    pem = _PEM.search(data)
    try:
        encoded = data if pem is None else base64.b64decode(b"".join(pem[2].split()), validate=True)
        signed_data = read_signed_data(encoded)
    except (CmsError, binascii.Error):
        return Notice("verification.detached_unreadable", {"name": path.name})
    if not signed_data.signers or len(signed_data.signers) > MAX_SIGNERS:
        return Notice("verification.detached_unreadable", {"name": path.name})
    if signed_data.content:
        return Notice("verification.detached_content_inside", {"name": path.name})
    return DetachedSignature(path.name, signed_data)


def prepare_detached(detached: DetachedSignature, size: int) -> list[Prepared]:
    """Return each signer as a signature over the whole file of `size` bytes."""
    signers = detached.signed_data.signers
    return [
        _prepared(
            detached.name if len(signers) == 1 else f"{detached.name} ({number})",
            replace(detached.signed_data, signers=(signer,)),
            signer,
            CoverageCheck((0, size, size, 0), "file", None, size),
        )
        for number, signer in enumerate(signers, start=1)
    ]


def _prepared(name: str, signed_data: SignedData, signer: SignerInfo, coverage: CoverageCheck) -> Prepared:
    found = FoundSignature(
        field=name,
        in_form=True,  # lying beside the file it is as visible as a field in a form
        holder=_DIRECT,
        sub_filter="adbe.pkcs7.detached",
        is_timestamp=False,
        stated_range=coverage.byte_range,
        contents=None,
        certificates=(),
        claimed_time=None,
        claimed_name="",
        docmdp=None,
        locks=(),
        certifies=False,
        page=None,
        rect_mm=None,
    )
    try:
        job = DigestJob(signer_digest(signer), coverage.byte_range or (0, 0, 0, 0))
    except CmsError as error:
        return Prepared(found, coverage, signed_data, outcome=CmsCheck("unchecked", reasons=(Notice(error.code),)))
    return Prepared(found, coverage, signed_data, job=job)
