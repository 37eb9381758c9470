"""The result of a verification: frozen values that mirror the JSON contract ``kyso.report/1``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from kyso.cms.certificate_terms import CertificateTerms
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.contracts import Conformity
    from kyso.geometry import RectMm
    from kyso.models import Notice

SCHEMA = "kyso.report/1"

Verdict = Literal["valid", "invalid", "undetermined", "unsigned", "unreadable"]
Integrity = Literal["intact", "broken", "unchecked", "unsigned", "unreadable"]
Changes = Literal["none", "permitted", "form_filling", "annotations", "forbidden"]
Coverage = Literal["file", "revision", "partial"]
SignatureKind = Literal["approval", "certification", "timestamp"]
SignatureLevel = Literal["B-B", "B-T", "B-LT", "B-LTA", "CMS"]
TimeSource = Literal["timestamp", "signed_attribute", "claimed", "none"]
CertificateStatus = Literal["good", "revoked", "suspended", "expired", "not_yet_valid", "unknown"]
CheckedWith = Literal["ocsp", "crl", "embedded", "none"]

EXIT_CODES: Mapping[Verdict, int] = {"valid": 0, "invalid": 1, "undetermined": 2, "unsigned": 3, "unreadable": 4}


@dataclass(frozen=True, slots=True)
class FileInfo:
    """The file that was judged; `sha256` and `pages` are ``None`` where it could not be read."""

    name: str
    path: str | None
    sha256: str | None
    size: int | None
    pages: int | None


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """Who signed, as the certificate says it."""

    name: str
    organisation: str
    id: str


@dataclass(frozen=True, slots=True)
class SigningTime:
    """When it was signed and how well that is known."""

    value: datetime | None
    source: TimeSource


@dataclass(frozen=True, slots=True)
class CertificateInfo:
    """The signer's certificate and its state.

    :param serial: decimal.
    :param sha256: lower-case hex.
    :param terms: what it says of its scope of use and the issuer's liability.
    """

    serial: str
    sha256: str
    not_before: datetime
    not_after: datetime
    status: CertificateStatus
    checked_with: CheckedWith
    terms: CertificateTerms = CertificateTerms()


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """The path from the signer to the anchor; `names` start with the signer."""

    anchor: str | None
    complete: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlgorithmInfo:
    """Algorithms as declared and used."""

    digest: str
    signature: str
    key_bits: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """One change made after a signature, in plain words through its code."""

    code: str
    severity: Changes
    parameters: Mapping[str, object] = dataclasses.field(default_factory=dict)
    page: int | None = None
    rect_mm: RectMm | None = None


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature or document timestamp, in the order they were made."""

    field: str
    kind: SignatureKind
    verdict: Verdict
    integrity: Integrity
    coverage: Coverage
    changes: Changes
    change_list: tuple[Change, ...]
    level: SignatureLevel
    signer: SignerInfo
    issuer: str
    managing_unit: str
    signing_time: SigningTime
    certificate: CertificateInfo | None
    chain: ChainInfo
    algorithms: AlgorithmInfo
    indication: str
    sub_indication: str | None
    reasons: tuple[Notice, ...]
    page: int | None
    rect_mm: RectMm | None


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """A whole verification. `file`, headline and signatures are all there even for an unreadable file."""

    file: FileInfo
    verdict: Verdict
    integrity: Integrity
    changes: Changes
    validation_time: datetime
    validation_time_given: bool
    signatures: tuple[SignatureReport, ...] = ()
    conformity: tuple[Conformity, ...] = ()
    warnings: tuple[Notice, ...] = ()

    @property
    def exit_code(self) -> int:
        """The command line's exit code for this verdict."""
        return EXIT_CODES[self.verdict]
