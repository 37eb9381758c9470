"""What a /ByteRange really covers, and the digests over it (ISO 32000-2, 12.8.1).

The byte range is the attacker's favourite lever: everything it leaves out can be replaced without touching the
signature. It is accepted only as two ranges from the first byte on, with a gap that is exactly this signature's
/Contents, and an end that is the end of a revision.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from kyso.cms import algorithms
from kyso.frozen import dataclass
from kyso.models import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from kyso.verification.report import Coverage
    from kyso.verification.source import ByteSource

MAX_CONTENTS_BYTES: Final = 32 << 20
_HEX_STRING = re.compile(rb"<[0-9A-Fa-f\x00\t\n\x0c\r ]*>")
_REVISION_END = re.compile(rb"%%EOF[\x00\t\x0c ]*(?:\r\n|\r|\n)?[\x00\t\x0c\r\n ]*\Z")
_BYTE_RANGE_KEY = b"/ByteRange"
_MAX_BYTE_RANGE_KEYS: Final = 10_000
_PARALLEL_FROM: Final = 16 << 20

ByteRange = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class CoverageCheck:
    """What is known about a byte range before any digest.

    :param byte_range: usable for a digest, or ``None``.
    :param contents: the octets in the gap, ``None`` where the gap is no hex string.
    :param end: offset after the last covered byte; 0 without a usable range.
    :param broken: why the range cannot be used at all.
    :param doubtful: why what it covers is not what a reader believes.
    """

    byte_range: ByteRange | None
    kind: Coverage
    contents: bytes | None = None
    end: int = 0
    broken: tuple[Notice, ...] = ()
    doubtful: tuple[Notice, ...] = ()


def check_coverage(stated: Sequence[Any] | None, source: ByteSource) -> CoverageCheck:
    """Judge a /ByteRange as it stands in the signature dictionary."""
    if stated is None:
        return CoverageCheck(None, "partial", broken=(Notice("byte_range.missing"),))
    if len(stated) != 4 or not all(isinstance(item, int) and not isinstance(item, bool) for item in stated):
        return CoverageCheck(None, "partial", broken=(Notice("byte_range.malformed"),))
    start, first, second, rest = (int(item) for item in stated)
    if start != 0 or first <= 0 or second < first + 2 or rest < 0:
        return CoverageCheck(None, "partial", broken=(Notice("byte_range.malformed"),))
    end = second + rest
    if end > source.size:
        return CoverageCheck(None, "partial", broken=(Notice("byte_range.beyond_end", {"missing": end - source.size}),))
    doubtful: list[Notice] = []
    contents: bytes | None = None
    if second - first <= MAX_CONTENTS_BYTES:
        gap = source.read(first, second - first)
        if _HEX_STRING.fullmatch(gap):
            contents = unhex(gap)
    if contents is None:
        doubtful.append(Notice("byte_range.gap"))
    kind: Coverage = "file"
    if end != source.size:
        kind = "revision"
        if not _REVISION_END.search(source.read(max(0, end - 64), min(end, 64))):
            kind = "partial"
            doubtful.append(Notice("byte_range.not_at_revision_end"))
    if doubtful:
        kind = "partial"
    return CoverageCheck((start, first, second, rest), kind, contents, end, (), tuple(doubtful))


def unhex(hex_string: bytes) -> bytes:
    """Decode a PDF hex string with its delimiters (ISO 32000-2, 7.3.4.3)."""
    digits = hex_string[1:-1].translate(None, b"\x00\t\n\x0c\r ")
    return bytes.fromhex((digits + b"0" if len(digits) % 2 else digits).decode("ascii"))


def only_white_space(source: ByteSource, start: int) -> bool:
    """Tell whether nothing but white space follows `start`; only a short tail counts as that."""
    return source.size - start <= 4096 and not source.read(start, source.size - start).strip(b"\x00\t\n\x0c\r ")


@dataclass(frozen=True, slots=True)
class DigestJob:
    """One digest over one byte range, by hashlib name."""

    algorithm: str
    byte_range: ByteRange


@dataclass(frozen=True, slots=True)
class Digests:
    """The outcome of one pass over the document.

    :param sha256: of the whole file, hex.
    :param values: the digests asked for.
    :param byte_range_keys: offsets of every ``/ByteRange`` in the raw bytes.
    """

    sha256: str
    values: dict[DigestJob, bytes]
    byte_range_keys: tuple[int, ...]


def digest_document(source: ByteSource, jobs: Sequence[DigestJob]) -> Digests:
    """Digest the document once for all `jobs`.

    Every range begins with the first byte, so one running digest per algorithm serves all signatures: at each gap it
    is copied and the copy goes on behind the gap. The cost is the file plus the tails behind the gaps.

    :raises algorithms.UnsupportedAlgorithm: a digest this machine cannot compute.
    """
    digesting = _Digesting(jobs)
    keys: list[int] = []
    carried = b""
    with ExitStack() as stack:
        feed: Callable[[int, bytes], None] = digesting.feed
        if source.size >= _PARALLEL_FROM:
            # hashlib lets go of the interpreter: the next piece is read and searched while this one is digested.
            from concurrent.futures import ThreadPoolExecutor

            pool = stack.enter_context(ThreadPoolExecutor(1))
            feed = ahead = _OneAhead(pool, digesting.feed)
            stack.callback(ahead.finish)
        for offset, chunk in source.chunks():
            feed(offset, chunk)
            carried = _find_keys(carried, chunk, offset, keys)
    return Digests(digesting.running["sha256"].hexdigest(), digesting.values, tuple(keys))


class _Digesting:
    """The running digests, the jobs that wait for their gap, and the tails behind gaps that were passed."""

    def __init__(self, jobs: Sequence[DigestJob]) -> None:
        self.running: dict[str, Any] = {"sha256": hashlib.sha256()}
        for job in jobs:
            if job.algorithm not in self.running:
                self.running[job.algorithm] = _new(job.algorithm)
        self.values: dict[DigestJob, bytes] = {}
        self._waiting = sorted(set(jobs), key=lambda job: job.byte_range[1])
        self._tails: list[tuple[DigestJob, Any]] = []

    def feed(self, offset: int, chunk: bytes) -> None:
        """Take the next piece of the document."""
        view, end, position = memoryview(chunk), offset + len(chunk), offset
        while self._waiting and self._waiting[0].byte_range[1] <= end:
            job = self._waiting.pop(0)
            gap = job.byte_range[1]
            if gap > position:
                self._advance(view[position - offset : gap - offset])
                position = gap
            self._tails.append((job, self.running[job.algorithm].copy()))
        self._advance(view[position - offset :])
        still_open: list[tuple[DigestJob, Any]] = []
        for job, tail in self._tails:
            start, stop = job.byte_range[2], job.byte_range[2] + job.byte_range[3]
            if start < end and stop > offset:
                tail.update(view[max(start - offset, 0) : min(stop - offset, len(chunk))])
            if stop <= end:
                self.values[job] = _value(tail, job.algorithm)
            else:
                still_open.append((job, tail))
        self._tails = still_open

    def _advance(self, piece: memoryview) -> None:
        if piece:
            for digest in self.running.values():
                digest.update(piece)


class _OneAhead:
    """Runs a function in another thread, never more than one call ahead, so that memory stays constant."""

    def __init__(self, pool: ThreadPoolExecutor, function: Callable[[int, bytes], None]) -> None:
        self._pool = pool
        self._function = function
        self._last: Future[None] | None = None

    def finish(self) -> None:
        """Wait for the last call; what it raised is raised here."""
        if self._last is not None:
            self._last.result()

    def __call__(self, offset: int, chunk: bytes) -> None:
        self.finish()
        self._last = self._pool.submit(self._function, offset, chunk)


def _find_keys(carried: bytes, chunk: bytes, offset: int, keys: list[int]) -> bytes:
    """Note where ``/ByteRange`` stands, also across two chunks. Return what the next chunk needs."""
    overlap = len(_BYTE_RANGE_KEY) - 1
    seam = (carried + chunk[:overlap]).find(_BYTE_RANGE_KEY)
    if seam >= 0:
        keys.append(offset - len(carried) + seam)
    found = chunk.find(_BYTE_RANGE_KEY)
    while found >= 0 and len(keys) < _MAX_BYTE_RANGE_KEYS:
        keys.append(offset + found)
        found = chunk.find(_BYTE_RANGE_KEY, found + 1)
    return (carried + chunk)[-overlap:] if len(chunk) < overlap else chunk[-overlap:]


def _new(algorithm: str) -> Any:
    try:
        return hashlib.new(algorithm, usedforsecurity=False)
    except ValueError as error:
        raise algorithms.UnsupportedAlgorithm(algorithm) from error


def _value(digest: Any, algorithm: str) -> bytes:
    # SHAKE256 in CMS gives 512 bits (RFC 8419, 2.3; RFC 8702, 3.1).
    value: bytes = digest.digest(64) if algorithm == "shake_256" else digest.digest()
    return value
