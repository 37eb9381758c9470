"""``kyso demo``: the whole story on made-up, clearly marked data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from kyso.cli.common import Common
from kyso.cli.parsing import Argument

FOLDER = Path("kyso-demo")


def run(common: Common, folder: Annotated[Path, Argument("DIR")] = FOLDER) -> int:
    """Run the demo in `folder` and return the exit code."""
    from kyso.demo.story import run as tell

    return tell(folder, common.language)
