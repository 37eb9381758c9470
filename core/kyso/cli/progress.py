"""How far a long command is: a bar where stderr is a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kyso import text

if TYPE_CHECKING:
    from kyso.text import Language


@contextmanager
def progress(code: str, total: int, language: Language) -> Iterator[Callable[[str], None]]:
    """Show a progress bar while the block runs; call what it gives with the name of each thing done.

    :param code: code of the bar's words.
    """
    if not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # stdout carries data and may be a terminal too; rich keeps the bar below what is printed there.
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text.message(code, language), total=total)

        def step(name: str) -> None:
            bar.update(task, advance=1)

        yield step


@contextmanager
def transfers() -> Iterator[Callable[[str, int], Callable[[int, int], None]]]:
    """Show how many bytes of each file are on their way while the block runs.

    Call what it gives with a file's name and size; what that gives takes (bytes sent, bytes in all).
    """
    if not sys.stderr.isatty():
        yield lambda name, size: lambda sent, whole: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:

        def start(name: str, size: int) -> Callable[[int, int], None]:
            task = bar.add_task(text.shown(name), total=size)
            return lambda sent, whole: bar.update(task, completed=sent, total=whole)

        yield start
