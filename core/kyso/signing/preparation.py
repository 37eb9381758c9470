"""The stage *prepare*: an opened letter, a placement and a certificate become a file that only lacks its signature.

Everything that can be refused is refused here, before the key is used.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kyso.cms.build import reserved_size, signed_attributes
from kyso.cms.values import signature_size
from kyso.document.fitness import check_fitness, repair
from kyso.document.opening import open_letter
from kyso.errors import SigningRefused, WrongUse
from kyso.frozen import dataclass
from kyso.models import Notice, PreparedSignature
from kyso.signing.certificates import check_certificate, choose_scheme, is_self_issued, signer_of
from kyso.signing.owner import check_owner
from kyso.signing.placing import INVISIBLE, check_wishes, draw, draw_fills, place, policy_owner, signing_time
from kyso.text import message
from kyso.update.files import PreparedFile
from kyso.update.plan import SignaturePlan
from kyso.update.writer import write_update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.contracts import Finding, Key
    from kyso.models import SignatureFormat, SignRequest, Source
    from kyso.signing.context import SigningContext

_SUBFILTERS: dict[SignatureFormat, Literal["ETSI.CAdES.detached", "adbe.pkcs7.detached"]] = {
    "pades": "ETSI.CAdES.detached",
    "pkcs7": "adbe.pkcs7.detached",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared signature together with its file, inside one process."""

    signature: PreparedSignature
    file: PreparedFile


def document_name(source: Source) -> str:
    """Return the name people know the document by."""
    return source.name if isinstance(source, Path) else "document.pdf"


def check_before_key(request: SignRequest, context: SigningContext) -> None:
    """Refuse what can be refused without knowing the signer, so that no password or PIN is asked for in vain.

    :raises SigningRefused: the letter may not be signed, or a word cannot be drawn.
    :raises InputRefused: the file cannot be used.
    """
    check_wishes(request, context)
    check_level(request, context)
    with open_letter(request.document, password=request.password, repairing=request.repair) as letter:
        if not letter.is_damaged:
            visible = request.policy != INVISIBLE
            _refuse(check_fitness(letter, field=request.field, visible=visible, certify=request.certify))


def check_level(request: SignRequest, context: SigningContext) -> None:
    """Refuse a level that cannot be reached, before the key is used.

    :raises WrongUse: a timestamp is wanted and no authority is known, or the network may not be used; long-term
        levels need an output file.
    """
    level = request.level or context.config.signing.level
    if level == "b":
        return
    from kyso.extending.timestamp import check_wanted

    check_wanted(context.config.signing.tsa, online=context.online)
    if level in ("lt", "lta") and request.out is None:
        raise WrongUse("signing.level_needs_file", level=level)


def _refuse(findings: Iterable[Finding]) -> list[Notice]:
    """Raise the first finding that forbids the signature; return the others as notices."""
    notices = []
    for finding in findings:
        if finding.refuse:
            raise SigningRefused(finding.code, **finding.parameters)
        notices.append(Notice(finding.code, finding.parameters))
    return notices


def prepare(request: SignRequest, key: Key, context: SigningContext, folder: Path | None = None) -> Prepared:
    """Prepare one letter.

    :param folder: where the prepared file is made; the folder of the output, so that publishing it is a rename.
        ``None`` prepares in memory.
    :raises SigningRefused: signing would break something or find no place.
    :raises InputRefused: the file cannot be used.
    :raises KeyTrouble: the certificate may not sign.
    """
    config = context.config.signing
    check_level(request, context)
    certificate = key.certificate
    check_certificate(certificate, context.now())
    notices = [*context.judge_certificate(certificate, key.chain)]
    notices += check_owner(certificate, policy_owner(request, context), request.key, context.config)
    signer = signer_of(certificate)
    scheme, digest = choose_scheme(key, request.scheme, request.digest or config.digest)
    level = request.level or config.level
    signature_format = request.signature_format or config.format
    signed_at = signing_time(request, context)
    # A root is trusted for being in the receiver's store, never for being in the signature.
    certificates = (certificate, *(issuer for issuer in key.chain if not is_self_issued(issuer)))

    with ExitStack() as opened:
        source = request.document
        letter = opened.enter_context(open_letter(source, password=request.password, repairing=request.repair))
        if request.repair and letter.is_damaged:
            source = repair(source, password=request.password)
            letter = opened.enter_context(open_letter(source, name=document_name(request.document)))
        placement = place(letter, request, signer, signed_at, context)
        subfilter = _SUBFILTERS[signature_format]
        findings = check_fitness(
            letter,
            field=placement.field,
            visible=placement.rect_mm is not None,
            certify=request.certify,
            subfilter=subfilter,
            digest=digest,
            reason=request.reason,
        )
        notices += [*_refuse(findings), *placement.notices]
        appearance = draw(placement, context)
        plan = SignaturePlan(
            page=placement.page,
            rect_mm=placement.rect_mm,
            appearance=appearance,
            field=placement.field,
            subfilter=subfilter,
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
            fills=draw_fills(placement, context),
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
            notices=tuple(notices),
        ),
        file,
    )
