"""``kyso intake FILE...``: receive letters, decide, register, keep the evidence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import KysoError, WrongUse

if TYPE_CHECKING:
    from kyso.receiving.desk import IncomingDesk
    from kyso.receiving.values import Arrival, PaperSigning, Reception

SCHEMA = "kyso.incoming/1"
GRAVITY = (70, 1, 4, 5, 6, 8, 2, 3, 7, 0)
"""Exit codes of several letters; the one that stands first here wins."""


def run(
    common: Common,
    files: Annotated[list[Path], Argument("FILE|DIR...")],
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
    intake_policy: Annotated[Path | None, Option("--intake-policy", "FILE")] = None,
    author: Annotated[str, Option("--author", "NAME")] = "",
    number: Annotated[str, Option("--number", "NUMBER/SYMBOL")] = "",
    dated: Annotated[str | None, Option("--dated", "DAY")] = None,
    kind: Annotated[str, Option("--kind", "NAME")] = "",
    subject: Annotated[str, Option("--subject", "TEXT")] = "",
    sender: Annotated[str, Option("--sender", "NAME")] = "",
    recipient: Annotated[str, Option("--to", "UNIT")] = "",
    arrived: Annotated[str | None, Option("--arrived", "DAY")] = None,
    remark: Annotated[str, Option("--remark", "TEXT")] = "",
    misdirected: Annotated[bool, Flag("--misdirected")] = False,
    again: Annotated[bool, Flag("--again")] = False,
    paper: Annotated[bool, Flag("--paper")] = False,
    key: Annotated[str | None, Option("--key", "URI|NAME")] = None,
    copy_policy: Annotated[str, Option("--copy-policy", "NAME")] = "decree30.copy",
    copy_form: Annotated[str, Option("--copy-form", "FORM")] = "SAO Y",
    stamp_policy: Annotated[str, Option("--stamp-policy", "NAME|none")] = "decree30.incoming",
    page: Annotated[int | None, Option("--page", "N")] = None,
    rect_mm: Annotated[str | None, Option("--rect-mm", "X,Y,W,H")] = None,
    secret_env: Annotated[str | None, Option("--secret-env", "NAME")] = None,
    secret_fd: Annotated[int | None, Option("--secret-fd", "N")] = None,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    by: Annotated[str | None, Option("--by", "NAME")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Receive every file; one that fails does not stop the rest. Return the worst exit code."""
    from kyso.cli.intake_answers import as_json, day_from, desk_of, person
    from kyso.cli.progress import progress
    from kyso.cli.secrets import asker
    from kyso.receiving.values import Arrival, LetterFacts

    json = as_json(answer_format)
    sources = letters.sources_of(files)
    facts = LetterFacts(author, number, day_from("--dated", dated), kind, subject)
    if facts != LetterFacts() and len(sources) > 1:
        raise WrongUse("intake.facts_of_one")
    signing = _paper(key, copy_policy, copy_form, stamp_policy, page, rect_mm, common) if paper else None
    if not paper and (key or page is not None or rect_mm):
        raise WrongUse("intake.only_paper")
    arrival = Arrival(
        Path(),
        facts=facts,
        sender=sender,
        recipient=recipient,
        arrived_on=day_from("--arrived", arrived),
        paper=signing,
        misdirected=misdirected,
        again=again,
        remark=remark,
        by=person(by),
        password=letters.password_from(password_env),
    )
    ask = asker(common.language, secret_env=secret_env, secret_fd=secret_fd)
    codes: list[int] = []
    with (
        desk_of(common, organisation, intake_policy, ask) as desk,
        progress("intake.progress", len(sources), common.language) as step,
    ):
        for source in sources:
            codes.append(_one(desk, dataclasses.replace(arrival, document=source), common, json=json))
            step(source.name)
    return min(codes, key=lambda code: GRAVITY.index(code) if code in GRAVITY else 0)


def _paper(
    key: str | None,
    copy_policy: str,
    copy_form: str,
    stamp_policy: str,
    page: int | None,
    rect_mm: str | None,
    common: Common,
) -> PaperSigning:
    from kyso.receiving.values import PaperSigning

    stamp = None if stamp_policy == "none" else stamp_policy
    if stamp is None and (page is not None or rect_mm):
        raise WrongUse("intake.no_stamp_to_place")
    return PaperSigning(
        letters.key_from(key, common.config), copy_policy, copy_form, stamp, page, letters.rect_from(rect_mm)
    )


def _one(desk: IncomingDesk, arrival: Arrival, common: Common, *, json: bool) -> int:
    name = str(arrival.document)
    try:
        reception = desk.receive(arrival)
    except KysoError as error:
        if json:
            output.put_json({"schema": SCHEMA, "document": name, "error": output.error_in_both(error)})
        else:
            told = {"document": name, "cause": error.message(common.language)}
            output.say("intake.failed", common.language, told)
            output.note(error.next_step(common.language))
        return error.exit_code
    if json:
        output.put_json(_table(name, reception))
    else:
        _show(name, reception, common)
    return _exit_code(reception)


def _exit_code(reception: Reception) -> int:
    """Return 0 for a letter that is entered (or returned because it was meant for others), else what its verdict is."""
    from kyso.receiving.policy import MISDIRECTED
    from kyso.verification.report import EXIT_CODES

    entry = reception.entry
    if entry.state in ("entered", "entering") or entry.decision.rule == MISDIRECTED:
        return 0
    return EXIT_CODES[entry.verdict] or EXIT_CODES["undetermined"]  # type: ignore[index] # one of the five words


def _table(name: str, reception: Reception) -> dict[str, Any]:
    from kyso.receiving.exporting import entry_table

    return {
        "schema": SCHEMA,
        "document": name,
        "repeated": reception.repeated,
        **entry_table(reception.entry),
        "path": str(reception.folder),
        "notices": [str(path) for path in reception.notices],
        "warnings": [output.in_both(notice.code, notice.parameters) for notice in reception.warnings],
    }


def _show(name: str, reception: Reception, common: Common) -> None:
    language, entry = common.language, reception.entry
    told = {"document": name, "reference": entry.reference, "folder": reception.folder}
    if not reception.repeated:
        output.put(text.message(f"intake.done_{entry.state}", language, told))
        for reason in reception.decision.reasons:
            output.put(f"  - {text.shown(reason.words.of(language))}")
        for path in reception.notices:
            output.put(text.message("intake.notice_written", language, {"path": path}))
    for notice in reception.warnings:
        words = text.message(notice.code, language, notice.parameters)
        output.say("cli.about_letter", language, {"document": name, "notice": words})
        output.note(text.next_step(notice.code, language, notice.parameters))
