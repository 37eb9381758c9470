"""What a stranger tries: no token, another's token, odd names, floods, bombs. All refused, and nothing is told."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.plugins.api.running import RunningService, new_token, running
from tests.plugins.api.test_service import PLACE

pytestmark = pytest.mark.xdist_group("api")


def raw(service: RunningService, *parts: bytes, pause_s: float = 0.0, timeout_s: float = 15.0) -> tuple[bytes, float]:
    """Send octets as they are and return what comes until the end of the connection, and after how many seconds."""
    place = urlsplit(service.url)
    started = time.monotonic()
    with socket.create_connection((place.hostname, place.port or 0), timeout=timeout_s) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause_s)
            while chunk := connection.recv(65536):
                received += chunk
                if b"\r\n\r\n" in received and b"connection: close" not in received.lower():
                    break
        except (ConnectionResetError, BrokenPipeError):
            pass
    return received, time.monotonic() - started


def head(service: RunningService, path: str, *lines: str) -> bytes:
    """Return a POST's head."""
    host = urlsplit(service.url).netloc
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


# --------------------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer kyso_000000000000_" + "A" * 43,
        "Bearer ' OR 1=1 --",
        "Basic a3lzbzpreXNv",
        "Bearer " + "x" * 5000,
    ],
)
def test_without_a_right_token_nothing_below_v1_answers(service: RunningService, authorization: str | None) -> None:
    """Missing and wrong tokens are 401 on every path, known or not, with the same words for every wrong one."""
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("POST", "/v1/sign"), ("GET", "/v1/pending"), ("GET", "/v1/nonsense"), ("DELETE", "/v1")):
        answer = service.call(method, path, headers=headers)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.code == ("api.token_missing" if authorization in (None, "Bearer") else "api.token_refused") or (
            authorization or ""
        ).startswith("Basic")


def test_the_refusal_comes_before_the_body(service: RunningService) -> None:
    """401 is answered when the head has come: the body of a hundred megabytes is neither awaited nor read."""
    announced = head(service, "/v1/sign", "Content-Type: multipart/form-data; boundary=x", "Content-Length: 104857600")
    received, seconds = raw(service, announced)
    assert received.startswith(b"HTTP/1.1 401")
    assert seconds < 1
    asking, _ = raw(service, announced.replace(b"Content-Length", b"Expect: 100-continue\r\nContent-Length"))
    assert asking.startswith(b"HTTP/1.1 401")
    assert b"100 Continue" not in asking


def test_scopes_and_keys_are_held_to(service: RunningService, api_config: Path, letter_pdf: bytes) -> None:
    """A token for verifying signs nothing, and one for the seal does not sign as the leader, nor prepares unseen."""
    only_verify = new_token(api_config, "verifier", "verify")
    assert service.post("/v1/verify", only_verify, letter_pdf).status == 200
    for path in ("/v1/sign", "/v1/sign/prepare", "/v1/sign/complete", "/v1/extend", "/v1/preview", "/v1/kbnn/envelope"):
        assert service.post(path, only_verify, letter_pdf).code == "api.scope_missing"
    assert service.call("GET", "/v1/pending", only_verify).code == "api.scope_missing"
    assert service.call("GET", "/v1/plugins", only_verify).code == "api.scope_missing"
    assert service.call("GET", "/metrics", only_verify).code == "api.scope_missing"
    only_seal = new_token(api_config, "sealer", "sign", "preview", keys=["seal"])
    for path in ("/v1/sign", "/v1/preview"):
        answer = service.post(path, only_seal, letter_pdf, *PLACE)
        assert (answer.status, answer.code) == (403, "api.key_forbidden")


def test_a_wrong_scope_is_refused_before_the_body(service: RunningService, api_config: Path) -> None:
    """403 too is answered before the body is read."""
    token = new_token(api_config, "reader", "verify")
    lines = (f"Authorization: Bearer {token}", "Content-Type: application/pdf", "Content-Length: 5000000")
    received, seconds = raw(service, head(service, "/v1/sign", *lines))
    assert received.startswith(b"HTTP/1.1 403")
    assert seconds < 1


# ------------------------------------------------------------------------------------------- names and paths


@pytest.mark.parametrize("key", ["pfx:/etc/passwd", "pfx:leader.p12", "../leader", "leader\x00", "file:///x", "LEADER"])
def test_keys_are_names_of_the_configuration_only(
    service: RunningService, token: str, letter_pdf: bytes, key: str
) -> None:
    """No URI, path or near miss is taken for a key."""
    answer = service.post("/v1/sign", token, letter_pdf, ("key", key), *PLACE[1:])
    assert (answer.status, answer.code) == (400, "key.unknown_name")


