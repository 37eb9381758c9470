"""Digest and signature algorithms: their identifiers, their strength, and the mathematics through `cryptography`.

Public keys are built from the numbers in the certificate. That needs only the module of the key's own kind, which
keeps the first verification of a process fast.

Strength follows TT 15/2025/TT-BKHCN, Annex I: RSA from 2048 bits, ECDSA from 256 bits, SHA-2 and SHA-3. What is weaker
is still computed, so that an old letter reads as "intact, algorithm too weak", but never makes a valid signature.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from kyso.cms import der
from kyso.cms.encode import integer, sequence
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives import hashes

MIN_RSA_BITS: Final = 2048
MIN_EC_BITS: Final = 256
MAX_RSA_BITS: Final = 16384
"""Larger moduli only make the verifier slow (RFC 8017 has no use for them)."""

DIGESTS: Final[Mapping[str, str]] = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.5": "sha512_224",
    "2.16.840.1.101.3.4.2.6": "sha512_256",
    "2.16.840.1.101.3.4.2.7": "sha3_224",
    "2.16.840.1.101.3.4.2.8": "sha3_256",
    "2.16.840.1.101.3.4.2.9": "sha3_384",
    "2.16.840.1.101.3.4.2.10": "sha3_512",
    "2.16.840.1.101.3.4.2.12": "shake_256",
    "2.16.840.1.101.3.4.2.18": "shake_256",
    "1.3.36.3.2.1": "ripemd160",
}
"""Digest identifiers and the names `hashlib` knows them by (RFC 5754, RFC 8702, RFC 8419)."""

WEAK_DIGESTS: Final = frozenset({"md5", "sha1", "ripemd160"})

_RSA_SCHEMES: Final[Mapping[str, str]] = {
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.3.14.3.2.29": "sha1",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.113549.1.1.15": "sha512_224",
    "1.2.840.113549.1.1.16": "sha512_256",
    "2.16.840.1.101.3.4.3.13": "sha3_224",
    "2.16.840.1.101.3.4.3.14": "sha3_256",
    "2.16.840.1.101.3.4.3.15": "sha3_384",
    "2.16.840.1.101.3.4.3.16": "sha3_512",
}
_ECDSA_SCHEMES: Final[Mapping[str, str]] = {
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
    "2.16.840.1.101.3.4.3.9": "sha3_224",
    "2.16.840.1.101.3.4.3.10": "sha3_256",
    "2.16.840.1.101.3.4.3.11": "sha3_384",
    "2.16.840.1.101.3.4.3.12": "sha3_512",
}
# BSI TR-03111, 5.2.1: the value is r || s instead of a DER structure.
_PLAIN_ECDSA_SCHEMES: Final[Mapping[str, str]] = {
    "0.4.0.127.0.7.1.1.4.1.1": "sha1",
    "0.4.0.127.0.7.1.1.4.1.2": "sha224",
    "0.4.0.127.0.7.1.1.4.1.3": "sha256",
    "0.4.0.127.0.7.1.1.4.1.4": "sha384",
    "0.4.0.127.0.7.1.1.4.1.5": "sha512",
    "0.4.0.127.0.7.1.1.4.1.8": "sha3_224",
    "0.4.0.127.0.7.1.1.4.1.9": "sha3_256",
    "0.4.0.127.0.7.1.1.4.1.10": "sha3_384",
    "0.4.0.127.0.7.1.1.4.1.11": "sha3_512",
}
_DSA_SCHEMES: Final[Mapping[str, str]] = {
    "1.2.840.10040.4.3": "sha1",
    "2.16.840.1.101.3.4.3.1": "sha224",
    "2.16.840.1.101.3.4.3.2": "sha256",
    "2.16.840.1.101.3.4.3.3": "sha384",
    "2.16.840.1.101.3.4.3.4": "sha512",
}
_RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"
_RSA_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
_EC_PUBLIC_KEY: Final = "1.2.840.10045.2.1"
_DSA_KEY: Final = "1.2.840.10040.4.1"
_ED25519: Final = "1.3.101.112"
_ED448: Final = "1.3.101.113"

_CURVES: Final[Mapping[str, str]] = {
    "1.2.840.10045.3.1.1": "SECP192R1",
    "1.3.132.0.33": "SECP224R1",
    "1.2.840.10045.3.1.7": "SECP256R1",
    "1.3.132.0.34": "SECP384R1",
    "1.3.132.0.35": "SECP521R1",
    "1.3.132.0.10": "SECP256K1",
    "1.3.36.3.3.2.8.1.1.7": "BrainpoolP256R1",
    "1.3.36.3.3.2.8.1.1.11": "BrainpoolP384R1",
    "1.3.36.3.3.2.8.1.1.13": "BrainpoolP512R1",
}


class UnsupportedAlgorithm(ValueError):
    """The algorithm cannot be computed here; nothing is known about the signature."""


@dataclass(frozen=True, slots=True)
class AlgorithmIdentifier:
    """AlgorithmIdentifier of RFC 5280, 4.1.1.2: `parameters` is the raw element, empty when absent."""

    oid: str
    parameters: bytes = b""

    @classmethod
    def parse(cls, element: der.Element) -> AlgorithmIdentifier:
        """Read the SEQUENCE; an implicitly tagged one is accepted.

        :raises der.DerError: malformed.
        """
        parts = element.children()
        if not parts or len(parts) > 2:
            raise der.DerError("malformed algorithm identifier")
        return cls(der.oid(parts[0]), parts[1].raw if len(parts) == 2 else b"")

    @property
    def digest(self) -> str | None:
        """The hashlib name when this names a digest algorithm this module knows."""
        return DIGESTS.get(self.oid)


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """What a signature algorithm identifier asks for.

    :param name: as shown to people: ``RSA``, ``RSA-PSS``, ``ECDSA``, ``ECDSA (plain)``, ``Ed25519``, ``DSA``.
    :param digest: hashlib name; ``None`` where the scheme has a digest of its own (EdDSA).
    """

    name: str
    digest: str | None
    mgf_digest: str | None = None
    salt_length: int = 20


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key ready for use. `bits` is the size that strength is judged by."""

    kind: str
    bits: int
    key: Any

    @property
    def weak(self) -> bool:
        """Whether TT 15/2025 Annex I finds the key too short."""
        if self.kind == "RSA":
            return self.bits < MIN_RSA_BITS
        if self.kind == "EC":
            return self.bits < MIN_EC_BITS
        return self.kind == "DSA"


