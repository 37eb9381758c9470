"""``kyso batch extend``: many letters to level LT or LTA, to be taken up again wherever a run ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from kyso.cli import answers, batch, letters, output
from kyso.cli.common import Common
from kyso.cli.extend import PARTLY, answer_of
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import InputRefused, InternalError, KysoError, WrongUse
from kyso.frozen import dataclass
from kyso.models import Notice

if TYPE_CHECKING:
    from concurrent.futures import Future

    from kyso.config import Config
    from kyso.extending.extension import Target
    from kyso.signing.ledger import Ledger
    from kyso.text import Language

EARLIER = "earlier"
_GRAVITY = (*answers.GRAVITY[:-2], PARTLY, 0)
"""Exit codes of several letters: the one that stands first here wins; a lower level is better than none."""


@dataclass(frozen=True, slots=True)
class Order:
    """What holds for every letter: plain data, which reaches a worker process once.

    :param password: opens encrypted letters; it comes by the initialiser, never with a task.
    """

    config: Config
    target: Target
    urls: tuple[str, ...]
    trust: tuple[Path, ...] | None
    crls: tuple[Path, ...] | None
    online: bool
    best_effort: bool
    overwrite: bool
    language: Language
    password: str | None


def run(
    common: Common,
    source: Annotated[Path, Argument("SOURCE")],
    into: Annotated[Path, Option("--into", "DIR")],
    level: Annotated[str, Option("--level", "lt|lta")],
    ledger: Annotated[Path | None, Option("--ledger", "FILE")] = None,
    out: Annotated[Path | None, Option("--out", "FILE.jsonl")] = None,
    workers: Annotated[int, Option("--workers", "N")] = 1,
    tsa: Annotated[list[str] | None, Option("--tsa", "URL")] = None,
    trust: Annotated[list[Path] | None, Option("--trust", "FILE|DIR")] = None,
    crl: Annotated[list[Path] | None, Option("--crl", "FILE|DIR")] = None,
    best_effort: Annotated[bool, Flag("--best-effort")] = False,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Extend, and return the exit code of the letter that went worst; 2 where one reached only a lower level."""
    from kyso.cli.sign import with_tsa
    from kyso.extending.timestamp import check_wanted
    from kyso.signing.ledger import Ledger

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    target = cast("Target", letters.choice_from("--level", level, ("lt", "lta")))
    if workers < 1:
        raise WrongUse("cli.bad_workers", value=workers)
    for given in (*(trust or ()), *(crl or ())):
        if not given.exists():
            raise WrongUse("cli.no_such_path", name=given)
    config = with_tsa(common.config, tsa)
    online = common.online or config.network.online
    if not best_effort and (target == "lta" or config.signing.tsa):
        check_wanted(config.signing.tsa, online=online)
    password = letters.password_from(password_env)
    order = Order(
        config,
        target,
        config.signing.tsa,
        None if trust is None else tuple(trust),
        None if crl is None else tuple(crl),
        online,
        best_effort,
        force,
        common.language,
        None if password is None else password.reveal(),
    )
    found = batch.letters_of(source, leaving_out=into)
    names = [name for name, _ in found]
    place = batch.ledger_place(ledger, into, out)
    batch.make_folders(into, names)
    tally = batch.Tally()
    with Ledger.open(place, _job(order, source, into), anew=force) as opened:
        if out is not None:
            batch.refuse_other_answers(opened, out, force=force)
        try:
            _extend(order, found, into, opened, common, tally, workers=workers)
        finally:
            if out is not None:
                batch.write_answers(opened, names, out, force=force)
    code = min(tally.codes, key=lambda each: _GRAVITY.index(each) if each in _GRAVITY else 0)
    if as_json:
        about = {"do": "extend", "source": str(source), "into": str(into), "ledger": str(place)}
        output.put_json({**tally.as_json(**about, out=None if out is None else str(out)), "exit_code": code})
    else:
        tally.show(common, to_stderr=False)
    return code


def _job(order: Order, source: Path, into: Path) -> dict[str, str]:
    return {
        "do": "extend",
        "source": str(source.resolve()),
        "into": str(into.resolve()),
        "level": order.target,
        "tsa": ", ".join(order.urls),
        "best_effort": str(order.best_effort),
    }


def _extend(
    order: Order,
    found: Sequence[tuple[str, Path]],
    into: Path,
    ledger: Ledger,
    common: Common,
    tally: batch.Tally,
    *,
    workers: int,
) -> None:
    from kyso.cli.progress import progress
    from kyso.signing.ledger import Intent, fingerprint

    fresh: list[tuple[str, Path]] = []
    cut_off: list[tuple[str, Path]] = []
    with progress("batch.progress_extend", len(found), common.language) as step:
        for name, path in found:
            entry = ledger.entry(name)
            if entry is None or entry.state == "failed":
                fresh.append((name, path))
                continue
            if entry.source != fingerprint(path):
                answer = _failed(path, InputRefused("batch.source_changed", name=name))
            elif entry.state == "done":
                kept = batch.kept_answer(ledger, name, level=str, level_asked=str)
                answer = {**kept, "earlier": True}
            else:
                # Where there is an output, the run ended between publishing and writing down.
                (fresh if fingerprint(into / name) in (None, entry.before) else cut_off).append((name, path))
                continue
            _count(answer, tally, common)
            step(name)
        for name, answer in _taken_over(order, cut_off, into):
            ledger.record(name, "failed" if answer.get("status") == "failed" else "done", answer)
            _count(answer, tally, common)
            step(name)
        ledger.intend(Intent(name, fingerprint(path) or (0, 0), fingerprint(into / name)) for name, path in fresh)
        outcomes = _outcomes(order, [(path, into / name) for name, path in fresh], workers)
        for (name, _), answer in zip(fresh, outcomes, strict=True):
            ledger.record(name, "failed" if answer.get("status") == "failed" else "done", answer)
            _count(answer, tally, common)
            step(name)


