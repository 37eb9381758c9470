"""What the commands `kyso trust ...` share: a certificate in words and in JSON (schema ``kyso.trust/1``).

::

    schema        "kyso.trust/1"
    folder        the trust folder
    certificates[]  {role, subject, issuer, serial, sha256, not_before, not_after, known_as, file}
    distrusted[]    {sha256, subject, reason, since}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kyso import text
from kyso.cli import output
from kyso.reports.wording import iso_time, shown_time
from kyso.verification.known_roots import known_as, pretends_to_be
from kyso.verification.trust_folder import is_weak

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kyso.cms.certificate import Certificate
    from kyso.text import Language
    from kyso.verification.distrust import DistrustEntry
    from kyso.verification.trust_folder import StoredCertificate

SCHEMA = "kyso.trust/1"


def grouped(fingerprint: str) -> str:
    """Return a fingerprint in groups of four capital digits, for comparing by eye."""
    capitals = fingerprint.upper()
    return " ".join(capitals[start : start + 4] for start in range(0, len(capitals), 4))


def certificate_table(stored: StoredCertificate) -> dict[str, Any]:
    """Return a certificate as JSON answers carry it."""
    certificate = stored.certificate
    known = known_as(certificate)
    return {
        "role": stored.role,
        "subject": text.shown(certificate.display_name),
        "issuer": text.shown(certificate.issuer_display_name),
        "serial": str(certificate.serial),
        "sha256": certificate.sha256,
        "not_before": iso_time(certificate.not_before),
        "not_after": iso_time(certificate.not_after),
        "known_as": None if known is None else known.name,
        "file": str(stored.file),
    }


def distrust_table(entry: DistrustEntry) -> dict[str, Any]:
    """Return a list entry as JSON answers carry it."""
    return {
        "sha256": entry.sha256,
        "subject": text.shown(entry.subject),
        "reason": text.shown(entry.reason),
        "since": entry.since.isoformat(),
    }


def put_answer(folder: Path, **parts: Any) -> None:
    """Write a JSON answer."""
    output.put_json({"schema": SCHEMA, "folder": str(folder), **parts})


def put_certificate(certificate: Certificate, role: str, language: Language, now: datetime) -> None:
    """Show a certificate with everything a person compares before trusting it, on stdout."""
    known, pretended = known_as(certificate), pretends_to_be(certificate)
    rows = {
        "role": text.message(f"trust.role_{role}", language),
        "subject": certificate.display_name,
        "issuer": certificate.issuer_display_name,
        "validity": text.message(
            "trust.period",
            language,
            {"not_before": shown_time(certificate.not_before), "not_after": shown_time(certificate.not_after)},
        ),
        "serial": f"{certificate.serial:X}",
        "sha256": grouped(certificate.sha256),
    }
    for name, value in rows.items():
        output.put(f"{text.message(f'trust.head_{name}', language)}: {' '.join(text.shown(value).split())}")
    if known is not None:
        told = {"name": known.name, "scope": known.scope, "published_at": known.published_at}
        output.put(text.message("trust.known", language, told))
    elif pretended is not None:
        told = {"name": pretended.name, "sha256": grouped(pretended.sha256)}
        output.put(text.message("trust.pretends", language, told))
    else:
        output.put(text.message("trust.unknown_fingerprint", language))
    if not certificate.not_before <= now <= certificate.not_after:
        output.put(text.message("trust.not_valid_now", language))
    if is_weak(certificate):
        output.put(text.message("trust.weak_key", language))


def put_distrusted(entry: DistrustEntry, language: Language) -> None:
    """Say on stdout that a certificate is on the list of unsafe ones."""
    told = {"since": f"{entry.since:%d/%m/%Y}", "reason": entry.reason, "subject": entry.subject}
    output.put(text.message("trust.on_list", language, told))
