"""Limits: so many a minute, so many at once, by name."""

from __future__ import annotations

import pytest

from kyso.serving.limits import ConcurrencyLimit, RateLimit
from kyso.serving.problems import Refusal


def test_a_minute_holds_so_many_and_then_one_at_a_time() -> None:
    """Sixty a minute may come at once; the next must wait a second, and others are not touched."""
    clock = [1000.0]
    limit = RateLimit(60, now=lambda: clock[0])
    for _ in range(60):
        assert not limit.is_over("one")
        limit.take("one")
    assert limit.is_over("one")
    for _ in range(3):
        with pytest.raises(Refusal) as refused:
            limit.take("one")
        assert (refused.value.status, refused.value.headers) == (429, {"Retry-After": "1"})
    limit.take("other")
    clock[0] += 1.0
    limit.take("one")
    with pytest.raises(Refusal):
        limit.take("one")
    clock[0] += 120
    for _ in range(60):
        limit.take("one")


def test_a_name_may_have_its_own_rate() -> None:
    """A rate given with the name holds instead of the one for everybody."""
    limit = RateLimit(1000, now=lambda: 5.0)
    limit.take("slow", per_minute=1)
    with pytest.raises(Refusal) as refused:
        limit.take("slow", per_minute=1)
    assert refused.value.parameters["seconds"] == 60


def test_so_many_at_once() -> None:
    """The one over the limit is refused; when one leaves, the next may come."""
    limit = ConcurrencyLimit(2)
    with limit.one_of("a"), limit.one_of("b"):
        with limit.one_of("a"), pytest.raises(Refusal) as refused, limit.one_of("a"):
            pass
        assert refused.value.status == 429
        with limit.one_of("a"):
            pass
