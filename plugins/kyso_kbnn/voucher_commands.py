"""``kyso kbnn template | schema | xml``: before anything is signed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kyso.cli import output
from kyso_kbnn.command_context import context, give, load_source, write_file
from kyso_kbnn.command_options import Force, Out, SourcePath


def template(
    ctx: typer.Context,
    form: Annotated[str, typer.Argument(metavar="VOUCHER")],
    out: Annotated[Path, typer.Argument(metavar="OUT.xlsx")],
    also: Annotated[list[str] | None, typer.Option("--also", metavar="VOUCHER")] = None,
    force: Force = False,
) -> None:
    """Write the workbook of one voucher, or of several that go into one dossier."""
    from kyso_kbnn.workbook import write_template

    common, settings = context(ctx)
    write_file(out, write_template((form, *(also or ())), settings.profile, settings.unit), force)
    output.say("kbnn.written", common.language, {"path": out})


def schema(
    ctx: typer.Context,
    form: Annotated[str | None, typer.Argument(metavar="VOUCHER")] = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Give the JSON Schema of a dossier, or the XSD of one voucher's authentication data."""
    import json

    from kyso_kbnn.json_schema import dossier_schema
    from kyso_kbnn.xml_schema import schema_of

    _, settings = context(ctx)
    if form is not None:
        give(out, schema_of(form, settings.profile), force)
    else:
        give(out, json.dumps(dossier_schema(settings.profile), ensure_ascii=False, indent=2).encode() + b"\n", force)


def xml(ctx: typer.Context, source: SourcePath, out: Out = None, force: Force = False) -> None:
    """Give the authentication data of a dossier in JSON or a workbook."""
    from kyso_kbnn.authentication_data import write_authentication_data
    from kyso_kbnn.xml_schema import validate

    common, settings = context(ctx)
    dossier = load_source(common, settings, source)
    content = write_authentication_data(dossier, settings.profile)
    validate(content, settings.profile, source.name)
    give(out, content, force)
    output.say("kbnn.coded", common.language, {"code": dossier.code})
