"""The source of PFX files holds to the contract that every key source must hold to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kyso.contracts import KeyAccess, KeySource
from kyso.demo.pki import DEMO_PASSWORD, DemoPki, Subject, issue, pfx_bytes
from kyso.testing import KeySourceContract, access_with
from kyso_pfx.source import PfxSource


class TestPfxSource(KeySourceContract):
    """Files with RSA and elliptic-curve keys, protected the new and the old way."""

    catalogues = ("kyso_pfx",)

    @pytest.fixture(params=["rsa", "p-256", "old"])
    def folder(self, request: pytest.FixtureRequest, pki: DemoPki, tmp_path: Path) -> Path:
        """A folder with the key file ``key.p12``."""
        if request.param == "p-256":
            identity = issue(pki.issuing, Subject("TEST"), kind="p-256")
            (tmp_path / "key.p12").write_bytes(pfx_bytes(identity))
        elif request.param == "old":
            (tmp_path / "key.p12").write_bytes(pfx_bytes(pki.identities["leader"], legacy=True))
        else:
            shutil.copy(pki.pfx("leader"), tmp_path / "key.p12")
        return tmp_path

    @pytest.fixture
    def source(self) -> KeySource:
        """The source."""
        return PfxSource()

    @pytest.fixture
    def uri(self) -> str:
        """The file."""
        return "pfx:key.p12"

    @pytest.fixture
    def access(self, folder: Path) -> KeyAccess:
        """The right password."""
        return access_with(DEMO_PASSWORD, folder)

    @pytest.fixture
    def wrong_access(self, folder: Path) -> KeyAccess:
        """A wrong one."""
        return access_with("wrong-secret", folder)

    @pytest.fixture
    def missing_uri(self) -> str:
        """A file that is not there."""
        return "pfx:gone.p12"
