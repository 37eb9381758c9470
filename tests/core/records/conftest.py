"""A PostgreSQL server for the records, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.postgresql import running_postgresql


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of a running server, with ``{name}`` for the database."""
    with running_postgresql() as url:
        yield url
