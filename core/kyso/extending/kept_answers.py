"""What verifications fetched, from their cache: the very answers they went by. Nobody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.verification.locations import crl_urls, issuer_urls, ocsp_urls
from kyso.verification.online import (
    MAX_CRL_BYTES,
    MAX_ISSUER_BYTES,
    MAX_OCSP_BYTES,
    crl_question,
    issuer_question,
    ocsp_question,
    ocsp_request,
)
from kyso.verification.trust import decoded_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.cms.certificate import Certificate
    from kyso.verification.answer_cache import AnswerCache


class KeptAnswers:
    """Answers as :class:`~kyso.extending.online.EvidenceFetcher` gives them, without the network."""

    def __init__(self, cache: AnswerCache) -> None:
        self._cache = cache

    def crls(self, certificate: Certificate) -> list[bytes]:
        """Return the lists kept for the certificate's distribution points, DER."""
        kept = self._kept((crl_question(url) for url in crl_urls(certificate)), MAX_CRL_BYTES)
        return [block for data in kept for block in decoded_blocks(data)]

    def ocsp(self, certificate: Certificate, issuer: Certificate) -> list[bytes]:
        """Return the answers kept about the certificate."""
        if certificate.serial < 0:
            return []
        request = ocsp_request(certificate, issuer)
        return self._kept((ocsp_question(url, request) for url in ocsp_urls(certificate)), MAX_OCSP_BYTES)

    def issuers(self, certificate: Certificate) -> list[bytes]:
        """Return what was found at the addresses of the certificate's issuer."""
        return self._kept((issuer_question(url) for url in issuer_urls(certificate)), MAX_ISSUER_BYTES)

    def _kept(self, questions: Iterable[bytes], size_cap: int) -> list[bytes]:
        found = (self._cache.get(question, size_cap=size_cap) for question in questions)
        return [answer[0] for answer in found if answer is not None]
