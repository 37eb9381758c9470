"""The help pages, in the reader's language, from the catalogues.

A command's description is the text ``help.COMMAND``, its examples ``help.COMMAND.examples``, a parameter's words
``help.COMMAND.PARAMETER`` or, where several commands share them, ``help.GROUP.PARAMETER`` or ``help.any.PARAMETER``.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kyso import text
from kyso.cli.parsing import Argument, Flag, Parameter

if TYPE_CHECKING:
    from kyso.cli.common import Common
    from kyso.text import Language

GREATEST_WIDTH = 100
COMMON = (
    ("--lang vi|en", "help.any.lang"),
    ("--config FILE", "help.any.config"),
    ("--offline / --online", "help.any.online"),
    ("-v, --verbose", "help.any.verbose"),
    ("--help", "help.any.help"),
)


def show_program(common: Common, commands: Mapping[str, str], plugins: Mapping[str, str], *, to_stderr: bool) -> None:
    """Print what commands there are.

    :param commands: built-in commands by name.
    :param plugins: command groups of plugins with their summaries.
    """
    language = common.language
    summaries = [(name, _first_sentence(text.message(command_code(name), language))) for name in commands]
    lines = [text.message("help.kyso", language), ""]
    lines += [_head("help.usage", language), "  kyso COMMAND [OPTIONS]", ""]
    lines += [_head("help.commands", language), *_columns([*summaries, *plugins.items()]), ""]
    lines += [_head("help.common", language), *_columns(_common(language)), ""]
    lines += [_head("help.examples", language), *_examples("help.kyso.examples", language), ""]
    lines.append(text.message("help.more", language))
    print("\n".join(lines), file=sys.stderr if to_stderr else sys.stdout)


def show_group(name: str, commands: Sequence[str], common: Common) -> int:
    """Print the help page of a plugin's command group, from the catalogues, and return 0."""
    language = common.language
    lines = [*_wrapped(text.message(command_code(name), language)), ""]
    lines += [_head("help.usage", language), f"  kyso {name} COMMAND [OPTIONS]", ""]
    lines += [_head("help.commands", language), *_columns(_summaries(name, commands, language)), ""]
    lines += [_head("help.common", language), *_columns(_common(language)), ""]
    lines.append(text.message("help.more", language))
    print("\n".join(lines))
    return 0


def _summaries(name: str, commands: Sequence[str], language: Language) -> list[tuple[str, str]]:
    told = [(f"{name} {command}", command_code(f"{name} {command}")) for command in commands]
    # A part of a plugin that ships no words is still named.
    return [
        (label, _first_sentence(text.message(code, language)) if text.has_text(code) else "") for label, code in told
    ]


def show_command(name: str, parameters: Sequence[Parameter], common: Common, further: Sequence[str] = ()) -> int:
    """Print the help page of one command and return 0.

    :param further: commands below it.
    """
    language = common.language
    arguments: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for parameter in parameters:
        words = text.message(parameter_code(name, parameter.name), language)
        rows = arguments if isinstance(parameter.mark, Argument) else options
        rows.append((_parameter_label(parameter), words))
    usage = " ".join(["kyso", name, *(label for label, _ in arguments), "[OPTIONS]"])
    lines = [*_wrapped(text.message(command_code(name), language)), "", _head("help.usage", language), f"  {usage}", ""]
    if arguments:
        lines += [_head("help.arguments", language), *_columns(arguments), ""]
    if options:
        lines += [_head("help.options", language), *_columns(options), ""]
    if further:
        lines += [_head("help.commands", language), *_columns(_summaries(name, further, language)), ""]
    lines += [_head("help.common", language), *_columns(_common(language)), ""]
    lines += [_head("help.examples", language), *_examples(f"{command_code(name)}.examples", language)]
    print("\n".join(lines))
    return 0


def parameter_code(command: str, parameter: str) -> str:
    """Return the code of the words for a command's parameter."""
    for code in (f"{command_code(command)}.{parameter}", f"help.{command.split()[0]}.{parameter}"):
        if text.has_text(code):
            return code
    return f"help.any.{parameter}"


def command_code(command: str) -> str:
    """Return the code of the words for a command."""
    return "help." + command.replace(" ", "_").replace("-", "_")


def _head(code: str, language: Language) -> str:
    return text.message(code, language) + ":"


def _common(language: Language) -> list[tuple[str, str]]:
    return [(label, text.message(code, language)) for label, code in COMMON]


def _examples(code: str, language: Language) -> list[str]:
    return ["  " + line for line in text.message(code, language).split("\n")]


def _parameter_label(parameter: Parameter) -> str:
    mark = parameter.mark
    if isinstance(mark, Argument):
        return mark.metavar if parameter.required else f"[{mark.metavar}]"
    if isinstance(mark, Flag):
        return mark.name
    return f"{mark.name} {mark.metavar}" + ("..." if parameter.many else "")


def _first_sentence(words: str) -> str:
    return words.split(". ")[0].rstrip(".") + "."


def _width() -> int:
    return min(shutil.get_terminal_size().columns, GREATEST_WIDTH)


def _wrapped(words: str) -> list[str]:
    return [line for paragraph in words.split("\n") for line in textwrap.wrap(paragraph, _width()) or [""]]


def _columns(rows: list[tuple[str, str]]) -> list[str]:
    """Set labels and words side by side; a label that is too long takes a line of its own."""
    width = min(max((len(label) for label, _ in rows), default=0), 30) + 4
    lines = []
    for label, words in rows:
        wrapped = textwrap.wrap(words, max(_width() - width, 30)) or [""]
        head = f"  {label}"
        if len(head) + 2 > width:
            lines.append(head)
            head = ""
        lines.append(f"{head:<{width}}{wrapped[0]}")
        lines += [" " * width + line for line in wrapped[1:]]
    return lines
