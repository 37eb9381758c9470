"""``kyso sign``: one letter, or a folder of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from kyso.cli import answers, letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.cli.pending_wait import at_a_terminal, until_confirmed
from kyso.errors import KysoError, WrongUse
from kyso.models import FailedSignature, PendingSignature, SignedDocument, SignRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.config import Config
    from kyso.engine import Engine


def run(
    common: Common,
    source: Annotated[Path, Argument("IN")],
    policy: Annotated[str | None, Option("--policy", "NAME")] = None,
    key: Annotated[str | None, Option("--key", "URI|NAME")] = None,
    out: Annotated[Path | None, Option("--out", "OUT")] = None,
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
    dry_run: Annotated[bool, Flag("--dry-run")] = False,
    repair: Annotated[bool, Flag("--repair")] = False,
    secret_env: Annotated[str | None, Option("--secret-env", "NAME")] = None,
    secret_fd: Annotated[int | None, Option("--secret-fd", "N")] = None,
    password_env: Annotated[str | None, Option("--password-env", "NAME")] = None,
    workers: Annotated[int, Option("--workers", "N")] = 1,
    last_try: Annotated[bool, Flag("--last-try")] = False,
    no_wait: Annotated[bool, Flag("--no-wait")] = False,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Sign, and return the exit code."""
    from kyso.cli.secrets import asker

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
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
    if workers < 1:
        raise WrongUse("cli.bad_workers", value=workers)
    # A person who must confirm on the phone is waited for where somebody sits here to see it.
    wait = not no_wait and at_a_terminal()
    ask = asker(common.language, secret_env=secret_env, secret_fd=secret_fd)
    with common.engine(ask, config, last_try=last_try) as engine:
        if source.is_dir():
            return _folder(
                engine, request, source, out, common, workers=workers, dry_run=dry_run, wait=wait, as_json=as_json
            )
        if out is not None and out.is_dir():
            out = out / source.name
        request = dataclasses.replace(request, out=out if out is not None else default_output(source))
        return _one(engine, request, common, dry_run=dry_run, wait=wait, as_json=as_json)


def request_from(
    source: Path,
    config: Config,
    *,
    policy: str | None,
    key: str | None,
    image: Path | None,
    page: int | None,
    rect_mm: str | None,
    anchor: str | None,
    field: str | None,
    leader_field: str | None,
    settings: list[str] | None,
    level: str | None,
    certify: int | None,
    signature_format: str | None,
    digest: str | None,
    scheme: str | None,
    reason: str | None,
    location: str | None,
    confirm_date: bool,
    repair: bool,
    password_env: str | None,
    force: bool,
) -> SignRequest:
    """Build the request that the options of `sign` and `batch sign` ask for.

    :raises WrongUse: an option cannot be right.
    """
    return SignRequest(
        document=source,
        key=letters.key_from(key, config),
        policy=policy,
        settings=letters.settings_from((*(settings or ()), *(("confirm_date=yes",) if confirm_date else ()))),
        image=image,
        page=page,
        rect_mm=letters.rect_from(rect_mm),
        anchor=anchor,
        field=field,
        leader_field=leader_field,
        level=cast("Any", letters.choice_from("--level", level, ("b", "t", "lt", "lta"))),
        signature_format=cast("Any", letters.choice_from("--signature-format", signature_format, ("pades", "pkcs7"))),
        digest=cast("Any", letters.choice_from("--digest", digest, ("sha256", "sha384", "sha512"))),
        scheme=cast("Any", letters.choice_from("--scheme", scheme, ("rsa-pkcs1v15", "rsa-pss", "ecdsa"))),
        certify=_certify(certify),
        reason=reason,
        location=location,
        password=letters.password_from(password_env),
        repair=repair,
        overwrite=force,
    )


def default_output(source: Path) -> Path:
    """Return where a letter goes without ``--out``: ``IN.signed.pdf`` beside it."""
    stem = source.stem if source.suffix.lower() == ".pdf" else source.name
    return source.with_name(f"{stem}.signed.pdf")


