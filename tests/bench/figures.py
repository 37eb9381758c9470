"""A measured figure beside its target, and the table and JSON of all of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measurement.

    :param kyso: what kyso took or reached.
    :param peer: what the peer took or reached in the same run, ``None`` where there is nothing to compare with.
    :param better: whether a small or a great value is good.
    :param least_ratio: how many times better than the peer it must be.
    :param limit: what the value itself may at most (or must at least) be.
    """

    name: str
    unit: str
    kyso: float
    peer: float | None = None
    peer_name: str = "pyHanko"
    better: Literal["small", "great"] = "small"
    least_ratio: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        if self.peer is None:
            return None
        return self.peer / self.kyso if self.better == "small" else self.kyso / self.peer

    @property
    def target(self) -> str:
        """The target in words."""
        parts = []
        if self.least_ratio is not None:
            parts.append(f">= {self.least_ratio:g}x")
        if self.limit is not None:
            parts.append(f"{'<=' if self.better == 'small' else '>='} {self.limit:g} {self.unit}")
        return ", ".join(parts) or "-"

    @property
    def met(self) -> bool | None:
        """Whether the target is reached, ``None`` without one."""
        verdicts = []
        if self.least_ratio is not None and self.ratio is not None:
            verdicts.append(self.ratio >= self.least_ratio)
        if self.limit is not None:
            verdicts.append(self.kyso <= self.limit if self.better == "small" else self.kyso >= self.limit)
        return all(verdicts) if verdicts else None


_MARKS = {True: "yes", False: "NO", None: "-"}


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a table in plain text."""
    head = ("measurement", "kyso", "peer", "ratio", "target", "met")
    rows = [
        (
            figure.name,
            f"{figure.kyso:.4g} {figure.unit}",
            "-" if figure.peer is None else f"{figure.peer:.4g} {figure.unit} ({figure.peer_name})",
            "-" if figure.ratio is None else f"{figure.ratio:.3g}x",
            figure.target,
            _MARKS[figure.met],
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in (head, tuple("-" * width for width in widths), *rows))  # fmt: skip


def as_json(figures: Sequence[Figure]) -> str:
    """Return the figures with the machine and the versions they hold for."""
    return json.dumps(
        {
            "schema": "kyso.bench/1",
            "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
            "versions": {name: version(name) for name in ("kyso", "pyhanko", "pikepdf", "cryptography")},
            "figures": [
                {**asdict(figure), "ratio": figure.ratio, "target": figure.target, "met": figure.met}
                for figure in figures
            ],
        },
        indent=2,
        ensure_ascii=False,
    )
