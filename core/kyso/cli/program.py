"""One run of the command line: find the command, parse, run, and turn whatever happens into an exit code.

Nothing but this module prints an error or decides an exit code for one. Whatever a command does not expect ends with
exit code 70, one line, and a log file; never with a traceback on the screen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kyso.cli.common import OPTIONS_WITH_VALUE, Common, take_common
from kyso.cli.output import prepare_streams, say, say_error
from kyso.errors import InputRefused, KysoError, WrongUse

if TYPE_CHECKING:
    from kyso.plugins import PluginRegistry

COMMANDS = {
    "sign": "kyso.cli.sign",
    "preview": "kyso.cli.preview",
    "verify": "kyso.cli.verify",
    "extend": "kyso.cli.extend",
    "intake": "kyso.cli.intake",
    "intake list": "kyso.cli.intake_list",
    "intake show": "kyso.cli.intake_show",
    "intake search": "kyso.cli.intake_search",
    "intake register": "kyso.cli.intake_register",
    "intake decide": "kyso.cli.intake_decide",
    "intake forward": "kyso.cli.intake_forward",
    "intake amend": "kyso.cli.intake_amend",
    "intake recall": "kyso.cli.intake_recall",
    "intake notice": "kyso.cli.intake_notice",
    "intake export": "kyso.cli.intake_export",
    "intake destroy": "kyso.cli.intake_destroy",
    "intake policy": "kyso.cli.intake_policy",
    "batch sign": "kyso.cli.batch_sign",
    "batch verify": "kyso.cli.batch_verify",
    "batch extend": "kyso.cli.batch_extend",
    "keys list": "kyso.cli.keys",
    "keys remember": "kyso.cli.keys_remember",
    "keys forget": "kyso.cli.keys_forget",
    "pending list": "kyso.cli.pending_list",
    "pending resume": "kyso.cli.pending_resume",
    "pending cancel": "kyso.cli.pending_cancel",
    "simulate": "kyso.simulation.command",
    "trust add": "kyso.cli.trust_add",
    "trust list": "kyso.cli.trust_list",
    "trust show": "kyso.cli.trust_show",
    "trust remove": "kyso.cli.trust_remove",
    "trust distrust": "kyso.cli.trust_distrust",
    "doctor": "kyso.cli.doctor",
    "plugins": "kyso.cli.plugins",
    "stamps list": "kyso.cli.stamps_list",
    "stamps show": "kyso.cli.stamps_show",
    "stamps check": "kyso.cli.stamps_check",
    "image prepare": "kyso.cli.image",
    "init": "kyso.cli.init",
    "config check": "kyso.cli.config_check",
    "demo": "kyso.cli.demo",
}
"""The built-in commands and the modules that hold them, in the order of the help."""

INTERRUPTED = 130
INTERNAL = 70
PIPE_CLOSED = 141


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    prepare_streams()
    started = time.perf_counter()
    common = Common()
    try:
        common, rest = take_common(arguments)
        code = _dispatch(common, rest)
        sys.stdout.flush()
        if common.verbose:
            say("cli.verbose_time", common.language, {"seconds": f"{time.perf_counter() - started:.2f}"})
    except KysoError as error:
        say_error(error, common.language)
        if common.verbose and error.__cause__ is not None:
            say("cli.verbose_cause", common.language, {"cause": type(error.__cause__).__name__})
        return error.exit_code
    except KeyboardInterrupt:
        say("cli.interrupted", common.language)
        return INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return PIPE_CLOSED
    except OSError as error:
        # The system's own refusals (a full disk, a missing permission) are the person's to mend, not defects.
        refusal = InputRefused("cli.system_refused", name=error.filename or "", cause=error.strerror or str(error))
        say_error(refusal, common.language)
        return refusal.exit_code
    except Exception as error:  # noqa: BLE001 - the outermost door: no traceback leaves it
        return _internal(error, common)
    return code


def _dispatch(common: Common, arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        from kyso.cli.help import show_program

        show_program(common, COMMANDS, _plugin_commands(common), to_stderr=not arguments)
        return 0 if arguments else WrongUse.exit_code
    if arguments[0] == "--version":
        from importlib.metadata import version

        print("kyso", version("kyso"))
        return 0
    name, module, rest = _find(arguments)
    if module is not None:
        from kyso.cli.parsing import parse

        call = parse(name, module, rest, common)
        return call()
    return _dispatch_further(common, arguments)


def _find(arguments: list[str]) -> tuple[str, str | None, list[str]]:
    """Return the built-in command's name of one or two words, its module, and its own arguments."""
    for words in (2, 1):
        name = " ".join(arguments[:words])
        if name in COMMANDS:
            return name, COMMANDS[name], arguments[words:]
    return arguments[0], None, arguments[1:]


def _dispatch_further(common: Common, arguments: list[str]) -> int:
    """Run a plugin's command group, show the help of a built-in group, or say which names there are."""
    first, rest = arguments[0], arguments[1:]
    within = {name: module for name, module in COMMANDS.items() if name.split()[0] == first and " " in name}
    if within and (not rest or rest[0] in ("--help", "-h")):
        from kyso.cli.help import show_program

        show_program(common, within, {}, to_stderr=not rest)
        return 0 if rest else WrongUse.exit_code
    registry = _registry()
    groups = registry.contributions("commands")
    if first in groups:
        from kyso.cli.parsing import run_group

        return run_group(first, registry.load("commands", first), rest, common)
    raise _unknown(" ".join(arguments[: 2 if within else 1]), [*COMMANDS, *groups])


def _unknown(name: str, known: list[str]) -> WrongUse:
    import difflib

    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if name.startswith("-"):
        return WrongUse("cli.no_such_option", option=name, nearest=", ".join(OPTIONS_WITH_VALUE))
    return WrongUse("cli.no_such_command", command=name, nearest=nearest or known)


def _registry() -> PluginRegistry:
    from kyso.plugins import create_plugin_manager

    return create_plugin_manager()


def _plugin_commands(common: Common) -> dict[str, str]:
    groups = _registry().contributions("commands")
    return {name: entry.contribution.summary.of(common.language) for name, entry in groups.items()}


def _internal(error: Exception, common: Common) -> int:
    from kyso.cli.crash import write_log

    say("cli.internal", common.language, {"log": write_log(error)})
    return INTERNAL


def _silence_stdout() -> None:
    """Send what is left in stdout's buffer nowhere, or the interpreter complains about the closed pipe on exit."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
