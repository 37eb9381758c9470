"""What is known about a signer's chain and revocation before signing (TT 15/2025, Điều 5.1.a).

Revoked, suspended and distrusted certificates never sign. A root that is not trusted and a revocation that could not be
checked are told, because the receiver will find the same; with ``[signing] require_trust`` they are refusals. The judge
is the one of verification, so that what signs here is what verifies there.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from kyso.cms.certificate import read_certificate
from kyso.cms.der import DerError
from kyso.errors import KeyTrouble
from kyso.models import Notice
from kyso.signing.certificates import signer_of
from kyso.verification.distrust import distrust_list
from kyso.verification.judgement import CertificateJudge
from kyso.verification.revocation import Evidence
from kyso.verification.trust import load_trust

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kyso.cms.certificate import Certificate
    from kyso.config import Config
    from kyso.verification.judgement import Judgement

_REFUSED = {"chain.distrusted": "key.distrusted", "chain.ca_revoked": "key.ca_revoked"}
_REFUSED_WITHOUT_TRUST = {
    "signing.root_not_trusted": "key.not_trusted",
    "signing.revocation_unknown": "key.revocation_unknown",
    "signing.purpose": "key.purpose",
}


def judge(
    certificate: bytes, chain: tuple[bytes, ...], config: Config, now: datetime, *, online: bool = False
) -> tuple[Notice, ...]:
    """Judge a signer's certificate with the configured roots and revocation lists.

    :param chain: CA certificates the key brought along.
    :param online: ask the CA's own servers for what is missing.
    :returns: what is doubtful.
    :raises KeyTrouble: revoked, suspended or on the list of unsafe certificates; or doubtful where the configuration
        requires trust.
    """
    name = signer_of(certificate).name
    try:
        leaf = read_certificate(certificate)
        issuers = [read_certificate(der) for der in chain]
    except DerError as error:
        raise KeyTrouble("key.certificate_unreadable") from error
    judged = _judged(leaf, issuers, config, now, online=online)
    if judged.status in ("revoked", "suspended"):
        raise KeyTrouble(f"key.{judged.status}", name=name)
    for found in judged.wrong:
        if found.code in _REFUSED:
            raise KeyTrouble(_REFUSED[found.code], name=name, **found.parameters)
    doubts = []
    if not judged.chain.complete or judged.chain.wrong:
        doubts.append("signing.root_not_trusted")
    if judged.checked_with == "none":
        doubts.append("signing.revocation_unknown")
    if any(doubt.code == "certificate.purpose" for doubt in judged.doubts):
        doubts.append("signing.purpose")
    if doubts and config.signing.require_trust:
        raise KeyTrouble(_REFUSED_WITHOUT_TRUST[doubts[0]], name=name)
    return tuple(Notice(doubt, {"name": name}) for doubt in doubts)


def _judged(leaf: Certificate, issuers: list[Certificate], config: Config, now: datetime, *, online: bool) -> Judgement:
    trust = _trust_places(config)
    store = load_trust(trust, config.verification.crl)
    mode = config.verification.revocation or ("prefer" if online else "offline")

    if not online or mode == "offline":
        judge = CertificateJudge(store, now, mode, None, distrust_list(trust))
        judge.learn(issuers, Evidence())
        return judge.judge(leaf, "signing", None)
    from kyso.verification.answer_cache import AnswerCache
    from kyso.verification.online import OnlineEvidence

    with closing(OnlineEvidence(AnswerCache.of_user(), allow_private=config.network.allow_private)) as evidence:
        judge = CertificateJudge(store, now, mode, evidence, distrust_list(trust))
        judge.learn(issuers, Evidence())
        return judge.judge(leaf, "signing", None)


def _trust_places(config: Config) -> tuple[Path, ...]:
    """Return the configured places, else the folder that ``kyso trust`` keeps."""
    if config.verification.trust:
        return config.verification.trust
    from kyso.verification.trust_folder import default_folder

    folder = default_folder()
    return (folder,) if folder.is_dir() else ()
