"""Building and judging the path from a certificate to a trusted root (RFC 5280, clause 6).

Paths are searched over the names and proven by the signatures; then the rules are applied: CA flag, path length, key
usage, strength. Name constraints, policies and unknown critical extensions are rare and easily judged wrongly, so a
path with one of them is handed to pyhanko-certvalidator.

The time is not asked here, except by certvalidator: whether each certificate was valid at the time that counts is
decided by :mod:`kyso.verification.judgement`, which knows that time.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.certificate import (
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    CERTIFICATE_POLICIES,
    CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE,
    INHIBIT_ANY_POLICY,
    KEY_CERT_SIGN,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    POLICY_CONSTRAINTS,
    POLICY_MAPPINGS,
    SUBJECT_ALT_NAME,
    SUBJECT_KEY_ID,
    Certificate,
    NormalName,
    signed_by,
)
from kyso.frozen import dataclass
from kyso.models import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

MAX_PATH_LENGTH: Final = 10
MAX_LINKS_TRIED: Final = 200

_UNDERSTOOD: Final = frozenset(
    {
        KEY_USAGE,
        SUBJECT_ALT_NAME,
        BASIC_CONSTRAINTS,
        CRL_DISTRIBUTION_POINTS,
        CERTIFICATE_POLICIES,
        AUTHORITY_KEY_ID,
        EXTENDED_KEY_USAGE,
        SUBJECT_KEY_ID,
    }
)
_DELEGATED: Final = frozenset({NAME_CONSTRAINTS, POLICY_MAPPINGS, POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY})


@dataclass(frozen=True, slots=True)
class Chain:
    """A path.

    :param path: the certificate asked about first; the anchor last where `complete`.
    :param wrong: rules that the path breaks.
    :param doubts: what keeps the path from being relied on without being wrong.
    """

    path: tuple[Certificate, ...]
    complete: bool
    wrong: tuple[Notice, ...] = ()
    doubts: tuple[Notice, ...] = ()

    @property
    def anchor(self) -> Certificate | None:
        """The trusted root, ``None`` without one."""
        return self.path[-1] if self.complete else None

    def issuer_of(self, position: int) -> Certificate | None:
        """Return the certificate that issued the one at `position`, where it is known."""
        return self.path[position + 1] if position + 1 < len(self.path) else None


class PathBuilder:
    """Finds paths among the certificates of one verification."""

    def __init__(self, anchors: Iterable[Certificate], others: Iterable[Certificate]) -> None:
        self._anchors = frozenset(anchors)
        self._by_subject: dict[NormalName, list[Certificate]] = defaultdict(list)
        for certificate in dict.fromkeys((*sorted(self._anchors, key=lambda c: c.sha256), *others)):
            self._by_subject[certificate.subject_name].append(certificate)
        self._known: dict[Certificate, Chain] = {}

    def add(self, certificates: Iterable[Certificate]) -> None:
        """Add certificates that help to build paths, as found in documents."""
        for certificate in certificates:
            same_name = self._by_subject[certificate.subject_name]
            if certificate not in same_name:
                same_name.append(certificate)
                self._known.clear()

    def build(self, leaf: Certificate) -> Chain:
        """Return the best path for `leaf`: complete and right, else complete, else the longest."""
        known = self._known.get(leaf)
        if known is None:
            search = _Search(self._anchors, self._by_subject)
            search.extend((leaf,), ())
            known = self._known[leaf] = search.best(leaf)
        return known


class _Search:
    """A depth-first search with a budget, so that a bundle of look-alikes cannot make it explode."""

    def __init__(self, anchors: frozenset[Certificate], by_subject: dict[NormalName, list[Certificate]]) -> None:
        self._anchors = anchors
        self._by_subject = by_subject
        self._budget = MAX_LINKS_TRIED
        self._complete: list[tuple[Certificate, ...]] = []
        self._partial: tuple[Certificate, ...] = ()
        self._forged: Notice | None = None

    def extend(self, path: tuple[Certificate, ...], keys: tuple[bytes, ...]) -> None:
        """Try every issuer of the last certificate of `path`."""
        last = path[-1]
        if last in self._anchors:
            self._complete.append(path)
            return
        if len(path) > len(self._partial):
            self._partial = path
        if len(path) >= MAX_PATH_LENGTH:
            return
        for issuer in self._issuers(last):
            if issuer in path or issuer.public_key_info in keys or self._budget <= 0:
                continue
            self._budget -= 1
            if self._signed(last, issuer):
                self.extend((*path, issuer), (*keys, issuer.public_key_info))
                if self._complete and not judge_path(self._complete[-1])[0]:
                    return

    def _issuers(self, certificate: Certificate) -> list[Certificate]:
        wanted = _key_identifier(certificate, authority=True)

        def rank(candidate: Certificate) -> tuple[bool, bool]:
            own = _key_identifier(candidate, authority=False)
            return own is not None and wanted is not None and own != wanted, candidate not in self._anchors

        return sorted(self._by_subject.get(certificate.issuer_name, ()), key=rank)

    def _signed(self, certificate: Certificate, issuer: Certificate) -> bool:
        try:
            if signed_by(
                certificate.tbs, certificate.signature_algorithm, certificate.signature, issuer.public_key_info
            ):
                return True
        except (algorithms.UnsupportedAlgorithm, der.DerError):
            return False
        wanted, own = _key_identifier(certificate, authority=True), _key_identifier(issuer, authority=False)
        if issuer in self._anchors and wanted is not None and wanted == own:
            # It claims this very key of a trusted CA, and the key did not sign it.
            self._forged = Notice("chain.signature_wrong", {"subject": certificate.display_name})
        return False

    def best(self, leaf: Certificate) -> Chain:
        """Return the outcome of the search."""
        judged = [(judge_path(path), path) for path in self._complete]
        if judged:
            (wrong, doubts), path = min(judged, key=lambda item: (len(item[0][0]), len(item[0][1]), len(item[1])))
            return Chain(path, True, wrong, doubts)
        path = self._partial or (leaf,)
        if self._forged is not None:
            return Chain(path, False, (self._forged,))
        last = path[-1]
        if last.self_issued:
            return Chain(path, False, (), (Notice("chain.root_not_trusted", {"root": last.display_name}),))
        return Chain(path, False, (), (Notice("chain.issuer_missing", {"issuer": last.issuer_display_name}),))


def _key_identifier(certificate: Certificate, *, authority: bool) -> bytes | None:
    try:
        return certificate.authority_key_id if authority else certificate.subject_key_id
    except der.DerError:
        return None


def judge_path(path: Sequence[Certificate]) -> tuple[tuple[Notice, ...], tuple[Notice, ...]]:
    """Apply the rules of RFC 5280, 6.1.4 to a complete path. Return what is wrong and what is doubtful."""
    wrong: list[Notice] = []
    doubts: list[Notice] = []
    below = 0
    for position, certificate in enumerate(path):
        names = {"subject": certificate.display_name}
        try:
            if position:
                is_ca, length = certificate.basic_constraints
                usage = certificate.key_usage
                if not is_ca:
                    wrong.append(Notice("chain.not_a_ca", names))
                if usage is not None and KEY_CERT_SIGN not in usage:
                    wrong.append(Notice("chain.may_not_issue", names))
                if length is not None and below > length:
                    wrong.append(Notice("chain.path_too_long", names))
                if not certificate.self_issued:
                    below += 1
            if position < len(path) - 1:
                doubts.extend(_weak_link(certificate))
            if position and certificate.public_key.weak:
                doubts.append(Notice("chain.weak_algorithm", {**names, "algorithm": certificate.public_key.kind}))
        except (der.DerError, algorithms.UnsupportedAlgorithm):
            wrong.append(Notice("chain.certificate_malformed", names))
    return tuple(wrong), tuple(doubts)


def _weak_link(certificate: Certificate) -> list[Notice]:
    digest = algorithms.scheme_of(certificate.signature_algorithm, None).digest
    if digest not in algorithms.WEAK_DIGESTS:
        return []
    return [Notice("chain.weak_algorithm", {"subject": certificate.display_name, "algorithm": str(digest).upper()})]


def needs_full_validation(path: Sequence[Certificate]) -> bool:
    """Tell whether a path has what only a full RFC 5280 validation judges. The anchor's own constraints count too."""
    return any(
        oid in _DELEGATED or (extension.critical and oid not in _UNDERSTOOD)
        for certificate in path
        for oid, extension in certificate.extensions.items()
    )


