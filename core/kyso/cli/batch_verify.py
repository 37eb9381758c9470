"""``kyso batch verify``: many letters, and after the first run only those that are new or have changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso.cli import batch, letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.cli.verify import GRAVITY, time_from
from kyso.errors import InputRefused, WrongUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.engine import Engine
    from kyso.secret import Secret
    from kyso.signing.ledger import Ledger
    from kyso.verification.several import Terms


def run(
    common: Common,
    source: Annotated[Path, Argument("SOURCE")],
    ledger: Annotated[Path | None, Option("--ledger", "FILE")] = None,
    out: Annotated[Path | None, Option("--out", "FILE.jsonl")] = None,
    workers: Annotated[int, Option("--workers", "N")] = 1,
    trust: Annotated[list[Path] | None, Option("--trust", "FILE|DIR")] = None,
    crl: Annotated[list[Path] | None, Option("--crl", "FILE|DIR")] = None,
    at: Annotated[str | None, Option("--at", "ISO8601")] = None,
    revocation: Annotated[str | None, Option("--revocation", "offline|prefer|require")] = None,
    conformity: Annotated[bool, Flag("--conformity")] = False,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Verify, and return the exit code of the worst verdict, earlier runs' included."""
    from kyso.signing.ledger import Ledger
    from kyso.verification.several import Terms

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    letters.choice_from("--revocation", revocation, ("offline", "prefer", "require"))
    if workers < 1:
        raise WrongUse("cli.bad_workers", value=workers)
    for given in (*(trust or ()), *(crl or ())):
        if not given.exists():
            raise WrongUse("cli.no_such_path", name=given)
    password = letters.password_from(password_env)
    found = batch.letters_of(source)
    place = batch.ledger_place(ledger, None, out)
    terms = Terms(
        trust=None if trust is None else tuple(trust),
        crls=None if crl is None else tuple(crl),
        at=time_from(at),
        revocation=revocation,
        conformity=conformity,
    )
    tally = batch.Tally()
    with common.engine() as engine, Ledger.open(place, _job(source, terms, engine), anew=force) as opened:
        if out is not None:
            batch.refuse_other_answers(opened, out, force=force)
        try:
            _verify(engine, found, opened, terms, password, common, workers=workers)
        finally:
            if out is not None:
                batch.write_answers(opened, [name for name, _ in found], out, force=force)
        _count(found, opened, tally)
    code = min(tally.codes, key=GRAVITY.index)
    if as_json:
        about = {"do": "verify", "source": str(source), "into": None, "ledger": str(place)}
        output.put_json({**tally.as_json(**about, out=None if out is None else str(out)), "exit_code": code})
    else:
        tally.show(common, to_stderr=False)
    return code


def _job(source: Path, terms: Terms, engine: Engine) -> dict[str, str]:
    trust = engine.config.verification.trust if terms.trust is None else terms.trust
    crls = engine.config.verification.crl if terms.crls is None else terms.crls
    return {
        "do": "verify",
        "source": str(source.resolve()),
        "trust": ", ".join(str(path.resolve()) for path in trust),
        "crl": ", ".join(str(path.resolve()) for path in crls),
        "at": "" if terms.at is None else terms.at.isoformat(),
        "revocation": terms.revocation or "",
        "conformity": str(terms.conformity),
    }


def _verify(
    engine: Engine,
    found: Sequence[tuple[str, Path]],
    ledger: Ledger,
    terms: Terms,
    password: Secret | None,
    common: Common,
    *,
    workers: int,
) -> None:
    from kyso.cli.progress import progress
    from kyso.reports.json import as_table
    from kyso.signing.ledger import Intent, fingerprint
    from kyso.verification.several import verify_several

    fresh = [(name, path) for name, path in found if not _is_known(ledger, name, path)]
    ledger.intend(Intent(name, fingerprint(path) or (0, 0)) for name, path in fresh)
    reports = verify_several(engine, [path for _, path in fresh], terms, password=password, workers=workers)
    with progress("batch.progress_verify", len(fresh), common.language) as step:
        for (name, _), report in zip(fresh, reports, strict=True):
            ledger.record(name, "done", as_table(report, common.language))
            step(name)


def _is_known(ledger: Ledger, name: str, path: Path) -> bool:
    from kyso.signing.ledger import fingerprint

    entry = ledger.entry(name)
    return entry is not None and entry.state == "done" and entry.source == fingerprint(path)


def _count(found: Sequence[tuple[str, Path]], ledger: Ledger, tally: batch.Tally) -> None:
    from kyso.verification.report import EXIT_CODES

    for name, _ in found:
        answer = batch.kept_answer(ledger, name, verdict=str)
        verdict = answer["verdict"]
        if verdict not in EXIT_CODES:
            raise InputRefused("batch.no_ledger", name=str(ledger.path))
        tally.add(answer, verdict, EXIT_CODES[verdict])
