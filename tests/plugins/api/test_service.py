"""What the service does for a document system, through HTTP, against the real command."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.serialization import pkcs12

from kyso.config import Config, VerificationSection
from kyso.demo.pki import DemoPki
from kyso.engine import Engine
from kyso.verification.report import VerificationReport
from tests.plugins.api.running import Answer, RunningService, kyso, new_token
from tests.support.judges import pdfsig

pytestmark = pytest.mark.xdist_group("api")

LEADER = (("key", "leader"), ("policy", "decree30.leader"))
PLACE = (("key", "leader"), ("policy", "fixed"), ("rect_mm", "120,200,60,25"), ("page", "-1"))


def verified(data: bytes, pki: DemoPki) -> VerificationReport:
    """Verify with the engine, apart from the service."""
    config = Config(verification=VerificationSection(trust=(pki.root_pem,), crl=(pki.crl_folder,)))
    with Engine.from_config(config) as engine:
        return engine.verify(data)


def signed(service: RunningService, token: str, letter: bytes) -> bytes:
    """Return the letter signed by the leader."""
    answer = service.post("/v1/sign", token, letter, *LEADER)
    assert answer.status == 200, answer.body
    return answer.body


# ------------------------------------------------------------------------------------------------- signing


def test_a_letter_comes_back_signed(
    service: RunningService, token: str, letter_pdf: bytes, pki: DemoPki, tmp_path: Path
) -> None:
    """The answer is the signed PDF: the original is its beginning, and it is valid to the engine and to poppler."""
    answer = service.post("/v1/sign", token, letter_pdf, *LEADER)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    told = json.loads(answer.headers["kyso-answer"])
    assert (told["schema"], told["status"], told["policy"]) == ("kyso.signed/1", "signed", "decree30.leader")
    assert answer.body.startswith(letter_pdf)
    report = verified(answer.body, pki)
    assert (report.verdict, report.signatures[0].field) == ("valid", told["field"])
    (tmp_path / "signed.pdf").write_bytes(answer.body)
    assert [entry.valid for entry in pdfsig(tmp_path / "signed.pdf")] == [True]


def test_leader_then_seal(
    service: RunningService, token: str, letter_pdf: bytes, pki: DemoPki, seal_image: Path
) -> None:
    """The seal goes onto the leader's letter; its picture comes with the request."""
    image = ("image", ("../../seal.png", seal_image.read_bytes(), "image/png"))
    fields = [
        ("key", "seal"),
        ("policy", "decree30.seal"),
        ("set", "diameter_mm=36"),
        ("set", "confirm_date=yes"),
        image,
    ]
    answer = service.post("/v1/sign", token, signed(service, token, letter_pdf), *fields)
    assert answer.status == 200, answer.body
    report = verified(answer.body, pki)
    assert (report.verdict, len(report.signatures)) == ("valid", 2)


def test_json_is_answered_with_a_link(service: RunningService, token: str, letter_pdf: bytes, api_config: Path) -> None:
    """Where JSON is preferred, the answer describes the letter and says where to fetch it; only its token may."""
    answer = service.post("/v1/sign", token, letter_pdf, *LEADER, headers={"Accept": "application/json"})
    told = answer.json
    assert (answer.status, told["status"], told["document"]) == (200, "signed", "Công văn 12.pdf")
    fetched = service.call("GET", told["result"]["href"], token)
    assert fetched.headers["content-type"] == "application/pdf"
    digest = hashlib.sha256(fetched.body).digest()
    assert digest.hex() == told["result"]["sha256"]
    assert fetched.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    other = new_token(api_config, "other", "sign")
    assert service.call("GET", told["result"]["href"], other).code == "api.result_unknown"


