"""Building a CMS SignedData (RFC 5652) for a detached PDF signature.

PAdES baseline B-B (ETSI EN 319 142-1, clause 6.3): signed attributes are content-type, message-digest and
signing-certificate-v2; there is no signing-time attribute, the claimed time is /M of the signature dictionary.
`adbe.pkcs7.detached` additionally carries the signing-time attribute that older readers look for.

Everything but digest, signature and time is fixed for one certificate, so it is encoded once and kept.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from kyso.cms.encode import (
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    SEQUENCE,
    UTC_TIME,
    integer,
    object_identifier,
    octet_string,
    sequence,
    set_of,
    tlv,
)
from kyso.errors import KeyTrouble
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.models import DigestName, SchemeName, SignatureFormat

_DIGEST_OIDS = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_DIGEST_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
_RSA_OIDS = {
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
_ECDSA_OIDS = {
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
_ID_DATA = object_identifier("1.2.840.113549.1.7.1")
_ID_SIGNED_DATA = object_identifier("1.2.840.113549.1.7.2")
_CONTENT_TYPE = object_identifier("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = object_identifier("1.2.840.113549.1.9.4")
_SIGNING_TIME = object_identifier("1.2.840.113549.1.9.5")
_SIGNING_CERTIFICATE_V2 = object_identifier("1.2.840.113549.1.9.16.2.47")
_SIGNATURE_TIME_STAMP = object_identifier("1.2.840.113549.1.9.16.2.14")
_RSASSA_PSS = object_identifier("1.2.840.113549.1.1.10")
_MGF1 = object_identifier("1.2.840.113549.1.1.8")


@lru_cache(maxsize=8)
def digest_algorithm(digest: DigestName) -> bytes:
    """Return the DigestAlgorithmIdentifier; parameters are absent (RFC 5754, clause 2)."""
    return sequence(object_identifier(_DIGEST_OIDS[digest]))


@lru_cache(maxsize=16)
def signature_algorithm(scheme: SchemeName, digest: DigestName) -> bytes:
    """Return the SignatureAlgorithmIdentifier of `scheme` with `digest` (RFC 4056, 5754, 5758)."""
    if scheme == "rsa-pkcs1v15":
        return sequence(object_identifier(_RSA_OIDS[digest]), NULL)
    if scheme == "ecdsa":
        return sequence(object_identifier(_ECDSA_OIDS[digest]))
    hash_algorithm = sequence(object_identifier(_DIGEST_OIDS[digest]), NULL)
    parameters = sequence(
        tlv(0xA0, hash_algorithm),
        tlv(0xA1, sequence(_MGF1, hash_algorithm)),
        tlv(0xA2, integer(_DIGEST_SIZES[digest])),
    )
    return sequence(_RSASSA_PSS, parameters)


@dataclass(frozen=True, slots=True)
class _CertificateParts:
    """What a SignerInfo takes from the certificate, as encoded there (names are never re-encoded)."""

    issuer_and_serial: bytes
    signing_certificate: bytes


def _element(data: bytes, offset: int, expected: int | None = None) -> tuple[int, int, int]:
    """Return (tag, start of content, end) of the DER value at `offset`, which must have the `expected` tag."""
    tag, first = data[offset], data[offset + 1]
    if expected is not None and tag != expected:
        raise ValueError("tag")
    start = offset + 2
    if first & 0x80:
        count = first & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("length")
        first = int.from_bytes(data[start : start + count], "big")
        start += count
    end = start + first
    if end > len(data):
        raise ValueError("length")
    return tag, start, end


@lru_cache(maxsize=64)
def _parts_of(certificate: bytes) -> _CertificateParts:
    try:
        _, offset, _ = _element(certificate, 0, SEQUENCE)
        _, offset, _ = _element(certificate, offset, SEQUENCE)
        tag, _, end = _element(certificate, offset)
        if tag == 0xA0:  # explicit version, absent in version 1 certificates
            offset = end
        serial_start = offset
        _, _, offset = _element(certificate, serial_start, INTEGER)
        serial = certificate[serial_start:offset]
        _, _, offset = _element(certificate, offset, SEQUENCE)
        issuer_start = offset
        _, _, offset = _element(certificate, issuer_start, SEQUENCE)
        issuer = certificate[issuer_start:offset]
    except (IndexError, ValueError) as error:
        raise KeyTrouble("key.certificate_unreadable") from error
    identifier = sequence(octet_string(hashlib.sha256(certificate).digest()))
    return _CertificateParts(
        issuer_and_serial=sequence(issuer, serial),
        signing_certificate=_attribute(_SIGNING_CERTIFICATE_V2, sequence(sequence(identifier))),
    )


def _attribute(oid: bytes, value: bytes) -> bytes:
    return sequence(oid, tlv(0x31, value))


_CONTENT_TYPE_DATA = _attribute(_CONTENT_TYPE, _ID_DATA)


def signed_attributes(
    document_digest: bytes, certificate: bytes, signature_format: SignatureFormat, signed_at: datetime
) -> bytes:
    """Return the DER SET OF signed attributes over which the key signs (RFC 5652, 5.4).

    :param document_digest: digest over the byte ranges of the document.
    :param certificate: the signer's certificate, DER.
    :param signed_at: used by ``pkcs7`` only; PAdES forbids the attribute.
    """
    attributes = [
        _CONTENT_TYPE_DATA,
        _attribute(_MESSAGE_DIGEST, octet_string(document_digest)),
        _parts_of(certificate).signing_certificate,
    ]
    if signature_format == "pkcs7":
        attributes.append(_attribute(_SIGNING_TIME, _time(signed_at)))
    return set_of(*attributes)


def _time(moment: datetime) -> bytes:
    """Encode a Time: UTCTime until 2049, GeneralizedTime after (RFC 5652, 11.3)."""
    utc = moment.astimezone(UTC)
    if 1950 <= utc.year <= 2049:
        return tlv(UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode("ascii"))
    return tlv(GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ").encode("ascii"))


def signed_data(
    attributes: bytes,
    signature: bytes,
    certificates: tuple[bytes, ...],
    scheme: SchemeName,
    digest: DigestName,
    timestamp_token: bytes | None = None,
) -> bytes:
    """Return the whole ContentInfo with a SignedData.

    :param attributes: what :func:`signed_attributes` returned.
    :param signature: the signature value over it.
    :param certificates: the signer's certificate first, then what helps to build its chain.
    :param timestamp_token: RFC 3161 token over the signature value, as an unsigned attribute (EN 319 122-1, 5.3).
    """
    signer_info = [
        integer(1),
        _parts_of(certificates[0]).issuer_and_serial,
        digest_algorithm(digest),
        b"\xa0" + attributes[1:],
        signature_algorithm(scheme, digest),
        octet_string(signature),
    ]
    if timestamp_token is not None:
        signer_info.append(tlv(0xA1, _attribute(_SIGNATURE_TIME_STAMP, timestamp_token)))
    content = sequence(
        integer(1),
        tlv(0x31, digest_algorithm(digest)),
        sequence(_ID_DATA),
        tlv(0xA0, *certificates),
        tlv(0x31, sequence(*signer_info)),
    )
    return sequence(_ID_SIGNED_DATA, tlv(0xA0, content))


TIMESTAMP_RESERVE = 12_288
"""Bytes kept free for a timestamp token: the common ones with their chain take 3 to 9 KiB."""


@lru_cache(maxsize=64)
def reserved_size(
    certificates: tuple[bytes, ...], signature_size: int, signature_format: SignatureFormat, *, timestamp: bool
) -> int:
    """Return how many bytes /Contents must hold: computed, not tried out, and enough for the asked level.

    :param signature_size: greatest length of the signature value in bytes.
    """
    widest = signed_attributes(bytes(64), certificates[0], signature_format, datetime(2049, 1, 1, tzinfo=UTC))
    exact = len(signed_data(widest, bytes(signature_size), certificates, "rsa-pss", "sha512"))
    return exact + 64 + (TIMESTAMP_RESERVE if timestamp else 0)
