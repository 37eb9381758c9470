"""Reads what a request carries: fields and files, as they come, up to a cap and within a time.

A form (``multipart/form-data``, RFC 7578) is parsed while it arrives. A file stays in memory up to one mebibyte, then
it goes to the service's work folder; a field is short. Instead of a form the letter itself may be the body, with the
fields in the query. Names that the client gives are shown, never used as paths.

Where a request may be repeated, files are hashed on the way, so that it is recognised whatever boundary its form has.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qsl

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from kyso.frozen import dataclass
from kyso.plugin import WrongUse
from kyso.serving.problems import Refusal
from kyso.text import shown

if TYPE_CHECKING:
    from starlette.requests import Request

IN_MEMORY_UP_TO = 1 << 20
GREATEST_FIELD = 64 << 10
GREATEST_PARTS = 64
_GREATEST_HEADER = 4 << 10
_GREATEST_NAME = 200


@dataclass(slots=True)
class UploadedFile:
    """A file of a request.

    :param name: as the client calls it, for people.
    :param data: its octets, or ``None`` where it lies at `path`.
    """

    name: str
    media_type: str
    size: int = 0
    sha256: str = ""
    data: bytes | None = None
    path: Path | None = None

    def read(self) -> bytes:
        """Return the octets."""
        if self.data is not None:
            return self.data
        return self.path.read_bytes() if self.path is not None else b""


@dataclass(slots=True)
class Upload:
    """What a request carried: text fields and files by name, in the order of their arrival."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[UploadedFile]] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Return a digest that is the same for the same fields and files; these must have been hashed."""
        state = hashlib.sha256()
        for name, values in sorted(self.fields.items()):
            for value in values:
                state.update(repr((name, value)).encode())
        for name, files in sorted(self.files.items()):
            for file in files:
                state.update(repr((name, file.name, file.size, file.sha256)).encode())
        return state.hexdigest()


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much and how long, and whether files are hashed.

    :param cap: octets of the whole body.
    :param seconds: for the whole body.
    :param folder: where large files go.
    """

    cap: int
    seconds: float
    folder: Path
    hashing: bool = False


@asynccontextmanager
async def received(request: Request, limits: UploadLimits, *, files: Sequence[str]) -> AsyncIterator[Upload]:
    """Read a request's form, or its letter and query; what it left on disk is removed at the end.

    :param files: names of the parts that may be files; the first is the letter.
    :raises Refusal: too large, too slow, another kind of body.
    :raises WrongUse: not a form that can be read, or a part nobody asked for.
    """
    upload = Upload()
    try:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        reader: _FormReader | _BodyReader
        if kind == b"multipart/form-data" and options.get(b"boundary"):
            reader = _FormReader(options[b"boundary"], upload, limits, files)
        elif kind in (b"application/pdf", b"application/octet-stream"):
            reader = _BodyReader(upload, limits, files[0], request.url.query, kind.decode())
        else:
            raise Refusal("api.media_type", 415, {"Accept": "multipart/form-data, application/pdf"})
        try:
            await _fed(request, limits, reader.write)
            reader.end()
        finally:
            reader.close()
        yield upload
    finally:
        for group in upload.files.values():
            for file in group:
                if file.path is not None:
                    file.path.unlink(missing_ok=True)


async def body_of(request: Request, limits: UploadLimits) -> bytes:
    """Return a short body (JSON).

    :raises Refusal: larger than a field may be, or too slow.
    """
    parts: list[bytes] = []
    await _fed(request, UploadLimits(GREATEST_FIELD, limits.seconds, limits.folder), parts.append)
    return b"".join(parts)


async def _fed(request: Request, limits: UploadLimits, write: Callable[[bytes], object]) -> None:
    from starlette.requests import ClientDisconnect

    size = 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.cap:
                    raise Refusal("serving.body_too_large", 413, {"Connection": "close"}, limit=limits.cap)
                if chunk:
                    write(chunk)
    except TimeoutError:
        seconds = round(limits.seconds, 1)
        raise Refusal("serving.upload_slow", 408, {"Connection": "close"}, seconds=seconds) from None
    except ClientDisconnect:
        raise Refusal("api.disconnected", 400) from None


class _FileWriter:
    """Takes a file's octets: in memory first, then on the disk."""

    def __init__(self, file: UploadedFile, limits: UploadLimits) -> None:
        self._file = file
        self._limits = limits
        self._held = bytearray()
        self._stream: BinaryIO | None = None
        self._digest = hashlib.sha256() if limits.hashing else None

    def write(self, data: bytes) -> None:
        if self._digest is not None:
            self._digest.update(data)
        self._file.size += len(data)
        if self._stream is None:
            self._held += data
            if len(self._held) > IN_MEMORY_UP_TO:
                self._spill()
        else:
            self._stream.write(data)

    def _spill(self) -> None:
        self._file.path = self._limits.folder / f"{secrets.token_hex(16)}.upload"
        self._stream = self._file.path.open("xb")
        self._stream.write(self._held)
        self._held.clear()

    def end(self) -> None:
        if self._digest is not None:
            self._file.sha256 = self._digest.hexdigest()
        if self._stream is None:
            self._file.data = bytes(self._held)
        self.close()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


