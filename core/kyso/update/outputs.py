"""Outputs that are complete or not there at all.

An output is written to a temporary file in its own folder, forced to the disk, and then given its name in one step; on
Linux it has no name before, so that even a killed process leaves nothing. The input is never the output, under whatever
name, link or spelling. A failure leaves nothing behind.
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
_OWN_FILES = "/proc/self/fd"
_PIECE = 1024 * 1024


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
    if not overwrite:
        unnamed = _new_unnamed(path.parent, mode)
        if unnamed is not None:
            with unnamed:
                _fill(unnamed, pieces, path)
                if _name(unnamed, path):
                    return
                unnamed.seek(0)
                pieces = iter(lambda: unnamed.read(_PIECE), b"")
                _write_named(path, pieces, overwrite=overwrite, mode=mode)
            return
    _write_named(path, pieces, overwrite=overwrite, mode=mode)


def _write_named(path: Path, pieces: Iterable[bytes | bytearray], *, overwrite: bool, mode: int) -> None:
    with temporary(path.parent, mode) as (file, written):
        _fill(file, pieces, path)
        with writing(path):
            file.close()
        settle(written, path, overwrite=overwrite)


def _fill(file: BinaryIO, pieces: Iterable[bytes | bytearray], path: Path) -> None:
    with writing(path):
        for piece in pieces:
            write_all(file, piece)
        os.fsync(file.fileno())


def refuse_output(path: Path, *, overwrite: bool, source: Path | None = None) -> None:
    """Refuse an output that cannot be right, before any work is spent on it. :func:`settle` decides for good.

    :raises WrongUse: the output is the input, exists, is a folder or a device, or its folder is missing.
    """
    with writing(path):
        if _is_free(path):
            return
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


def _is_free(path: Path) -> bool:
    """Tell whether nothing has the name `path` and its folder is there: what holds for nearly every letter."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return path.parent.is_dir()
    except NotADirectoryError:
        pass
    return False


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


def _new_unnamed(folder: Path, mode: int) -> BinaryIO | None:
    """Make a file in `folder` that has no name yet, so that nothing stays behind whatever ends the process.

    :returns: ``None`` where the system or the file system has no such files (open(2), O_TMPFILE).
    """
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir(_OWN_FILES):  # noqa: PTH112 - no path is wanted, an answer is
        return None
    try:
        return os.fdopen(os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, mode), "r+b", buffering=0)
    except OSError:
        return None  # making a named one tells what is wrong, if anything is


def _name(file: BinaryIO, path: Path) -> bool:
    """Give a file without a name its name, and force the folder to the disk.

    :returns: False where the file system does not link such files.
    :raises WrongUse: `path` came to be a moment ago.
    """
    with writing(path):
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Given a folder, the call follows the link under /proc to the file; without one it would link the link.
            os.link(f"{_OWN_FILES}/{file.fileno()}", path.name, dst_dir_fd=folder)
            _sync(folder)
        except FileExistsError as error:
            raise WrongUse("output.exists", path=str(path)) from error
        except OSError as error:
            if error.errno not in (*_NO_SUCH_LINK, errno.ENOENT, errno.EXDEV):
                raise
            return False
        finally:
            os.close(folder)
    return True


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
        _sync(handle)
    finally:
        os.close(handle)


def _sync(folder: int) -> None:
    try:
        os.fsync(folder)
    except OSError as error:
        # Some network file systems cannot; the file itself is on the disk already.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise


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
