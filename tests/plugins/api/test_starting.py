"""Starting and ending the service: without configuration, with a token's key, with what is wrong, with more routes."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kyso.cli.program import run
from kyso.config import Config, KeySection
from kyso.demo.pki import DemoPki
from kyso.plugin import KeyTrouble, Secret
from kyso_api.keys import KeyHolder
from tests.plugins.api.running import KYSO, Answer, new_token, running, write_config
from tests.plugins.api.test_service import PLACE, verified
from tests.support.softhsm import PIN, entry, make_tokens, softhsm_module

Refused = Callable[..., tuple[int, str]]


@pytest.fixture
def refused_start(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Start a service that must not start; return its exit code and what it said."""

    def start(config: Path, *arguments: str, **environment: str) -> tuple[int, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        given = [] if "--port" in arguments else ["--port", "0"]
        code = run(["serve", *given, "--config", str(config), "--lang", "en", *arguments])
        return code, capsys.readouterr().err

    return start


def test_without_a_configuration_it_serves_this_machine(
    tmp_path: Path, letter_pdf: bytes, isolated_environment: Path
) -> None:
    """An empty home is enough: loopback, a fresh SQLite file that only its owner reads, verifying works at once."""
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    environment = {"XDG_DATA_HOME": str(tmp_path / "data")}
    with running(empty, environment=environment) as service:
        assert service.url.startswith("http://127.0.0.1:")
        assert any("kyso token create" in line for line in service.lines)
        made = subprocess.run(
            [*KYSO, "token", "create", "first", "--scope", "verify"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, **environment},
        )
        assert service.post("/v1/verify", made.stdout.strip(), letter_pdf).headers["kyso-verdict"] == "unsigned"
        database = next((tmp_path / "data").rglob("records.sqlite3"))
        assert stat.S_IMODE(database.stat().st_mode) == 0o600
        assert service.stop() == 0


def test_a_tokens_key_signs_by_the_servers_session(tmp_path: Path, pki: DemoPki, letter_pdf: bytes) -> None:
    """A key on a token is opened once, in the server's process; workers prepare and finish."""
    module = softhsm_module()
    if module is None:
        pytest.skip("SoftHSM 2 is not installed")
    leader = pki.identities["leader"]
    tokens = make_tokens(tmp_path / "hsm", module, {"LANH DAO": [entry("01", "Lãnh đạo", leader, pki.issuing)]})
    (tmp_path / "pin").write_text(PIN)
    config = write_config(
        tmp_path, {"leader": "pkcs11:token=LANH%20DAO"}, more=f'[plugins.pkcs11]\nmodules = ["{module}"]\n'
    )
    environment = {"SOFTHSM2_CONF": str(tokens)}
    with running(config, "--secret-file", f"leader={tmp_path / 'pin'}", environment=environment) as service:
        token = new_token(config, "hsm", "sign")
        large = letter_pdf + b"%" + b"x" * (2 << 20) + b"\n" + letter_pdf[letter_pdf.rindex(b"startxref") :]
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda data=data: answers.append(service.post("/v1/sign", token, data, *PLACE)))
            for data in (letter_pdf, large, letter_pdf)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [answer.status for answer in answers] == [200] * 3, answers
        assert {verified(answer.body, pki).verdict for answer in answers} == {"valid"}
        assert service.post("/v1/sign", token, letter_pdf, *PLACE, ("level", "lt")).code == "api.level_afterwards"
        assert PIN not in "\n".join(service.lines)


def test_a_wrong_password_stops_the_start(tmp_path: Path, pfx: Path, refused_start: Refused) -> None:
    """The service does not start with a wrong or missing password, and says what is wrong, without the password."""
    config = write_config(tmp_path, {"leader": f"pfx:{pfx}", "seal": f"pfx:{pfx}"})
    code, told = refused_start(config, "--secret-env", "leader=PW", PW="geheim-4711")
    assert (code, "pfx.wrong_password" in told) == (5, True), told
    assert "geheim" not in told
    for arguments, expected in (
        (("--secret-env", "leader=NOT_SET"), 5),
        (("--secret-env", "PW"), 7),
        (("--secret-env", "nobody=PW"), 7),
        (("--secret-env", "leader=PW", "--secret-env", "leader=PW"), 7),
        (("--secret-file", f"leader={tmp_path}"), 5),
    ):
        assert refused_start(config, *arguments)[0] == expected, arguments
    config.write_text(config.read_text().replace("[plugins.api]\n", "[plugins.api]\nworkers = 0\n"))
    assert "api.setting_not_positive" in refused_start(config)[1]


