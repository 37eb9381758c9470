"""Files that are complete or not there at all, and prepared signatures on their way to one.

An output is written to a temporary file in its own folder, forced to the disk, and then given its name in one step. The
input is never the output, under whatever name, link or spelling. A failure leaves nothing behind.

A large letter is copied by the kernel while its digest is computed, and hashed again while the disk takes it in; memory
does not grow with the file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kyso.errors import InputRefused, WrongUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kyso.models import DigestName, Source
    from kyso.update.plan import Update

_CHUNK = 1024 * 1024
_IN_MEMORY_UP_TO = 4 * 1024 * 1024
"""A smaller letter is prepared in memory: starting threads and files costs more than it saves."""

_NO_SUCH_LINK = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES, errno.EINVAL}
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF, errno.EPERM}


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
        with _writing(path):
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            file.close()
        settle(written, path, overwrite=overwrite)


def refuse_output(path: Path, *, overwrite: bool, source: Path | None = None) -> None:
    """Refuse an output that cannot be right, before any work is spent on it. :func:`settle` decides for good.

    :raises WrongUse: the output is the input, exists, is a folder, or its folder is missing.
    """
    with _writing(path):
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise WrongUse("output.is_input", path=str(path))
        if path.is_dir():
            raise WrongUse("output.is_folder", path=str(path))
        if not overwrite and (path.exists() or path.is_symlink()):
            raise WrongUse("output.exists", path=str(path))
        if not path.parent.is_dir():
            raise WrongUse("output.folder_missing", path=str(path), folder=str(path.parent))


def settle(written: Path, path: Path, *, overwrite: bool) -> None:
    """Give the finished file `written` its name in one step, and force the folder to the disk.

    :raises WrongUse: `path` exists and may not be replaced, also when it came to be a moment ago.
    """
    with _writing(path):
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
    file, path = _new_temporary(folder, mode)
    try:
        yield file, path
    finally:
        file.close()
        path.unlink(missing_ok=True)


def _new_temporary(folder: Path, mode: int) -> tuple[BinaryIO, Path]:
    path = folder / f".kyso-{os.urandom(8).hex()}.part"
    with _writing(path):
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


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise WrongUse("output.folder_missing", path=str(path), folder=str(path.parent)) from error
    except OSError as error:
        raise WrongUse("output.not_writable", path=str(path), cause=error.strerror or str(error)) from error


class PreparedFile:
    """A letter with its update and an empty /Contents, in memory or in a temporary file.

    ::

        file = PreparedFile.create(source, update, folder)
        digest = file.digest("sha256")
        ...
        file.embed(cms)
        file.publish(out, overwrite=False)

    :ivar byte_range: /ByteRange of the signature that is being made.
    """

    __slots__ = ("_buffer", "_copying", "_file", "_path", "_source", "_syncing", "byte_range", "size")

    def __init__(self, byte_range: tuple[int, int, int, int], size: int) -> None:
        self.byte_range = byte_range
        self.size = size
        self._buffer: bytearray | None = None
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._source: Path | None = None
        self._copying: _Running | None = None
        self._syncing: _Running | None = None

    def __enter__(self) -> PreparedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    @classmethod
    def create(cls, source: Source, update: Update, folder: Path | None) -> PreparedFile:
        """Make the prepared file: the original's bytes, then the update.

        :param folder: where a large file is prepared, best the folder of the output; ``None`` prepares in memory.
        :raises InputRefused: the source cannot be read any more, or has changed since it was opened.
        :raises WrongUse: the folder does not take the file.
        """
        size = update.byte_range[2] + update.byte_range[3]
        prepared = cls(update.byte_range, size)
        original_size = size - len(update.data)
        if isinstance(source, bytes):
            prepared._buffer = bytearray(source)
            prepared._buffer += update.data
        else:
            prepared._source = source
            with _reading(source), source.open("rb") as original:
                status = os.fstat(original.fileno())
                if status.st_size != original_size:
                    raise InputRefused("document.changed_meanwhile", name=source.name)
                if folder is None or original_size <= _IN_MEMORY_UP_TO:
                    prepared._buffer = bytearray(original.read())
                    prepared._buffer += update.data
                else:
                    prepared._copy(source, update, folder, status.st_mode)
        if prepared._buffer is not None and len(prepared._buffer) != size:
            raise InputRefused("document.changed_meanwhile", name=source.name if isinstance(source, Path) else "")
        return prepared

    @classmethod
    def reopen(cls, path: Path, byte_range: tuple[int, int, int, int], folder: Path | None) -> PreparedFile:
        """Open a copy of a prepared file that lay on a disk; the kept one stays as it is.

        :param folder: where a large copy is made; ``None`` works in memory.
        :raises InputRefused: it is gone, or is not the file that was prepared.
        """
        from kyso.update.plan import Update

        update = Update(data=b"", byte_range=byte_range, field="", signature_number=0)
        try:
            return cls.create(path, update, folder)
        except InputRefused as error:
            if error.code == "document.changed_meanwhile":
                raise InputRefused("prepared.changed", name=path.name) from error
            raise

    # ------------------------------------------------------------------------------------------------ content

    def digest(self, algorithm: DigestName, *, again: bool = False) -> bytes:
        """Return the digest over the byte ranges (ISO 32000-2, 12.8.1).

        :param again: read the prepared file itself, once more; without it a file that is still being copied is hashed
            from its source meanwhile, which the second reading then has to confirm.
        """
        start, end = self.byte_range[1], self.byte_range[2]
        if self._buffer is not None:
            view = memoryview(self._buffer)
            state = hashlib.new(algorithm, view[:start])
            state.update(view[end:])
            return state.digest()
        if again:
            self._copied()
            self._start_sync()
            with self._writing_own():
                return self._hashed(algorithm, self._own_file(), self.size)
        assert self._source is not None
        with _reading(self._source), self._source.open("rb") as original:
            original_size = os.fstat(original.fileno()).st_size
            if self._copying is None or original_size <= 0 or original_size > start:
                return self._hashed(algorithm, self._own_file(), self.size)
            state = hashlib.new(algorithm)
            _hash_into(state, original, original_size)
        self._copied()
        with self._writing_own():
            file = self._own_file()
            file.seek(original_size)
            _hash_into(state, file, start - original_size)
            file.seek(end)
            _hash_into(state, file, self.size - end)
        return state.digest()

    def is_empty(self) -> bool:
        """Tell whether /Contents still holds nothing but zeros between its angle brackets."""
        start, end = self.byte_range[1], self.byte_range[2]
        if not 0 <= start < end <= self.size:
            return False
        held = self._held(start, end - start)
        return held == b"<" + b"0" * (end - start - 2) + b">"

    def embed(self, contents: bytes) -> None:
        """Write the CMS into /Contents.

        :raises InputRefused: it is larger than the reserved space.
        """
        start, end = self.byte_range[1], self.byte_range[2]
        written = contents.hex().encode("ascii")
        room = end - start - 2
        if len(written) > room:
            raise InputRefused("prepared.no_room", needed=len(contents), reserved=room // 2)
        if self._buffer is not None:
            self._buffer[start + 1 : start + 1 + len(written)] = written
            return
        self._synced()
        with self._writing_own():
            file = self._own_file()
            file.seek(start + 1)
            _write_all(file, written)

    def publish(self, out: Path | None, *, overwrite: bool = False) -> Path | bytes:
        """Put the file where it belongs, all or nothing, or return its bytes.

        :raises WrongUse: the output exists, is the input, or cannot be written.
        """
        try:
            if out is None:
                return self._held(0, self.size)
            refuse_output(out, overwrite=overwrite, source=self._source)
            if self._buffer is not None:
                mode = 0o666 if self._source is None else _mode_of(self._source)
                write_output(out, (self._buffer,), overwrite=overwrite, source=self._source, mode=mode)
                return out
            self._synced()
            assert self._path is not None
            with _writing(out):
                os.fsync(self._own_file().fileno())
            self._own_file().close()
            if self._path.parent.stat().st_dev == out.parent.stat().st_dev:
                settle(self._path, out, overwrite=overwrite)
            else:
                with self._path.open("rb") as finished:
                    write_output(out, iter(lambda: finished.read(_CHUNK), b""), overwrite=overwrite)
            return out
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget the prepared file and remove what there is of it. Discarding twice is harmless."""
        for running in (self._copying, self._syncing):
            if running is not None:
                with contextlib.suppress(OSError):  # the file is thrown away, whatever happened to it
                    running.wait()
        self._copying = self._syncing = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None
        self._buffer = None

    # -------------------------------------------------------------------------------------------- large files

    def _copy(self, source: Path, update: Update, folder: Path, mode: int) -> None:
        self._file, self._path = _new_temporary(folder, (mode & 0o777) | 0o600)
        target = self._file
        self._copying = _Running(lambda: _copy_with_update(source, target, update))

    def _copied(self) -> None:
        if self._copying is not None:
            copying, self._copying = self._copying, None
            with self._writing_own():
                copying.wait()
            if os.fstat(self._own_file().fileno()).st_size != self.size:
                name = self._source.name if self._source is not None else ""
                raise InputRefused("document.changed_meanwhile", name=name)

    def _start_sync(self) -> None:
        if self._syncing is None:
            handle = self._own_file().fileno()
            self._syncing = _Running(lambda: os.fsync(handle))

    def _synced(self) -> None:
        self._copied()
        if self._syncing is not None:
            syncing, self._syncing = self._syncing, None
            with self._writing_own():
                syncing.wait()

    def _own_file(self) -> BinaryIO:
        if self._file is None:
            raise InputRefused("prepared.discarded")
        return self._file

    def _held(self, offset: int, length: int) -> bytes:
        if self._buffer is not None:
            return bytes(memoryview(self._buffer)[offset : offset + length])
        self._copied()
        with self._writing_own():
            file = self._own_file()
            file.seek(offset)
            return b"".join(_chunks(file, length))

    def _hashed(self, algorithm: DigestName, file: BinaryIO, size: int) -> bytes:
        self._copied()
        start, end = self.byte_range[1], self.byte_range[2]
        state = hashlib.new(algorithm)
        file.seek(0)
        _hash_into(state, file, start)
        file.seek(end)
        _hash_into(state, file, size - end)
        return state.digest()

    def _writing_own(self) -> contextlib.AbstractContextManager[None]:
        return _writing(self._path or Path("prepared"))