def _taken_over(order: Order, cut_off: Sequence[tuple[str, Path]], into: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not cut_off:
        return
    with ExitStack() as opened:
        extender = _Extender(order, opened)
        for name, path in cut_off:
            yield name, extender.taken_over(path, into / name)


def _count(answer: dict[str, Any], tally: batch.Tally, common: Common) -> None:
    if answer.get("status") == "failed":
        tally.add(answer, "failed", int(answer["exit_code"]))
        answers.tell(answer, common)
        return
    partly = answer["level"] != answer["level_asked"]
    status = EARLIER if answer.get("earlier") else "partly" if partly else "extended"
    tally.add(answer, status, PARTLY if partly else 0)


def _failed(source: Path, error: KysoError) -> dict[str, Any]:
    told = answers.failed_with(error)
    return {"status": "failed", "document": str(source), "exit_code": error.exit_code, **told}


# ---------------------------------------------------------------------------------------------- here and in workers


def _outcomes(order: Order, wanted: Sequence[tuple[Path, Path]], workers: int) -> Iterator[dict[str, Any]]:
    """Extend each letter, here or in processes, and give the answers in their order."""
    if workers == 1 or len(wanted) < 2:
        with ExitStack() as opened:
            extender = _Extender(order, opened)
            for source, out in wanted:
                yield extender.answer(source, out)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    left = deque(wanted)
    while left:
        flight: deque[tuple[tuple[Path, Path], Future[dict[str, Any]]]] = deque()
        with ProcessPoolExecutor(workers, get_context("spawn"), _start, (order,)) as pool:
            try:
                while left or flight:
                    while left and len(flight) < workers * 3:
                        flight.append((left[0], pool.submit(_extend_one, *left[0])))
                        left.popleft()
                    answer = flight[0][1].result()
                    flight.popleft()
                    yield answer
            except BrokenProcessPool:
                # The first in flight is the likeliest to have ended the process; the others go again.
                (source, _), _ = flight.popleft()
                left.extendleft(letter for letter, _ in reversed(flight))
                yield _failed(source, InternalError("batch.worker_lost"))


class _Extender:
    """What is opened once for many letters: trust, timestamp authorities, the fetcher of evidence."""

    def __init__(self, order: Order, opened: ExitStack) -> None:
        from kyso.extending.online import EvidenceFetcher
        from kyso.extending.timestamp import TimestampAuthorities
        from kyso.secret import Secret
        from kyso.verification.settings import settings_from

        self._order = order
        password = None if order.password is None else Secret(order.password)
        self._settings = settings_from(order.config, trust=order.trust, crls=order.crls, password=password)
        reachable = order.urls and order.online
        self._authorities = opened.enter_context(TimestampAuthorities(order.urls)) if reachable else None
        self._fetcher = opened.enter_context(EvidenceFetcher()) if order.online else None

    def answer(self, source: Path, out: Path) -> dict[str, Any]:
        """Extend one letter and return what became of it."""
        from kyso.extending.extension import extend_document

        order = self._order
        try:
            extended = extend_document(
                source,
                order.target,
                self._settings,
                self._authorities,
                fetcher=self._fetcher,
                out=out,
                overwrite=order.overwrite,
                best_effort=order.best_effort,
            )
        except KysoError as error:
            return _failed(source, error)
        return answer_of(source, order.target, extended, order.language)

    def taken_over(self, source: Path, out: Path) -> dict[str, Any]:
        """Return what became of a letter whose result an earlier run published but could not write down."""
        from kyso.extending.extension import LEVELS, ExtendedDocument, reached
        from kyso.signing.resuming import goes_on_from
        from kyso.verification.verify import verify_document

        roots_alone = replace(self._settings, crls=())
        report = verify_document(out, roots_alone)
        if not goes_on_from(source, out) or report.integrity != "intact":
            return _failed(source, InputRefused("batch.output_foreign", name=str(out)))
        before = verify_document(source, roots_alone)
        timestamps = [sum(one.kind == "timestamp" for one in each.signatures) for each in (before, report)]
        target = self._order.target
        extended = ExtendedDocument(
            path=out,
            size=out.stat().st_size,
            original_size=source.stat().st_size,
            level=min(reached(report), target, key=LEVELS.index),
            timestamps=timestamps[1] - timestamps[0],
            certificates=0,
            crls=0,
            ocsp=0,
            report=report,
            notices=(Notice("batch.taken_over"),),
        )
        return answer_of(source, target, extended, self._order.language)


_extender: _Extender | None = None


def _start(order: Order) -> None:
    global _extender
    _extender = _Extender(order, ExitStack())


def _extend_one(source: Path, out: Path) -> dict[str, Any]:
    if _extender is None:
        raise InternalError("batch.worker_lost")
    return _extender.answer(source, out)
