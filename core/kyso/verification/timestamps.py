"""RFC 3161 timestamps: the token itself, and whether it may prove a time.

A token proves that something existed at a time only if its value fits, its authority's certificate is meant for
timestamping and its chain holds at the time the token itself is judged at. That last part needs the order of the
document's timestamps and is decided by :mod:`kyso.verification.judgement`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier, UnsupportedAlgorithm
from kyso.cms.certificate import EXTENDED_KEY_USAGE
from kyso.cms.read import ID_TST_INFO, CmsError, SignedData, padded, read_signed_data
from kyso.cms.verify import CmsCheck, Content, check_signer, only_signer, readable, signer_digest
from kyso.frozen import dataclass
from kyso.models import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from kyso.cms.certificate import Certificate

TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"


@dataclass(frozen=True, slots=True)
class Token:
    """A timestamp token as read.

    :param imprint_digest: hashlib name of the imprint's algorithm.
    :param time: genTime.
    """

    signed_data: SignedData
    imprint_digest: str
    imprint: bytes
    time: datetime


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """A token that was checked for itself: value, imprint, purpose of the certificate; not its chain."""

    token: Token
    cms: CmsCheck

    @property
    def time(self) -> datetime:
        """The time it states."""
        return self.token.time


def read_token(raw: bytes) -> Token:
    """Read a TimeStampToken (RFC 3161, 2.4.2).

    :raises CmsError: it is none.
    """
    signed = read_signed_data(padded(raw))
    if signed.content_type != ID_TST_INFO or signed.content is None:
        raise CmsError("timestamp.malformed")
    try:
        parts = der.Parts(der.read_all(signed.content))
        if der.integer(parts.take(der.INTEGER)) != 1:
            raise CmsError("timestamp.malformed")
        parts.take(der.OBJECT_IDENTIFIER)
        imprint = der.Parts(parts.take(der.SEQUENCE))
        digest = AlgorithmIdentifier.parse(imprint.take(der.SEQUENCE)).digest
        value = der.octets(imprint.take())
        parts.take(der.INTEGER)
        time = der.time(parts.take(der.GENERALIZED_TIME))
    except der.DerError as error:
        raise CmsError("timestamp.malformed") from error
    if digest is None:
        raise CmsError("algorithm.unsupported")
    return Token(signed, digest, value, time)


def check_token(
    token: Token, imprint_of: Callable[[str], bytes], more_certificates: Sequence[Certificate]
) -> TokenCheck:
    """Check a token's own signature and that it stamps what it should.

    :param imprint_of: returns the digest of the stamped data by hashlib name.
    """
    try:
        signer = only_signer(token.signed_data)
        digest = signer_digest(signer)
        content = token.signed_data.content or b""
        check = check_signer(
            signer,
            token.signed_data.content_type,
            ID_TST_INFO,
            Content(algorithms.digest_of(digest, content), content, len(content), content),
            [*readable(token.signed_data.certificates), *more_certificates],
        )
        if check.status != "intact":
            return TokenCheck(token, check)
        # RFC 3161, 2.4.1: the token must carry signed attributes, and an ESS reference to its certificate.
        if signer.signed_attributes_raw is None or imprint_of(token.imprint_digest) != token.imprint:
            raise CmsError("timestamp.imprint_differs")
        if not _for_timestamping(check.certificate):
            raise CmsError("timestamp.purpose")
        if token.imprint_digest in algorithms.WEAK_DIGESTS and not check.weak:
            weak = Notice("algorithm.weak_digest", {"algorithm": token.imprint_digest.upper()})
            check = replace(check, weak=(weak,))
    except (CmsError, UnsupportedAlgorithm, der.DerError) as error:
        code = error.code if isinstance(error, CmsError) else "timestamp.malformed"
        return TokenCheck(token, CmsCheck("broken", reasons=(Notice(code),)))
    return TokenCheck(token, check)


def _for_timestamping(certificate: Certificate | None) -> bool:
    """Tell whether the extended key usage is critical and for timestamping alone (RFC 3161, 2.3)."""
    if certificate is None:
        return False
    extension = certificate.extensions.get(EXTENDED_KEY_USAGE)
    return extension is not None and extension.critical and certificate.extended_key_usage == frozenset({TIME_STAMPING})
