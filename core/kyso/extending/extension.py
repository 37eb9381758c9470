"""Extending a signed letter: to level LT by validation data, to LTA by an archive timestamp over it.

::

    extended = extend_document(Path("letter.pdf"), "lta", settings, authorities, fetcher=None, out=Path("kept.pdf"))
    extended.level

The original stays a prefix of the result. The level that is stated is the one that our own verifier finds afterwards
with nothing but the trusted roots: without the lists a person gave and without the network, as somebody would verify
it in ten years (ETSI EN 319 142-1, 6.3).
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from kyso.errors import InputRefused, RemoteFailed, SigningRefused, WrongUse
from kyso.extending.evidence import gather
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.text import Phrase
from kyso.update.files import refuse_output, write_output
from kyso.verification.verify import verify_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.extending.evidence import ValidationData
    from kyso.extending.online import EvidenceFetcher
    from kyso.extending.timestamp import TimestampAuthorities
    from kyso.models import Level
    from kyso.verification.report import SignatureReport, VerificationReport
    from kyso.verification.settings import VerificationSettings

Target = Literal["lt", "lta"]
LEVELS: Final[tuple[Level, ...]] = ("b", "t", "lt", "lta")
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ExtendedDocument:
    """An extended letter.

    :param level: reached by every signature of a person, as verified afterwards with the roots alone.
    :param timestamps: document timestamps that were added.
    :param certificates: how many were added to the security store; `crls` and `ocsp` likewise.
    :param report: the verification of the result.
    """

    path: Path
    size: int
    original_size: int
    level: Level
    timestamps: int
    certificates: int
    crls: int
    ocsp: int
    report: VerificationReport
    notices: tuple[Notice, ...] = ()


def extend_document(
    source: Path,
    target: Target,
    settings: VerificationSettings,
    authorities: TimestampAuthorities | None,
    *,
    fetcher: EvidenceFetcher | None,
    out: Path,
    overwrite: bool = False,
    best_effort: bool = False,
) -> ExtendedDocument:
    """Extend the letter `source` and write the result to `out`.

    :param authorities: ``None`` where no timestamp can be had.
    :param fetcher: ``None`` where the network may not be used for revocation data.
    :param best_effort: write what could be reached; otherwise nothing is written below `target`.
    :raises InputRefused: unreadable, unsigned, or revocation data is missing.
    :raises SigningRefused: a signature is invalid; keeping it longer would keep a lie.
    :raises WrongUse: a timestamp is needed and there is no authority.
    :raises RemoteFailed: no authority gave a timestamp.
    """
    refuse_output(out, overwrite=overwrite, source=source)
    before = verify_document(source, settings)
    persons = _persons(before)
    with tempfile.TemporaryDirectory(prefix="kyso-extend-") as folder:
        work = _Work(source, Path(folder), settings, authorities)
        problems: list[Notice] = []
        if any(signature.signing_time.source != "timestamp" for signature in persons):
            problems += work.timestamp(best_effort=best_effort)
        data = gather(work.current, settings, fetcher)
        if data.missing and not best_effort:
            raise InputRefused("extending.evidence_missing", name=source.name, missing=_phrases(data, fetcher))
        work.store(data)
        if target == "lta" and not problems:
            problems += work.timestamp(best_effort=best_effort)
        _check_prefix(source, work.current)
        # The verdict that will hold later: roots alone, no lists from outside the document.
        report = verify_document(work.current, replace(settings, crls=()), name=out.name)
        _check_unharmed(before, report)
        level = reached(report)
        if LEVELS.index(level) < LEVELS.index(target) and (not best_effort or work.current == source):
            raise InputRefused("extending.level_missed", name=source.name, level=level, target=target)
        # What was asked for is stated, not what the verifier might call more.
        level = min(level, target, key=LEVELS.index)
        write_output(out, _pieces(work.current), overwrite=overwrite, source=source)
        notices = (*problems, *data.missing) if level != target else ()
        report = replace(report, file=replace(report.file, path=str(out)))
        return ExtendedDocument(
            path=out,
            size=work.current.stat().st_size,
            original_size=source.stat().st_size,
            level=level,
            timestamps=work.timestamps,
            certificates=len(data.certificates),
            crls=len(data.crls),
            ocsp=len(data.ocsp),
            report=report,
            notices=notices,
        )


def _persons(report: VerificationReport) -> list[SignatureReport]:
    if report.verdict == "unreadable":
        first = report.warnings[0]
        raise InputRefused(first.code, **first.parameters)
    persons = [signature for signature in report.signatures if signature.kind != "timestamp"]
    if not persons:
        raise InputRefused("extending.unsigned", name=report.file.name)
    for signature in report.signatures:
        if signature.verdict == "invalid":
            cause = signature.reasons[0]
            words = Phrase(cause.code, cause.parameters)
            raise SigningRefused("extending.invalid", name=report.file.name, field=signature.field, cause=words)
    return persons


class _Work:
    """The letter between the steps; each step writes the next file."""

    def __init__(
        self, source: Path, folder: Path, settings: VerificationSettings, authorities: TimestampAuthorities | None
    ) -> None:
        self.current = source
        self.timestamps = 0
        self._name = source.name
        self._folder = folder
        self._password = settings.password
        self._authorities = authorities
        self._step = 0

    def timestamp(self, *, best_effort: bool) -> list[Notice]:
        """Add a document timestamp over everything there is; return why there is none where that may be."""
        from kyso.extending.appending import append_timestamp

        if self._authorities is None:
            if best_effort:
                return [Notice("tsa.none_configured")]
            raise WrongUse("tsa.none_configured")
        following = self._next()
        try:
            with following.open("w+b") as out:
                append_timestamp(self.current, out, self._authorities, name=self._name, password=self._password)
        except RemoteFailed as error:
            if best_effort:
                return [Notice(error.code, error.parameters)]
            raise
        self.current = following
        self.timestamps += 1
        return []

    def store(self, data: ValidationData) -> None:
        """Add validation data, where there is any that is new."""
        from kyso.extending.appending import append_store

        if data.is_empty:
            return
        following = self._next()
        with following.open("w+b") as out:
            append_store(self.current, out, data, name=self._name, password=self._password)
        self.current = following

    def _next(self) -> Path:
        self._step += 1
        return self._folder / f"{self._step}.pdf"


def reached(report: VerificationReport) -> Level:
    """Return the level that every person's signature has by what the document itself holds.

    ``t``: a trusted timestamp proves the time; ``lt``: the certificate's status is known from embedded data and the
    signature is not doubtful; ``lta``: a document timestamp covers the whole file, that data included.
    """
    persons = [signature for signature in report.signatures if signature.kind != "timestamp"]
    if not persons or any(signature.signing_time.source != "timestamp" for signature in persons):
        return "b"
    if any(
        signature.verdict != "valid"
        or signature.certificate is None
        or signature.certificate.checked_with != "embedded"
        or any(notice.code == "chain.ca_revocation_unknown" for notice in report.warnings)
        for signature in persons
    ):
        return "t"
    last = report.signatures[-1]
    sealed = last.kind == "timestamp" and last.coverage == "file" and last.integrity == "intact"
    return "lta" if sealed else "lt"


def _phrases(data: ValidationData, fetcher: EvidenceFetcher | None) -> list[Phrase]:
    failures = fetcher.failures if fetcher is not None else []
    return [Phrase(notice.code, notice.parameters) for notice in (*data.missing, *failures)]


def _check_prefix(source: Path, extended: Path) -> None:
    """Make sure that not one octet of the original was rewritten (rule 1 of the design)."""
    size = source.stat().st_size
    if _digest(source, size) != _digest(extended, size):
        raise InputRefused("extending.cannot_append", name=source.name)


def _check_unharmed(before: VerificationReport, after: VerificationReport) -> None:
    """Make sure that no signature is worse off for what was added."""
    was_sound = {signature.field for signature in before.signatures if signature.changes != "forbidden"}
    harmed = [
        signature.field
        for signature in after.signatures
        if signature.field in was_sound and (signature.changes == "forbidden" or signature.integrity == "broken")
    ]
    if harmed or after.verdict == "unreadable":
        raise InputRefused("extending.would_harm", name=before.file.name, fields=harmed or ["-"])


def _digest(path: Path, length: int) -> bytes:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while length > 0 and (piece := file.read(min(_CHUNK, length))):
            state.update(piece)
            length -= len(piece)
    return state.digest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