def _certify(value: int | None) -> Literal[1, 2, 3] | None:
    letters.choice_from("--certify", None if value is None else str(value), ("1", "2", "3"))
    return cast("Literal[1, 2, 3] | None", value)


def with_tsa(config: Config, urls: list[str] | None) -> Config:
    """Return the configuration with the timestamp authorities of ``--tsa``.

    :raises WrongUse: one is no web address.
    """
    if not urls:
        return config
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise WrongUse("cli.bad_url", option="--tsa", value=url)
    return dataclasses.replace(config, signing=dataclasses.replace(config.signing, tsa=tuple(urls)))


def _one(engine: Engine, request: SignRequest, common: Common, *, dry_run: bool, wait: bool, as_json: bool) -> int:
    name = str(request.document)
    try:
        if request.out is not None:
            letters.refuse_existing(request.out, force=request.overwrite)
        if dry_run:
            preview = engine.preview(request)
            answers.show(answers.would_sign(name, preview.placement), common, as_json=as_json)
            return 0
        outcome = engine.sign(request)
    except KysoError as error:
        if as_json:
            answers.show({"status": "failed", "document": name, **answers.failed_with(error)}, common, as_json=True)
        raise
    ended: SignedDocument | PendingSignature | FailedSignature = outcome
    if wait and isinstance(outcome, PendingSignature):
        (ended,) = until_confirmed(engine, [outcome], common)
    answer = answers.told(name, ended)
    code: int = answer.pop("exit_code", 0)
    answers.show(answer, common, as_json=as_json)
    return code


def _folder(
    engine: Engine,
    request: SignRequest,
    source: Path,
    out: Path | None,
    common: Common,
    *,
    workers: int,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> int:
    from kyso.cli import batch
    from kyso.cli.batch_signing import job_of, letters_for, sign_letters

    if out is None:
        raise WrongUse("cli.folder_needs_out", name=source)
    if out.exists() and not out.is_dir():
        raise WrongUse("cli.out_no_folder", name=out)
    found = letters_for(request, batch.letters_of(source, leaving_out=out), out)
    if dry_run:
        return _dry_folder(engine, [letter.request for letter in found], out, common, as_json=as_json)
    from kyso.signing.ledger import Ledger

    # One PIN for the whole folder: a wrong one must not be tried again with every letter.
    engine.key(request.key)
    batch.make_folders(out, (letter.name for letter in found))
    tally = batch.Tally()
    job = job_of(request, source, out, engine.config)
    with Ledger.open(batch.ledger_place(None, out, None), job, anew=request.overwrite) as ledger:
        sign_letters(
            engine,
            found,
            ledger,
            common,
            tally,
            workers=workers,
            wait=(lambda waiting: until_confirmed(engine, waiting, common)) if wait else None,
            show=lambda answer: answers.show(answer, common, as_json=as_json),
        )
    tally.show(common, to_stderr=True)
    return answers.worst(tally.codes)


def _dry_folder(engine: Engine, requests: list[SignRequest], out: Path, common: Common, *, as_json: bool) -> int:
    from kyso.cli.progress import progress

    codes: list[int] = []
    with progress("cli.progress_sign", len(requests), common.language) as step:
        for answer in _dry(engine, requests):
            codes.append(answer.pop("exit_code", 0))
            step(answer["document"])
            answers.show(answer, common, as_json=as_json)
    failed = sum(code != 0 for code in codes)
    counts = {"done": len(codes) - failed, "failed": failed, "folder": out}
    output.say("cli.would_sign_summary", common.language, counts)
    return answers.worst(codes)


def _dry(engine: Engine, requests: list[SignRequest]) -> Iterator[dict[str, Any]]:
    for request in requests:
        name = str(request.document)
        try:
            if request.out is not None:
                letters.refuse_existing(request.out, force=request.overwrite)
            yield answers.would_sign(name, engine.preview(request).placement)
        except KysoError as error:
            yield {"status": "failed", "document": name, "exit_code": error.exit_code, **answers.failed_with(error)}
