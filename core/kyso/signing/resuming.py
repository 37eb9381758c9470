"""Signing many letters with a ledger: a run that was cut off is taken up again, and no letter is signed twice.

What an earlier run left is settled first, letter by letter:

- signed: nothing is done, the earlier answer stands;
- intended, and there is an output that was not there before: the run ended between publishing and writing down. It is
  taken as the letter's, if it goes on from the very input and carries an intact signature of the same key;
- intended, and there is no output: a file or a token has nothing to show for it, the letter is signed now. A key whose
  owner confirms elsewhere may have a request under way: it is looked for among the signatures that wait, and asked for;
- waiting: asked for;
- failed: tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kyso.errors import InputRefused, KysoError, RemoteFailed, WrongUse
from kyso.frozen import dataclass
from kyso.models import FailedSignature, PendingSignature, SignedDocument, SignRequest
from kyso.signing.ledger import Entry, Intent, Ledger, State, fingerprint

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso.records.store import PreparedRecord
    from kyso.verification.report import SignatureReport

Outcome = SignedDocument | PendingSignature | FailedSignature
Told = Callable[["Letter", Outcome], Mapping[str, Any]]
"""Turns an outcome into the answer that the ledger keeps."""

Wait = Callable[[Sequence[PendingSignature]], Sequence[Outcome]]
"""Waits for the people who must confirm and returns how each letter stands then, in their order."""

_INTENDED_AT_ONCE: Final = 200
_COMPARED_AT_ONCE: Final = 1 << 20
_LEVELS: Final = {"B-B": "b", "B-T": "t", "B-LT": "lt", "B-LTA": "lta"}


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter of a batch.

    :param name: its path below the batch's source; the ledger knows it by that.
    :param request: with the document and the output as paths.
    """

    name: str
    request: SignRequest

    @property
    def source(self) -> Path:
        """The input."""
        if not isinstance(self.request.document, Path):
            raise WrongUse("batch.needs_files", name=self.name)
        return self.request.document

    @property
    def out(self) -> Path:
        """The output."""
        if self.request.out is None:
            raise WrongUse("batch.needs_files", name=self.name)
        return self.request.out


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a letter now.

    :param outcome: of this run; ``None`` where an earlier run signed it.
    """

    letter: Letter
    outcome: Outcome | None


def sign_with_ledger(
    engine: Engine,
    letters: Sequence[Letter],
    ledger: Ledger,
    told: Told,
    *,
    workers: int = 1,
    wait: Wait | None = None,
) -> Iterator[Settled]:
    """Sign `letters` of one key, skipping what the ledger has; one that fails does not stop the rest.

    :param workers: processes, as for `Engine.sign_many`.
    :param wait: waits for those who must confirm, after all letters went out; ``None`` leaves theirs waiting.
    :raises KeyTrouble: the key does not open; nothing was begun.
    """
    return _Run(engine, letters, ledger, told, workers).settle(wait)


class _Run:
    def __init__(self, engine: Engine, letters: Sequence[Letter], ledger: Ledger, told: Told, workers: int) -> None:
        self._engine = engine
        self._letters = letters
        self._ledger = ledger
        self._told = told
        self._workers = workers
        self._waiting: dict[str, Letter] = {}
        self._said: dict[str, PendingSignature] = {}
        self._open: dict[Path, PreparedRecord] | None = None

    def settle(self, wait: Wait | None) -> Iterator[Settled]:
        fresh: list[Letter] = []
        for letter in self._letters:
            settled = self._left_behind(letter, self._ledger.entry(letter.name), fresh)
            if settled is not None:
                yield settled
        yield from self._ask(fresh)
        yield from self._sign(fresh)
        waiting = [self._said[identifier] for identifier in self._waiting]
        ended = wait(waiting) if wait is not None and waiting else waiting
        for letter, outcome in zip(self._waiting.values(), ended, strict=True):
            yield self._kept(letter, outcome)

    # ----------------------------------------------------------------------------------------- what was left behind

    def _left_behind(self, letter: Letter, entry: Entry | None, fresh: list[Letter]) -> Settled | None:
        """Settle what an earlier run began; a letter that is to be signed goes to `fresh`, one that waits is noted."""
        begun = entry is not None and entry.state != "failed"
        if entry is not None and begun and fingerprint(letter.source) != entry.source:
            return Settled(letter, _failure(letter, InputRefused("batch.source_changed", name=letter.name)))
        if entry is not None and entry.state == "done":
            return Settled(letter, None)
        if self._engine.key(letter.request.key).batch_limit is not None:
            # Also without an entry: whoever lost the ledger must not ask a person again.
            record = self._record_of(letter)
            if record is not None:
                if entry is None:
                    self._ledger.intend([_intent(letter)])
                self._waiting[record.id] = letter
                return None
        if entry is not None and begun and fingerprint(letter.out) not in (None, entry.before):
            return self._adopt(letter)
        fresh.append(letter)
        return None

    def _record_of(self, letter: Letter) -> PreparedRecord | None:
        if self._open is None:
            self._open = {record.out_path: record for record in self._engine.pending() if record.out_path is not None}
        return self._open.get(letter.out.absolute())

    def _adopt(self, letter: Letter) -> Settled:
        """Take the output as the letter's where it can be nothing else."""
        try:
            outcome: Outcome = published_by_us(self._engine, letter)
        except KysoError as error:
            outcome = _failure(letter, error)
        return self._kept(letter, outcome)

    # ---------------------------------------------------------------------------------------------------- waiting

    def _ask(self, fresh: list[Letter]) -> Iterator[Settled]:
        """Ask once for every request that waits; letters whose waiting a person ended go to `fresh`."""
        if not self._waiting:
            return
        tickets = {record.id: record.ticket for record in self._engine.pending()}
        for identifier in list(self._waiting):
            if identifier not in self._waiting:
                continue  # settled together with another letter of the same request
            try:
                outcomes = self._engine.resume_each(identifier)
            except KysoError as error:
                if error.code == "records.prepared_ended":
                    yield from self._ended_elsewhere(self._waiting.pop(identifier), fresh)
                    continue
                ticket = tickets.get(identifier)
                together = [
                    one for one in self._waiting if one == identifier or (ticket and tickets.get(one) == ticket)
                ]
                for one in together:
                    letter = self._waiting.pop(one)
                    # Where nothing is known, or nobody answered, it goes on waiting; a refusal is an end.
                    failed = _failure(letter, error)
                    yield Settled(letter, failed) if isinstance(error, RemoteFailed) else self._kept(letter, failed)
                continue
            for one, outcome in outcomes.items():
                if isinstance(outcome, PendingSignature):
                    self._said[one] = outcome
                elif one in self._waiting:
                    yield self._kept(self._waiting.pop(one), outcome)

    def _ended_elsewhere(self, letter: Letter, fresh: list[Letter]) -> Iterator[Settled]:
        """Settle a letter whose waiting was ended by another command: finished there, or to be signed anew."""
        entry = self._ledger.entry(letter.name)
        if fingerprint(letter.out) in (None, entry.before if entry else None):
            fresh.append(letter)
        else:
            yield self._adopt(letter)

    # ---------------------------------------------------------------------------------------------------- signing

    def _sign(self, letters: Sequence[Letter]) -> Iterator[Settled]:
        requests = self._intended(letters)
        for letter, outcome in zip(letters, self._engine.sign_many(requests, workers=self._workers), strict=True):
            settled = self._kept(letter, outcome)
            if isinstance(outcome, PendingSignature):
                self._waiting[outcome.prepared_id] = letter
                self._said[outcome.prepared_id] = outcome
            else:
                yield settled

    def _intended(self, letters: Iterable[Letter]) -> Iterator[SignRequest]:
        """Hand the requests on, each after its intent is on the disk."""
        left = iter(letters)
        while block := list(islice(left, _INTENDED_AT_ONCE)):
            self._ledger.intend(_intent(letter) for letter in block)
            for letter in block:
                yield letter.request

    def _kept(self, letter: Letter, outcome: Outcome) -> Settled:
        state: State = "failed"
        if isinstance(outcome, SignedDocument):
            state = "done"
        elif isinstance(outcome, PendingSignature):
            state = "pending"
        self._ledger.record(letter.name, state, self._told(letter, outcome))
        return Settled(letter, outcome)