def _copy_with_update(source: Path, target: BinaryIO, update: Update) -> None:
    """Copy by the kernel where it can, which shares blocks on file systems that know how, then append the update."""
    with source.open("rb") as original:
        size = os.fstat(original.fileno()).st_size
        copied = _kernel_copy(original.fileno(), target.fileno(), size)
        original.seek(copied)
        target.seek(copied)
        if copied < size:
            shutil.copyfileobj(original, target, _CHUNK)
    target.seek(0, io.SEEK_END)
    _write_all(target, update.data)


def _kernel_copy(source: int, target: int, size: int) -> int:
    if not hasattr(os, "copy_file_range"):
        return 0
    copied = 0
    while copied < size:
        try:
            step = os.copy_file_range(source, target, size - copied, copied, copied)
        except OSError as error:
            if copied or error.errno not in _NO_KERNEL_COPY:
                raise
            return 0
        if step == 0:
            break
        copied += step
    return copied


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = file.read(min(_CHUNK, length))
        if not piece:
            return
        length -= len(piece)
        yield piece


def _hash_into(state: hashlib._Hash, file: BinaryIO, length: int) -> None:
    buffer = bytearray(min(_CHUNK, max(length, 1)))
    view = memoryview(buffer)
    while length > 0:
        got = file.readinto(view[: min(len(view), length)])  # type: ignore[attr-defined]  # raw and buffered files have it
        if not got:
            return
        state.update(view[:got])
        length -= got


def _mode_of(source: Path) -> int:
    with _reading(source):
        return (source.stat().st_mode & 0o777) | 0o600


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise InputRefused("document.not_found", name=source.name) from error
    except OSError as error:
        raise InputRefused("document.unreadable", name=source.name, cause=error.strerror or str(error)) from error


class _Running:
    """A function on a thread of its own; copying, hashing and syncing release the interpreter lock."""

    __slots__ = ("_error", "_thread")

    def __init__(self, work: Callable[[], object]) -> None:
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except OSError as error:
            self._error = error

    def wait(self) -> None:
        """Wait for the end; an :class:`OSError` of the work is raised here."""
        self._thread.join()
        if self._error is not None:
            raise self._error
