"""Watching: changes, returned dossiers, strangers' dossiers, amounts and hours; each alarm once, all of it logged."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kyso import text
from kyso.demo.pki import DemoPki
from kyso.models import VIETNAM_TIME
from kyso.plugin import RemoteFailed
from kyso_kbnn.dossier import completed
from kyso_kbnn.folder import DossierFolder
from kyso_kbnn.listing import list_dossiers
from kyso_kbnn.login_log import record
from kyso_kbnn.profile import default_profile
from kyso_kbnn.reading import read_dossier
from kyso_kbnn.settings import WatchRules
from kyso_kbnn.simulator import GatewaySimulator
from kyso_kbnn.simulator_world import Received
from kyso_kbnn.telling import LOG_FILE, Event, draft_notice, tell
from kyso_kbnn.watch import is_unusual, watch_logins, watch_once
from tests.plugins.kbnn.dossiers import DOSSIER_CODE, cash_dossier, dossier
from tests.plugins.kbnn.test_gateway import client, send, serving, signed

PROFILE = default_profile()
ALWAYS = WatchRules(opens_at=datetime.min.time(), closes_at=datetime.max.time(), weekends=True)

text.add_catalogue("kyso_kbnn")


def sent(root: Path, pki: DemoPki, url: str) -> DossierFolder:
    folder = signed(root / "d1", pki, attachments=0)
    send(folder, url)
    return folder


def watched(root: Path, url: str, rules: WatchRules = ALWAYS) -> list[Event]:
    with client(url) as gateway:
        return watch_once(root, gateway, PROFILE, rules, datetime.now(UTC))


@pytest.mark.parametrize(("scenario", "code"), [("accept", "kbnn.watch_changed"), ("returned", "kbnn.watch_returned")])
def test_a_change_is_told_once_and_logged(pki: DemoPki, tmp_path: Path, scenario: str, code: str) -> None:
    """The state changed: told now, not again, and kept in the log."""
    with serving(GatewaySimulator(scenario)) as url:
        sent(tmp_path, pki, url)
        assert [event.code for event in watched(tmp_path, url)] == [code]
        assert watched(tmp_path, url) == []
    log = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text(encoding="utf-8").splitlines()]
    assert [line["code"] for line in log] == [code]
    assert DOSSIER_CODE in log[0]["message_vi"]


def test_a_dossier_that_we_did_not_make_is_an_alarm(pki: DemoPki, tmp_path: Path) -> None:
    """The treasury knows the code after our last one: somebody uses the unit's name. Told once."""
    simulator = GatewaySimulator()
    stranger = DOSSIER_CODE[:-1] + "2"
    simulator.received[stranger] = Received(stranger, "Lạ", datetime.now(VIETNAM_TIME), "", (), 9_000_000, 0)
    with serving(simulator) as url:
        sent(tmp_path, pki, url)
        events = watched(tmp_path, url)
        alarms = [event for event in events if event.kind == "alarm"]
        assert [(event.code, event.dossier) for event in alarms] == [("kbnn.watch_stranger", stranger)]
        assert [event for event in watched(tmp_path, url) if event.kind == "alarm"] == []
    draft = draft_notice(alarms, "Đơn vị mẫu", "0099", datetime.now(UTC))
    assert stranger in draft
    assert "Kho bạc Nhà nước 0099" in draft


def test_an_amount_above_the_limit_is_an_alarm(pki: DemoPki, tmp_path: Path) -> None:
    """64,800,000 with a limit of 50 million."""
    rules = WatchRules(50_000_000, ALWAYS.opens_at, ALWAYS.closes_at, weekends=True)
    with serving(GatewaySimulator()) as url:
        sent(tmp_path, pki, url)
        codes = [event.code for event in watched(tmp_path, url, rules)]
        assert "kbnn.watch_amount" in codes
        assert "kbnn.watch_amount" not in [event.code for event in watched(tmp_path, url, rules)]


def test_what_the_treasury_names_otherwise_is_an_alarm(pki: DemoPki, tmp_path: Path) -> None:
    """Another amount than the dossier has, told once; and a dossier that it took and knows no more."""
    simulator = GatewaySimulator("processing")
    with serving(simulator) as url:
        sent(tmp_path, pki, url)
        simulator.received[DOSSIER_CODE].total = 94_800_000
        (alarm,) = [event for event in watched(tmp_path, url) if event.kind == "alarm"]
        assert alarm.code == "kbnn.watch_other_amount"
        assert "94.800.000" in alarm.message("vi")
        assert watched(tmp_path, url) == []
        simulator.received.clear()
        assert [event.code for event in watched(tmp_path, url)] == ["kbnn.watch_vanished"]
        assert watched(tmp_path, url) == []


def test_cash_is_an_alarm_from_its_limit_on(pki: DemoPki, tmp_path: Path) -> None:
    """A voucher paid in cash is told from the limit on; a transfer of the same amount is not."""
    made = read_dossier(cash_dossier(), PROFILE).dossier
    folder = signed(tmp_path / "cash", pki, attachments=0, made=completed(made, PROFILE))
    total = list_dossiers(tmp_path, PROFILE)[0].total or 0
    with serving(GatewaySimulator()) as url:
        send(folder, url)
        codes = [event.code for event in watched(tmp_path, url, replace(ALWAYS, cash=total + 1))]
        assert "kbnn.watch_cash" not in codes
        codes = [event.code for event in watched(tmp_path, url, replace(ALWAYS, cash=total))]
        assert codes == ["kbnn.watch_cash"]
    other = tmp_path / "other"
    with serving(GatewaySimulator()) as url:
        sent(other, pki, url)
        assert "kbnn.watch_cash" not in [event.code for event in watched(other, url, replace(ALWAYS, cash=0))]


