"""``kyso demo``: the whole story on made-up, clearly marked data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kyso.cli.common import Common

FOLDER = Path("kyso-demo")


def run(ctx: typer.Context, folder: Annotated[Path, typer.Argument(metavar="DIR")] = FOLDER) -> int:
    """Run the demo in `folder` and return the exit code."""
    common: Common = ctx.obj
    from kyso.demo.story import run as tell

    return tell(folder, common.language)
