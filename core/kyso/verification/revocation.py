"""Whether a certificate was revoked or suspended at the time that counts (RFC 5280, 6.3; RFC 6960).

What counts as an answer:

- a list or response that is newer than the time asked about, or current at it, and was signed by the issuer;
- "revoked since a time before the one asked about" holds for ever, however old the list is;
- "on hold" (`certificateHold`) holds until a newer list no longer says so: suspended is not revoked, restored is good;
- a stale list that does not name the certificate says nothing: a revocation may have come later.

Anything else leaves the state unknown, and unknown is not good.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from kyso.cms import algorithms, der
from kyso.frozen import dataclass
from kyso.verification.crl import CERTIFICATE_HOLD, REMOVE_FROM_CRL, RevocationList, read_crl
from kyso.verification.ocsp import OcspResponse, read_ocsp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kyso.cms.certificate import Certificate
    from kyso.verification.report import CheckedWith

State = Literal["good", "revoked", "suspended", "unknown"]
_ANSWER_WITHOUT_END: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class RevocationState:
    """What is known about one certificate.

    :param since: when it was revoked or suspended.
    :param stale: evidence was there but too old to say anything about the time asked for.
    """

    state: State
    checked_with: CheckedWith = "none"
    since: datetime | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """Lists given by a person, lists and responses found in the document, and those just asked for."""

    given_crls: tuple[RevocationList, ...] = ()
    embedded_crls: tuple[RevocationList, ...] = ()
    embedded_ocsp: tuple[OcspResponse, ...] = ()
    fetched_crls: tuple[RevocationList, ...] = ()
    fetched_ocsp: tuple[OcspResponse, ...] = ()

    def joined(self, other: Evidence) -> Evidence:
        """Return the evidence of both."""
        return Evidence(
            (*self.given_crls, *other.given_crls),
            (*self.embedded_crls, *other.embedded_crls),
            (*self.embedded_ocsp, *other.embedded_ocsp),
            (*self.fetched_crls, *other.fetched_crls),
            (*self.fetched_ocsp, *other.fetched_ocsp),
        )


@dataclass(frozen=True, slots=True)
class _Statement:
    state: Literal["good", "revoked", "hold", "removed"]
    since: datetime | None
    made_at: datetime
    valid_until: datetime | None
    checked_with: CheckedWith


def read_embedded(crls: Iterable[bytes], ocsp: Iterable[bytes]) -> tuple[list[RevocationList], list[OcspResponse]]:
    """Read what a document carries; what cannot be read is no evidence."""
    lists: list[RevocationList] = []
    responses: list[OcspResponse] = []
    for raw in dict.fromkeys(crls):
        try:
            lists.append(read_crl(raw))
        except der.DerError:
            continue
    for raw in dict.fromkeys(ocsp):
        try:
            responses.append(read_ocsp(raw))
        except der.DerError:
            continue
    return lists, responses


def check_revocation(
    certificate: Certificate, issuer: Certificate, moment: datetime, evidence: Evidence
) -> RevocationState:
    """Return the state of `certificate`, issued by `issuer`, at `moment`."""
    statements = _statements(certificate, issuer, evidence)
    revoked = [s for s in statements if s.state == "revoked" and s.since is not None and s.since <= moment]
    if revoked:
        first = min(revoked, key=lambda s: s.since or moment)
        return RevocationState("revoked", first.checked_with, first.since)
    held = [s for s in statements if s.state == "hold" and s.since is not None and s.since <= moment]
    if held:
        newest = max(held, key=lambda s: s.made_at)
        # A hold seen by a list made after the time asked about was in force at it, whatever came later.
        restored = any(s.state in ("good", "removed") and s.made_at > newest.made_at for s in statements)
        if newest.made_at >= moment or not restored:
            return RevocationState("suspended", newest.checked_with, newest.since)
    fresh = [s for s in statements if _covers(s, moment)]
    if fresh:
        best = max(fresh, key=lambda s: s.made_at)
        return RevocationState("good", best.checked_with)
    return RevocationState("unknown", stale=bool(statements))


def _covers(statement: _Statement, moment: datetime) -> bool:
    """Tell whether "not revoked" can be concluded for `moment`."""
    if statement.made_at >= moment:
        return True
    return statement.valid_until is not None and statement.valid_until >= moment


def _statements(certificate: Certificate, issuer: Certificate, evidence: Evidence) -> list[_Statement]:
    found: list[_Statement] = []
    all_lists: tuple[tuple[tuple[RevocationList, ...], CheckedWith], ...] = (
        (evidence.given_crls, "crl"),
        (evidence.fetched_crls, "crl"),
        (evidence.embedded_crls, "embedded"),
    )
    for lists, checked_with in all_lists:
        for crl in lists:
            try:
                statement = _from_crl(crl, certificate, issuer, checked_with)
            except (der.DerError, algorithms.UnsupportedAlgorithm):
                continue
            if statement is not None:
                found.append(statement)
    all_responses: tuple[tuple[tuple[OcspResponse, ...], CheckedWith], ...] = (
        (evidence.fetched_ocsp, "ocsp"),
        (evidence.embedded_ocsp, "embedded"),
    )
    for responses, answered_by in all_responses:
        for response in responses:
            try:
                found.extend(_from_ocsp(response, certificate, issuer, answered_by))
            except (der.DerError, algorithms.UnsupportedAlgorithm):
                continue
    return found


def _from_crl(
    crl: RevocationList, certificate: Certificate, issuer: Certificate, checked_with: CheckedWith
) -> _Statement | None:
    if crl.issuer_name != certificate.issuer_name or not crl.signed_by(issuer):
        return None
    entry = crl.entry(certificate.serial)
    if entry is None:
        # Lists drop certificates after their expiry, so a later list says nothing about an expired one.
        if crl.weak or not crl.complete_for(certificate) or crl.this_update > certificate.not_after:
            return None
        return _Statement("good", None, crl.this_update, crl.next_update, checked_with)
    if entry.reason == REMOVE_FROM_CRL:
        return _Statement("removed", None, crl.this_update, crl.next_update, checked_with)
    state: Literal["hold", "revoked"] = "hold" if entry.reason == CERTIFICATE_HOLD else "revoked"
    return _Statement(state, entry.since, crl.this_update, crl.next_update, checked_with)


def _from_ocsp(
    response: OcspResponse, certificate: Certificate, issuer: Certificate, checked_with: CheckedWith
) -> list[_Statement]:
    about = [single for single in response.responses if single.speaks_of(certificate, issuer)]
    if not about or not response.signed_for(issuer):
        return []
    found: list[_Statement] = []
    for single in about:
        until = single.next_update
        if until is None and checked_with == "ocsp":
            # Newer information is there all the time (RFC 6960, 4.2.2.1); an answer just fetched is the newest.
            until = single.this_update + _ANSWER_WITHOUT_END
        if single.status == "revoked":
            state: Literal["hold", "revoked"] = "hold" if single.reason == CERTIFICATE_HOLD else "revoked"
            found.append(_Statement(state, single.since, single.this_update, until, checked_with))
        elif single.status == "good" and not response.weak:
            found.append(_Statement("good", None, single.this_update, until, checked_with))
    return found
