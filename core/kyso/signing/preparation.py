"""The stage *prepare*: an opened letter, a placement and a certificate become a file that only lacks its signature.

Everything that can be refused is refused here, before the key is used.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.document.fitness import check_fitness, repair
from kyso.document.opening import open_letter
from kyso.update.files import PreparedFile
from kyso.update.writer import write_update

from kyso.cms.build import reserved_size, signed_attributes
from kyso.cms.values import signature_size
from kyso.errors import SigningRefused
from kyso.models import PreparedSignature
from kyso.signing.certificates import check_certificate, choose_scheme, signer_of
from kyso.signing.placing import draw, place, signing_time
from kyso.text import message
from kyso.update.plan import SignaturePlan

if TYPE_CHECKING:
    from kyso.contracts import Key
    from kyso.models import SignRequest, Source
    from kyso.signing.context import SigningContext

_SUBFILTERS = {"pades": "ETSI.CAdES.detached", "pkcs7": "adbe.pkcs7.detached"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared signature together with its file, inside one process."""

    signature: PreparedSignature
    file: PreparedFile


def document_name(source: Source) -> str:
    """Return the name people know the document by."""
    return source.name if isinstance(source, Path) else "document.pdf"


def prepare(request: SignRequest, key: Key, context: SigningContext, folder: Path | None = None) -> Prepared:
    """Prepare one letter.

    :param folder: where the prepared file is made; the folder of the output, so that publishing it is a rename.
        ``None`` prepares in memory.
    :raises SigningRefused: signing would break something or find no place.
    :raises InputRefused: the file cannot be used.
    :raises KeyTrouble: the certificate may not sign.
    """
    config = context.config.signing
    certificate = key.certificate
    check_certificate(certificate, context.now())
    notices = list(context.judge_certificate(certificate, key.chain))
    signer = signer_of(certificate)
    scheme, digest = choose_scheme(key, request.scheme, request.digest or config.digest)
    level = request.level or config.level
    signature_format = request.signature_format or config.format
    signed_at = signing_time(request, context)
    certificates = (certificate, *key.chain)

    with ExitStack() as opened:
        source = request.document
        letter = opened.enter_context(open_letter(source, password=request.password, repairing=request.repair))
        if request.repair and letter.is_damaged:
            source = repair(source)
            letter = opened.enter_context(open_letter(source, name=document_name(request.document)))
        placement = place(letter, request, signer, signed_at, context)
        for finding in check_fitness(
            letter, field=placement.field, visible=placement.rect_mm is not None, certify=request.certify
        ):
            if finding.refuse:
                raise SigningRefused(finding.code, **finding.parameters)
        appearance = draw(placement, context)
        plan = SignaturePlan(
            page=placement.page,
            rect_mm=placement.rect_mm,
            appearance=appearance,
            field=placement.field,
            subfilter="ETSI.CAdES.detached" if signature_format == "pades" else "adbe.pkcs7.detached",
            contents_size=reserved_size(
                certificates, signature_size(certificate), signature_format, timestamp=level != "b"
            ),
            signed_at=signed_at,
            signer_name=signer.name,
            policy=placement.policy,
            reason=request.reason,
            location=request.location,
            certify=request.certify,
            alternative_text=message("signing.alternative_text", "vi", {"name": signer.name}),
        )
        update = write_update(letter, plan)
        original_size = letter.size

    file = PreparedFile.create(source, update, folder)
    document_digest = file.digest(digest)
    return Prepared(
        PreparedSignature(
            id=os.urandom(8).hex(),
            document_name=document_name(request.document),
            file_size=file.size,
            byte_range=update.byte_range,
            digest=digest,
            document_digest=document_digest,
            scheme=scheme,
            signed_attributes=signed_attributes(document_digest, certificate, signature_format, signed_at),
            certificates=certificates,
            level=level,
            signature_format=signature_format,
            field=update.field,
            page=placement.page,
            rect_mm=placement.rect_mm,
            signed_at=signed_at,
            policy=placement.policy,
            key=request.key,
            signature_number=update.signature_number,
            original_size=original_size,
            notices=(*notices, *placement.notices),
        ),
        file,
    )
