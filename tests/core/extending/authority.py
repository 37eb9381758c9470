"""A timestamp authority on loopback HTTP that can also misbehave."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from asn1crypto import tsp
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from kyso.demo.pki import Identity, certificate_der

Answer = Callable[[tsp.TimeStampReq, "Authority"], "tuple[int, bytes]"]


class Authority:
    """What runs behind the address.

    :ivar asked: how many requests came.
    :ivar answer: replaces the right answer.
    :ivar moment: the time it states; ``None`` is the present.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.asked = 0
        self.answer: Answer = right_answer
        self.moment: datetime | None = None
        self.url = ""


def right_answer(request: tsp.TimeStampReq, authority: Authority) -> tuple[int, bytes]:
    """Grant what was asked for."""
    return 200, stamp(request, authority).dump()


def stamp(request: tsp.TimeStampReq, authority: Authority) -> Any:
    """Return pyHanko's TimeStampResp for a request."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    identity = authority.identity
    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore()
    for certificate in identity.chain:
        store.register_multiple(load_certs_from_pemder_data(certificate_der(certificate)))
    stamper = DummyTimeStamper(
        next(iter(load_certs_from_pemder_data(certificate_der(identity.certificate)))),
        load_private_key_from_pemder_data(key, None),
        certs_to_embed=store,
        fixed_dt=authority.moment,
    )
    return stamper.request_tsa_response(request)


@contextmanager
def serving(identity: Identity) -> Iterator[Authority]:
    """Run an authority until the block ends."""
    authority = Authority(identity)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.asked += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, data = authority.answer(tsp.TimeStampReq.load(body), authority)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            # A client that has seen enough hangs up.
            with suppress(ConnectionError):
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_port}/tsa"
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