def validate_fully(path: Sequence[Certificate], moment: datetime) -> Notice | None:
    """Let pyhanko-certvalidator judge name constraints, policies and unknown critical extensions of a complete path.

    :returns: what it found wrong, or ``None``.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from asn1crypto import x509
    from pyhanko_certvalidator import CertificateValidator, ValidationContext
    from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError, ValidationError

    try:
        loaded = [x509.Certificate.load(certificate.raw) for certificate in path]
        context = ValidationContext(
            trust_roots=[loaded[-1]],
            other_certs=loaded[1:-1],
            moment=moment,
            allow_fetching=False,
            revocation_mode="soft-fail",
            weak_hash_algos=set(),
        )
        validator = CertificateValidator(loaded[0], intermediate_certs=loaded[1:-1], validation_context=context)
        # A thread of its own: the caller may itself be inside a running event loop.
        with ThreadPoolExecutor(1) as pool:
            coroutine = validator.async_validate_usage(set())  # type: ignore[no-untyped-call] # certvalidator's decorator
            pool.submit(asyncio.run, coroutine).result()
    except (ValidationError, PathBuildingError, PathValidationError, ValueError, TypeError, KeyError) as error:
        # asn1crypto reports malformed extensions with any of the last three.
        return Notice("chain.constraint", {"detail": str(error)[:300]})
    return None
