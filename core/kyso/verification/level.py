"""Which PAdES baseline level a signature has (ETSI EN 319 142-1, clause 6): what the file holds, said honestly.

It is the form that is told here: a timestamp counts when it is intact, whoever made it. B-LT means that the document
itself holds an answer about the signer's certificate, B-LTA that a document timestamp also covers that answer: one
that was made before the answer was added keeps nothing for later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.cms.read import CmsError
from kyso.verification.revocation import Evidence, read_embedded
from kyso.verification.security_store import archived_revocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import pikepdf

    from kyso.cms.certificate import Certificate
    from kyso.cms.read import SignedData, SignerInfo
    from kyso.verification.discovery import FoundSignature
    from kyso.verification.judgement import CertificateJudge
    from kyso.verification.report import SignatureLevel
    from kyso.verification.security_store import SecurityStore


class Carried:
    """Revocation data that the document carries, with the place from which on it is there.

    :param pdf: ``None`` where all signatures are detached.
    :param base: where the header stands, from which the parser counts.
    """

    def __init__(self, security: SecurityStore, pdf: pikepdf.Pdf | None, base: int) -> None:
        self._security = security
        self._pdf = pdf
        self._base = base
        self._in_signatures: list[tuple[int, tuple[bytes, ...], tuple[bytes, ...]]] = []
        self._places: dict[bytes, int] | None = None

    def learn(self, end: int, structures: Iterable[SignedData], signer: SignerInfo | None) -> None:
        """Add what a signature carries that ends at `end`."""
        crls: list[bytes] = []
        ocsp: list[bytes] = []
        for structure in structures:
            crls += structure.crls
            ocsp += structure.ocsp_responses
        if signer is not None:
            archived_crls, archived_ocsp = archived_revocation(signer)
            crls += archived_crls
            ocsp += archived_ocsp
        if crls or ocsp:
            self._in_signatures.append((end, tuple(crls), tuple(ocsp)))

    def everything(self) -> Evidence:
        """Return all of it."""
        return self._evidence(self._security.crls, self._security.ocsp, self._in_signatures)

    def before(self, end: int) -> Evidence:
        """Return what stands before `end`."""
        places = self._stored_places()
        earlier = [entry for entry in self._in_signatures if entry[0] <= end]
        crls = [raw for raw in self._security.crls if places.get(raw, end) < end]
        return self._evidence(crls, [raw for raw in self._security.ocsp if places.get(raw, end) < end], earlier)

    def _evidence(
        self,
        crls: Iterable[bytes],
        ocsp: Iterable[bytes],
        in_signatures: Iterable[tuple[int, tuple[bytes, ...], tuple[bytes, ...]]],
    ) -> Evidence:
        all_crls, all_ocsp = list(crls), list(ocsp)
        for _, more_crls, more_ocsp in in_signatures:
            all_crls += more_crls
            all_ocsp += more_ocsp
        lists, responses = read_embedded(all_crls, all_ocsp)
        return Evidence((), tuple(lists), tuple(responses))

    def _stored_places(self) -> dict[bytes, int]:
        """Return where each entry of the security store first stands."""
        if self._places is None:
            table = {} if self._pdf is None else self._pdf.get_xref_table()
            self._places = {}
            for raw, holder in self._security.holders:
                entry = table.get(holder)
                if entry is not None and entry.type == 1:
                    place = self._base + (entry.offset or 0)
                    self._places[raw] = min(place, self._places.get(raw, place))
        return self._places


def level_of(
    found: FoundSignature,
    signer: SignerInfo | None,
    certificate: Certificate | None,
    stamped: Sequence[datetime],
    later: Sequence[tuple[int, datetime]],
    judge: CertificateJudge,
    carried: Carried,
) -> SignatureLevel:
    """Return the level of one signature.

    :param stamped: times of the intact timestamps inside the signature.
    :param later: intact document timestamps that cover it: the end of what they cover before their own /Contents, and
        their time.
    """
    if found.sub_filter != "ETSI.CAdES.detached" or signer is None or certificate is None:
        return "CMS"
    try:
        if signer.certificate_reference is None or found.claimed_time is None:
            return "CMS"
    except CmsError:
        return "CMS"
    if not stamped and not later:
        return "B-B"
    moment = min([*stamped, *(time for _, time in later)])
    if judge.embedded_state(certificate, moment).state == "unknown":
        return "B-T"
    for covered, _ in sorted(later, reverse=True):
        if judge.embedded_state(certificate, moment, carried.before(covered)).state != "unknown":
            return "B-LTA"
    return "B-LT"
