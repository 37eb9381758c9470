"""Who gets in: only the page that `kyso desk` opened, by its own address, with both of its keys."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kyso_desk.gate import Gate
from tests.plugins.desk.running import Answer, RunningDesk, Visitor, running_desk

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")

STRICT = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def assert_refused(answer: Answer, status: int, code: str) -> None:
    """The refusal names its code and says in both languages what is wrong and what to do."""
    assert answer.status == status
    problem = answer.json
    assert problem["code"] == code
    for language in ("vi", "en"):
        assert problem[f"message_{language}"] not in ("", code)
        assert problem[f"next_{language}"]


def test_a_visitor_gets_in(visitor: Visitor) -> None:
    """With cookie and key the desk answers."""
    answer = visitor.get("/api/desk")
    assert answer.status == 200
    assert answer.json["organisation"] == "Ủy ban nhân dân xã An Bình Thử Nghiệm"


def test_keys_are_named_and_nothing_more(visitor: Visitor, office: Path) -> None:
    """The page learns the names of keys, never where they lie."""
    answer = visitor.get("/api/desk")
    assert [key["name"] for key in answer.json["keys"]] == ["leader", "seal"]
    assert b".p12" not in answer.body
    assert b"pfx:" not in answer.body


def without(headers: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the headers without one of them."""
    return {key: value for key, value in headers.items() if key != name}


@pytest.mark.parametrize("cookie", [None, "", "kyso_desk=x", "WRONG"])
def test_the_cookie_is_needed(desk: RunningDesk, visitor: Visitor, cookie: str | None) -> None:
    """Without the cookie, or with another value, even the right key opens nothing."""
    headers = without(visitor.headers, "Cookie")
    if cookie is not None:
        headers["Cookie"] = f"kyso_desk_{desk.port}=wrong" if cookie == "WRONG" else cookie
    assert_refused(desk.request("GET", "/api/desk", headers=headers), 401, "desk.not_opened")


@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_the_cookie_alone_is_not_enough(desk: RunningDesk, visitor: Visitor, key: str | None) -> None:
    """A browser shows the cookie to every port of 127.0.0.1; without the page's own key it opens nothing."""
    headers = without(visitor.headers, "X-Kyso-Desk")
    if key is not None:
        headers["X-Kyso-Desk"] = key
    assert_refused(desk.request("GET", "/api/desk", headers=headers), 401, "desk.not_opened")
    assert_refused(desk.request("POST", "/api/jobs", b"{}", headers), 401, "desk.not_opened")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://evil.example:{port}", "file://"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_other_origins_are_refused(desk: RunningDesk, visitor: Visitor, origin: str, method: str) -> None:
    """A page from elsewhere gets nothing, even with both keys."""
    headers = {**visitor.headers, "Origin": origin.format(port=desk.port)}
    assert_refused(desk.request(method, "/api/desk", headers=headers), 403, "serving.origin_refused")


def test_a_change_without_an_origin_is_refused(desk: RunningDesk, visitor: Visitor) -> None:
    """What changes something must say where it comes from."""
    headers = without(visitor.headers, "Origin")
    assert_refused(desk.request("POST", "/api/jobs", b"{}", headers), 403, "serving.origin_refused")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_calls_foreign_is_refused(desk: RunningDesk, visitor: Visitor, site: str) -> None:
    """A request that the browser itself marks as another site's is refused."""
    headers = {**without(visitor.headers, "Origin"), "Sec-Fetch-Site": site}
    assert_refused(desk.request("GET", "/", headers=headers), 403, "serving.origin_refused")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", ""]
)
def test_a_rebound_name_is_refused(desk: RunningDesk, visitor: Visitor, host: str) -> None:
    """A name that resolves to this machine is not the desk's address, whatever keys come with it."""
    name = host.format(port=desk.port)
    headers = {**visitor.headers, "Host": name, "Origin": f"http://{name}"}
    assert_refused(desk.request("GET", "/api/desk", headers=headers), 421, "serving.host_unknown")
    assert_refused(
        desk.request("GET", urlsplit(desk.opening_url).path, headers={"Host": name}), 421, "serving.host_unknown"
    )


def test_two_host_headers_are_refused(desk: RunningDesk) -> None:
    """A request that names two hosts is refused by the server or the gate, never answered."""
    with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{desk.port}\r\nHost: evil.example\r\n\r\n".encode())
        status = connection.recv(64).split()[1]
    assert status in (b"400", b"421")


