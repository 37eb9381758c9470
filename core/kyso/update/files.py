"""Prepared signatures as files: a letter with its update, waiting for the signature value.

A small letter is prepared in memory, a large one in a temporary file in the folder of its output, so that publishing it
is a rename.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from kyso.document.identity import file_identity
from kyso.errors import InputRefused
from kyso.update.copying import Copying, Hashing, chunks, digest_of_ranges, hash_into, state_of_file
from kyso.update.outputs import new_temporary, refuse_output, settle, write_all, write_output, writing
from kyso.update.plan import Update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.models import DigestName, Source

__all__ = ["PreparedFile", "refuse_output", "write_output"]

_IN_MEMORY_UP_TO = 4 * 1024 * 1024
"""A smaller letter is prepared in memory: starting threads and files costs more than it saves."""


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

    __slots__ = (
        "_buffer",
        "_copying",
        "_digests",
        "_file",
        "_hashing",
        "_mode",
        "_path",
        "_source",
        "byte_range",
        "size",
    )

    def __init__(self, byte_range: tuple[int, int, int, int], size: int) -> None:
        self.byte_range = byte_range
        self.size = size
        self._mode = 0o666
        # Immutable, so that a digest over the byte ranges holds as long as there is a buffer.
        self._buffer: bytes | None = None
        self._digests: dict[DigestName, bytes] = {}
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._source: Path | None = None
        self._copying: Copying | None = None
        self._hashing: Hashing | None = None

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
            prepared._buffer = source + update.data
        else:
            prepared._source = source
            with _reading(source), source.open("rb") as original:
                status = os.fstat(original.fileno())
                if status.st_size != original_size or update.source_identity not in (None, file_identity(status)):
                    raise InputRefused("document.changed_meanwhile", name=source.name)
                prepared._mode = (status.st_mode & 0o777) | 0o600
                if folder is None or original_size <= _IN_MEMORY_UP_TO:
                    prepared._buffer = original.read() + update.data
                else:
                    prepared._copy(source, update, folder)
        if prepared._buffer is not None and len(prepared._buffer) != size:
            raise InputRefused("document.changed_meanwhile", name=source.name if isinstance(source, Path) else "")
        return prepared

    @classmethod
    def reopen(cls, path: Path, byte_range: tuple[int, int, int, int], folder: Path | None) -> PreparedFile:
        """Open a copy of a prepared file that lay on a disk; the kept one stays as it is.

        :param folder: where a large copy is made; ``None`` works in memory.
        :raises InputRefused: it is gone, or is not the file that was prepared.
        """
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

        A large file is hashed twice at the same time: from its source while it is still being copied, and from the
        prepared file behind the copying. The first answer is for the signature, the second for the check before
        anything is embedded.

        What is held in memory is immutable: its digest is computed once, over the very bytes that are published.

        :param again: the digest of the prepared file itself; if it was touched since it was hashed, it is hashed anew.
        """
        if self._buffer is not None:
            known = self._digests.get(algorithm)
            if known is None:
                view = memoryview(self._buffer)
                state = hashlib.new(algorithm, view[: self.byte_range[1]])
                state.update(view[self.byte_range[2] :])
                known = self._digests[algorithm] = state.digest()
            return known
        if again:
            return self._own_digest(algorithm)
        if self._copying is None or self._source is None:
            return self._own_digest(algorithm)
        self._hashing = Hashing(algorithm, self._copying, self._own_path(), self.byte_range, self.size)
        return self._digest_of_source(algorithm, self._source)

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
            held = self._buffer
            self._buffer = b"".join((held[: start + 1], written, held[start + 1 + len(written) :]))
            return
        self._synced()
        with self._writing_own():
            file = self._own_file()
            file.seek(start + 1)
            write_all(file, written)

    def publish(self, out: Path | None, *, overwrite: bool = False) -> Path | bytes:
        """Put the file where it belongs, all or nothing, or return its bytes.

        :raises WrongUse: the output exists, is the input, or cannot be written.
        """
        try:
            if out is None:
                return self._held(0, self.size)
            if self._buffer is not None:
                write_output(out, (self._buffer,), overwrite=overwrite, source=self._source, mode=self._mode)
                return out
            refuse_output(out, overwrite=overwrite, source=self._source)
            self._synced()
            finished = self._own_path()
            with writing(out):
                os.fsync(self._own_file().fileno())
                self._own_file().close()
                same_device = finished.parent.stat().st_dev == out.parent.stat().st_dev
            if same_device:
                settle(finished, out, overwrite=overwrite)
            else:
                with finished.open("rb") as file:
                    write_output(out, chunks(file, self.size), overwrite=overwrite, mode=self._mode)
            return out
        finally:
            self.discard()

    def discard(self) -> None:
        """Forget the prepared file and remove what there is of it. Discarding twice is harmless."""
        for running in (self._copying, self._hashing):
            if running is not None:
                running.stop()
                with contextlib.suppress(OSError):  # the file is thrown away, whatever happened to it
                    running.wait()
        self._copying = self._hashing = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._path is not None:
            path, self._path = self._path, None
            with writing(path):
                path.unlink(missing_ok=True)
        self._buffer = None

    # -------------------------------------------------------------------------------------------- large files

    def _copy(self, source: Path, update: Update, folder: Path) -> None:
        self._file, self._path = new_temporary(folder, self._mode)
        self._copying = Copying(source, self._file, update.data)

    def _copied(self) -> None:
        if self._copying is not None:
            with self._writing_own():
                self._copying.wait_for_copy()
            if os.fstat(self._own_file().fileno()).st_size != self.size:
                name = self._source.name if self._source is not None else ""
                raise InputRefused("document.changed_meanwhile", name=name)

    def _synced(self) -> None:
        self._copied()
        if self._copying is not None:
            with self._writing_own():
                self._copying.wait()

    def _digest_of_source(self, algorithm: DigestName, source: Path) -> bytes:
        start, end = self.byte_range[1], self.byte_range[2]
        state = hashlib.new(algorithm)
        with _reading(source), source.open("rb", buffering=0) as original:
            original_size = os.fstat(original.fileno()).st_size
            if original_size > start:
                # A prepared file that was reopened: it is its own source.
                return self._own_digest(algorithm)
            hash_into(state, original, original_size)
        self._copied()
        with self._writing_own():
            file = self._own_file()
            file.seek(original_size)
            hash_into(state, file, start - original_size)
            file.seek(end)
            hash_into(state, file, self.size - end)
        return state.digest()

    def _own_digest(self, algorithm: DigestName) -> bytes:
        self._copied()
        hashing = self._hashing
        if hashing is not None and hashing.algorithm == algorithm:
            with self._writing_own():
                hashing.wait()
            if hashing.state_of_file == state_of_file(self._own_file().fileno()):
                return hashing.digest
        with self._writing_own():
            return digest_of_ranges(algorithm, self._own_file(), self.byte_range, self.size)

    def _own_file(self) -> BinaryIO:
        if self._file is None:
            raise InputRefused("prepared.discarded")
        return self._file

    def _held(self, offset: int, length: int) -> bytes:
        if self._buffer is not None:
            return self._buffer[offset : offset + length]
        self._copied()
        with self._writing_own():
            file = self._own_file()
            file.seek(offset)
            return b"".join(chunks(file, length))

    def _own_path(self) -> Path:
        if self._path is None:
            raise InputRefused("prepared.discarded")
        return self._path

    def _writing_own(self) -> contextlib.AbstractContextManager[None]:
        return writing(self._path or Path("prepared"))


@contextlib.contextmanager
def _reading(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise InputRefused("document.not_found", name=source.name) from error
    except OSError as error:
        raise InputRefused("document.unreadable", name=source.name, cause=error.strerror or str(error)) from error
