"""The address that providers call: a secret in it, nothing read from it, and a waiting letter that ends at once."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kyso import Config
from kyso.config_check import check
from kyso.diagnosing.doctor import examination_of
from kyso.serving.server import BackgroundServer
from kyso.simulation.scenario import Timing
from kyso.simulation.signatory import CLIENT_ID, CLIENT_SECRET, PERSON_ID
from kyso_remote.callback_secret import callback_secret
from kyso_remote.diagnostic import RemoteDiagnostic
from kyso_remote.simulators.registry import make_simulator
from tests.plugins.api.running import RunningService, new_token, running, write_config
from tests.plugins.registry import registry_with
from tests.plugins.remote.conftest import Remote

SECRET = "bi-mat-cua-dia-chi-nhan-bao-0123456789"
ONCE_AN_HOUR = "poll_s = 3600\nworkers = 1"


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    """A simulated provider whose phone waits for a button."""
    with BackgroundServer(make_simulator("mysign").application("ask")) as server:
        yield Remote("mysign", server.url, tmp_path_factory.mktemp("phone"))


@pytest.fixture(scope="module")
def service(phone: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """`kyso serve` that asks about waiting letters once an hour, unless somebody hints."""
    more = (
        f'[plugins.mysign]\nbase_url = "{phone.url}"\nclient_id = "{CLIENT_ID}"\nallow_private = true\n'
        '[plugins.remote]\ncallback_secret_env = "CALLBACK_SECRET"\n'
    )
    folder = tmp_path_factory.mktemp("callback")
    config = write_config(folder, {"phone": f"mysign:CMT_{PERSON_ID}"}, api=ONCE_AN_HOUR, more=more)
    environment = {"KYSO_MYSIGN_CLIENT_SECRET": CLIENT_SECRET, "CALLBACK_SECRET": SECRET}
    with running(config, "--online", environment=environment) as up:
        yield up


def approve(phone: Remote) -> None:
    """Press the button on the phone."""
    for identifier in re.findall(r'action="/phone/([^"]+)"', phone.fetch("GET", "/phone").decode()):
        phone.fetch("POST", f"/phone/{identifier}", b"decision=approved")


def test_a_call_ends_the_waiting_at_once(phone: Remote, service: RunningService, letter_pdf: bytes) -> None:
    """After the confirmation the provider's call makes the service ask; repeated calls change nothing more."""
    token = new_token(service.config, "callback", "sign")
    sent = service.post("/v1/sign", token, letter_pdf, ("key", "phone"), ("policy", "invisible"))
    assert sent.status == 202, sent.body
    identifier = sent.json["prepared_id"]
    approve(phone)
    states = []
    until = time.monotonic() + 30
    while time.monotonic() < until and "signed" not in states:
        # The first answer may still be "waiting": the simulated phone lets one question pass.
        called = service.call("POST", f"/callbacks/remote/{SECRET}", body=b'{"status_code": 500, "signed_files": "x"}')
        assert called.status == 200
        time.sleep(0.5)
        states.append(service.call("GET", f"/v1/pending/{identifier}", token).json["state"])
    assert states[-1] == "signed"
    for _ in range(5):
        assert service.call("POST", f"/callbacks/remote/{SECRET}").status == 200
    assert service.call("GET", f"/v1/pending/{identifier}", token).json["state"] == "signed"


def test_a_provider_that_calls_needs_no_asking(letter_pdf: bytes, tmp_path: Path) -> None:
    """The simulated provider decides by itself and calls, twice: the letter is signed without the usual questions."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/callbacks/remote/{SECRET}"
    simulator = make_simulator("mysign", Timing(pause_s=1.5, waiting_polls=0, callback_url=address))
    with BackgroundServer(simulator.application("approve")) as provider:
        more = (
            f'[plugins.mysign]\nbase_url = "{provider.url}"\nclient_id = "{CLIENT_ID}"\nallow_private = true\n'
            '[plugins.remote]\ncallback_secret_env = "CALLBACK_SECRET"\n'
        )
        config = write_config(tmp_path, {"phone": f"mysign:CMT_{PERSON_ID}"}, api=ONCE_AN_HOUR, more=more)
        environment = {"KYSO_MYSIGN_CLIENT_SECRET": CLIENT_SECRET, "CALLBACK_SECRET": SECRET}
        with running(config, "--online", "--port", str(port), environment=environment) as service:
            token = new_token(config, "callback", "sign")
            sent = service.post("/v1/sign", token, letter_pdf, ("key", "phone"), ("policy", "invisible"))
            assert sent.status == 202, sent.body
            pending = f"/v1/pending/{sent.json['prepared_id']}"
            until = time.monotonic() + 30
            while (state := service.call("GET", pending, token).json["state"]) == "pending":
                assert time.monotonic() < until
                time.sleep(0.2)
            assert state == "signed"


@pytest.mark.parametrize("secret", ["wrong", SECRET + "x", SECRET[:-1], "%C3%A9" * 40, "a" * 5000])
def test_a_wrong_secret_finds_nothing(secret: str, service: RunningService) -> None:
    """Without the secret the address does not exist, and the secret is in no line of the log."""
    assert service.call("POST", f"/callbacks/remote/{secret}").status == 404
    assert SECRET not in "\n".join(service.lines)


def test_only_a_call_is_answered(service: RunningService) -> None:
    """Nothing can be read at the address."""
    assert service.call("GET", f"/callbacks/remote/{SECRET}").status == 405


def test_the_secret_must_be_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Short, missing or unnamed: the address stays closed, the doctor says so, and the setting is known."""
    settings = {"callback_secret_env": "CALLBACK_SECRET"}
    config = Config(plugins={"remote": settings})
    registry = registry_with("kyso_remote")
    assert not check(config, registry)

    def told() -> list[str]:
        return [line.code for line in RemoteDiagnostic().examine(examination_of(config, registry))]

    monkeypatch.setenv("CALLBACK_SECRET", "short")
    assert callback_secret(settings) is None
    assert "remote.callback_secret_unfit" in told()
    monkeypatch.delenv("CALLBACK_SECRET")
    assert callback_secret(settings) is None
    assert callback_secret({}) is None
    monkeypatch.setenv("CALLBACK_SECRET", SECRET)
    assert callback_secret(settings) == SECRET
    assert "remote.state_callback" in told()
