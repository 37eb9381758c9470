"""``kyso intake policy``: the intake policy that holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli import output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag
from kyso.receiving.policy import DEFAULT, load_policy


def run(
    common: Common,
    file: Annotated[Path | None, Argument("FILE")] = None,
    built_in: Annotated[bool, Flag("--built-in")] = False,
) -> int:
    """Print the built-in policy, the configured one, or the one in a file, after checking it."""
    path = None if built_in else file or common.config.intake.policy
    load_policy(path)
    output.put((path or DEFAULT).read_text(encoding="utf-8-sig").rstrip("\n"))
    return 0