def test_the_letter_itself_may_be_the_body(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """A PDF as the body with the fields in the query is the same as a form."""
    path = "/v1/sign?key=leader&policy=fixed&rect_mm=120,200,60,25&page=2&name=a.pdf"
    answer = service.call("POST", path, token, body=letter_pdf, headers={"Content-Type": "application/pdf"})
    assert answer.status == 200, answer.body
    assert json.loads(answer.headers["kyso-answer"])["document"] == "a.pdf"


def test_a_large_letter_goes_through_the_disk(
    service: RunningService, token: str, letter_pdf: bytes, pki: DemoPki
) -> None:
    """A letter that is too large for memory is signed all the same, and nothing stays in the work folder."""
    large = letter_pdf + b"%" + b"x" * (3 << 20) + b"\n" + letter_pdf[letter_pdf.rindex(b"startxref") :]
    answer = service.post("/v1/sign", token, large, *PLACE)
    assert answer.status == 200, answer.body[:500]
    assert answer.body.startswith(large)
    assert verified(answer.body, pki).verdict == "valid"
    folders = list(Path("/tmp").glob(f"kyso-serve-{service.process.pid}-*"))
    assert folders
    assert not [file for folder in folders for file in folder.rglob("*.pdf") if file.is_file()]


def test_a_refusal_of_the_engine_is_a_problem(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """What may not be signed is refused with the engine's code, in the language that was asked for."""
    answer = service.post("/v1/sign", token, b"no pdf at all", *PLACE, headers={"Accept-Language": "en"})
    assert (answer.status, answer.code) == (422, "document.not_pdf")
    assert answer.json["detail"] == answer.json["message_en"]
    assert "Công văn 12.pdf" not in json.dumps(service.entries("request"), ensure_ascii=False)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ([("key", "nobody")], 400, "key.unknown_name"),
        ([("key", "closed")], 409, "api.key_closed"),
        ([("key", "leader"), ("policy", "nonsense")], 400, "plugins.unknown"),
        ([("key", "leader"), ("colour", "red")], 400, "api.field_unknown"),
        ([("key", "leader"), ("page", "x")], 400, "api.field_wrong"),
        ([("key", "leader"), ("rect_mm", "1,2,3")], 400, "api.field_wrong"),
        ([("key", "leader"), ("set", "nothing")], 400, "api.field_wrong"),
        ([("key", "leader"), ("level", "x")], 400, "api.field_wrong"),
        ([("key", "leader"), ("level", "t"), ("policy", "invisible")], 400, "tsa.none_configured"),
        ([("key", "leader"), ("key", "seal")], 400, "api.field_twice"),
        ([("key", "leader"), ("signed_at", "2026-11-20T09:00:00")], 400, "api.field_wrong"),
        ([("key", "leader"), ("image", ("a.gif", b"GIF89a", "image/gif")), *PLACE[1:]], 400, "api.image_kind"),
        ([("key", "leader"), ("reason", "x" * 501)], 400, "api.field_too_long"),
    ],
)
def test_wrong_requests_are_refused(
    service: RunningService, token: str, letter_pdf: bytes, fields: list[tuple[str, str]], status: int, code: str
) -> None:
    """A request that cannot be right is refused with what is wrong."""
    answer = service.post("/v1/sign", token, letter_pdf, *fields)
    assert (answer.code, answer.status) == (code, status)


# --------------------------------------------------------------------------------------- prepare and complete


def leaders_key(pki: DemoPki, password: str) -> tuple[rsa.RSAPrivateKey, bytes, list[bytes]]:
    """Return the key that the caller holds, its certificate and those above, PEM."""
    bundle = pkcs12.load_pkcs12(pki.pfx("leader").read_bytes(), password.encode())
    from cryptography.hazmat.primitives.serialization import Encoding

    assert isinstance(bundle.key, rsa.RSAPrivateKey)
    assert bundle.cert is not None
    pems = [entry.certificate.public_bytes(Encoding.PEM) for entry in (bundle.cert, *bundle.additional_certs)]
    return bundle.key, pems[0], pems[1:]


def prepared(service: RunningService, token: str, letter: bytes, pki: DemoPki, password: str) -> tuple[Answer, str]:
    """Prepare the letter for the leader's own key; return the answer and the signature value over its digest."""
    key, certificate, chain = leaders_key(pki, password)
    files = [("certificate", ("c.pem", certificate, "application/x-pem-file"))]
    files += [("chain", ("c.pem", pem, "application/x-pem-file")) for pem in chain]
    answer = service.post("/v1/sign/prepare", token, letter, *files, *PLACE[1:])
    assert answer.status == 201, answer.body
    digest = base64.b64decode(answer.json["digest"])
    assert hashlib.sha256(base64.b64decode(answer.json["signed_attributes"])).digest() == digest
    value = key.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
    return answer, base64.b64encode(value).decode()


def completed(service: RunningService, token: str, prepared_id: str, signature: str, **headers: str) -> Answer:
    """Send the caller's signature value."""
    body = json.dumps({"prepared_id": prepared_id, "signature": signature}).encode()
    return service.call(
        "POST", "/v1/sign/complete", token, body=body, headers={"Content-Type": "application/json", **headers}
    )


