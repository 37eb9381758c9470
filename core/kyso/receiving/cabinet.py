"""Where letters and their evidence lie: one folder for one arrival, complete or not there.

::

    incoming/2026/3f9a2c1b5d7e0a14/      the letter, evidence/, SHA256SUMS, notices/
    incoming/.parts/                     what is being put together; swept when it is a day old
    incoming/.destroyed/                 what was destroyed and can still be taken back
    incoming/.locks/                     a lock for each arrival; it goes with its process, however that ends

A folder gets its name in one step when everything in it is on the disk; only then is the row written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kyso.errors import InputRefused, WrongUse
from kyso.update.outputs import writing

if TYPE_CHECKING:
    from kyso.config import Config

SUMS: Final = "SHA256SUMS"
EVIDENCE: Final = "evidence"
NOTICES: Final = "notices"
DESTROYED: Final = ".destroyed"
_PARTS: Final = ".parts"
_LOCKS: Final = ".locks"
_CHUNK: Final = 1 << 20
_STALE_S: Final = 24 * 3600.0
_LOCK_DEADLINE_S: Final = 60.0
_LONGEST_NAME_BYTES: Final = 180


def default_folder() -> Path:
    """Return the folder in the user's data folder; it need not exist."""
    import platformdirs

    return Path(platformdirs.user_data_dir("kyso", appauthor=False)) / "incoming"


class Cabinet:
    """The desk's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, config: Config) -> Cabinet:
        """Return the configured folder, made for its owner only."""
        cabinet = cls(config.intake.folder or default_folder())
        with writing(cabinet.root / _PARTS):
            for folder in (cabinet.root, *(cabinet.root / name for name in (_PARTS, _LOCKS, DESTROYED))):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        cabinet._sweep()
        return cabinet

    def place(self, folder: str) -> Path:
        """Return where a row's folder is."""
        return self.root / folder

    @contextlib.contextmanager
    def building(self, identifier: str) -> Iterator[Path]:
        """Give an empty folder to put an arrival together in; it is gone afterwards unless it was settled."""
        part = self.root / _PARTS / f"{identifier}-{os.urandom(6).hex()}"
        with writing(part):
            part.mkdir(mode=0o700)
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def settle(self, part: Path, folder: str) -> Path:
        """Give a finished folder its name. One that is there already was left by a run that wrote no row: it goes."""
        place = self.place(folder)
        with writing(place):
            for path in (*part.rglob("*"), part):
                _sync(path)
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if place.exists():
                place.rename(self.root / _PARTS / f"left-{os.urandom(6).hex()}")
            part.rename(place)
            _sync(place.parent)
        return place

    def move(self, source: Path, target: Path) -> bool:
        """Move a file or folder; moving again after a crash changes nothing.

        :returns: whether it was still there to be moved.
        """
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not source.exists():
                return False
            source.rename(target)
            _sync(source.parent)
            _sync(target.parent)
        return True

    def remove(self, folder: Path) -> None:
        """Remove a folder for good."""
        with writing(folder):
            if folder.exists():
                shutil.rmtree(folder)

    @contextlib.contextmanager
    def locked(self, identifier: str) -> Iterator[None]:
        """Keep other processes from the same arrival.

        :raises InputRefused: another process holds it for longer than a minute.
        """
        # Few files for any number of letters; two of them share one now and then.
        path = self.root / _LOCKS / f"{identifier[:3]}.lock"
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + _LOCK_DEADLINE_S
            while not _lock(descriptor):
                if time.monotonic() > deadline:
                    raise InputRefused("intake.busy", reference=identifier)
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        oldest = time.time() - _STALE_S
        for part in (self.root / _PARTS).iterdir():
            with contextlib.suppress(OSError):  # another process may sweep the same
                if part.stat().st_mtime < oldest:
                    shutil.rmtree(part, ignore_errors=True)


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync(path: Path) -> None:
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot; see kyso.update.outputs
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --------------------------------------------------------------------------------------------------------- contents


def take_in(source: Path, target: Path) -> tuple[str, int]:
    """Copy an arriving file and return digest (SHA-256, hex) and size of what was copied.

    What is judged afterwards is the copy, so that a file that changes meanwhile is never registered under another's
    verdict.

    :raises InputRefused: it is no file or cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    try:
        if not source.is_file():
            raise InputRefused("document.not_a_file" if source.exists() else "document.not_found", name=source.name)
        with source.open("rb") as original, target.open("xb") as copy:
            while piece := original.read(_CHUNK):
                digest.update(piece)
                copy.write(piece)
                size += len(piece)
    except OSError as error:
        raise InputRefused("document.unreadable", name=source.name, cause=error.strerror or str(error)) from error
    return digest.hexdigest(), size


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex.

    :raises InputRefused: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputRefused("document.unreadable", name=path.name, cause=error.strerror or str(error)) from error


def kept_name(name: str) -> str:
    """Return a file name that is safe in our folders and in archives: no separators, no controls, not too long."""
    plain = "".join(each if each.isprintable() and each not in '/\\:*?"<>|' else "_" for each in name).strip(" .")
    stem, dot, suffix = plain.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, dot, suffix = plain, "", ""
    while len(f"{stem}{dot}{suffix}".encode()) > _LONGEST_NAME_BYTES:
        stem = stem[:-1]
    kept = f"{stem}{dot}{suffix}"
    # The names of what we put beside it, on file systems without case too, and names that are none.
    taken = ("", *(name.casefold() for name in (SUMS, EVIDENCE, NOTICES)))
    return f"letter-{kept or 'document'}" if kept.casefold() in taken else kept


def write_sums(folder: Path) -> str:
    """Write the list of hashes of everything in `folder`, as ``sha256sum -c`` reads it, and return its own digest."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{digest_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    data = "".join(lines).encode("utf-8")
    (folder / SUMS).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def check_sums(folder: Path, manifest_sha256: str) -> tuple[str, ...]:
    """Return what in a folder is missing or not as it was recorded; nothing where all is well."""
    sums = folder / SUMS
    if not sums.is_file() or digest_of(sums) != manifest_sha256:
        return (SUMS,)
    wrong: list[str] = []
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = folder / name
        if not path.is_file() or digest_of(path) != digest:
            wrong.append(name)
    return tuple(wrong)


def require_whole(folder: Path, manifest_sha256: str, reference: str, within: str = "") -> None:
    """Refuse a folder that is not as it was recorded.

    :param within: look only at files whose names begin so.
    :raises WrongUse: something is missing or was changed.
    """
    wrong = [name for name in check_sums(folder, manifest_sha256) if name == SUMS or name.startswith(within)]
    if wrong:
        raise WrongUse("intake.evidence_changed", reference=reference, files=wrong)
