"""From what was found to what is said: one report per signature, and the headline of the file (DESIGN, section 5).

Every reason has a code; the table below says what it means for the verdict in the words of ETSI EN 319 102-1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kyso.cms.certificate import (
    COMMON_NAME,
    ORGANISATION,
    ORGANISATION_IDENTIFIER,
    SERIAL_NUMBER,
    USER_ID,
    Certificate,
    first_attribute,
)
from kyso.cms.certificate_terms import terms_of
from kyso.cms.read import CmsError
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.changes import SEVERITY
from kyso.verification.report import (
    AlgorithmInfo,
    CertificateInfo,
    ChainInfo,
    Change,
    SignatureReport,
    SignerInfo,
    SigningTime,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from kyso.cms.verify import CmsCheck
    from kyso.verification.coverage import CoverageCheck
    from kyso.verification.discovery import FoundSignature
    from kyso.verification.judgement import Judgement
    from kyso.verification.report import Changes, Integrity, SignatureKind, SignatureLevel, Verdict

PASSED: Final = "TOTAL-PASSED"
FAILED: Final = "TOTAL-FAILED"
UNCLEAR: Final = "INDETERMINATE"

_ETSI: Final[dict[str, tuple[str, str]]] = {
    "cms.digest_differs": (FAILED, "HASH_FAILURE"),
    "cms.signature_wrong": (FAILED, "SIG_CRYPTO_FAILURE"),
    "cms.certificate_missing": (UNCLEAR, "NO_SIGNING_CERTIFICATE_FOUND"),
    "cms.certificate_reference": (UNCLEAR, "NO_SIGNING_CERTIFICATE_FOUND"),
    "byte_range.missing": (FAILED, "FORMAT_FAILURE"),
    "byte_range.malformed": (FAILED, "FORMAT_FAILURE"),
    "byte_range.beyond_end": (FAILED, "FORMAT_FAILURE"),
    "byte_range.gap": (FAILED, "FORMAT_FAILURE"),
    "byte_range.not_at_revision_end": (FAILED, "FORMAT_FAILURE"),
    "byte_range.wrapped": (FAILED, "FORMAT_FAILURE"),
    "signature.empty": (UNCLEAR, "SIGNED_DATA_NOT_FOUND"),
    "signature.not_in_form": (UNCLEAR, "SIG_CONSTRAINTS_FAILURE"),
    "algorithm.unsupported": (UNCLEAR, "GENERIC"),
    "algorithm.weak_digest": (UNCLEAR, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
    "algorithm.weak_key": (UNCLEAR, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
    "chain.weak_algorithm": (UNCLEAR, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"),
    "chain.root_not_trusted": (UNCLEAR, "NO_CERTIFICATE_CHAIN_FOUND"),
    "chain.issuer_missing": (UNCLEAR, "NO_CERTIFICATE_CHAIN_FOUND"),
    "chain.ca_revoked": (UNCLEAR, "REVOKED_CA_NO_POE"),
    "chain.ca_suspended": (UNCLEAR, "TRY_LATER"),
    "chain.ca_revocation_unknown": (UNCLEAR, "TRY_LATER"),
    "chain.ca_not_valid_then": (UNCLEAR, "OUT_OF_BOUNDS_NO_POE"),
    "certificate.revoked": (UNCLEAR, "REVOKED_NO_POE"),
    "certificate.revoked_at_signing": (FAILED, "REVOKED"),
    "certificate.suspended": (UNCLEAR, "TRY_LATER"),
    "certificate.revocation_unknown": (UNCLEAR, "TRY_LATER"),
    "certificate.revocation_stale": (UNCLEAR, "TRY_LATER"),
    "certificate.expired": (UNCLEAR, "OUT_OF_BOUNDS_NO_POE"),
    "certificate.expired_at_signing": (UNCLEAR, "EXPIRED"),
    "certificate.not_yet_valid": (UNCLEAR, "NOT_YET_VALID"),
    "change.forbidden": (UNCLEAR, "SIG_CONSTRAINTS_FAILURE"),
    "change.annotations": (UNCLEAR, "SIG_CONSTRAINTS_FAILURE"),
    "change.form_filling": (UNCLEAR, "SIG_CONSTRAINTS_FAILURE"),
}
_VERDICT_ORDER: Final = {"valid": 0, "undetermined": 1, "invalid": 2}
_INTEGRITY_ORDER: Final = {"intact": 0, "unchecked": 1, "broken": 2}


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything known about one signature, ready to be said.

    :param changes: what happened after it, already held against its own restrictions.
    :param filling_allowed: whether a certification of the document lets forms be filled in.
    :param annotating_allowed: whether one lets notes be added.
    :param judgement: ``None`` where no certificate was found.
    :param proven: when a trusted timestamp proves it existed.
    :param stamped: what a document timestamp itself states.
    """

    found: FoundSignature
    coverage: CoverageCheck
    cms: CmsCheck
    changes: tuple[Change, ...]
    filling_allowed: bool
    annotating_allowed: bool
    judgement: Judgement | None
    proven: datetime | None
    level: SignatureLevel
    stamped: datetime | None = None
    doubts: tuple[Notice, ...] = ()


