"""The gateway over real HTTP: the simulator plays it by the same profile; nothing is ever sent twice by itself."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kyso import text
from kyso.demo.pki import DemoPki
from kyso.fetch import Fetcher, FetchFailed, FetchPolicy
from kyso.plugin import InputRefused, RemoteFailed, Secret
from kyso.serving.server import BackgroundServer
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.dossier import Dossier
from kyso_kbnn.enclosed_pdf import PdfJudgement
from kyso_kbnn.folder import DossierFolder
from kyso_kbnn.gateway import Credentials, GatewayClient, GatewayRefused
from kyso_kbnn.gateway_encoding import hashed_data
from kyso_kbnn.profile import HouseRules, default_profile
from kyso_kbnn.sending import download_folder, refresh_folder, send_folder
from kyso_kbnn.signing import SignerKey, sign_folder
from kyso_kbnn.simulator import GatewaySimulator
from kyso_kbnn.simulator_world import DEMO_PASSWORD, Unit, demo_unit
from tests.plugins.kbnn.dossiers import FORMS, dossier
from tests.plugins.kbnn.keys import key_of

PROFILE = default_profile()
NOW = datetime.now(UTC).replace(microsecond=0)
HOLDER = "test_ctk_1999999"
PASSWORD = Secret(DEMO_PASSWORD)
PDF = b"%PDF-1.4\n%TEST\n"

text.add_catalogue("kyso_kbnn")


@contextmanager
def serving(simulator: GatewaySimulator) -> Iterator[str]:
    with BackgroundServer(simulator.application()) as server:
        yield server.url


def client(url: str, username: str = HOLDER, password: str = DEMO_PASSWORD, **more: Any) -> GatewayClient:
    credentials = Credentials(username, Secret(password), "1999999", "192.0.2.7", "may-thu")
    return GatewayClient(
        PROFILE, credentials, url=url, allow_private=True, **{"deadline_s": 5.0, "pauses_s": (0.01, 0.02), **more}
    )


def signed(
    path: Path, pki: DemoPki, form: str = "16a1", attachments: int = 1, made: Dossier | None = None
) -> DossierFolder:
    made = made or dossier(form)
    folder = DossierFolder.create(path, made, write_authentication_data(made, PROFILE), PROFILE, NOW)
    (path / "attachments").mkdir()
    for number in range(attachments):
        (path / "attachments" / f"tai-lieu-{number}.pdf").write_bytes(PDF + bytes([number]))
    for role, name, after in (("accountant", "test_ktt_1999999", 0), ("holder", HOLDER, 1)):
        who = "accountant" if role == "accountant" else "holder"
        key = SignerKey(key_of(pki.identities[who]), "file", name)
        sign_folder(
            folder,
            "accountant" if who == "accountant" else "holder",
            key,
            PROFILE,
            HouseRules(),
            NOW + timedelta(seconds=after),
        )
    return folder


def send(folder: DossierFolder, url: str, **more: Any) -> str:
    with client(url) as gateway:
        return send_folder(folder, gateway, PASSWORD, PROFILE, datetime.now(UTC), **more).state


@pytest.mark.parametrize("form", FORMS)
def test_a_dossier_goes_the_whole_way(pki: DemoPki, tmp_path: Path, form: str) -> None:
    """Login, upload, send, status, debit note, logout, for every form."""
    simulator = GatewaySimulator()
    folder = signed(tmp_path, pki, form, attachments=2)
    with serving(simulator) as url:
        assert send(folder, url) == "sent"
        with client(url) as gateway:
            assert refresh_folder(folder, gateway, NOW).state == "accepted"
            assert download_folder(folder, gateway, NOW).read_bytes().startswith(b"%PDF-")
        page = Fetcher(FetchPolicy(allow_private=True)).request("GET", url + "/").body.decode()
    assert dossier(form).code in page
    assert simulator.received[dossier(form).code].attachments == 2
    assert simulator.sends == 1


def test_no_password_and_no_token_stays_in_the_folder(pki: DemoPki, tmp_path: Path) -> None:
    """LoginInfo is built at the last moment and kept nowhere."""
    folder = signed(tmp_path, pki)
    with serving(GatewaySimulator()) as url:
        send(folder, url)
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert DEMO_PASSWORD.encode() not in everything
    assert b"LoginInfo" not in everything
    assert b"Bearer" not in everything


def test_a_sent_dossier_is_not_sent_again(pki: DemoPki, tmp_path: Path) -> None:
    """The second call is refused before anything is asked of the gateway."""
    simulator = GatewaySimulator()
    folder = signed(tmp_path, pki)
    with serving(simulator) as url:
        send(folder, url)
        with pytest.raises(InputRefused) as caught:
            send(folder, url)
    assert caught.value.code == "kbnn.already_sent"
    assert simulator.sends == 1


def test_a_line_that_breaks_after_the_dossier_arrived(pki: DemoPki, tmp_path: Path) -> None:
    """The gateway took it and the answer was lost: the status says so, and nothing is sent again."""
    simulator = GatewaySimulator("drop")
    folder = signed(tmp_path, pki)
    with serving(simulator) as url:
        assert send(folder, url) == "accepted"
    assert simulator.sends == 1
    assert [line["event"] for line in folder.state().history][-3:] == ["sending", "send_unknown", "status"]


def test_a_line_that_breaks_and_nobody_knows(pki: DemoPki, tmp_path: Path) -> None:
    """The gateway does not know the dossier: a person is asked, and only `again` sends it once more."""
    folder = signed(tmp_path, pki)
    with serving(GatewaySimulator("lost")) as url:
        with pytest.raises(RemoteFailed) as caught:
            send(folder, url)
        assert caught.value.code == "kbnn.send_unknown"
        assert folder.state().state == "sending"
        with pytest.raises(RemoteFailed):
            send(folder, url)
    simulator = GatewaySimulator()
    with serving(simulator) as url:
        with pytest.raises(RemoteFailed):
            send(folder, url)
        assert simulator.sends == len(simulator.uploads) == 0
        assert send(folder, url, again=True) == "sent"
    assert simulator.sends == 1


@pytest.mark.parametrize("scenario", ["server-error", "garbage"])
def test_an_answer_that_says_nothing_leaves_the_outcome_unknown(pki: DemoPki, tmp_path: Path, scenario: str) -> None:
    """A 500 or a proxy's page may come from either side of the dossier's arrival."""
    folder = signed(tmp_path, pki)
    with serving(GatewaySimulator(scenario)) as url, pytest.raises(RemoteFailed) as caught:
        send(folder, url)
    assert caught.value.code == "kbnn.send_unknown"
    assert folder.state().state == "sending"


def test_nothing_is_intended_while_the_gateway_cannot_be_reached(pki: DemoPki, tmp_path: Path) -> None:
    """No connection: certain that nothing was sent, the dossier may be sent later without anybody's decision."""
    folder = signed(tmp_path, pki, attachments=0)
    with serving(GatewaySimulator()) as url:
        pass
    with pytest.raises(FetchFailed):
        send(folder, url)
    assert folder.state().state == "uploaded"
    with serving(GatewaySimulator()) as url:
        assert send(folder, url) == "sent"


