"""The one guard for everything fetched from outside: TSA, OCSP, CRL, AIA, remote CAs, gateways, webhooks.

::

    with Fetcher(FetchPolicy(deadline_s=20)) as fetcher:
        answer = fetcher.request("POST", url, body=query, headers={"Content-Type": "application/timestamp-query"})

What it holds to:

- a host name is resolved once, every address it has is judged, and the connection goes to a judged address: a name
  that changes its answer between check and use (DNS rebinding) gains nothing;
- loopback, private and shared ranges are refused unless the policy opts in; link-local addresses (where clouds keep
  their credentials), multicast and reserved ranges are refused always, also inside IPv6 mappings;
- a redirect is judged like a first address; a POST is never redirected, HTTPS never becomes HTTP, and credentials do
  not follow to another origin;
- one deadline covers resolving, connecting, the TLS handshake, headers and body: a server that drips octets gains
  nothing; answers over the size cap are cut off;
- TLS 1.2 or later, certificates verified; proxies of the environment are honoured.

The transport is urllib3: synchronous like the engine, long kept, the base of requests and pip, with connection
reuse, proxies and TLS done right; and its connection is a small class with one method to override, which is where an
address can be judged and pinned. (httpx has no such place without replacing its transport.)

What it does not protect against: with a proxy, the proxy resolves names, so only literal addresses can be judged.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from kyso.errors import RemoteFailed
from kyso.frozen import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SHARED = ipaddress.ip_network("100.64.0.0/10")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class FetchFailed(RemoteFailed):
    """Fetching failed; `sent` tells whether the other side may have received the request."""

    @property
    def sent(self) -> bool:
        """False when it is certain that nothing was sent, so that repeating is safe."""
        return bool(self.parameters.get("sent", False))


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What one kind of fetching may do.

    :param deadline_s: seconds for the whole of one request, redirects included.
    :param size_cap: greatest accepted answer body in octets.
    :param redirects: greatest number of redirects followed by GET and HEAD.
    :param allow_private: permit loopback, private and shared (RFC 6598) addresses.
    :param allow_loopback: where private addresses are permitted, those of this machine as well.
    :param origins: fetch from these origins only (``https://host`` or ``https://host:port``), redirects included; empty
        permits every origin.
    :param plain_http: ``allow`` (CRL, OCSP and TSA are signed themselves), ``loopback`` or ``refuse``.
    :param proxy: ``environment``, ``none``, or a proxy's URL.
    :param ca_file: PEM file with the only TLS roots to accept; ``None`` takes the system's.
    :param client_certificate: PEM file with certificate and key for TLS client authentication.
    """

    deadline_s: float = 20.0
    size_cap: int = 10 * 1024 * 1024
    redirects: int = 3
    allow_private: bool = False
    allow_loopback: bool = True
    origins: frozenset[str] = frozenset()
    plain_http: Literal["allow", "loopback", "refuse"] = "allow"
    proxy: str = "environment"
    ca_file: Path | None = None
    client_certificate: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are lower case; of a repeated header the last value is kept.

    :param url: where it came from, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def is_forbidden(address: Address, *, allow_private: bool, allow_loopback: bool = True) -> bool:
    """Tell whether fetching from `address` is refused."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_forbidden(inner, allow_private=allow_private, allow_loopback=allow_loopback)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return True
    if address.is_loopback:
        return not (allow_private and allow_loopback)
    if address.is_private or address in _SHARED:
        return not allow_private
    return not address.is_global


def origin_of(parts: SplitResult) -> str:
    """Return the origin of an address (RFC 6454, 6.2): lower case, without the scheme's own port."""
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{named}" if parts.port in (None, usual) else f"{parts.scheme}://{named}:{parts.port}"


def _is_refused(address: Address, policy: FetchPolicy) -> bool:
    return is_forbidden(address, allow_private=policy.allow_private, allow_loopback=policy.allow_loopback)


@dataclass(slots=True)
class _Watch:
    """The deadline of one request, kept from the side: it closes the socket when time is over."""

    policy: FetchPolicy
    host: str
    until: float
    sent: bool = False
    expired: bool = False
    # A new connection is watched through a duplicate of its descriptor, which outlives the wrapping in TLS.
    duplicates: list[socket.socket] = dataclasses.field(default_factory=list)
    reused: socket.socket | None = None

    def left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise self.failure("fetch.timeout", seconds=round(self.policy.deadline_s, 1))
        return left

    def failure(self, code: str, **parameters: object) -> FetchFailed:
        return FetchFailed(code, host=self.host, sent=self.sent, **parameters)

    def expire(self) -> None:
        self.expired = True
        for open_socket in (*self.duplicates, *([self.reused] if self.reused is not None else [])):
            # The base method on purpose: SSLSocket.shutdown changes state that another thread is reading.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    def end(self) -> None:
        for duplicate in self.duplicates:
            duplicate.close()


