"""The people of a simulator: a leader and an organisation's seal, with keys the simulated provider holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from kyso.cms.values import HASHES, pss_padding
from kyso.demo.pki import ISSUING_CA, Identity, Subject, issue, make_root
from kyso.frozen import dataclass
from kyso.models import DigestName, SchemeName

PERSON_ID = "001099000001"
"""Citizen identity number of the simulated leader."""
BODY_ID = "0100000001"
"""Tax code of the simulated organisation."""
CLIENT_ID = "kyso-simulator"
CLIENT_SECRET = "kyso-simulator-secret"  # noqa: S105 - opens a simulator and nothing else
PASSWORD = "kyso-simulator-password"  # noqa: S105 - opens a simulator and nothing else
TOTP_SECRET = b"kyso-simulator-totp!"


@dataclass(frozen=True, slots=True)
class Signatory:
    """Someone with a certificate.

    :param number: CCCD or MST as the certificate has it, without a prefix.
    :param credential: the provider's name for the key.
    """

    number: str
    name: str
    credential: str
    identity: Identity

    @property
    def serial(self) -> str:
        """Serial number of the certificate, hexadecimal, lower case."""
        return f"{self.identity.certificate.serial_number:x}"

    @property
    def key_bits(self) -> int:
        """Size of the key in bits."""
        return self.identity.key.key_size

    @property
    def chain_der(self) -> list[bytes]:
        """The certificate and those above it, DER, the signer's first."""
        certificates = (self.identity.certificate, *self.identity.chain)
        return [certificate.public_bytes(Encoding.DER) for certificate in certificates]

    @property
    def expired(self) -> bool:
        """Whether the certificate's time is over."""
        return self.identity.certificate.not_valid_after_utc < datetime.now(UTC)

    def sign(self, digest: bytes, algorithm: DigestName, scheme: SchemeName) -> bytes:
        """Sign a digest."""
        prehashed = Prehashed(HASHES[algorithm])
        key = self.identity.key
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, pss_padding(algorithm) if scheme == "rsa-pss" else padding.PKCS1v15(), prehashed)
        return key.sign(digest, ec.ECDSA(prehashed))


@cache
def make_signatories(*, expired: bool = False) -> tuple[Signatory, ...]:
    """Make the leader and the organisation, once in a process: keys take time to make.

    :param expired: give the leader a certificate whose time is over.
    """
    root = make_root()
    authority = issue(root, ISSUING_CA, authority=True)
    now = datetime.now(UTC)
    leader = issue(
        authority,
        Subject("Nguyễn Văn Giả Lập (TEST)", "UBND XÃ GIẢ LẬP (TEST)", user_id=f"CCCD:{PERSON_ID}"),
        not_before=now - timedelta(days=400),
        not_after=now - timedelta(days=1) if expired else now + timedelta(days=330),
    )
    body = issue(authority, Subject("UBND XÃ GIẢ LẬP (TEST)", "UBND XÃ GIẢ LẬP (TEST)", user_id=f"MST:{BODY_ID}"))
    return (
        Signatory(PERSON_ID, "Nguyễn Văn Giả Lập (TEST)", "credential-leader", leader),
        Signatory(BODY_ID, "UBND XÃ GIẢ LẬP (TEST)", "credential-seal", body),
    )
