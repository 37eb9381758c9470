"""Fetching holds to its guard: addresses, redirects, deadlines, caps and TLS, against real servers on loopback."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kyso.demo.pki import make_root, new_key
from kyso.fetch import Fetcher, FetchFailed, FetchPolicy, is_forbidden, origin_of

LOCAL = FetchPolicy(deadline_s=5, allow_private=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict[str, str]]]

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        self.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        match urlsplit(self.path).path:
            case "/echo":
                self._answer(200, body or b"hello")
            case "/teapot":
                self._answer(418, b"short and stout")
            case "/big":
                self._answer(200, b"x" * 200_000)
            case "/packed":
                self._answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})
            case "/loop":
                self._answer(302, b"", {"Location": "/loop"})
            case "/moved":
                self._answer(302, b"", {"Location": self.path.split("?to=")[1]})
            case "/drip":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                for _ in range(100):
                    self.wfile.write(b".")
                    time.sleep(0.1)
            case "/cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"half")
                self.close_connection = True

    do_GET = do_POST = _serve  # noqa: N815 - the names are http.server's

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


class Server:
    """A server on loopback; `seen` lists what reached it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        handler = type("Handler", (_Handler,), {"seen": self.seen})
        self._server = _QuietServer(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A plain HTTP server."""
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def raw_server() -> Iterator[Callable[[bytes, float], int]]:
    """Start a server that answers any connection with given octets, one by one with a pause; returns its port."""
    listeners: list[socket.socket] = []

    def start(octets: bytes, pause_s: float) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    for octet in octets:
                        connection.send(bytes([octet]))
                        time.sleep(pause_s)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def failure(policy: FetchPolicy, url: str, method: str = "GET", **named: Any) -> FetchFailed:
    with Fetcher(policy) as fetcher, pytest.raises(FetchFailed) as failed:
        fetcher.request(method, url, **named)
    for language in ("vi", "en"):
        assert failed.value.message(language) != failed.value.code
        assert failed.value.next_step(language)
    return failed.value


def test_an_answer_is_whole_whatever_its_status(server: Server) -> None:
    """Status, headers and body come back; an error status is an answer."""
    with Fetcher(LOCAL) as fetcher:
        answer = fetcher.request("POST", f"{server.url}/echo", body=b"data", headers={"Content-Type": "text/x"})
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"data", "4")
        assert fetcher.request("GET", f"{server.url}/teapot").status == 418
    assert server.seen[0][2]["content-type"] == "text/x"


def test_loopback_is_refused_without_opt_in(server: Server) -> None:
    """By default nothing inside the machine or the office network is fetched, by address or by name."""
    for url in (server.url, f"http://localhost:{server.port}", f"http://[::ffff:127.0.0.1]:{server.port}"):
        refused = failure(FetchPolicy(), f"{url}/echo")
        assert refused.code == "fetch.address_refused"
        assert not refused.sent
    assert server.seen == []


@pytest.mark.parametrize(
    ("address", "refused", "refused_with_opt_in"),
    [
        ("8.8.8.8", False, False),
        ("2606:4700::1111", False, False),
        ("127.0.0.1", True, False),
        ("10.1.2.3", True, False),
        ("172.16.0.1", True, False),
        ("192.168.1.1", True, False),
        ("100.64.0.1", True, False),
        ("fd00::1", True, False),
        ("::1", True, False),
        ("169.254.169.254", True, True),
        ("fe80::1", True, True),
        ("0.0.0.0", True, True),
        ("224.0.0.1", True, True),
        ("::ffff:169.254.169.254", True, True),
        ("::ffff:10.0.0.1", True, False),
        ("64:ff9b::a9fe:a9fe", True, True),
        ("2002:a9fe:a9fe::1", True, True),
    ],
)
def test_the_ranges(address: str, refused: bool, refused_with_opt_in: bool) -> None:
    """Each range is judged, also inside IPv6 forms of IPv4 addresses."""
    parsed = ipaddress.ip_address(address)
    assert is_forbidden(parsed, allow_private=False) is refused
    assert is_forbidden(parsed, allow_private=True) is refused_with_opt_in


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """A name that resolves to a public and a private address is refused, and is resolved only once."""
    asked: list[str] = []

    def resolver(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("8.8.8.8", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    refused = failure(FetchPolicy(), f"http://rebinding.example:{server.port}/echo")
    assert refused.code == "fetch.address_refused"
    assert asked == ["rebinding.example"]
    assert server.seen == []


def test_redirects_are_followed_and_judged(server: Server) -> None:
    """GET follows a redirect; one to a forbidden address, a loop, and a POST's redirect are refused."""
    with Fetcher(LOCAL) as fetcher:
        assert fetcher.request("GET", f"{server.url}/moved?to=/echo").url == f"{server.url}/echo"
    metadata = failure(LOCAL, f"{server.url}/moved?to=http://169.254.169.254/latest")
    assert metadata.code == "fetch.address_refused"
    assert failure(LOCAL, f"{server.url}/loop").code == "fetch.redirects"
    assert failure(LOCAL, f"{server.url}/moved?to=/echo", "POST", body=b"1").code == "fetch.redirected"
    assert failure(LOCAL, f"{server.url}/moved?to=file:///etc/passwd").code == "fetch.url_bad"


def test_credentials_do_not_follow_to_another_origin(server: Server) -> None:
    """Authorization stays with the origin it was meant for."""
    other = Server()
    with Fetcher(LOCAL) as fetcher:
        fetcher.request(
            "GET", f"{server.url}/moved?to={other.url}/echo", headers={"Authorization": "Bearer x", "X-A": "1"}
        )
    other.stop()
    assert "authorization" in server.seen[0][2]
    assert "authorization" not in other.seen[0][2]
    assert other.seen[0][2]["x-a"] == "1"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@example.org/",
        "http://[::1",
        "http://a b/",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    """Only plain HTTP and HTTPS addresses are fetched, and a password in one is not repeated."""
    refused = failure(LOCAL, url)
    assert refused.code == "fetch.url_bad"
    assert "secret" not in str(refused)


def test_plain_http_can_be_refused(server: Server) -> None:
    """A policy may refuse unencrypted addresses, or permit them on loopback only."""
    assert failure(FetchPolicy(plain_http="refuse"), "http://example.org/").code == "fetch.plain_refused"
    assert failure(FetchPolicy(plain_http="loopback"), "http://example.org/").code == "fetch.plain_refused"
    with Fetcher(FetchPolicy(plain_http="loopback", allow_private=True)) as fetcher:
        assert fetcher.request("GET", f"{server.url}/echo").status == 200


def test_a_big_answer_is_cut_off(server: Server) -> None:
    """The size cap ends the reading."""
    assert failure(FetchPolicy(allow_private=True, size_cap=100_000), f"{server.url}/big").code == "fetch.too_large"


def test_a_packed_answer_is_refused(server: Server) -> None:
    """A compressed answer nobody asked for cannot become a bomb."""
    assert failure(LOCAL, f"{server.url}/packed").code == "fetch.encoded"


def test_a_cut_answer_is_an_error(server: Server) -> None:
    """An answer shorter than it says is no answer, and the request counts as sent."""
    failed = failure(LOCAL, f"{server.url}/cut")
    assert failed.code == "fetch.dropped"
    assert failed.sent


def test_one_deadline_for_everything(server: Server, raw_server: Callable[[bytes, float], int]) -> None:
    """Dripped bodies, dripped headers and silence all end at the deadline."""
    policy = FetchPolicy(deadline_s=0.6, allow_private=True)
    places = [
        f"{server.url}/drip",
        f"http://127.0.0.1:{raw_server(b'HTTP/1.1 200 OK' + b' ' * 500, 0.1)}/",
        f"http://127.0.0.1:{raw_server(b'H' * 2, 3.0)}/",
    ]
    for place in places:
        started = time.monotonic()
        failed = failure(policy, place)
        assert failed.code == "fetch.timeout"
        assert failed.sent
        assert time.monotonic() - started < 1.5


def test_a_dripped_tls_handshake_ends_at_the_deadline(raw_server: Callable[[bytes, float], int]) -> None:
    """A server that drips its handshake gains nothing, and nothing was sent."""
    record = b"\x16\x03\x03\x40\x00" + b"\x02" * 500
    started = time.monotonic()
    failed = failure(FetchPolicy(deadline_s=0.6, allow_private=True), f"https://127.0.0.1:{raw_server(record, 0.1)}/")
    assert failed.code == "fetch.timeout"
    assert not failed.sent
    assert time.monotonic() - started < 1.5


def test_nobody_there_is_told_as_nothing_sent() -> None:
    """A refused connection and an unknown host are safe to repeat."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failed = failure(LOCAL, f"http://127.0.0.1:{port}/")
    assert (failed.code, failed.sent) == ("fetch.unreachable", False)
    assert failure(LOCAL, "http://no-such-host.invalid/").code == "fetch.unresolvable"


def test_connections_are_kept(server: Server) -> None:
    """A second request uses the first one's connection."""
    with Fetcher(LOCAL) as fetcher:
        for _ in range(3):
            fetcher.request("GET", f"{server.url}/echo")
        (pool,) = fetcher._pools.values()
        assert pool.connection_from_url(server.url).num_connections == 1


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server certificate for localhost from a test root: ``server.pem``, ``root.pem``."""
    folder = tmp_path_factory.mktemp("tls")
    root, key = make_root(), new_key("p-256")
    made = root.certificate
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(made.subject)
        .public_key(key.public_key())
        .serial_number(77)
        .not_valid_before(made.not_valid_before_utc)
        .not_valid_after(made.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(root.key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(private + certificate.public_bytes(Encoding.PEM))
    (folder / "root.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return folder


def test_tls_is_verified(tls_files: Path) -> None:
    """An unknown root and a wrong host name are refused before anything is sent; the right root is accepted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files / "server.pem")
    server = Server(context)
    unknown = failure(LOCAL, f"{server.url}/echo")
    assert (unknown.code, unknown.sent) == ("fetch.tls", False)
    trusting = FetchPolicy(deadline_s=5, allow_private=True, ca_file=tls_files / "root.pem")
    assert failure(trusting, f"https://127.0.0.1:{server.port}/echo").code == "fetch.tls"
    with Fetcher(trusting) as fetcher:
        assert fetcher.request("GET", f"{server.url}/echo").body == b"hello"
    to_plain = failure(trusting, f"{server.url}/moved?to=http://localhost:1/")
    assert to_plain.code == "fetch.downgraded"
    server.stop()
    assert [path.split("?")[0] for _, path, _ in server.seen] == ["/echo", "/moved"]