_current: ContextVar[_Watch] = ContextVar("kyso-fetch")


def _resolve(watch: _Watch, host: str, port: int) -> list[tuple[Any, ...]]:
    """Resolve `host` within the deadline; the system's resolver has none of its own."""
    answers: queue.SimpleQueue[list[tuple[Any, ...]] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as cause:
            answers.put(cause if isinstance(cause, OSError) else OSError(str(cause)))

    threading.Thread(target=ask, daemon=True, name="kyso-resolve").start()
    try:
        answer = answers.get(timeout=watch.left())
    except queue.Empty:
        raise watch.failure("fetch.timeout", seconds=round(watch.policy.deadline_s, 1)) from None
    if isinstance(answer, OSError) or not answer:
        raise watch.failure("fetch.unresolvable")
    return answer


def _connect(connection: HTTPConnection) -> socket.socket:
    """Open a socket to a judged address of the connection's host."""
    watch = _current.get()
    to_proxy = connection.proxy is not None
    candidates = _resolve(watch, connection.host, connection.port or 0)
    if not to_proxy:
        for candidate in candidates:
            if _is_refused(ipaddress.ip_address(candidate[4][0].split("%")[0]), watch.policy):
                raise watch.failure("fetch.address_refused", address=candidate[4][0])
    for family, kind, protocol, _, place in candidates:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(watch.left())
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.connect(place)
        except OSError:
            opened.close()
            continue  # the next address; when none is left the failure is told below
        except BaseException:
            opened.close()
            raise
        watch.duplicates.append(opened.dup())
        return opened
    watch.left()
    raise watch.failure("fetch.unreachable", proxy=to_proxy)


class _GuardedHttp(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)

    def request(self, *arguments: Any, **named: Any) -> None:
        _before_sending(self)
        super().request(*arguments, **named)


class _GuardedHttps(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)

    def request(self, *arguments: Any, **named: Any) -> None:
        _before_sending(self)
        super().request(*arguments, **named)


def _before_sending(connection: HTTPConnection) -> None:
    if connection.sock is None:
        connection.connect()
    watch = _current.get()
    assert connection.sock is not None
    connection.sock.settimeout(watch.left())
    if not watch.duplicates:
        watch.reused = connection.sock
    watch.sent = True


class _GuardedHttpPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHttp


class _GuardedHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHttps


class Fetcher:
    """Fetches under one policy and keeps connections open between requests. Usable from several threads."""

    def __init__(self, policy: FetchPolicy | None = None) -> None:
        self.policy = policy or FetchPolicy()
        self._pools: dict[tuple[str, bool], urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close kept connections. Closing twice is harmless."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()

    def request(
        self, method: str, url: str, *, body: bytes | BinaryIO | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and read the whole answer, whatever its status.

        :param body: as bytes, or as a file that is read while it is sent; the latter with its Content-Length.
        :raises FetchFailed: refused by the guard, or no complete answer in time.
        """
        until = time.monotonic() + self.policy.deadline_s
        sending = dict(headers or {})
        sent = False
        for _ in range(self.policy.redirects + 1):
            parts = self._judged(url)
            watch = _Watch(self.policy, parts.hostname or "", until, sent)
            answer = self._once(watch, method, url, body, sending)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                return answer
            sent = watch.sent
            following = urljoin(url, answer.headers["location"])
            if method not in ("GET", "HEAD"):
                raise watch.failure("fetch.redirected", method=method, location=following[:200])
            target = urlsplit(following)
            if parts.scheme == "https" and target.scheme != "https":
                raise watch.failure("fetch.downgraded", location=following[:200])
            if (parts.scheme, parts.netloc) != (target.scheme, target.netloc):
                sending = {name: value for name, value in sending.items() if name.lower() not in _CREDENTIAL_HEADERS}
            url = following
        raise FetchFailed("fetch.redirects", host=urlsplit(url).hostname, count=self.policy.redirects, sent=sent)

    def _judged(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as cause:
            raise FetchFailed("fetch.url_bad", url=url[:200], sent=False) from cause
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or any(c <= " " for c in url):
            raise FetchFailed("fetch.url_bad", url=url[:200] if "@" not in url else parts.scheme, sent=False)
        literal = _literal(host)
        if literal is not None and _is_refused(literal, self.policy):
            # Judged here as well as at the connection, because a proxy would connect in our place.
            raise FetchFailed("fetch.address_refused", host=host, address=host, sent=False)
        if parts.scheme == "http" and not self._plain_permitted(host, literal):
            raise FetchFailed("fetch.plain_refused", host=host, sent=False)
        if self.policy.origins and origin_of(parts) not in self.policy.origins:
            raise FetchFailed("fetch.origin_refused", host=host, origin=origin_of(parts), sent=False)
        return parts

    def _plain_permitted(self, host: str, literal: Address | None) -> bool:
        if self.policy.plain_http == "loopback":
            return host == "localhost" or (literal is not None and literal.is_loopback)
        return self.policy.plain_http == "allow"

    def _once(
        self, watch: _Watch, method: str, url: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        token = _current.set(watch)
        timer = threading.Timer(watch.left(), watch.expire)
        timer.daemon = True
        timer.start()
        try:
            with _named_failures(watch):
                response = self._pool(url).urlopen(
                    method,
                    url,
                    body=body,
                    headers={"Accept-Encoding": "identity", "User-Agent": "kyso", **headers},
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,
                    timeout=urllib3.Timeout(connect=watch.left(), read=watch.left()),
                )
                return self._read(watch, response, url)
        finally:
            timer.cancel()
            watch.end()
            _current.reset(token)

    def _read(self, watch: _Watch, response: urllib3.BaseHTTPResponse, url: str) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        complete = False
        try:
            if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
                raise watch.failure("fetch.encoded", encoding=headers["content-encoding"][:40])
            parts: list[bytes] = []
            size = 0
            for part in response.stream(_CHUNK, decode_content=False):
                size += len(part)
                if size > self.policy.size_cap:
                    raise watch.failure("fetch.too_large", cap=self.policy.size_cap)
                parts.append(part)
            complete = True
        finally:
            if complete:
                response.release_conn()
            else:
                response.close()
        return Answer(response.status, headers, b"".join(parts), url)

    def _pool(self, url: str) -> urllib3.PoolManager:
        kind = (self._proxy_for(url), url.startswith("https:"))
        with self._lock:
            pool = self._pools.get(kind)
            if pool is None:
                pool = self._pools[kind] = self._new_pool(*kind)
            return pool

    def _proxy_for(self, url: str) -> str:
        if self.policy.proxy == "none":
            return ""
        if self.policy.proxy != "environment":
            return self.policy.proxy
        parts = urlsplit(url)
        if proxy_bypass(parts.netloc) or _is_loopback(parts.hostname or ""):
            return ""
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
        return proxy if not proxy or "://" in proxy else f"http://{proxy}"

    def _new_pool(self, proxy: str, tls: bool) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": 4}
        if tls:
            # Reading the system's roots takes tens of milliseconds; CRL, OCSP and TSA are mostly plain HTTP.
            options["ssl_context"] = self._tls()
        pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        pool.pool_classes_by_scheme = {"http": _GuardedHttpPool, "https": _GuardedHttpsPool}
        return pool

    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.policy.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.policy.client_certificate is not None:
                context.load_cert_chain(self.policy.client_certificate)
        except (OSError, ssl.SSLError) as cause:
            raise FetchFailed("fetch.tls_files", reason=type(cause).__name__, sent=False) from cause
        return context


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" or (literal is not None and literal.is_loopback)


@contextlib.contextmanager
def _named_failures(watch: _Watch) -> Iterator[None]:
    """Give urllib3's errors our names; a socket that the deadline closed is a timeout whatever it looks like."""
    try:
        yield
    except FetchFailed:
        raise
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as cause:
        if watch.expired or isinstance(cause, urllib3.exceptions.TimeoutError):
            raise watch.failure("fetch.timeout", seconds=round(watch.policy.deadline_s, 1)) from cause
        if isinstance(cause, urllib3.exceptions.SSLError):
            raise watch.failure("fetch.tls", reason=_tls_reason(cause)) from cause
        if isinstance(cause, urllib3.exceptions.ProxyError):
            raise watch.failure("fetch.proxy", reason=type(cause.original_error).__name__) from cause
        raise watch.failure("fetch.dropped" if watch.sent else "fetch.unreachable", proxy=False) from cause


def _tls_reason(error: BaseException) -> str:
    for cause in (error, *error.args):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)
    return str(error).split("]")[-1].strip(" )'\"")[:120]