def restricted(found: FoundSignature, changes: Iterable[Change]) -> tuple[Change, ...]:
    """Hold changes against a signature's own DocMDP and FieldMDP (ISO 32000-2, 12.8.2.2 and 12.8.2.4)."""
    return tuple(replace(change, severity="forbidden") if _forbids(found, change) else change for change in changes)


def _forbids(found: FoundSignature, change: Change) -> bool:
    field = change.parameters.get("field")
    if (
        isinstance(field, str)
        and change.parameters.get("existing", change.severity == "form_filling")
        and any(lock.locks(field) for lock in found.locks)
    ):
        return True
    level = found.docmdp
    if level is None:
        return False
    if change.severity == "annotations":
        return level < 3
    if change.severity == "form_filling":
        return level < 2
    if change.code in ("change.signature_added", "change.signature_field_added"):
        new_and_visible = bool(change.parameters.get("visible")) and not change.parameters.get("existing")
        return level == 1 or new_and_visible
    return False


def worst_change(changes: Iterable[Change]) -> Changes:
    """Return the greatest severity among changes."""
    worst: Changes = "none"
    for change in changes:
        if SEVERITY[change.severity] > SEVERITY[worst]:
            worst = change.severity
    return worst


def report_signature(assessment: Assessment) -> SignatureReport:
    """Turn an assessment into the report of one signature."""
    found, cms = assessment.found, assessment.cms
    changes = worst_change(assessment.changes)
    wrong, doubts = _reasons(assessment, changes)
    verdict: Verdict = "invalid" if wrong else "undetermined" if doubts else "valid"
    indication, sub_indication = _etsi(wrong, doubts)
    certificate = cms.certificate
    chain = None if assessment.judgement is None else assessment.judgement.chain
    return SignatureReport(
        field=found.field,
        kind=_kind(found),
        verdict=verdict,
        integrity=cms.status,
        coverage=assessment.coverage.kind,
        changes=changes,
        change_list=assessment.changes,
        level=assessment.level,
        signer=_signer(certificate),
        issuer="" if certificate is None else certificate.issuer_display_name,
        managing_unit="" if certificate is None else first_attribute(certificate.issuer, ORGANISATION, COMMON_NAME),
        signing_time=_signing_time(assessment),
        certificate=_certificate(certificate, assessment.judgement),
        chain=ChainInfo(
            anchor=None if chain is None or chain.anchor is None else chain.anchor.display_name,
            complete=chain is not None and chain.complete,
            names=() if chain is None else tuple(part.display_name for part in chain.path),
        ),
        algorithms=AlgorithmInfo(cms.digest, cms.scheme, cms.key_bits),
        indication=indication,
        sub_indication=sub_indication,
        reasons=(*wrong, *doubts),
        page=found.page,
        rect_mm=found.rect_mm,
    )


