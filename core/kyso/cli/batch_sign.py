"""``kyso batch sign``: many letters with one key, to be taken up again wherever a run ended."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import answers, batch, letters, output
from kyso.cli.batch_signing import job_of, letters_for, sign_letters, waiting_for
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.cli.sign import request_from, with_tsa
from kyso.errors import WrongUse

GREATEST_WAIT_S = 24 * 3600


def run(
    common: Common,
    source: Annotated[Path, Argument("SOURCE")],
    into: Annotated[Path, Option("--into", "DIR")],
    ledger: Annotated[Path | None, Option("--ledger", "FILE")] = None,
    out: Annotated[Path | None, Option("--out", "FILE.jsonl")] = None,
    workers: Annotated[int, Option("--workers", "N")] = 1,
    wait_s: Annotated[int, Option("--wait", "SECONDS")] = 0,
    policy: Annotated[str | None, Option("--policy", "NAME")] = None,
    key: Annotated[str | None, Option("--key", "URI|NAME")] = None,
    image: Annotated[Path | None, Option("--image", "PNG|PDF")] = None,
    page: Annotated[int | None, Option("--page", "N")] = None,
    rect_mm: Annotated[str | None, Option("--rect-mm", "X,Y,W,H")] = None,
    anchor: Annotated[str | None, Option("--anchor", "TEXT")] = None,
    field: Annotated[str | None, Option("--field", "NAME")] = None,
    leader_field: Annotated[str | None, Option("--leader-field", "NAME")] = None,
    settings: Annotated[list[str] | None, Option("--set", "NAME=VALUE")] = None,
    level: Annotated[str | None, Option("--level", "b|t|lt|lta")] = None,
    tsa: Annotated[list[str] | None, Option("--tsa", "URL")] = None,
    certify: Annotated[int | None, Option("--certify", "1|2|3")] = None,
    signature_format: Annotated[str | None, Option("--signature-format", "pades|pkcs7")] = None,
    digest: Annotated[str | None, Option("--digest", "sha256|sha384|sha512")] = None,
    scheme: Annotated[str | None, Option("--scheme", "rsa-pkcs1v15|rsa-pss|ecdsa")] = None,
    reason: Annotated[str | None, Option("--reason", "TEXT")] = None,
    location: Annotated[str | None, Option("--location", "TEXT")] = None,
    confirm_date: Annotated[bool, Flag("--confirm-date")] = False,
    repair: Annotated[bool, Flag("--repair")] = False,
    secret_env: Annotated[str | None, Option("--secret-env", "NAME")] = None,
    secret_fd: Annotated[int | None, Option("--secret-fd", "N")] = None,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    last_try: Annotated[bool, Flag("--last-try")] = False,
    no_wait: Annotated[bool, Flag("--no-wait")] = False,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Sign, and return the exit code of the letter that went worst."""
    from kyso.cli.secrets import asker
    from kyso.signing.ledger import Ledger

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    if workers < 1:
        raise WrongUse("cli.bad_workers", value=workers)
    if not 0 <= wait_s <= GREATEST_WAIT_S:
        raise WrongUse("cli.bad_wait", value=wait_s, limit=GREATEST_WAIT_S)
    config = with_tsa(common.config, tsa)
    request = request_from(
        source,
        config,
        policy=policy,
        key=key,
        image=image,
        page=page,
        rect_mm=rect_mm,
        anchor=anchor,
        field=field,
        leader_field=leader_field,
        settings=settings,
        level=level,
        certify=certify,
        signature_format=signature_format,
        digest=digest,
        scheme=scheme,
        reason=reason,
        location=location,
        confirm_date=confirm_date,
        repair=repair,
        password_env=password_env,
        force=force,
    )
    found = letters_for(request, batch.letters_of(source, leaving_out=into), into)
    names = [letter.name for letter in found]
    place = batch.ledger_place(ledger, into, out)
    tally = batch.Tally()
    ask = asker(common.language, secret_env=secret_env, secret_fd=secret_fd)
    with common.engine(ask, config, last_try=last_try) as engine:
        # One PIN for all: a wrong one must not be tried again with every letter.
        engine.key(request.key)
        batch.make_folders(into, names)
        with Ledger.open(place, job_of(request, source, into, engine.config), anew=force) as opened:
            if out is not None:
                batch.refuse_other_answers(opened, out, force=force)
            try:
                sign_letters(
                    engine,
                    found,
                    opened,
                    common,
                    tally,
                    workers=workers,
                    wait=waiting_for(engine, common, wait_s) if not no_wait else None,
                    show=lambda answer: None if answer["status"] == "signed" else answers.tell(answer, common),
                )
            finally:
                if out is not None:
                    batch.write_answers(opened, names, out, force=force)
    code = answers.worst(tally.codes)
    if as_json:
        about = {"do": "sign", "source": str(source), "into": str(into), "ledger": str(place)}
        output.put_json({**tally.as_json(**about, out=None if out is None else str(out)), "exit_code": code})
    else:
        tally.show(common, to_stderr=False)
    return code
