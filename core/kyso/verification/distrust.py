"""The local list of certificates and CAs known to be unsafe (TT 28/2015/TT-NHNN, Điều 16.2). It outranks everything.

``distrust.toml`` in the trust folder::

    [[distrusted]]
    sha256 = "9f86d0..."
    key_sha256 = "2c26b4..."
    subject = "Unsafe CA"
    reason = "issued certificates without checking identities"
    since = 2026-11-20

An entry meets a certificate by its fingerprint, or by the fingerprint of its public key (SHA-256 over
SubjectPublicKeyInfo), so that an unsafe CA does not come back with the same key in another certificate. A list that
cannot be read is an error: to verify without it would be to trust what a person has ruled out.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kyso.errors import ConfigWrong
from kyso.frozen import dataclass
from kyso.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kyso.cms.certificate import Certificate
    from kyso.verification.settings import VerificationSettings

FILE_NAME = "distrust.toml"
SIZE_LIMIT = 4 << 20
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class DistrustEntry:
    """One certificate or CA that must not be relied on.

    :param sha256: fingerprint of the certificate, lower-case hex.
    :param key_sha256: fingerprint of its public key; empty where only the certificate's fingerprint was known.
    :param subject: its name for people.
    :param since: when it was entered.
    """

    sha256: str
    key_sha256: str
    subject: str
    reason: str
    since: date

    def meets(self, certificate: Certificate) -> bool:
        """Tell whether this entry is about `certificate`."""
        return certificate.sha256 == self.sha256 or (
            bool(self.key_sha256) and key_sha256(certificate) == self.key_sha256
        )


def key_sha256(certificate: Certificate) -> str:
    """Return the SHA-256 over the certificate's SubjectPublicKeyInfo, lower-case hex."""
    return hashlib.sha256(certificate.public_key_info).hexdigest()


def distrusted(
    chain: Iterable[Certificate], entries: Iterable[DistrustEntry]
) -> tuple[Certificate, DistrustEntry] | None:
    """Return the first certificate of `chain` that is on the list, with its entry; ``None`` where none is.

    :param chain: the whole path, the signer's certificate first and the anchor last.
    """
    listed = tuple(entries)
    for certificate in chain if listed else ():
        for entry in listed:
            if entry.meets(certificate):
                return certificate, entry
    return None


def distrust_of(settings: VerificationSettings) -> tuple[DistrustEntry, ...]:
    """Return what a person ruled out, for a verification: the lists of its folders.

    :raises ConfigWrong: one cannot be read; to go on without it would be to trust what a person ruled out.
    """
    folders = tuple(dict.fromkeys((*settings.distrust, *settings.trust)))
    return distrust_list(folders)


def distrust_list(paths: Iterable[Path]) -> tuple[DistrustEntry, ...]:
    """Read the lists of several trust folders; paths that are files or do not exist have none.

    :raises ConfigWrong: a list cannot be read.
    """
    found: dict[DistrustEntry, None] = {}
    for folder in paths:
        file = folder / FILE_NAME
        try:
            state = file.stat()
        except OSError:
            continue
        found.update(dict.fromkeys(_read(file, state.st_size, state.st_mtime_ns)))
    return tuple(found)


@lru_cache(maxsize=16)
def _read(file: Path, size: int, modified: int) -> tuple[DistrustEntry, ...]:
    del modified  # part of the cache key: a changed list is read again
    import tomllib

    if size > SIZE_LIMIT:
        raise ConfigWrong("trust.list_unreadable", file=file, cause=f"> {SIZE_LIMIT} byte")
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigWrong("trust.list_unreadable", file=file, cause=shown(error)) from error
    rows = tables.pop("distrusted", [])
    if tables or not isinstance(rows, list):
        raise ConfigWrong("trust.list_unreadable", file=file, cause=", ".join(tables) or "distrusted")
    return tuple(_entry(row, file) for row in rows)


def _entry(row: Any, file: Path) -> DistrustEntry:
    texts = {"sha256": "", "key_sha256": "", "subject": "", "reason": ""}
    given = dict(row) if isinstance(row, dict) else {"": row}
    since = given.pop("since", None)
    if isinstance(since, datetime):
        since = since.date()
    wrong = [name for name, value in given.items() if name not in texts or not isinstance(value, str)]
    if wrong or not isinstance(since, date):
        raise ConfigWrong("trust.list_unreadable", file=file, cause=", ".join(wrong) or "since")
    texts |= given
    for name in ("sha256", "key_sha256"):
        texts[name] = texts[name].lower().replace(":", "").replace(" ", "")
        if not _FINGERPRINT.fullmatch(texts[name]) and (name == "sha256" or texts[name]):
            raise ConfigWrong("trust.list_unreadable", file=file, cause=name)
    return DistrustEntry(since=since, **texts)


def written(entries: Iterable[DistrustEntry]) -> bytes:
    """Return the text of a list."""
    lines: list[str] = []
    for entry in entries:
        lines += ["[[distrusted]]", f'sha256 = "{entry.sha256}"']
        if entry.key_sha256:
            lines.append(f'key_sha256 = "{entry.key_sha256}"')
        lines += [f"subject = {_quoted(entry.subject)}", f"reason = {_quoted(entry.reason)}"]
        lines += [f"since = {entry.since.isoformat()}", ""]
    return "\n".join(lines).encode()


def _quoted(value: str) -> str:
    import json

    # A TOML basic string takes JSON's escapes; DEL is the one control character JSON leaves bare.
    return json.dumps(" ".join(shown(value).split()), ensure_ascii=False).replace("\x7f", "\\u007f")
