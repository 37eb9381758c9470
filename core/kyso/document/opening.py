"""Opening a letter: what is a PDF, what is damaged, and what the opened letter answers.

::

    with open_letter(Path("letter.pdf")) as letter:
        letter.page(-1).width_mm

pikepdf (qpdf) parses; nothing here ever saves. A file is mapped, not read: a scan of 300 MB costs what its page objects
cost. Damage is judged strictly, because a signature fixes the bytes for good: where qpdf had to search the file for its
objects, other readers may find other ones, and the letter is refused until it is repaired.

What this does not protect against: another program that shortens a mapped file while it is open ends this process.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pikepdf

from kyso.document.identity import file_identity
from kyso.document.letter import PARSER_ERRORS, OpenedFile, OpenLetter, reading
from kyso.errors import InputRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.document.identity import FileIdentity
    from kyso.models import Source
    from kyso.secret import Secret

__all__ = ["PARSER_ERRORS", "OpenLetter", "open_letter", "reading"]

_HEADER_WINDOW = 1024  # readers look for %PDF- this far (ISO 32000-1, annex H.3, note 13)
_TAIL_WINDOW = 2048
_IN_MEMORY_UP_TO = 4 * 1024 * 1024  # reading a small file at once is faster than mapping it


@contextmanager
def open_letter(
    source: Source, *, password: Secret | None = None, name: str | None = None, repairing: bool = False
) -> Iterator[OpenLetter]:
    """Open a PDF for reading.

    :param source: path or bytes.
    :param password: opens an encrypted file.
    :param name: what people call the letter; by default the file name.
    :param repairing: open a damaged file as well; nothing can be appended to it.
    :raises InputRefused: not found, not a PDF, damaged, encrypted, without pages; the code says which.
    """
    if isinstance(source, bytes):
        shown = name or "document.pdf"
        opened = _in_memory(source)
    else:
        shown = name or source.name
        opened = _opened_file(source, shown)
    with opened.stream as stream:
        if not opened.size:
            raise InputRefused("document.empty", name=shown)
        if b"%PDF-" not in opened.head:
            raise InputRefused("document.not_pdf", name=shown)
        with _parsed(stream, password, shown, in_memory=opened.data is not None) as pdf:
            letter = OpenLetter(source, shown, opened, pdf, password)
            try:
                if not repairing:
                    _refuse_unusable(letter)
                yield letter
            finally:
                letter.close()


def _in_memory(data: bytes, identity: FileIdentity | None = None) -> OpenedFile:
    return OpenedFile(io.BytesIO(data), len(data), data[:_HEADER_WINDOW], data[-_TAIL_WINDOW:], data, identity)


def _opened_without_waiting(path: str, flags: int) -> int:
    """Open also a named pipe at once, so that it can be refused."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _opened_file(path: Path, name: str) -> OpenedFile:
    try:
        stream = io.FileIO(path, opener=_opened_without_waiting)
        try:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputRefused("document.not_a_file", name=name)
            if status.st_size <= _IN_MEMORY_UP_TO:
                with stream:
                    return _in_memory(stream.readall(), file_identity(status))
            head = stream.read(_HEADER_WINDOW)
            stream.seek(-_TAIL_WINDOW, io.SEEK_END)
            tail = stream.readall()
            stream.seek(0)
        except (OSError, InputRefused):
            stream.close()
            raise
    except FileNotFoundError as error:
        raise InputRefused("document.not_found", name=name) from error
    except IsADirectoryError as error:
        raise InputRefused("document.not_a_file", name=name) from error
    except OSError as error:
        raise InputRefused("document.unreadable", name=name, cause=error.strerror or str(error)) from error
    return OpenedFile(
        cast("BinaryIO", io.BufferedReader(stream)), status.st_size, head, tail, None, file_identity(status)
    )


def _parsed(stream: BinaryIO, password: Secret | None, name: str, *, in_memory: bool) -> pikepdf.Pdf:
    access = pikepdf.AccessMode.stream if in_memory else pikepdf.AccessMode.default
    try:
        return pikepdf.open(
            stream,
            password=password.reveal() if password is not None else "",
            inherit_page_attributes=False,  # it would load every page, and write into the pages that we serialise
            access_mode=access,
        )
    except pikepdf.PasswordError as error:
        raise InputRefused(
            "document.encrypted" if password is None else "document.wrong_password", name=name
        ) from error
    except MemoryError as error:
        raise InputRefused("document.too_large", name=name) from error
    except PARSER_ERRORS as error:
        code = "document.encryption_unsupported" if "ncrypt" in str(error) else "document.beyond_repair"
        raise InputRefused(code, name=name) from error


def _refuse_unusable(letter: OpenLetter) -> None:
    damage = letter.damage
    if damage is not None:
        if _has_signatures(letter):
            raise InputRefused("document.damaged_signed", name=letter.name)
        raise InputRefused(damage, name=letter.name)
    if letter.page_count == 0:
        raise InputRefused("document.no_pages", name=letter.name)


def _has_signatures(letter: OpenLetter) -> bool:
    try:
        return letter.signature_count > 0
    except InputRefused:
        return False
