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
from kyso.verification.integrity import prepare
from kyso.verification.report import FileInfo, VerificationReport
from kyso.verification.revisions import open_pdf
from kyso.verification.source import ByteSource, header_offset, open_source
from kyso.verification.trust import load_trust
from kyso.verification.verdict import headline

if TYPE_CHECKING:
    from kyso.document.pages import ObjectId
    from kyso.models import Source
    from kyso.verification.integrity import Prepared
    from kyso.verification.settings import VerificationSettings


def verify_document(source: Source, settings: VerificationSettings, *, name: str | None = None) -> VerificationReport:
    """Verify a PDF.

    :param name: the document's name for people; by default the file's.
    """
    path = source if isinstance(source, Path) else None
    shown = name or (path.name if path is not None else "document.pdf")
    try:
        with open_source(source) as data:
            return _verify(data, settings, shown, path)
    except OSError as error:
        info = FileInfo(shown, None if path is None else str(path), None, None, None)
        return _unreadable(info, settings, Notice("verification.cannot_open", {"reason": error.strerror or ""}))


def _verify(data: ByteSource, settings: VerificationSettings, name: str, path: Path | None) -> VerificationReport:
    if header_offset(data) < 0:
        return _unreadable(_file_info(data, name, path), settings, Notice("verification.not_pdf"))
    try:
        with open_pdf(data, data.size, settings.password) as pdf:
            return _verify_pdf(data, pdf, settings, name, path)
    except pikepdf.PasswordError:
        code = "verification.password_missing" if settings.password is None else "verification.password_wrong"
        return _unreadable(_file_info(data, name, path), settings, Notice(code))
    except InputRefused as error:
        return _unreadable(_file_info(data, name, path), settings, Notice(error.code, error.parameters))
    except PARSER_ERRORS:
        return _unreadable(_file_info(data, name, path), settings, Notice("verification.damaged"))


def _verify_pdf(
    data: ByteSource, pdf: pikepdf.Pdf, settings: VerificationSettings, name: str, path: Path | None
) -> VerificationReport:
    tree = PageTree(pdf.Root, name)
    pages = tree.count
    found, empty = find_in_form(pdf, tree, name)
    offsets = sorted_offsets(pdf, header_offset(data))

    def prepared_one(signature: FoundSignature) -> Prepared:
        coverage = check_coverage(signature.stated_range, data)
        return prepare(signature, _against_wrapping(signature, coverage, offsets, bool(pdf.is_encrypted)))

    prepared = [prepared_one(signature) for signature in found]
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
    verdict = headline(signatures)
    if signatures and all(signature.kind == "timestamp" for signature in signatures):
        warnings.append(Notice("verification.only_timestamps"))
    if unexplained:
        warnings.append(Notice("verification.stray_signature", {"count": unexplained}))
    if empty and not signatures:
        warnings.append(Notice("verification.empty_fields", {"fields": empty}))
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


def _unreadable(info: FileInfo, settings: VerificationSettings, why: Notice) -> VerificationReport:
    return VerificationReport(
        file=info,
        verdict="unreadable",
        integrity="unreadable",
        changes="none",
        validation_time=settings.moment,
        validation_time_given=settings.at is not None,
        warnings=(why,),
    )
