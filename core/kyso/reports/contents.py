"""What a report for people says, in one language and in reading order: the same for HTML and PDF.

Headline, why in one sentence, what to do now; then each signature with the seven items of TT 15/2025/TT-BKHCN,
Điều 6.4, its chain and what changed after it; conformity and warnings; technical details last. All text is already
stripped of control and bidirectional characters; escaping is the writer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.reports.chain_picture import links_of
from kyso.reports.wording import change_message, label, message, next_step, shown_time
from kyso.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kyso.reports.chain_picture import LinkRole, LinkState
    from kyso.text import Language
    from kyso.verification.report import Change, Changes, SignatureReport, Verdict, VerificationReport

Tone = Literal["good", "bad", "doubtful", "neutral"]

MAX_LINES: Final = 100
"""Changes, reasons or warnings listed in one place; a hostile file can have tens of thousands."""
_MAX_VALUE: Final = 2000

_TONES: Final[dict[Verdict, Tone]] = {
    "valid": "good",
    "invalid": "bad",
    "undetermined": "doubtful",
    "unsigned": "neutral",
    "unreadable": "neutral",
}
_CHANGE_TONES: Final[dict[Changes, Tone]] = {
    "none": "good",
    "permitted": "good",
    "form_filling": "doubtful",
    "annotations": "doubtful",
    "forbidden": "bad",
}

LINK_TONES: Final[dict[LinkState, Tone]] = {
    "holds": "good",
    "trusted": "good",
    "fails": "bad",
    "missing": "bad",
    "untrusted": "doubtful",
    "unclear": "doubtful",
    "beyond": "neutral",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence and, where something is to be done about it, the next step."""

    words: str
    step: str | None
    tone: Tone


@dataclass(frozen=True, slots=True)
class LinkBox:
    """One link of the chain in words.

    :param state_words: the state as a word, so that colour alone says nothing.
    """

    role: str
    name: str
    state: LinkState
    state_words: str


@dataclass(frozen=True, slots=True)
class SignatureContents:
    """One signature or document timestamp.

    :param terms: what the certificate says of its scope of use and the issuer's liability.
    """

    title: str
    verdict: str
    tone: Tone
    seven_items: tuple[Item, ...]
    terms: tuple[Item, ...]
    chain: tuple[LinkBox, ...]
    chain_failure: Remark | None
    changes: str
    changes_tone: Tone
    change_list: tuple[Remark, ...]
    reasons: tuple[Remark, ...]
    details: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class ReportContents:
    """A whole report."""

    language: Language
    file_name: str
    verdict: str
    tone: Tone
    why: str
    next_step: str | None
    facts: tuple[Item, ...]
    signatures: tuple[SignatureContents, ...]
    conformity: tuple[Remark, ...]
    warnings: tuple[Remark, ...]
    details: tuple[Item, ...]


def contents_of(report: VerificationReport, language: Language) -> ReportContents:
    """Put a verification into words."""
    why, step = _why(report, language)
    count = len(report.signatures)
    # The first warning of an unreadable file is already the answer to "why".
    warnings = report.warnings[1:] if report.verdict == "unreadable" else report.warnings
    # Every signature says by itself that its revocation could not be checked.
    warnings = tuple(notice for notice in warnings if notice.code != "verification.revocation_not_checked")
    return ReportContents(
        language=language,
        file_name=_one_line(report.file.name),
        verdict=label(f"verdict.{report.verdict}", language),
        tone=_TONES[report.verdict],
        why=_one_line(why),
        next_step=None if step is None else _one_line(step),
        facts=tuple(_facts(report, language)),
        signatures=tuple(_signature(each, number, count, language) for number, each in enumerate(report.signatures, 1)),
        conformity=tuple(
            Remark(
                _one_line(
                    label(
                        "conformity.line",
                        language,
                        status=label(f"conformity.{item.status}", language),
                        rule=item.rule,
                        article=item.article,
                        detail=item.detail.of(language),
                    )
                ),
                None,
                {"met": "good", "not_met": "bad", "not_applicable": "neutral"}[item.status],  # type: ignore[arg-type] # three tones
            )
            for item in report.conformity
        ),
        warnings=_capped([_remark(notice, language) for notice in warnings], language),
        details=tuple(_file_details(report, language)),
    )