def test_an_expired_token_is_renewed(pki: DemoPki, tmp_path: Path) -> None:
    """The token dies after one use: every call logs in again and the dossier is sent exactly once."""
    simulator = GatewaySimulator("expired-token")
    folder = signed(tmp_path, pki, attachments=3)
    with serving(simulator) as url:
        assert send(folder, url) == "sent"
    assert simulator.sends == 1
    assert len(simulator.uploads) == 3


def test_a_slow_gateway_meets_the_deadline(pki: DemoPki, tmp_path: Path) -> None:
    """The client waits as long as its deadline and no longer; a login that is too slow intends nothing."""
    folder = signed(tmp_path, pki, attachments=0)
    with serving(GatewaySimulator("slow", pause_s=3.0)) as url:
        credentials = Credentials(HOLDER, PASSWORD, "1999999", "192.0.2.7", "may-thu")
        started = time.monotonic()
        with (
            GatewayClient(PROFILE, credentials, url=url, allow_private=True, deadline_s=0.5) as gateway,
            pytest.raises(FetchFailed),
        ):
            send_folder(folder, gateway, PASSWORD, PROFILE, NOW)
        assert time.monotonic() - started < 2.5
    assert folder.state().state == "uploaded"


@pytest.mark.parametrize(
    ("scenario", "state"), [("returned", "returned"), ("processing", "sent"), ("accept", "accepted")]
)
def test_the_gateways_words_become_states(pki: DemoPki, tmp_path: Path, scenario: str, state: str) -> None:
    """Returned, in progress, completed; the answer is kept."""
    folder = signed(tmp_path, pki)
    with serving(GatewaySimulator(scenario)) as url:
        send(folder, url)
        with client(url) as gateway:
            assert refresh_folder(folder, gateway, NOW).state == state
    kept = json.loads((tmp_path / "answers" / "status.json").read_text(encoding="utf-8"))
    assert kept["code"] == dossier().code


