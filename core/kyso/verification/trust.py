"""The certificates and revocation lists that a person put beside the document.

Accepted in files and folders: PEM with any number of entries, DER, and PKCS #7 bundles (``.p7b``, ``.p7c``). Only
self-signed CA certificates become anchors, everything else merely helps to build chains: dropping an intermediate
into the folder must never make its whole CA trusted (DESIGN, section 6). The one exception is said on purpose: a CA
in a block ``TRUSTED CERTIFICATE``, as ``kyso trust add`` writes it for a service that a trust list grants.

Files are read once and remembered while size and modification time stay the same.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.certificate import Certificate, read_certificate, signed_by
from kyso.cms.read import CmsError, read_signed_data
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.crl import RevocationList, read_crl

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_FILE_BYTES: Final = 64 << 20
MAX_FILES: Final = 5000
TRUSTED_LABEL: Final = b"TRUSTED CERTIFICATE"
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TrustStore:
    """What was found.

    :param anchors: self-signed CA certificates.
    :param others: intermediates and everything else.
    :param crls: the revocation lists.
    :param problems: files and folders that were asked for and hold nothing usable.
    """

    anchors: tuple[Certificate, ...] = ()
    others: tuple[Certificate, ...] = ()
    crls: tuple[RevocationList, ...] = ()
    problems: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class _FileContent:
    certificates: tuple[Certificate, ...]
    crls: tuple[RevocationList, ...]
    vouched_for: frozenset[Certificate] = frozenset()


def load_trust(trust: tuple[Path, ...], crls: tuple[Path, ...]) -> TrustStore:
    """Read the trust folder and the revocation lists.

    Lists in the trust paths are used too; certificates in the list paths only help to build chains.
    """
    return _load(_places(trust), _places(crls))


_File = tuple[str, int, int]
_Place = tuple["Path", bool, tuple[_File, ...]]


def _places(paths: tuple[Path, ...]) -> tuple[_Place, ...]:
    """Return each path with whether it is a folder, and its files with size and time."""
    found: list[_Place] = []
    count = 0
    for path in paths:
        folder = path.is_dir()
        files: list[_File] = []
        for file, state in sorted(_below(str(path))) if folder else _itself(path):
            if count >= MAX_FILES:
                break
            if stat.S_ISREG(state.st_mode):
                files.append((file, state.st_size, state.st_mtime_ns))
                count += 1
        found.append((path, folder, tuple(files)))
    return tuple(found)


def _below(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what lies in a folder and below it; links to folders are not followed. Asked for every letter."""
    try:
        with os.scandir(folder) as opened:
            entries = list(opened)
    except OSError:
        return  # a folder that may not be read holds nothing usable, which is told
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
            continue
        with contextlib.suppress(OSError):  # a link that leads nowhere
            yield entry.path, entry.stat()


def _itself(file: Path) -> Iterator[tuple[str, os.stat_result]]:
    with contextlib.suppress(OSError):
        yield str(file), file.stat()


@lru_cache(maxsize=16)
def _load(trust: tuple[_Place, ...], crls: tuple[_Place, ...]) -> TrustStore:
    anchors: dict[Certificate, None] = {}
    others: dict[Certificate, None] = {}
    lists: list[RevocationList] = []
    problems: list[Notice] = []
    for places, anchoring in ((trust, True), (crls, False)):
        for path, folder, files in places:
            usable = False
            for file in files:
                content = _read_file(*file)
                usable |= bool(content.crls or (anchoring and content.certificates))
                for certificate in content.certificates:
                    trusted = anchoring and (is_anchor(certificate) or certificate in content.vouched_for)
                    (anchors if trusted else others)[certificate] = None
                lists.extend(content.crls)
            if not usable:
                kind = "trust" if anchoring else "crl"
                code = f"verification.{kind}_{'folder' if folder else 'file'}_unusable"
                problems.append(Notice(code, {"path": path.name or str(path)}))
    for certificate in anchors:
        others.pop(certificate, None)
    return TrustStore(tuple(anchors), tuple(others), tuple(lists), tuple(problems))


@lru_cache(maxsize=1024)
def _read_file(path: str, size: int, modified: int) -> _FileContent:
    del modified  # part of the cache key: a changed file is read again
    if size > MAX_FILE_BYTES:
        return _FileContent((), ())
    try:
        data = Path(path).read_bytes()
    except OSError:
        return _FileContent((), ())
    certificates: list[Certificate] = []
    crls: list[RevocationList] = []
    for block in decoded_blocks(data):
        read_block(block, certificates, crls)
    return _FileContent(tuple(certificates), tuple(crls), frozenset(_vouched_for(data)))


def _vouched_for(data: bytes) -> Iterator[Certificate]:
    """Yield the CA certificates that the file itself calls trusted."""
    for match in _PEM.finditer(data) if TRUSTED_LABEL in data else ():
        if match[1] != TRUSTED_LABEL:
            continue
        try:
            certificate = read_certificate(base64.b64decode(b"".join(match[2].split()), validate=True))
            if certificate.basic_constraints[0]:
                yield certificate
        except (binascii.Error, der.DerError):
            continue


def decoded_blocks(data: bytes) -> Iterator[bytes]:
    """Yield the DER blocks of a file: each PEM block but private keys, or the file itself."""
    if b"-----BEGIN " not in data:
        yield data
        return
    for match in _PEM.finditer(data):
        if b"PRIVATE KEY" in match[1]:
            continue
        try:
            yield base64.b64decode(b"".join(match[2].split()), validate=True)
        except binascii.Error:
            continue


def read_block(block: bytes, certificates: list[Certificate], crls: list[RevocationList]) -> None:
    """Read a block as whichever of the three kinds it is."""
    try:
        certificates.append(read_certificate(block))
        return
    except der.DerError:
        pass
    try:
        crls.append(read_crl(block))
        return
    except der.DerError:
        pass
    try:
        bundle = read_signed_data(block)
    except CmsError:
        return
    for raw in bundle.certificates:
        read_block(raw, certificates, crls)
    for raw in bundle.crls:
        read_block(raw, certificates, crls)


def is_anchor(certificate: Certificate) -> bool:
    """Tell whether a certificate may be trusted by itself: a CA that signed its own certificate."""
    try:
        return (
            certificate.self_issued
            and certificate.basic_constraints[0]
            and signed_by(
                certificate.tbs, certificate.signature_algorithm, certificate.signature, certificate.public_key_info
            )
        )
    except (der.DerError, algorithms.UnsupportedAlgorithm):
        return False
