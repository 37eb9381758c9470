"""``kyso desk agent``: run the agent for web pages, make browsers trust it, and say whom it may serve."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kyso.cli import output
from kyso.errors import InputRefused, KysoError, WrongUse

if TYPE_CHECKING:
    from kyso.cli.common import Common
    from kyso_desk.agent.browsers import BrowserStore
    from kyso_desk.agent.leaf import Leaf
    from kyso_desk.agent.origins import OriginStore, Permission
    from kyso_desk.agent.server import AgentPlan, RunningAgent
    from kyso_desk.agent.settings import AgentSettings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Origin = Annotated[str, typer.Argument(metavar="ORIGIN")]
SCHEMA = "kyso.agent-origins/1"


def agent_folder() -> Path:
    """Return where permissions and the TLS leaf of this user are kept."""
    import platformdirs

    return Path(platformdirs.user_data_dir("kyso", appauthor=False)) / "agent"


@app.callback(invoke_without_command=True)
def run(
    ctx: typer.Context,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, metavar="N")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser")] = False,
) -> None:
    """Chạy trình ký cho trang web tới khi nhấn Ctrl-C. / Run the agent for web pages until Ctrl-C."""
    if ctx.invoked_subcommand is not None:
        return
    import asyncio
    import dataclasses
    import logging

    from kyso_desk.agent.server import run_agent
    from kyso_desk.agent.settings import agent_settings

    common: Common = ctx.obj
    settings = agent_settings(common.config)
    if port is not None:
        settings = dataclasses.replace(settings, port=port)
    logging.basicConfig(stream=sys.stderr, format="%(message)s", level=logging.WARNING)
    logging.getLogger("kyso.agent").setLevel(logging.INFO)
    plan = _plan(common, settings, no_browser=no_browser)

    async def main() -> None:
        stop = asyncio.Event()
        for name in ("SIGINT", "SIGTERM"):
            _on_signal(name, stop)
        await run_agent(plan, lambda running: _tell(common, running), stop)

    asyncio.run(main())


@contextmanager
def beside_desk(common: Common, *, no_browser: bool) -> Iterator[None]:
    """Run the agent while the desk is open, where the configuration says so.

    An agent that cannot run (its port is taken) is told, and costs no desk.
    """
    from kyso_desk.agent.settings import agent_settings

    settings = agent_settings(common.config)
    if not settings.with_desk:
        yield
        return
    from kyso_desk.agent.server import BackgroundAgent

    with ExitStack() as stack:
        try:
            plan = _plan(common, settings, no_browser=no_browser)
            _tell(common, stack.enter_context(BackgroundAgent(plan)))
        except KysoError as error:
            output.say_error(error, common.language)
        yield


def _plan(common: Common, settings: AgentSettings, *, no_browser: bool) -> AgentPlan:
    import webbrowser

    from kyso_desk.agent.server import AgentPlan

    return AgentPlan(
        common.config,
        settings,
        agent_folder(),
        online=common.online or common.config.network.online,
        language=common.language,
        open_window=None if no_browser else webbrowser.open,
        # The address of a window is its key: on stdout for the person, in no log.
        told=(lambda url: print(url, flush=True)) if no_browser else (lambda url: None),
    )


def _tell(common: Common, running: RunningAgent) -> None:
    """Say where the agent listens, and what the person should do about its certificate."""
    from kyso_desk.agent.leaf import ends_soon

    output.say("agent.running", common.language, {"port": running.port})
    if running.leaf_is_new or not _is_trusted(running.leaf):
        output.say("agent.leaf_new", common.language)
    elif ends_soon(running.leaf):
        output.say("agent.leaf_ends", common.language, {"date": running.leaf.not_after.strftime("%d/%m/%Y")})


def _on_signal(name: str, stop: object) -> None:
    """End in order on a signal, where the system lets a loop listen to it; else Ctrl-C interrupts."""
    import asyncio
    import signal
    from contextlib import suppress

    assert isinstance(stop, asyncio.Event)
    with suppress(NotImplementedError, AttributeError):
        asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)


@app.command()
def install(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes")] = False,
    firefox: Annotated[bool, typer.Option("--firefox")] = False,
) -> None:
    """Làm cho trình duyệt của người dùng này tin cậy trình ký. / Make this user's browsers trust the agent."""
    from kyso_desk.agent import browsers
    from kyso_desk.agent.leaf import make_leaf

    common: Common = ctx.obj
    language = common.language
    stores = _stores(firefox=firefox)
    if firefox and not any(store.family == "firefox" for store in stores):
        raise InputRefused("agent.no_firefox")
    folders = [str(store.folder) for store in stores]
    possible = browsers.certutil() is not None and sys.platform == "linux"
    output.say("agent.install_what_authority" if firefox else "agent.install_what", language, {"folders": folders})
    if possible and not yes:
        _need_consent(common)
    leaf = make_leaf(agent_folder(), with_authority=firefox)
    if possible:
        browsers.install(leaf, stores)
        output.say("agent.installed", language, {"folders": folders, "sha256": leaf.sha256})
    else:
        file = leaf.certificate_file if leaf.authority is None else leaf.authority_file
        output.say(browsers.by_hand(leaf), language, {"file": file, "sha256": leaf.sha256})


