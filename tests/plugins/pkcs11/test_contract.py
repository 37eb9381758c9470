"""The token key source holds to the contract that every key source must hold to."""

from __future__ import annotations

from pathlib import Path

import pytest

from kyso.contracts import KeyAccess, KeySource
from kyso.testing import KeySourceContract, access_with
from kyso_pkcs11.source import TokenSource
from tests.plugins.pkcs11.conftest import PIN, Tokens


class TestTokenSource(KeySourceContract):
    """Keys on SoftHSM: RSA, and an elliptic curve."""

    catalogues = ("kyso_pkcs11",)

    @pytest.fixture
    def source(self) -> KeySource:
        """A fresh source."""
        return TokenSource()

    @pytest.fixture(params=["pkcs11:token=LANH%20DAO", "pkcs11:citizen-id=001099000002"], ids=["rsa", "p-256"])
    def uri(self, request: pytest.FixtureRequest) -> str:
        """The leader's and the accountant's."""
        return str(request.param)

    @pytest.fixture
    def access(self, softhsm_environment: Tokens, tmp_path: Path) -> KeyAccess:
        """The right PIN, asked at the first signature."""
        return access_with(PIN, tmp_path, options={"modules": [str(softhsm_environment.module)]})

    @pytest.fixture
    def missing_uri(self) -> str:
        """A token that is not there."""
        return "pkcs11:token=NOWHERE"