def test_wrong_tls_files_are_named(tmp_path: Path) -> None:
    """A root file that is not there is told as a setting to mend."""
    policy = FetchPolicy(allow_private=True, ca_file=tmp_path / "missing.pem")
    assert failure(policy, "https://127.0.0.1:1/").code == "fetch.tls_files"


def test_the_proxy_of_the_environment_is_honoured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request to the outside goes through the proxy, which may be inside; NO_PROXY and loopback go direct."""
    monkeypatch.setenv("http_proxy", server.url)
    with Fetcher(FetchPolicy(deadline_s=5)) as fetcher:
        fetcher.request("GET", "http://timestamp.example/echo")
    assert server.seen[0][1] == "http://timestamp.example/echo"
    monkeypatch.setenv("no_proxy", "timestamp.example")
    assert failure(FetchPolicy(deadline_s=5), "http://timestamp.example/echo").code == "fetch.unresolvable"
    assert failure(FetchPolicy(deadline_s=5), "http://169.254.169.254/").code == "fetch.address_refused"


def test_a_proxy_that_refuses_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that does not open a tunnel is told as the proxy's trouble."""
    monkeypatch.setenv("https_proxy", server.url)
    assert failure(FetchPolicy(deadline_s=5), "https://timestamp.example/").code == "fetch.proxy"


