"""``kyso desk``: open the clerk's desk in the browser, until Ctrl-C."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kyso.cli import output
from kyso_desk.agent.command import app as agent_app
from kyso_desk.agent.command import beside_desk

if TYPE_CHECKING:
    from kyso.cli.common import Common

DEFAULT_PORT = 8773

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.add_typer(agent_app, name="agent")


@app.callback(invoke_without_command=True)
def desk(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N")] = (DEFAULT_PORT),
    no_browser: Annotated[bool, typer.Option("--no-browser")] = False,
) -> None:
    """Mở bàn làm việc ký và nhận văn bản. / Open the desk for signing and receiving letters."""
    if ctx.invoked_subcommand is not None:
        return
    from kyso_desk.server import run_desk

    common: Common = ctx.obj
    language = common.language

    def opened(url: str) -> None:
        # The address is the key to the desk: on stdout for the person, in no log.
        print(url, flush=True)
        output.say("desk.running", language, {"url": url})

    with beside_desk(common, no_browser=no_browser):
        run_desk(
            common.config,
            port=port,
            online=common.online,
            language=language,
            opened=opened,
            with_browser=not no_browser,
        )