def test_the_caller_may_hold_the_key(
    service: RunningService, token: str, letter_pdf: bytes, pki: DemoPki, pfx_password: str
) -> None:
    """A letter is prepared for a certificate and completed with a value made elsewhere, once."""
    answer, value = prepared(service, token, letter_pdf, pki, pfx_password)
    done = completed(service, token, answer.json["prepared_id"], value)
    assert (done.status, done.headers["content-type"]) == (200, "application/pdf"), done.body
    assert verified(done.body, pki).verdict == "valid"
    assert completed(service, token, answer.json["prepared_id"], value).code == "api.prepared_completed"


def test_only_the_token_that_prepared_completes(
    service: RunningService, token: str, letter_pdf: bytes, pki: DemoPki, pfx_password: str, api_config: Path
) -> None:
    """To another token the preparation does not exist, and it stays as it was for its own."""
    answer, value = prepared(service, token, letter_pdf, pki, pfx_password)
    other = new_token(api_config, "thief", "sign")
    assert completed(service, other, answer.json["prepared_id"], value).code == "api.prepared_unknown"
    assert completed(service, token, answer.json["prepared_id"], value).status == 200


def test_a_wrong_value_completes_nothing(
    service: RunningService, token: str, letter_pdf: bytes, pki: DemoPki, pfx_password: str
) -> None:
    """A value over something else is refused, and the right one is still taken afterwards."""
    answer, value = prepared(service, token, letter_pdf, pki, pfx_password)
    _, other = prepared(service, token, letter_pdf + b"\n", pki, pfx_password)
    identifier = answer.json["prepared_id"]
    assert completed(service, token, identifier, other).code == "key.wrong_signature"
    assert completed(service, token, identifier, "///").code == "api.field_wrong"
    assert completed(service, token, "../../etc/passwd", value).code == "api.prepared_unknown"
    assert completed(service, token, identifier, value).status == 200


# ---------------------------------------------------------------------------------------------- repetition


