"""The bytes that are judged: one open file or one bytes object, read in pieces, never changed, never reopened."""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from kyso.models import Source

CHUNK_BYTES: Final = 1 << 20
_COPIED_PREFIX: Final = 64 << 20
_HEADER_WINDOW: Final = 1024


class ByteSource:
    """Random access to the document. One file handle serves the parser and the digests, so that both see one file."""

    __slots__ = ("_copy", "_data", "_descriptor", "_file", "size")

    def __init__(self, data: bytes | None, file: io.BufferedReader[Any] | None) -> None:
        self._copy: _Copy | None = None
        self._data = data
        self._file = file
        self._descriptor = -1 if file is None else file.fileno()
        self.size = len(data) if data is not None else os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes from `offset`."""
        if self._data is not None:
            return self._data[offset : offset + length]
        pieces: list[bytes] = []
        while length > 0:
            piece = self._pread(length, offset)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def _pread(self, length: int, offset: int) -> bytes:
        assert self._file is not None
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, min(length, CHUNK_BYTES), offset)
        # Windows has no pread; the parser seeks before each of its own reads, so a moved position harms nobody.
        self._file.seek(offset)
        return self._file.read(min(length, CHUNK_BYTES))

    def chunks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the whole document as (offset, bytes), in order."""
        offset = 0
        while offset < self.size and (piece := self.read(offset, min(CHUNK_BYTES, self.size - offset))):
            yield offset, piece
            offset += len(piece)

    def prefix(self, end: int) -> BinaryIO:
        """Return the first `end` bytes as a stream for the parser."""
        if self._file is not None and end == self.size:
            self._file.seek(0)
            return self._file
        if end <= _COPIED_PREFIX:
            mapped = self._mapped(end)
            return io.BytesIO(self.read(0, end)) if mapped is None else cast("BinaryIO", mapped)
        return cast("BinaryIO", _Prefix(self, end))

    def _mapped(self, end: int) -> Mapped | None:
        """Return a copy that the parser may map, ``None`` where the system has no such thing.

        One copy grows with the revisions, so that fifty of them cost one; a map made before keeps its length.
        """
        try:
            if self._copy is None or self._copy.size > end:
                self._copy = _Copy()
            self._copy.grow(self, end)
            return Mapped(self, end, self._copy.duplicate())
        except (AttributeError, OSError):
            # No anonymous files here (other systems, a sandbox): the parser reads through Python, in twice the time.
            self._copy = None
            return None


class _Copy:
    """The beginning of a document in memory, as a file without a name."""

    def __init__(self) -> None:
        self.size = 0
        self._descriptor = os.memfd_create("kyso", os.MFD_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def grow(self, source: ByteSource, end: int) -> None:
        """Take in what is missing up to `end`."""
        while self.size < end:
            piece = source.read(self.size, min(CHUNK_BYTES, end - self.size))
            if not piece:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.size += os.pwrite(self._descriptor, piece, self.size)

    def duplicate(self) -> int:
        """Return a descriptor of its own."""
        return os.dup(self._descriptor)


class _Prefix(io.RawIOBase):
    """A large document cut at one revision, without a copy."""

    def __init__(self, source: ByteSource, end: int) -> None:
        self._source = source
        self._end = end
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        with memoryview(buffer).cast("B") as target:
            piece = self._source.read(self._position, max(0, min(len(target), self._end - self._position)))
            target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


class Mapped(_Prefix):
    """A document cut at one revision that can be mapped; the map takes the file's length at that moment."""

    def __init__(self, source: ByteSource, end: int, descriptor: int) -> None:
        super().__init__(source, end)
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


def _opened_without_waiting(path: str, flags: int) -> int:
    """Open also a named pipe at once, so that it can be refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def open_source(source: Source) -> Iterator[ByteSource]:
    """Open the document.

    :raises OSError: the file cannot be read.
    """
    if isinstance(source, Path):
        with io.BufferedReader(io.FileIO(source, opener=_opened_without_waiting)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                # A device without an end, or a pipe that nobody writes to, is no document.
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(source))
            yield ByteSource(None, file)
    else:
        yield ByteSource(bytes(source), None)


def header_offset(source: ByteSource) -> int:
    """Return where the header stands; readers look for it in the first 1024 bytes. -1 without one.

    The parser counts offsets from there, while a /ByteRange counts from the first byte.
    """
    return source.read(0, _HEADER_WINDOW).find(b"%PDF-")


def foreign_kind(source: ByteSource) -> str:
    """Return the code that says what a file without a PDF header is, as far as its first bytes tell."""
    head = source.read(0, _HEADER_WINDOW)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "verification.not_pdf_office"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "verification.not_pdf_xml"
    if head.startswith((b"\x30\x82", b"\x30\x83", b"\x30\x80", b"-----BEGIN ")):
        return "verification.not_pdf_cms"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")):
        return "verification.not_pdf_picture"
    return "verification.not_pdf"
