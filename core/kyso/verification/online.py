"""Revocation lists, OCSP responses and missing CA certificates from the network (RFC 5280, RFC 6960).

Only what decides something is asked for: the certificates of a chain that ends in a trusted root and whose state what
is at hand leaves open, and an issuer that a chain lacks. Every request goes through :mod:`kyso.fetch`; a document
cannot make the verifier send more than :data:`MAX_REQUESTS` requests or wait longer than :data:`TOTAL_DEADLINE_S`.
What comes back is evidence like any other: signature and dates are judged by :mod:`kyso.verification.revocation`.

What this does not protect against: the responder learns that somebody verifies this certificate.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from kyso.cms import algorithms, der, encode
from kyso.fetch import Fetcher, FetchFailed, FetchPolicy
from kyso.models import Notice
from kyso.text import Phrase
from kyso.verification.answer_cache import AnswerCache
from kyso.verification.crl import read_crl
from kyso.verification.locations import crl_urls, issuer_urls, ocsp_urls
from kyso.verification.ocsp import read_ocsp
from kyso.verification.revocation import Evidence
from kyso.verification.trust import decoded_blocks, read_block

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kyso.cms.certificate import Certificate
    from kyso.verification.crl import RevocationList
    from kyso.verification.ocsp import OcspResponse

MAX_REQUESTS: Final = 24
REQUEST_DEADLINE_S: Final = 10.0
TOTAL_DEADLINE_S: Final = 30.0
MAX_CRL_BYTES: Final = 32 << 20
MAX_OCSP_BYTES: Final = 1 << 20
MAX_ISSUER_BYTES: Final = 1 << 20
_Answer = TypeVar("_Answer")
_ISSUER_KEPT: Final = timedelta(days=7)
_SHA1: Final = encode.sequence(encode.object_identifier("1.3.14.3.2.26"), encode.NULL)
_OCSP_HEADERS: Final = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}


class Asking:
    """Asks the addresses that certificates name, within the limits of one document.

    :ivar problems: what could not be fetched, in words.
    """

    def __init__(self, policy: FetchPolicy) -> None:
        self.problems: list[Notice] = []
        self._policy = policy
        self._fetcher: Fetcher | None = None
        self._until: float | None = None
        self._requests = 0
        self._failed_hosts: set[str] = set()

    def close(self) -> None:
        """Close what is open."""
        if self._fetcher is not None:
            self._fetcher.close()
            self._fetcher = None

    def fetch(self, url: str, size_cap: int, body: bytes | None = None) -> bytes | None:
        """Return what an address answers, ``None`` where it does not.

        :param body: of an OCSP request; without one the address is read.
        """
        host = _host(url)
        now = time.monotonic()
        if self._until is None:
            self._until = now + TOTAL_DEADLINE_S
        if host in self._failed_hosts:
            return None
        if self._requests >= MAX_REQUESTS or now >= self._until:
            self.problem(url, Phrase("online.limit"))
            return None
        self._requests += 1
        if self._fetcher is None:
            self._fetcher = Fetcher(self._policy)
        try:
            if body is None:
                answer = self._fetcher.request("GET", url)
            else:
                answer = self._fetcher.request("POST", url, body=body, headers=_OCSP_HEADERS)
        except FetchFailed as error:
            self._failed_hosts.add(host)
            self.problem(url, Phrase(error.code, error.parameters))
            return None
        if answer.status != 200:
            self.problem(url, Phrase("online.status", {"status": answer.status}))
            return None
        if len(answer.body) > size_cap:
            self.problem(url, Phrase("online.unusable"))
            return None
        return answer.body

    def problem(self, url: str, reason: Phrase) -> None:
        """Note that an address was of no use."""
        notice = Notice("verification.online_failed", {"host": _host(url), "reason": reason})
        if notice not in self.problems:
            self.problems.append(notice)


def ocsp_question(url: str, body: bytes) -> bytes:
    """Return the name under which a responder's answer is kept."""
    return b"ocsp " + url.encode() + b" " + body


def crl_question(url: str) -> bytes:
    """Return the name under which a revocation list is kept."""
    return b"crl " + url.encode()


def issuer_question(url: str) -> bytes:
    """Return the name under which an issuer's certificates are kept."""
    return b"issuer " + url.encode()