def test_a_repeated_request_gets_the_same_answer(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """The same key and content yield the same octets; another content under the key is refused."""
    again = {"Idempotency-Key": "letter-1"}
    first = service.post("/v1/sign", token, letter_pdf, *PLACE, headers=again)
    second = service.post("/v1/sign", token, letter_pdf, *PLACE, headers=again)
    assert first.status == second.status == 200
    assert first.body == second.body
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    conflict = service.post("/v1/sign", token, letter_pdf + b"\n", *PLACE, headers=again)
    assert (conflict.status, conflict.code) == (409, "api.idempotency_conflict")
    assert service.post("/v1/sign", token, letter_pdf, *LEADER, headers=again).code == "api.idempotency_conflict"


def test_a_refused_request_may_be_sent_again(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """A refusal is not kept under the key, and every token has keys of its own."""
    again = {"Idempotency-Key": "letter-2"}
    assert service.post("/v1/sign", token, b"no pdf", *PLACE, headers=again).status == 422
    assert service.post("/v1/sign", token, letter_pdf, *PLACE, headers=again).status == 200
    wrong = {"Idempotency-Key": "with space"}
    assert service.post("/v1/sign", token, letter_pdf, *PLACE, headers=wrong).code == "api.idempotency_key"


def test_two_at_once_under_one_key_sign_once(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """Of requests that come together under one key one is worked on; the others get its answer or are told to wait."""
    from concurrent.futures import ThreadPoolExecutor

    def send(_: int) -> Answer:
        return service.post("/v1/sign", token, letter_pdf, *LEADER, headers={"Idempotency-Key": "letter-3"})

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(send, range(6)))
    bodies = {answer.body for answer in answers if answer.status == 200}
    assert len(bodies) == 1
    assert {answer.code for answer in answers if answer.status != 200} <= {"api.idempotency_running"}


# ---------------------------------------------------------------------------------------------- the others


def test_a_letter_is_verified(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """The report is kyso.report/1; a changed letter is an answer too; other formats are rendered."""
    letter = signed(service, token, letter_pdf)
    answer = service.post("/v1/verify", token, letter)
    assert (answer.status, answer.headers["kyso-verdict"]) == (200, "valid")
    assert (answer.json["schema"], answer.json["file"]["name"]) == ("kyso.report/1", "Công văn 12.pdf")
    assert answer.json["file"]["path"] is None
    changed = letter.replace(b"/Kids", b"/kids", 1)
    assert service.post("/v1/verify", token, changed).headers["kyso-verdict"] in ("invalid", "unreadable")
    assert service.post("/v1/verify", token, b"nothing").headers["kyso-verdict"] == "unreadable"
    page = service.post("/v1/verify", token, letter, ("format", "html"), headers={"Accept-Language": "en"})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert service.post("/v1/verify", token, letter, ("format", "pdf")).body.startswith(b"%PDF-")
    judged = service.post("/v1/verify", token, letter, ("conformity", "true"), ("at", "2026-11-22T09:00:00+07:00"))
    assert judged.json["conformity"]


def test_a_signature_is_previewed(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """The page comes as a picture with the place beside it; no key is used."""
    answer = service.post("/v1/preview", token, letter_pdf, *LEADER, ("dpi", "50"))
    assert answer.body.startswith(b"\x89PNG")
    assert json.loads(answer.headers["kyso-answer"])["page"] == 2
    assert service.post("/v1/preview", token, letter_pdf, ("key", "pfx:a.p12")).code == "key.unknown_name"


def test_a_signed_letter_is_extended(service: RunningService, token: str, letter_pdf: bytes) -> None:
    """Level LT is refused where it cannot be reached, and answered as far as it goes where that is asked for."""
    letter = signed(service, token, letter_pdf)
    assert service.post("/v1/extend", token, letter, ("level", "lta")).status in (400, 422)
    assert service.post("/v1/extend", token, letter).code == "api.field_missing"
    answer = service.post("/v1/extend", token, letter, ("level", "lt"), ("best_effort", "true"))
    assert answer.status == 200, answer.body
    told = json.loads(answer.headers["kyso-answer"])
    assert (told["schema"], told["level_asked"]) == ("kyso.extended/1", "lt")
    assert answer.body.startswith(letter)


def test_exports_are_reached(service: RunningService, token: str) -> None:
    """An exporter answers under its family; its own refusals come through, and paths are no options."""
    answer = service.post("/v1/kbnn/envelope", token, b'{"x": 1}', ("set", "form=xml"))
    assert answer.status == 422, answer.body
    assert answer.code.startswith("kbnn.")
    path = service.post("/v1/kbnn/envelope", token, b"{}", ("set", "profile=/etc/passwd"))
    assert (path.status, path.code) == (400, "api.option_is_path")
    assert service.post("/v1/kbnn/nonsense", token, b"{}").code == "api.export_unknown"


def test_keys_and_plugins_are_listed(service: RunningService, token: str, api_config: Path) -> None:
    """A token sees the keys it may use; plugins are described as by the command."""
    keys = service.call("GET", "/v1/keys", token).json["keys"]
    assert [key["name"] for key in keys] == ["closed", "leader", "seal"]
    assert "uri" not in keys[0]
    narrow = new_token(api_config, "narrow", "sign", keys=["seal"])
    assert [key["name"] for key in service.call("GET", "/v1/keys", narrow).json["keys"]] == ["seal"]
    assert service.call("GET", "/v1/plugins", token).json["schema"] == "kyso.plugins/1"


def test_health_and_specification_need_no_token(service: RunningService, token: str) -> None:
    """An init system and a developer need no token; the figures do."""
    assert service.call("GET", "/healthz").json == {"status": "ok"}
    assert service.call("GET", "/readyz").json["status"] == "ready"
    described = service.call("GET", "/openapi.json").json
    assert "/v1/sign" in described["paths"]
    examples = described["paths"]["/v1/sign"]["post"]["responses"]["422"]["content"]["application/problem+json"]
    assert set(examples["examples"]) == {"vi", "en"}
    assert service.call("GET", "/metrics").status == 401
    figures = service.call("GET", "/metrics", token).body.decode()
    assert 'kyso_requests_total{method="GET",route="/healthz",status="200"}' in figures
    assert "kyso_workers 2.0" in figures


def test_tokens_are_listed_and_revoked(service: RunningService, api_config: Path, letter_pdf: bytes) -> None:
    """A list never shows the token; a revoked one is refused within seconds."""
    made = kyso(api_config, "token", "create", "short-lived", "--scope", "verify", "--days", "1", "--format", "json")
    told = json.loads(made.stdout)
    shown = told["token"]
    assert service.post("/v1/verify", shown, letter_pdf).status == 200
    listed = kyso(api_config, "token", "list", "--format", "json").stdout
    assert told["id"] in listed
    assert shown not in listed
    assert told["webhook_secret"] not in listed
    assert kyso(api_config, "token", "revoke", told["id"]).returncode == 0
    until = time.monotonic() + 6
    while service.post("/v1/verify", shown, letter_pdf).status == 200:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert service.post("/v1/verify", shown, letter_pdf).code == "api.token_refused"
    assert kyso(api_config, "token", "revoke", "0000").returncode == 7
    assert kyso(api_config, "token", "create", "x", "--scope", "everything").returncode == 7
    assert "revoked" in kyso(api_config, "token", "list", "--lang", "en").stdout
