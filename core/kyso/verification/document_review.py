"""All signatures of one document judged together, because they depend on each other.

Timestamps prove the time of what they cover; certificates and revocation data of one signature serve the others; what
changed after one signature changed after all earlier ones too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.read import SIGNATURE_TIME_STAMP, CmsError
from kyso.cms.verify import readable
from kyso.models import Notice
from kyso.verification.coverage import only_white_space
from kyso.verification.distrust import distrust_of
from kyso.verification.integrity import check
from kyso.verification.judgement import CertificateJudge
from kyso.verification.level import Carried, level_of
from kyso.verification.report import Change
from kyso.verification.security_store import SecurityStore, read_store
from kyso.verification.source import header_offset
from kyso.verification.timestamps import TokenCheck, check_token, read_token
from kyso.verification.verdict import Assessment, report_signature, restricted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pikepdf

    from kyso.cms.certificate import Certificate
    from kyso.cms.verify import CmsCheck
    from kyso.verification.coverage import Digests
    from kyso.verification.integrity import Prepared
    from kyso.verification.judgement import Judgement
    from kyso.verification.online import OnlineEvidence
    from kyso.verification.report import SignatureLevel, SignatureReport
    from kyso.verification.settings import Receipt, VerificationSettings
    from kyso.verification.source import ByteSource
    from kyso.verification.trust import TrustStore

_CLOCK_SKEW: Final = timedelta(minutes=5)
_MAX_TOKENS: Final = 8


@dataclass(slots=True)
class _Case:
    """One signature on its way to a report."""

    prepared: Prepared
    cms: CmsCheck
    own_token: TokenCheck | None
    tokens: tuple[TokenCheck, ...] = ()
    broken_tokens: tuple[Notice, ...] = ()
    changes: tuple[Change, ...] = ()
    proven: datetime | None = None
    by_register: bool = False
    judgement: Judgement | None = None


def review_signatures(
    prepared: Sequence[Prepared],
    digests: Digests,
    source: ByteSource,
    pdf: pikepdf.Pdf | None,
    store: TrustStore,
    settings: VerificationSettings,
) -> tuple[tuple[SignatureReport, ...], tuple[Notice, ...]]:
    """Judge the signatures, given in the order they were made. Return their reports and what else should be seen.

    :param pdf: ``None`` for a file of another kind, whose signatures are all detached.
    """
    if not prepared:
        return (), ()
    security = SecurityStore() if pdf is None else read_store(pdf.Root)
    elsewhere = _certificates_elsewhere(prepared, security, store)
    cases = [_case(item, digests, source, elsewhere) for item in prepared]
    if pdf is not None:
        _review_changes(cases, source, pdf, settings)
    online = _online(settings)
    judge = CertificateJudge(store, settings.moment, settings.revocation, online, distrust_of(settings))
    carried = Carried(security, pdf, header_offset(source))
    _teach(judge, cases, security, carried)
    try:
        receipt = None if settings.receipts is None else settings.receipts(digests.sha256)
        _prove_times(cases, judge, settings.moment, receipt)
        for case in cases:
            if case.cms.certificate is not None and case.judgement is None:
                purpose = "timestamping" if case.prepared.token is not None else "signing"
                case.judgement = judge.judge(case.cms.certificate, purpose, case.proven)  # type: ignore[arg-type] # the two literals
    finally:
        if online is not None:
            online.close()
    certifications = [
        case.prepared.found.docmdp for case in cases if case.prepared.found.docmdp is not None and _sound(case)
    ]
    # The strictest certification decides what is allowed; without one nothing is.
    allowed = min(certifications, default=0)
    reports = tuple(
        report_signature(
            Assessment(
                found=case.prepared.found,
                coverage=case.prepared.coverage,
                cms=case.cms,
                changes=case.changes,
                filling_allowed=allowed >= 2,
                annotating_allowed=allowed >= 3,
                judgement=case.judgement,
                proven=None if case.by_register else case.proven,
                level=_level(case, cases, judge, carried),
                stamped=case.own_token.time if case.own_token is not None and _sound(case) else None,
                doubts=_own_doubts(case),
            )
        )
        for case in cases
    )
    remarks: list[Notice] = [] if online is None else list(online.problems)
    if receipt is not None and any(case.by_register for case in cases):
        about = {"reference": receipt.reference, "time": receipt.recorded_at}
        remarks.append(Notice("verification.proven_by_register", about))
    for case, report in zip(cases, reports, strict=True):
        remarks.extend(() if case.judgement is None else case.judgement.remarks)
        remarks.extend(case.broken_tokens)
        remarks.extend(
            Notice("verification.revocation_not_checked", {"field": report.field})
            for notice in report.reasons
            if notice.code in ("certificate.revocation_unknown", "certificate.revocation_stale")
        )
    return reports, tuple(remarks)


def _online(settings: VerificationSettings) -> OnlineEvidence | None:
    """Return the way to the network where the terms of the verification permit it."""
    if not settings.online or settings.revocation == "offline":
        return None
    from kyso.verification.answer_cache import AnswerCache
    from kyso.verification.online import OnlineEvidence

    cache = AnswerCache.of_user() if settings.cache is None else AnswerCache(settings.cache)
    return OnlineEvidence(cache, allow_private=settings.allow_private)


def _sound(case: _Case) -> bool:
    return case.cms.status == "intact"


def _own_doubts(case: _Case) -> tuple[Notice, ...]:
    if case.prepared.found.in_form:
        return ()
    return (Notice("signature.not_in_form"),)


# ------------------------------------------------------------------------------------------------------- integrity


def _certificates_elsewhere(
    prepared: Sequence[Prepared], security: SecurityStore, store: TrustStore
) -> tuple[Certificate, ...]:
    """Return certificates found anywhere but in the signature itself, for one that lacks its signer's."""
    raw = [
        certificate
        for item in prepared
        if item.signed_data is not None
        for certificate in item.signed_data.certificates
    ]
    raw.extend(security.certificates)
    return tuple(dict.fromkeys((*readable(dict.fromkeys(raw)), *store.others, *store.anchors)))


