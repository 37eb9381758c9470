"""What is known about a signer's chain and revocation before signing (TT 15/2025, Điều 5.1.a).

Revoked and suspended certificates never sign. A root that is not trusted and a revocation that could not be checked
are told, because the receiver will find the same; with ``[signing] require_trust`` they are refusals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kyso.cms.certificate import read_certificate
from kyso.cms.der import DerError
from kyso.errors import KeyTrouble
from kyso.models import Notice
from kyso.signing.certificates import signer_of
from kyso.verification.chain import PathBuilder
from kyso.verification.revocation import Evidence, check_revocation
from kyso.verification.trust import load_trust

if TYPE_CHECKING:
    from datetime import datetime

    from kyso.cms.certificate import Certificate
    from kyso.config import Config


def judge(certificate: bytes, chain: tuple[bytes, ...], config: Config, now: datetime) -> tuple[Notice, ...]:
    """Judge a signer's certificate with the configured roots and revocation lists.

    :param chain: CA certificates the key brought along.
    :returns: what is doubtful.
    :raises KeyTrouble: revoked or suspended; or doubtful where the configuration requires trust.
    """
    name = signer_of(certificate).name
    try:
        leaf = read_certificate(certificate)
        issuers = [read_certificate(der) for der in chain]
    except DerError as error:
        raise KeyTrouble("key.certificate_unreadable") from error
    store = load_trust(config.verification.trust, config.verification.crl)
    path = PathBuilder(store.anchors, (*store.others, *issuers)).build(leaf)
    doubts: list[str] = []
    if not path.complete or path.wrong:
        doubts.append("root_not_trusted")
    state = _revocation(leaf, path.issuer_of(0), now, Evidence(given_crls=store.crls))
    if state in ("revoked", "suspended"):
        raise KeyTrouble(f"key.{state}", name=name)
    if state == "unknown":
        doubts.append("revocation_unknown")
    if doubts and config.signing.require_trust:
        raise KeyTrouble("key.not_trusted" if doubts[0] == "root_not_trusted" else "key.revocation_unknown", name=name)
    return tuple(Notice(f"signing.{doubt}", {"name": name}) for doubt in doubts)


def _revocation(leaf: Certificate, issuer: Certificate | None, now: datetime, evidence: Evidence) -> str:
    if issuer is None:
        return "unknown"
    return check_revocation(leaf, issuer, now, evidence).state
