"""Checking a dossier: signatures, data, what the signatures do not cover, house rules, attachments.

The verdict comes from the two envelopes alone and from whether the dossier says what was signed. House rules and
uncovered fields are reported beside it and never change it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kyso import text
from kyso.models import VIETNAM_TIME, Notice
from kyso.plugin import InputRefused, KysoError
from kyso_kbnn.authentication_data import read_authentication_data, write_authentication_data
from kyso_kbnn.dossier import Dossier, Voucher, completed
from kyso_kbnn.enclosed_pdf import JudgePdf, faults_of
from kyso_kbnn.envelope import ROLES, Role, md5_text
from kyso_kbnn.envelope_check import EnvelopeReport, check_envelope
from kyso_kbnn.folder import ATTACHMENTS, CONTENT_FILE, DossierFolder
from kyso_kbnn.problems import Problem
from kyso_kbnn.profile import HouseRules, Profile
from kyso_kbnn.reading import parse_json, read_dossier
from kyso_kbnn.rules import uncovered_fields
from kyso_kbnn.signing import same_person
from kyso_kbnn.values import written
from kyso_kbnn.xml_schema import validate

if TYPE_CHECKING:
    from kyso.verification.judgement import CertificateJudge

SCHEMA = "kyso.kbnn.check/1"
Verdict = Literal["valid", "invalid", "undetermined", "unsigned"]
EXIT_CODES: Mapping[Verdict, int] = {"valid": 0, "invalid": 1, "undetermined": 2, "unsigned": 3}

_RULES: Mapping[str, str] = {
    "accountant_first": "kbnn.rule_accountant_first",
    "different_people": "kbnn.rule_different_people",
    "one_key_form": "kbnn.rule_one_key_form",
    "attachment_blocks": "kbnn.rule_attachment_blocks",
}


@dataclass(frozen=True, slots=True)
class CheckInput:
    """What a dossier holds, wherever it came from.

    :param dossier: what it says outside the signed data, ``None`` where only XML and envelopes were given.
    :param md5: v_du_lieu_toan_van, ``None`` where it was not given.
    :param kept_sha256: the SHA-256 kept beside the data.
    :param changed: files whose kept SHA-256 no longer fits.
    :param key_forms: what the signers signed with, as far as it is known.
    :param attachments: signed PDFs.
    :param problems: values that could not be read.
    """

    name: str
    content: bytes
    envelopes: Mapping[Role, bytes]
    dossier: Dossier | None = None
    md5: str | None = None
    kept_sha256: str | None = None
    changed: tuple[str, ...] = ()
    key_forms: tuple[str, ...] = ()
    attachments: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A field that is sent but under no signature, with the value it has."""

    path: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RuleReport:
    """A house rule; never part of the verdict."""

    rule: str
    status: Literal["met", "not_met", "not_applicable"]
    code: str


@dataclass(frozen=True, slots=True)
class AttachmentReport:
    """One attached PDF, as `kyso verify` judges it."""

    name: str
    verdict: str
    signatures: int


