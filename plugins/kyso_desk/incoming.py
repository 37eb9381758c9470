"""What the desk's workers do with the register of incoming letters, by the functions every front end calls."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.errors import KysoError, WrongUse
from kyso_desk.wording import told

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso.receiving.values import Entry, LetterFacts
    from kyso.verification.report import VerificationReport

Answer = tuple[Mapping[str, Any], Sequence[bytes]]

MAX_ROWS = 200
_FACTS = ("author", "number_and_symbol", "kind", "subject")
_NOTICE_SUFFIXES = ("pdf", "docx")


def foresight(engine: Engine, path: Path, report: VerificationReport) -> dict[str, Any]:
    """Return what receiving the letter would lead to, without writing anything; or why it cannot be received here."""
    from kyso.receiving.cabinet import digest_of
    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.policy import Judged, decide
    from kyso.receiving.reading import read_facts

    try:
        with IncomingDesk.open(engine) as incoming:
            facts, warnings = read_facts(path, report, engine.registry, None)
            decision = decide(incoming.policy, Judged(report, "electronic", (facts.author,), False))
            earlier = incoming.register.of_file(digest_of(path))
    except KysoError as error:
        return {"refused": told(error.code, error.parameters)}
    return {
        "organisation": incoming.organisation,
        "facts": _facts(facts),
        "decision": _decision(decision),
        "warnings": [told(notice.code, notice.parameters) for notice in warnings],
        "earlier": [_entry(entry) for entry in earlier],
    }


def receive(engine: Engine, path: str, entries: Mapping[str, Any]) -> Answer:
    """Enter a letter into the register as the policy decides, with its evidence and notices."""
    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Arrival

    with IncomingDesk.open(engine) as incoming:
        reception = incoming.receive(
            Arrival(
                Path(path),
                facts=_given_facts(entries),
                sender=entries.get("sender", ""),
                recipient=entries.get("recipient", ""),
                remark=entries.get("remark", ""),
                misdirected=bool(entries.get("misdirected")),
                by=_person(),
            )
        )
        return {
            "entry": _entry(reception.entry),
            "repeated": reception.repeated,
            "warnings": [told(notice.code, notice.parameters) for notice in reception.warnings],
        }, ()


def decide_later(engine: Engine, reference: str, kind: Any, reason: str) -> Answer:
    """Record what a person decides about a letter that was held or returned."""
    from kyso.receiving.desk import IncomingDesk

    with IncomingDesk.open(engine) as incoming:
        return {"entry": _entry(incoming.decide(reference, kind, reason=reason, by=_person()))}, ()


def forward(engine: Engine, reference: str, recipient: str, received_by: str) -> Answer:
    """Record who a letter went to, and who signed for it."""
    from kyso.receiving.desk import IncomingDesk

    with IncomingDesk.open(engine) as incoming:
        entry = incoming.forward(reference, recipient, received_by=received_by, by=_person())
        return {"entry": _entry(entry)}, ()


def amend(engine: Engine, reference: str, entries: Mapping[str, Any]) -> Answer:
    """Put right what the register says about a letter."""
    from kyso.receiving.desk import IncomingDesk

    with IncomingDesk.open(engine) as incoming:
        return {"entry": _entry(incoming.amend(reference, _given_facts(entries), by=_person()))}, ()


def search(engine: Engine, words: str) -> Answer:
    """Return the rows of the register that have every word, newest first."""
    from kyso.receiving.desk import IncomingDesk

    with IncomingDesk.open(engine) as incoming:
        found = incoming.register.search(words, limit=MAX_ROWS)
        return {"organisation": incoming.organisation, "rows": [_entry(entry) for entry in found]}, ()


def notice(engine: Engine, reference: str, suffix: str) -> Answer:
    """Return the notice that a letter's state asks for."""
    from kyso.receiving.desk import IncomingDesk

    if suffix not in _NOTICE_SUFFIXES:
        raise WrongUse("desk.bad_request")
    with IncomingDesk.open(engine) as incoming:
        written = [path for path in incoming.notice(reference) if path.suffix == f".{suffix}"]
        if not written:
            raise WrongUse("desk.no_notice", reference=reference)
        return {"name": f"{reference.replace('/', '-')}-{written[0].name}"}, (written[0].read_bytes(),)


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return ""


def _given_facts(entries: Mapping[str, Any]) -> LetterFacts:
    from kyso.receiving.values import LetterFacts

    dated = None
    if entries.get("dated"):
        from kyso.placement.settings import parse_value
        from kyso.plugin import Setting, Text

        dated = parse_value(Setting("dated", "date", Text("Ngày văn bản", "Date")), entries["dated"])
    return LetterFacts(**{name: entries.get(name, "") for name in _FACTS}, dated=dated)


def _facts(facts: LetterFacts) -> dict[str, str]:
    return {**{name: getattr(facts, name) for name in _FACTS}, "dated": _day(facts.dated)}


def _decision(decision: Any) -> dict[str, Any]:
    reasons = [{"vi": reason.words.vi, "en": reason.words.en} for reason in decision.reasons]
    return {"kind": decision.kind, "rule": decision.rule, "by": decision.by, "reasons": reasons}


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "reference": entry.reference,
        "number": entry.number,
        "year": entry.year,
        "state": entry.state,
        "recalled": entry.recalled_on is not None,
        "arrived_on": _day(entry.arrived_on),
        **_facts(entry.facts),
        "sender": entry.sender,
        "recipient": entry.recipient,
        "forwarded_on": _day(entry.forwarded_on),
        "received_by": entry.received_by,
        "remark": entry.remark,
        "file_name": entry.file_name,
        "verdict": entry.verdict,
        "decision": _decision(entry.decision),
    }


def _day(day: date | None) -> str:
    return "" if day is None else day.strftime("%d/%m/%Y")
