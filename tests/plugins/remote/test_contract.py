"""Every remote key source holds to the contract that every key source must hold to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kyso.contracts import KeyAccess, KeySource
from kyso.models import Pending
from kyso.testing import KeySourceContract
from kyso_remote.profile import PROFILES
from kyso_remote.source import RemoteSource
from tests.plugins.remote.conftest import Remote
from tests.plugins.remote.test_every_provider import started


class TestRemoteSource(KeySourceContract):
    """Each provider against its simulator, which approves by itself."""

    catalogues = ("kyso_remote",)

    @pytest.fixture(params=PROFILES)
    def remote(self, request: pytest.FixtureRequest, start: Callable[..., Remote]) -> Remote:
        """The running simulator."""
        return started(start, request.param)

    @pytest.fixture
    def source(self, remote: Remote) -> KeySource:
        """The provider's key source."""
        return RemoteSource(remote.name)

    @pytest.fixture
    def uri(self, remote: Remote) -> str:
        """The leader's key."""
        return f"{remote.name}:{remote.user}"

    @pytest.fixture
    def access(self, remote: Remote) -> KeyAccess:
        """The provider's access data and whatever the person must type."""
        return remote.access()

    @pytest.fixture
    def missing_uri(self, remote: Remote) -> str:
        """A certificate that is not there."""
        return f"{remote.name}:{remote.user};serial=0badc0de"

    def confirm(self, pending: Pending) -> None:
        """The simulator's phone approves by itself after the first query."""
        assert pending.parameters["provider"]