def _case(item: Prepared, digests: Digests, source: ByteSource, elsewhere: tuple[Certificate, ...]) -> _Case:
    cms, own_token = check(item, digests, source, elsewhere)
    tokens: list[TokenCheck] = []
    broken: list[Notice] = []
    signer = cms.signer if own_token is None else None
    for raw in () if signer is None else signer.unsigned(SIGNATURE_TIME_STAMP)[:_MAX_TOKENS]:
        assert signer is not None
        value = signer.signature
        try:
            token = check_token(read_token(raw), lambda name, value=value: algorithms.digest_of(name, value), elsewhere)  # type: ignore[misc] # mypy cannot infer a default
        except (CmsError, der.DerError):
            broken.append(Notice("timestamp.unusable", {"field": item.found.field}))
            continue
        if token.cms.status == "intact":
            tokens.append(token)
        else:
            broken.append(Notice("timestamp.unusable", {"field": item.found.field}))
    return _Case(item, cms, own_token, tuple(tokens), tuple(broken))


# --------------------------------------------------------------------------------------------------------- changes


def _review_changes(
    cases: Sequence[_Case], source: ByteSource, pdf: pikepdf.Pdf, settings: VerificationSettings
) -> None:
    """Review each pair of neighbouring revisions once and give every signature what came after it."""
    ends = sorted({case.prepared.coverage.end for case in cases if case.prepared.coverage.kind != "partial"})
    later: dict[int, tuple[Change, ...]] = {}
    if ends and (ends[-1] != source.size or len(ends) > 1):
        later = _changes_after(ends, source, pdf, settings)
    for case in cases:
        coverage = case.prepared.coverage
        if coverage.kind == "partial":
            # It cannot be told which revision was signed, so it cannot be told what changed since.
            unclear = () if coverage.byte_range is None else (Change("change.cannot_be_judged", "forbidden"),)
            case.changes = unclear
        else:
            case.changes = restricted(case.prepared.found, later.get(coverage.end, ()))


