"""The machine's clock. Every signature states a time; a wrong clock makes letters look signed before or after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis
from kyso.models import VIETNAM_TIME

if TYPE_CHECKING:
    from kyso.contracts import Examination

GREATEST_DIFFERENCE = timedelta(minutes=2)
"""More than this against another clock is worth mending."""


class ClockDiagnostic:
    """Looks at the clock by itself; against other clocks it is held by the examinations that go online."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return the time as kyso sees it, and whether it lies before the program itself was installed."""
        installed = datetime.fromtimestamp((Path(__file__).parents[1] / "messages.vi.toml").stat().st_mtime, UTC)
        shown = f"{examination.now.astimezone(VIETNAM_TIME):%d/%m/%Y %H:%M:%S}"
        behind = examination.now < installed - timedelta(days=1)
        if behind:
            date = f"{installed.astimezone(VIETNAM_TIME):%d/%m/%Y}"
            yield Diagnosis("diagnosing.clock_behind", "failure", {"time": shown, "installed": date})
        else:
            yield Diagnosis("diagnosing.clock", "ok", {"time": shown})


def clock_against(other: datetime, asked: datetime, answered: datetime, host: str) -> Diagnosis | None:
    """Return a line where our clock differs from another's.

    :param other: the other side's time.
    :param asked: our time before the question, :param answered: after the answer.
    """
    if asked - GREATEST_DIFFERENCE <= other <= answered + GREATEST_DIFFERENCE:
        return None
    difference = abs(other - answered)
    about = {"host": host, "minutes": round(difference.total_seconds() / 60)}
    return Diagnosis("diagnosing.clock_fast" if answered > other else "diagnosing.clock_slow", "failure", about)
