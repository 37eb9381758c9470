"""Copying and hashing a large letter side by side, on threads of their own.

The kernel copies while the source is hashed; what was copied is hashed again behind it, and the disk takes it in at the
same time. Memory does not grow with the file.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from typing import TYPE_CHECKING, BinaryIO

from kyso.update.outputs import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kyso.models import DigestName

_CHUNK = 1024 * 1024
_KERNEL_STEP = 64 * 1024 * 1024
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF, errno.EPERM}


class _Running:
    """Work on a thread of its own; copying, hashing and syncing release the interpreter lock."""

    def __init__(self) -> None:
        self._error: OSError | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def work(self) -> None:
        """Do the work."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ask the work to end soon; its result is not wanted any more."""
        self._stopped = True

    def wait(self) -> None:
        """Wait for the end; an :class:`OSError` of the work is raised here."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self.work()
        except OSError as error:
            self._error = error


class Copying(_Running):
    """Copies the original by the kernel, appends the update, and then lets the disk take it in."""

    def __init__(self, source: Path, target: BinaryIO, update: bytes) -> None:
        self._source = source
        self._target = target
        self._update = update
        self._complete = threading.Event()
        super().__init__()

    def work(self) -> None:
        """Copy, append, announce the copy, sync."""
        try:
            with self._source.open("rb", buffering=0) as original:
                size = os.fstat(original.fileno()).st_size
                copied = self._kernel_copy(original.fileno(), self._target.fileno(), size)
                original.seek(copied)
                self._target.seek(copied)
                for piece in chunks(original, size - copied):
                    if self._stopped:
                        return
                    write_all(self._target, piece)
            self._target.seek(0, io.SEEK_END)
            write_all(self._target, self._update)
        except OSError as error:
            self._error = error
            return
        finally:
            self._complete.set()
        os.fsync(self._target.fileno())

    def wait_for_copy(self) -> None:
        """Wait until the file is whole, on the disk or not; an :class:`OSError` of the copying is raised here."""
        self._complete.wait()
        if self._error is not None:
            raise self._error

    def _kernel_copy(self, source: int, target: int, size: int) -> int:
        """Copy in steps, which shares blocks on file systems that know how; 0 where the kernel cannot."""
        if not hasattr(os, "copy_file_range"):
            return 0
        copied = 0
        while copied < size and not self._stopped:
            try:
                step = os.copy_file_range(source, target, min(_KERNEL_STEP, size - copied), copied, copied)
            except OSError as error:
                if copied or error.errno not in _NO_KERNEL_COPY:
                    raise
                return 0
            if step == 0:
                break
            copied += step
        return copied


class Hashing(_Running):
    """Hashes the prepared file itself, as soon as it is whole."""

    def __init__(
        self, algorithm: DigestName, copying: Copying, path: Path, byte_range: tuple[int, int, int, int], size: int
    ) -> None:
        self.algorithm = algorithm
        self.digest = b""
        self.state_of_file: tuple[int, int] | None = None
        self._copying = copying
        self._path = path
        self._byte_range = byte_range
        self._size = size
        super().__init__()

    def work(self) -> None:
        """Wait for the copy and hash it through a handle of its own."""
        self._copying.wait_for_copy()
        with self._path.open("rb", buffering=0) as file:
            state = state_of_file(file.fileno())
            self.digest = digest_of_ranges(self.algorithm, file, self._byte_range, self._size, lambda: self._stopped)
            self.state_of_file = state


def state_of_file(handle: int) -> tuple[int, int]:
    """Return size and time of the last change."""
    status = os.fstat(handle)
    return status.st_size, status.st_mtime_ns


def digest_of_ranges(
    algorithm: DigestName,
    file: BinaryIO,
    byte_range: tuple[int, int, int, int],
    size: int,
    stopped: Callable[[], bool] = lambda: False,
) -> bytes:
    """Return the digest over the file without the gap in `byte_range`.

    :param size: size of the whole file.
    :param stopped: asked between chunks; true ends the work, and the digest is worth nothing.
    """
    start, end = byte_range[1], byte_range[2]
    state = hashlib.new(algorithm)
    file.seek(0)
    hash_into(state, file, start, stopped)
    file.seek(end)
    hash_into(state, file, size - end, stopped)
    return state.digest()


def hash_into(state: hashlib._Hash, file: BinaryIO, length: int, stopped: Callable[[], bool] = lambda: False) -> None:
    """Feed `length` bytes from the file's position to `state`, fewer where the file ends."""
    buffer = bytearray(min(_CHUNK, max(length, 1)))
    view = memoryview(buffer)
    while length > 0 and not stopped():
        got = file.readinto(view[: min(len(view), length)])  # type: ignore[attr-defined]  # raw and buffered files have it
        if not got:
            return
        state.update(view[:got])
        length -= got


def chunks(file: BinaryIO, length: int) -> Iterator[bytes]:
    """Yield `length` bytes from the file's position in pieces, fewer where the file ends."""
    while length > 0:
        piece = file.read(min(_CHUNK, length))
        if not piece:
            return
        length -= len(piece)
        yield piece
