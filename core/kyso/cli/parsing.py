"""Typer parses, and nothing else: what a command does runs outside it, so that its errors stay ours.

A command's module has one function ``run`` with typed parameters; its help comes from the catalogues (`kyso.cli.help`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, cast

import typer
import typer.core
import typer.main

from kyso.cli.common import Common
from kyso.cli.help import command_help
from kyso.errors import WrongUse
from kyso.text import Phrase

# Typer brings its own copy of click or uses the installed one, depending on its version; both call it this.
_UsageError: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


NUMBER_METAVARS = ("N", "1|2|3")
"""How commands mark options that take a number."""


class LocalisedCommand(typer.core.TyperCommand):
    """A command whose help is in the reader's language."""

    def get_help(self, ctx: Any) -> str:
        """Return the whole help page."""
        return command_help(self.name or "", self, ctx.obj)


def parse(name: str, module: str, arguments: Sequence[str], common: Common) -> Callable[[], int]:
    """Parse a built-in command's arguments and return the call to make.

    :param name: the command as typed: ``config check``.
    :param module: the module that holds its ``run``.
    :raises WrongUse: the arguments are wrong.
    """
    run = import_module(module).run

    @functools.wraps(run)
    def parsed(ctx: typer.Context, *args: Any, **kwargs: Any) -> Callable[[], int]:
        if ctx.args:
            raise WrongUse("cli.surplus_arguments", arguments=ctx.args, command=f"kyso {name}")
        return functools.partial(run, ctx, *args, **kwargs)

    app = _app()
    # Surplus arguments are let through to be refused in our words.
    app.command(name, cls=LocalisedCommand, context_settings={"allow_extra_args": True})(parsed)
    answer = _parse_with(typer.main.get_command(app), f"kyso {name}", arguments, common)
    if callable(answer):
        return cast("Callable[[], int]", answer)
    return lambda: int(answer or 0)


def run_group(name: str, app: typer.Typer, arguments: Sequence[str], common: Common) -> int:
    """Run a plugin's command group. Its functions find the common options as ``ctx.obj``.

    :returns: what the command returned where that is a number, else 0.
    :raises WrongUse: the arguments are wrong.
    """
    answer = _parse_with(typer.main.get_command(app), f"kyso {name}", arguments, common)
    return answer if isinstance(answer, int) else 0


def _app() -> typer.Typer:
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _parse_with(command: Any, program: str, arguments: Sequence[str], common: Common) -> Any:
    try:
        return command.main(list(arguments), prog_name=program, standalone_mode=False, obj=common)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except _UsageError as error:
        raise _wrong_use(error, program) from None


def _wrong_use(error: Any, program: str) -> WrongUse:
    """Say in our words what typer found wrong."""
    kind = type(error).__name__
    parameter = getattr(error, "param", None)
    name = _shown_name(parameter) if parameter is not None else ""
    if kind == "NoSuchOption":
        nearest = list(error.possibilities or ())
        code = "cli.no_such_option" if nearest else "cli.no_such_option_at_all"
        return WrongUse(code, option=error.option_name, nearest=nearest, command=program)
    if kind == "MissingParameter":
        return WrongUse("cli.argument_missing", name=name, command=program)
    if kind == "BadOptionUsage":
        return WrongUse("cli.value_missing", option=error.option_name)
    if kind == "NoArgsIsHelpError":
        return WrongUse("cli.subcommand_missing", command=program)
    if name:
        # Only numbers can be misread by typer; all else is read by the commands themselves.
        cause = Phrase("cli.expected_number") if _is_number(parameter) else error.message
        return WrongUse("cli.bad_value", name=name, cause=cause, command=program)
    return WrongUse("cli.usage", cause=error.format_message(), command=program)


def _is_number(parameter: Any) -> bool:
    return parameter.metavar in NUMBER_METAVARS


def _shown_name(parameter: Any) -> str:
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name or "").upper()
