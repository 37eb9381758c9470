"""Certificate revocation lists (RFC 5280, clause 5), fast enough for lists with a hundred thousand entries."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier
from kyso.cms.certificate import (
    BASIC_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    CRL_SIGN,
    Certificate,
    Extension,
    normal_name,
    read_extensions,
)
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
DELTA_CRL_INDICATOR: Final = "2.5.29.27"
_REASON: Final = "2.5.29.21"
_INVALIDITY_DATE: Final = "2.5.29.24"
_CERTIFICATE_ISSUER: Final = "2.5.29.29"

CERTIFICATE_HOLD: Final = 6
REMOVE_FROM_CRL: Final = 8


@dataclass(frozen=True, slots=True)
class RevokedEntry:
    """One line of a list.

    :param since: when the certificate stopped being good: the revocation date, or the earlier invalidity date.
    :param reason: CRLReason; ``None`` where it is not stated.
    """

    since: datetime
    reason: int | None


@dataclass(frozen=True)
class RevocationList:
    """A CRL as issued; whether it may be believed is asked with :meth:`speaks_for`."""

    tbs: bytes
    issuer: bytes
    this_update: datetime
    next_update: datetime | None
    entries: der.Element | None
    extensions: Mapping[str, Extension]
    signature_algorithm: AlgorithmIdentifier
    signature: bytes

    def __hash__(self) -> int:
        return hash(self.signature)

    @cached_property
    def _offsets(self) -> dict[bytes, int]:
        """Offsets of the entries by the serial number's octets; only headers are read, for speed."""
        found: dict[bytes, int] = {}
        if self.entries is None:
            return found
        data, offset, stop = self.entries.data, self.entries.content_start, self.entries.content_end
        while offset < stop:
            entry = der.read(data, offset, stop)
            serial = der.read(data, entry.content_start, entry.content_end)
            # The first entry wins, as in a reader that searches from the start.
            found.setdefault(serial.content, offset)
            offset = entry.end
        return found

    def entry(self, serial: int) -> RevokedEntry | None:
        """Return the entry of a serial number, ``None`` where the list does not name it.

        :raises der.DerError: the list is malformed.
        """
        octets = serial.to_bytes((serial.bit_length() // 8) + 1, "big", signed=True)
        offset = self._offsets.get(octets)
        if offset is None:
            return None
        assert self.entries is not None
        parts = der.Parts(der.read(self.entries.data, offset, self.entries.content_end))
        parts.take(der.INTEGER)
        since = der.time(parts.take())
        wrapped = parts.optional(der.SEQUENCE)
        extensions = {} if wrapped is None else read_extensions(wrapped)
        if _CERTIFICATE_ISSUER in extensions:
            raise der.DerError("an indirect entry")
        reason = extensions.get(_REASON)
        invalid = extensions.get(_INVALIDITY_DATE)
        if invalid is not None:
            since = min(since, der.time(der.read_all(invalid.value)))
        return RevokedEntry(since, None if reason is None else der.integer(der.read_all(reason.value)))

    def signed_by(self, issuer: Certificate) -> bool:
        """Tell whether `issuer` signed this list and may sign lists.

        :raises der.DerError, algorithms.UnsupportedAlgorithm: it cannot be told.
        """
        known = self._proofs.get(issuer.public_key_info)
        if known is None:
            scheme = algorithms.scheme_of(self.signature_algorithm, None)
            known = algorithms.verify(issuer.public_key, scheme, self.signature, data=self.tbs)
            self._proofs[issuer.public_key_info] = known
        usage = issuer.key_usage
        return known and (usage is None or CRL_SIGN in usage)

    @cached_property
    def _proofs(self) -> dict[bytes, bool]:
        return {}

    @property
    def weak(self) -> bool:
        """Whether it is signed with a broken digest and proves nothing good."""
        try:
            return algorithms.scheme_of(self.signature_algorithm, None).digest in algorithms.WEAK_DIGESTS
        except algorithms.UnsupportedAlgorithm:
            return True

    @cached_property
    def issuer_name(self) -> tuple[frozenset[tuple[str, str]], ...]:
        """The issuer, normalised for comparing."""
        return normal_name(self.issuer)

    def complete_for(self, certificate: Certificate) -> bool:
        """Tell whether a certificate's absence from this list means something.

        Not so for delta lists, indirect lists, lists of some reasons only, lists for other kinds of certificates or
        other distribution points (RFC 5280, 5.2.4 and 5.2.5), and lists with an unknown critical extension.
        """
        known = {ISSUING_DISTRIBUTION_POINT, DELTA_CRL_INDICATOR}
        if DELTA_CRL_INDICATOR in self.extensions:
            return False
        if any(extension.critical and oid not in known for oid, extension in self.extensions.items()):
            return False
        scope = self.extensions.get(ISSUING_DISTRIBUTION_POINT)
        if scope is None:
            return True
        is_ca = BASIC_CONSTRAINTS in certificate.extensions and certificate.basic_constraints[0]
        for member in der.read_all(scope.value).children():
            flag = member.content not in (b"", b"\x00")
            if member.tag == 0x81 and flag and is_ca:
                return False
            if member.tag == 0x82 and flag and not is_ca:
                return False
            if member.tag == 0xA0 and not _same_point(member, certificate):
                return False
            if member.tag in (0x83, 0xA3) or (member.tag in (0x84, 0x85) and flag):
                return False
        return True


def _same_point(point: der.Element, certificate: Certificate) -> bool:
    """Tell whether one of the certificate's distribution points has a name that the list's own point has."""
    extension = certificate.extensions.get(CRL_DISTRIBUTION_POINTS)
    if extension is None:
        return False
    names = {name.raw for form in point.children() if form.tag == 0xA0 for name in form.children()}
    for candidate in der.read_all(extension.value).children():
        for member in candidate.children():
            if member.tag == 0xA0:
                for form in member.children():
                    if form.tag == 0xA0 and any(name.raw in names for name in form.children()):
                        return True
    return False


def read_crl(raw: bytes) -> RevocationList:
    """Read a DER CRL.

    :raises der.DerError: malformed.
    """
    outer = der.Parts(der.read_all(raw))
    tbs = outer.take(der.SEQUENCE)
    algorithm = AlgorithmIdentifier.parse(outer.take(der.SEQUENCE))
    signature = der.bits(outer.take(der.BIT_STRING))
    parts = der.Parts(tbs)
    parts.optional(der.INTEGER)
    if AlgorithmIdentifier.parse(parts.take(der.SEQUENCE)).oid != algorithm.oid:
        raise der.DerError("two different signature algorithms")
    issuer = parts.take(der.SEQUENCE).raw
    this_update = der.time(parts.take())
    next_update = parts.optional(der.UTC_TIME, der.GENERALIZED_TIME)
    entries = parts.optional(der.SEQUENCE)
    wrapped = parts.optional(0xA0)
    if parts.rest():
        raise der.DerError("bytes after the list")
    return RevocationList(
        tbs=tbs.raw,
        issuer=issuer,
        this_update=this_update,
        next_update=None if next_update is None else der.time(next_update),
        entries=entries,
        extensions={} if wrapped is None else read_extensions(wrapped.child()),
        signature_algorithm=algorithm,
        signature=signature,
    )
