"""The evidence that is kept beside a received letter (TT 15/2025/TT-BKHCN, Điều 6.2).

::

    evidence/report.json, report.html, report.pdf     the verification
    evidence/certificates/01-3f9a2c1b.cer             signers and issuers up to the root, DER
    evidence/revocation/01.crl, 02.ocsp               the lists and answers that spoke of them
    evidence/status.json                              result of the status check (schema kyso.evidence/1)

::

    schema            "kyso.evidence/1"
    file              {name, sha256, size}
    validation_time   ISO 8601
    revocation_mode   offline | prefer | require
    verdict, decision {kind, rule, reasons[] {code, message_vi, message_en}}
    signatures[]      {field, certificate_sha256, status, checked_with, signing_time {value, source},
                       indication, sub_indication}
    certificates[]    {file, sha256, subject, issuer, serial, not_before, not_after}
    revocation[]      {file, sha256, kind: crl|ocsp, this_update, next_update}
    missing[]         {code, message_vi, message_en}       what could not be had; unknown is said, not left out
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kyso.cms import algorithms, der
from kyso.cms.verify import readable
from kyso.errors import KysoError
from kyso.extending.evidence import ValidationData, gather
from kyso.models import Notice
from kyso.reports.wording import iso_time, message
from kyso.text import shown
from kyso.verification.crl import read_crl
from kyso.verification.ocsp import read_ocsp

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.plugins import PluginRegistry
    from kyso.receiving.values import Decision
    from kyso.verification.report import VerificationReport
    from kyso.verification.settings import VerificationSettings

SCHEMA: Final = "kyso.evidence/1"
REPORTS: Final = ("json", "html", "pdf")


def write_evidence(
    folder: Path,
    letter: Path,
    report: VerificationReport,
    decision: Decision,
    settings: VerificationSettings,
    registry: PluginRegistry,
) -> tuple[Notice, ...]:
    """Write the evidence about `letter` into `folder`, which is empty, and return what could not be had.

    :param settings: the terms the report was made on.
    """
    # Where the letter lay while it was judged is of no interest to a later reader.
    lasting = replace(report, file=replace(report.file, path=None))
    for name in REPORTS:
        told = lasting if name == "json" else report
        (folder / f"report.{name}").write_bytes(registry.report_format(name).render(told, "vi"))
    data = _gathered(letter, settings)
    status: dict[str, Any] = {
        "schema": SCHEMA,
        "file": {"name": shown(letter.name), "sha256": report.file.sha256, "size": report.file.size},
        "validation_time": iso_time(report.validation_time),
        "revocation_mode": settings.revocation,
        "verdict": report.verdict,
        "decision": {
            "kind": decision.kind,
            "rule": decision.rule,
            "reasons": [
                {"code": each.code, "message_vi": each.words.vi, "message_en": each.words.en}
                for each in decision.reasons
            ],
        },
        "signatures": _signatures(report),
        "certificates": _certificates(folder / "certificates", data),
        "revocation": _revocation(folder / "revocation", data),
        "missing": [_in_both(notice) for notice in data.missing],
    }
    text = json.dumps(status, ensure_ascii=False, indent=2) + "\n"
    (folder / "status.json").write_bytes(text.encode("utf-8", "backslashreplace"))
    return data.missing


def _gathered(letter: Path, settings: VerificationSettings) -> ValidationData:
    try:
        if settings.online and settings.revocation != "offline":
            from kyso.extending.kept_answers import KeptAnswers
            from kyso.verification.answer_cache import AnswerCache

            cache = AnswerCache.of_user() if settings.cache is None else AnswerCache(settings.cache)
            return gather(letter, settings, KeptAnswers(cache), complete=True)
        return gather(letter, settings, None, complete=True)
    except KysoError as error:
        # An unreadable letter is received too (and returned); there is no evidence in it.
        return ValidationData((), (), (), (Notice(error.code, error.parameters),))


def _in_both(notice: Notice) -> dict[str, str]:
    return {"code": notice.code, "message_vi": message(notice, "vi"), "message_en": message(notice, "en")}


def _signatures(report: VerificationReport) -> list[dict[str, Any]]:
    found = []
    for signature in report.signatures:
        certificate, time = signature.certificate, signature.signing_time
        found.append(
            {
                "field": shown(signature.field),
                "certificate_sha256": None if certificate is None else certificate.sha256,
                "status": None if certificate is None else certificate.status,
                "checked_with": None if certificate is None else certificate.checked_with,
                "signing_time": {
                    "value": None if time.value is None else iso_time(time.value),
                    "source": time.source,
                },
                "indication": signature.indication,
                "sub_indication": signature.sub_indication,
            }
        )
    return found


def _certificates(folder: Path, data: ValidationData) -> list[dict[str, Any]]:
    folder.mkdir()
    found = []
    for number, raw in enumerate(data.certificates, 1):
        digest = hashlib.sha256(raw).hexdigest()
        name = f"{number:02d}-{digest[:8]}.cer"
        (folder / name).write_bytes(raw)
        entry: dict[str, Any] = {"file": f"certificates/{name}", "sha256": digest}
        for certificate in readable([raw]):
            entry |= {
                "subject": shown(certificate.display_name),
                "issuer": shown(certificate.issuer_display_name),
                "serial": str(certificate.serial),
                "not_before": iso_time(certificate.not_before),
                "not_after": iso_time(certificate.not_after),
            }
        found.append(entry)
    return found


def _revocation(folder: Path, data: ValidationData) -> list[dict[str, Any]]:
    folder.mkdir()
    found = []
    answers = [*(("crl", raw) for raw in data.crls), *(("ocsp", raw) for raw in data.ocsp)]
    for number, (kind, raw) in enumerate(answers, 1):
        name = f"{number:02d}.{kind}"
        (folder / name).write_bytes(raw)
        entry = {"file": f"revocation/{name}", "kind": kind, "sha256": hashlib.sha256(raw).hexdigest()}
        found.append(entry | _described(kind, raw))
    return found


def _described(kind: str, raw: bytes) -> dict[str, Any]:
    """Return when a list or an answer was made and until when it holds."""
    try:
        if kind == "crl":
            crl = read_crl(raw)
            this_update, next_update = crl.this_update, crl.next_update
        else:
            singles = read_ocsp(raw).responses
            this_update = max(single.this_update for single in singles)
            next_update = next((single.next_update for single in singles), None)
    except (der.DerError, algorithms.UnsupportedAlgorithm, ValueError):
        return {}
    until = None if next_update is None else iso_time(next_update)
    return {"this_update": iso_time(this_update), "next_update": until}