def digest_size(name: str) -> int:
    """Return the number of octets of a digest; SHAKE256 counts as 64 (RFC 8419, 2.3)."""
    import hashlib

    return 64 if name == "shake_256" else hashlib.new(name, usedforsecurity=False).digest_size


def digest_of(name: str, data: bytes) -> bytes:
    """Return the digest of `data` by hashlib name.

    :raises UnsupportedAlgorithm: this machine's library lacks it.
    """
    import hashlib

    try:
        if name == "shake_256":
            return hashlib.shake_256(data).digest(64)
        return hashlib.new(name, data, usedforsecurity=False).digest()
    except ValueError as error:
        raise UnsupportedAlgorithm(name) from error


def scheme_of(algorithm: AlgorithmIdentifier, message_digest: str | None) -> SignatureScheme:
    """Read a signature algorithm identifier.

    :param message_digest: the SignerInfo's digest algorithm, used where the identifier names only the key kind.
    :raises UnsupportedAlgorithm: unknown, or parameters that make no sense.
    """
    oid = algorithm.oid
    if oid == _RSA_ENCRYPTION:
        return SignatureScheme("RSA", _known(message_digest))
    if oid == _RSA_PSS:
        return _pss(algorithm.parameters)
    if oid in _RSA_SCHEMES:
        return SignatureScheme("RSA", _RSA_SCHEMES[oid])
    if oid in _ECDSA_SCHEMES:
        return SignatureScheme("ECDSA", _ECDSA_SCHEMES[oid])
    if oid == _EC_PUBLIC_KEY:
        return SignatureScheme("ECDSA", _known(message_digest))
    if oid in _PLAIN_ECDSA_SCHEMES:
        return SignatureScheme("ECDSA (plain)", _PLAIN_ECDSA_SCHEMES[oid])
    if oid in (_ED25519, _ED448):
        return SignatureScheme("Ed25519" if oid == _ED25519 else "Ed448", None)
    if oid in _DSA_SCHEMES:
        return SignatureScheme("DSA", _DSA_SCHEMES[oid])
    if oid == _DSA_KEY:
        return SignatureScheme("DSA", _known(message_digest))
    raise UnsupportedAlgorithm(oid)