@app.command()
def uninstall(ctx: typer.Context) -> None:
    """Gỡ chứng thư của trình ký khỏi trình duyệt và xóa khóa. / Take the certificate back and delete its key."""
    from kyso_desk.agent import browsers
    from kyso_desk.agent.leaf import forget_leaf

    common: Common = ctx.obj
    removed: tuple[BrowserStore, ...] = ()
    if browsers.certutil() is not None:
        removed = browsers.uninstall(_stores(firefox=True))
    had = forget_leaf(agent_folder())
    folders = [str(store.folder) for store in removed]
    output.say(
        "agent.uninstalled" if had or removed else "agent.nothing_installed", common.language, {"folders": folders}
    )
    if browsers.certutil() is None:
        output.say("agent.uninstall_by_hand", common.language)


@app.command("list")
def list_origins(
    ctx: typer.Context, answer_format: Annotated[str, typer.Option("--format", metavar="text|json")] = "text"
) -> None:
    """Liệt kê các trang web được phép. / List the web pages that are permitted."""
    if answer_format not in ("text", "json"):
        raise WrongUse("cli.bad_choice", option="--format", value=answer_format, choices=("text", "json"))
    common: Common = ctx.obj
    for permission in _store().all():
        if answer_format == "json":
            output.put_json({"schema": SCHEMA, **_table(permission)})
        else:
            more = [*permission.places, *(["GetCertInfo"] if permission.certificate else [])]
            output.put("\t".join([permission.origin, *more]))
    if answer_format == "text" and not _store().all():
        output.say("agent.nobody_permitted", common.language)


@app.command()
def allow(
    ctx: typer.Context,
    origin: Origin,
    place: Annotated[list[str] | None, typer.Option("--place", metavar="ORIGIN")] = None,
    private: Annotated[bool, typer.Option("--private")] = False,
) -> None:
    """Cho phép một trang web trước khi nó hỏi. / Permit a web page before it asks."""
    from kyso_desk.agent.origins import place_of

    common: Common = ctx.obj
    own = place_of(origin)
    places = tuple(place_of(each) for each in place or ())
    permission = _store().permit(own, places=places, private=(own, *places) if private else ())
    output.say("agent.permitted", common.language, {"origin": own, "places": sorted(permission.all_places)})


@app.command()
def forget(ctx: typer.Context, origin: Origin) -> None:
    """Thu hồi quyền của một trang web. / Take a web page's permission back."""
    from kyso_desk.agent.origins import place_of

    common: Common = ctx.obj
    own = place_of(origin)
    if not _store().forget(own):
        raise InputRefused("agent.not_permitted", origin=own)
    output.say("agent.forgotten", common.language, {"origin": own})


def _store() -> OriginStore:
    from kyso_desk.agent.origins import OriginStore

    return OriginStore(agent_folder())


def _table(permission: Permission) -> dict[str, object]:
    return {
        "origin": permission.origin,
        "granted_at": permission.granted_at.isoformat(),
        "places": list(permission.places),
        "private": list(permission.private),
        "certificate": permission.certificate,
    }


def _is_trusted(leaf: Leaf) -> bool:
    """Tell whether a browser's store holds the leaf; where that cannot be seen, it is taken to be so."""
    from kyso_desk.agent import browsers

    if browsers.certutil() is None or sys.platform != "linux":
        return True
    return any(browsers.is_installed(leaf, store) for store in _stores(firefox=True))


def _stores(*, firefox: bool) -> tuple[BrowserStore, ...]:
    from kyso_desk.agent.browsers import find_stores

    return tuple(store for store in find_stores(Path.home()) if firefox or store.family == "chromium")


def _need_consent(common: Common) -> None:
    """Ask on a terminal; elsewhere nobody can consent.

    :raises WrongUse: nobody is there, or the person said no.
    """
    if not sys.stdin.isatty():
        raise WrongUse("agent.consent_needed")
    output.say("agent.consent_question", common.language)
    if sys.stdin.readline().strip().lower() not in ("y", "yes", "c", "có", "co"):
        raise WrongUse("agent.consent_refused")
