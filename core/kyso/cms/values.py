"""Checking a signature value against a certificate, and what a public key can do."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from kyso.errors import KeyTrouble

if TYPE_CHECKING:
    from kyso.models import DigestName, SchemeName

HASHES: dict[DigestName, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
PREHASHED = {name: Prehashed(algorithm) for name, algorithm in HASHES.items()}


def pss_padding(digest: DigestName) -> padding.PSS:
    """Return the PSS parameters kyso signs with: MGF1 with the same hash, salt as long as the digest."""
    algorithm = HASHES[digest]
    return padding.PSS(mgf=padding.MGF1(algorithm), salt_length=algorithm.digest_size)


@lru_cache(maxsize=64)
def load_certificate(der: bytes) -> x509.Certificate:
    """Parse a certificate once.

    :raises KeyTrouble: it cannot be read.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise KeyTrouble("key.certificate_unreadable") from error


@lru_cache(maxsize=64)
def _public_key(der: bytes) -> object:
    try:
        return load_certificate(der).public_key()
    except ValueError as error:
        raise KeyTrouble("key.certificate_unreadable") from error


def signature_size(certificate: bytes) -> int:
    """Return the greatest length in bytes of a signature value made by the key of `certificate`.

    :raises KeyTrouble: the key is of a kind that kyso does not sign with.
    """
    key = _public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        return (key.key_size + 7) // 8
    if isinstance(key, ec.EllipticCurvePublicKey):
        return 2 * ((key.key_size + 7) // 8) + 16
    raise KeyTrouble("key.algorithm_unsupported", algorithm=type(key).__name__)


@lru_cache(maxsize=64)
def schemes_for(certificate: bytes) -> tuple[tuple[SchemeName, DigestName], ...]:
    """Return what a key with this certificate can sign with, preferred first.

    RSA PKCS#1 v1.5 leads because every reader of official letters knows it; an elliptic curve takes the digest of
    its own strength (NIST SP 800-57).

    :raises KeyTrouble: the key is of a kind that kyso does not sign with, or too short (TT 15/2025, Annex I).
    """
    key = _public_key(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < 2048:
            raise KeyTrouble("key.too_short", bits=key.key_size, least=2048)
        digests: tuple[DigestName, ...] = ("sha256", "sha384", "sha512")
        schemes: tuple[SchemeName, ...] = ("rsa-pkcs1v15", "rsa-pss")
        return tuple((scheme, digest) for scheme in schemes for digest in digests)
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < 256:
            raise KeyTrouble("key.too_short", bits=key.key_size, least=256)
        first: DigestName = "sha256" if key.key_size <= 256 else "sha384" if key.key_size <= 384 else "sha512"
        order: list[DigestName] = [first, *(name for name in HASHES if name != first)]
        return tuple(("ecdsa", digest) for digest in order)
    raise KeyTrouble("key.algorithm_unsupported", algorithm=type(key).__name__)


@lru_cache(maxsize=256)
def value_matches(
    certificate: bytes, value: bytes, signed_digest: bytes, scheme: SchemeName, digest: DigestName
) -> bool:
    """Tell whether `value` is the signature of `signed_digest` by the key of `certificate`.

    The answer depends on nothing but the arguments, so what a key source has checked costs the next stage nothing.
    """
    key = _public_key(certificate)
    try:
        if isinstance(key, rsa.RSAPublicKey) and scheme != "ecdsa":
            chosen = padding.PKCS1v15() if scheme == "rsa-pkcs1v15" else pss_padding(digest)
            key.verify(value, signed_digest, chosen, PREHASHED[digest])
        elif isinstance(key, ec.EllipticCurvePublicKey) and scheme == "ecdsa":
            key.verify(value, signed_digest, ec.ECDSA(PREHASHED[digest]))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True
