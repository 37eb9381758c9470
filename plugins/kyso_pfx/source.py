"""The ``pfx:`` key source: one key and its certificates in a PKCS#12 file (RFC 7292).

The file is opened, and the key checked, once per engine: checking an RSA key costs a hundred times what one signature
does. Both PBES2 files and the older RC2/3DES ones are read. What this does not protect against: whoever holds the
file and its password holds the key; a token is the place for a key that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from kyso.cms.values import PREHASHED, load_certificate, pss_padding, schemes_for
from kyso.models import DigestName, SchemeName
from kyso.plugin import (
    DigestToSign,
    Key,
    KeyAccess,
    KeyDescription,
    KeyTrouble,
    Pending,
    Signed,
)

_SCHEME = "pfx:"
_LARGEST_FILE = 4 * 1024 * 1024
_SUFFIXES = (".p12", ".pfx")
# pbeWithSHAAnd3-KeyTripleDES-CBC and the RC2 kinds (RFC 7292, appendix C): 1.2.840.113549.1.12.1.
_OLD_ENCRYPTION = bytes.fromhex("060a2a864886f70d010c01")


class PfxSource:
    """Opens PFX files. Relative paths start at the folder of the configuration that names them."""

    portable = True

    def open(self, uri: str, access: KeyAccess) -> Key:
        """Open the file that `uri` names.

        :raises KeyTrouble: no such file, wrong password, no key inside, a kind of key that cannot sign.
        """
        path, data = self.read_file(uri, access)
        kept = access.stored.get("password")
        secret = kept or access.ask_secret("pfx.ask_password", {"name": path.name})
        try:
            bundle = pkcs12.load_pkcs12(data, secret.reveal().encode("utf-8") if secret else None)
        except UnsupportedAlgorithm as error:
            raise KeyTrouble("pfx.algorithm_unsupported", name=path.name) from error
        except (ValueError, TypeError) as error:
            if self.is_none(data):
                raise KeyTrouble("pfx.not_pkcs12", name=path.name) from error
            if kept is not None:
                access.stored.reject("password")
            raise KeyTrouble("pfx.wrong_password", name=path.name) from error
        if bundle.key is None or bundle.cert is None:
            raise KeyTrouble("pfx.no_key", name=path.name)
        if not isinstance(bundle.key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            raise KeyTrouble("key.algorithm_unsupported", algorithm=type(bundle.key).__name__)
        if bundle.key.public_key() != bundle.cert.certificate.public_key():
            raise KeyTrouble("pfx.key_mismatch", name=path.name)
        certificate = bundle.cert.certificate.public_bytes(Encoding.DER)
        others = tuple(extra.certificate.public_bytes(Encoding.DER) for extra in bundle.additional_certs)
        return PfxKey(bundle.key, certificate, _chain(certificate, others))

    def read_certificate(self, uri: str, access: KeyAccess) -> bytes | None:
        """Return ``None``: a PFX file tells nothing without its password."""
        return None

    def list_keys(self, access: KeyAccess) -> Iterable[KeyDescription]:
        """List the PFX files of the base folder; what is inside needs the password."""
        try:
            found = sorted(path for path in access.base_dir.iterdir() if path.suffix.lower() in _SUFFIXES)
        except OSError as error:
            raise KeyTrouble("pfx.folder_unreadable", name=str(access.base_dir)) from error
        return [
            KeyDescription(f"{_SCHEME}{path.name}", subject="", issuer="", serial="", not_before=None, not_after=None)
            for path in found
        ]

    @classmethod
    def read_file(cls, uri: str, access: KeyAccess) -> tuple[Path, bytes]:
        """Return the file that `uri` names and what is in it.

        :raises KeyTrouble: there is none, it cannot be read, or it is larger than any PFX file.
        """
        path = cls._path(uri, access)
        return path, cls._read(path)

    @staticmethod
    def is_none(data: bytes) -> bool:
        """Tell a file that never was PKCS#12: PFX starts SEQUENCE { INTEGER 3 ..."""
        return not (data[:1] == b"\x30" and b"\x02\x01\x03" in data[:16])

    @staticmethod
    def _path(uri: str, access: KeyAccess) -> Path:
        name = uri.removeprefix(_SCHEME)
        if not name:
            raise KeyTrouble("pfx.no_path", uri=uri)
        return access.base_dir / Path(name).expanduser()

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_FILE + 1)
        except FileNotFoundError as error:
            raise KeyTrouble("pfx.not_found", name=str(path)) from error
        except OSError as error:
            raise KeyTrouble("pfx.unreadable", name=str(path), cause=error.strerror or "") from error
        if len(data) > _LARGEST_FILE:
            raise KeyTrouble("pfx.not_pkcs12", name=path.name)
        return data


class PfxKey:
    """A key from a PFX file; answers at once."""

    def __init__(
        self,
        private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
        certificate: bytes,
        chain: tuple[bytes, ...],
    ) -> None:
        self._private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = private_key
        self._certificate = certificate
        self._chain = chain
        self._schemes = schemes_for(certificate)

    @property
    def certificate(self) -> bytes:
        """The signer's certificate, DER."""
        return self._certificate

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The file's other certificates that lead from the signer upwards."""
        return self._chain

    @property
    def schemes(self) -> tuple[tuple[SchemeName, DigestName], ...]:
        """What the key can sign with."""
        return self._schemes

    @property
    def batch_limit(self) -> int | None:
        """A file signs any number at once."""
        return None

    def sign(self, digests: Sequence[DigestToSign], scheme: SchemeName) -> Signed | Pending:
        """Sign every digest.

        :raises KeyTrouble: the key was closed, or cannot do `scheme`.
        """
        key = self._private_key
        if key is None:
            raise KeyTrouble("key.closed")
        values: list[bytes] = []
        for item in digests:
            if (scheme, item.digest) not in self._schemes:
                raise KeyTrouble("key.scheme_unsupported", scheme=scheme, digest=item.digest)
            if isinstance(key, rsa.RSAPrivateKey):
                chosen = padding.PKCS1v15() if scheme == "rsa-pkcs1v15" else pss_padding(item.digest)
                values.append(key.sign(item.value, chosen, PREHASHED[item.digest]))
            else:
                values.append(key.sign(item.value, ec.ECDSA(PREHASHED[item.digest])))
        return Signed(tuple(values))

    def poll(self, ticket: str) -> Signed | Pending:
        """A file never makes anybody wait.

        :raises KeyTrouble: always.
        """
        raise KeyTrouble("key.never_pending", ticket=ticket)

    def close(self) -> None:
        """Forget the key."""
        self._private_key = None


def _chain(leaf: bytes, others: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Put the certificates that lead upwards from `leaf` in order; strangers in the file are left out."""
    by_subject: dict[bytes, bytes] = {}
    for der in others:
        by_subject.setdefault(load_certificate(der).subject.public_bytes(), der)
    chain: list[bytes] = []
    current = load_certificate(leaf)
    while current.issuer != current.subject:
        parent = by_subject.pop(current.issuer.public_bytes(), None)
        if parent is None:
            break
        chain.append(parent)
        current = load_certificate(parent)
    return tuple(chain)


def is_old_encryption(data: bytes) -> bool:
    """Tell whether a PFX file is protected the old way, by 3DES or RC2 with a key made by SHA-1."""
    return _OLD_ENCRYPTION in data