def test_only_permitted_origins_are_fetched_from(server: Server) -> None:
    """With a list of origins a first address and a redirect to anywhere else are refused before a connection."""
    permitted = FetchPolicy(deadline_s=5, allow_private=True, origins=frozenset({server.url}))
    with Fetcher(permitted) as fetcher:
        assert fetcher.request("GET", f"{server.url}/moved?to=/echo").body == b"hello"
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    refused = failure(permitted, f"{elsewhere}/echo")
    assert (refused.code, refused.parameters["origin"]) == ("fetch.origin_refused", elsewhere)
    assert failure(permitted, f"{server.url}/moved?to={elsewhere}/echo").code == "fetch.origin_refused"
    assert [path.split("?")[0] for _, path, _ in server.seen] == ["/moved", "/echo", "/moved"]


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("HTTPS://Van-Ban.Example:443/x", "https://van-ban.example"),
        ("http://van-ban.example:8080/", "http://van-ban.example:8080"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_origins_are_normal(address: str, origin: str) -> None:
    """An origin is in lower case and without the scheme's own port, as browsers write it."""
    assert origin_of(urlsplit(address)) == origin


def test_this_machine_can_be_left_out_of_the_private_addresses(server: Server) -> None:
    """A service inside the network may be permitted without permitting the services of this machine."""
    policy = FetchPolicy(allow_private=True, allow_loopback=False)
    assert failure(policy, f"{server.url}/echo").code == "fetch.address_refused"
    assert is_forbidden(ipaddress.ip_address("::ffff:127.0.0.1"), allow_private=True, allow_loopback=False)
    assert not is_forbidden(ipaddress.ip_address("10.1.2.3"), allow_private=True, allow_loopback=False)
    assert not server.seen
