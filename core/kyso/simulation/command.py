"""``kyso simulate NAME``: run a simulator until Ctrl-C.

The server listens on loopback. ``--host`` opens it to others, which is for a test network only: whoever reaches it can
press the buttons of the phone page.
"""

from __future__ import annotations

import socket
from typing import Annotated, Any, Protocol, runtime_checkable

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Option
from kyso.errors import InputRefused, WrongUse
from kyso.text import Language

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8769


@runtime_checkable
class Guided(Protocol):
    """A simulator that says how kyso.toml points at it."""

    def guide(self, url: str, language: Language) -> str:
        """Return the lines to put into kyso.toml and the environment."""


@runtime_checkable
class Calling(Protocol):
    """A simulator that can call an address when a request was decided."""

    def calling(self, url: str) -> Any:
        """Return the same simulator, calling `url`."""


def run(
    common: Common,
    name: Annotated[str, Argument("NAME")],
    port: Annotated[int, Option("--port", "N")] = DEFAULT_PORT,
    scenario: Annotated[str, Option("--scenario", "NAME")] = "ask",
    host: Annotated[str, Option("--host", "ADDRESS")] = LOOPBACK,
    callback: Annotated[str | None, Option("--callback", "URL")] = None,
) -> int:
    """Run the simulator of a provider. The guide goes to stdout, everything else to stderr."""
    from kyso.plugins import create_plugin_manager
    from kyso.serving.guard import LOOPBACK_HOSTS, Guard
    from kyso.serving.server import serve

    simulator = create_plugin_manager().load("simulators", name)
    if callback is not None:
        if not callback.startswith(("http://", "https://")):
            raise WrongUse("cli.bad_url", option="--callback", value=callback)
        if not isinstance(simulator, Calling):
            raise WrongUse("simulation.calls_nobody", name=name)
        simulator = simulator.calling(callback)
    application = simulator.application(scenario)
    if host != LOOPBACK and isinstance(application, Guard):
        everyone = host in ("0.0.0.0", "::")  # noqa: S104 - a comparison; nothing is bound here
        names = {host, socket.gethostname(), *LOOPBACK_HOSTS}
        application = application.answering_to(() if everyone else names)
        output.say("simulation.open_to_others", common.language, {"host": host})
    _refuse_taken(host, port)
    url = f"http://{host}:{port}"
    output.say("simulation.running", common.language, {"name": name, "url": url, "scenario": scenario})
    if isinstance(simulator, Guided):
        print(simulator.guide(url, common.language), flush=True)
    serve(application, host=host, port=port)
    return 0


def _refuse_taken(host: str, port: int) -> None:
    """Refuse a port that is taken in one line, instead of in the server's own words."""
    try:
        socket.create_server((host, port)).close()
    except OSError as cause:
        raise InputRefused("simulation.port_taken", host=host, port=port) from cause
