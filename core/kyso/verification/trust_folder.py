"""The folder of trusted roots that a person keeps: what lies in it, adding and removing.

It is the first folder of ``[verification] trust``, or ``trust/`` in the user's data folder. What it means for a
verification is decided by :mod:`kyso.verification.trust`; here files are moved about and nothing is judged.
"""

from __future__ import annotations

import base64
import re
import textwrap
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kyso.cms import algorithms, der
from kyso.errors import ConfigWrong, InputRefused, WrongUse
from kyso.frozen import dataclass
from kyso.verification import distrust
from kyso.verification.distrust import DistrustEntry, distrust_list
from kyso.verification.trust import TRUSTED_LABEL, is_anchor, load_trust

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from kyso.cms.certificate import Certificate
    from kyso.config import Config

Role = Literal["root", "listed", "intermediate", "other"]
_HEX = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate in a file.

    :param role: ``root`` where it is an anchor once it lies in the folder; ``listed`` the same of a CA that did not
        sign itself and that a trust list grants; ``intermediate`` where it is a CA that only helps to build chains;
        ``other`` where it is none.
    """

    file: Path
    certificate: Certificate
    role: Role


def default_folder() -> Path:
    """Return the folder in the user's data folder; it need not exist."""
    import platformdirs

    return Path(platformdirs.user_data_dir("kyso", appauthor=False)) / "trust"


def folder_of(config: Config) -> Path:
    """Return the folder that commands work in.

    :raises ConfigWrong: the configuration names only files.
    """
    configured = config.verification.trust
    for path in configured:
        if path.is_dir() or (not path.exists() and not path.suffix):
            return path
    if configured:
        raise ConfigWrong("trust.no_folder", paths=configured)
    return default_folder()


def is_list_file(file: Path) -> bool:
    """Tell whether a file is XML: a trust list and none of the certificate formats.

    :raises InputRefused: it is not there.
    """
    if not file.is_file():
        raise InputRefused("trust.no_file", file=file)
    with file.open("rb") as opened:
        return opened.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def certificates_in(file: Path) -> tuple[StoredCertificate, ...]:
    """Read the certificates of one file: PEM, DER or PKCS #7.

    :raises InputRefused: it is not there or holds none.
    """
    if not file.is_file():
        raise InputRefused("trust.no_file", file=file)
    store = load_trust((file,), ())
    found = tuple(StoredCertificate(file, each, _anchor_role(each)) for each in store.anchors)
    found += tuple(StoredCertificate(file, each, _role(each)) for each in store.others)
    if not found:
        raise InputRefused("trust.no_certificate", file=file)
    return found


def _anchor_role(certificate: Certificate) -> Role:
    return "root" if is_anchor(certificate) else "listed"


def role_of(certificate: Certificate) -> Role:
    """Return what a certificate is once it lies in the folder as an ordinary file."""
    return "root" if is_anchor(certificate) else _role(certificate)


def _role(certificate: Certificate) -> Role:
    try:
        return "intermediate" if certificate.basic_constraints[0] else "other"
    except der.DerError:
        return "other"


def stored(folder: Path) -> tuple[StoredCertificate, ...]:
    """Return every certificate in the folder, roots first, by name."""
    found: list[StoredCertificate] = []
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if file.is_file() and file.name != distrust.FILE_NAME:
            store = load_trust((file,), ())
            found += [StoredCertificate(file, each, _anchor_role(each)) for each in store.anchors]
            found += [StoredCertificate(file, each, _role(each)) for each in store.others]
    order = {"root": 0, "listed": 1, "intermediate": 2, "other": 3}
    return tuple(sorted(found, key=lambda each: (order[each.role], each.certificate.display_name, each.file)))


def add(folder: Path, certificate: Certificate, *, listed_as: str | None = None) -> Path:
    """Put a certificate into the folder as a file of its own and return the file.

    :param listed_as: what a trust list says about it; it is an anchor then though it did not sign itself.
    :raises WrongUse: it lies there already, or the folder cannot be written.
    """
    from kyso.update.files import write_output

    if any(each.certificate == certificate for each in stored(folder)):
        raise WrongUse("trust.already_there", subject=certificate.display_name, folder=folder)
    _make(folder)
    file = folder / f"{_file_name(certificate)}-{certificate.sha256[:16]}.pem"
    write_output(file, (_pem(certificate, listed_as),), overwrite=False)
    return file


