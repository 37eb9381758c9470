"""What a document must carry to be verified without asking anybody: chains and revocation data (EN 319 142-1, 5.4).

For every signature and timestamp: the certificates up to the root, and for each but the root a revocation list or OCSP
answer that says it was good (or since when it was not). Evidence is taken from what the document holds already, from
lists given by a person, and, where the network may be used, from the addresses in the certificates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pikepdf

from kyso.cms import algorithms, der
from kyso.cms.encode import object_identifier, sequence, tlv
from kyso.cms.read import SIGNATURE_TIME_STAMP, CmsError, padded, read_signed_data
from kyso.cms.verify import matching, readable
from kyso.document.opening import PARSER_ERRORS
from kyso.document.pages import PageTree
from kyso.errors import InputRefused
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.chain import PathBuilder
from kyso.verification.crl import RevocationList, read_crl
from kyso.verification.detached import SUFFIX, read_detached
from kyso.verification.discovery import find_in_form
from kyso.verification.ocsp import read_ocsp
from kyso.verification.revisions import open_pdf
from kyso.verification.revocation import Evidence, check_revocation, read_embedded
from kyso.verification.security_store import SecurityStore, archived_revocation, read_store
from kyso.verification.source import open_source
from kyso.verification.trust import load_trust

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from kyso.cms.certificate import Certificate
    from kyso.cms.read import SignedData
    from kyso.extending.kept_answers import KeptAnswers
    from kyso.extending.online import EvidenceFetcher
    from kyso.verification.chain import Chain
    from kyso.verification.ocsp import OcspResponse
    from kyso.verification.settings import VerificationSettings
    from kyso.verification.trust import TrustStore

_MAX_FETCHED_ISSUERS: Final = 6
_BIT_STRING: Final = 0x03


@dataclass(frozen=True, slots=True)
class ValidationData:
    """What is to be added to the document security store, and what could not be had.

    :param certificates: DER certificates; `crls` and `ocsp` likewise.
    """

    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    ocsp: tuple[bytes, ...]
    missing: tuple[Notice, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to add."""
        return not (self.certificates or self.crls or self.ocsp)


def gather(
    path: Path, settings: VerificationSettings, fetcher: EvidenceFetcher | KeptAnswers | None, *, complete: bool = False
) -> ValidationData:
    """Collect the validation data of all signatures and timestamps in a PDF, or in a signature file beside a letter.

    :param fetcher: ``None`` asks nobody.
    :param complete: return also what the document itself carries, for keeping the evidence apart from it.
    :raises InputRefused: the file cannot be read.
    """
    if path.suffix.lower() == SUFFIX:
        detached = read_detached(path)
        if isinstance(detached, Notice):
            raise InputRefused(detached.code, **detached.parameters)
        held, signed = SecurityStore(), _with_timestamps(detached.signed_data)
    else:
        try:
            with open_source(path) as data, open_pdf(data, data.size, settings.password) as pdf:
                contents = [found.contents for found in find_in_form(pdf, PageTree(pdf.Root, path.name), path.name)[0]]
                held = read_store(pdf.Root)
        except (*PARSER_ERRORS, pikepdf.PasswordError) as error:
            raise InputRefused("document.damaged", name=path.name) from error
        signed = [each for raw in contents if raw is not None for each in _signed_data(raw)]
    store = load_trust(settings.trust, settings.crls)
    if complete:
        held = _all_carried(held, signed)
    return _Collection(store, held, fetcher, settings.moment, complete=complete).of(signed)


def _signed_data(contents: bytes) -> list[SignedData]:
    """Return the CMS in /Contents and the timestamps inside it; what cannot be read needs no evidence."""
    try:
        return _with_timestamps(read_signed_data(padded(contents)))
    except (CmsError, der.DerError):
        return []


def _with_timestamps(outer: SignedData) -> list[SignedData]:
    found = [outer]
    for signer in outer.signers:
        for raw in signer.unsigned(SIGNATURE_TIME_STAMP):
            try:
                found.append(read_signed_data(raw))
            except (CmsError, der.DerError):
                continue
    return found


def _all_carried(held: SecurityStore, signed: Iterable[SignedData]) -> SecurityStore:
    """Return the store with the revocation data that the signatures carry inside themselves."""
    crls, ocsp = list(held.crls), list(held.ocsp)
    for structure in signed:
        crls += structure.crls
        ocsp += structure.ocsp_responses
        for signer in structure.signers:
            archived_crls, archived_ocsp = archived_revocation(signer)
            crls += archived_crls
            ocsp += archived_ocsp
    return SecurityStore(held.certificates, tuple(dict.fromkeys(crls)), tuple(dict.fromkeys(ocsp)))


