"""The agent's own TLS certificate: one leaf for this machine's loopback names, kept with its key in the user's folder.

A browser connects to ``wss://127.0.0.1`` only where it trusts the certificate. A leaf can be trusted as itself
(Chromium's store, the stores of macOS and Windows), and then nothing else is trusted through it. Firefox takes
authorities only; for it the leaf is issued by an authority that is limited to this machine's names (RFC 5280,
4.2.1.10) and whose key exists for one signature in memory and is never written: nobody can issue anything with it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kyso.frozen import dataclass
from kyso.plugin import InputRefused

CERTIFICATE_FILE: Final = "agent.crt.pem"
KEY_FILE: Final = "agent.key.pem"
AUTHORITY_FILE: Final = "agent-authority.crt.pem"

VALID_FOR: Final = timedelta(days=397)
"""As long as browsers accept a server certificate at the most."""

RENEW_BEFORE: Final = timedelta(days=30)
_LEAF_NAME: Final = "kyso agent (127.0.0.1)"
_AUTHORITY_NAME: Final = "kyso agent authority (127.0.0.1 only, key destroyed)"
_NAMES: Final = ("localhost",)
_ADDRESSES: Final = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Leaf:
    """The certificate in use.

    :param authority: its issuer as PEM, where it has one besides itself.
    """

    folder: Path
    certificate: bytes
    authority: bytes | None
    not_after: datetime

    @property
    def certificate_file(self) -> Path:
        """The leaf as PEM, for browsers."""
        return self.folder / CERTIFICATE_FILE

    @property
    def authority_file(self) -> Path:
        """The authority as PEM, for Firefox."""
        return self.folder / AUTHORITY_FILE

    @property
    def sha256(self) -> str:
        """Fingerprint of the leaf, hexadecimal."""
        der = x509.load_pem_x509_certificate(self.certificate).public_bytes(serialization.Encoding.DER)
        return hashlib.sha256(der).hexdigest()

    def server_context(self) -> ssl.SSLContext:
        """Return what the server speaks TLS with: version 1.2 or later."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Each connection serves one request: there is no session to come back to. Clients that read and write from
        # two threads are known to stumble over tickets that arrive while they send.
        context.num_tickets = 0
        context.load_cert_chain(self.certificate_file, self.folder / KEY_FILE)
        return context


def make_leaf(folder: Path, *, with_authority: bool = False, now: datetime | None = None) -> Leaf:
    """Make a new leaf and write it with its key; whatever was there is replaced.

    :param with_authority: have it issued by an authority of its own instead of by itself.
    """
    moment = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(_LEAF_NAME)
    authority: x509.Certificate | None = None
    signing_key, issuer = key, name
    if with_authority:
        signing_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(signing_key, moment)
        issuer = authority.subject
    builder = _builder(name, issuer, key.public_key(), moment)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternative_names()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / KEY_FILE, private)
    _write(folder / CERTIFICATE_FILE, certificate.public_bytes(serialization.Encoding.PEM))
    if authority is not None:
        _write(folder / AUTHORITY_FILE, authority.public_bytes(serialization.Encoding.PEM))
    else:
        (folder / AUTHORITY_FILE).unlink(missing_ok=True)
    return read_leaf(folder)


def read_leaf(folder: Path) -> Leaf:
    """Read the leaf that is there.

    :raises InputRefused: there is none, or it cannot be read.
    """
    try:
        pem = (folder / CERTIFICATE_FILE).read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        if not (folder / KEY_FILE).is_file():
            raise FileNotFoundError(KEY_FILE)
        authority_file = folder / AUTHORITY_FILE
        authority = authority_file.read_bytes() if authority_file.is_file() else None
    except FileNotFoundError as cause:
        raise InputRefused("agent.leaf_missing", folder=folder) from cause
    except (OSError, ValueError) as cause:
        raise InputRefused("agent.leaf_unreadable", folder=folder) from cause
    return Leaf(folder, pem, authority, certificate.not_valid_after_utc)


def usable_leaf(folder: Path, now: datetime | None = None) -> tuple[Leaf, bool]:
    """Return the leaf to serve with, and whether it was made just now because there was none that is still valid."""
    moment = now or datetime.now(UTC)
    try:
        leaf = read_leaf(folder)
    except InputRefused:
        return make_leaf(folder, now=moment), True
    if leaf.not_after <= moment:
        return make_leaf(folder, now=moment), True
    return leaf, False


def ends_soon(leaf: Leaf, now: datetime | None = None) -> bool:
    """Tell whether the leaf should be made anew before browsers refuse it."""
    return leaf.not_after - (now or datetime.now(UTC)) < RENEW_BEFORE


def forget_leaf(folder: Path) -> bool:
    """Delete the leaf and its key; tell whether there was one."""
    found = False
    for name in (KEY_FILE, CERTIFICATE_FILE, AUTHORITY_FILE):
        file = folder / name
        found = found or file.is_file()
        file.unlink(missing_ok=True)
    return found


def _authority(key: ec.EllipticCurvePrivateKey, moment: datetime) -> x509.Certificate:
    name = _name(_AUTHORITY_NAME)
    permitted: list[x509.GeneralName] = [x509.DNSName(host) for host in _NAMES]
    permitted += [x509.IPAddress(ipaddress.ip_network(address)) for address in _ADDRESSES]
    # Naming some of a kind excludes all others of it (RFC 5280, 4.2.1.10).
    return (
        _builder(name, name, key.public_key(), moment)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, moment: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(hours=1))
        .not_valid_after(moment + VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _alternative_names() -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in _NAMES]
    return [*names, *(x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES)]


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor with a mode of its own
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
