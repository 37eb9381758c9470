"""Reading CMS SignedData (RFC 5652) and the attributes that PDF signatures carry.

Everything is read strictly by position and tag; what RFC 5652 allows once and is there twice is refused, because two
readers would otherwise see two different signatures.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from kyso.cms import der
from kyso.cms.algorithms import AlgorithmIdentifier
from kyso.cms.encode import tlv
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from datetime import datetime

ID_DATA: Final = "1.2.840.113549.1.7.1"
ID_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
ID_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
ALGORITHM_PROTECTION: Final = "1.2.840.113549.1.9.52"
SIGNATURE_TIME_STAMP: Final = "1.2.840.113549.1.9.16.2.14"
ADBE_REVOCATION: Final = "1.2.840.113583.1.1.8"

# RFC 5652, clause 11; RFC 5035, clause 3; RFC 6211, clause 2: each of these must not be there twice.
_SINGLE: Final = frozenset(
    {CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, ALGORITHM_PROTECTION}
)
_OCSP_RESPONSE: Final = frozenset({"1.3.6.1.5.5.7.16.2", "1.3.6.1.5.5.7.48.1.1"})
_MAX_CERTIFICATES: Final = 200
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_SHA1: Final = "1.3.14.3.2.26"


class CmsError(ValueError):
    """The CMS cannot be used. `code` names the reason for the catalogues."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute with its raw values."""

    oid: str
    values: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CertificateReference:
    """What a signing-certificate attribute says about the signer's certificate (RFC 5035, clause 4).

    :param digest: hashlib name of the hash.
    :param issuer_serial: raw issuer Name and serial number where they are given.
    """

    digest: str | None
    value: bytes
    issuer_serial: tuple[bytes, int] | None
    version: int


@dataclass(frozen=True)
class SignerInfo:
    """SignerInfo (RFC 5652, 5.3).

    :param issuer: raw issuer Name with `serial`, or ``None`` where `key_id` names the certificate.
    :param signed_attributes_raw: the attributes as they stand, tagged as SET OF; ``None`` without any.
    """

    issuer: bytes | None
    serial: int | None
    key_id: bytes | None
    digest_algorithm: AlgorithmIdentifier
    signature_algorithm: AlgorithmIdentifier
    signature: bytes
    signed_attributes_raw: bytes | None
    signed_attributes: tuple[Attribute, ...]
    unsigned_attributes: tuple[Attribute, ...]

    def signed(self, oid: str) -> bytes | None:
        """Return the only value of a signed attribute, ``None`` without it.

        :raises CmsError: it has no or several values.
        """
        for attribute in self.signed_attributes:
            if attribute.oid == oid:
                if len(attribute.values) != 1:
                    raise CmsError("cms.attribute_values")
                return attribute.values[0]
        return None

    def unsigned(self, oid: str) -> tuple[bytes, ...]:
        """Return every value of an unsigned attribute."""
        return tuple(
            value for attribute in self.unsigned_attributes if attribute.oid == oid for value in attribute.values
        )

    @cached_property
    def signing_time(self) -> datetime | None:
        """The signing-time attribute: what the signer claims, nothing more."""
        value = self.signed(SIGNING_TIME)
        if value is None:
            return None
        try:
            return der.time(der.read_all(value))
        except der.DerError as error:
            raise CmsError("cms.malformed") from error

    @cached_property
    def certificate_reference(self) -> CertificateReference | None:
        """The first certificate that signing-certificate-v2 (or the older attribute) names: the signer's."""
        for oid, version in ((SIGNING_CERTIFICATE_V2, 2), (SIGNING_CERTIFICATE, 1)):
            value = self.signed(oid)
            if value is not None:
                try:
                    return _certificate_reference(value, version)
                except der.DerError as error:
                    raise CmsError("cms.malformed") from error
        return None


@dataclass(frozen=True, slots=True)
class SignedData:
    """SignedData (RFC 5652, 5.1), its sets in the order found.

    :param content: eContent, ``None`` where the content is elsewhere.
    :param crls: DER CRLs; `ocsp_responses`: DER OCSPResponse or BasicOCSPResponse values (RFC 5940).
    """

    content_type: str
    content: bytes | None
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    ocsp_responses: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]


def padded(contents: bytes) -> bytes:
    """Return the CMS at the start of a /Contents value whose rest must be zeros (ISO 32000-2, 12.8.1).

    :raises CmsError: no CMS, or something else than padding behind it.
    """
    try:
        element = der.read(contents)
    except der.DerError as error:
        raise CmsError("cms.malformed") from error
    if contents[element.end :].strip(b"\x00"):
        raise CmsError("cms.hidden_data")
    return element.raw


def read_signed_data(encoded: bytes) -> SignedData:
    """Read a ContentInfo that holds SignedData.

    :raises CmsError: it is something else or malformed.
    """
    try:
        info = der.Parts(der.read_all(encoded))
        if der.oid(info.take()) != ID_SIGNED_DATA:
            raise CmsError("cms.not_signed_data")
        parts = der.Parts(info.take(0xA0).child())
        version = der.integer(parts.take(der.INTEGER))
        if not 0 <= version <= 5:
            raise CmsError("cms.version")
        parts.take(der.SET)
        encapsulated = der.Parts(parts.take(der.SEQUENCE))
        content_type = der.oid(encapsulated.take())
        wrapped = encapsulated.optional(0xA0)
        certificates = parts.optional(0xA0)
        revocation = parts.optional(0xA1)
        signers = parts.take(der.SET).children()
        if parts.rest():
            raise CmsError("cms.malformed")
        crls, ocsp = _revocation(revocation)
        return SignedData(
            content_type=content_type,
            content=None if wrapped is None else _content(wrapped.child()),
            certificates=_certificates(certificates),
            crls=crls,
            ocsp_responses=ocsp,
            signers=tuple(_signer(signer) for signer in signers[:16]),
        )
    except der.DerError as error:
        raise CmsError("cms.malformed") from error