def test_a_websocket_is_refused(desk: RunningDesk, visitor: Visitor) -> None:
    """Nothing is upgraded: a WebSocket from a page elsewhere, and one from the page itself, get no connection."""
    for origin in ("https://evil.example", desk.origin):
        headers = {
            **visitor.headers,
            "Origin": origin,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        assert desk.request("GET", "/api/socket", headers=headers).status in (403, 404)


def socket_closed_with(gate: Gate, headers: dict[str, str]) -> int | None:
    """Knock as a WebSocket; return the code the gate closes with, or ``None`` where it lets the socket through."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("the gate reads nothing")

    scope = {"type": "websocket", "path": "/api/socket"}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    knock = gate(scope, receive, send)
    with pytest.raises(StopIteration):
        knock.send(None)  # nothing in it waits, so it ends at once, without an event loop
    return sent[0]["code"] if sent[0]["type"] == "websocket.close" else None


def test_the_gate_judges_websockets_like_requests() -> None:
    """Should a part of the desk ever take WebSockets, host, origin, cookie and key hold for them as well."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    gate = Gate(application, port=8773, language="vi")
    own = {
        "Host": "127.0.0.1:8773",
        "Origin": "http://127.0.0.1:8773",
        "Cookie": f"{gate._cookie}={gate._session}",
        "X-Kyso-Desk": gate._key,
    }
    assert socket_closed_with(gate, own) is None
    assert socket_closed_with(gate, {**own, "Host": "evil.example:8773"}) == 4421
    assert socket_closed_with(gate, {**own, "Origin": "https://evil.example"}) == 4403
    assert socket_closed_with(gate, without(own, "Origin")) == 4403
    assert socket_closed_with(gate, without(own, "Cookie")) == 4401
    assert socket_closed_with(gate, without(own, "X-Kyso-Desk")) == 4401


def test_every_answer_is_strict(desk: RunningDesk, visitor: Visitor) -> None:
    """Pages, data and refusals alike may not be framed, cached, sniffed, or load anything from elsewhere."""
    answers = [visitor.get("/"), visitor.get("/assets/app.js"), visitor.get("/api/desk"), visitor.get("/nothing")]
    answers.append(desk.request("GET", "/"))
    for answer in answers:
        assert {name: answer.headers.get(name) for name in STRICT} == STRICT
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../gate.py",
        "/assets/..%2fgate.py",
        "/assets/%2e%2e/%2e%2e/kyso.toml",
        "/assets/index.html",
        "/assets//etc/passwd",
        "/../../etc/passwd",
        "/assets/app.js%00.css",
        "/view/unknown",
        "/api/letters/..%2f..%2fetc/file",
        "/api/letters/unknown/pages/1",
        "/api/words/..%2fmessages",
    ],
)
def test_no_path_leads_out(visitor: Visitor, path: str) -> None:
    """What is not listed is not served, however its name is written."""
    answer = visitor.get(path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"[organisation]" not in answer.body


@pytest.fixture
def fresh(office: Path) -> Iterator[RunningDesk]:
    """A desk that nobody opened yet."""
    with running_desk(office) as desk:
        yield desk


def test_the_address_opens_once(fresh: RunningDesk) -> None:
    """The secret becomes a cookie that scripts cannot read; a second use is told plainly, as a page for a browser."""
    path = urlsplit(fresh.opening_url).path
    assert_refused(fresh.request("GET", path[:-4] + "AAAA"), 401, "desk.not_opened")
    assert_refused(fresh.request("POST", path, b"", {"Origin": fresh.origin}), 401, "desk.not_opened")
    opened = fresh.request("GET", path)
    assert opened.status == 303
    cookie = opened.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert path.rpartition("/")[2] not in cookie + opened.headers["location"]
    assert_refused(fresh.request("GET", path), 410, "desk.opened_before")
    page = fresh.request("GET", path, headers={"Accept": "text/html"})
    assert page.status == 410
    assert "chạy kyso desk lần nữa" in page.body.decode()
    assert "<script" not in page.body.decode()


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.getuid() != 0, reason="only root on Linux can play another user"
)
def test_another_user_of_the_machine_cannot_open_it(fresh: RunningDesk) -> None:
    """Whoever read the address off the browser's command line is refused; the desk still opens for its own user."""
    knock = (
        "import sys, urllib.request, urllib.error\n"
        "try: urllib.request.urlopen(sys.argv[1])\n"
        "except urllib.error.HTTPError as error: print(error.code, error.read().decode())"
    )
    python = next((path for path in ("/usr/bin/python3", sys.executable) if Path(path).exists()), sys.executable)
    result = subprocess.run(
        [python, "-c", knock, fresh.opening_url],
        user=65534,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    assert result.stdout.startswith("403 ")
    assert "desk.other_user" in result.stdout
    assert fresh.request("GET", urlsplit(fresh.opening_url).path).status == 303


def test_the_workspace_is_private_and_swept(office: Path, letter_pdf: bytes, tmp_path: Path) -> None:
    """While the desk runs its folder is for its user only; when it ends, and after one was killed, nothing is left."""
    environment = {"TMPDIR": str(tmp_path)}
    with running_desk(office, environment=environment) as killed:
        killed.process.kill()
    (left,) = tmp_path.glob("kyso-desk-*")
    with running_desk(office, environment=environment) as desk:
        assert not left.exists()
        (folder,) = tmp_path.glob("kyso-desk-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        desk.open().upload(letter_pdf)
        assert len(list(folder.rglob("letter.pdf"))) == 1
    assert not list(tmp_path.glob("kyso-desk-*"))


def test_a_taken_port_is_told(office: Path, desk: RunningDesk) -> None:
    """A second desk on the same port says so instead of a traceback."""
    command = [Path(sys.executable).with_name("kyso"), "desk", "--port", str(desk.port), "--no-browser"]
    result = subprocess.run(
        command,
        cwd=office,
        env={**os.environ, "KYSO_LANG": "vi"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 4
    assert "desk.port_taken" in result.stderr
    assert "Traceback" not in result.stderr
