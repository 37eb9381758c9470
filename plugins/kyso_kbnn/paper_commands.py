"""``kyso kbnn incident | notice``: what a unit writes to the treasury."""

from __future__ import annotations

from typing import Annotated

import typer

from kyso.cli import output
from kyso_kbnn.command_context import context, present, write_file
from kyso_kbnn.command_options import Force, OutFile


def incident(
    ctx: typer.Context,
    summary: Annotated[str, typer.Option("--summary", metavar="TEXT")],
    out: OutFile,
    details: Annotated[str, typer.Option("--details", metavar="TEXT")] = "",
    dossier: Annotated[str, typer.Option("--dossier", metavar="CODE")] = "",
    force: Force = False,
) -> None:
    """Draft the report of an incident to the treasury's support as an e-mail."""
    from kyso_kbnn.papers import Incident, incident_mail

    common, settings = context(ctx)
    mail = incident_mail(Incident(summary, details, dossier), settings.unit, settings.profile, present())
    write_file(out, mail, force)
    output.say("kbnn.written", common.language, {"path": out})


def notice(
    ctx: typer.Context,
    treasury_name: Annotated[str, typer.Option("--treasury-name", metavar="TEXT")],
    out: OutFile,
    place: Annotated[str, typer.Option("--place", metavar="TEXT")] = "......",
    force: Force = False,
) -> None:
    """Fill in the annex's notice of registration as a PDF that is ready to be signed."""
    from kyso_kbnn.papers import registration_notice

    common, settings = context(ctx)
    write_file(out, registration_notice(settings.unit, treasury_name, place, present()), force)
    output.say("kbnn.written", common.language, {"path": out})
