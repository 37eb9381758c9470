"""``kyso desk agent`` as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.sync.client import connect

from kyso.cli.common import Common
from kyso_desk.agent.command import beside_desk
from kyso_desk.agent.leaf import CERTIFICATE_FILE
from kyso_desk.agent.origins import FILE_NAME
from tests.cli.conftest import Kyso
from tests.cli.conftest import kyso as kyso
from tests.plugins.desk_agent.actors import PATIENCE_S, Window
from tests.support.judges import need_tool

pytestmark = pytest.mark.xdist_group("desk_agent")


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the command in a folder, and hand over its process and port."""
    program = [
        sys.executable,
        "-c",
        "from kyso.cli import main; main()",
        "desk",
        "agent",
        "--port",
        "0",
        "--no-browser",
        *arguments,
    ]
    environment = {**os.environ, "KYSO_LANG": "en", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        program, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"wss://127\.0\.0\.1:(\d+)", line)
    assert found, line + process.stderr.read()
    try:
        yield process, int(found[1])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE_S)


def agent_folder() -> Path:
    return Path(os.environ["XDG_DATA_HOME"]) / "kyso" / "agent"


def test_the_agent_runs_until_it_is_told_to_stop(agent_office: Path, pfx_password: str) -> None:
    """It says where it listens, announces windows on stdout, logs one line a request, and ends in order."""
    with running(agent_office) as (process, port):
        context = ssl.create_default_context(cafile=str(agent_folder() / CERTIFICATE_FILE))
        address = f"wss://127.0.0.1:{port}/SignMsg"
        assert process.stdout is not None
        with connect(address, ssl=context, origin="https://dms.example", proxy=None, compression=None) as socket:  # type: ignore[arg-type]
            socket.send(b"xin chao".hex())
            window = Window(process.stdout.readline().strip()).open()
            window.until("origin")
            window.decide("allow")
            window.until("content")
            window.decide("approve", pfx_password)
            window.until("done")
            assert json.loads(socket.recv(timeout=PATIENCE_S))["Status"] == 0
        process.send_signal(signal.SIGTERM)
        out, told = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out) == (0, "")
    (line,) = [line for line in told.splitlines() if line.startswith("{")]
    assert json.loads(line)["outcome"] == "done"
    for secret in (pfx_password, window.token, window.url.split("#")[1], "xin chao"):
        assert secret not in told


def test_a_taken_port_is_told(agent_office: Path, kyso: Kyso, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second agent on the same port says so in one line."""
    with running(agent_office) as (_, port):
        told = kyso("--config", agent_office / "kyso.toml", "desk", "agent", "--port", str(port))
    assert told.code == 4
    assert "agent.port_taken" in told.err


def test_permissions_by_command(kyso: Kyso) -> None:
    """Administrators permit, list and take back; what is no origin is refused."""
    (agent_folder() / FILE_NAME).unlink(missing_ok=True)
    assert kyso("desk", "agent", "list").out == ""
    assert (
        kyso("desk", "agent", "allow", "https://DMS.example/", "--place", "https://files.example", "--private").code
        == 0
    )
    (entry,) = kyso("desk", "agent", "list", "--format", "json").lines
    assert entry["schema"] == "kyso.agent-origins/1"
    assert (entry["origin"], entry["places"]) == ("https://dms.example", ["https://files.example"])
    assert entry["private"] == ["https://dms.example", "https://files.example"]
    assert kyso("desk", "agent", "forget", "https://dms.example").code == 0
    refused = kyso("desk", "agent", "forget", "https://dms.example")
    assert (refused.code, "agent.not_permitted" in refused.err) == (4, True)
    assert kyso("desk", "agent", "allow", "ftp://dms.example").code == 4
    assert kyso("desk", "agent", "list", "--format", "xml").code == 7


def test_installing_needs_consent(kyso: Kyso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nobody can consent; with consent the certificate is installed, and taken out again."""
    need_tool("certutil")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: PTH123, SIM115 - closed with the test
    refused = kyso("desk", "agent", "install")
    assert (refused.code, "agent.consent_needed" in refused.err) == (7, True)
    assert not (tmp_path / ".pki" / "nssdb" / "cert9.db").exists()
    assert kyso("desk", "agent", "install", "--firefox", "--yes").code == 4
    installed = kyso("desk", "agent", "install", "--yes")
    assert (installed.code, installed.out) == (0, "")
    store = f"sql:{tmp_path / '.pki' / 'nssdb'}"
    listed = subprocess.run(["certutil", "-L", "-d", store], capture_output=True, text=True, check=True)
    assert "kyso agent" in listed.stdout
    assert kyso("desk", "agent", "uninstall").code == 0
    listed = subprocess.run(["certutil", "-L", "-d", store], capture_output=True, text=True, check=True)
    assert "kyso agent" not in listed.stdout
    assert not (agent_folder() / CERTIFICATE_FILE).exists()


def with_agent(office: Path, port: int) -> Path:
    """Return a configuration that brings the agent along with the desk."""
    text = (office / "kyso.toml").read_text(encoding="utf-8")
    config = office / f"with-agent-{port}.toml"
    settings = f"\n[plugins.desk]\nagent = true\nagent_port = {port}\nworkers = 1\nagent_workers = 1\n"
    config.write_text(text + settings, encoding="utf-8")
    return config


def test_the_desk_brings_the_agent_along(agent_office: Path) -> None:
    """With ``agent = true`` the desk answers web pages as well, and both end together."""
    program = [sys.executable, "-c", "from kyso.cli import main; main()", "desk", "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [*program, "--config", str(with_agent(agent_office, 0))],
        env={**os.environ, "KYSO_LANG": "en", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "/open/" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert re.search(r"wss://127\.0\.0\.1:\d+", told), told


def test_a_taken_port_costs_the_agent_and_not_the_desk(agent_office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where VGCA Sign Service runs already, the desk says so and opens without the agent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = with_agent(agent_office, taken.getsockname()[1])
        with beside_desk(Common(asked_language="en", config_path=config), no_browser=True):
            assert "agent.port_taken" in capsys.readouterr().err