class OnlineEvidence:
    """Fetches for one verification, and remembers what was asked.

    :param cache: where answers are kept while they are current.
    :param allow_private: permit addresses in private ranges, for the CRL server of one's own network.
    """

    def __init__(self, cache: AnswerCache, *, allow_private: bool = False) -> None:
        self._cache = cache
        policy = FetchPolicy(deadline_s=REQUEST_DEADLINE_S, size_cap=MAX_CRL_BYTES, allow_private=allow_private)
        self._asking = Asking(policy)
        self._asked: set[tuple[bytes, bytes]] = set()
        self._issuers: dict[str, tuple[Certificate, ...]] = {}

    @property
    def problems(self) -> list[Notice]:
        """What could not be fetched, in words."""
        return self._asking.problems

    def close(self) -> None:
        """Close what is open."""
        self._asking.close()

    def answers(self, certificate: Certificate, issuer: Certificate) -> Iterator[Evidence]:
        """Yield what responders and list servers say about a certificate, the freshest first, each once.

        The caller stops as soon as it knows enough; nothing more is fetched then.
        """
        if (certificate.raw, issuer.raw) in self._asked:
            return
        self._asked.add((certificate.raw, issuer.raw))
        for url in ocsp_urls(certificate):
            response = self._ocsp(url, certificate, issuer)
            if response is not None:
                yield Evidence(fetched_ocsp=(response,))
                break
        for url in crl_urls(certificate):
            crl = self._crl(url, issuer)
            if crl is not None:
                yield Evidence(fetched_crls=(crl,))

    def issuers(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Return the certificates found where a certificate says its issuer's is. None of them is trusted."""
        found: list[Certificate] = []
        for url in issuer_urls(certificate):
            if url not in self._issuers:
                self._issuers[url] = self._issuer(url)
            found.extend(self._issuers[url])
        return tuple(found)

    # ---------------------------------------------------------------------------------------------- three questions

    def _ocsp(self, url: str, certificate: Certificate, issuer: Certificate) -> OcspResponse | None:
        try:
            body = ocsp_request(certificate, issuer)
        except der.DerError:
            return None

        def current(data: bytes, kept: datetime | None) -> OcspResponse | None:
            response = read_ocsp(data)
            about = [single for single in response.responses if single.serial == certificate.serial]
            now = datetime.now(UTC)
            if kept is not None and not all(s.next_update is not None and s.next_update > now for s in about):
                return None
            return response if about and response.signed_for(issuer) else None

        return self._answer(ocsp_question(url, body), url, MAX_OCSP_BYTES, current, body)

    def _crl(self, url: str, issuer: Certificate) -> RevocationList | None:
        def current(data: bytes, kept: datetime | None) -> RevocationList | None:
            block = next(decoded_blocks(data), b"")
            crl = read_crl(block)
            stale = crl.next_update is None or crl.next_update <= datetime.now(UTC)
            return None if (kept is not None and stale) or not crl.signed_by(issuer) else crl

        return self._answer(crl_question(url), url, MAX_CRL_BYTES, current)

    def _issuer(self, url: str) -> tuple[Certificate, ...]:
        def current(data: bytes, kept: datetime | None) -> tuple[Certificate, ...] | None:
            if kept is not None and datetime.now(UTC) - kept > _ISSUER_KEPT:
                return None
            certificates: list[Certificate] = []
            for block in decoded_blocks(data):
                read_block(block, certificates, [])
            return tuple(certificates[:20]) or None

        return self._answer(issuer_question(url), url, MAX_ISSUER_BYTES, current) or ()

    # ----------------------------------------------------------------------------------------------------- one way

    def _answer(
        self,
        question: bytes,
        url: str,
        size_cap: int,
        read: Callable[[bytes, datetime | None], _Answer | None],
        body: bytes | None = None,
    ) -> _Answer | None:
        """Return the kept answer while it is current, else fetch, read and keep a new one.

        :param read: reads an answer; ``None`` where it is of no use, or kept (with the time) and no longer current.
        """
        kept = self._cache.get(question, size_cap=size_cap)
        if kept is not None:
            answer = _read(read, kept[0], datetime.fromtimestamp(kept[1], UTC))
            if answer is not None:
                return answer
        data = self._asking.fetch(url, size_cap, body)
        if data is None:
            return None
        answer = _read(read, data, None)
        if answer is None:
            self._asking.problem(url, Phrase("online.unusable"))
            return None
        self._cache.put(question, data)
        return answer


def _read(
    read: Callable[[bytes, datetime | None], _Answer | None], data: bytes, kept: datetime | None
) -> _Answer | None:
    try:
        return read(data, kept)
    except (der.DerError, algorithms.UnsupportedAlgorithm):
        return None


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc or "-"
    except ValueError:
        return "-"


def ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes:
    """Return the DER OCSPRequest about one certificate (RFC 6960, 4.1.1).

    SHA-1 only names the issuer here; it is what every responder understands (RFC 5019, 2.1.1).

    :raises der.DerError: the issuer's key cannot be read.
    """
    key = der.bits(der.read_all(issuer.public_key_info).children()[1])
    serial = certificate.serial.to_bytes(certificate.serial.bit_length() // 8 + 1, "big", signed=True)
    identity = encode.sequence(
        _SHA1,
        encode.octet_string(hashlib.sha1(certificate.issuer, usedforsecurity=False).digest()),
        encode.octet_string(hashlib.sha1(key, usedforsecurity=False).digest()),
        encode.tlv(encode.INTEGER, serial),
    )
    return encode.sequence(encode.sequence(encode.sequence(encode.sequence(identity))))
