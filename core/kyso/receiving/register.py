"""The register of incoming letters as a table: numbers without gaps, one row for one arrival, nothing overwritten.

The number is counted in the transaction that writes the row (:func:`kyso.records.store.count`), so that a crash loses
none and two clerks never get the same. Whoever counts holds the counter until the row is written; therefore the look
for an earlier row of the same file, made after counting, sees every row there is.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from kyso.errors import WrongUse
from kyso.frozen import dataclass
from kyso.receiving.policy import folded_name
from kyso.receiving.values import Decision, Entry, Event, LetterFacts, Reason
from kyso.records.schema import INCOMING_EVENTS, INCOMING_LETTERS
from kyso.records.store import count
from kyso.text import Text, shown
from kyso.verification.settings import Receipt, ReceiptBook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.records.store import Records

_TABLE: Final = INCOMING_LETTERS
_FACTS: Final = ("author", "number_and_symbol", "dated", "kind", "subject")
_LONGEST_ORGANISATION: Final = 300
_LONGEST_TEXT: Final = 2000
_NUMBERED: Final = ("entered", "entering")


@dataclass(frozen=True, slots=True)
class Written:
    """The row that stands in the register, and whether it is new."""

    entry: Entry
    new: bool


class Register:
    """The rows of one organisation."""

    def __init__(self, records: Records, organisation: str) -> None:
        self._records = records
        self.organisation = organisation
        if not organisation or len(organisation) > _LONGEST_ORGANISATION:
            raise WrongUse("intake.organisation_missing")

    # -------------------------------------------------------------------------------------------------- writing

    def add(self, entry: Entry, *, by: str = "") -> Written:
        """Write a row, numbered where its state has a number. A row of the same arrival that is there already stays.

        :param entry: its number is set here.
        """
        with self._records.begin() as connection:
            number = None
            if entry.state in _NUMBERED:
                number = self._next_number(connection, entry.year)
            else:
                # Holds off another process that receives the same file now, as the counter does for numbered rows.
                count(connection, self._counter("unnumbered"), str(entry.year))
            present = self._one(connection, _TABLE.c.id == entry.id)
            if present is None:
                values = {**_values(entry), "number": number}
                connection.execute(sa.insert(_TABLE).values(**values))
                self._note(connection, entry.id, entry.recorded_at, "recorded", by, {"decision": entry.decision.kind})
                written = self._one(connection, _TABLE.c.id == entry.id)
                assert written is not None
                return Written(written, new=True)
            # The number that was counted is given back with the whole transaction.
            connection.rollback()
        return Written(present, new=False)

    def change(
        self,
        identifier: str,
        event: Event,
        changed: Mapping[str, Any],
        *,
        numbered_at: date | None = None,
        decision: Decision | None = None,
    ) -> Entry:
        """Change columns of a row and note why.

        :param changed: new values by the names of their columns.
        :param numbered_at: give the row a number of that day's year, if it has none.
        :raises WrongUse: there is no such row.
        """
        values = {name: _storable(value) for name, value in changed.items()}
        with self._records.begin() as connection:
            if numbered_at is not None:
                number = self._next_number(connection, numbered_at.year)
            present = self._one(connection, _TABLE.c.id == identifier)
            if present is None:
                raise WrongUse("intake.no_entry", reference=identifier)
            if numbered_at is not None and present.number is None:
                values.update(number=number, year=numbered_at.year)
            elif numbered_at is not None:
                raise WrongUse("intake.numbered_already", reference=present.reference)
            if decision is not None:
                values.update(decision=decision.kind, decision_json=_decision_json(decision))
            if values:
                connection.execute(sa.update(_TABLE).where(_TABLE.c.id == identifier).values(**values))
            self._note(connection, identifier, event.at, event.name, event.by, event.detail)
            written = self._one(connection, _TABLE.c.id == identifier)
        assert written is not None
        return written

    # -------------------------------------------------------------------------------------------------- reading

    def find(self, reference: str, year: int) -> Entry:
        """Return the row that a person names: ``12/2026``, ``12`` (of `year`), or an id or its beginning.

        :raises WrongUse: none, or several.
        """
        number, slash, of_year = reference.strip().partition("/")
        known = _TABLE.c.id.startswith(reference.strip().lower(), autoescape=True)
        # Ten digits are the beginning of an id; no register has so many rows.
        if number.isascii() and number.isdigit() and len(number) < 8:
            wanted = int(of_year) if slash and of_year.isascii() and of_year.isdigit() and len(of_year) < 5 else year
            known = sa.and_(_TABLE.c.year == wanted, _TABLE.c.number == int(number))
        elif len(reference.strip()) < 4:
            raise WrongUse("intake.no_entry", reference=reference)
        found = list(self.select(known))
        if len(found) != 1:
            raise WrongUse("intake.several_entries" if found else "intake.no_entry", reference=reference)
        return found[0]

    def of_file(self, sha256: str) -> list[Entry]:
        """Return the rows of the same file, the first one first."""
        return list(self.select(_TABLE.c.file_sha256 == sha256, order=(_TABLE.c.occurrence,)))

    def alike(self, facts: LetterFacts) -> list[Entry]:
        """Return the rows with the same number, symbol and issuer, oldest first; none where one is unknown."""
        likeness = likeness_of(facts)
        return [] if not likeness else list(self.select(_TABLE.c.likeness == likeness))

    def numbered(self, year: int, first: date | None = None, last: date | None = None) -> list[Entry]:
        """Return what has a number of `year`, in the order of the numbers, within days of receipt where given."""
        wanted = [_TABLE.c.number.is_not(None), _TABLE.c.year == year]
        if first is not None:
            wanted.append(_TABLE.c.arrived_on >= first)
        if last is not None:
            wanted.append(_TABLE.c.arrived_on <= last)
        return list(self.select(sa.and_(*wanted), order=(_TABLE.c.number,)))

    def get(self, identifier: str) -> Entry | None:
        """Return the row of an id, ``None`` without one."""
        return next(self.select(_TABLE.c.id == identifier), None)

    def search(self, words: str, *, limit: int = 200) -> list[Entry]:
        """Return rows that have every word somewhere, newest first; upper and lower case are alike."""
        wanted = folded_name(words).split()
        found = []
        for entry in self.select(None, order=(_TABLE.c.recorded_at.desc(), _TABLE.c.id)):
            # SQLite folds only ASCII letters, so Vietnamese words are compared here.
            if all(word in _text_of(entry) for word in wanted):
                found.append(entry)
                if len(found) >= limit:
                    break
        return found

    def select(self, condition: Any, *, order: Sequence[Any] = ()) -> Iterator[Entry]:
        """Return the organisation's rows under a condition on the table, by default in the order of their recording."""
        query = sa.select(_TABLE).where(_TABLE.c.organisation == self.organisation)
        if condition is not None:
            query = query.where(condition)
        query = query.order_by(*(order or (_TABLE.c.recorded_at, _TABLE.c.id)))
        with self._records.begin() as connection:
            rows = connection.execute(query).all()
        return map(_entry, rows)

    def events(self, identifier: str) -> list[Event]:
        """Return what happened to a letter, in order."""
        table = INCOMING_EVENTS
        query = sa.select(table).where(table.c.letter_id == identifier).order_by(table.c.id)
        with self._records.begin() as connection:
            return [Event(row.at, row.name, row.by, json.loads(row.detail_json)) for row in connection.execute(query)]

    # -------------------------------------------------------------------------------------------------- private

    def _next_number(self, connection: sa.Connection, year: int) -> int:
        return count(connection, self._counter("number"), str(year))

    def _counter(self, what: str) -> str:
        return f"incoming.{what}:{hashlib.sha256(self.organisation.encode()).hexdigest()}"

    def _one(self, connection: sa.Connection, condition: Any) -> Entry | None:
        query = sa.select(_TABLE).where(_TABLE.c.organisation == self.organisation, condition)
        row = connection.execute(query).one_or_none()
        return None if row is None else _entry(row)

    @staticmethod
    def _note(
        connection: sa.Connection, identifier: str, at: datetime, name: str, by: str, detail: Mapping[str, str]
    ) -> None:
        values = {"letter_id": identifier, "at": at, "name": name, "by": _storable(by)}
        detail_json = json.dumps({key: _storable(value) for key, value in detail.items()}, ensure_ascii=False)
        connection.execute(sa.insert(INCOMING_EVENTS).values(**values, detail_json=detail_json))


