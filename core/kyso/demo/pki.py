"""A throwaway public key infrastructure for the demo and the tests. Every name in it says TEST.

Small functions build one thing each; :func:`write_pki` puts the whole cast of the demo into a folder::

    root = make_root()
    issuing = issue(root, ISSUING_CA, authority=True)
    leader = issue(issuing, LEADER)
    Path("leader.p12").write_bytes(pfx_bytes(leader, DEMO_PASSWORD))
    Path("issuing.crl").write_bytes(make_crl(issuing))

Nothing here is fit for real use: the password is public, the keys live in files, and no one checks any identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DEMO_PASSWORD = "mat-khau-THU-NGHIEM-khong-bi-mat"  # noqa: S105 -- public on purpose: it guards test keys only
"""Password of every PFX file of the demo. It is printed in the documentation and protects nothing."""

KeyKind = Literal["rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"]
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

# As the certificates of Vietnamese signers have it: secure e-mail and Microsoft document signing.
_SIGNER_PURPOSES = (ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"))


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a certificate names.

    :param user_id: what Vietnamese certificates write into UID: ``CCCD:...`` for people, ``MST:...`` for bodies.
    """

    common_name: str
    organisation: str = ""
    unit: str = ""
    title: str = ""
    user_id: str = ""

    def as_name(self) -> x509.Name:
        """Return the distinguished name, the most general part first."""
        parts = [
            (NameOID.COUNTRY_NAME, "VN"),
            (NameOID.ORGANIZATION_NAME, self.organisation),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, self.unit),
            (NameOID.TITLE, self.title),
            (NameOID.COMMON_NAME, self.common_name),
            (NameOID.USER_ID, self.user_id),
        ]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its private key and the certificates above it, the issuer's first."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Revoked:
    """One entry of a revocation list; reason ``certificate_hold`` suspends."""

    certificate: x509.Certificate
    at: datetime
    reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise


ORGANISATION = "ỦY BAN NHÂN DÂN XÃ AN BÌNH THỬ NGHIỆM"
"""The made-up body that issues the demo's letter."""

LEADER_NAME = "Nguyễn Văn Mẫu"
LEADER_TITLE = "Phó Chủ tịch"
ACCOUNTANT_NAME = "Trần Thị Thử"
HOLDER_NAME = "Lê Hoàng Ví Dụ"

_CA = "Tổ chức chứng thực THỬ NGHIỆM kyso"
ROOT_CA = Subject("TEST Root CA - Gốc THỬ NGHIỆM kyso", _CA)
ISSUING_CA = Subject("TEST Issuing CA - CA cấp phát THỬ NGHIỆM kyso", _CA)
LEADER = Subject(f"{LEADER_NAME} (THỬ NGHIỆM)", ORGANISATION, title=LEADER_TITLE, user_id="CCCD:000000000001")
SEAL = Subject(f"{ORGANISATION} (TEST)", ORGANISATION, user_id="MST:0000000000")
ACCOUNTANT = Subject(
    f"{ACCOUNTANT_NAME} (THỬ NGHIỆM)", ORGANISATION, title="Kế toán trưởng", user_id="CCCD:000000000002"
)
HOLDER = Subject(f"{HOLDER_NAME} (THỬ NGHIỆM)", ORGANISATION, title="Chủ tài khoản", user_id="CCCD:000000000003")


def new_key(kind: KeyKind = "rsa-2048") -> PrivateKey:
    """Make a private key of the given kind."""
    if kind == "p-256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "p-384":
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa-")))


def make_root(subject: Subject = ROOT_CA, *, kind: KeyKind = "rsa-2048", now: datetime | None = None) -> Identity:
    """Make a self-signed root that is valid from two years ago for twenty years."""
    moment = now or datetime.now(UTC)
    key = new_key(kind)
    certificate = _build(
        subject,
        key,
        issuer_name=subject.as_name(),
        issuer_key=key,
        authority_path_length=1,
        purposes=None,
        non_repudiation=False,
        not_before=moment - timedelta(days=730),
        not_after=moment + timedelta(days=18 * 365),
    )
    return Identity(certificate, key)


def issue(
    issuer: Identity,
    subject: Subject,
    *,
    kind: KeyKind = "rsa-2048",
    key: PrivateKey | None = None,
    authority: bool = False,
    purposes: Iterable[x509.ObjectIdentifier] | None = _SIGNER_PURPOSES,
    non_repudiation: bool = True,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    now: datetime | None = None,
) -> Identity:
    """Issue a certificate.

    :param kind: kind of the new key; ignored when `key` is given.
    :param authority: issue a CA certificate, else a signer's.
    :param purposes: extended key usages, ``None`` for a certificate without them. Time stamping alone is made
        critical, as RFC 3161, 2.3 asks.
    :param non_repudiation: whether the key usage has it beside digitalSignature.
    :param not_before: start of validity; ten days ago by default.
    :param not_after: end of validity; in two years by default, in nine for an authority.
    """
    moment = now or datetime.now(UTC)
    own_key = key or new_key(kind)
    certificate = _build(
        subject,
        own_key,
        issuer_name=issuer.certificate.subject,
        issuer_key=issuer.key,
        authority_path_length=0 if authority else None,
        purposes=None if authority or purposes is None else tuple(purposes),
        non_repudiation=non_repudiation,
        not_before=not_before or moment - timedelta(days=365 if authority else 10),
        not_after=not_after or moment + timedelta(days=9 * 365 if authority else 730),
    )
    return Identity(certificate, own_key, (issuer.certificate, *issuer.chain))


