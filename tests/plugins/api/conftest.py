"""One service for most tests: two keys that are files, a fresh SQLite file, a token for everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso.demo.pki import DemoPki
from kyso.text import add_catalogue
from tests.plugins.api.running import RunningService, new_token, running, write_config

EVERYTHING = ("sign", "verify", "extend", "preview", "export", "plugins", "metrics")


@pytest.fixture(scope="session")
def api_config(pki: DemoPki, signature_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kyso.toml with the keys ``leader`` and ``seal``, and ``closed`` whose password nobody gives."""
    folder = tmp_path_factory.mktemp("api")
    keys = {
        name: f"pfx:{pki.pfx(role)}" for name, role in (("leader", "leader"), ("seal", "seal"), ("closed", "holder"))
    }
    pictures = f'[leader]\nimage = "{signature_image}"\n'
    trust = f'[verification]\ntrust = ["{pki.folder / "root.pem"}"]\ncrl = ["{pki.folder / "crl"}"]\n'
    limits = "upload_mib = 6\nupload_s = 2\nheader_s = 1.5\ndeadline_s = 20\nmemory_mib = 1500"
    return write_config(folder, keys, api=limits, more=f'{pictures}[signing]\nkey = "leader"\n{trust}')


@pytest.fixture(scope="session")
def service(api_config: Path, pfx_password: str) -> Iterator[RunningService]:
    """A running service; tests leave it as they found it."""
    secrets = {"LEADER": pfx_password, "SEAL": pfx_password}
    with running(api_config, "--secret-env", "leader=LEADER", "--secret-env", "seal=SEAL", environment=secrets) as up:
        yield up


@pytest.fixture(scope="session")
def token(api_config: Path) -> str:
    """A token with every scope."""
    return new_token(api_config, "tests", *EVERYTHING)


@pytest.fixture(scope="session", autouse=True)
def catalogue() -> None:
    """Make the plugin's texts known, as loading the plugin does."""
    add_catalogue("kyso_api")
