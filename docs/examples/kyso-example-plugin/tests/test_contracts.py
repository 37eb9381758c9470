"""The plugin keeps the contracts of kyso: the tests are kyso's, the fixtures ours."""

from __future__ import annotations

import pytest
from kyso_example import register_placement_policies
from kyso_example.keys import MemoryKeySource

from kyso.plugin import Contribution, KeySource, PlacementPolicy
from kyso.testing import KeySourceContract, PlacementPolicyContract


class TestMemoryKeys(KeySourceContract):
    """``memory:``"""

    catalogues = ("kyso_example",)

    @pytest.fixture
    def source(self) -> KeySource:
        return MemoryKeySource()

    @pytest.fixture
    def uri(self) -> str:
        return "memory:leader"

    @pytest.fixture
    def missing_uri(self) -> str:
        return "memory:"


class TestCorner(PlacementPolicyContract):
    """``example.corner``"""

    catalogues = ("kyso_example",)

    @pytest.fixture
    def contribution(self) -> Contribution[PlacementPolicy]:
        found: list[Contribution[PlacementPolicy]] = []
        register_placement_policies(found.append)
        return found[0]
