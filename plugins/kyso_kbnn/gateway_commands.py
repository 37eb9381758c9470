"""``kyso kbnn send | status | download | logout``: what talks to the gateway about dossiers of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kyso.cli import letters, output
from kyso_kbnn.command_context import (
    ask_password,
    context,
    open_gateway,
    pdf_verifier,
    present,
    tell_state,
)
from kyso_kbnn.command_options import DossierPath, Format, PasswordEnv

if TYPE_CHECKING:
    from kyso_kbnn.gateway_encoding import BytesSent


def send(
    ctx: typer.Context,
    dossier: DossierPath,
    password_env: PasswordEnv = None,
    again: Annotated[bool, typer.Option("--again")] = False,
    answer_format: Format = "text",
) -> None:
    """Send a signed dossier to the gateway; never twice by itself."""
    from kyso.cli.progress import transfers
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.sending import send_folder

    common, settings = context(ctx)
    letters.choice_from("--format", answer_format, ("text", "json"))
    folder = DossierFolder(dossier, settings.profile)
    folder.state()  # a folder that is none is told before a password is asked for
    password = ask_password(common, settings, password_env)
    with (
        common.engine() as engine,
        open_gateway(common, settings, password, "send") as gateway,
        transfers() as start,
    ):

        def progress(what: str, number: int, count: int, size: int) -> BytesSent | None:
            about = {"what": what, "number": number, "count": count, "size": size}
            output.say("kbnn.uploading" if size else "kbnn.sending", common.language, about)
            return start(what, size) if size else None

        send_folder(
            folder,
            gateway,
            password,
            settings.profile,
            present(),
            again=again,
            verify_pdf=pdf_verifier(engine),
            rules=settings.house_rules,
            progress=progress,
        )
    tell_state(common, folder, answer_format)


def status(
    ctx: typer.Context,
    dossiers: Annotated[list[Path], typer.Argument(metavar="DOSSIER...")],
    password_env: PasswordEnv = None,
    answer_format: Format = "text",
) -> None:
    """Ask for the state of dossiers."""
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.sending import refresh_folder

    common, settings = context(ctx)
    letters.choice_from("--format", answer_format, ("text", "json"))
    folders = [DossierFolder(path, settings.profile) for path in dossiers]
    for folder in folders:
        folder.state()
    with open_gateway(common, settings, ask_password(common, settings, password_env), "status") as gateway:
        for folder in folders:
            refresh_folder(folder, gateway, present())
            tell_state(common, folder, answer_format)


def download(ctx: typer.Context, dossier: DossierPath, password_env: PasswordEnv = None) -> None:
    """Download a dossier's debit note."""
    from kyso_kbnn.folder import DossierFolder
    from kyso_kbnn.sending import download_folder

    common, settings = context(ctx)
    folder = DossierFolder(dossier, settings.profile)
    folder.state()
    with open_gateway(common, settings, ask_password(common, settings, password_env), "download") as gateway:
        path = download_folder(folder, gateway, present())
    output.say("kbnn.written", common.language, {"path": path})


def logout(ctx: typer.Context, password_env: PasswordEnv = None) -> None:
    """End a session that the gateway may still keep for the account."""
    common, settings = context(ctx)
    with open_gateway(common, settings, ask_password(common, settings, password_env), "logout") as gateway:
        gateway.login()
        gateway.logout()
    output.say("kbnn.logged_out", common.language)
