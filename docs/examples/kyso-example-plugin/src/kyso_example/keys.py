"""``memory:NAME``: a P-256 key and a self-signed certificate that live while the key is open. For trying things."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import NameOID

from kyso.models import DigestName, SchemeName
from kyso.plugin import DigestToSign, Key, KeyAccess, KeyDescription, KeyTrouble, Pending, Signed

_HASHES: dict[DigestName, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class MemoryKey:
    """An opened key."""

    def __init__(self, name: str) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST {name}")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(_usage(), critical=True)
            .sign(private, hashes.SHA256())
        )
        self._private: ec.EllipticCurvePrivateKey | None = private
        self._certificate = certificate.public_bytes(serialization.Encoding.DER)

    @property
    def certificate(self) -> bytes:
        """The signer's certificate, DER."""
        return self._certificate

    @property
    def chain(self) -> tuple[bytes, ...]:
        """Nothing: the certificate is its own issuer."""
        return ()

    @property
    def schemes(self) -> tuple[tuple[SchemeName, DigestName], ...]:
        """ECDSA over SHA-256."""
        return (("ecdsa", "sha256"),)

    @property
    def batch_limit(self) -> int | None:
        """No limit."""
        return None

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        """Sign each digest, in order."""
        if self._private is None:
            raise KeyTrouble("example.closed")
        private = self._private
        return Signed(tuple(private.sign(each.value, ec.ECDSA(Prehashed(_HASHES[each.digest]))) for each in digests))

    def poll(self, ticket: str) -> Signed | Pending:
        """Refuse: this key always answers at once, so nobody holds a ticket of it."""
        raise KeyTrouble("example.no_ticket", ticket=ticket)

    def close(self) -> None:
        """Forget the key."""
        self._private = None


class MemoryKeySource:
    """The ``memory:`` scheme."""

    portable = False
    """Another process would make another key."""

    def open(self, uri: str, access: KeyAccess) -> Key:
        """Make the key ``memory:NAME``."""
        name = uri.partition(":")[2]
        if not name:
            raise KeyTrouble("example.no_name", uri=uri)
        return MemoryKey(name)

    def read_certificate(self, uri: str, access: KeyAccess) -> bytes | None:
        """Return nothing: there is no certificate before the key is made."""
        return None

    def list_keys(self, access: KeyAccess) -> Iterable[KeyDescription]:
        """List nothing: any name may be made up."""
        return ()


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