def _intent(letter: Letter) -> Intent:
    return Intent(letter.name, fingerprint(letter.source) or (0, 0), fingerprint(letter.out))


def published_by_us(engine: Engine, letter: Letter) -> SignedDocument:
    """Return what stands at a letter's output, where it is the letter, signed by the same key after its present bytes.

    :raises InputRefused: it is something else.
    """
    import hashlib

    if not goes_on_from(letter.source, letter.out):
        raise InputRefused("batch.output_foreign", name=str(letter.out))
    report = engine.verify(letter.out)
    mine = hashlib.sha256(engine.certificate(letter.request.key)).hexdigest()
    own = [one for one in report.signatures if one.certificate is not None and one.certificate.sha256 == mine]
    if report.integrity != "intact" or not own:
        raise InputRefused("batch.output_foreign", name=str(letter.out))
    return _document(letter, own[-1], letter.request.policy or engine.config.signing.policy or "")


def _document(letter: Letter, signature: SignatureReport, policy: str) -> SignedDocument:
    from datetime import UTC, datetime

    level: Any = _LEVELS.get(signature.level, "b")
    return SignedDocument(
        path=letter.out,
        data=None,
        size=letter.out.stat().st_size,
        original_size=letter.source.stat().st_size,
        field=signature.field,
        page=signature.page or 1,
        rect_mm=signature.rect_mm,
        level=level,
        policy=policy,
        signer=signature.signer.name,
        signed_at=signature.signing_time.value or datetime.fromtimestamp(letter.out.stat().st_mtime, UTC),
    )


def goes_on_from(source: Path, out: Path) -> bool:
    """Tell whether `out` begins with every byte of `source`, and has more."""
    with source.open("rb") as first, out.open("rb") as second:
        while piece := first.read(_COMPARED_AT_ONCE):
            if second.read(len(piece)) != piece:
                return False
        return bool(second.read(1))


def _failure(letter: Letter, error: KysoError) -> FailedSignature:
    return FailedSignature(letter.source.name, error.code, error.parameters, error.exit_code)
