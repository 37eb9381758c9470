"""``kyso kbnn list | watch``: what became of the dossiers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kyso import text
from kyso.cli import letters, output
from kyso.plugin import InputRefused, RemoteFailed, WrongUse
from kyso_kbnn.command_context import ask_password, context, open_gateway, present, state_json
from kyso_kbnn.command_options import Format, PasswordEnv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso_kbnn.settings import KbnnSettings
    from kyso_kbnn.telling import Event

_LOCKING = ("login_failed", "not_account_holder")
Root = Annotated[Path | None, typer.Argument(metavar="DIR")]


def list_found(
    ctx: typer.Context,
    root: Root = None,
    code: Annotated[str, typer.Option("--code", metavar="TEXT")] = "",
    title: Annotated[str, typer.Option("--title", metavar="TEXT")] = "",
    state: Annotated[str, typer.Option("--state", metavar="STATE")] = "",
    since: Annotated[str | None, typer.Option("--since", metavar="ISO8601")] = None,
    count: Annotated[int, typer.Option("--count", metavar="N")] = 10,
    answer_format: Format = "text",
) -> None:
    """Give the last ten dossiers, or those that are looked for."""
    from typing import get_args

    from kyso.cli.verify import time_from
    from kyso_kbnn.folder import State
    from kyso_kbnn.listing import list_dossiers
    from kyso_kbnn.wording import state_words

    common, settings = context(ctx)
    letters.choice_from("--format", answer_format, ("text", "json"))
    letters.choice_from("--state", state or None, get_args(State))
    if count < 1:
        raise WrongUse("kbnn.count_wrong", value=count)
    found = list_dossiers(
        root or settings.dossiers, settings.profile, code=code, title=title, state=state, since=time_from(since)
    )[:count]
    if answer_format == "json":
        for one in found:
            output.put_json(
                state_json(one.path, one.state, title=one.title, total=one.total, changed_at=one.changed_at)
            )
        return
    rows = [
        [one.changed_at, one.state.code, one.title, state_words(one.state.state, common.language), str(one.path)]
        for one in found
    ]
    heads = ("kbnn.head_time", "kbnn.head_code", "kbnn.head_title", "kbnn.head_state", "kbnn.head_folder")
    output.table([text.message(head, common.language) for head in heads], rows)


def watch(
    ctx: typer.Context,
    root: Root = None,
    once: Annotated[bool, typer.Option("--once")] = False,
    password_env: PasswordEnv = None,
) -> None:
    """Watch the dossiers and tell what is unusual, once or until Ctrl-C."""
    from kyso_kbnn.gateway import GatewayRefused
    from kyso_kbnn.telling import note_failure, tell
    from kyso_kbnn.watch import PURPOSE, watch_logins, watch_once

    common, settings = context(ctx)
    place = root or settings.dossiers
    if not place.is_dir():
        raise InputRefused("kbnn.folder_incomplete", name=str(place), file="")
    password = ask_password(common, settings, password_env)
    while True:
        failed: RemoteFailed | None = None
        try:
            with open_gateway(common, settings, password, PURPOSE, log_folder=place) as gateway:
                events = watch_once(place, gateway, settings.profile, settings.watch, present())
        except RemoteFailed as error:
            failed = error
            note_failure(place, failed, present())
            events = watch_logins(place, settings.watch, present())
        _draft(place, events, settings)
        tell(events, common.language, settings.watch.notify, output.put)
        if failed is not None:
            # Asking again with a password that is refused would end in a locked account.
            if once or (
                isinstance(failed, GatewayRefused) and failed.refusal in ("login_failed", "not_account_holder")
            ):
                raise failed
            output.say_error(failed, common.language)
        if once:
            return
        time.sleep(settings.watch.interval_s)


def _draft(place: Path, events: Sequence[Event], settings: KbnnSettings) -> None:
    """Write the draft of a notice to the treasury for every alarm about a dossier."""
    from kyso.update.files import write_output
    from kyso_kbnn.telling import draft_notice

    unit = settings.unit
    alarms: dict[str, list[Event]] = {}
    for event in events:
        if event.kind == "alarm" and event.dossier != "-":
            alarms.setdefault(event.dossier, []).append(event)
    for code, about in alarms.items():
        words = draft_notice(about, str(unit.get("name", "")), str(unit.get("treasury", "")), present())
        write_output(place / f"thong-bao-{_file_name(code)}.txt", (words.encode("utf-8"),), overwrite=True)


def _file_name(code: str) -> str:
    """Return a dossier's code as part of a file name: the gateway's answers choose no folder."""
    return "".join(sign if sign.isascii() and (sign.isalnum() or sign in "_-") else "_" for sign in code)[:80]
