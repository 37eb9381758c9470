"""OCSP responses that a document carries (RFC 6960). Nothing is fetched here."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier
from kyso.cms.certificate import Certificate, normal_name, signed_by
from kyso.cms.verify import readable
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from datetime import datetime

_BASIC_RESPONSE: Final = "1.3.6.1.5.5.7.48.1.1"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"


@dataclass(frozen=True, slots=True)
class SingleResponse:
    """What a responder says about one certificate.

    :param since: when it was revoked; only with ``revoked``.
    """

    digest: str | None
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial: int
    status: Literal["good", "revoked", "unknown"]
    since: datetime | None
    reason: int | None
    this_update: datetime
    next_update: datetime | None

    def speaks_of(self, certificate: Certificate, issuer: Certificate) -> bool:
        """Tell whether it is about `certificate` issued by `issuer` (RFC 6960, 4.1.1)."""
        if self.serial != certificate.serial or self.digest is None:
            return False
        key = der.bits(der.read_all(issuer.public_key_info).children()[1])
        return (
            algorithms.digest_of(self.digest, certificate.issuer) == self.issuer_name_hash
            and algorithms.digest_of(self.digest, key) == self.issuer_key_hash
        )


@dataclass(frozen=True)
class OcspResponse:
    """A BasicOCSPResponse."""

    tbs: bytes
    responder_name: bytes | None
    responder_key_hash: bytes | None
    produced_at: datetime
    responses: tuple[SingleResponse, ...]
    signature_algorithm: AlgorithmIdentifier
    signature: bytes
    certificates: tuple[Certificate, ...]

    def signed_for(self, issuer: Certificate) -> bool:
        """Tell whether the issuer itself, or a responder it delegated to, signed this (RFC 6960, 4.2.2.2).

        :raises der.DerError, algorithms.UnsupportedAlgorithm: it cannot be told.
        """
        for candidate in (issuer, *self.certificates):
            if not self._names(candidate) or not self._signed_with(candidate):
                continue
            if candidate == issuer or candidate.public_key_info == issuer.public_key_info:
                return True
            if _delegated(candidate, issuer) and candidate.not_before <= self.produced_at <= candidate.not_after:
                return True
        return False

    def _names(self, certificate: Certificate) -> bool:
        if self.responder_name is not None:
            return normal_name(self.responder_name) == certificate.subject_name
        key = der.bits(der.read_all(certificate.public_key_info).children()[1])
        return hashlib.sha1(key, usedforsecurity=False).digest() == self.responder_key_hash

    def _signed_with(self, certificate: Certificate) -> bool:
        return signed_by(self.tbs, self.signature_algorithm, self.signature, certificate.public_key_info)

    @property
    def weak(self) -> bool:
        """Whether it is signed with a broken digest and proves nothing good."""
        try:
            return algorithms.scheme_of(self.signature_algorithm, None).digest in algorithms.WEAK_DIGESTS
        except algorithms.UnsupportedAlgorithm:
            return True


def _delegated(responder: Certificate, issuer: Certificate) -> bool:
    usages = responder.extended_key_usage
    return (
        usages is not None
        and OCSP_SIGNING in usages
        and responder.issuer_name == issuer.subject_name
        and signed_by(responder.tbs, responder.signature_algorithm, responder.signature, issuer.public_key_info)
    )


def read_ocsp(raw: bytes) -> OcspResponse:
    """Read an OCSPResponse, or a bare BasicOCSPResponse.

    :raises der.DerError: malformed, or the responder reports an error.
    """
    element = der.read_all(raw)
    parts = der.Parts(element)
    status = parts.optional(der.ENUMERATED)
    if status is None:
        return _read_basic(element)
    if der.integer(status) != 0:
        raise der.DerError("the responder refused")
    body = der.Parts(parts.take(0xA0).child())
    if der.oid(body.take()) != _BASIC_RESPONSE:
        raise der.DerError("an unknown kind of response")
    return _read_basic(der.read_all(der.octets(body.take())))


def _read_basic(element: der.Element) -> OcspResponse:
    outer = der.Parts(element)
    tbs = outer.take(der.SEQUENCE)
    algorithm = AlgorithmIdentifier.parse(outer.take(der.SEQUENCE))
    signature = der.bits(outer.take(der.BIT_STRING))
    wrapped = outer.optional(0xA0)
    parts = der.Parts(tbs)
    parts.optional(0xA0)
    responder = parts.take()
    name = responder.child().raw if responder.tag == 0xA1 else None
    key_hash = der.octets(responder.child()) if responder.tag == 0xA2 else None
    if name is None and key_hash is None:
        raise der.DerError("no responder")
    produced_at = der.time(parts.take(der.GENERALIZED_TIME))
    responses = tuple(_read_single(item) for item in parts.take(der.SEQUENCE).children())
    certificates = () if wrapped is None else tuple(item.raw for item in wrapped.child().children())
    return OcspResponse(
        tbs=tbs.raw,
        responder_name=name,
        responder_key_hash=key_hash,
        produced_at=produced_at,
        responses=responses,
        signature_algorithm=algorithm,
        signature=signature,
        certificates=tuple(readable(certificates)),
    )


def _read_single(element: der.Element) -> SingleResponse:
    parts = der.Parts(element)
    identity = der.Parts(parts.take(der.SEQUENCE))
    digest = AlgorithmIdentifier.parse(identity.take(der.SEQUENCE)).digest
    name_hash, key_hash = der.octets(identity.take()), der.octets(identity.take())
    serial = der.integer(identity.take(der.INTEGER))
    state = parts.take()
    status: Literal["good", "revoked", "unknown"] = "unknown"
    since: datetime | None = None
    reason: int | None = None
    if state.tag == 0x80:
        status = "good"
    elif state.tag == 0xA1:
        status = "revoked"
        information = der.Parts(state, 0xA1)
        since = der.time(information.take(der.GENERALIZED_TIME))
        stated = information.optional(0xA0)
        reason = None if stated is None else der.integer(stated.child())
    this_update = der.time(parts.take(der.GENERALIZED_TIME))
    later = parts.optional(0xA0)
    return SingleResponse(
        digest=digest,
        issuer_name_hash=name_hash,
        issuer_key_hash=key_hash,
        serial=serial,
        status=status,
        since=since,
        reason=reason,
        this_update=this_update,
        next_update=None if later is None else der.time(later.child()),
    )
