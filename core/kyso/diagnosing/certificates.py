"""What is to be said of a signer's certificate: days left, usage, chain, revocation, whose it is.

The same judges that decide before signing are asked here, so that the doctor and the signature never disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kyso.cms.values import load_certificate, schemes_for
from kyso.contracts import Diagnosis
from kyso.diagnosing.doctor import failure_of
from kyso.errors import KysoError
from kyso.models import VIETNAM_TIME
from kyso.signing.certificates import check_certificate, describe
from kyso.signing.judgement import judge

if TYPE_CHECKING:
    from kyso.contracts import Examination

SOON_DAYS = 30
"""A certificate that ends within so many days is worth a call to the CA; TT 28/2015 wants the request 10 days ahead."""


def examine_certificate(key: str, der: bytes, chain: Sequence[bytes], examination: Examination) -> Iterator[Diagnosis]:
    """Examine the certificate of a key.

    :param key: the key's configured name, or its URI.
    :param chain: CA certificates that came with it, DER.
    """
    try:
        about = describe(der, key)
    except (ValueError, KysoError):
        yield Diagnosis("diagnosing.certificate_unreadable", "failure", {"key": key})
        return
    ends = load_certificate(der).not_valid_after_utc
    days = (ends - examination.now).days
    parameters = {
        "key": key,
        "subject": about.subject,
        "issuer": about.issuer,
        "serial": about.serial,
        "date": f"{ends.astimezone(VIETNAM_TIME):%d/%m/%Y}",
        "days": max(days, 0),
    }
    try:
        check_certificate(der, examination.now)
        schemes_for(der)
    except KysoError as error:
        yield failure_of(error, key=key)
        return
    soon = days <= SOON_DAYS
    yield Diagnosis(
        "diagnosing.certificate_soon" if soon else "diagnosing.certificate", "warning" if soon else "ok", parameters
    )
    try:
        doubts = judge(der, tuple(chain), examination.config, examination.now, online=examination.online)
    except KysoError as error:
        yield failure_of(error, key=key)
        return
    for doubt in doubts:
        yield Diagnosis(doubt.code, "warning", {**doubt.parameters, "key": key})
    if not doubts:
        yield Diagnosis("diagnosing.certificate_trusted", "ok", {"key": key})
    yield from _owner(key, der, examination)


def _owner(key: str, der: bytes, examination: Examination) -> Iterator[Diagnosis]:
    """Say where a key's role in the configuration is not its certificate's."""
    from kyso.signing.owner import owner_doubt, owner_for

    section = examination.config.keys.get(key)
    wanted = owner_for(section.role) if section is not None else None
    doubt = None if wanted is None else owner_doubt(der, wanted)
    if doubt is not None:
        yield Diagnosis(doubt.code, "warning", {**doubt.parameters, "key": key})
