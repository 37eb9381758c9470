"""The desk itself: receives letters and does what is done with them afterwards.

The order in which a letter is received makes a crash harmless: it is copied, judged, its evidence is put together in a
folder that gets its name in one step, and then one transaction takes the number and writes the row. A run that dies
before leaves no row, one that dies after is continued by the next run over the same file, which finds the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kyso import text
from kyso.errors import InputRefused, WrongUse
from kyso.models import VIETNAM_TIME, Notice
from kyso.receiving import cabinet as cabinets
from kyso.receiving.cabinet import EVIDENCE, Cabinet, kept_name, require_whole, take_in, write_sums
from kyso.receiving.evidence_package import write_evidence
from kyso.receiving.notices import NoticeText, write_notices
from kyso.receiving.policy import PERSON, IntakePolicy, Judged, decide, load_policy, reason_of_person
from kyso.receiving.reading import missing_facts, read_facts
from kyso.receiving.register import Register, fact_values, identifier_of, likeness_of
from kyso.receiving.values import Arrival, Decision, Entry, Event, LetterFacts, NoticeKind, Reception, State
from kyso.text import LANGUAGES, Text
from kyso.verification.detached import SUFFIX, signed_file
from kyso.verification.settings import settings_from
from kyso.verification.verify import verify_document

if TYPE_CHECKING:
    from types import TracebackType

    from kyso.engine import Engine
    from kyso.receiving.values import DecisionKind
    from kyso.records.store import Records
    from kyso.verification.report import VerificationReport
    from kyso.verification.settings import VerificationSettings

_STATES: Mapping[DecisionKind, State] = {"accept": "entered", "return": "returned", "suspicious": "held"}
_OPEN_TO: Mapping[DecisionKind, tuple[State, ...]] = {
    "accept": ("held", "returned"),
    "return": ("held", "entering"),
    "suspicious": (),
}
_NOTICES: Mapping[State, tuple[NoticeKind, ...]] = {
    "entered": ("receipt",),
    "returned": ("return",),
    "held": ("suspicious", "report"),
}


def _present() -> datetime:
    return datetime.now(UTC)


class IncomingDesk:
    """The desk of one organisation. Use it as a context manager.

    :param now: the present.
    """

    def __init__(
        self,
        engine: Engine,
        records: Records,
        cabinet: Cabinet,
        policy: IntakePolicy,
        organisation: str,
        now: Callable[[], datetime] = _present,
    ) -> None:
        self.engine = engine
        self.cabinet = cabinet
        self.policy = policy
        self.register = Register(records, organisation)
        self.now = now
        self._closing = ExitStack()

    @classmethod
    def open(
        cls,
        engine: Engine,
        *,
        organisation: str | None = None,
        policy: Path | None = None,
        now: Callable[[], datetime] = _present,
    ) -> Self:
        """Open the desk with the configured records and folder.

        :param organisation: the receiving body; by default the configured one.
        :param policy: a policy file instead of the configured one.
        :raises WrongUse: no organisation is known, or a package that the desk needs is not installed.
        """
        _require_packages()
        config = engine.config
        name = organisation or config.organisation.name
        if not name:
            raise WrongUse("intake.organisation_missing")
        from kyso.records.store import Records

        rules = load_policy(policy or config.intake.policy)
        cabinet = Cabinet.of(config)
        records = Records.of(config, engine.registry)
        desk = cls(engine, records, cabinet, rules, name, now)
        desk._closing.callback(records.close)
        return desk

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the records the desk opened. Closing twice is harmless."""
        self._closing.close()

    @property
    def organisation(self) -> str:
        """The receiving body."""
        return self.register.organisation

    @property
    def today(self) -> date:
        """Today in Vietnam."""
        return self.now().astimezone(VIETNAM_TIME).date()

    # ------------------------------------------------------------------------------------------------- receiving

    def receive(self, arrival: Arrival) -> Reception:
        """Receive one letter: judge it, decide, keep letter and evidence, write the row and the notices.

        A file that stands in the register already gets no second row unless `arrival.again`. A signed letter is never
        signed again; only a scan of paper is, before it is entered.

        :raises InputRefused: the file cannot be taken in, or a scan carries signatures.
        :raises KeyTrouble: the scan cannot be signed (yet); its number is kept and receiving it again goes on.
        """
        if arrival.arrived_on is not None and arrival.arrived_on > self.today:
            raise WrongUse("intake.arrival_in_future", date=arrival.arrived_on.isoformat())
        with self.cabinet.building("arrival") as part:
            name = kept_name(arrival.document.name)
            digest, size = take_in(arrival.document, part / name)
            earlier = self.register.of_file(digest)
            if earlier and earlier[-1].state != "entering" and arrival.again:
                occurrence = earlier[-1].occurrence + 1
            else:
                occurrence = earlier[-1].occurrence if earlier else 1
            identifier = identifier_of(self.organisation, digest, occurrence)
            with self.cabinet.locked(identifier):
                present = self.register.get(identifier)
                if present is not None and present.state != "entering":
                    return self._repeated(present)
                if present is not None and arrival.paper is None:
                    raise WrongUse("intake.paper_unfinished", reference=present.reference)
                blank = self._blank(arrival, identifier, digest, size, occurrence)
                if arrival.paper is not None:
                    from kyso.receiving.paper import receive_paper

                    return receive_paper(self, arrival, present or blank, part, name)
                return self._electronic(arrival, blank, part, name)

    def _blank(self, arrival: Arrival, identifier: str, digest: str, size: int, occurrence: int) -> Entry:
        """Return the row before anything is known about the letter."""
        arrived_on = arrival.arrived_on or self.today
        return Entry(
            id=identifier,
            state="entering",
            organisation=self.organisation,
            year=arrived_on.year,
            number=None,
            form="electronic" if arrival.paper is None else "paper",
            recorded_at=self.now(),
            arrived_on=arrived_on,
            facts=arrival.facts,
            sender=arrival.sender,
            recipient=arrival.recipient,
            forwarded_on=None,
            received_by="",
            remark=arrival.remark,
            file_name=arrival.document.name,
            file_sha256=digest,
            file_size=size,
            occurrence=occurrence,
            letter_sha256=digest,
            folder=f"{arrived_on.year}/{identifier}",
            manifest_sha256="",
            verdict="unsigned",
            decision=Decision("accept", ""),
        )

    def _electronic(self, arrival: Arrival, blank: Entry, part: Path, name: str) -> Reception:
        letter_sha256 = blank.letter_sha256
        if name.lower().endswith(SUFFIX):
            letter_sha256 = _take_in_signed_file(arrival.document, part) or letter_sha256
        terms = self.terms(arrival)
        report = self.judge(part / name, arrival.document.name, terms)
        read, warnings = read_facts(part / name, report, self.engine.registry, arrival.password)
        facts = arrival.facts.completed(read)
        judged = Judged(report, blank.form, (facts.author, arrival.sender), arrival.misdirected)
        decision = decide(self.policy, judged)
        lacking = self.keep_evidence(part, part / name, report, decision, terms)
        entry = replace(
            blank,
            state=_STATES[decision.kind],
            facts=facts,
            letter_sha256=letter_sha256,
            manifest_sha256=write_sums(part),
            verdict=report.verdict,
            decision=decision,
        )
        self.cabinet.settle(part, entry.folder)
        entry = self.register.add(replace(entry, recorded_at=self.now()), by=arrival.by).entry
        return self.received(entry, report, (*warnings, *lacking))

    def _repeated(self, present: Entry) -> Reception:
        """Say that the file stands in the register, and finish what an earlier run may not have come to."""
        told = {"reference": present.reference, "date": present.arrived_on.strftime("%d/%m/%Y")}
        notices = () if present.destroyed_at or present.recalled_on else self._missing_notices(present)
        return Reception(
            present,
            present.decision,
            None,
            self.cabinet.place(present.folder),
            repeated=True,
            notices=notices,
            warnings=(Notice("intake.same_file", told),),
        )

    # ------------------------------------------------------------------------------- steps that the paper path shares

    def terms(self, arrival: Arrival) -> VerificationSettings:
        """Return the terms of judging an arrival."""
        engine = self.engine
        return settings_from(engine.config, now=self.now(), password=arrival.password, online=engine.online)

    def judge(self, letter: Path, name: str, terms: VerificationSettings) -> VerificationReport:
        """Verify a letter and judge its form."""
        from kyso.verification.conformity import with_conformity

        report = verify_document(letter, terms, name=name)
        return with_conformity(report, letter, self.engine.registry, terms.password)

    def keep_evidence(
        self, part: Path, letter: Path, report: VerificationReport, decision: Decision, terms: VerificationSettings
    ) -> tuple[Notice, ...]:
        """Write the evidence package about `letter` into the folder being built, and return what could not be had."""
        folder = part / EVIDENCE
        folder.mkdir()
        return write_evidence(folder, letter, report, decision, terms, self.engine.registry)

    def received(self, entry: Entry, report: VerificationReport, warnings: tuple[Notice, ...]) -> Reception:
        """Write the notices of a fresh row, and return what its receiver should see."""
        alike = [each for each in self.register.alike(entry.facts) if each.id != entry.id]
        if alike:
            first = alike[0]
            told = {"number": entry.facts.number_and_symbol, "author": entry.facts.author}
            warnings += (Notice("intake.alike", {**told, "reference": first.reference}),)
        unknown = missing_facts(entry.facts)
        if unknown and entry.state != "returned":
            names = [
                Text(*(text.message(f"intake.fact.{name}", language) for language in LANGUAGES)) for name in unknown
            ]
            warnings += (Notice("intake.facts_missing", {"reference": entry.reference, "facts": names}),)
        notices = self._missing_notices(entry)
        folder = self.cabinet.place(entry.folder)
        return Reception(entry, entry.decision, report, folder, notices=notices, warnings=warnings)

    # --------------------------------------------------------------------------------------------------- afterwards

    def find(self, reference: str) -> Entry:
        """Return the row a person names.

        :raises WrongUse: none, or several.
        """
        return self.register.find(reference, self.today.year)

    def decide(self, reference: str, kind: DecisionKind, *, reason: str, by: str) -> Entry:
        """Record what a person decides about a letter that was held or returned: accept it, or return it.

        :raises WrongUse: the letter is entered already, or was destroyed.
        """
        entry = self.find(reference)
        if entry.state not in _OPEN_TO[kind] or entry.destroyed_at is not None or entry.recalled_on is not None:
            raise WrongUse("intake.not_to_decide", reference=entry.reference)
        if not reason.strip():
            raise WrongUse("intake.reason_missing")
        decision = Decision(kind, PERSON, (reason_of_person(reason, by), *entry.decision.reasons), by)
        changed = self.register.change(
            entry.id,
            self._event("decided", by, decision=kind, reason=reason),
            {"state": _STATES[kind]},
            numbered_at=self.today if kind == "accept" else None,
            decision=decision,
        )
        self._missing_notices(changed)
        return changed

    def forward(
        self, reference: str, recipient: str, *, on: date | None = None, received_by: str = "", by: str = ""
    ) -> Entry:
        """Record who the letter went to, when, and who signed for it (columns 7 to 9 of the register).

        :raises WrongUse: the letter is not entered.
        """
        entry = self._entered(reference)
        day = on or self.today
        told = {"recipient": recipient, "on": day.isoformat(), "received_by": received_by}
        values = {"recipient": recipient, "forwarded_on": day, "received_by": received_by}
        return self.register.change(entry.id, self._event("forwarded", by, **told), values)

    def amend(self, reference: str, facts: LetterFacts, *, remark: str | None = None, by: str = "") -> Entry:
        """Put right what stands in the register about a letter; what it said before stays in its history.

        :param facts: what is empty here stays as it is.
        """
        entry = self.find(reference)
        completed = facts.completed(entry.facts)
        old = {**fact_values(entry.facts), "remark": entry.remark}
        new = {**fact_values(completed), "remark": entry.remark if remark is None else remark}
        changed = {name: value for name, value in new.items() if value != old[name]}
        if not changed:
            return entry
        event = self._event("amended", by, **{name: str(old[name] or "") for name in changed})
        return self.register.change(entry.id, event, {**changed, "likeness": likeness_of(completed)})

    def notice(
        self, reference: str, kind: NoticeKind | None = None, *, number: str = "", out: Path | None = None
    ) -> tuple[Path, ...]:
        """Write a letter's notice anew and return its files.

        :param kind: by default those that its state asks for.
        :param number: number of the notice itself, where it is known.
        :param out: a folder to write into instead of the letter's own.
        :raises WrongUse: there is no such letter, or a notice of a recall is asked for and there was none.
        """
        entry = self.find(reference)
        if kind == "recall" and entry.recalled_on is None:
            raise WrongUse("intake.not_recalled", reference=entry.reference)
        if kind == "receipt" and entry.number is None:
            raise WrongUse("intake.not_entered", reference=entry.reference)
        if out is None and entry.destroyed_at is not None:
            raise WrongUse("intake.destroyed", reference=entry.reference)
        kinds = (kind,) if kind is not None else self._kinds(entry)
        return self._write_notices(entry, kinds, number=number, out=out)

    def check(self, entry: Entry) -> None:
        """Refuse a letter whose folder is not as it was recorded.

        :raises WrongUse: something is missing or was changed.
        """
        if entry.destroyed_at is not None:
            raise WrongUse("intake.destroyed", reference=entry.reference)
        # The letter of a recalled entry is set aside; what is kept about it stays.
        within = f"{EVIDENCE}/" if entry.recalled_on is not None else ""
        require_whole(self.cabinet.place(entry.folder), entry.manifest_sha256, entry.reference, within)

    # ------------------------------------------------------------------------------------------------------ private

    def _entered(self, reference: str) -> Entry:
        entry = self.find(reference)
        if entry.state != "entered":
            raise WrongUse("intake.not_entered", reference=entry.reference)
        return entry

    def _event(self, name: str, by: str, **detail: str) -> Event:
        return Event(self.now(), name, by, detail)

    def _kinds(self, entry: Entry) -> tuple[NoticeKind, ...]:
        return ("recall",) if entry.recalled_on is not None else _NOTICES.get(entry.state, ())

    def _missing_notices(self, entry: Entry) -> tuple[Path, ...]:
        folder = self.cabinet.place(entry.folder) / cabinets.NOTICES
        kinds = tuple(kind for kind in self._kinds(entry) if not all(path.exists() for path in _files(folder, kind)))
        return self._write_notices(entry, kinds)

    def _write_notices(
        self, entry: Entry, kinds: tuple[NoticeKind, ...], *, number: str = "", out: Path | None = None
    ) -> tuple[Path, ...]:
        folder = out or self.cabinet.place(entry.folder) / cabinets.NOTICES
        form = NoticeText(
            self.engine.config.intake, self.organisation, self.today, number, self.engine.config.font_choice()
        )
        return tuple(path for kind in kinds for path in write_notices(folder, kind, entry, form))


def _files(folder: Path, kind: NoticeKind) -> tuple[Path, ...]:
    return tuple(folder / f"{kind}.{suffix}" for suffix in ("docx", "pdf"))


def _take_in_signed_file(signature: Path, part: Path) -> str | None:
    """Take in the letter that a signature file signs, and return its digest."""
    letter = signed_file(signature)
    if letter is None:
        return None
    if (part / kept_name(letter.name)).exists():
        raise InputRefused("intake.name_taken", name=letter.name)
    return take_in(letter, part / kept_name(letter.name))[0]


def _require_packages() -> None:
    from importlib.util import find_spec

    modules = {"python-docx": "docx", "reportlab": "reportlab"}
    missing = [name for name, module in modules.items() if find_spec(module) is None]
    if missing:
        raise WrongUse("intake.extra_missing", packages=missing)
