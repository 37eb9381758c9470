"""The form of an arriving letter, judged by the plugins beside the verdict and never part of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from kyso.errors import KysoError
from kyso.models import Notice

if TYPE_CHECKING:
    from kyso.models import Source
    from kyso.plugins import PluginRegistry
    from kyso.secret import Secret
    from kyso.verification.report import VerificationReport


def with_conformity(
    report: VerificationReport, source: Source, registry: PluginRegistry, password: Secret | None
) -> VerificationReport:
    """Return the report with what every conformity check says; a check that fails is a warning, not a verdict."""
    if report.verdict in ("unsigned", "unreadable"):
        return report
    from kyso.document.opening import open_letter

    judged = list(report.conformity)
    warnings = list(report.warnings)
    try:
        with open_letter(source, password=password, name=report.file.name, repairing=True) as letter:
            for name in registry.contributions("conformity_checks"):
                try:
                    judged.extend(registry.load("conformity_checks", name).check(letter, report))
                except Exception as error:  # noqa: BLE001 - a plugin's own rule; its failure is told, the verdict stands
                    cause = error.code if isinstance(error, KysoError) else type(error).__name__
                    warnings.append(Notice("verification.form_unjudged", {"check": name, "cause": cause}))
    except KysoError as error:
        warnings.append(Notice("verification.form_unjudged", {"check": "", "cause": error.code}))
    return dataclasses.replace(report, conformity=tuple(judged), warnings=tuple(warnings))
