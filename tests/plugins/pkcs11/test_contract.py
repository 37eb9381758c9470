"""The token key source holds to the contract that every key source must hold to."""

from __future__ import annotations

from pathlib import Path

import pytest

from kyso.contracts import KeyAccess, KeySource
from kyso.testing import KeySourceContract, access_with
from kyso_pkcs11.source import TokenSource
from tests.plugins.pkcs11.conftest import PIN, Tokens


class TestTokenSource(KeySourceContract):
    """SoftHSM's leader key."""

    catalogues = ("kyso_pkcs11",)

    @pytest.fixture
    def source(self) -> KeySource:
        """A fresh source."""
        return TokenSource()

    @pytest.fixture
    def uri(self) -> str:
        """The leader's token."""
        return "pkcs11:token=LANH%20DAO"

    @pytest.fixture
    def access(self, softhsm_environment: Tokens, tmp_path: Path) -> KeyAccess:
        """The right PIN, asked at the first signature."""
        return access_with(PIN, tmp_path, options={"modules": [str(softhsm_environment.module)]})

    @pytest.fixture
    def missing_uri(self) -> str:
        """A token that is not there."""
        return "pkcs11:token=NOWHERE"