def _build(
    subject: Subject,
    key: PrivateKey,
    *,
    issuer_name: x509.Name,
    issuer_key: PrivateKey,
    authority_path_length: int | None,
    purposes: tuple[x509.ObjectIdentifier, ...] | None,
    non_repudiation: bool,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    is_authority = authority_path_length is not None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject.as_name())
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=authority_path_length), critical=True)
        .add_extension(_key_usage(authority=is_authority, non_repudiation=non_repudiation), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if purposes is not None:
        only_time = purposes == (ExtendedKeyUsageOID.TIME_STAMPING,)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=only_time)
    return builder.sign(issuer_key, hashes.SHA256())


def _key_usage(*, authority: bool, non_repudiation: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=non_repudiation and not authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def make_crl(
    issuer: Identity,
    revoked: Iterable[Revoked] = (),
    *,
    this_update: datetime | None = None,
    next_update: datetime | None = None,
    number: int = 1,
) -> bytes:
    """Return a revocation list (DER), by default issued an hour ago and good for two years."""
    moment = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update or moment - timedelta(hours=1))
        .next_update(next_update or moment + timedelta(days=730))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(entry.certificate.serial_number)
            .revocation_date(entry.at)
            .add_extension(x509.CRLReason(entry.reason), critical=False)
            .build()
        )
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def pfx_bytes(identity: Identity, password: str = DEMO_PASSWORD, *, legacy: bool = False, name: str = "kyso") -> bytes:
    """Return a PKCS#12 file with key, certificate and chain.

    :param legacy: protect it the old way (3DES and SHA-1, RFC 7292 appendix B) as many Vietnamese CAs still do,
        instead of PBES2 with AES-256.
    """
    encryption: serialization.KeySerializationEncryption = serialization.BestAvailableEncryption(password.encode())
    if legacy:
        encryption = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(2048)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())  # noqa: S303 -- the old format has nothing better
            .build(password.encode())
        )
    return pkcs12.serialize_key_and_certificates(
        name.encode(), identity.key, identity.certificate, list(identity.chain), encryption
    )


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as PEM, one after the other."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def certificate_der(certificate: x509.Certificate) -> bytes:
    """Return one certificate as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True, slots=True)
class DemoPki:
    """The demo's cast, as written into `folder`.

    :param identities: ``leader``, ``seal``, ``accountant`` and ``holder``; each lies in ``NAME.p12``.
    """

    folder: Path
    root: Identity
    issuing: Identity
    identities: Mapping[str, Identity]

    @property
    def root_pem(self) -> Path:
        """The self-signed root: the one trust anchor."""
        return self.folder / "root.pem"

    @property
    def issuing_pem(self) -> Path:
        """The issuing CA's certificate."""
        return self.folder / "issuing-ca.pem"

    @property
    def crl_folder(self) -> Path:
        """The revocation lists of both CAs."""
        return self.folder / "crl"

    @property
    def password_file(self) -> Path:
        """The password of the PFX files and nothing else, for ``--secret-fd``."""
        return self.folder / "password.txt"

    def pfx(self, name: str) -> Path:
        """Return the PFX file of one identity."""
        return self.folder / f"{name}.p12"


_NOTICE = """\
TEST - THỬ NGHIỆM

Mọi khóa, chứng thư và mật khẩu trong thư mục này là dữ liệu thử nghiệm do `kyso demo` tạo ra.
Mật khẩu trong password.txt là công khai. Không dùng cho văn bản thật, không thêm root.pem vào kho tin cậy thật.

Every key, certificate and password in this folder is test data made by `kyso demo`.
The password in password.txt is public. Never use it for a real letter, never add root.pem to a real trust store.
"""


def write_pki(folder: Path, *, kind: KeyKind = "rsa-2048", now: datetime | None = None) -> DemoPki:
    """Make root, issuing CA, four signers and both revocation lists, and write them into `folder`."""
    root = make_root(kind=kind, now=now)
    issuing = issue(root, ISSUING_CA, authority=True, kind=kind, now=now)
    cast = {"leader": LEADER, "seal": SEAL, "accountant": ACCOUNTANT, "holder": HOLDER}
    identities = {name: issue(issuing, subject, kind=kind, now=now) for name, subject in cast.items()}
    pki = DemoPki(folder, root, issuing, identities)

    pki.crl_folder.mkdir(parents=True, exist_ok=True)
    pki.root_pem.write_bytes(certificate_pem(root.certificate))
    pki.issuing_pem.write_bytes(certificate_pem(issuing.certificate))
    listed_at = (now or datetime.now(UTC)) - timedelta(hours=1)
    good_until = listed_at + timedelta(days=730)
    for name, authority in (("issuing-ca", issuing), ("root", root)):
        crl = make_crl(authority, this_update=listed_at, next_update=good_until)
        (pki.crl_folder / f"{name}.crl").write_bytes(crl)
    for name, identity in identities.items():
        pki.pfx(name).write_bytes(pfx_bytes(identity, name=name))
        pki.pfx(name).chmod(0o600)
    pki.password_file.write_text(DEMO_PASSWORD + "\n", encoding="ascii")
    (folder / "THU-NGHIEM.txt").write_text(_NOTICE, encoding="utf-8")
    return pki


def list_revoked(pki: DemoPki, revoked: Iterable[Revoked]) -> None:
    """Replace the issuing CA's revocation list by one that names `revoked`."""
    (pki.crl_folder / "issuing-ca.crl").write_bytes(make_crl(pki.issuing, revoked, number=2))
