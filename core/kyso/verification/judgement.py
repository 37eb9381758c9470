"""Whether a certificate may be relied on at the time that counts: chain, validity, purpose, revocation.

The time that counts is the *proven* one where a trusted timestamp proves that the signature existed, else the present.
A claimed time is never used: whoever holds a stolen key writes any /M he likes (rule 6 of the design).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from kyso.cms import der
from kyso.cms.certificate import DIGITAL_SIGNATURE, NON_REPUDIATION
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.chain import PathBuilder, needs_full_validation, validate_fully
from kyso.verification.revocation import Evidence, RevocationState, check_revocation
from kyso.verification.timestamps import TIME_STAMPING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kyso.cms.certificate import Certificate
    from kyso.verification.chain import Chain
    from kyso.verification.distrust import DistrustEntry
    from kyso.verification.online import OnlineEvidence
    from kyso.verification.report import CertificateStatus, CheckedWith
    from kyso.verification.settings import RevocationMode
    from kyso.verification.trust import TrustStore

Purpose = Literal["signing", "timestamping"]
MAX_FETCHED_ISSUERS: Final = 4

_SIGNING_USAGES: Final = frozenset(
    {
        "2.5.29.37.0",  # any
        "1.3.6.1.5.5.7.3.2",  # TLS client, on most persons' certificates
        "1.3.6.1.5.5.7.3.4",  # e-mail protection
        "1.3.6.1.5.5.7.3.36",  # document signing (RFC 9336)
        "1.3.6.1.4.1.311.10.3.12",  # Microsoft document signing, on Vietnamese certificates
        "1.3.6.1.4.1.311.20.2.2",  # smart card logon
        "1.2.840.113583.1.1.5",  # Adobe authentic documents
    }
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known about a certificate at one time.

    :param wrong: what makes it invalid, with the ETSI sub-indication of the first.
    :param doubts: what leaves it undetermined.
    :param remarks: what a reader should see though it changes nothing.
    """

    chain: Chain
    status: CertificateStatus
    checked_with: CheckedWith
    wrong: tuple[Notice, ...]
    doubts: tuple[Notice, ...]
    remarks: tuple[Notice, ...]

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against relying on it."""
        return not self.wrong and not self.doubts


class CertificateJudge:
    """Judges the certificates of one document with the trust and evidence of one verification.

    :param online: where what is missing may be fetched; ``None`` fetches nothing.
    :param distrust: certificates and CAs that a person ruled out (TT 28/2015/TT-NHNN, Điều 16.2).
    """

    def __init__(
        self,
        store: TrustStore,
        now: datetime,
        mode: RevocationMode,
        online: OnlineEvidence | None = None,
        distrust: tuple[DistrustEntry, ...] = (),
    ) -> None:
        self._online = online
        self._distrust = distrust
        self._now = now
        self._mode = mode
        self._builder = PathBuilder(store.anchors, store.others)
        self._evidence = Evidence(given_crls=store.crls)

    def learn(self, certificates: Iterable[Certificate], evidence: Evidence) -> None:
        """Add what documents carry. Nothing of it is trusted; it only completes paths and answers for revocation."""
        self._builder.add(certificates)
        self._evidence = self._evidence.joined(evidence)

    def embedded_state(
        self, certificate: Certificate, moment: datetime, evidence: Evidence | None = None
    ) -> RevocationState:
        """Return what the document's own evidence says, or the part of it that is given; for telling the level."""
        issuer = self._builder.build(certificate).issuer_of(0)
        if issuer is None:
            return RevocationState("unknown")
        embedded = evidence or Evidence((), self._evidence.embedded_crls, self._evidence.embedded_ocsp)
        return check_revocation(certificate, issuer, moment, embedded)

    def judge(self, certificate: Certificate, purpose: Purpose, proven: datetime | None) -> Judgement:
        """Judge `certificate` at the proven time, or at the present without one."""
        moment = proven or self._now
        chain = self._chain(certificate)
        wrong, doubts = [*self._ruled_out(chain), *chain.wrong], list(chain.doubts)
        remarks: list[Notice] = []
        validity = _validity(certificate, moment)
        if validity == "not_yet_valid":
            (wrong if proven else doubts).append(
                Notice("certificate.not_yet_valid", {"not_before": certificate.not_before})
            )
        elif validity == "expired":
            code = "certificate.expired_at_signing" if proven else "certificate.expired"
            (wrong if proven else doubts).append(Notice(code, {"not_after": certificate.not_after}))
        doubts.extend(
            Notice("chain.ca_not_valid_then", {"subject": ca.display_name})
            for ca in chain.path[1 : -1 if chain.complete else None]
            if _validity(ca, moment) is not None
        )
        _check_purpose(certificate, purpose, wrong, doubts)
        if chain.complete and not wrong and needs_full_validation(chain.path) and not doubts:
            problem = validate_fully(chain.path, moment)
            if problem is not None:
                wrong.append(problem)
        state = self._revocation(chain, 0, moment)
        _report_leaf(state, bool(proven), wrong, doubts)
        for position in range(1, len(chain.path) - 1):
            self._judge_ca(chain, position, moment, wrong, doubts, remarks)
        status: CertificateStatus = state.state
        if validity is not None and status not in ("revoked", "suspended"):
            status = validity
        return Judgement(chain, status, state.checked_with, tuple(wrong), tuple(doubts), tuple(remarks))

    def _revocation(self, chain: Chain, position: int, moment: datetime) -> RevocationState:
        issuer = chain.issuer_of(position)
        if issuer is None:
            return RevocationState("unknown")
        certificate = chain.path[position]
        state = check_revocation(certificate, issuer, moment, self._evidence)
        # A chain that ends in no trusted root is not worth a request; "on hold" may have been lifted since.
        if self._online is None or not chain.complete or state.state not in ("unknown", "suspended"):
            return state
        told = len(self._online.problems)
        for evidence in self._online.answers(certificate, issuer):
            self._evidence = self._evidence.joined(evidence)
            state = check_revocation(certificate, issuer, moment, self._evidence)
            if state.state in ("good", "revoked"):
                # What another server failed to say is of no interest any more.
                del self._online.problems[told:]
                break
        return state

    def _ruled_out(self, chain: Chain) -> tuple[Notice, ...]:
        """Hold the path against the list of unsafe certificates. Whether it is trusted or complete does not matter."""
        if not self._distrust:
            return ()
        from kyso.verification.distrust import distrusted

        met = distrusted(chain.path, self._distrust)
        if met is None:
            return ()
        certificate, entry = met
        about = {"subject": certificate.display_name, "reason": entry.reason, "since": entry.since.isoformat()}
        return (Notice("chain.distrusted", about),)

    def _chain(self, certificate: Certificate) -> Chain:
        """Return the path, with issuers fetched from where the certificates say they are if that completes it."""
        chain = self._builder.build(certificate)
        for _ in range(MAX_FETCHED_ISSUERS if self._online is not None else 0):
            if chain.complete or chain.wrong or chain.path[-1].self_issued:
                break
            assert self._online is not None
            self._builder.add(self._online.issuers(chain.path[-1]))
            longer = self._builder.build(certificate)
            if len(longer.path) <= len(chain.path):
                break
            chain = longer
        return chain

    def _judge_ca(
        self,
        chain: Chain,
        position: int,
        moment: datetime,
        wrong: list[Notice],
        doubts: list[Notice],
        remarks: list[Notice],
    ) -> None:
        """Judge an issuing CA: evidence against it always counts, missing evidence only where it is required."""
        state = self._revocation(chain, position, moment).state
        subject = {"subject": chain.path[position].display_name}
        if state == "revoked":
            wrong.append(Notice("chain.ca_revoked", subject))
        elif state == "suspended":
            doubts.append(Notice("chain.ca_suspended", subject))
        elif state == "unknown" and chain.complete:
            target = doubts if self._mode == "require" else remarks
            target.append(Notice("chain.ca_revocation_unknown", subject))