def test_a_taken_port_is_told(tmp_path: Path, refused_start: Refused) -> None:
    """A port that another program holds is one line with what to do."""
    config = write_config(tmp_path, {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, told = refused_start(config, "--port", str(taken.getsockname()[1]))
    assert code == 4
    assert "api.cannot_listen" in told
    assert "--port" in told


def test_a_wrong_pin_stops_the_start(
    tmp_path: Path, pki: DemoPki, refused_start: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token's PIN is tried once, at the start; no letter brings the token nearer to its lock."""
    module = softhsm_module()
    if module is None:
        pytest.skip("SoftHSM 2 is not installed")
    leader = pki.identities["leader"]
    tokens = make_tokens(tmp_path / "hsm", module, {"LANH DAO": [entry("01", "Lãnh đạo", leader, pki.issuing)]})
    more = f'[plugins.pkcs11]\nmodules = ["{module}"]\n'
    config = write_config(tmp_path, {"leader": "pkcs11:token=LANH%20DAO"}, more=more)
    code, told = refused_start(config, "--secret-env", "leader=WRONG", WRONG="999999", SOFTHSM2_CONF=str(tokens))
    assert code == 5
    assert "pkcs11.pin" in told
    assert "999999" not in told


def test_a_secret_that_failed_is_not_handed_out_again(tmp_path: Path, pfx: Path, pfx_password: str) -> None:
    """Where work with a key failed, its secret is spent; after a success it may be asked for anew."""
    config = Config(keys={"leader": KeySection(uri=f"pfx:{pfx}")})
    holder = KeyHolder(config, {"leader": Secret("wrong")}, online=False)
    with pytest.raises(KeyTrouble) as first:
        holder.check()
    assert first.value.code == "pfx.wrong_password"
    for _ in range(3):
        with pytest.raises(KeyTrouble) as again:
            holder.open("leader")
        assert again.value.code == "api.secret_spent"
    right = KeyHolder(config, {"leader": Secret(pfx_password)}, online=False)
    right.check()
    right.engine.close()
    right.check()
    right.close()


ROUTES = """
from kyso.plugin import Contribution, Text, hookimpl


def _load():
    from fastapi import APIRouter, Request

    router = APIRouter()

    @router.post("/callback/{secret}")
    async def callback(secret: str):
        return {"heard": len(secret)}

    @router.get("/v1/example/whoami")
    async def whoami(request: Request):
        return {"token": request.state.token.name}

    @router.get("/broken")
    async def broken():
        raise ValueError("what a letter says")

    return router


@hookimpl
def register_routes(register):
    register(Contribution("example", Text("Ví dụ", "Example"), load=_load))
    register(Contribution("absent", Text("Hỏng", "Broken"), load=lambda: 1 / 0))
"""


def test_other_plugins_add_routes(tmp_path: Path) -> None:
    """Contributed routes are served: below /v1 with a token, elsewhere open; one that does not load is left out."""
    (tmp_path / "kyso_test_routes.py").write_text(ROUTES)
    info = tmp_path / "kyso_test_routes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kyso-test-routes\nVersion: 1.0\n\n")
    (info / "entry_points.txt").write_text("[kyso]\ntestroutes = kyso_test_routes\n")
    config = write_config(tmp_path, {}, api="workers = 1")
    log = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with running(config, environment={"PYTHONPATH": str(tmp_path), **log}) as service:
        assert service.call("POST", "/callback/abc").json == {"heard": 3}
        assert service.call("GET", "/v1/example/whoami").status == 401
        token = new_token(config, "caller", "verify")
        assert service.call("GET", "/v1/example/whoami", token).json == {"token": "caller"}
        broken = service.call("GET", "/broken")
        assert (broken.status, broken.code) == (500, "serving.defect")
        assert b"what a letter says" not in broken.body
        assert "Traceback" not in "\n".join(service.lines)
        assert list((tmp_path / "state").rglob("kyso-*.log"))
        assert service.entries("routes_left_out") == [
            {"at": service.entries("routes_left_out")[0]["at"], "event": "routes_left_out", "name": "absent"}
            | {"code": "plugins.load_failed"}
        ]
        assert service.call("GET", "/nowhere").code == "api.route_unknown"
        assert service.call("PUT", "/healthz").code == "api.method_wrong"


def test_what_is_under_way_is_finished_before_the_end(
    api_config: Path, pfx_password: str, letter_pdf: bytes, tmp_path: Path
) -> None:
    """A request that is being worked on when the service is told to end is answered; nothing is left in its folder."""
    config = tmp_path / "kyso.toml"
    config.write_text(api_config.read_text().replace(str(api_config.parent / "records"), str(tmp_path / "records")))
    environment = {"LEADER": pfx_password, "TMPDIR": str(tmp_path)}
    with running(config, "--secret-env", "leader=LEADER", environment=environment) as service:
        token = new_token(config, "last", "preview")
        answers: list[Answer] = []
        sending = threading.Thread(
            target=lambda: answers.append(service.post("/v1/preview", token, letter_pdf, *PLACE, ("dpi", "300")))
        )
        assert list(tmp_path.glob("kyso-serve-*"))
        sending.start()
        # Long enough for the request to arrive, too short for the picture to be ready.
        time.sleep(0.1)
        assert service.stop() == 0
        sending.join(20)
        assert [answer.status for answer in answers] == [200]
        assert not list(tmp_path.glob("kyso-serve-*"))
        assert json.loads(service.lines[-1])["status"] == 200