def test_odd_file_names_are_only_shown(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """A name with a path, control or bidirectional characters is cut down to what can be shown; nothing is opened."""
    for given in ("../../../etc/cron.d/x", "C:\\windows\\x.pdf", "a\u202efdp.exe", "/", "..", "x" * 4000):
        fields = [*PLACE, ("document", (given, letter_pdf, "application/pdf"))]
        answer = service.call("POST", "/v1/sign", token, fields=fields)
        assert answer.status == 200, answer.body
        shown = json.loads(answer.headers["kyso-answer"])["document"]
        assert "/" not in shown
        assert "\\" not in shown
        assert "\u202e" not in shown
        assert 0 < len(shown) <= 200


@pytest.mark.parametrize("name", ["../../etc/passwd", "%2e%2e%2f", "a" * 3000, "' OR '1'='1", "\ufffd"])
def test_identifiers_are_no_paths(service: RunningService, token: str, name: str) -> None:
    """Results and waiting letters of odd names do not exist."""
    from urllib.parse import quote

    for path in ("/v1/results/", "/v1/pending/"):
        assert service.call("GET", path + quote(name, safe=""), token).status == 404


def test_another_host_name_is_not_answered(service: RunningService, token: str) -> None:
    """A name that was made to point at this machine gets nothing (DNS rebinding)."""
    answer = service.call("GET", "/v1/keys", token, headers={"Host": "rebinding.example:8770"})
    assert (answer.status, answer.code) == (421, "serving.host_unknown")


def test_pages_of_other_origins_get_nothing(service: RunningService, token: str) -> None:
    """A browser's preflight is not answered with a permission."""
    answer = service.call("OPTIONS", "/v1/sign", headers={"Origin": "https://evil.example"})
    assert answer.status == 401
    assert not [name for name in answer.headers if name.startswith("access-control")]


# --------------------------------------------------------------------------------------- floods, slow, bombs


def test_an_upload_over_the_cap_is_cut_off(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """What is larger than the cap is refused while it comes, whether it says its length or not."""
    large = letter_pdf + b"\n" * (7 << 20)
    lines = (f"Authorization: Bearer {token}", "Content-Type: application/pdf", f"Content-Length: {len(large)}")
    received, _ = raw(service, head(service, "/v1/verify", *lines), large[: 6 << 20], large[6 << 20 :])
    assert b" 413 " in received.split(b"\r\n", 1)[0] or received == b""
    chunked = (f"Authorization: Bearer {token}", "Content-Type: application/pdf", "Transfer-Encoding: chunked")
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
    received, _ = raw(service, head(service, "/v1/verify", *chunked), *[chunk] * 7)
    assert b" 413 " in received.split(b"\r\n", 1)[0] or received == b""
    assert service.call("GET", "/healthz").status == 200
    assert 413 in {entry["status"] for entry in service.entries("request")}


def test_a_slow_upload_ends(service: RunningService, token: str) -> None:
    """A body that drips is cut off after the time for uploads, a head that drips after the time for heads."""
    lines = (f"Authorization: Bearer {token}", "Content-Type: application/pdf", "Content-Length: 1000")
    received, seconds = raw(service, head(service, "/v1/verify", *lines), b"%PDF-1.7")
    assert b" 408 " in received.split(b"\r\n", 1)[0]
    assert seconds < 6
    received, seconds = raw(service, b"POST /v1/sign HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
    assert received in (b"",) or b" 400 " in received.split(b"\r\n", 1)[0]
    assert seconds < 6


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b"--x\r\n\r\n\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nleader',
        b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 9000 + b'"\r\n\r\nb\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="key"; filename="a"\r\n\r\nb\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + b"y" * 70_000 + b"\r\n--x--\r\n",
        b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nb\r\n' % n for n in range(99))
        + b"--x--\r\n",
        b"\x00" * 500,
    ],
    ids=range(10),
)
def test_broken_forms_are_refused(service: RunningService, token: str, body: bytes) -> None:
    """A form that is cut off, nested in itself or stuffed is refused in plain words."""
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = service.call("POST", "/v1/sign", token, body=body, headers=headers)
    assert answer.status == 400, answer.body
    assert answer.code.startswith("api.")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "multipart/form-data", "multipart/mixed; boundary=x"]
)
def test_other_kinds_of_content_are_refused(service: RunningService, token: str, kind: str) -> None:
    """Only a form or the letter itself is taken."""
    answer = service.call("POST", "/v1/sign", token, body=b"x", headers={"Content-Type": kind})
    assert (answer.status, answer.code) == (415, "api.media_type")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[" * 60_000, b'{"prepared_id": 1, "signature": "x"}', b"\xff"])
def test_broken_json_is_refused(service: RunningService, token: str, body: bytes) -> None:
    """JSON that is none, too deep or of another shape is refused."""
    headers = {"Content-Type": "application/json"}
    answer = service.call("POST", "/v1/sign/complete", token, body=body, headers=headers)
    assert answer.status == 400
    assert answer.code in ("api.json_unreadable", "api.json_members")


def bomb() -> bytes:
    """Return a letter of two kilobytes whose drawing is a form that draws a form ... twelve times each, ten deep."""
    last, size = 14, b"/MediaBox [0 0 595 842]"
    bodies = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R %s /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>" % size,
        4: b"<< /Length 5 >>\nstream\n/X Do\nendstream",
    }
    for number in range(5, last + 1):
        drawing = b"0 0 m 100 100 l S\n" if number == last else b"/X Do " * 12
        next_form = b"" if number == last else b" /Resources << /XObject << /X %d 0 R >> >>" % (number + 1)
        bodies[number] = (
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 595 842]%s /Length %d >>\nstream\n%s\nendstream"
            % (next_form, len(drawing), drawing)
        )
    data, places = b"%PDF-1.7\n", []
    for number, body in bodies.items():
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (last + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (last + 1, start)


@pytest.fixture(scope="module")
def narrow(api_config: Path, pfx_password: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service of its own with a short deadline and few requests at once."""
    folder = tmp_path_factory.mktemp("narrow")
    text = api_config.read_text("utf-8").replace("deadline_s = 20", "deadline_s = 6\nconcurrent = 3")
    config = folder / "kyso.toml"
    config.write_text(text.replace(str(api_config.parent / "records"), str(folder / "records")), "utf-8")
    with running(config, "--secret-env", "leader=LEADER", environment={"LEADER": pfx_password}) as up:
        yield up


def test_a_bomb_costs_only_itself(narrow: RunningService, letter_pdf: bytes) -> None:
    """While a letter that never ends is worked on, others are signed; it is stopped and its process replaced."""
    token = new_token(narrow.config, "bomber", "sign", "preview")
    assert narrow.post("/v1/sign", token, letter_pdf, *PLACE).status == 200
    with ThreadPoolExecutor(1) as threads:
        exploding = threads.submit(narrow.post, "/v1/preview", token, bomb(), *PLACE)
        time.sleep(0.2)
        for _ in range(5):
            assert narrow.post("/v1/sign", token, letter_pdf, *PLACE).status == 200
        assert not exploding.done()
        answer = exploding.result()
    # Time or memory, whichever this machine runs out of first.
    assert answer.status == 422
    assert answer.code in ("serving.too_slow", "serving.worker_died")
    assert len(narrow.entries("worker_replaced")) == 1
    until = time.monotonic() + 20
    while narrow.call("GET", "/readyz").json.get("workers") != 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert narrow.post("/v1/sign", token, letter_pdf, *PLACE).status == 200


# ------------------------------------------------------------------------------------------------- limits


def test_a_token_has_its_rate(service: RunningService, api_config: Path) -> None:
    """A token over its rate waits; the answer says how long, and other tokens are not touched."""
    slow = new_token(api_config, "slow", "plugins", rate=3)
    answers = [service.call("GET", "/v1/keys", slow) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].code == "serving.rate_exceeded"
    assert int(answers[-1].headers["retry-after"]) > 10


def test_one_token_at_once_many_times(narrow: RunningService, letter_pdf: bytes) -> None:
    """Of many requests of one token at once only as many as permitted are worked on; wrong tokens run out of tries."""
    token = new_token(narrow.config, "many", "sign")
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: narrow.post("/v1/sign", token, letter_pdf, *PLACE), range(24)))
    statuses = {answer.status for answer in answers}
    assert 200 in statuses
    assert statuses <= {200, 429}
    refused = [narrow.call("GET", "/v1/keys", "kyso_wrong").status for _ in range(62)]
    assert set(refused[:60]) == {401}
    assert refused[-1] == 429
    assert narrow.stop() == 0


# --------------------------------------------------------------------------------------------------- the log


def test_the_log_holds_no_secret_and_no_content(
    service: RunningService, token: str, letter_pdf: bytes, pfx_password: str
) -> None:
    """After all of this neither a password, a token, a file's name nor a field's value stands in the log."""
    secret = "Văn bản mật 4711"
    service.post("/v1/sign", token, letter_pdf, *PLACE, ("reason", secret), headers={"Idempotency-Key": "log-4711"})
    service.post("/v1/sign", token, letter_pdf, ("key", secret))
    service.call("GET", f"/v1/results/{token}", token)
    log = "\n".join(service.lines)
    assert service.entries("request")
    for hidden in (pfx_password, token, token.rpartition("_")[2], secret, "4711", "Công văn", "letter.pdf", "decree30"):
        assert hidden not in log
    assert "Traceback" not in log
    for entry in service.entries("request"):
        assert set(entry) == {
            "at", "event", "id", "method", "route", "status", "code", "token", "ms", "octets_in", "octets_out",
        }  # fmt: skip
