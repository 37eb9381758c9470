"""The receiver's question: may I rely on this letter?

::

    report = verify_document(Path("letter.pdf"), VerificationSettings(trust=(Path("roots"),)))
    report.verdict

Order of work: find the signatures, digest the bytes once for all of them, check each value, review what changed after
each, then judge certificates at the time that counts, latest timestamps first. A bad file is a verdict, never an
exception; one broken signature never hides the others.

What this does not do: it fetches nothing, and it does not judge what a letter says.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pikepdf

from kyso.document.opening import PARSER_ERRORS
from kyso.document.pages import PageTree
from kyso.errors import InputRefused
from kyso.models import Notice
from kyso.verification.coverage import CoverageCheck, check_coverage, digest_document
from kyso.verification.discovery import FoundSignature, find_elsewhere, find_in_form, sorted_offsets, stands_at
from kyso.verification.document_review import review_signatures
from kyso.verification.hidden_content import hidden_content
from kyso.verification.integrity import prepare
from kyso.verification.report import FileInfo, VerificationReport
from kyso.verification.revisions import open_pdf
from kyso.verification.source import ByteSource, foreign_kind, header_offset, open_source
from kyso.verification.trust import load_trust
from kyso.verification.verdict import headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.document.pages import ObjectId
    from kyso.models import Source
    from kyso.verification.integrity import Prepared
    from kyso.verification.report import SignatureReport
    from kyso.verification.settings import VerificationSettings


def verify_document(source: Source, settings: VerificationSettings, *, name: str | None = None) -> VerificationReport:
    """Verify a PDF.

    :param name: the document's name for people; by default the file's.
    """
    path = source if isinstance(source, Path) else None
    if path is not None and path.suffix.lower() == ".p7s":
        return _verify_detached(path, settings)
    shown = name or (path.name if path is not None else "document.pdf")
    try:
        with open_source(source) as data:
            return _verify(data, settings, shown, path)
    except OSError as error:
        info = FileInfo(shown, None if path is None else str(path), None, None, None)
        return _unreadable(info, settings, Notice("verification.cannot_open", {"reason": error.strerror or ""}))


def _verify_detached(signature: Path, settings: VerificationSettings) -> VerificationReport:
    """Verify the file beside a signature file, together with the signatures that the file itself may carry."""
    from kyso.verification.detached import prepare_detached, read_detached, signed_file

    own = FileInfo(signature.name, str(signature), None, None, None)
    try:
        detached = read_detached(signature)
        if isinstance(detached, Notice):
            return _unreadable(own, settings, detached)
        path = signed_file(signature)
        if path is None or path.stat().st_size == 0:
            return _unreadable(own, settings, Notice("verification.detached_content", {"name": signature.name}))
        with open_source(path) as data:
            return _verify(data, settings, path.name, path, prepare_detached(detached, data.size))
    except OSError as error:
        return _unreadable(own, settings, Notice("verification.cannot_open", {"reason": error.strerror or ""}))


def _verify(
    data: ByteSource,
    settings: VerificationSettings,
    name: str,
    path: Path | None,
    detached: Sequence[Prepared] = (),
) -> VerificationReport:
    if header_offset(data) < 0:
        if detached:
            return _verify_bytes(data, settings, name, path, detached)
        beside = _signature_beside(path)
        return _unreadable(_file_info(data, name, path), settings, Notice(foreign_kind(data)), *beside)
    try:
        with open_pdf(data, data.size, settings.password) as pdf:
            return _verify_pdf(data, pdf, settings, name, path, detached)
    except pikepdf.PasswordError:
        why = Notice("verification.password_missing" if settings.password is None else "verification.password_wrong")
    except InputRefused as error:
        why = Notice(error.code, error.parameters)
    except PARSER_ERRORS:
        why = Notice("verification.damaged")
    if detached:
        return _verify_bytes(data, settings, name, path, detached, why)
    return _unreadable(_file_info(data, name, path), settings, why)


def _signature_beside(path: Path | None) -> tuple[Notice, ...]:
    """Point to a signature file beside a file that carries no signature itself."""
    from kyso.verification.detached import signature_beside

    found = None if path is None else signature_beside(path)
    return () if found is None else (Notice("verification.detached_beside", {"name": found.name}),)


def _verify_bytes(
    data: ByteSource,
    settings: VerificationSettings,
    name: str,
    path: Path | None,
    detached: Sequence[Prepared],
    why: Notice | None = None,
) -> VerificationReport:
    """Judge detached signatures over a file that is no PDF, or one that cannot be read (`why`)."""
    digests = digest_document(data, [item.job for item in detached if item.job is not None])
    store = load_trust(settings.trust, settings.crls)
    signatures, remarks = review_signatures(detached, digests, data, None, store, settings)
    info = FileInfo(name, None if path is None else str(path), digests.sha256, data.size, None)
    unread = () if why is None else (why,)
    return _report(info, settings, signatures, (*store.problems, *unread, *remarks))


def _verify_pdf(
    data: ByteSource,
    pdf: pikepdf.Pdf,
    settings: VerificationSettings,
    name: str,
    path: Path | None,
    detached: Sequence[Prepared] = (),
) -> VerificationReport:
    tree = PageTree(pdf.Root, name)
    pages = tree.count
    found, empty = find_in_form(pdf, tree, name)
    offsets = sorted_offsets(pdf, header_offset(data))

    def prepared_one(signature: FoundSignature) -> Prepared:
        coverage = check_coverage(signature.stated_range, data)
        return prepare(signature, _against_wrapping(signature, coverage, offsets, bool(pdf.is_encrypted)))

    prepared = [*map(prepared_one, found), *detached]
    digests = digest_document(data, [item.job for item in prepared if item.job is not None])
    hidden, unexplained = find_elsewhere(pdf, data, digests.byte_range_keys, found, tree, offsets)
    if hidden:
        prepared.extend(map(prepared_one, hidden))
        digests = digest_document(data, [item.job for item in prepared if item.job is not None])
    # In the order they were made: what a signature covers cannot be younger than it.
    prepared.sort(key=lambda item: (item.coverage.end, item.found.field))
    store = load_trust(settings.trust, settings.crls)
    info = FileInfo(name, None if path is None else str(path), digests.sha256, data.size, pages)
    signatures, remarks = review_signatures(prepared, digests, data, pdf, store, settings)
    warnings: list[Notice] = [*store.problems, *remarks]
    if signatures and all(signature.kind == "timestamp" for signature in signatures):
        warnings.append(Notice("verification.only_timestamps"))
    if unexplained:
        warnings.append(Notice("verification.stray_signature", {"count": unexplained}))
    if empty and not signatures:
        warnings.append(Notice("verification.empty_fields", {"fields": empty}))
    warnings.extend(hidden_content(data, pdf, tree) if signatures else _signature_beside(path))
    return _report(info, settings, signatures, warnings)


def _report(
    info: FileInfo,
    settings: VerificationSettings,
    signatures: tuple[SignatureReport, ...],
    warnings: Sequence[Notice],
) -> VerificationReport:
    verdict = headline(signatures)
    return VerificationReport(
        file=info,
        verdict=verdict.verdict,
        integrity=verdict.integrity,
        changes=verdict.changes,
        validation_time=settings.moment,
        validation_time_given=settings.at is not None,
        signatures=signatures,
        warnings=tuple(notice for position, notice in enumerate(warnings) if notice not in warnings[:position]),
    )


def _against_wrapping(
    signature: FoundSignature, coverage: CoverageCheck, offsets: list[tuple[int, ObjectId]], encrypted: bool
) -> CoverageCheck:
    """Make sure that the signed bytes leave out this dictionary's /Contents and no other's.

    In an encrypted file the parser may have decrypted /Contents, which is not encrypted (ISO 32000-2, 7.6.2), so there
    only the place counts.
    """
    if coverage.byte_range is None or coverage.contents is None:
        return coverage
    _, gap, gap_end, _ = coverage.byte_range
    identical = encrypted or signature.contents == coverage.contents
    if identical and stands_at(offsets, signature.holder, gap, gap_end):
        return coverage
    return replace(coverage, kind="partial", doubtful=(*coverage.doubtful, Notice("byte_range.wrapped")))


def _file_info(data: ByteSource, name: str, path: Path | None) -> FileInfo:
    digest = hashlib.sha256()
    for _, chunk in data.chunks():
        digest.update(chunk)
    return FileInfo(name, None if path is None else str(path), digest.hexdigest(), data.size, None)


def _unreadable(info: FileInfo, settings: VerificationSettings, *why: Notice) -> VerificationReport:
    return VerificationReport(
        file=info,
        verdict="unreadable",
        integrity="unreadable",
        changes="none",
        validation_time=settings.moment,
        validation_time_given=settings.at is not None,
        warnings=why,
    )
