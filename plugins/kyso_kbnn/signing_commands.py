"""``kyso kbnn envelope | xml-signature | check``: signing a dossier, and judging one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kyso.cli import letters, output
from kyso.plugin import WrongUse
from kyso.text import Phrase
from kyso_kbnn.command_context import (
    certificate_judges,
    context,
    load_source,
    pdf_verifier,
    present,
    read_file,
    sign_role,
    sign_xml,
    tell_state,
    write_file,
)
from kyso_kbnn.command_options import Force, Format, OutFile, SourcePath

if TYPE_CHECKING:
    from kyso_kbnn.envelope import Role


def envelope(
    ctx: typer.Context,
    source: SourcePath,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR")] = None,
    accountant: Annotated[str | None, typer.Option("--accountant", metavar="URI|NAME")] = None,
    holder: Annotated[str | None, typer.Option("--holder", metavar="URI|NAME")] = None,
    accountant_secret_env: Annotated[str | None, typer.Option("--accountant-secret-env", metavar="NAME")] = None,
    holder_secret_env: Annotated[str | None, typer.Option("--holder-secret-env", metavar="NAME")] = None,
    again: Annotated[bool, typer.Option("--again")] = False,
    answer_format: Format = "text",
) -> int:
    """Sign a dossier as the chief accountant, as the account holder, or as both; exit 8 while one must confirm."""
    from kyso_kbnn.authentication_data import write_authentication_data
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.signing import EnvelopePending
    from kyso_kbnn.xml_schema import validate

    common, settings = context(ctx)
    letters.choice_from("--format", answer_format, ("text", "json"))
    if source.is_dir():
        if out is not None:
            raise WrongUse("kbnn.out_not_needed", path=source)
        folder = DossierFolder(source, settings.profile)
    else:
        dossier = load_source(common, settings, source)
        content = write_authentication_data(dossier, settings.profile)
        validate(content, settings.profile, source.name)
        target = out or settings.dossiers / dossier.code
        folder = DossierFolder.create(target, dossier, content, settings.profile, present())
    waiting = False
    people: list[tuple[Role, str | None, str | None]] = [
        ("accountant", accountant, accountant_secret_env),
        ("holder", holder, holder_secret_env),
    ]
    for role, key, secret_env in people:
        if key is None or waiting:
            continue
        answer = sign_role(common, settings, folder, role, key, secret_env, again)
        if isinstance(answer, EnvelopePending):
            waiting = True
            output.say("kbnn.waiting", common.language, {"role": Phrase(f"kbnn.role_{role}"), "path": folder.path})
            output.say(answer.pending.instruction, common.language, dict(answer.pending.parameters))
    tell_state(common, folder, answer_format)
    return 8 if waiting else 0


def xml_signature(
    ctx: typer.Context,
    source: SourcePath,
    key: Annotated[str, typer.Option("--key", metavar="URI|NAME")],
    out: OutFile,
    role: Annotated[str, typer.Option("--role", metavar="accountant|holder")] = "accountant",
    form: Annotated[str, typer.Option("--form", metavar="xades|xmldsig")] = "xades",
    secret_env: Annotated[str | None, typer.Option("--secret-env", metavar="NAME")] = None,
    force: Force = False,
) -> None:
    """Write the authentication data with an XML signature inside, for systems that ask for one."""
    from kyso_kbnn.authentication_data import write_authentication_data
    from kyso_kbnn.folder import CONTENT_FILE, DossierFolder

    common, settings = context(ctx)
    if source.is_dir():
        content = DossierFolder(source, settings.profile).read(CONTENT_FILE)
    else:
        content = write_authentication_data(load_source(common, settings, source), settings.profile)
    write_file(out, sign_xml(common, settings, content, role, key, form, secret_env), force)
    output.say("kbnn.written", common.language, {"path": out})


def check(
    ctx: typer.Context,
    source: SourcePath,
    accountant: Annotated[Path | None, typer.Option("--accountant", metavar="FILE")] = None,
    holder: Annotated[Path | None, typer.Option("--holder", metavar="FILE")] = None,
    trust: Annotated[list[Path] | None, typer.Option("--trust", metavar="FILE|DIR")] = None,
    crl: Annotated[list[Path] | None, typer.Option("--crl", metavar="FILE|DIR")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="ISO8601")] = None,
    answer_format: Format = "text",
) -> int:
    """Judge a dossier's signatures and content; exit 0 valid, 1 invalid, 2 undetermined, 3 unsigned."""
    from kyso.cli.verify import time_from
    from kyso_kbnn.check import CheckInput, check_input, input_of_body, input_of_folder
    from kyso_kbnn.folder import DossierFolder

    common, settings = context(ctx)
    letters.choice_from("--format", answer_format, ("text", "json"))
    moment = time_from(at) or present()
    if source.is_dir():
        given = input_of_folder(DossierFolder(source, settings.profile))
    else:
        data = read_file(source)
        if data.lstrip()[:1] == b"<":
            named: dict[Role, Path | None] = {"accountant": accountant, "holder": holder}
            envelopes: dict[Role, bytes] = {role: read_file(path) for role, path in named.items() if path is not None}
            given = CheckInput(source.name, data, envelopes)
        else:
            given = input_of_body(data, source.name, settings.profile)
    with common.engine() as engine:
        judge = certificate_judges(common, trust, crl, moment)
        verify_pdf = pdf_verifier(engine, trust=trust, crl=crl, moment=moment)
        report = check_input(given, settings.profile, judge, moment, rules=settings.house_rules, verify_pdf=verify_pdf)
    if answer_format == "json":
        output.put_json(report.as_json())
    else:
        from kyso_kbnn.wording import check_lines

        for line in check_lines(report, common.language):
            output.put(line)
    return report.exit_code