def receipt_book(records: Records) -> ReceiptBook:
    """Return what finds the earliest row of a file, whichever of our organisations received it.

    A scan that we signed ourselves was recorded before the signature was made, so its row proves nothing.
    """

    def find(sha256: str) -> Receipt | None:
        known = sa.and_(_TABLE.c.letter_sha256 == sha256, _TABLE.c.form == "electronic")
        query = sa.select(_TABLE).where(known).order_by(_TABLE.c.recorded_at).limit(1)
        with records.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        entry = _entry(row)
        return Receipt(entry.reference, entry.recorded_at)

    return find


def identifier_of(organisation: str, sha256: str, occurrence: int) -> str:
    """Return the id of an arrival: the same arrival has the same id in every run."""
    return hashlib.sha256(f"{organisation}\n{sha256}\n{occurrence}".encode()).hexdigest()[:16]


def fact_values(facts: LetterFacts) -> dict[str, Any]:
    """Return the facts by the names of their columns."""
    return {name: getattr(facts, name) for name in _FACTS}


def likeness_of(facts: LetterFacts) -> str:
    """Return what two letters with the same number, symbol and issuer share; empty where any is unknown."""
    if not facts.author or "/" not in facts.number_and_symbol:
        return ""
    number, _, symbol = "".join(facts.number_and_symbol.split()).partition("/")
    if not number or not symbol:
        return ""
    # Numbers start anew every year (Điều 15), so last year's 12/QĐ-ABC is another letter.
    year = "" if facts.dated is None else str(facts.dated.year)
    parts = (number.lstrip("0"), unicodedata.normalize("NFC", symbol).casefold(), folded_name(facts.author), year)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _text_of(entry: Entry) -> str:
    facts = entry.facts
    parts = (
        entry.reference,
        facts.author,
        facts.number_and_symbol,
        facts.kind,
        facts.subject,
        entry.sender,
        entry.recipient,
        entry.received_by,
        entry.remark,
        entry.file_name,
        entry.file_sha256,
        entry.id,
    )
    return folded_name("\n".join(parts))


