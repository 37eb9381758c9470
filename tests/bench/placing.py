"""How long it takes to find a place: open the letter, find the block, compute the stamp; no key, nothing written."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from kyso.demo.letter import draw_letter
from tests.bench.figures import Figure
from tests.plugins.decree30 import letters
from tests.support.placing import place

if TYPE_CHECKING:
    from tests.bench.stage import Stage

TWO_PAGES_MS, MANY_PAGES_MS = 15.0, 60.0
"""Targets of issue 3: a two-page letter, and one of 300 pages of which only those that matter are read."""


def placing(stage: Stage, rounds: int = 30) -> list[Figure]:
    """Measure the leader's placement, warm."""
    two = draw_letter(date(2026, 11, 20))
    figures = [_figure("place, 2 pages", TWO_PAGES_MS, rounds, lambda: _leader(stage, two))]
    for where, page in (("at the beginning", 2), ("at the end", 299)):
        many = letters.letter_of_pages(300, page)
        measure = _figure(
            f"place, 300 pages, block {where}", MANY_PAGES_MS, rounds, lambda data=many: _leader(stage, data)
        )
        figures.append(measure)
    return figures


def _leader(stage: Stage, data: bytes) -> None:
    place(data, "decree30.leader", image=stage.picture)


def _figure(name: str, limit_ms: float, rounds: int, run: Callable[[], None]) -> Figure:
    run()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        run()
        taken.append((time.perf_counter() - begin) * 1000)
    return Figure(name, "ms", statistics.median(taken), limit=limit_ms)
