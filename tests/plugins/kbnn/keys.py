"""Keys for these tests: the demo PKI's, opened like any key, and one that makes a person confirm first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kyso.cms.values import schemes_for
from kyso.demo.pki import DemoPki, Identity, certificate_der
from kyso.models import DigestName, DigestToSign, Pending, SchemeName, Signed
from kyso.verification.judgement import CertificateJudge
from kyso.verification.trust import load_trust
from kyso_pfx.source import PfxKey


def key_of(identity: Identity) -> PfxKey:
    """Open an identity's key."""
    chain = tuple(certificate_der(certificate) for certificate in identity.chain)
    return PfxKey(identity.key, certificate_der(identity.certificate), chain)


class PhoneKey:
    """A key whose owner confirms on a phone: the request is kept, the answer comes when :attr:`confirmed` is set."""

    def __init__(self, identity: Identity) -> None:
        self._inner = key_of(identity)
        self.certificate = self._inner.certificate
        self.chain = self._inner.chain
        self.schemes: tuple[tuple[SchemeName, DigestName], ...] = schemes_for(self.certificate)
        self.batch_limit: int | None = None
        self.confirmed = False
        self.requests: list[tuple[tuple[DigestToSign, ...], SchemeName]] = []

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        self.requests.append((tuple(digests), scheme))
        return self.poll(str(len(self.requests) - 1))

    def poll(self, ticket: str) -> Signed | Pending:
        if not self.confirmed:
            return Pending(ticket, datetime.now(UTC) + timedelta(minutes=4), "kbnn.needs_folder", {"role": "x"})
        digests, scheme = self.requests[int(ticket)]
        return self._inner.sign(digests, scheme)

    def close(self) -> None:
        self._inner.close()


def judge_of(pki: DemoPki, now: datetime | None = None) -> CertificateJudge:
    """Return a judge that trusts the demo's root and knows its revocation lists."""
    store = load_trust((pki.root_pem,), (pki.crl_folder,))
    return CertificateJudge(store, now or datetime.now(UTC), "offline")
