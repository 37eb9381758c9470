"""What a page, or somebody who has its keys, may send: capped, in time, and under no other name than a file's."""

from __future__ import annotations

import io
import socket
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from kyso_desk import uploads
from kyso_desk.workspace import safe_name
from tests.plugins.desk.running import RunningDesk, Visitor
from tests.plugins.desk.test_gate import assert_refused

# One process runs all of it: the tests share a desk.
pytestmark = pytest.mark.xdist_group("desk")


def test_a_letter_is_described(visitor: Visitor, letter_pdf: bytes) -> None:
    """The answer has the pages' sizes in millimetres; a page comes as a picture of the width asked for."""
    answer = visitor.upload(letter_pdf, "Công văn số 7.pdf")
    assert answer.status == 200
    letter = answer.json
    assert letter["name"] == "Công văn số 7.pdf"
    assert [[round(side) for side in page] for page in letter["pages"]] == [[210, 297], [210, 297]]
    picture = visitor.get(f"/api/letters/{letter['id']}/pages/2?width=400")
    assert picture.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(picture.body)) as image:
        assert image.format == "JPEG"
        assert image.width in (400, 401)


@pytest.mark.parametrize("query", ["width=99999", "width=-5", "width=abc", "width=1e9", "width="])
def test_a_strange_width_is_refused(visitor: Visitor, letter_pdf: bytes, query: str) -> None:
    """Only a sensible width is drawn."""
    letter = visitor.upload(letter_pdf).json
    assert_refused(visitor.get(f"/api/letters/{letter['id']}/pages/1?{query}"), 400, "desk.bad_request")


def test_a_page_that_is_not_there_is_refused(visitor: Visitor, letter_pdf: bytes) -> None:
    """Asking for page 9 of 2 is told."""
    letter = visitor.upload(letter_pdf).json
    assert_refused(visitor.get(f"/api/letters/{letter['id']}/pages/9"), 422, "document.no_such_page")


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "document.empty"), (b"hello", "document.not_pdf"), (b"%PDF-1.7\n" + b"x" * 2000, "document.beyond_repair")],
)
def test_what_is_no_letter_is_refused_in_words(visitor: Visitor, data: bytes, code: str) -> None:
    """An empty file, a text and rubbish are told apart, and nothing of them stays."""
    assert_refused(visitor.upload(data), 422, code)


def test_too_large_a_file_is_refused_before_it_is_read(desk: RunningDesk, visitor: Visitor) -> None:
    """A declared length over the limit is refused at once; an undeclared one when the limit is reached."""
    headers = {**visitor.headers, "Content-Length": str(21 << 20)}
    assert_refused(desk.request("POST", "/api/letters?name=a.pdf", b"", headers), 413, "serving.body_too_large")
    lines = [f"{name}: {value}" for name, value in visitor.headers.items()]
    with socket.create_connection(("127.0.0.1", desk.port), timeout=30) as connection:
        head = f"POST /api/letters?name=a.pdf HTTP/1.1\r\nHost: 127.0.0.1:{desk.port}\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall((head + "\r\n".join(lines) + "\r\n\r\n").encode())
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        answer = b""
        try:
            for _ in range(24):
                connection.sendall(chunk)
        except OSError:
            pass
        connection.settimeout(10)
        try:
            answer = connection.recv(64)
        except OSError:
            answer = b"HTTP/1.1 413"  # the connection was cut while more was on its way
    assert answer.split()[1] == b"413"
    assert visitor.get("/api/desk").status == 200


def test_a_large_json_is_refused(visitor: Visitor) -> None:
    """Requests other than letters are small."""
    assert_refused(visitor.post("/api/jobs", {"x": "y" * uploads.JSON_CAP_BYTES}), 413, "serving.body_too_large")


@pytest.mark.parametrize("body", [b"[]", b"nothing", b"{", b'"x"', b"[" * 60_000])
def test_what_is_no_json_object_is_refused(desk: RunningDesk, visitor: Visitor, body: bytes) -> None:
    """Anything but an object is refused in words, however deep it nests."""
    assert_refused(desk.request("POST", "/api/jobs", body, visitor.headers), 400, "desk.bad_request")