def _content(element: der.Element) -> bytes:
    # CMS wraps the content in an OCTET STRING; PKCS#7 1.5 allowed any type, of which the content octets count.
    if element.tag & ~0x20 == der.OCTET_STRING:
        return der.octets(element)
    return element.content


def _certificates(element: der.Element | None) -> tuple[bytes, ...]:
    if element is None:
        return ()
    found = element.children()
    if len(found) > _MAX_CERTIFICATES:
        raise CmsError("cms.too_many_certificates")
    # Attribute certificates and other formats ([0] to [3]) are of no use for a path and are passed over.
    return tuple(item.raw for item in found if item.tag == der.SEQUENCE)


def _revocation(element: der.Element | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    crls: list[bytes] = []
    ocsp: list[bytes] = []
    for item in element.children() if element is not None else []:
        if item.tag == der.SEQUENCE:
            crls.append(item.raw)
        elif item.tag == 0xA1:
            other = item.children()
            if len(other) == 2 and der.oid(other[0]) in _OCSP_RESPONSE:
                ocsp.append(other[1].raw)
    return tuple(crls), tuple(ocsp)


def _attributes(element: der.Element) -> tuple[Attribute, ...]:
    found: list[Attribute] = []
    for item in element.children():
        parts = der.Parts(item)
        oid = der.oid(parts.take())
        values = tuple(value.raw for value in parts.take(der.SET).children())
        if parts.rest():
            raise CmsError("cms.malformed")
        found.append(Attribute(oid, values))
    return tuple(found)


def _signer(element: der.Element) -> SignerInfo:
    parts = der.Parts(element)
    version = der.integer(parts.take(der.INTEGER))
    if version not in (1, 3):
        raise CmsError("cms.version")
    identifier = parts.take()
    issuer: bytes | None = None
    serial: int | None = None
    key_id: bytes | None = None
    if identifier.tag == der.SEQUENCE:
        pair = der.Parts(identifier)
        issuer, serial = pair.take(der.SEQUENCE).raw, der.integer(pair.take(der.INTEGER))
    elif identifier.tag in (0x80, 0xA0):
        key_id = der.octets(identifier, 0x80)
    else:
        raise CmsError("cms.malformed")
    digest_algorithm = AlgorithmIdentifier.parse(parts.take(der.SEQUENCE))
    signed = parts.optional(0xA0)
    signature_algorithm = AlgorithmIdentifier.parse(parts.take(der.SEQUENCE))
    signature = der.octets(parts.take())
    unsigned = parts.optional(0xA1)
    if parts.rest():
        raise CmsError("cms.malformed")
    attributes = () if signed is None else _attributes(signed)
    named = [attribute.oid for attribute in attributes if attribute.oid in _SINGLE]
    if len(named) != len(set(named)):
        raise CmsError("cms.attribute_twice")
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        digest_algorithm=digest_algorithm,
        signature_algorithm=signature_algorithm,
        signature=signature,
        signed_attributes_raw=None if signed is None else _as_set(signed),
        signed_attributes=attributes,
        unsigned_attributes=() if unsigned is None else _attributes(unsigned),
    )


def _as_set(element: der.Element) -> bytes:
    """Return the signed attributes with the tag they are signed under (RFC 5652, 5.4), otherwise untouched."""
    if element.indefinite:
        return tlv(der.SET, *(der.canonical(child) for child in element.children()))
    raw = bytearray(element.raw)
    raw[0] = der.SET
    return bytes(raw)


def _certificate_reference(value: bytes, version: int) -> CertificateReference:
    certs = der.Parts(der.read_all(value)).take(der.SEQUENCE).children()
    if not certs:
        raise der.DerError("an empty signing-certificate attribute")
    parts = der.Parts(certs[0])
    algorithm = AlgorithmIdentifier(_SHA1 if version == 1 else _SHA256)
    first = parts.take()
    if version == 2 and first.tag == der.SEQUENCE:
        algorithm = AlgorithmIdentifier.parse(first)
        first = parts.take()
    issuer_serial = parts.optional(der.SEQUENCE)
    named: tuple[bytes, int] | None = None
    if issuer_serial is not None:
        pair = der.Parts(issuer_serial)
        general = pair.take(der.SEQUENCE).children()
        serial = der.integer(pair.take(der.INTEGER))
        if len(general) == 1 and general[0].tag == 0xA4:
            named = (general[0].child().raw, serial)
    return CertificateReference(algorithm.digest, der.octets(first), named, version)


def is_attribute_set(data: bytes) -> bool:
    """Tell whether `data` could be read as the DER of a SET OF Attribute.

    Such content, signed without signed attributes, gives a signature that also fits other content ("CMS attribute
    confusion"); rule 9 of the design refuses it.
    """
    if data[:1] != b"\x31":
        return False
    try:
        attributes = der.read_all(data).children()
        for attribute in attributes:
            parts = der.Parts(attribute)
            der.oid(parts.take())
            parts.take(der.SET)
    except der.DerError:
        return False
    return bool(attributes)