@pytest.mark.parametrize(
    ("scenario", "code"), [("suspended", "kbnn.connection_suspended"), ("cancelled", "kbnn.connection_cancelled")]
)
def test_a_suspended_connection_is_a_known_state(pki: DemoPki, tmp_path: Path, scenario: str, code: str) -> None:
    """Chapter I, VI: the client knows that the treasury has stopped the unit's connection."""
    folder = signed(tmp_path, pki)
    with serving(GatewaySimulator(scenario)) as url, pytest.raises(GatewayRefused) as caught:
        send(folder, url)
    assert caught.value.code == code
    assert folder.state().state == "holder_signed"


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [
        (HOLDER, "wrong", "kbnn.login_failed"),
        ("nobody", DEMO_PASSWORD, "kbnn.login_failed"),
        ("test_ktt_1999999", DEMO_PASSWORD, "kbnn.not_account_holder"),
    ],
)
def test_only_the_account_holder_logs_in(username: str, password: str, code: str) -> None:
    """Step 1.2: a wrong password, an unknown name, the accountant's account."""
    with (
        serving(GatewaySimulator()) as url,
        client(url, username, password) as gateway,
        pytest.raises(GatewayRefused) as caught,
    ):
        gateway.login()
    assert caught.value.code == code
    assert password not in str(caught.value)


def test_an_attachment_is_uploaded_once_and_checked_before(pki: DemoPki, tmp_path: Path) -> None:
    """What was uploaded before a failure is not uploaded again; an attachment without both signatures stops all."""
    folder = signed(tmp_path, pki, attachments=2)
    with serving(GatewaySimulator("lost")) as url, pytest.raises(RemoteFailed):
        send(folder, url)
    uploads = dict(folder.state().uploads)
    assert len(uploads) == 2
    folder.save(replace(folder.state(), state="uploaded"))
    with serving(GatewaySimulator()) as url, pytest.raises(GatewayRefused) as caught:
        send(folder, url)
    assert "tệp đã tải lên" in str(caught.value.parameters["answer"])
    assert dict(folder.state().uploads) == uploads
    other = signed(tmp_path / "other", pki)
    with serving(GatewaySimulator()) as url, pytest.raises(InputRefused) as refused:
        send(other, url, verify_pdf=lambda path: PdfJudgement("valid", 1))
    assert refused.value.code == "kbnn.attachments_refused"


def test_an_unregistered_certificate_is_refused(pki: DemoPki, tmp_path: Path) -> None:
    """The simulator knows the unit's certificates."""
    unit = demo_unit()
    unit.certificates["holder"] = {"00" * 32}
    folder = signed(tmp_path, pki)
    with serving(GatewaySimulator(units=(unit,))) as url, pytest.raises(GatewayRefused) as caught:
        send(folder, url)
    assert "chưa đăng ký" in str(caught.value.parameters["answer"])
    assert folder.state().state == "uploaded"


def test_an_unregistered_account_is_refused(pki: DemoPki, tmp_path: Path) -> None:
    """Rule C0 is asked of the treasury's register."""
    unit = Unit("1999999", accounts=frozenset({"other"}), users=demo_unit().users)
    with serving(GatewaySimulator(units=(unit,))) as url, pytest.raises(GatewayRefused) as caught:
        send(signed(tmp_path, pki), url)
    assert "v_dvqhns_sotk_so" in str(caught.value.parameters["answer"])


def captured(pki: DemoPki, tmp_path: Path) -> dict[str, Any]:
    """Return the objects and LoginInfo of a good dossier as they would be sent."""
    folder = signed(tmp_path, pki, attachments=0)
    taken: dict[str, Any] = {}

    class Taking(GatewayClient):
        def send(self, objects: Any, login_info: Any) -> bytes:
            taken.update(objects=json.loads(json.dumps(objects)), login=dict(login_info))
            raise FetchFailed("fetch.unreachable", sent=False)

    with serving(GatewaySimulator()) as url:
        credentials = Credentials(HOLDER, PASSWORD, "1999999", "192.0.2.7", "may-thu")
        with Taking(PROFILE, credentials, url=url, allow_private=True) as gateway, pytest.raises(FetchFailed):
            send_folder(folder, gateway, PASSWORD, PROFILE, NOW)
    return taken


CHANGES: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("amount", lambda body: body["16a1_lines"][0].update(v_so_tien=1)),
    ("no signature", lambda body: body["Document"].update(v_chu_ky_so_ctk="")),
    ("signatures exchanged", lambda body: body["Document"].update(v_chu_ky_so_ctk=body["Document"]["v_chu_ky_so_ktt"])),
    ("md5", lambda body: body["Document"].update(v_du_lieu_toan_van="0" * 32)),
    ("title too long", lambda body: body["Document"].update(v_tieu_de="x" * 151)),
    ("name missing", lambda body: body["16a1"].update(v_dv_nhantien_ten="")),
    (
        "data",
        lambda body: body["Document"].update(
            v_du_lieu_xac_thuc=body["Document"]["v_du_lieu_xac_thuc"].replace("54000000", "94000000")
        ),
    ),
    (
        "unknown file",
        lambda body: body["RefDetailAttach"].append(
            {
                "v_ma_ho_so": body["Document"]["v_ma_ho_so"],
                "v_ngay_ho_so": "20/11/2026",
                "v_ma_kbnn": "0099",
                "v_ten_file": "a.pdf",
                "v_ten_tai_lieu": "a",
                "v_so_thu_tu": 1,
                "fileId": "x",
            }
        ),
    ),
]


