"""X.509 certificates as a verifier needs them (RFC 5280), read leniently and judged strictly elsewhere.

The parser is ours because real certificates break rules that strict parsers insist on (negative serial numbers,
odd string types), and because reading one certificate must not cost the import of a whole X.509 library.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

COMMON_NAME: Final = "2.5.4.3"
SURNAME: Final = "2.5.4.4"
SERIAL_NUMBER: Final = "2.5.4.5"
ORGANISATION: Final = "2.5.4.10"
ORGANISATIONAL_UNIT: Final = "2.5.4.11"
ORGANISATION_IDENTIFIER: Final = "2.5.4.97"
USER_ID: Final = "0.9.2342.19200300.100.1.1"
EMAIL: Final = "1.2.840.113549.1.9.1"

KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
CERTIFICATE_POLICIES: Final = "2.5.29.32"
POLICY_MAPPINGS: Final = "2.5.29.33"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
SUBJECT_KEY_ID: Final = "2.5.29.14"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"

DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN, CRL_SIGN = 0, 1, 5, 6
"""Bits of the key usage extension (RFC 5280, 4.2.1.3)."""

NormalName = tuple[frozenset[tuple[str, str]], ...]
MAX_CERTIFICATE_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Extension:
    """One certificate or CRL extension with its raw value."""

    critical: bool
    value: bytes


@dataclass(frozen=True)
class Certificate:
    """A certificate. `issuer` and `subject` are raw Names; times are aware."""

    raw: bytes
    tbs: bytes
    serial: int
    issuer: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime
    public_key_info: bytes
    extensions: Mapping[str, Extension]
    signature_algorithm: AlgorithmIdentifier
    signature: bytes

    def __hash__(self) -> int:
        return hash(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.raw == other.raw

    @cached_property
    def sha256(self) -> str:
        """Fingerprint, lower-case hex."""
        return hashlib.sha256(self.raw).hexdigest()

    @cached_property
    def subject_name(self) -> NormalName:
        """The subject, normalised for comparing."""
        return normal_name(self.subject)

    @cached_property
    def issuer_name(self) -> NormalName:
        """The issuer, normalised for comparing."""
        return normal_name(self.issuer)

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are the same name."""
        return self.subject_name == self.issuer_name

    @cached_property
    def basic_constraints(self) -> tuple[bool, int | None]:
        """Whether it is a CA, and its path length constraint.

        :raises der.DerError: malformed.
        """
        extension = self.extensions.get(BASIC_CONSTRAINTS)
        if extension is None:
            return False, None
        parts = der.Parts(der.read_all(extension.value))
        flag = parts.optional(der.BOOLEAN)
        length = parts.optional(der.INTEGER)
        return flag is not None and der.boolean(flag), None if length is None else der.integer(length)

    @cached_property
    def key_usage(self) -> frozenset[int] | None:
        """The key usage bits, ``None`` where the certificate does not restrict them."""
        extension = self.extensions.get(KEY_USAGE)
        return None if extension is None else der.named_bits(der.expect(der.read_all(extension.value), der.BIT_STRING))

    @cached_property
    def extended_key_usage(self) -> frozenset[str] | None:
        """The extended key usages as dotted identifiers, ``None`` where it is not restricted."""
        extension = self.extensions.get(EXTENDED_KEY_USAGE)
        if extension is None:
            return None
        return frozenset(der.oid(item) for item in der.read_all(extension.value).children())

    @cached_property
    def subject_key_id(self) -> bytes | None:
        """The subject key identifier."""
        extension = self.extensions.get(SUBJECT_KEY_ID)
        return None if extension is None else der.octets(der.read_all(extension.value))

    @cached_property
    def authority_key_id(self) -> bytes | None:
        """The key identifier of the authority key identifier extension."""
        extension = self.extensions.get(AUTHORITY_KEY_ID)
        if extension is None:
            return None
        key_id = der.Parts(der.read_all(extension.value)).optional(0x80)
        return None if key_id is None else key_id.content

    @cached_property
    def public_key(self) -> algorithms.PublicKey:
        """The public key.

        :raises algorithms.UnsupportedAlgorithm: it cannot be computed with here.
        :raises der.DerError: malformed.
        """
        return algorithms.public_key(self.public_key_info)

    @property
    def display_name(self) -> str:
        """What people call the subject: common name, else organisation, else the whole name."""
        return shown_name(self.subject)

    @property
    def issuer_display_name(self) -> str:
        """What people call the issuer."""
        return shown_name(self.issuer)


