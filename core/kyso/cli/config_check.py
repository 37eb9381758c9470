"""``kyso config check``: everything that is wrong in a kyso.toml, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Option
from kyso.config import find, read
from kyso.errors import ConfigWrong

SCHEMA = "kyso.config/1"


def run(
    common: Common,
    file: Annotated[Path | None, Argument("FILE")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Check the file, and return 0 where it can be used, else 7."""
    from kyso.config_check import Remark, check
    from kyso.plugins import create_plugin_manager

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    path = find(file or common.config_path)
    remarks: list[Remark] = []
    if path is not None:
        config, problems = read(path)
        remarks = [Remark(problem, fatal=True) for problem in problems]
        if not problems:
            remarks += check(config, create_plugin_manager())
    errors = [remark.phrase for remark in remarks if remark.fatal]
    warnings = [remark.phrase for remark in remarks if not remark.fatal]
    if as_json:
        output.put_json(
            {
                "schema": SCHEMA,
                "file": None if path is None else str(path),
                "errors": [output.in_both(phrase.code, phrase.parameters) for phrase in errors],
                "warnings": [output.in_both(phrase.code, phrase.parameters) for phrase in warnings],
            }
        )
    else:
        for phrase in (*errors, *warnings):
            output.say(phrase.code, common.language, phrase.parameters)
        if path is None:
            output.say("cli.config_none", common.language)
        elif not errors:
            output.say("cli.config_good", common.language, {"file": path, "warnings": len(warnings)})
    return ConfigWrong.exit_code if errors else 0