def why_of(report: VerificationReport, language: Language) -> str:
    """Return the one sentence that says why the verdict is what it is."""
    return _one_line(_why(report, language)[0])


def _why(report: VerificationReport, language: Language) -> tuple[str, str | None]:
    """Return the one sentence that says why, and what to do now."""
    notice = Notice(f"report.why.{report.verdict}")
    if report.verdict == "unreadable" and report.warnings:
        notice = report.warnings[0]
    elif report.verdict in ("invalid", "undetermined"):
        deciding = [each for each in report.signatures if each.verdict == report.verdict and each.reasons]
        if deciding:
            notice = deciding[0].reasons[0]
    elif report.verdict == "valid" and report.changes != "none":
        words = dict.fromkeys(change_message(c, language) for s in report.signatures for c in s.change_list)
        notice = Notice("report.why.valid_permitted", {"changes": " ".join([*words][:10])})
    return message(notice, language), next_step(notice, language)


def _facts(report: VerificationReport, language: Language) -> Iterator[Item]:
    given = "sheet.time_given" if report.validation_time_given else "sheet.time_now"
    yield Item(label("label.judged_at", language), label(given, language, time=shown_time(report.validation_time)))
    yield Item(label("sheet.integrity", language), _file_integrity(report, language))
    yield Item(label("label.changes", language), label(f"changes.{report.changes}", language))
    count = len(report.signatures)
    stamps = sum(signature.kind == "timestamp" for signature in report.signatures)
    yield Item(
        label("sheet.signatures", language), label("sheet.counted", language, signatures=count - stamps, stamps=stamps)
    )


def _file_integrity(report: VerificationReport, language: Language) -> str:
    if report.integrity in ("unsigned", "unreadable"):
        return label(f"verdict.{report.integrity}", language).capitalize()
    return label(f"integrity.{report.integrity}", language)


def _file_details(report: VerificationReport, language: Language) -> Iterator[Item]:
    file = report.file
    yield Item(label("label.file", language), _one_line(file.name))
    if file.pages is not None:
        yield Item(label("sheet.pages", language), str(file.pages))
    if file.size is not None:
        yield Item(
            label("sheet.size", language), label("label.size", language, size=f"{file.size:,}".replace(",", " "))
        )
    if file.sha256 is not None:
        yield Item("SHA-256", file.sha256)


def _signature(signature: SignatureReport, number: int, count: int, language: Language) -> SignatureContents:
    kind = "label.timestamp" if signature.kind == "timestamp" else "label.signature"
    links = links_of(signature)
    failure = next((link.failure for link in links if link.failure is not None), None)
    return SignatureContents(
        title=label(kind, language, number=number, count=count),
        verdict=label(f"verdict.{signature.verdict}", language),
        tone=_TONES[signature.verdict],
        seven_items=tuple(_seven_items(signature, language)),
        terms=tuple(_terms(signature, language)),
        chain=tuple(
            LinkBox(
                label(f"link.role.{_role(link.role, signature)}", language),
                _one_line(link.name) or "-",
                link.state,
                label(f"link.state.{link.state}", language),
            )
            for link in links
        ),
        chain_failure=None if failure is None else _remark(failure, language),
        changes=label(f"changes.{signature.changes}", language),
        changes_tone=_CHANGE_TONES[signature.changes],
        change_list=_capped(
            [
                Remark(_located(change, language), None, _CHANGE_TONES[change.severity])
                for change in signature.change_list
            ],
            language,
        ),
        # What the chain fails by stands under its picture.
        reasons=_capped([_remark(notice, language) for notice in signature.reasons if notice != failure], language),
        details=tuple(_signature_details(signature, language)),
    )


def _role(role: LinkRole, signature: SignatureReport) -> str:
    return "stamper" if role == "signer" and signature.kind == "timestamp" else role


