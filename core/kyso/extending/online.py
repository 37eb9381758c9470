"""Revocation data and issuers' certificates from the addresses that certificates name (RFC 5280, 4.2.1.13, 4.2.2.1).

The addresses come from outside, so everything goes through the fetch guard and private networks are refused unless
the policy opts in. What is fetched is only carried along here; what it is worth is judged like all other evidence.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from kyso.cms import der
from kyso.cms.certificate import CRL_DISTRIBUTION_POINTS
from kyso.cms.encode import NULL, integer, object_identifier, octet_string, sequence
from kyso.fetch import Fetcher, FetchFailed, FetchPolicy
from kyso.models import Notice
from kyso.text import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from kyso.cms.certificate import Certificate

AUTHORITY_INFORMATION_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
_OCSP: Final = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
_SHA1: Final = "1.3.14.3.2.26"
_URI: Final = 0x86
_MAX_URLS: Final = 4
POLICY: Final = FetchPolicy(deadline_s=15.0, size_cap=32 << 20)


class EvidenceFetcher:
    """Fetches for one document. Each address is asked once; failures are kept for the report.

    :ivar failures: what could not be fetched, in words.
    """

    def __init__(self, policy: FetchPolicy | None = None) -> None:
        self._fetcher = Fetcher(policy or POLICY)
        self._asked: dict[tuple[str, bytes], bytes | None] = {}
        self.failures: list[Notice] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fetcher.close()

    def crls(self, certificate: Certificate) -> list[bytes]:
        """Return the lists at the certificate's distribution points."""
        return self._all(("GET", url, b"") for url in _crl_urls(certificate))

    def ocsp(self, certificate: Certificate, issuer: Certificate) -> list[bytes]:
        """Return the answers of the certificate's OCSP responders (RFC 6960, A.1)."""
        if certificate.serial < 0:
            return []  # responders refuse such numbers; the lists name them
        query = ocsp_request(certificate, issuer)
        return self._all(("POST", url, query) for url in _access_urls(certificate, _OCSP))

    def issuers(self, certificate: Certificate) -> list[bytes]:
        """Return what lies at the addresses of the certificate's issuer: DER certificates or PKCS #7 bundles."""
        return self._all(("GET", url, b"") for url in _access_urls(certificate, _CA_ISSUERS))

    def _all(self, questions: Iterable[tuple[str, str, bytes]]) -> list[bytes]:
        answers = (self._once(method, url, body) for method, url, body in questions)
        return [answer for answer in answers if answer]

    def _once(self, method: str, url: str, body: bytes) -> bytes | None:
        key = (url, body)
        if key not in self._asked:
            self._asked[key] = self._ask(method, url, body)
        return self._asked[key]

    def _ask(self, method: str, url: str, body: bytes) -> bytes | None:
        headers = {"Content-Type": "application/ocsp-request"} if body else {}
        try:
            answer = self._fetcher.request(method, url, body=body or None, headers=headers)
        except FetchFailed as error:
            cause: object = Phrase(error.code, error.parameters)
        else:
            if answer.status == 200:
                return answer.body
            cause = f"HTTP {answer.status}"
        self.failures.append(Notice("extending.fetch_failed", {"url": url, "cause": cause}))
        return None


def ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes:
    """Return an OCSPRequest about one certificate (RFC 6960, 4.1.1).

    SHA-1 only names the issuer here and protects nothing; many responders know no other name.
    """
    key = der.bits(der.read_all(issuer.public_key_info).children()[1])
    identity = sequence(
        sequence(object_identifier(_SHA1), NULL),
        octet_string(hashlib.sha1(certificate.issuer, usedforsecurity=False).digest()),
        octet_string(hashlib.sha1(key, usedforsecurity=False).digest()),
        integer(certificate.serial),
    )
    return sequence(sequence(sequence(sequence(identity))))


def _crl_urls(certificate: Certificate) -> list[str]:
    extension = certificate.extensions.get(CRL_DISTRIBUTION_POINTS)
    if extension is None:
        return []
    try:
        return _web(
            name
            for point in der.read_all(extension.value).children()
            for member in point.children()
            if member.tag == 0xA0
            for form in member.children()
            if form.tag == 0xA0
            for name in form.children()
        )
    except der.DerError:
        return []


def _access_urls(certificate: Certificate, method: str) -> list[str]:
    extension = certificate.extensions.get(AUTHORITY_INFORMATION_ACCESS)
    if extension is None:
        return []
    try:
        descriptions = [description.children() for description in der.read_all(extension.value).children()]
        return _web(pair[1] for pair in descriptions if len(pair) == 2 and der.oid(pair[0]) == method)
    except der.DerError:
        return []


def _web(names: Iterable[der.Element]) -> list[str]:
    urls = [name.content.decode("ascii", "replace") for name in names if name.tag == _URI]
    return [url for url in urls if url.lower().startswith(("http://", "https://"))][:_MAX_URLS]
