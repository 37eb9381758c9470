"""The policy of the incoming desk: rules that accept a letter, return it, or hold it as suspicious.

A TOML file (schema ``kyso.intake-policy/1``); without one :data:`DEFAULT` holds, which `kyso intake policy` prints.
Rules are tried in their order and the first one whose conditions all hold decides; then `[[senders]]` may turn an
acceptance into something stricter, never the other way round.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from kyso.errors import ConfigWrong
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.receiving.values import Decision, DecisionKind, Form, Reason
from kyso.reports.wording import message
from kyso.text import Text
from kyso.verification.report import Changes, Integrity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kyso.verification.report import VerificationReport

SCHEMA: Final = "kyso.intake-policy/1"
DEFAULT: Final = Path(__file__).with_name("default_policy.toml")
MAX_BYTES: Final = 1 << 20
MAX_REASONS: Final = 20
PERSON: Final = "person"
"""The rule's name where a person decided."""
MISDIRECTED: Final = "misdirected"

_CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "verdict": get_args(Verdict),
    "integrity": get_args(Integrity),
    "changes": get_args(Changes),
    "form": get_args(Form),
}
_OPEN: Final = ("reasons", "conformity", "senders")
_WORDS: Final = ("name", "decision", "why_vi", "why_en")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; a condition that is empty (or 0) is not asked for.

    :param fewer_signatures_than: holds when there are fewer signatures of persons and bodies.
    """

    name: str
    decision: DecisionKind
    why: Text
    verdict: tuple[str, ...] = ()
    integrity: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    conformity: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    fewer_signatures_than: int = 0


@dataclass(frozen=True, slots=True)
class SenderRule:
    """Letters of `name` must carry a signature of one of `signers`."""

    name: str
    signers: tuple[str, ...]
    decision: DecisionKind


@dataclass(frozen=True, slots=True)
class IntakePolicy:
    """A whole policy.

    :param otherwise: what holds where no rule does.
    :param retention_years: counted from the end of the year of receipt.
    :param undo_days: how long a destruction can be undone.
    """

    rules: tuple[Rule, ...]
    senders: tuple[SenderRule, ...]
    otherwise: DecisionKind
    retention_years: int
    undo_days: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What a policy looks at.

    :param bodies: author and sender as they stand in the register.
    """

    report: VerificationReport
    form: Form
    bodies: tuple[str, ...]
    misdirected: bool = False


# ------------------------------------------------------------------------------------------------------- deciding


def decide(policy: IntakePolicy, judged: Judged) -> Decision:
    """Return what is to be done with a letter, and why."""
    rule = next((rule for rule in policy.rules if _holds(rule, judged)), None)
    # Faults of form are told where they decided, or where nothing worse did; not as reasons to return a forgery.
    on_form = rule is not None and (rule.decision == "accept" or bool(rule.conformity))
    found = tuple(_reasons_of(judged.report, on_form=on_form))
    if judged.misdirected:
        return Decision("return", MISDIRECTED, (reason_of(Notice("intake.misdirected")), *found))
    if rule is None:
        return Decision(policy.otherwise, "otherwise", (reason_of(Notice("intake.no_rule")), *found))
    reasons = (Reason(f"intake.rule.{rule.name}", rule.why), *found)
    if rule.decision == "accept":
        stricter = next((each for each in policy.senders if _unexpected(each, judged)), None)
        if stricter is not None:
            notice = Notice("intake.sender_unexpected", {"sender": stricter.name, "signers": stricter.signers})
            return Decision(stricter.decision, f"senders.{stricter.name}", (reason_of(notice), *found))
    return Decision(rule.decision, rule.name, reasons)


def _holds(rule: Rule, judged: Judged) -> bool:
    report = judged.report
    notices = [*report.warnings, *(notice for signature in report.signatures for notice in signature.reasons)]
    persons = sum(signature.kind != "timestamp" for signature in report.signatures)
    unmet = [item.rule for item in report.conformity if item.status == "not_met"]
    organisations = [signature.signer.organisation for signature in report.signatures]
    tests: tuple[tuple[object, bool], ...] = (
        (rule.verdict, report.verdict in rule.verdict),
        (rule.integrity, report.integrity in rule.integrity),
        (rule.changes, report.changes in rule.changes),
        (rule.form, judged.form in rule.form),
        (rule.reasons, _any_match([notice.code for notice in notices], rule.reasons)),
        (rule.conformity, _any_match(unmet, rule.conformity)),
        (rule.senders, _any_match([*judged.bodies, *organisations], rule.senders)),
        (rule.fewer_signatures_than, persons < rule.fewer_signatures_than),
    )
    return all(holds for asked, holds in tests if asked)


def _unexpected(sender: SenderRule, judged: Judged) -> bool:
    if not _any_match(judged.bodies, (sender.name,)):
        return False
    for signature in judged.report.signatures:
        certificate = () if signature.certificate is None else (signature.certificate.sha256,)
        known_by = (signature.signer.id, signature.signer.name, signature.signer.organisation, *certificate)
        if signature.kind != "timestamp" and signature.verdict == "valid" and _any_match(known_by, sender.signers):
            return False
    return True


def _any_match(values: Iterable[str], patterns: Sequence[str]) -> bool:
    folded = [folded_name(value) for value in values if value]
    return any(fnmatchcase(value, folded_name(pattern)) for pattern in patterns for value in folded)


