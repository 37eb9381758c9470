"""Several verifications on one page: a row for each file, for a table, CSV and totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kyso.reports.contents import why_of
from kyso.reports.wording import iso_time, label, shown_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.text import Language
    from kyso.verification.report import SignatureReport, VerificationReport

CSV_COLUMNS: Final = (
    "file",
    "verdict",
    "integrity",
    "changes",
    "signatures",
    "signers",
    "organisations",
    "signing_time",
    "time_source",
    "levels",
    "reason",
    "size",
    "sha256",
)
"""Names of the CSV's columns, the same in every language; ``reason`` alone is in words."""


def csv_row(report: VerificationReport, language: Language) -> tuple[object, ...]:
    """Return a verification as one row under :data:`CSV_COLUMNS`."""
    persons = _persons(report)
    latest = _latest(persons)
    return (
        report.file.path or report.file.name,
        report.verdict,
        report.integrity,
        report.changes,
        len(persons),
        "; ".join(each.signer.name for each in persons),
        "; ".join(dict.fromkeys(each.signer.organisation for each in persons if each.signer.organisation)),
        "" if latest is None or latest.signing_time.value is None else iso_time(latest.signing_time.value),
        "" if latest is None else latest.signing_time.source,
        "; ".join(each.level for each in persons),
        why_of(report, language),
        report.file.size,
        report.file.sha256,
    )


def table_heads(language: Language) -> list[str]:
    """Return the heads of the table for people."""
    return [label(f"summary.{name}", language) for name in ("file", "verdict", "signers", "signing_time", "why")]


def table_row(report: VerificationReport, language: Language) -> list[str]:
    """Return a verification as one row of the table for people."""
    persons = _persons(report)
    latest = _latest(persons)
    time = "" if latest is None or latest.signing_time.value is None else shown_time(latest.signing_time.value)
    if latest is not None and time and latest.signing_time.source != "timestamp":
        time = label("summary.claimed", language, time=time)
    return [
        report.file.path or report.file.name,
        label(f"verdict.{report.verdict}", language),
        "; ".join(each.signer.name or "-" for each in persons),
        time,
        why_of(report, language),
    ]


class Totals:
    """How many files have which verdict."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(("invalid", "unreadable", "undetermined", "unsigned", "valid"), 0)

    def add(self, report: VerificationReport) -> None:
        """Count one verification."""
        self._counts[report.verdict] += 1

    def words(self, language: Language) -> str:
        """Return the totals in one line, the gravest verdict first."""
        parts = [f"{label(f'verdict.{name}', language)}: {count}" for name, count in self._counts.items() if count]
        return label("summary.totals", language, count=sum(self._counts.values()), parts="; ".join(parts))


def _persons(report: VerificationReport) -> list[SignatureReport]:
    return [each for each in report.signatures if each.kind != "timestamp"]


def _latest(signatures: Sequence[SignatureReport]) -> SignatureReport | None:
    return signatures[-1] if signatures else None