def _known(digest: str | None) -> str:
    if digest is None:
        raise UnsupportedAlgorithm("digest")
    return digest


def _pss(parameters: bytes) -> SignatureScheme:
    """Read RSASSA-PSS-params (RFC 4055, 3.1); absent members mean SHA-1 and a salt of 20 octets."""
    digest, mgf_digest, salt = "sha1", "sha1", 20
    try:
        if parameters and parameters[0] == der.SEQUENCE:
            for member in der.read_all(parameters).children():
                if member.tag == 0xA0:
                    digest = _known(AlgorithmIdentifier.parse(member.child()).digest)
                elif member.tag == 0xA1:
                    mask = AlgorithmIdentifier.parse(member.child())
                    if mask.oid != _MGF1:
                        raise UnsupportedAlgorithm(mask.oid)
                    mgf_digest = _known(AlgorithmIdentifier.parse(der.read_all(mask.parameters)).digest)
                elif member.tag == 0xA2:
                    salt = der.integer(member.child())
                elif member.tag != 0xA3 or der.integer(member.child()) != 1:
                    raise UnsupportedAlgorithm("RSASSA-PSS trailer")
    except der.DerError as error:
        raise UnsupportedAlgorithm("RSASSA-PSS parameters") from error
    if not 0 <= salt <= 512:
        raise UnsupportedAlgorithm("RSASSA-PSS salt")
    return SignatureScheme("RSA-PSS", digest, mgf_digest, salt)


@lru_cache(maxsize=256)
def public_key(subject_public_key_info: bytes) -> PublicKey:
    """Build the public key of a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).

    :raises UnsupportedAlgorithm: a kind or size that is not computed here.
    :raises der.DerError: malformed.
    """
    parts = der.Parts(der.read_all(subject_public_key_info))
    algorithm = AlgorithmIdentifier.parse(parts.take(der.SEQUENCE))
    value = der.bits(parts.take(der.BIT_STRING))
    try:
        return _build_key(algorithm, value)
    except der.DerError:
        raise
    except ValueError as error:
        # `cryptography` refuses points off the curve and impossible numbers with ValueError.
        raise UnsupportedAlgorithm(algorithm.oid) from error


def _build_key(algorithm: AlgorithmIdentifier, value: bytes) -> PublicKey:
    if algorithm.oid in (_RSA_ENCRYPTION, _RSA_PSS):
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

        members = der.Parts(der.read_all(value))
        modulus, exponent = der.integer(members.take()), der.integer(members.take())
        if modulus <= 0 or modulus.bit_length() > MAX_RSA_BITS or not 2 < exponent < 1 << 64:
            raise UnsupportedAlgorithm("RSA size")
        return PublicKey("RSA", modulus.bit_length(), RSAPublicNumbers(exponent, modulus).public_key())
    if algorithm.oid == _EC_PUBLIC_KEY:
        from cryptography.hazmat.primitives.asymmetric import ec

        curve_oid = der.oid(der.read_all(algorithm.parameters)) if algorithm.parameters[:1] == b"\x06" else "explicit"
        if curve_oid not in _CURVES:
            raise UnsupportedAlgorithm(curve_oid)
        curve = getattr(ec, _CURVES[curve_oid])()
        return PublicKey("EC", curve.key_size, ec.EllipticCurvePublicKey.from_encoded_point(curve, value))
    if algorithm.oid == _ED25519:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return PublicKey("Ed25519", 256, Ed25519PublicKey.from_public_bytes(value))
    if algorithm.oid == _ED448:
        from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey

        return PublicKey("Ed448", 456, Ed448PublicKey.from_public_bytes(value))
    if algorithm.oid == _DSA_KEY:
        from cryptography.hazmat.primitives.asymmetric.dsa import DSAParameterNumbers, DSAPublicNumbers

        members = der.Parts(der.read_all(algorithm.parameters))
        p, q, g = (der.integer(members.take()) for _ in range(3))
        numbers = DSAPublicNumbers(der.integer(der.read_all(value)), DSAParameterNumbers(p, q, g))
        return PublicKey("DSA", p.bit_length(), numbers.public_key())
    raise UnsupportedAlgorithm(algorithm.oid)


