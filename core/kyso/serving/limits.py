"""How often and how many at once: limits by name, in this process's memory.

A rate is kept as a theoretical arrival time (GCRA, ITU-T I.371): one number a name, no queue of past requests. Several
replicas each keep their own, so together they permit as many times more.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kyso.serving.problems import Refusal

_MOST_NAMES = 10_000


class RateLimit:
    """At most so many a minute for each name, all of them at once if need be.

    :param now: the clock, in seconds.
    """

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._now = now
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def take(self, name: str, per_minute: int | None = None) -> None:
        """Count one.

        :param per_minute: instead of the limit for everybody.
        :raises Refusal: 429, with the seconds to wait.
        """
        wait_s, limit = self._taken(name, per_minute)
        if wait_s > 0:
            seconds = max(1, round(wait_s))
            raise Refusal("serving.rate_exceeded", 429, {"Retry-After": str(seconds)}, limit=limit, seconds=seconds)

    def is_over(self, name: str) -> bool:
        """Tell whether the next :meth:`take` would be refused, without counting."""
        return self._arrivals.get(name, 0.0) - self._now() > 60.0 - 60.0 / self.per_minute

    def _taken(self, name: str, per_minute: int | None) -> tuple[float, int]:
        limit = per_minute or self.per_minute
        spacing_s = 60.0 / limit
        now = self._now()
        arrival = max(self._arrivals.pop(name, now), now)
        wait_s = arrival + spacing_s - now - 60.0
        # A refused request does not count, or a caller that keeps asking would never be let in again.
        self._arrivals[name] = arrival if wait_s > 1e-6 else arrival + spacing_s
        while len(self._arrivals) > _MOST_NAMES:
            self._arrivals.popitem(last=False)
        return (wait_s if wait_s > 1e-6 else 0.0), limit


class ConcurrencyLimit:
    """At most so many at once for each name."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._present: dict[str, int] = {}

    @contextmanager
    def one_of(self, name: str) -> Iterator[None]:
        """Be one of those at once.

        :raises Refusal: 429, there are as many as may be.
        """
        present = self._present.get(name, 0)
        if present >= self.most:
            raise Refusal("serving.concurrency_exceeded", 429, {"Retry-After": "1"}, limit=self.most)
        self._present[name] = present + 1
        try:
            yield
        finally:
            left = self._present[name] - 1
            if left:
                self._present[name] = left
            else:
                del self._present[name]
