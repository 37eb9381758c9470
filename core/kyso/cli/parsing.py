"""From arguments to a call of a command's ``run``, and the door to plugins' command groups.

The built-in commands declare their options in the signature of ``run``::

    def run(
        common: Common,
        source: Annotated[Path, Argument("IN")],
        out: Annotated[Path | None, Option("--out", "OUT")] = None,
        settings: Annotated[list[str] | None, Option("--set", "NAME=VALUE")] = None,
        force: Annotated[bool, Flag("--force")] = False,
    ) -> int: ...

They are parsed here and not by typer, which loads pydantic for the first value it reads: 130 ms, half of a whole cold
verification. Plugins' command groups are typer applications, parsed by typer.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from kyso.cli.common import Common
from kyso.errors import WrongUse
from kyso.frozen import dataclass
from kyso.text import Phrase


@dataclass(frozen=True, slots=True)
class Argument:
    """Marks an argument given by position; one annotated as a list takes all that are left."""

    metavar: str


@dataclass(frozen=True, slots=True)
class Option:
    """Marks an option with a value; one annotated as a list may be repeated."""

    name: str
    metavar: str


@dataclass(frozen=True, slots=True)
class Flag:
    """Marks an option without a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a command.

    :param name: its name in the signature.
    :param kind: what a value becomes: str, Path, int or float; bool for a flag.
    :param many: it takes several values.
    """

    name: str
    mark: Argument | Option | Flag
    kind: type
    many: bool
    required: bool


def parameters_of(run: Callable[..., int]) -> list[Parameter]:
    """Return the parameters that a command declares, in the order of its signature."""
    hints = typing.get_type_hints(run, include_extras=True)
    found = []
    for name, parameter in inspect.signature(run).parameters.items():
        if typing.get_origin(hints[name]) is not typing.Annotated:
            continue
        hint, mark = typing.get_args(hints[name])
        kinds = [part for part in typing.get_args(hint) or (hint,) if part is not type(None)]
        kind = hint if typing.get_origin(hint) is list else kinds[0]
        many = typing.get_origin(kind) is list
        required = parameter.default is inspect.Parameter.empty
        found.append(Parameter(name, mark, typing.get_args(kind)[0] if many else kind, many, required))
    return found


def parse(name: str, module: str, arguments: Sequence[str], common: Common) -> Callable[[], int]:
    """Parse a built-in command's arguments and return the call to make.

    :param name: the command as typed: ``config check``.
    :param module: the module that holds its ``run``.
    :raises WrongUse: the arguments are wrong.
    """
    run: Callable[..., int] = import_module(module).run
    parameters = parameters_of(run)
    if any(argument in ("--help", "-h") for argument in before_dashes(arguments)):
        from kyso.cli.help import show_command

        return functools.partial(show_command, name, parameters, common)
    return functools.partial(run, common, **read_values(f"kyso {name}", parameters, arguments))


def read_values(command: str, parameters: Sequence[Parameter], arguments: Sequence[str]) -> dict[str, Any]:
    """Return the values given, by the parameters' names.

    :raises WrongUse: an unknown option, a value that is missing or of the wrong kind, something missing or too much.
    """
    options = {entry.mark.name: entry for entry in parameters if not isinstance(entry.mark, Argument)}
    given: dict[str, list[str]] = {}
    positional: list[str] = []
    waiting = list(reversed(arguments))
    while waiting:
        argument = waiting.pop()
        if argument == "--":
            positional += reversed(waiting)
            break
        if argument == "-" or not argument.startswith("-"):
            positional.append(argument)
            continue
        name, equals, value = argument.partition("=")
        option = options.get(name)
        if option is None:
            raise _unknown_option(command, name, list(options))
        if isinstance(option.mark, Flag):
            if equals:
                raise WrongUse("cli.flag_with_value", option=name, command=command)
            value = ""
        elif not equals:
            if not waiting or waiting[-1].partition("=")[0] in options:
                raise WrongUse("cli.value_missing", option=name)
            value = waiting.pop()
        if option.name in given and not option.many:
            raise WrongUse("cli.option_twice", option=name, command=command)
        given.setdefault(option.name, []).append(value)
    _hand_out(command, positional, [entry for entry in parameters if isinstance(entry.mark, Argument)], given)
    for entry in parameters:
        if entry.required and entry.name not in given:
            raise WrongUse("cli.argument_missing", name=_label(entry), command=command)
    return {entry.name: _value(command, entry, given[entry.name]) for entry in parameters if entry.name in given}


def before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    """Return the arguments up to a ``--``, after which nothing is an option."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _hand_out(command: str, positional: list[str], entries: list[Parameter], given: dict[str, list[str]]) -> None:
    rest = positional
    for entry in entries:
        taken, rest = (rest, []) if entry.many else (rest[:1], rest[1:])
        if taken:
            given[entry.name] = taken
    if rest:
        raise WrongUse("cli.surplus_arguments", arguments=rest, command=command)


def _value(command: str, entry: Parameter, texts: list[str]) -> Any:
    if entry.kind is bool:
        return True
    values = [_one_value(command, entry, text) for text in texts]
    return values if entry.many else values[0]


def _one_value(command: str, entry: Parameter, text: str) -> Any:
    if entry.kind is str:
        return text
    if "\0" in text or (entry.kind is Path and not text):
        raise WrongUse("cli.bad_value", name=_label(entry), cause=Phrase("cli.expected_path"), command=command)
    try:
        return entry.kind(text)
    except ValueError:
        cause = Phrase("cli.expected_number")
        raise WrongUse("cli.bad_value", name=_label(entry), cause=cause, command=command) from None


def _label(entry: Parameter) -> str:
    return entry.mark.metavar if isinstance(entry.mark, Argument) else entry.mark.name


def _unknown_option(command: str, name: str, known: list[str]) -> WrongUse:
    import difflib

    nearest = difflib.get_close_matches(name, known, n=2, cutoff=0.6)
    code = "cli.no_such_option" if nearest else "cli.no_such_option_at_all"
    return WrongUse(code, option=name, nearest=nearest, command=command)


def run_group(name: str, app: Any, arguments: Sequence[str], common: Common) -> int:
    """Run a plugin's command group (a ``typer.Typer``). Its functions find the common options as ``ctx.obj``.

    :returns: what the command returned where that is a number, else 0.
    :raises WrongUse: the arguments are wrong.
    """
    import typer
    from typer.main import get_command

    # Typer brings its own copy of click or uses the installed one, depending on its version; both name it so.
    usage_error: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")
    command: Any = get_command(app)
    from kyso.cli.group_help import page_of

    page = page_of(name, command, arguments, common)
    if page is not None:
        return page()
    try:
        answer = command.main(list(arguments), prog_name=f"kyso {name}", standalone_mode=False, obj=common)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except usage_error as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise WrongUse("cli.subcommand_missing", command=f"kyso {name}") from None
        cause = getattr(error, "format_message", error.__str__)()
        raise WrongUse("cli.usage", cause=cause, command=f"kyso {name}") from None
    return answer if isinstance(answer, int) else 0