class _BodyReader:
    """The letter as the body, the fields in the query."""

    def __init__(self, upload: Upload, limits: UploadLimits, name: str, query: str, media_type: str) -> None:
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=GREATEST_PARTS)
        except ValueError:
            raise WrongUse("api.query_unreadable") from None
        for key, value in pairs:
            upload.fields.setdefault(key, []).append(value)
        file_name = upload.fields.pop("name", ["document.pdf"])[-1]
        file = UploadedFile(_shown_name(file_name), media_type)
        upload.files[name] = [file]
        self._writer = _FileWriter(file, limits)

    def write(self, chunk: bytes) -> None:
        self._writer.write(chunk)

    def end(self) -> None:
        self._writer.end()

    def close(self) -> None:
        self._writer.close()


class _FormReader:
    """One form, part after part."""

    def __init__(self, boundary: bytes, upload: Upload, limits: UploadLimits, files: Sequence[str]) -> None:
        self._upload = upload
        self._limits = limits
        self._file_names = frozenset(files)
        self._parts = 0
        self._complete = False
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: dict[str, bytes] = {}
        self._name = ""
        self._value: bytearray | None = None
        self._writer: _FileWriter | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._take_header(0, data[start:end]),
                "on_header_value": lambda data, start, end: self._take_header(1, data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._open_part,
                "on_part_data": self._take,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        with _form_trouble():
            self._parser.write(chunk)

    def end(self) -> None:
        with _form_trouble():
            self._parser.finalize()
        if not self._complete:
            raise WrongUse("api.form_unreadable")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > GREATEST_PARTS:
            raise WrongUse("api.too_many_parts", limit=GREATEST_PARTS)
        self._headers = {}

    def _take_header(self, half: int, data: bytes) -> None:
        self._header[half].extend(data)
        if len(self._header[half]) > _GREATEST_HEADER:
            raise WrongUse("api.form_unreadable")

    def _end_header(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = bytes(value)
        name.clear()
        value.clear()

    def _open_part(self) -> None:
        kind, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if kind != b"form-data" or not name:
            raise WrongUse("api.form_unreadable")
        self._name = name
        if name in self._file_names:
            media_type = parse_options_header(self._headers.get("content-type", b"application/octet-stream"))[0]
            given = options.get(b"filename", b"document.pdf").decode("utf-8", "replace")
            file = UploadedFile(_shown_name(given), media_type.decode("latin-1"))
            self._upload.files.setdefault(name, []).append(file)
            self._writer = _FileWriter(file, self._limits)
        elif b"filename" in options:
            raise WrongUse("api.file_unknown", name=name, known=sorted(self._file_names))
        else:
            self._value = bytearray()

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._writer is not None:
            self._writer.write(data[start:end])
        elif self._value is not None:
            self._value += data[start:end]
            if len(self._value) > GREATEST_FIELD:
                raise WrongUse("api.field_too_long", name=self._name, limit=GREATEST_FIELD)

    def _end_part(self) -> None:
        if self._writer is not None:
            self._writer.end()
            self._writer = None
        elif self._value is not None:
            try:
                text = self._value.decode("utf-8")
            except UnicodeDecodeError:
                raise WrongUse("api.field_not_utf8", name=self._name) from None
            self._upload.fields.setdefault(self._name, []).append(text)
            self._value = None

    def _end(self) -> None:
        self._complete = True


@contextlib.contextmanager
def _form_trouble() -> Iterator[None]:
    try:
        yield
    except MultipartParseError:
        raise WrongUse("api.form_unreadable") from None


_SEPARATORS = re.compile(r"[/\\]")


def _shown_name(given: str) -> str:
    """Return the last part of a name, without characters that deceive; it is shown and never opened."""
    last = " ".join(shown(_SEPARATORS.split(given)[-1]).split())
    return last[-_GREATEST_NAME:].lstrip(".") or "document.pdf"


def one(fields: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Return a field that may be given once.

    :raises WrongUse: it was given several times.
    """
    values = fields.get(name, ())
    if len(values) > 1:
        raise WrongUse("api.field_twice", name=name)
    return values[0] if values else None