@dataclass(frozen=True, slots=True)
class DossierReport:
    """The whole judgement."""

    name: str
    verdict: Verdict
    code: str
    sha256: str
    md5: str
    checked_at: datetime
    signers: tuple[EnvelopeReport, ...]
    reasons: tuple[Notice, ...] = ()
    uncovered: tuple[Uncovered, ...] = ()
    house_rules: tuple[RuleReport, ...] = ()
    attachments: tuple[AttachmentReport, ...] = ()
    warnings: tuple[Notice, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """The command line's exit code for this verdict."""
        return EXIT_CODES[self.verdict]

    def as_json(self) -> dict[str, Any]:
        """Return the report as the JSON contract ``kyso.kbnn.check/1``."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "verdict": self.verdict,
            "code": self.code,
            "sha256": self.sha256,
            "md5": self.md5,
            "checked_at": _time(self.checked_at),
            "signers": [_signer_json(signer) for signer in self.signers],
            "reasons": [_notice_json(notice) for notice in self.reasons],
            "uncovered": [{"path": one.path, "label": one.label, "value": one.value} for one in self.uncovered],
            "house_rules": [
                {
                    "rule": one.rule,
                    "status": one.status,
                    "message_vi": text.message(one.code, "vi"),
                    "message_en": text.message(one.code, "en"),
                }
                for one in self.house_rules
            ],
            "attachments": [
                {"name": one.name, "verdict": one.verdict, "signatures": one.signatures} for one in self.attachments
            ],
            "warnings": [_notice_json(notice) for notice in self.warnings],
        }


def input_of_folder(folder: DossierFolder) -> CheckInput:
    """Gather what a dossier's folder holds.

    :raises InputRefused: it is no dossier's folder.
    """
    state = folder.state()
    envelopes = {role: data for role in ROLES if (data := folder.envelope(state, role)) is not None}
    attachments = sorted((folder.path / ATTACHMENTS).glob("*.pdf")) if (folder.path / ATTACHMENTS).is_dir() else []
    return CheckInput(
        str(folder.path),
        folder.read(CONTENT_FILE),
        envelopes,
        folder.dossier(),
        None,
        state.sha256.get(CONTENT_FILE),
        tuple(folder.changed_files(state)),
        tuple(use.form for use in state.keys.values()),
        tuple(attachments),
    )


def input_of_body(data: bytes, name: str, profile: Profile) -> CheckInput:
    """Gather what the body of SendDocument holds (LoginInfo is not looked at).

    :raises InputRefused: it is no such body, or carries no authentication data.
    """
    raw = parse_json(data, name)
    draft = read_dossier(raw, profile, name=name)
    document = raw.get(profile.json.document) if isinstance(raw, dict) else None
    if not isinstance(document, dict):
        document = raw.get("document")
    if not isinstance(document, dict):
        raise InputRefused("kbnn.no_authentication_data", name=name)
    by_name = profile.document.by_name
    texts = {field: document.get(by_name[field].key) for field in ("v_du_lieu_xac_thuc", "v_du_lieu_toan_van")}
    content = texts["v_du_lieu_xac_thuc"]
    if not isinstance(content, str) or not content:
        raise InputRefused("kbnn.no_authentication_data", name=name)
    envelopes: dict[Role, bytes] = {}
    for role, field_name in (("accountant", "v_chu_ky_so_ktt"), ("holder", "v_chu_ky_so_ctk")):
        envelope = document.get(by_name[field_name].key)
        if isinstance(envelope, str) and envelope:
            envelopes["accountant" if role == "accountant" else "holder"] = envelope.encode("utf-8", "surrogatepass")
    md5 = texts["v_du_lieu_toan_van"]
    content_bytes = content.encode("utf-8", "surrogatepass")
    given_md5 = md5 if isinstance(md5, str) else None
    return CheckInput(name, content_bytes, envelopes, draft.dossier, given_md5, problems=draft.problems)


def check_input(
    given: CheckInput,
    profile: Profile,
    new_judge: Callable[[], CertificateJudge] | None,
    now: datetime,
    *,
    rules: HouseRules | None = None,
    verify_pdf: JudgePdf | None = None,
) -> DossierReport:
    """Judge a dossier. A bad one is a verdict, not an error.

    :param new_judge: makes a judge of certificates; each signer gets one of its own, so that neither's certificates
        help the other. ``None`` leaves trust unknown.
    :param verify_pdf: judges an attachment; ``None`` looks at none of them.
    """
    wrong: list[Notice] = []
    doubts: list[Notice] = []
    warnings: list[Notice] = []
    signers = tuple(
        check_envelope(given.content, given.envelopes[role], role, profile, new_judge() if new_judge else None, now)
        for role in ROLES
        if role in given.envelopes
    )
    doubts.extend(Notice("kbnn.signature_missing", {"role": role}) for role in ROLES if role not in given.envelopes)
    if given.changed:
        wrong.append(Notice("kbnn.files_changed", {"files": given.changed}))
    sha256 = hashlib.sha256(given.content).hexdigest()
    md5 = md5_text(given.content, profile)
    if given.kept_sha256 is not None and given.kept_sha256 != sha256:
        wrong.append(Notice("kbnn.sha256_differs"))
    if given.md5 is not None and given.md5 != md5:
        wrong.append(Notice("kbnn.md5_differs"))
    code = _judge_data(given, profile, wrong, warnings)
    verdict: Verdict
    if wrong or any(signer.verdict == "invalid" for signer in signers):
        verdict = "invalid"
    elif not signers:
        verdict = "unsigned"
    elif doubts or any(signer.verdict == "undetermined" for signer in signers):
        verdict = "undetermined"
    else:
        verdict = "valid"
    house = rules or profile.house_rules
    attachments = _judge_attachments(given, signers, house, verify_pdf)
    for problem in given.problems:
        about = {"label": problem.label or problem.path, "where": problem.where, "rule": problem.rule}
        warnings.append(Notice(problem.code, {**problem.parameters, **about}))
    warnings.extend(attachments.warnings)
    return DossierReport(
        given.name,
        verdict,
        code,
        sha256,
        md5,
        now,
        signers,
        (*wrong, *doubts),
        tuple(_uncovered(given.dossier, profile)),
        tuple(_judge_rules(signers, given, house, attachments.in_order)),
        attachments.reports,
        tuple(warnings),
    )


@dataclass(frozen=True, slots=True)
class _Attachments:
    reports: tuple[AttachmentReport, ...]
    warnings: tuple[Notice, ...]
    in_order: bool | None


def _judge_attachments(
    given: CheckInput, signers: tuple[EnvelopeReport, ...], rules: HouseRules, verify_pdf: JudgePdf | None
) -> _Attachments:
    """Judge the PDFs; whether they are in order is unknown where there are none, or nobody to judge them."""
    if verify_pdf is None or not given.attachments:
        return _Attachments((), (), None)
    certificates = {one.role: hashlib.sha256(one.certificate).hexdigest() for one in signers if one.certificate}
    reports: list[AttachmentReport] = []
    warnings: list[Notice] = []
    in_order = True
    for path in given.attachments:
        judged = verify_pdf(path)
        reports.append(AttachmentReport(path.name, judged.verdict, judged.signatures))
        faults = faults_of(judged, path.name, certificates, rules)
        in_order = in_order and not faults
        warnings += faults
        if not faults and judged.verdict != "valid":
            warnings.append(Notice("kbnn.attachment_undetermined", {"name": path.name}))
    return _Attachments(tuple(reports), tuple(warnings), in_order)


def _judge_data(given: CheckInput, profile: Profile, wrong: list[Notice], warnings: list[Notice]) -> str:
    """Compare what the dossier says with what was signed; return the code from the signed data."""
    try:
        signed = read_authentication_data(given.content, profile, given.name, exact=False)
    except InputRefused as refused:
        # The signatures may still hold: another profile may have written these data.
        warnings.append(Notice(refused.code, refused.parameters))
        return given.dossier.code if given.dossier else ""
    try:
        validate(given.content, profile, given.name)
    except InputRefused as refused:
        warnings.append(Notice(refused.code, refused.parameters))
    if given.dossier is not None:
        try:
            said = _with_unsent(_in_signed_order(given.dossier, signed), signed, profile)
            if write_authentication_data(completed(said, profile), profile) != given.content:
                wrong.append(Notice("kbnn.dossier_differs"))
        except InputRefused as refused:
            wrong.append(Notice(refused.code, refused.parameters))
    return signed.code


def _in_signed_order(dossier: Dossier, signed: Dossier) -> Dossier:
    """Put the vouchers in the order of the signed data: a body groups them by form and keeps order only within one."""
    left = list(dossier.vouchers)
    ordered: list[Voucher] = []
    for other in signed.vouchers:
        same = next((one for one in left if one.form == other.form), None)
        if same is not None:
            left.remove(same)
            ordered.append(same)
    return replace(dossier, vouchers=(*ordered, *left))


def _with_unsent(dossier: Dossier, signed: Dossier, profile: Profile) -> Dossier:
    """Take from the signed data what a body has no field for: the unit's registration, the day of making."""
    vouchers: list[Voucher] = []
    for voucher, other in zip_longest(dossier.vouchers, signed.vouchers):
        if voucher is None or other is None or voucher.form != other.form:
            return dossier  # another number or kind of vouchers: they differ anyway
        unsent = {field.name for field in profile.forms[voucher.form].header.fields if not field.sent}
        header = {**{name: value for name, value in other.header.items() if name in unsent}, **voucher.header}
        vouchers.append(replace(voucher, header=header))
    return replace(dossier, unit={**signed.unit, **dossier.unit}, vouchers=tuple(vouchers))


def _uncovered(dossier: Dossier | None, profile: Profile) -> list[Uncovered]:
    found: list[Uncovered] = []
    for index, voucher in enumerate(dossier.vouchers if dossier else ()):
        form = profile.forms[voucher.form]
        fields = {field.name: field for field in uncovered_fields(form, profile)}
        records = [(f"vouchers[{index}].header.", form.header, voucher.header)]
        records += [
            (f"vouchers[{index}].lines[{number}].", form.lines, line) for number, line in enumerate(voucher.lines)
        ]
        for path, table, record in records:
            for each in table.fields:
                if each.name in fields and each.name in record:
                    value = written(record[each.name], profile)
                    found.append(Uncovered(path + each.name, each.label, value))
    return found


def _judge_rules(
    signers: tuple[EnvelopeReport, ...], given: CheckInput, rules: HouseRules, blocks: bool | None
) -> list[RuleReport]:
    by_role = {signer.role: signer for signer in signers}
    accountant, holder = by_role.get("accountant"), by_role.get("holder")
    met: dict[str, bool | None] = dict.fromkeys(_RULES)
    if accountant is not None and holder is not None:
        if accountant.signed_at is not None and holder.signed_at is not None:
            met["accountant_first"] = accountant.signed_at <= holder.signed_at
        if accountant.certificate and holder.certificate:
            met["different_people"] = _two_people(accountant.certificate, holder.certificate)
    if len(given.key_forms) == len(ROLES):
        met["one_key_form"] = set(given.key_forms) != {"token", "remote"}
    met["attachment_blocks"] = blocks
    reports: list[RuleReport] = []
    for rule, code in _RULES.items():
        known = met[rule] if getattr(rules, rule) else None
        reports.append(RuleReport(rule, "not_applicable" if known is None else "met" if known else "not_met", code))
    return reports


def _two_people(one: bytes, other: bytes) -> bool | None:
    """Tell whether two certificates name two people, ``None`` where a name in them cannot be read."""
    try:
        return not same_person(one, other)
    except KysoError:
        return None


def _signer_json(signer: EnvelopeReport) -> dict[str, Any]:
    return {
        "role": signer.role,
        "verdict": signer.verdict,
        "integrity": signer.integrity,
        "signer": {"name": signer.signer, "organisation": signer.organisation, "id": signer.identifier},
        "issuer": signer.issuer,
        "certificate": {
            "serial": signer.serial,
            "sha256": hashlib.sha256(signer.certificate).hexdigest() if signer.certificate else None,
            "not_before": _time(signer.not_before),
            "not_after": _time(signer.not_after),
            "status": signer.status,
            "checked_with": signer.checked_with,
        },
        "signing_time": {
            "value": _time(signer.signed_at),
            "source": "none" if signer.signed_at is None else "signed_attribute" if signer.time_bound else "claimed",
        },
        "reasons": [_notice_json(notice) for notice in signer.reasons],
    }


def _notice_json(notice: Notice) -> dict[str, Any]:
    return {
        "code": notice.code,
        "message_vi": text.message(notice.code, "vi", notice.parameters),
        "message_en": text.message(notice.code, "en", notice.parameters),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(VIETNAM_TIME).isoformat(timespec="seconds")