def remove(folder: Path, certificate: StoredCertificate) -> None:
    """Remove a certificate; the others of the same file are kept in files of their own.

    :raises WrongUse: the folder cannot be written.
    """
    rest = [each for each in certificates_in(certificate.file) if each.certificate != certificate.certificate]
    from kyso.update.files import write_output

    if rest:
        kept = tuple(_pem(each.certificate, "" if each.role == "listed" else None) for each in rest)
        write_output(certificate.file, kept, overwrite=True)
        return
    try:
        certificate.file.unlink()
    except OSError as error:
        raise WrongUse("trust.folder_refused", folder=folder, cause=error.strerror or str(error)) from error


def find(folder: Path, wanted: str) -> StoredCertificate:
    """Return the one certificate that `wanted` names: a fingerprint or its first 8 digits, a file name, or a name.

    :raises WrongUse: there is none, or several.
    """
    digits = fingerprint_from(wanted)
    matching = [
        each
        for each in stored(folder)
        if (digits is not None and each.certificate.sha256.startswith(digits))
        or wanted in (each.file.name, str(each.file), each.certificate.display_name)
    ]
    distinct = list({each.certificate: each for each in matching}.values())
    if len(distinct) != 1:
        code = "trust.not_found" if not distinct else "trust.several"
        names = [each.certificate.display_name for each in distinct or stored(folder)]
        raise WrongUse(code, wanted=wanted, names=names or ["-"], folder=folder)
    return distinct[0]


def fingerprint_from(value: str) -> str | None:
    """Return a SHA-256 fingerprint, or the beginning of one, in lower-case hex; ``None`` where it is none."""
    digits = "".join(value.split()).replace(":", "").lower()
    return digits if _HEX.fullmatch(digits) else None


def enter_distrust(folder: Path, entry: DistrustEntry) -> None:
    """Put an entry on the folder's list of unsafe certificates, in the place of an earlier one about the same.

    :raises ConfigWrong: the list cannot be read.
    """
    _write_list(folder, [*(each for each in distrust_list((folder,)) if each.sha256 != entry.sha256), entry])


def lift_distrust(folder: Path, wanted: str) -> DistrustEntry:
    """Take an entry off the list and return it.

    :raises WrongUse: there is none, or several.
    """
    digits = fingerprint_from(wanted)
    entries = distrust_list((folder,))
    matching = [each for each in entries if (digits and each.sha256.startswith(digits)) or each.subject == wanted]
    if len(matching) != 1:
        code = "trust.not_found" if not matching else "trust.several"
        raise WrongUse(code, wanted=wanted, names=[each.subject for each in entries] or ["-"], folder=folder)
    _write_list(folder, [each for each in entries if each != matching[0]])
    return matching[0]


def _write_list(folder: Path, entries: Sequence[DistrustEntry]) -> None:
    from kyso.update.files import write_output

    _make(folder)
    write_output(folder / distrust.FILE_NAME, (distrust.written(entries),), overwrite=True)


def entry_about(certificate: Certificate, reason: str, since: date) -> DistrustEntry:
    """Return a list entry about a certificate and its key."""
    return DistrustEntry(certificate.sha256, distrust.key_sha256(certificate), certificate.display_name, reason, since)


def is_weak(certificate: Certificate) -> bool:
    """Tell whether its key is too short for TT 15/2025/TT-BKHCN, or cannot be computed with."""
    try:
        return certificate.public_key.weak
    except (der.DerError, algorithms.UnsupportedAlgorithm):
        return True


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUse("trust.folder_refused", folder=folder, cause=error.strerror or str(error)) from error


def _file_name(certificate: Certificate) -> str:
    """Return the subject's name in letters that every file system takes."""
    name = certificate.display_name.replace("đ", "d").replace("Đ", "D")
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:60] or "certificate"


def _pem(certificate: Certificate, listed_as: str | None = None) -> bytes:
    body = "\n".join(textwrap.wrap(base64.b64encode(certificate.raw).decode("ascii"), 64))
    label = "CERTIFICATE" if listed_as is None else TRUSTED_LABEL.decode()
    # What stands outside the block is for people (RFC 7468, 5.2).
    told = f"{' '.join(listed_as.replace('-----', '').split())}\n" if listed_as else ""
    return f"{told}-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode()
