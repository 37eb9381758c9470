"""A verification as text for a person: the headline, why, what to do now, then each signature.

Each signature shows the seven items that TT 15/2025/TT-BKHCN, Điều 6.4 names: issuer, signer, certificate-managing
unit, signing time, integrity, validity at signing, certificate validity period.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from kyso.models import Notice
from kyso.reports.wording import change_message, label, message, next_step, shown_time
from kyso.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kyso.text import Language
    from kyso.verification.report import Change, SignatureReport, VerificationReport

WIDTH: Final = 100
_INDENT: Final = "  "


class TextReport:
    """The report format ``text``."""

    binary = False

    def render(self, report: VerificationReport, language: Language) -> bytes:
        """Return the report as UTF-8 text."""
        return ("\n".join(_lines(report, language)) + "\n").encode("utf-8", "replace")


def _lines(report: VerificationReport, language: Language) -> Iterable[str]:
    yield f"{label(f'verdict.{report.verdict}', language)}: {_one_line(report.file.name)}"
    why, step = _why(report, language)
    yield from _pair(label("label.why", language), why)
    if step:
        yield from _pair(label("label.next", language), step)
    yield from _pair(label("label.judged_at", language), shown_time(report.validation_time))
    if report.file.pages is not None:
        size = label("label.size", language, size=report.file.size)
        pages = label("label.pages", language, pages=report.file.pages)
        yield from _pair(label("label.file", language), f"{pages}, {size}, SHA-256 {report.file.sha256}")
    count = len(report.signatures)
    for number, signature in enumerate(report.signatures, start=1):
        yield ""
        yield from _signature(signature, number, count, language)
    if report.conformity:
        yield ""
        yield label("label.conformity", language)
        for item in report.conformity:
            status = label(f"conformity.{item.status}", language)
            yield from _bullet(
                label(
                    "conformity.line",
                    language,
                    status=status,
                    rule=item.rule,
                    article=item.article,
                    detail=item.detail.of(language),
                )
            )
    # The first reason of an unreadable file is already the answer to "why".
    warnings = report.warnings[1:] if report.verdict == "unreadable" else report.warnings
    if warnings:
        yield ""
        yield label("label.warnings", language)
        for notice in warnings:
            yield from _bullet(_with_step(notice, language))


def _why(report: VerificationReport, language: Language) -> tuple[str, str | None]:
    """Return the one sentence that says why, and what to do now."""
    if report.verdict == "unreadable" and report.warnings:
        first = report.warnings[0]
        return message(first, language), next_step(first, language)
    if report.verdict in ("invalid", "undetermined"):
        for signature in report.signatures:
            if signature.verdict == report.verdict and signature.reasons:
                return message(signature.reasons[0], language), next_step(signature.reasons[0], language)
    if report.verdict == "valid" and report.changes != "none":
        changes = " ".join(dict.fromkeys(change_message(c, language) for s in report.signatures for c in s.change_list))
        notice = Notice("report.why.valid_permitted", {"changes": changes})
    else:
        notice = Notice(f"report.why.{report.verdict}")
    return message(notice, language), next_step(notice, language)


def _signature(signature: SignatureReport, number: int, count: int, language: Language) -> Iterable[str]:
    kind = "label.timestamp" if signature.kind == "timestamp" else "label.signature"
    title = label(kind, language, number=number, count=count)
    yield f"{title}: {label(f'verdict.{signature.verdict}', language)}"
    if signature.field:
        yield from _pair(label("label.field", language), signature.field, _INDENT)
    if signature.page is not None and signature.rect_mm is not None:
        left, top, width, height = (f"{value:.1f}" for value in signature.rect_mm.as_tuple())
        place = label(
            "label.place_value", language, page=signature.page, left=left, top=top, width=width, height=height
        )
        yield from _pair(label("label.place", language), place, _INDENT)
    for name, value in _seven_items(signature, language):
        yield from _pair(name, value, _INDENT)
    yield from _pair(label("label.chain", language), _chain(signature, language), _INDENT)
    yield from _pair(label("label.algorithms", language), _algorithms(signature, language), _INDENT)
    yield from _pair(label("label.changes", language), label(f"changes.{signature.changes}", language), _INDENT)
    for change in _distinct(signature.change_list):
        yield from _bullet(_located(change, language), _INDENT * 2)
    if signature.reasons:
        yield f"{_INDENT}{label('label.reasons', language)}:"
        for notice in signature.reasons:
            yield from _bullet(_with_step(notice, language), _INDENT * 2)


def _seven_items(signature: SignatureReport, language: Language) -> Iterable[tuple[str, str]]:
    """Yield what TT 15/2025, Điều 6.4 asks for, in its order."""
    signer = ", ".join(
        part for part in (signature.signer.name, signature.signer.organisation, signature.signer.id) if part
    )
    time = signature.signing_time.value
    when = label(f"time.{signature.signing_time.source}", language, time="" if time is None else shown_time(time))
    coverage = label(f"coverage.{signature.coverage}", language)
    certificate = signature.certificate
    status = label("status.no_certificate" if certificate is None else f"status.{certificate.status}", language)
    if certificate is not None and certificate.checked_with != "none":
        status += f" ({label(f'checked.{certificate.checked_with}', language)})"
    period = "-"
    if certificate is not None:
        period = label(
            "label.period_value",
            language,
            not_before=shown_time(certificate.not_before),
            not_after=shown_time(certificate.not_after),
        )
    yield label("label.issuer", language), signature.issuer or "-"
    yield label("label.signer", language), signer or "-"
    yield label("label.managing_unit", language), signature.managing_unit or "-"
    yield label("label.signing_time", language), when
    yield label("label.integrity", language), f"{label(f'integrity.{signature.integrity}', language)}; {coverage}"
    yield label("label.validity", language), status
    yield label("label.period", language), period


def _chain(signature: SignatureReport, language: Language) -> str:
    names = " > ".join(signature.chain.names) or "-"
    return names if signature.chain.complete else f"{names} ({label('chain.incomplete', language)})"


def _algorithms(signature: SignatureReport, language: Language) -> str:
    used = signature.algorithms
    bits = "" if used.key_bits is None else label("label.bits", language, bits=used.key_bits)
    parts = [part for part in (used.digest.upper(), " ".join(filter(None, (used.signature, bits)))) if part]
    return f"{', '.join(parts) or '-'}; {signature.level}"


def _distinct(changes: Iterable[Change]) -> list[Change]:
    found: list[Change] = []
    for change in changes:
        if change not in found:
            found.append(change)
    return found


def _located(change: Change, language: Language) -> str:
    words = change_message(change, language)
    if change.page is None:
        return words
    return f"{words.rstrip('.')} ({label('label.page', language, page=change.page)})."


def _with_step(notice: Notice, language: Language) -> str:
    step = next_step(notice, language)
    return message(notice, language) + (f" {step}" if step else "")


def _one_line(value: str) -> str:
    return " ".join(shown(value).split())


def _pair(name: str, value: str, indent: str = "") -> list[str]:
    return _wrapped(f"{name}: {_one_line(value)}", indent, indent + _INDENT)


def _bullet(value: str, indent: str = _INDENT) -> list[str]:
    return _wrapped(f"- {_one_line(value)}", indent, indent + _INDENT)


def _wrapped(line: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first]
