"""From a digest to what a token signs, and from what it returns to a signature value.

The engine's keys sign digests, so the padding that a token does not do itself is built here: DigestInfo for
CKM_RSA_PKCS (RFC 8017, 9.2), the whole encoded message for tokens that only do raw RSA with CKM_RSA_X_509
(RFC 8017, 9.1.1 and 9.2), and the DER form of an ECDSA value (RFC 5480, appendix A) from PKCS #11's ``r || s``.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

from kyso.models import DigestName, SchemeName
from kyso.plugin import KeyTrouble

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
_RSA_DIGESTS: tuple[DigestName, ...] = ("sha256", "sha384", "sha512")


@dataclass(frozen=True, slots=True)
class Block:
    """What is handed to the token for one digest.

    :param mechanism: name of the PKCS #11 mechanism without ``CKM_``.
    :param parameter: digest name for RSA_PKCS_PSS, else empty.
    """

    mechanism: str
    parameter: str
    data: bytes


def schemes_of(key: PublicKey, mechanisms: Collection[str]) -> tuple[tuple[SchemeName, DigestName], ...]:
    """Return what a token with `mechanisms` can make with `key`, preferred first.

    :param mechanisms: names as the token lists them; an empty list (some modules list nothing) counts as the usual.
    """
    if isinstance(key, ec.EllipticCurvePublicKey):
        if mechanisms and "ECDSA" not in mechanisms:
            return ()
        first: DigestName = "sha256" if key.key_size <= 256 else "sha384" if key.key_size <= 384 else "sha512"
        return tuple(("ecdsa", digest) for digest in (first, *(other for other in _RSA_DIGESTS if other != first)))
    pairs: list[tuple[SchemeName, DigestName]] = []
    if not mechanisms or {"RSA_PKCS", "RSA_X_509"} & set(mechanisms):
        pairs += [("rsa-pkcs1v15", digest) for digest in _RSA_DIGESTS]
    if {"RSA_PKCS_PSS", "RSA_X_509"} & set(mechanisms):
        pairs += [("rsa-pss", digest) for digest in _RSA_DIGESTS]
    return tuple(pairs)


def block_for(
    digest: bytes, digest_name: DigestName, scheme: SchemeName, key: PublicKey, mechanisms: Collection[str]
) -> Block:
    """Return what the token signs for one digest.

    :raises KeyTrouble: the scheme does not suit the key or the token.
    """
    if hashlib.new(digest_name).digest_size != len(digest):
        raise KeyTrouble("pkcs11.scheme_unsupported", scheme=scheme, digest=digest_name)
    if (scheme, digest_name) not in schemes_of(key, mechanisms):
        raise KeyTrouble("pkcs11.scheme_unsupported", scheme=scheme, digest=digest_name)
    if isinstance(key, ec.EllipticCurvePublicKey):
        # FIPS 186-5, 6.4.1: the leftmost bits, as many as the order has; tokens differ in whether they cut it.
        return Block("ECDSA", "", digest[: (key.key_size + 7) // 8])
    if scheme == "rsa-pkcs1v15":
        info = _DIGEST_INFO[digest_name] + digest
        if not mechanisms or "RSA_PKCS" in mechanisms:
            return Block("RSA_PKCS", "", info)
        return Block("RSA_X_509", "", _pkcs1v15_encoded(info, key.key_size))
    if "RSA_PKCS_PSS" in mechanisms:
        return Block("RSA_PKCS_PSS", digest_name, digest)
    return Block("RSA_X_509", "", _pss_encoded(digest, digest_name, key.key_size))


def _pkcs1v15_encoded(info: bytes, key_bits: int) -> bytes:
    length = (key_bits + 7) // 8
    return b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info


def _pss_encoded(digest: bytes, digest_name: str, key_bits: int) -> bytes:
    """EMSA-PSS-ENCODE with MGF1 over the same hash and a salt as long as the digest (RFC 8017, 9.1.1)."""
    bits = key_bits - 1
    length = (bits + 7) // 8
    salt = os.urandom(len(digest))
    hashed = hashlib.new(digest_name, bytes(8) + digest + salt).digest()
    block = bytes(length - len(salt) - len(hashed) - 2) + b"\x01" + salt
    mask = b"".join(
        hashlib.new(digest_name, hashed + counter.to_bytes(4, "big")).digest()
        for counter in range(-(-len(block) // len(digest)))
    )
    masked = bytearray(a ^ b for a, b in zip(block, mask, strict=False))
    masked[0] &= 0xFF >> (8 * length - bits)
    encoded = bytes(masked) + hashed + b"\xbc"
    return encoded.rjust((key_bits + 7) // 8, b"\0")


def finished_value(raw: bytes, key: PublicKey) -> bytes:
    """Return a token's answer as a signature value: RSA padded to the modulus, ECDSA as ``Ecdsa-Sig-Value``."""
    if isinstance(key, rsa.RSAPublicKey):
        # CKM_RSA_X_509 on some tokens drops leading zeros.
        return raw.rjust((key.key_size + 7) // 8, b"\0")
    half = len(raw) // 2
    return utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
