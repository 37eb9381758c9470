"""A whole letter signed on the phone: prepared, confirmed, and finished after a restart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kyso.config import Config, KeySection
from kyso.engine import Engine, digest_to_sign
from kyso.models import Pending, SignatureValue, SignRequest
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from tests.plugins.registry import registry_with
from tests.plugins.remote.conftest import Remote, finish


def test_a_letter_waits_for_the_phone_over_a_restart(
    start: Callable[..., Remote],
    letter_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One engine prepares and sends; another one, as after a reboot, asks again and finishes a valid letter."""
    remote = start("mysign")
    monkeypatch.setenv("KYSO_MYSIGN_CLIENT_SECRET", CLIENT_SECRET)
    access = {"base_url": remote.url, "client_id": CLIENT_ID, "allow_private": True}
    config = Config(keys={"leader": KeySection(uri=f"mysign:CMT_{PERSON_ID}")}, plugins={"mysign": access})
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    with Engine(config, registry_with("kyso_remote"), online=True) as engine:
        prepared = engine.prepare(SignRequest(letter_path, "leader", policy="invisible"), shelf)
        pending = engine.key("leader").sign([digest_to_sign(prepared)], prepared.scheme)
    assert isinstance(pending, Pending)
    out = tmp_path / "signed.pdf"
    with Engine(config, registry_with("kyso_remote"), online=True) as engine:
        (value,) = finish(engine.key("leader"), pending).values  # type: ignore[arg-type]
        engine.finish(prepared.id, SignatureValue(value), shelf, out=out)
        report = engine.verify(out)
    assert out.read_bytes().startswith(letter_path.read_bytes())
    assert report.integrity == "intact"
    assert CLIENT_SECRET not in pending.ticket


def test_the_entry_module_loads_nothing_heavy() -> None:
    """Registering the plugin imports no HTTP client, no server and no cryptography."""
    heavy = "{'urllib3', 'cryptography', 'asyncio', 'starlette', 'pydantic', 'tomllib', 'ssl'}"
    program = (
        "import sys, kyso_remote as r;"
        "r.register_key_sources(lambda c: None); r.register_simulators(lambda c: None);"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
