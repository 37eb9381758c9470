"""Whom the agent refuses, and in what words: other pages, other programs, other places, hostile answers and letters."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
import stat
import subprocess
import threading
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pikepdf
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kyso.cms.build import signed_attributes
from kyso_desk.agent.origins import FILE_NAME
from kyso_desk.agent.server import RunningAgent
from tests.plugins.desk_agent.actors import Page, Person, Window
from tests.plugins.desk_agent.conftest import DocumentSystem, PageOf
from tests.support.judges import need_tool

pytestmark = pytest.mark.xdist_group("desk_agent")


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


# ------------------------------------------------------------------------------------------------------ who may ask


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "file://",
        "chrome-extension://abcdef",
        "https://",
        "https://dms.example/path",
        "https://a@b.example",
    ],
)
def test_only_web_pages_may_call(page_of: PageOf, origin: str | None) -> None:
    """A program without an Origin, a local file and an extension are refused at the handshake, in words."""
    with pytest.raises(InvalidStatus) as refused, page_of(origin).connection("GetVersion"):
        pass
    assert refused.value.response.status_code == 403
    assert b"Only web pages" in refused.value.response.body


def test_two_origins_are_none(page_of: PageOf) -> None:
    """A request that states two origins states none."""
    headers = {"additional_headers": [("Origin", "https://other.example")]}
    with pytest.raises(InvalidStatus) as refused, page_of("https://dms.example").connection("GetVersion", **headers):
        pass
    assert refused.value.response.status_code == 403


def test_another_host_is_refused(agent: RunningAgent, page_of: PageOf) -> None:
    """A name that was rebound to this machine reaches neither the pages' socket nor a window."""
    with socket.create_connection(("127.0.0.1", agent.window_port)) as raw:
        raw.sendall(b"GET /confirm/x HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 421")
    import ssl

    context = ssl.create_default_context(cafile=str(agent.leaf.certificate_file))
    with (
        socket.create_connection(("127.0.0.1", agent.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        tls.sendall(
            b"GET /GetVersion HTTP/1.1\r\nHost: rebound.example\r\nOrigin: http://rebound.example\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert tls.recv(100).startswith(b"HTTP/1.1 421")


def test_a_person_can_look_whether_the_agent_runs(agent: RunningAgent) -> None:
    """The bare address answers a browser in words, so that a person can see whether the certificate is trusted."""
    import ssl

    context = ssl.create_default_context(cafile=str(agent.leaf.certificate_file))
    with urllib.request.urlopen(f"https://127.0.0.1:{agent.port}/", context=context) as response:
        assert response.read() == b"The kyso agent is running on this machine.\n"


def test_an_unknown_page_needs_consent_first(page: Page, documents: DocumentSystem, person: Person) -> None:
    """Before the person permits a page nothing is fetched, and a no leaves nothing behind."""
    answer = page.ask("SignApproved", documents.request())
    window = person.window()
    asked = window.until("origin")
    assert [(place["place"], place["own"], place["inside"]) for place in asked["places"]] == [(page.origin, True, True)]
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    assert page.agent.service.store.all() == ()
    # For a moment the page is not heard, so that it cannot wear the person down with windows.
    assert page.answer("SignApproved", documents.request())["Status"] == 403
    assert person.has_none
    page.agent.service.consent.refused_until[documents.origin] = time.monotonic()
    again = page.ask("SignApproved", documents.request())
    window = person.window()
    window.until("origin")
    window.decide("allow")
    window.until("sign")
    window.decide("cancel")
    again.result(30)
    (permission,) = page.agent.service.store.all()
    assert (permission.origin, permission.certificate) == (page.origin, False)


def test_a_permission_taken_back_counts_at_once(
    permitted: Page, documents: DocumentSystem, person: Person, pfx_password: str
) -> None:
    """What was taken back while a request is under way is not used for its next step."""
    answer = permitted.ask("SignApproved", {"FileName": "", "FileUploadHandler": documents.entry()["upload"]})
    window = person.window()
    window.until("choose")
    permitted.agent.service.store.forget(documents.origin)
    assert window.call("file?name=a.pdf", documents.system.letters[0].data)[0] == 204
    window.decide("chosen")
    window.until("sign")
    window.decide("approve", pfx_password)
    assert window.until("undelivered")["error"]["code"] == "agent.origin_refused"
    window.decide("cancel")
    assert answer.result(30)["Status"] != 0
    assert permitted.agent.service.store.all() == ()


def test_another_page_does_not_inherit_a_permission(
    permitted: Page, page_of: PageOf, documents: DocumentSystem, person: Person
) -> None:
    """A page of another port is another page, whatever addresses it names."""
    other = page_of("http://127.0.0.1:1")
    answer = other.ask("SignApproved", documents.request())
    window = person.window()
    asked = window.until("origin")
    assert {place["place"] for place in asked["places"]} == {"http://127.0.0.1:1", permitted.origin}
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11


def test_one_window_for_each_page_and_three_in_all(
    permitted: Page, page_of: PageOf, documents: DocumentSystem, person: Person
) -> None:
    """A page that asks again while its question is open is told to wait, and so is a fourth page."""
    pages = [permitted, page_of("https://one.example"), page_of("https://two.example")]
    waiting = []
    for each in pages:
        answer = each.ask("SignMsg", in_base64(b"text"))
        window = person.window()
        window.until("content", "origin")
        waiting.append((answer, window))
    assert permitted.answer("SignMsg", in_base64(b"more"))["Status"] == 429
    assert page_of("https://three.example").answer("SignMsg", in_base64(b"more"))["Status"] == 429
    for answer, window in waiting:
        window.decide("cancel")
        assert answer.result(30)["Status"] == 11


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can play another user")
def test_another_user_of_the_machine_is_refused(agent: RunningAgent) -> None:
    """A connection of another user is refused where the system tells whose it is."""
    port = agent.window_port
    asking = f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET /confirm/x HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n"
    asking += "Connection: close\\r\\n\\r\\n' >&3; cat <&3"
    command = [need_tool("bash"), "-c", asking]
    mine = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert mine.stdout.startswith("HTTP/1.1 200")
    other = subprocess.run(command, capture_output=True, text=True, user=65534, check=True, cwd="/")
    assert other.stdout.startswith("HTTP/1.1 403")
    assert "another user" in other.stdout


# ------------------------------------------------------------------------------------------------ what a page may say


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("SignApproved", "no JSON"),
        ("SignApproved", "[" * 100_000),
        ("SignApproved", "[]"),
        ("SignApproved", {"FileName": ["list"]}),
        ("SignApproved", {"FileName": "javascript:alert(1)"}),
        ("SignApproved", {"FileName": "file:///etc/passwd"}),
        ("SignApproved", {"FileName": "https://user:pass@dms.example/a.pdf"}),
        ("SignApproved", {"FileName": "https://dms.example\\@other.example/"}),
        ("SignApproved", {"FileName": "", "FileUploadHandler": "ftp://dms.example/"}),
        ("SignApproved", {"FileName": "", "JWTToken": "a\r\nX-More: 1"}),
        ("SignApproved", {"FileName": "", "SessionId": "a; other=1"}),
        ("SignApproved", {"FileName": "", "IssuedDate": "31/02/2026"}),
        ("SignApproved", {"FileName": "", "MetaData": [{"Key": {}}]}),
        ("SignFiles", {"Files": []}),
        ("SignFiles", {"Files": [{"URL": "https://dms.example/a.pdf"}] * 201}),
        ("SignFiles", {"Files": [{"URL": "https://dms.example/a.pdf"}]}),
        ("SignMsg", "***"),
        ("SignMsg", ""),
        ("SignXML", {"Base64Content": in_base64(b"<a>")}),
        ("SignXML", {"Base64Content": in_base64(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')}),
        ("SignXML", {"Base64Content": in_base64(b"<a>" * 1000 + b"</a>" * 1000)}),
        ("VerifyPDF", {"FileName": ""}),
    ],
)
def test_wrong_requests_are_named(permitted: Page, person: Person, operation: str, message: Any) -> None:
    """What is no request of the contract answers with status 400 and words, and opens no window."""
    answer = permitted.answer(operation, message)
    assert answer["Status"] == 400
    assert answer["Message"]
    assert person.has_none


def test_binary_and_oversize_messages_are_refused(permitted: Page) -> None:
    """A binary message is no request; one over the cap ends the connection."""
    assert permitted.answer("SignApproved", b"{}")["Status"] == 400
    with permitted.connection("SignMsg") as opened:
        with suppress(ConnectionClosed):
            opened.send("x" * (25 << 20))
        with pytest.raises(ConnectionClosed):
            opened.recv(timeout=20)


def test_content_that_could_be_attributes_is_refused(
    permitted: Page, documents: DocumentSystem, example: Any, person: Person, pki: Any
) -> None:
    """What parses as a set of CMS attributes is signed neither as a message nor as a file (rule 9 of the design)."""
    from cryptography.hazmat.primitives.serialization import Encoding

    certificate = pki.identities["leader"].certificate.public_bytes(Encoding.DER)
    from datetime import UTC, datetime

    attributes = signed_attributes(bytes(32), certificate, "pades", datetime(2026, 1, 1, tzinfo=UTC))
    answer = permitted.answer("SignMsg", in_base64(attributes))
    assert "attributes of another signature" in answer["Message"]
    assert person.has_none
    documents.system.letters[0] = example.Letter("notes.bin", attributes)
    entry = documents.entry()
    files = [{"FileID": 1, "URL": entry["file"]}]
    asked = permitted.ask("SignFiles", {"Files": files, "FileUploadHandler": entry["upload"]})
    failed = person.window().until("failed")
    assert failed["error"]["code"] == "agent.content_is_attributes"
    assert asked.result(30)["Status"] == 400


# ---------------------------------------------------------------------------------------------- where a page may lead


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[str]]
    letter: ClassVar[bytes]

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.seen.append(self.path)
        if self.path.startswith("/moved?to="):
            self._answer(302, b"", {"Location": self.path.split("?to=")[1]})
        elif self.path == "/big.pdf":
            self._answer(200, b"%PDF-1.7" + bytes(21 << 20))
        elif self.path == "/slow.pdf":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b".")
                threading.Event().wait(0.1)
        elif self.path == "/empty.pdf":
            self._answer(200, b"")
        elif self.path == "/denied.pdf":
            self._answer(401, b"sign in")
        else:
            self._answer(200, self.letter)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


class Place:
    """A server of its own origin; `seen` lists what reached it."""

    def __init__(self, letter: bytes) -> None:
        self.seen: list[str] = []
        handler = type("Handler", (_Handler,), {"seen": self.seen, "letter": letter})
        self.server = _Server(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.by_name = f"http://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def place(letter_pdf: bytes) -> Iterator[Place]:
    """A server that hands out letters in every bad way."""
    running = Place(letter_pdf)
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def placed(page_of: PageOf, place: Place) -> Page:
    """The page of that server, permitted."""
    found = page_of(place.origin)
    found.agent.service.store.permit(place.origin, private=(place.origin,))
    return found


def refusal(page: Page, person: Person, url: str) -> dict[str, Any]:
    """Ask for a letter that cannot be had; return the window's last stage and the answer's status."""
    answer = page.ask("SignApproved", {"FileName": url, "FileUploadHandler": ""})
    failed = person.window().until("failed")
    told = answer.result(30)
    return {"code": failed["error"]["code"], "status": told["Status"], "message": told["Message"]}


def test_a_place_that_is_not_permitted_is_asked_for(placed: Page, place: Place, person: Person) -> None:
    """An address elsewhere is shown to the person before anybody connects to it."""
    answer = placed.ask("SignApproved", {"FileName": f"{place.by_name}/a.pdf", "FileUploadHandler": place.origin})
    window = person.window()
    asked = window.until("origin")
    assert (asked["known"], [entry["place"] for entry in asked["places"]]) == (True, [place.by_name])
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    assert place.seen == []


def test_a_redirect_elsewhere_is_refused(placed: Page, place: Place, person: Person) -> None:
    """A redirect is followed within the permitted places only."""
    elsewhere = refusal(placed, person, f"{place.origin}/moved?to={place.by_name}/a.pdf")
    assert (elsewhere["code"], elsewhere["status"]) == ("fetch.origin_refused", 403)
    assert len(place.seen) == 1
    answer = placed.ask("SignApproved", {"FileName": f"{place.origin}/moved?to=/a.pdf", "FileUploadHandler": ""})
    window = person.window()
    window.until("sign")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11


@pytest.mark.parametrize(("path", "code"), [
    ("/big.pdf", "fetch.too_large"),
    ("/slow.pdf", "fetch.timeout"),
    ("/empty.pdf", "agent.fetch_empty"),
    ("/denied.pdf", "agent.fetch_status"),
])  # fmt: skip
def test_bad_downloads_are_named(placed: Page, place: Place, person: Person, path: str, code: str) -> None:
    """Too large, too slow, empty or denied: the person and the page are told which."""
    told = refusal(placed, person, place.origin + path)
    assert (told["code"], told["status"]) == (code, 500)
    assert "127.0.0.1" in told["message"]


def resolve(monkeypatch: pytest.MonkeyPatch, names: dict[str, str]) -> None:
    """Let the resolver answer for made-up names."""
    usual = socket.getaddrinfo

    def answer(host: Any, port: Any, *arguments: Any, **named: Any) -> Any:
        return usual(names.get(host, host), port, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "0.0.0.0", "::1"])
def test_a_name_that_leads_to_this_machine_is_refused(
    page_of: PageOf, place: Place, person: Person, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A permitted name that resolves to this machine or to a cloud's keys is refused without a question."""
    resolve(monkeypatch, {"dms.example": address})
    origin = f"http://dms.example:{place.server.server_address[1]}"
    page = page_of(origin)
    page.agent.service.store.permit(origin, private=(origin,))
    told = refusal(page, person, f"{origin}/a.pdf")
    assert (told["code"], told["status"]) == ("fetch.address_refused", 403)
    assert place.seen == []


def test_a_name_inside_the_network_is_asked_for(
    page_of: PageOf, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A permitted name that resolves to a private address is shown with the address; a no connects to nothing."""
    resolve(monkeypatch, {"dms.example": "10.255.255.254"})
    page = page_of("https://dms.example")
    page.agent.service.store.permit("https://dms.example")
    answer = page.ask("SignApproved", {"FileName": "https://dms.example/a.pdf", "FileUploadHandler": ""})
    window = person.window()
    asked = window.until("inside")
    assert (asked["place"], asked["address"]) == ("https://dms.example", "10.255.255.254")
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    permission = page.agent.service.store.find("https://dms.example")
    assert permission is not None
    assert permission.private == ()


# --------------------------------------------------------------------------------------------------- hostile letters


def bomb() -> bytes:
    """Return a small PDF whose page draws ten to the ninth forms."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(595, 842))
    inner = pdf.make_stream(b"0 0 1 1 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 9, 9])
    for _ in range(9):
        inner = pdf.make_stream(
            b"/A Do " * 10,
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 9, 9],
            Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=inner)),
        )
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=inner))
    page.Contents = pdf.make_stream(b"BT /F1 10 Tf ET /A Do")
    import io

    written = io.BytesIO()
    pdf.save(written)
    return written.getvalue()


@pytest.mark.parametrize("letter", [b"%PDF-1.7 nothing", b"no PDF at all", b"\x00" * 100, zlib.compress(b"x" * 9999)])
def test_what_is_no_letter_is_told(
    permitted: Page, documents: DocumentSystem, example: Any, person: Person, letter: bytes
) -> None:
    """Whatever comes instead of a letter is refused before anybody is asked to sign it."""
    documents.system.letters[0] = example.Letter("letter.pdf", letter)
    answer = permitted.ask("SignApproved", documents.request())
    assert person.window().until("failed")["error"]["message_vi"]
    assert answer.result(30)["Status"] in (400, 500)


def test_a_bomb_costs_one_request(
    permitted: Page, documents: DocumentSystem, example: Any, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A letter that would draw for hours is given up in time, and the next one is served."""
    monkeypatch.setattr("kyso_desk.agent.letters._PLACE_S", 1.5)
    monkeypatch.setattr("kyso_desk.agent.service._PICTURE_S", 1.5)
    good = documents.system.letters[0]
    documents.system.letters[0] = example.Letter("bomb.pdf", bomb())
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign", "failed")
    status, body = window.call("page/0/1?width=400")
    assert status >= 400
    assert json.loads(body)["code"] == "serving.too_slow"
    window.decide("cancel")
    assert answer.result(30)["Status"] == 11
    documents.system.letters[0] = good
    monkeypatch.undo()
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    assert window.until("sign")["letters"][0]["problem"] is None
    window.decide("cancel")
    answer.result(30)


# ------------------------------------------------------------------------------------------------- the window's door


@pytest.fixture
def asked(permitted: Page, documents: DocumentSystem, person: Person) -> Iterator[Window]:
    """A window that shows a letter."""
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    yield window
    window.send(window.version, "cancel")
    answer.result(30)


def test_the_address_opens_once(permitted: Page, person: Person) -> None:
    """The secret of the address works once; another one and none do not work at all."""
    answer = permitted.ask("SignMsg", in_base64(b"text"))
    window = person.unopened()
    secret = window.url.split("#")[1]
    assert window.call("open", b"", X_Kyso_Opening="wrong")[0] == 401
    assert window.call("state?after=0")[0] == 401
    window.open()
    status, body = window.call("open", b"", X_Kyso_Opening=secret)
    assert (status, json.loads(body)["code"]) == (410, "agent.window_used")
    window.until("content")
    window.decide("cancel")
    answer.result(30)


def test_only_the_window_decides(asked: Window) -> None:
    """Without its token, from another page, or cross-site, a decision is refused."""
    token, asked.token = asked.token, "stolen"
    assert asked.send(asked.version, "approve")[0] == 401
    asked.token = token
    body = json.dumps({"version": asked.version, "action": "approve"}).encode()
    assert asked.call("decide", body, Origin="https://dms.example")[0] == 403
    assert asked.call("decide", body, Origin="null")[0] == 403
    assert asked.call("state?after=0", Sec_Fetch_Site="cross-site")[0] == 403
    assert asked.call("state?after=0", Origin="https://dms.example")[0] == 403


def test_a_decision_counts_once_and_for_what_was_seen(asked: Window) -> None:
    """A decision for an older stage, a made-up one and a replayed one change nothing."""
    assert asked.send(asked.version - 1, "approve")[0] == 409
    assert asked.send(asked.version, "delete everything")[0] == 400
    assert asked.call("decide", b"{}")[0] == 400
    assert asked.call("decide", b"[" * 50_000)[0] == 400
    version = asked.version
    assert asked.send(version, "change")[0] == 204
    assert asked.send(version, "change")[0] == 409
    asked.until("sign")


def test_the_window_forbids_what_it_does_not_need(asked: Window) -> None:
    """The page may load nothing from elsewhere, be framed by nobody, and is never cached."""
    with urllib.request.urlopen(f"{asked.host}/confirm/{asked.identifier}") as response:
        headers, html = response.headers, response.read().decode()
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "<script>" not in html
    assert "dms" not in html
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{asked.host}/window/..%2f..%2fprofile.toml")
    assert missing.value.code == 404


# ------------------------------------------------------------------------------------------------ what is left behind


def test_logs_hold_no_secret_and_no_content(
    permitted: Page,
    documents: DocumentSystem,
    person: Person,
    pfx_password: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The log tells who, what and how it ended; neither PIN nor token, address or content is in it."""
    caplog.set_level(logging.DEBUG, "kyso.agent")
    answer = permitted.ask("SignApproved", documents.request(JWTToken="t0ken-of-the-page", SessionId="s3ssion"))
    window = person.window()
    window.until("sign")
    window.decide("approve", pfx_password)
    window.until("done")
    told = answer.result(30)
    captured = capfd.readouterr()
    everything = caplog.text + captured.out + captured.err
    line = json.loads(next(record.message for record in caplog.records if record.name == "kyso.agent"))
    assert {name: line[name] for name in ("origin", "operation", "outcome")} == {
        "origin": permitted.origin,
        "operation": "SignApproved",
        "outcome": "done",
    }
    for secret in (pfx_password, "t0ken-of-the-page", "s3ssion", "token=", "công văn", window.token):
        assert secret not in everything
        assert secret not in json.dumps(told) or secret == "công văn"
    assert pfx_password not in json.dumps(window.seen)


def test_nothing_of_a_letter_stays_behind(permitted: Page, documents: DocumentSystem, person: Person) -> None:
    """The folder of a request is the user's own while it lives and is gone when the request is answered."""
    workspace = permitted.agent.service.workspace
    answer = permitted.ask("SignApproved", documents.request())
    window = person.window()
    window.until("sign")
    (folder,) = [path for path in workspace.iterdir() if path.is_dir()]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    window.decide("cancel")
    answer.result(30)
    assert [path for path in workspace.iterdir() if path.is_dir()] == []


def test_a_damaged_list_permits_nobody(permitted: Page, person: Person) -> None:
    """A list of permissions that cannot be read is told as this machine's trouble, and permits nobody."""
    file = permitted.agent.leaf.folder / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_bytes()
    file.write_bytes(b"{")
    try:
        answer = permitted.answer("SignMsg", in_base64(b"text"))
    finally:
        file.write_bytes(kept)
    assert "agent.store_unreadable" in answer["Message"]
    assert str(file) not in answer["Message"]
    assert person.has_none