def test_log_ins_are_watched(tmp_path: Path) -> None:
    """One at night and one that was refused are alarms, each once; watching itself may log in at night."""
    night, day = datetime(2026, 11, 19, 23, 0, tzinfo=VIETNAM_TIME), datetime(2026, 11, 20, 9, 0, tzinfo=VIETNAM_TIME)
    for purpose, outcome, moment in (
        ("send", "ok", day),
        ("send", "ok", night),
        ("watch", "ok", night),
        ("status", "login_failed", day),
    ):
        record(tmp_path, "test_ctk", "may-thu", purpose, outcome, moment)
    with (tmp_path / "logins.jsonl").open("ab") as file:
        file.write(b'{"time": "cut by a cra')
    found = watch_logins(tmp_path, WatchRules(), day)
    assert [event.code for event in found] == ["kbnn.watch_login_hours", "kbnn.watch_login_refused"]
    assert "23:00:00" in found[0].message("vi")
    assert watch_logins(tmp_path, WatchRules(), day) == []


def test_many_open_dossiers_are_asked_for_together(pki: DemoPki, tmp_path: Path) -> None:
    """All open dossiers go into one status call; one that another process works on is left for the next time."""
    simulator = GatewaySimulator()
    with serving(simulator) as url:
        folder = sent(tmp_path, pki, url)
        with folder.locked():
            assert watched(tmp_path, url) == []
        asked = simulator.received[DOSSIER_CODE].asked
        assert [event.code for event in watched(tmp_path, url)] == ["kbnn.watch_changed"]
        assert simulator.received[DOSSIER_CODE].asked == asked + 1


@pytest.mark.parametrize(
    ("moment", "unusual"),
    [
        (datetime(2026, 11, 20, 9, 0, tzinfo=VIETNAM_TIME), False),
        (datetime(2026, 11, 20, 19, 0, tzinfo=VIETNAM_TIME), True),
        (datetime(2026, 11, 21, 9, 0, tzinfo=VIETNAM_TIME), True),
        (datetime(2026, 11, 20, 1, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 19, 23, 0, tzinfo=UTC), True),
    ],
)
def test_hours_are_vietnams(moment: datetime, unusual: bool) -> None:
    """Working hours and weekends by Vietnam's clock, whatever the machine's."""
    assert is_unusual(moment, WatchRules()) == unusual


def test_sending_at_night_is_an_alarm(pki: DemoPki, tmp_path: Path) -> None:
    """A dossier that was sent outside working hours is named."""
    with serving(GatewaySimulator()) as url:
        sent(tmp_path, pki, url)
        later = (datetime.now(VIETNAM_TIME) + timedelta(hours=2)).time()
        end = (datetime.now(VIETNAM_TIME) + timedelta(hours=3)).time()
        rules = WatchRules(opens_at=min(later, end), closes_at=max(later, end), weekends=True)
        assert "kbnn.watch_hours" in [event.code for event in watched(tmp_path, url, rules)]


def test_the_list_finds_by_code_title_state_and_time(pki: DemoPki, tmp_path: Path) -> None:
    """Every criterion narrows; a folder that is no dossier is left out."""
    signed(tmp_path / "d1", pki, attachments=0)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "state.json").write_text("{}", encoding="utf-8")
    assert [one.state.code for one in list_dossiers(tmp_path, PROFILE)] == [DOSSIER_CODE]
    assert list_dossiers(tmp_path, PROFILE, title="SỬA CHỮA", code="t26", state="holder_signed")
    assert not list_dossiers(tmp_path, PROFILE, state="sent")
    assert not list_dossiers(tmp_path, PROFILE, since=datetime.now(UTC) + timedelta(days=1))
    assert list_dossiers(tmp_path, PROFILE)[0].total == 64_800_000
    assert dossier().code == DOSSIER_CODE


def test_alarms_go_to_a_service(tmp_path: Path) -> None:
    """Apprise posts the alarm to a web hook; what is only a change stays on the console."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from kyso.serving.server import BackgroundServer

    bodies: list[bytes] = []

    async def take(request: Request) -> PlainTextResponse:
        bodies.append(await request.body())
        return PlainTextResponse("ok")

    lines: list[str] = []
    events = [
        Event("changed", "kbnn.watch_changed", "A", {"title": "x", "words": "y"}),
        Event("alarm", "kbnn.watch_amount", "B", {"title": "x", "amount": "2", "limit": "1"}),
    ]
    with BackgroundServer(Starlette(routes=[Route("/hook", take, methods=["POST"])])) as server:
        tell(events, "vi", [server.url.replace("http://", "json://") + "/hook"], lines.append)
        with pytest.raises(RemoteFailed):
            tell(events, "vi", ["nonsense://"], lines.append)
    assert len(lines) == 4
    assert len(bodies) == 1
    assert "CẢNH BÁO" in json.loads(bodies[0])["message"]
