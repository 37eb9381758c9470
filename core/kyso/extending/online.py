"""Revocation data and issuers' certificates to be put into a document, from the addresses that certificates name.

What is fetched is only carried along here; what it is worth is judged like all other evidence. The asking itself, with
its guard and limits, is :class:`kyso.verification.online.Asking`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kyso.fetch import FetchPolicy
from kyso.verification.locations import crl_urls, issuer_urls, ocsp_urls
from kyso.verification.online import MAX_CRL_BYTES, MAX_ISSUER_BYTES, MAX_OCSP_BYTES, Asking, ocsp_request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from kyso.cms.certificate import Certificate
    from kyso.models import Notice

_DEADLINE_S: Final = 15.0
POLICY: Final = FetchPolicy(deadline_s=_DEADLINE_S, size_cap=MAX_CRL_BYTES)


class EvidenceFetcher:
    """Fetches for one document. Each address is asked once; failures are kept for the report."""

    def __init__(self, policy: FetchPolicy | None = None) -> None:
        self._asking = Asking(policy or POLICY)
        self._asked: dict[tuple[str, bytes], bytes | None] = {}

    @classmethod
    def within(cls, *, allow_private: bool) -> Self:
        """Return a fetcher that may also ask in private ranges where the configuration permits it."""
        return cls(FetchPolicy(deadline_s=_DEADLINE_S, size_cap=MAX_CRL_BYTES, allow_private=allow_private))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._asking.close()

    @property
    def failures(self) -> list[Notice]:
        """What could not be fetched, in words."""
        return self._asking.problems

    def crls(self, certificate: Certificate) -> list[bytes]:
        """Return the lists at the certificate's distribution points."""
        return self._all(crl_urls(certificate), MAX_CRL_BYTES)

    def ocsp(self, certificate: Certificate, issuer: Certificate) -> list[bytes]:
        """Return the answers of the certificate's OCSP responders (RFC 6960, A.1)."""
        if certificate.serial < 0:
            return []  # responders refuse such numbers; the lists name them
        return self._all(ocsp_urls(certificate), MAX_OCSP_BYTES, ocsp_request(certificate, issuer))

    def issuers(self, certificate: Certificate) -> list[bytes]:
        """Return what lies at the addresses of the certificate's issuer: DER certificates or PKCS #7 bundles."""
        return self._all(issuer_urls(certificate), MAX_ISSUER_BYTES)

    def _all(self, urls: Iterable[str], size_cap: int, body: bytes | None = None) -> list[bytes]:
        answers: list[bytes] = []
        for url in urls:
            key = (url, body or b"")
            if key not in self._asked:
                self._asked[key] = self._asking.fetch(url, size_cap, body)
            answer = self._asked[key]
            if answer:
                answers.append(answer)
        return answers
