"""Outputs that are complete or not there at all.

An output is written to a temporary file in its own folder, forced to the disk, and then given its name in one step. The
input is never the output, under whatever name, link or spelling. A failure leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kyso.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NO_SUCH_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL}


def write_output(
    path: Path,
    pieces: Iterable[bytes | bytearray],
    *,
    overwrite: bool = False,
    source: Path | None = None,
    mode: int = 0o666,
) -> None:
    """Write `pieces` to `path`, all or nothing.

    :param overwrite: replace a file that is there.
    :param source: the input, which `path` must not be.
    :param mode: permission bits, reduced by the process's umask.
    :raises WrongUse: the output exists, is the input, or cannot be written; the code says which.
    """
    refuse_output(path, overwrite=overwrite, source=source)
    with temporary(path.parent, mode) as (file, written):
        with writing(path):
            for piece in pieces:
                write_all(file, piece)
            os.fsync(file.fileno())
            file.close()
        settle(written, path, overwrite=overwrite)


def refuse_output(path: Path, *, overwrite: bool, source: Path | None = None) -> None:
    """Refuse an output that cannot be right, before any work is spent on it. :func:`settle` decides for good.

    :raises WrongUse: the output is the input, exists, is a folder or a device, or its folder is missing.
    """
    with writing(path):
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise WrongUse("output.is_input", path=str(path))
        if path.is_dir():
            raise WrongUse("output.is_folder", path=str(path))
        if path.exists() and not path.is_file():
            # Giving a file the name of a device would take the device away from the whole machine.
            raise WrongUse("output.is_special", path=str(path))
        if not overwrite and (path.exists() or path.is_symlink()):
            raise WrongUse("output.exists", path=str(path))
        if not path.parent.is_dir():
            raise WrongUse("output.folder_missing", path=str(path), folder=str(path.parent))


def settle(written: Path, path: Path, *, overwrite: bool) -> None:
    """Give the finished file `written` its name in one step, and force the folder to the disk.

    :raises WrongUse: `path` exists and may not be replaced, also when it came to be a moment ago.
    """
    with writing(path):
        if overwrite:
            written.replace(path)
        else:
            _rename_without_replacing(written, path)
        _sync_folder(path.parent)


def _rename_without_replacing(written: Path, path: Path) -> None:
    try:
        os.link(written, path)
    except FileExistsError as error:
        raise WrongUse("output.exists", path=str(path)) from error
    except OSError as error:
        if error.errno not in _NO_SUCH_LINK:
            raise
        # A file system without hard links (FAT, some shares): reserve the name first, then move onto it.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError as exists:
            raise WrongUse("output.exists", path=str(path)) from exists
        try:
            written.replace(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return
    written.unlink()


@contextlib.contextmanager
def temporary(folder: Path, mode: int = 0o600) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a new hidden file in `folder`, removed at the end unless it was moved away.

    :raises WrongUse: the folder does not take a file.
    """
    file, path = new_temporary(folder, mode)
    try:
        yield file, path
    finally:
        file.close()
        path.unlink(missing_ok=True)


def new_temporary(folder: Path, mode: int) -> tuple[BinaryIO, Path]:
    """Make a new hidden file in `folder`, which the caller removes or moves away.

    :raises WrongUse: the folder does not take a file.
    """
    path = folder / f".kyso-{os.urandom(8).hex()}.part"
    with writing(path):
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        return os.fdopen(os.open(path, flags, mode), "r+b", buffering=0), path


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot; the file itself is on the disk already.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)


def write_all(file: BinaryIO, data: bytes | bytearray) -> None:
    """Write all of `data` to an unbuffered file, which may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's errors into ``output.*``: a missing folder, no permission, a full disk.

    :param path: the output that is meant.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise WrongUse("output.folder_missing", path=str(path), folder=str(path.parent)) from error
    except OSError as error:
        raise WrongUse("output.not_writable", path=str(path), cause=error.strerror or str(error)) from error
