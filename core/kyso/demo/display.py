"""Shows how far the demo is: a moving bar on a terminal, plain lines elsewhere. Both go to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Told before each step of the demo."""

    def __call__(self, text: str, number: int, total: int) -> None:
        """Say that step `number` of `total` begins."""


def quiet(text: str, number: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Give the display that suits stderr."""
    if not sys.stderr.isatty():
        yield _plain
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task("", total=None)

        def show(text: str, number: int, total: int) -> None:
            display.update(task, description=text, completed=number - 1, total=total)

        yield show
        display.update(task, description="", completed=display.tasks[0].total or 0)


def _plain(text: str, number: int, total: int) -> None:
    print(f"[{number:2d}/{total}] {text}", file=sys.stderr, flush=True)