def folded_name(value: str) -> str:
    """Return a name as it is compared: NFC, without case, single spaces."""
    return " ".join(unicodedata.normalize("NFC", value).casefold().split())


def _reasons_of(report: VerificationReport, *, on_form: bool) -> Iterator[Reason]:
    notices: list[Notice] = []
    if report.verdict == "unreadable":
        notices += report.warnings
    notices += [notice for signature in report.signatures for notice in signature.reasons]
    distinct = {reason_of(notice): None for notice in notices}
    unmet = (item for item in report.conformity if on_form and item.status == "not_met")
    distinct.update(dict.fromkeys(Reason(f"conformity.{item.rule}", item.detail) for item in unmet))
    yield from list(distinct)[:MAX_REASONS]


def reason_of(notice: Notice) -> Reason:
    """Return a notice as a reason, in words that stay as they are."""
    return Reason(notice.code, Text(message(notice, "vi"), message(notice, "en")))


def reason_of_person(words: str, by: str) -> Reason:
    """Return the reason a person gave, in his own words."""
    about = {"by": by or "-", "reason": words}
    return reason_of(Notice("intake.decided_by", about))


# -------------------------------------------------------------------------------------------------------- reading


def load_policy(path: Path | None = None) -> IntakePolicy:
    """Read a policy file; ``None`` is the built-in policy.

    :raises ConfigWrong: it cannot be read, or holds something that is no policy; the error names the place.
    """
    file = path or DEFAULT
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigWrong("intake.policy_unreadable", file=file, cause=f"> {MAX_BYTES} B")
        table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigWrong("intake.policy_unreadable", file=file, cause=error.strerror or str(error)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigWrong("intake.policy_unreadable", file=file, cause=str(error)) from error
    return _Reading(file).policy(table)


class _Reading:
    """One reading of one policy file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def policy(self, table: Mapping[str, Any]) -> IntakePolicy:
        self._only(table, ("schema", "otherwise", "retention", "rules", "senders"), "")
        if table.get("schema") != SCHEMA:
            raise self._wrong("schema", table.get("schema"))
        retention = table.get("retention", {})
        if not isinstance(retention, Mapping):
            raise self._wrong("retention", retention)
        self._only(retention, ("years", "undo_days"), "retention")
        return IntakePolicy(
            rules=tuple(self._rule(rule, f"rules[{place}]") for place, rule in self._tables(table, "rules")),
            senders=tuple(self._sender(rule, f"senders[{place}]") for place, rule in self._tables(table, "senders")),
            otherwise=self._decision(table.get("otherwise", "suspicious"), "otherwise"),
            retention_years=self._count(retention.get("years", 20), "retention.years", 1, 200),
            undo_days=self._count(retention.get("undo_days", 30), "retention.undo_days", 0, 3650),
        )

    def _tables(self, table: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        given = table.get(name, [])
        if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
            raise self._wrong(name, given)
        yield from enumerate(given, 1)

    def _rule(self, table: Mapping[str, Any], place: str) -> Rule:
        self._only(table, (*_WORDS, *_CLOSED, *_OPEN, "fewer_signatures_than"), place)
        name = self._text(table.get("name"), f"{place}.name")
        lists = {key: self._texts(table.get(key, []), f"{place}.{key}") for key in (*_CLOSED, *_OPEN)}
        for key, choices in _CLOSED.items():
            for value in lists[key]:
                if value not in choices:
                    raise self._wrong(f"{place}.{key}", value)
        why_vi = self._text(table.get("why_vi", name), f"{place}.why_vi")
        return Rule(
            name=name,
            decision=self._decision(table.get("decision"), f"{place}.decision"),
            why=Text(why_vi, self._text(table.get("why_en", why_vi), f"{place}.why_en")),
            fewer_signatures_than=self._count(
                table.get("fewer_signatures_than", 0), f"{place}.fewer_signatures_than", 0, 100
            ),
            **lists,
        )

    def _sender(self, table: Mapping[str, Any], place: str) -> SenderRule:
        self._only(table, ("name", "signers", "decision"), place)
        signers = self._texts(table.get("signers"), f"{place}.signers")
        decision = self._decision(table.get("decision", "suspicious"), f"{place}.decision")
        if not signers or decision == "accept":
            raise self._wrong(f"{place}.{'decision' if signers else 'signers'}", table.get("decision", signers))
        return SenderRule(self._text(table.get("name"), f"{place}.name"), signers, decision)

    def _decision(self, value: object, place: str) -> DecisionKind:
        if value not in get_args(DecisionKind):
            raise self._wrong(place, value)
        return cast("DecisionKind", value)

    def _text(self, value: object, place: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(place, value)
        return unicodedata.normalize("NFC", value)

    def _texts(self, value: object, place: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self._wrong(place, value)
        return tuple(self._text(each, place) for each in value)

    def _count(self, value: object, place: str, least: int, most: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._wrong(place, value)
        return value

    def _only(self, table: Mapping[str, Any], known: Sequence[str], place: str) -> None:
        for name, value in table.items():
            if name not in known:
                raise self._wrong(f"{place}.{name}".strip("."), value)

    def _wrong(self, place: str, value: object) -> ConfigWrong:
        shown = repr(value)
        return ConfigWrong("intake.policy_wrong", file=self._file, place=place, value=shown[:60])
