"""A verification as JSON: the contract ``kyso.report/1``, its keys in the order the contract lists them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kyso.reports.wording import change_message, iso_time, message
from kyso.text import shown
from kyso.verification.report import SCHEMA

if TYPE_CHECKING:
    from datetime import datetime

    from kyso.cms.certificate_terms import CertificateTerms
    from kyso.geometry import RectMm
    from kyso.models import Notice
    from kyso.text import Language
    from kyso.verification.report import Change, SignatureReport, VerificationReport


class JsonReport:
    """The report format ``json``. Messages are given in both languages whatever `language` is."""

    binary = False

    def render(self, report: VerificationReport, language: Language) -> bytes:
        """Return the report as one JSON object."""
        # A file name that is no UTF-8 holds lone surrogates, which JSON can only write as escapes.
        text = json.dumps(as_table(report, language), ensure_ascii=False, indent=2)
        return text.encode("utf-8", "backslashreplace") + b"\n"


def as_table(report: VerificationReport, language: Language = "vi") -> dict[str, Any]:
    """Return the report as plain tables and lists.

    :param language: of the conformity details, which are single texts.
    """
    return {
        "schema": SCHEMA,
        "file": {
            "name": shown(report.file.name),
            "path": report.file.path,
            "sha256": report.file.sha256,
            "size": report.file.size,
            "pages": report.file.pages,
        },
        "verdict": report.verdict,
        "integrity": report.integrity,
        "changes": report.changes,
        "validation_time": {"value": iso_time(report.validation_time), "given": report.validation_time_given},
        "signatures": [_signature(signature) for signature in report.signatures],
        "conformity": [
            {"rule": item.rule, "article": item.article, "status": item.status, "detail": item.detail.of(language)}
            for item in report.conformity
        ],
        "warnings": [_notice(notice) for notice in report.warnings],
    }


def _signature(signature: SignatureReport) -> dict[str, Any]:
    certificate = signature.certificate
    return {
        "field": shown(signature.field),
        "kind": signature.kind,
        "verdict": signature.verdict,
        "integrity": signature.integrity,
        "coverage": signature.coverage,
        "changes": signature.changes,
        "change_list": [_change(change) for change in signature.change_list],
        "level": signature.level,
        "signer": {
            "name": shown(signature.signer.name),
            "organisation": shown(signature.signer.organisation),
            "id": shown(signature.signer.id),
        },
        "issuer": shown(signature.issuer),
        "managing_unit": shown(signature.managing_unit),
        "signing_time": {"value": _time(signature.signing_time.value), "source": signature.signing_time.source},
        "certificate": None
        if certificate is None
        else {
            "serial": certificate.serial,
            "sha256": certificate.sha256,
            "not_before": iso_time(certificate.not_before),
            "not_after": iso_time(certificate.not_after),
            "status": certificate.status,
            "checked_with": certificate.checked_with,
            "terms": _terms(certificate.terms),
        },
        "chain": {
            "anchor": None if signature.chain.anchor is None else shown(signature.chain.anchor),
            "complete": signature.chain.complete,
            "names": [shown(name) for name in signature.chain.names],
        },
        "algorithms": {
            "digest": signature.algorithms.digest,
            "signature": signature.algorithms.signature,
            "key_bits": signature.algorithms.key_bits,
        },
        "indication": signature.indication,
        "sub_indication": signature.sub_indication,
        "reasons": [_notice(notice) for notice in signature.reasons],
        "page": signature.page,
        "rect_mm": _rect(signature.rect_mm),
    }


def _terms(terms: CertificateTerms) -> dict[str, Any]:
    limit = terms.limit
    return {
        "key_usage": list(terms.key_usage),
        "extended_key_usage": list(terms.purposes),
        "policies": list(terms.policies),
        "notices": [shown(notice) for notice in terms.notices],
        "statements": [shown(address) for address in terms.statements],
        "liability_limit": None if limit is None else {"currency": shown(limit.currency), "amount": limit.amount},
        "qualified": terms.qualified,
        "device": terms.device,
        "kinds": list(terms.kinds),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "code": change.code,
        "severity": change.severity,
        "message_vi": change_message(change, "vi"),
        "message_en": change_message(change, "en"),
        "page": change.page,
        "rect_mm": _rect(change.rect_mm),
    }


def _notice(notice: Notice) -> dict[str, str]:
    return {"code": notice.code, "message_vi": message(notice, "vi"), "message_en": message(notice, "en")}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso_time(moment)


def _rect(rect: RectMm | None) -> list[float] | None:
    return None if rect is None else [round(value, 3) for value in rect.as_tuple()]
