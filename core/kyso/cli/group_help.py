"""Help pages of plugins' command groups, in the reader's language and in the form of the built-in commands' pages.

A plugin that ships the words in its catalogues gets such pages: ``help.GROUP`` for the group, ``help.GROUP_COMMAND``
and ``help.GROUP_COMMAND.examples`` for a command, ``help.GROUP_COMMAND.PARAMETER`` or ``help.any.PARAMETER`` for a
parameter. One without ``help.GROUP`` keeps typer's own pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from kyso import text
from kyso.cli import help as pages
from kyso.cli.parsing import Argument, Flag, Option, Parameter, before_dashes

if TYPE_CHECKING:
    from kyso.cli.common import Common


def page_of(name: str, group: Any, arguments: Sequence[str], common: Common) -> Callable[[], int] | None:
    """Return what prints the help page that `arguments` ask for, or ``None`` where they ask for none.

    :param group: the group as click sees it.
    """
    asked = before_dashes(arguments)
    if not any(argument in ("--help", "-h") for argument in asked):
        return None
    words = iter(argument for argument in asked if not argument.startswith("-"))
    commands: dict[str, Any] = getattr(group, "commands", {})
    while commands and (first := next(words, None)) in commands:
        name, group = f"{name} {first}", commands[str(first)]
        commands = getattr(group, "commands", {})
    if not text.has_text(pages.command_code(name)):
        return None
    parameters = parameters_of(group)
    if not commands:  # typer makes a single command of a group that has only one
        return lambda: pages.show_command(name, parameters, common)
    if getattr(group, "invoke_without_command", False):
        # The group is a command of its own, with further ones below it.
        return lambda: pages.show_command(name, parameters, common, list(commands))
    return lambda: pages.show_group(name, list(commands), common)


def parameters_of(command: Any) -> list[Parameter]:
    """Return a command's parameters as the help pages show them."""
    found: list[Parameter] = []
    for given in command.params:
        name = str(given.name)
        if name == "help" or getattr(given, "hidden", False):
            continue
        metavar = given.metavar or name.upper()
        many = bool(getattr(given, "multiple", False)) or given.nargs != 1
        if given.param_type_name == "argument":
            found.append(Parameter(name, Argument(metavar), str, many, bool(given.required)))
        elif getattr(given, "is_flag", False):
            found.append(Parameter(name, Flag(given.opts[0]), bool, many=False, required=False))
        else:
            found.append(Parameter(name, Option(given.opts[0], metavar), str, many, bool(given.required)))
    return found