def _values(entry: Entry) -> dict[str, Any]:
    names = [column.name for column in _TABLE.columns if column.name not in (*_FACTS, "likeness", "decision_json")]
    stored = {**{name: getattr(entry, name) for name in names}, **fact_values(entry.facts)}
    return {
        **{name: _storable(value) for name, value in stored.items()},
        "likeness": likeness_of(entry.facts),
        "decision": entry.decision.kind,
        "decision_json": _decision_json(entry.decision),
    }


def _storable(value: Any) -> Any:
    """Return a text as every database and document takes it: one line, NFC, no controls, no half characters, an end."""
    if not isinstance(value, str):
        return value
    line = " ".join(shown(value).split()).encode("utf-8", "backslashreplace").decode("utf-8")
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def _decision_json(decision: Decision) -> str:
    reasons = [{"code": each.code, "vi": each.words.vi, "en": each.words.en} for each in decision.reasons]
    table = {"rule": decision.rule, "by": decision.by, "reasons": reasons}
    # Escapes keep what a certificate or a page holds from being no UTF-8.
    return json.dumps(table)


def _entry(row: sa.Row[Any]) -> Entry:
    values = dict(row._mapping)
    del values["likeness"]
    facts = LetterFacts(**{name: values.pop(name) for name in _FACTS})
    told = json.loads(values.pop("decision_json"))
    reasons = tuple(Reason(each["code"], Text(each["vi"], each["en"])) for each in told["reasons"])
    decision = Decision(values.pop("decision"), told["rule"], reasons, told["by"])
    return Entry(**values, facts=facts, decision=decision)