@pytest.mark.parametrize("change", [case[1] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_the_simulator_refuses_what_is_wrong(
    pki: DemoPki, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    """One change to a good body: lengths, obligations, data, signatures, files are all looked at."""
    taken = captured(pki, tmp_path)
    simulator = GatewaySimulator()
    with serving(simulator) as url, client(url) as gateway:
        change(taken["objects"])
        with pytest.raises(GatewayRefused):
            gateway.send(taken["objects"], taken["login"])
    assert simulator.received == {}


def test_the_unchanged_body_is_taken_and_a_second_one_is_a_duplicate(pki: DemoPki, tmp_path: Path) -> None:
    """The same body passes; sent again it is refused as a duplicate."""
    taken = captured(pki, tmp_path)
    with serving(GatewaySimulator()) as url, client(url) as gateway:
        gateway.send(taken["objects"], taken["login"])
        with pytest.raises(GatewayRefused) as caught:
            gateway.send(taken["objects"], taken["login"])
    assert caught.value.refusal == "duplicate"


def test_hashed_data_follows_rule_vi() -> None:
    """hex(SHA-256(body + decoded payload of the token)), body first."""
    payload = b'{"salt":"abc"}'
    token = "h." + base64.urlsafe_b64encode(payload).rstrip(b"=").decode() + ".s"
    assert hashed_data(b"[]", token, PROFILE) == hashlib.sha256(b"[]" + payload).hexdigest()
    claim = replace(PROFILE, gateway=replace(PROFILE.gateway, salt="claim", hash_case="upper"))
    assert hashed_data(b"[]", token, claim) == hashlib.sha256(b"[]abc").hexdigest().upper()
    with pytest.raises(RemoteFailed):
        hashed_data(b"[]", "no token", PROFILE)


def test_plain_http_to_the_outside_is_refused() -> None:
    """Without the opt-in for private addresses only HTTPS is spoken."""
    credentials = Credentials(HOLDER, PASSWORD, "1999999", "192.0.2.7", "may-thu")
    with GatewayClient(PROFILE, credentials, url="http://127.0.0.1:9") as gateway, pytest.raises(FetchFailed) as caught:
        gateway.login()
    assert not caught.value.sent


def test_an_upload_tells_how_far_it_is(pki: DemoPki, tmp_path: Path) -> None:
    """Bytes are told as the connection takes them, growing up to the size of the whole form."""
    folder = signed(tmp_path, pki, attachments=0)
    (tmp_path / "attachments" / "lon.pdf").write_bytes(PDF + b"0" * 300_000)
    steps: list[tuple[str, int, int, int]] = []
    told: list[tuple[int, int]] = []

    def progress(what: str, number: int, count: int, size: int) -> Callable[[int, int], None]:
        steps.append((what, number, count, size))
        return lambda sent, whole: told.append((sent, whole))

    simulator = GatewaySimulator()
    with serving(simulator) as url:
        send(folder, url, progress=progress)
    size = 300_000 + len(PDF)
    assert steps == [("lon.pdf", 1, 1, size), ("send", 1, 1, 0)]
    assert [name for name, length in simulator.uploads.values() if length == size] == ["lon.pdf"]
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > size


def test_a_busy_gateway_is_asked_again(pki: DemoPki, tmp_path: Path) -> None:
    """Every service but SendDocument fails once with 503: what is safe is repeated, the dossier is sent once."""
    simulator = GatewaySimulator("busy")
    folder = signed(tmp_path, pki)
    with serving(simulator) as url:
        assert send(folder, url) == "sent"
        with client(url) as gateway:
            assert refresh_folder(folder, gateway, NOW).state == "accepted"
            download_folder(folder, gateway, NOW)
    assert simulator.sends == 1
    assert len(simulator.uploads) == 1


def test_every_log_in_is_told(pki: DemoPki) -> None:
    """Whoever listens hears of each log-in and of each refusal."""
    heard: list[str] = []
    with serving(GatewaySimulator()) as url:
        with client(url, on_login=heard.append) as gateway:
            gateway.login()
        with client(url, password="wrong", on_login=heard.append) as gateway, suppress(GatewayRefused):
            gateway.login()
    assert heard == ["ok", "login_failed"]