def _validity(certificate: Certificate, moment: datetime) -> Literal["expired", "not_yet_valid"] | None:
    if moment < certificate.not_before:
        return "not_yet_valid"
    return "expired" if moment > certificate.not_after else None


def _check_purpose(certificate: Certificate, purpose: Purpose, wrong: list[Notice], doubts: list[Notice]) -> None:
    try:
        usage, extended = certificate.key_usage, certificate.extended_key_usage
        is_ca = certificate.basic_constraints[0]
    except der.DerError:
        wrong.append(Notice("chain.certificate_malformed", {"subject": certificate.display_name}))
        return
    if usage is not None and not usage & {DIGITAL_SIGNATURE, NON_REPUDIATION}:
        wrong.append(Notice("certificate.key_usage"))
    accepted = _SIGNING_USAGES if purpose == "signing" else frozenset({TIME_STAMPING})
    if extended is not None and not extended & accepted:
        doubts.append(Notice("certificate.purpose"))
    if is_ca:
        doubts.append(Notice("certificate.is_ca"))


def _report_leaf(state: RevocationState, proven: bool, wrong: list[Notice], doubts: list[Notice]) -> None:
    parameters = {"since": state.since} if state.since is not None else {}
    if state.state == "revoked":
        wrong.append(Notice("certificate.revoked_at_signing" if proven else "certificate.revoked", parameters))
    elif state.state == "suspended":
        doubts.append(Notice("certificate.suspended", parameters))
    elif state.state == "unknown":
        doubts.append(Notice("certificate.revocation_stale" if state.stale else "certificate.revocation_unknown"))