def hash_algorithm(name: str) -> hashes.HashAlgorithm:
    """Return `cryptography`'s object for a hashlib name.

    :raises UnsupportedAlgorithm: it has none.
    """
    from cryptography.hazmat.primitives import hashes

    if name == "shake_256":
        return hashes.SHAKE256(64)
    found = getattr(hashes, name.upper(), None)
    if found is None:
        raise UnsupportedAlgorithm(name)
    algorithm: hashes.HashAlgorithm = found()
    return algorithm


def verify(
    key: PublicKey, scheme: SignatureScheme, signature: bytes, *, data: bytes | None = None, digest: bytes | None = None
) -> bool:
    """Check one signature value over `data`, or over data whose `digest` by the scheme's algorithm is known.

    :raises UnsupportedAlgorithm: key and scheme do not fit or cannot be computed; a wrong signature is ``False``.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.exceptions import UnsupportedAlgorithm as NotComputable

    try:
        if scheme.name in ("Ed25519", "Ed448"):
            if key.kind != scheme.name or data is None:
                raise UnsupportedAlgorithm(scheme.name)
            key.key.verify(signature, data)
            return True
        value = digest if digest is not None else digest_of(_known(scheme.digest), data or b"")
        _verify_digest(key, scheme, signature, value)
    except InvalidSignature:
        return False
    except NotComputable as error:
        raise UnsupportedAlgorithm(scheme.name) from error
    except ValueError as error:
        if isinstance(error, UnsupportedAlgorithm):
            raise
        # A digest of the wrong size, an impossible salt: the signature cannot be right.
        return False
    return True


def _verify_digest(key: PublicKey, scheme: SignatureScheme, signature: bytes, digest: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    algorithm = hash_algorithm(_known(scheme.digest))
    if scheme.name in ("RSA", "RSA-PSS") and key.kind == "RSA":
        from cryptography.hazmat.primitives.asymmetric import padding

        chosen: padding.AsymmetricPadding = padding.PKCS1v15()
        if scheme.name == "RSA-PSS":
            mask = padding.MGF1(hash_algorithm(_known(scheme.mgf_digest)))
            chosen = padding.PSS(mgf=mask, salt_length=scheme.salt_length)
        key.key.verify(signature, digest, chosen, Prehashed(algorithm))
    elif scheme.name.startswith("ECDSA") and key.kind == "EC":
        from cryptography.hazmat.primitives.asymmetric import ec

        value = signature if scheme.name == "ECDSA" else _plain_to_der(signature)
        key.key.verify(value, digest, ec.ECDSA(Prehashed(algorithm)))
    elif scheme.name == "DSA" and key.kind == "DSA":
        key.key.verify(signature, digest, Prehashed(algorithm))
    else:
        raise UnsupportedAlgorithm(f"{scheme.name} with {key.kind}")


def _plain_to_der(signature: bytes) -> bytes:
    if not signature or len(signature) % 2:
        raise ValueError("a plain ECDSA value has two halves of one size")
    half = len(signature) // 2
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    return sequence(integer(r), integer(s))
