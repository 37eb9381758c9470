"""``kyso doctor`` on remote CAs and timestamp authorities: asked only online, told what is missing, clocks compared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kyso import Config
from kyso.config import KeySection, SigningSection
from kyso.contracts import Diagnosis
from kyso.demo.pki import DemoPki, Subject, issue
from kyso.diagnosing.doctor import examination_of
from kyso.diagnosing.network import NetworkDiagnostic, reach
from kyso.simulation.signatory import PERSON_ID
from kyso_remote.diagnostic import RemoteDiagnostic
from tests.core.extending.authority import serving
from tests.plugins.registry import registry_with
from tests.plugins.remote.conftest import Remote

Start = Callable[..., Remote]


def examined(keys: dict[str, str], plugins: dict[str, Any], *, online: bool) -> list[Diagnosis]:
    config = Config(keys={name: KeySection(uri=uri) for name, uri in keys.items()}, plugins=plugins)
    return list(RemoteDiagnostic().examine(examination_of(config, registry_with("kyso_remote"), online=online)))


def codes(found: list[Diagnosis]) -> list[tuple[str, str]]:
    return [(line.code, line.state) for line in found]


def test_a_provider_is_asked_only_online(start: Start) -> None:
    """Offline the settings are looked at; online the service is reached, without logging in."""
    remote = start("mysign")
    keys = {"leader": f"mysign:CMT_{PERSON_ID}"}
    plugins = {"mysign": {"base_url": remote.url, "client_id": "x", "allow_private": True}}
    offline = codes(examined(keys, plugins, online=False))
    assert offline == [("remote.state_configured", "ok"), ("remote.state_not_asked", "ok")]
    online = examined(keys, plugins, online=True)
    assert codes(online) == [("remote.state_configured", "ok"), ("diagnosing.reached", "ok")]


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set, an address that cannot be read, a service that is not there, and nothing at all."""
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    assert codes(examined({}, {}, online=False)) == [("remote.state_none", "ok")]
    missing = examined({}, {"mysign": {"client_secret_env": "NO_SUCH_SECRET"}}, online=False)
    assert ("remote.secret_env_missing", "failure") in codes(missing)
    assert codes(examined({"a": "csc:x"}, {}, online=False)) == [("remote.base_url_missing", "failure")]
    assert codes(examined({"a": "mysign:x;bad"}, {}, online=False)) == [("remote.uri_bad", "failure")]
    dead = {"mysign": {"base_url": "http://127.0.0.1:1", "allow_private": True}}
    assert ("fetch.unreachable", "failure") in codes(examined({}, dead, online=True))
    private = {"mysign": {"base_url": "https://10.0.0.1"}}
    assert ("fetch.address_refused", "failure") in codes(examined({}, private, online=True))


def test_a_plain_address_is_refused() -> None:
    """The guard that signs holds for the doctor: no plain HTTP but to loopback."""
    assert codes(reach("http://example.invalid/")) == [("fetch.plain_refused", "failure")]


def test_timestamp_authorities_are_tried(pki: DemoPki, tmp_path: Path) -> None:
    """Online each authority gives a timestamp, and its clock is held against ours; a dead one needs mending."""
    from cryptography.x509.oid import ExtendedKeyUsageOID

    identity = issue(
        pki.issuing,
        Subject("TEST TSA"),
        purposes=[ExtendedKeyUsageOID.TIME_STAMPING],
        not_before=datetime.now(UTC) - timedelta(days=300),
    )
    registry = registry_with("kyso_remote")
    with serving(identity) as authority:
        section = SigningSection(tsa=(authority.url, "http://127.0.0.1:1/"))
        config = Config(signing=section)
        offline = NetworkDiagnostic().examine(examination_of(config, registry))
        assert codes(list(offline)) == [("diagnosing.tsa_not_asked", "ok")]
        assert authority.asked == 0
        online = NetworkDiagnostic().examine(examination_of(config, registry, online=True))
        assert codes(list(online)) == [("diagnosing.tsa", "ok"), ("tsa.all_failed", "failure")]
        authority.moment = datetime.now(UTC) - timedelta(hours=2)
        one = Config(signing=SigningSection(tsa=(authority.url,)))
        found = list(NetworkDiagnostic().examine(examination_of(one, registry, online=True)))
        assert codes(found) == [("diagnosing.tsa", "ok"), ("diagnosing.clock_fast", "failure")]
        assert found[1].parameters["minutes"] == 120
    assert codes(list(NetworkDiagnostic().examine(examination_of(Config(), registry)))) == [("diagnosing.no_tsa", "ok")]
