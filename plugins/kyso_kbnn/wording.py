"""A check's report and a dossier's state in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from kyso import text
from kyso.models import VIETNAM_TIME
from kyso.plugin import Language
from kyso_kbnn.check import DossierReport
from kyso_kbnn.envelope_check import EnvelopeReport


def state_words(state: str, language: Language) -> str:
    """Return a dossier's state in words."""
    return text.message(f"kbnn.state_{state}", language)


def check_lines(report: DossierReport, language: Language) -> Iterator[str]:
    """Give a check's report line by line: the headline, the signers, what is uncovered, house rules, warnings."""

    def say(entry: str, **parameters: object) -> str:
        return text.message(entry, language, parameters)

    yield say(f"kbnn.verdict_{report.verdict}", name=report.name, code=report.code or "-")
    for notice in report.reasons:
        yield "  - " + text.message(notice.code, language, notice.parameters)
    for signer in report.signers:
        yield from _signer_lines(signer, language)
    yield f"SHA-256: {report.sha256}"
    if report.uncovered:
        yield say("kbnn.uncovered", count=len(report.uncovered))
        for one in report.uncovered:
            yield f"  - {text.shown(one.label)} ({one.path}): {text.shown(one.value)}"
    for rule in report.house_rules:
        yield f"{say(f'kbnn.rule_{rule.status}')}: {text.message(rule.code, language)}"
    for attachment in report.attachments:
        verdict = f"{attachment.verdict}, {attachment.signatures}"
        yield say("kbnn.attachment_line", name=text.shown(attachment.name), verdict=verdict)
    for notice in report.warnings:
        yield say("kbnn.warning", where=report.name, words=text.message(notice.code, language, notice.parameters))


def _signer_lines(signer: EnvelopeReport, language: Language) -> Iterator[str]:
    when = signer.signed_at.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M:%S") if signer.signed_at else "-"
    about = {
        "role": text.message(f"kbnn.role_{signer.role}", language),
        "verdict": text.message(f"kbnn.short_{signer.verdict}", language),
        "signer": signer.signer or "-",
        "issuer": signer.issuer or "-",
        "time": when,
        "status": signer.status,
    }
    yield text.message("kbnn.signer_line", language, about)
    for notice in signer.reasons:
        yield "  - " + text.message(notice.code, language, notice.parameters)