class _Collection:
    """The evidence about one document while it grows."""

    def __init__(
        self,
        store: TrustStore,
        held: SecurityStore,
        fetcher: EvidenceFetcher | KeptAnswers | None,
        moment: datetime,
        *,
        complete: bool = False,
    ) -> None:
        self._complete = complete
        self._carried = held
        self._fetcher = fetcher
        self._moment = moment
        self._builder = PathBuilder(store.anchors, store.others)
        self._builder.add(readable(held.certificates))
        lists, responses = read_embedded(held.crls, held.ocsp)
        self._held = Evidence((), tuple(lists), tuple(responses))
        self._held_certificates = frozenset(held.certificates)
        self._given = store.crls
        self._certificates: dict[bytes, None] = {}
        self._crls: dict[bytes, None] = {}
        self._ocsp: dict[bytes, None] = {}
        self._missing: list[Notice] = []

    def of(self, signed: Iterable[SignedData]) -> ValidationData:
        """Return the evidence for the signers of these CMS structures."""
        structures = list(signed)
        for structure in structures:
            self._builder.add(readable(structure.certificates))
        for structure in structures:
            known = [*readable(structure.certificates), *readable(self._held_certificates)]
            for signer in structure.signers:
                for certificate in matching(signer, known)[:1]:
                    self._about(self._chain(certificate))
        left_out = frozenset() if self._complete else self._held_certificates
        fresh = tuple(raw for raw in self._certificates if raw not in left_out)
        return ValidationData(fresh, tuple(self._crls), tuple(self._ocsp), tuple(self._missing))

    def _chain(self, certificate: Certificate) -> Chain:
        chain = self._builder.build(certificate)
        for _ in range(_MAX_FETCHED_ISSUERS):
            if chain.complete or self._fetcher is None:
                break
            fetched = [each for raw in self._fetcher.issuers(chain.path[-1]) for each in _bundle(raw)]
            if not fetched:
                break
            self._builder.add(fetched)
            longer = self._builder.build(certificate)
            if longer.path == chain.path:
                break
            chain = longer
        return chain

    def _about(self, chain: Chain) -> None:
        self._certificates.update(dict.fromkeys(certificate.raw for certificate in chain.path))
        self._lacks(*chain.wrong, *chain.doubts)
        for position, certificate in enumerate(chain.path):
            issuer = chain.issuer_of(position)
            if issuer is None:
                continue
            if not self._answered(certificate, issuer):
                self._lacks(Notice("extending.no_revocation_data", {"subject": certificate.display_name}))

    def _lacks(self, *notices: Notice) -> None:
        self._missing += [notice for notice in notices if notice not in self._missing]

    def _answered(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Tell whether there is evidence about a certificate, and keep what is not in the document yet."""
        if self._says(certificate, issuer, self._held):
            if self._complete:
                self._keep_carried(certificate, issuer)
            return True
        for crl in self._given:
            if self._says(certificate, issuer, Evidence((crl,))):
                self._crls[encoded(crl)] = None
                return True
        if self._fetcher is None:
            return False
        for raw in self._fetcher.ocsp(certificate, issuer):
            response = _read_response(raw)
            if response is not None and self._says(certificate, issuer, Evidence((), (), (response,))):
                self._ocsp[raw] = None
                self._certificates.update(dict.fromkeys(each.raw for each in response.certificates))
                return True
        for raw in self._fetcher.crls(certificate):
            fetched = _read_list(raw)
            if fetched is not None and self._says(certificate, issuer, Evidence((fetched,))):
                self._crls[raw] = None
                return True
        return False

    def _keep_carried(self, certificate: Certificate, issuer: Certificate) -> None:
        """Keep the lists and answers of the document that speak of a certificate."""
        for raw in self._carried.crls:
            crl = _read_list(raw)
            if crl is not None and self._says(certificate, issuer, Evidence((), (crl,))):
                self._crls[raw] = None
        for raw in self._carried.ocsp:
            response = _read_response(raw)
            if response is not None and self._says(certificate, issuer, Evidence((), (), (response,))):
                self._ocsp[raw] = None
                self._certificates.update(dict.fromkeys(each.raw for each in response.certificates))

    def _says(self, certificate: Certificate, issuer: Certificate, evidence: Evidence) -> bool:
        return check_revocation(certificate, issuer, self._moment, evidence).state != "unknown"


def encoded(crl: RevocationList) -> bytes:
    """Return a list's DER again from its parts."""
    algorithm = sequence(object_identifier(crl.signature_algorithm.oid), crl.signature_algorithm.parameters)
    return sequence(crl.tbs, algorithm, tlv(_BIT_STRING, b"\x00", crl.signature))


def _read_response(raw: bytes) -> OcspResponse | None:
    try:
        return read_ocsp(raw)
    except (der.DerError, algorithms.UnsupportedAlgorithm):
        return None


def _read_list(raw: bytes) -> RevocationList | None:
    try:
        return read_crl(raw)
    except (der.DerError, algorithms.UnsupportedAlgorithm):
        return None


def _bundle(raw: bytes) -> list[Certificate]:
    """Read what lies at an issuer's address: one certificate, or a PKCS #7 bundle."""
    single = readable([raw])
    if single:
        return single
    try:
        return readable(read_signed_data(raw).certificates)
    except (CmsError, der.DerError):
        return []