def _seven_items(signature: SignatureReport, language: Language) -> Iterator[Item]:
    """Yield what TT 15/2025, Điều 6.4 asks for, in its order."""
    person = signature.signer
    time = signature.signing_time.value
    certificate = signature.certificate
    coverage = label(f"coverage.{signature.coverage}", language)
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
    rows = {
        "issuer": signature.issuer,
        "signer": ", ".join(part for part in (person.name, person.organisation, person.id) if part),
        "managing_unit": signature.managing_unit,
        "signing_time": label(
            f"time.{signature.signing_time.source}", language, time="" if time is None else shown_time(time)
        ),
        "integrity": f"{label(f'integrity.{signature.integrity}', language)}; {coverage}",
        "validity": status,
        "period": period,
    }
    for name, value in rows.items():
        yield Item(label(f"label.{name}", language), _one_line(value) or "-")


def _terms(signature: SignatureReport, language: Language) -> Iterator[Item]:
    """Yield scope of use and limit of liability as the certificate states them (TT 28/2015/TT-NHNN, Điều 16)."""
    if signature.certificate is None:
        return
    terms = signature.certificate.terms
    uses = [label(f"usage.{usage}", language) for usage in terms.key_usage]
    uses += [label(f"terms.{kind}", language) for kind in terms.kinds if kind in ("esign", "eseal", "web")]
    if terms.qualified:
        uses.append(label("terms.qualified", language))
    yield Item(label("terms.scope", language), ", ".join(uses) or label("terms.unstated", language))
    for name, values in (("notice", terms.notices), ("statement", terms.statements), ("policy", terms.policies)):
        if values:
            yield Item(label(f"terms.{name}", language), _one_line("; ".join(values)))
    limit = label("terms.unstated", language)
    if terms.limit is not None:
        limit = f"{terms.limit.amount:,}".replace(",", " ") + f" {_one_line(terms.limit.currency)}"
    yield Item(label("terms.limit", language), limit)


def _signature_details(signature: SignatureReport, language: Language) -> Iterator[Item]:
    if signature.field:
        yield Item(label("label.field", language), _one_line(signature.field))
    yield Item(label("sheet.kind", language), label(f"kind.{signature.kind}", language))
    if signature.page is not None and signature.rect_mm is not None:
        left, top, width, height = (f"{value:.1f}" for value in signature.rect_mm.as_tuple())
        place = {"page": signature.page, "left": left, "top": top, "width": width, "height": height}
        yield Item(label("label.place", language), label("label.place_value", language, **place))
    used = signature.algorithms
    bits = "" if used.key_bits is None else label("label.bits", language, bits=used.key_bits)
    named = [part for part in (used.digest.upper(), " ".join(filter(None, (used.signature, bits)))) if part]
    yield Item(label("label.algorithms", language), ", ".join(named) or "-")
    yield Item(label("sheet.level", language), signature.level)
    if signature.certificate is not None:
        yield Item(label("sheet.serial", language), f"{int(signature.certificate.serial):X}")
        yield Item(label("sheet.fingerprint", language), signature.certificate.sha256)
    indication = " / ".join(part for part in (signature.indication, signature.sub_indication) if part)
    yield Item("ETSI EN 319 102-1", indication)


def _remark(notice: Notice, language: Language) -> Remark:
    step = next_step(notice, language)
    return Remark(_one_line(message(notice, language)), None if step is None else _one_line(step), "doubtful")


def _located(change: Change, language: Language) -> str:
    words = _one_line(change_message(change, language))
    if change.page is None:
        return words
    return f"{words.rstrip('.')} ({label('label.page', language, page=change.page)})."


def _capped(remarks: Iterable[Remark], language: Language) -> tuple[Remark, ...]:
    distinct = list(dict.fromkeys(remarks))
    if len(distinct) <= MAX_LINES:
        return tuple(distinct)
    rest = label("sheet.and_more", language, count=len(distinct) - MAX_LINES)
    return (*distinct[:MAX_LINES], Remark(rest, None, "doubtful"))


def _one_line(value: str) -> str:
    line = " ".join(shown(value).split())
    return line if len(line) <= _MAX_VALUE else line[:_MAX_VALUE] + "…"