def test_a_slow_upload_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing arrives for a while the upload ends with its reason, and no file is left."""
    import asyncio

    from starlette.requests import Request

    from kyso.serving.problems import Refusal

    monkeypatch.setattr(uploads, "PAUSE_S", 0.2)
    arrived = [{"type": "http.request", "body": b"%PDF", "more_body": True}]

    async def receive() -> dict[str, object]:
        if arrived:
            return arrived.pop()
        await asyncio.sleep(60)
        raise AssertionError

    async def upload() -> None:
        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
        await uploads.save_body(Request(scope, receive), tmp_path / "slow.pdf", 1000)

    began = time.monotonic()
    with pytest.raises(Refusal) as refusal:
        asyncio.run(upload())
    assert refusal.value.code == "serving.upload_slow"
    assert refusal.value.status == 408
    assert time.monotonic() - began < 5
    assert not list(tmp_path.iterdir())


def bomb() -> bytes:
    """Return a small PDF whose one page inflates to a thousand times its size."""
    zeros = zlib.compressobj(9)
    block = b" " * (1 << 20)
    stream = b"".join(zeros.compress(block) for _ in range(150)) + zeros.flush()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def test_a_pdf_bomb_costs_its_own_request_only(visitor: Visitor, letter_pdf: bytes) -> None:
    """A page that inflates to a thousand times its size is drawn or refused in words, and the next letter is served."""
    answer = visitor.upload(bomb(), "bomb.pdf")
    if answer.status == 200:
        picture = visitor.get(f"/api/letters/{answer.json['id']}/pages/1?width=200")
        assert picture.status in (200, 422, 500)
        if picture.status != 200:
            assert picture.json["message_vi"]
    assert visitor.upload(letter_pdf).status == 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\thư.pdf", "thư.pdf"),
        ("a\u202efdp.exe.pdf", "afdp.exe.pdf"),
        ("\x1b[2Jx.pdf", "_[2Jx.pdf"),
        ("..", "van-ban"),
        ("", "van-ban"),
        (".pdf", "pdf"),
        ("nul.pdf", "van-ban.pdf"),
        ("a" * 400 + ".pdf", "a" * 116 + ".pdf"),
        ("Quyết định.pdf", "Quyết định.pdf"),
        ("a<b>|c?.pdf", "a_b__c_.pdf"),
    ],
)
def test_names_lead_nowhere(given: str, kept: str) -> None:
    """Of a name only what a file may be called is kept."""
    assert safe_name(given) == kept


def test_a_letter_can_be_taken_off_the_desk(desk: RunningDesk, visitor: Visitor, letter_pdf: bytes) -> None:
    """Once taken off it is gone, and taking it off again is harmless."""
    letter = visitor.upload(letter_pdf).json["id"]
    for _ in range(2):
        assert desk.request("DELETE", f"/api/letters/{letter}", headers=visitor.headers).status == 200
    assert_refused(visitor.get(f"/api/letters/{letter}/pages/1"), 400, "desk.no_such_letter")


def test_a_ticket_shows_a_letter_once(desk: RunningDesk, visitor: Visitor, letter_pdf: bytes) -> None:
    """A tab of its own cannot send the page's key; it gets the letter by a ticket that works once, with the cookie."""
    letter = visitor.upload(letter_pdf).json["id"]
    url = visitor.post(f"/api/letters/{letter}/ticket").json["url"]
    assert desk.request("GET", url).status == 401
    shown = desk.request("GET", url, headers={"Cookie": visitor.cookie})
    assert (shown.status, shown.body) == (200, letter_pdf)
    assert shown.headers["content-type"] == "application/pdf"
    assert_refused(desk.request("GET", url, headers={"Cookie": visitor.cookie}), 400, "desk.no_such_letter")