def _reasons(assessment: Assessment, changes: Changes) -> tuple[list[Notice], list[Notice]]:
    """Sort everything that speaks against the signature into wrong and doubtful, the weightiest first."""
    cms, judgement = assessment.cms, assessment.judgement
    wrong: list[Notice] = []
    doubts: list[Notice] = []
    if cms.status == "broken":
        wrong.extend(cms.reasons)
    elif cms.status == "unchecked":
        doubts.extend(cms.reasons)
    wrong.extend(assessment.coverage.doubtful)
    if changes == "forbidden":
        wrong.append(Notice("change.forbidden"))
    elif changes == "annotations" and not (assessment.annotating_allowed and _harmless(assessment.changes)):
        doubts.append(Notice("change.annotations"))
    elif changes == "form_filling" and not assessment.filling_allowed:
        doubts.append(Notice("change.form_filling"))
    if judgement is not None:
        wrong.extend(judgement.wrong)
        doubts.extend(judgement.doubts)
    doubts.extend(cms.weak)
    doubts.extend(assessment.doubts)
    return wrong, doubts


def _harmless(changes: Iterable[Change]) -> bool:
    """Tell whether all notes among the changes leave the page readable as it was signed."""
    return not any(change.severity == "annotations" and change.parameters.get("covers", True) for change in changes)


def _etsi(wrong: Sequence[Notice], doubts: Sequence[Notice]) -> tuple[str, str | None]:
    for notice in wrong:
        if notice.code.startswith("chain."):
            return _ETSI.get(notice.code, (UNCLEAR, "CHAIN_CONSTRAINTS_FAILURE"))
        if notice.code.startswith("certificate."):
            return _ETSI.get(notice.code, (UNCLEAR, "SIG_CONSTRAINTS_FAILURE"))
        return _ETSI.get(notice.code, (FAILED, "FORMAT_FAILURE"))
    for notice in doubts:
        return _ETSI.get(notice.code, (UNCLEAR, "GENERIC"))
    return PASSED, None


def _kind(found: FoundSignature) -> SignatureKind:
    if found.is_timestamp:
        return "timestamp"
    return "certification" if found.certifies else "approval"


def _signer(certificate: Certificate | None) -> SignerInfo:
    if certificate is None:
        # /Name is what the file claims; without a certificate nobody vouches for it, so it is not shown as the signer.
        return SignerInfo("", "", "")
    subject = certificate.subject
    return SignerInfo(
        name=certificate.display_name,
        organisation=first_attribute(subject, ORGANISATION),
        id=first_attribute(subject, USER_ID, ORGANISATION_IDENTIFIER, SERIAL_NUMBER),
    )


def _signing_time(assessment: Assessment) -> SigningTime:
    if assessment.stamped is not None:
        return SigningTime(assessment.stamped, "timestamp")
    if assessment.proven is not None:
        return SigningTime(assessment.proven, "timestamp")
    signer = assessment.cms.signer
    try:
        attribute = None if signer is None else signer.signing_time
    except CmsError:
        attribute = None
    if attribute is not None:
        return SigningTime(attribute, "signed_attribute")
    if assessment.found.claimed_time is not None:
        return SigningTime(assessment.found.claimed_time, "claimed")
    return SigningTime(None, "none")


def _certificate(certificate: Certificate | None, judgement: Judgement | None) -> CertificateInfo | None:
    if certificate is None:
        return None
    return CertificateInfo(
        serial=str(certificate.serial),
        sha256=certificate.sha256,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        status="unknown" if judgement is None else judgement.status,
        checked_with="none" if judgement is None else judgement.checked_with,
        terms=terms_of(certificate),
    )


@dataclass(frozen=True, slots=True)
class Headline:
    """The verdict on the file."""

    verdict: Verdict
    integrity: Integrity
    changes: Changes


def headline(signatures: Sequence[SignatureReport]) -> Headline:
    """Return the verdict on the file: the worst signature decides.

    Document timestamps that are merely not trusted take nothing from the signatures; one that is wrong does.
    """
    if not signatures:
        return Headline("unsigned", "unsigned", "none")
    integrity = max((signature.integrity for signature in signatures), key=lambda value: _INTEGRITY_ORDER[value])
    changes = worst_change(change for signature in signatures for change in signature.change_list)
    persons = [signature for signature in signatures if signature.kind != "timestamp"]
    if not persons:
        return Headline("unsigned", integrity, changes)
    counted = persons + [s for s in signatures if s.kind == "timestamp" and s.verdict == "invalid"]
    verdict = max((signature.verdict for signature in counted), key=lambda value: _VERDICT_ORDER[value])
    return Headline(verdict, integrity, changes)