def _changes_after(
    ends: list[int], source: ByteSource, pdf: pikepdf.Pdf, settings: VerificationSettings
) -> dict[int, tuple[Change, ...]]:
    from kyso.verification.pair_review import review_pairs

    states = list(ends)
    if not only_white_space(source, ends[-1]):
        states.append(source.size)
    pairs = review_pairs(states, source, pdf, settings.password)
    later: dict[int, tuple[Change, ...]] = {}
    collected: tuple[Change, ...] = ()
    for end in reversed(ends):
        collected = (*pairs.get(end, ()), *collected)
        later[end] = collected
    return later


# ------------------------------------------------------------------------------------------------------------ time


def _teach(judge: CertificateJudge, cases: Iterable[_Case], security: SecurityStore, carried: Carried) -> None:
    certificates: list[bytes] = list(security.certificates)
    for case in cases:
        structures = [case.prepared.signed_data, *(token.token.signed_data for token in case.tokens)]
        present = [structure for structure in structures if structure is not None]
        for structure in present:
            certificates.extend(structure.certificates)
        if case.prepared.bare is not None:
            certificates.extend(case.prepared.found.certificates)
        carried.learn(case.prepared.coverage.end, present, case.cms.signer)
    evidence = carried.everything()
    responders = [certificate for response in evidence.embedded_ocsp for certificate in response.certificates]
    judge.learn([*readable(dict.fromkeys(certificates)), *responders], evidence)


def _prove_times(
    cases: Sequence[_Case], judge: CertificateJudge, now: datetime, receipt: Receipt | None = None
) -> None:
    """Find for each signature the earliest proven time of its existence.

    Document timestamps are taken from the latest to the earliest: the latest is judged at the present, and once it
    holds it proves that everything it covers existed, so earlier timestamps are judged at its time
    (ETSI EN 319 102-1, 5.6.2.3).

    :param receipt: the row of our own register; the whole file existed when it was recorded.
    """
    proofs: list[tuple[int, datetime]] = []
    received = None if receipt is None or receipt.recorded_at > now + _CLOCK_SKEW else receipt.recorded_at
    for case in sorted(cases, key=lambda c: c.prepared.coverage.end, reverse=True):
        end = case.prepared.coverage.end
        case.proven = min((time for covered, time in proofs if covered >= end > 0), default=None)
        if _proven_by_receipt(case, received):
            case.proven, case.by_register = received, True
        if case.own_token is not None:
            accepted = _accepted(case.own_token, judge, case.proven, now)
            if accepted is not None and case.prepared.coverage.kind != "partial":
                assert case.prepared.coverage.byte_range is not None
                proofs.append((case.prepared.coverage.byte_range[1], accepted))
            continue
        for token in case.tokens:
            accepted = _accepted(token, judge, case.proven, now)
            if accepted is not None and (case.proven is None or accepted < case.proven):
                case.proven, case.by_register = accepted, False


def _proven_by_receipt(case: _Case, received: datetime | None) -> bool:
    """Tell whether our register's row is the earliest proof that a signature existed.

    A signature file beside the letter is not in the file that was recorded. A receipt says "not later than": where the
    certificate had expired by then, it proves nothing against the signature and nothing for it.
    """
    certificate = case.cms.certificate
    if received is None or case.prepared.found.contents is None or certificate is None:
        return False
    return received <= certificate.not_after and (case.proven is None or received < case.proven)


def _accepted(token: TokenCheck, judge: CertificateJudge, proven: datetime | None, now: datetime) -> datetime | None:
    """Return the token's time where it proves something, else ``None``."""
    if token.cms.status != "intact" or token.cms.certificate is None or token.cms.weak:
        return None
    if token.time > now + _CLOCK_SKEW:
        return None
    judgement = judge.judge(token.cms.certificate, "timestamping", proven)
    return token.time if judgement.reliable else None


def _level(case: _Case, cases: Sequence[_Case], judge: CertificateJudge, carried: Carried) -> SignatureLevel:
    end = case.prepared.coverage.end
    later = [
        (other.prepared.coverage.byte_range[1], other.own_token.time)
        for other in cases
        if other.own_token is not None and _sound(other)
        if other.prepared.coverage.end > end and other.prepared.coverage.byte_range is not None
    ]
    stamped = [token.time for token in case.tokens]
    return level_of(case.prepared.found, case.cms.signer, case.cms.certificate, stamped, later, judge, carried)