@lru_cache(maxsize=1024)
def read_certificate(raw: bytes) -> Certificate:
    """Read a DER certificate.

    :raises der.DerError: malformed or larger than any real one.
    """
    if len(raw) > MAX_CERTIFICATE_BYTES:
        raise der.DerError("certificate too large")
    outer = der.Parts(der.read_all(raw))
    tbs = outer.take(der.SEQUENCE)
    algorithm = AlgorithmIdentifier.parse(outer.take(der.SEQUENCE))
    signature = der.bits(outer.take(der.BIT_STRING))
    parts = der.Parts(tbs)
    parts.optional(0xA0)
    serial = der.integer(parts.take(der.INTEGER))
    # RFC 5280, 4.1.1.2: the same identifier, parameters included; else a changed parameter would go unnoticed.
    if AlgorithmIdentifier.parse(parts.take(der.SEQUENCE)) != algorithm:
        raise der.DerError("two different signature algorithms")
    issuer = parts.take(der.SEQUENCE).raw
    validity = der.Parts(parts.take(der.SEQUENCE))
    not_before, not_after = der.time(validity.take()), der.time(validity.take())
    subject = parts.take(der.SEQUENCE).raw
    key_info = parts.take(der.SEQUENCE).raw
    parts.optional(0x81, 0xA1)
    parts.optional(0x82, 0xA2)
    wrapped = parts.optional(0xA3)
    return Certificate(
        raw=raw,
        tbs=tbs.raw,
        serial=serial,
        issuer=issuer,
        subject=subject,
        not_before=not_before,
        not_after=not_after,
        public_key_info=key_info,
        extensions={} if wrapped is None else read_extensions(wrapped.child()),
        signature_algorithm=algorithm,
        signature=signature,
    )


def read_extensions(element: der.Element) -> dict[str, Extension]:
    """Read a SEQUENCE OF Extension; one that is there twice is refused (RFC 5280, 4.2)."""
    found: dict[str, Extension] = {}
    for item in der.expect(element, der.SEQUENCE).children():
        parts = der.Parts(item)
        oid = der.oid(parts.take())
        flag = parts.optional(der.BOOLEAN)
        if oid in found:
            raise der.DerError("an extension twice")
        found[oid] = Extension(flag is not None and der.boolean(flag), der.octets(parts.take()))
    return found


@lru_cache(maxsize=1024)
def attributes_of(name: bytes) -> tuple[tuple[str, str], ...]:
    """Return a Name's attributes as (identifier, text) in order; empty for a malformed one."""
    try:
        return tuple(
            (der.oid(pair[0]), unicodedata.normalize("NFC", der.text(pair[1])))
            for relative in der.read_all(name).children()
            for single in relative.children()
            if len(pair := single.children()) == 2
        )
    except der.DerError:
        return ()


def first_attribute(name: bytes, *oids: str) -> str:
    """Return the first non-empty attribute among `oids`, in their order; empty text without any."""
    attributes = attributes_of(name)
    for oid in oids:
        for candidate, value in attributes:
            if candidate == oid and value.strip():
                return value.strip()
    return ""


def shown_name(name: bytes) -> str:
    """Return a Name as people know it."""
    chosen = first_attribute(name, COMMON_NAME, ORGANISATION, ORGANISATIONAL_UNIT, EMAIL)
    return chosen or ", ".join(value for _, value in attributes_of(name))


@lru_cache(maxsize=1024)
def normal_name(name: bytes) -> NormalName:
    """Normalise a Name for comparing: case, white space and string type do not matter (RFC 5280, 7.1)."""
    try:
        return tuple(
            frozenset(
                (der.oid(pair[0]), _folded(pair[1]))
                for single in relative.children()
                if len(pair := single.children()) == 2
            )
            for relative in der.read_all(name).children()
        )
    except der.DerError:
        # An unreadable name equals nothing but itself.
        return (frozenset({("", name.hex())}),)


def _folded(value: der.Element) -> str:
    return " ".join(unicodedata.normalize("NFKC", der.text(value)).casefold().split())


@lru_cache(maxsize=2048)
def signed_by(raw_tbs: bytes, algorithm: AlgorithmIdentifier, signature: bytes, issuer_key_info: bytes) -> bool:
    """Tell whether the key signed this certificate, CRL or OCSP response.

    The answer depends on nothing but the arguments, so a chain proven for one letter costs nothing for the next.

    :raises algorithms.UnsupportedAlgorithm: it cannot be computed.
    :raises der.DerError: the key is malformed.
    """
    key = algorithms.public_key(issuer_key_info)
    return algorithms.verify(key, algorithms.scheme_of(algorithm, None), signature, data=raw_tbs)
