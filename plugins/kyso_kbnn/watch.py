"""Watching what the treasury does with the unit's dossiers (letter 224/KBNT-KTNN asks units to do so).

Decision 935 offers the state of dossiers by their codes and nothing else: no balance, no list, no log-ins of others.
So this watches the dossiers in a folder, and asks for a few codes beyond the highest known one: if the treasury knows a
dossier that this unit's software never made, somebody else is using the unit's name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from kyso import text
from kyso.models import VIETNAM_TIME, Notice
from kyso.plugin import InputRefused, KysoError, Language, RemoteFailed
from kyso_kbnn.folder import STATE_FILE, DossierFolder, FolderState
from kyso_kbnn.gateway import GatewayClient, StatusAnswer
from kyso_kbnn.profile import Profile
from kyso_kbnn.sending import is_open, refresh_folder
from kyso_kbnn.settings import WatchRules

LOG_FILE = "watch.jsonl"
_SEEN_FILE = "watch-seen.json"
_GREATEST_FOLDERS = 5000
_ASKED_AT_ONCE = 200

Kind = Literal["changed", "alarm"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person should know.

    :param kind: ``changed`` is the ordinary course of things, ``alarm`` is not.
    """

    kind: Kind
    code: str
    dossier: str
    parameters: dict[str, object] = field(default_factory=dict)

    @property
    def notice(self) -> Notice:
        """The event's words are in the catalogues under its code."""
        return Notice(self.code, {"dossier": self.dossier, **self.parameters})

    def message(self, language: Language) -> str:
        """Return the event in words."""
        return text.message(self.code, language, {"dossier": self.dossier, **self.parameters})


@dataclass(frozen=True, slots=True)
class Listed:
    """One dossier of the folder, as lists show it."""

    path: Path
    state: FolderState
    title: str
    total: int | None
    cash: bool
    changed_at: str


def list_dossiers(
    root: Path,
    profile: Profile,
    *,
    code: str = "",
    title: str = "",
    state: str = "",
    since: datetime | None = None,
) -> list[Listed]:
    """Return the dossiers below `root` that match, the last changed first. A folder that cannot be read is left out."""
    found: list[Listed] = []
    for path in _folders(root):
        folder = DossierFolder(path, profile)
        try:
            current, dossier = folder.state(), folder.dossier()
        except InputRefused:
            continue
        changed_at = str(current.history[-1].get("time", "")) if current.history else ""
        totals = [
            voucher.header.get("v_tong_so_tien", voucher.header.get("v_chungtu_tong_so_tien"))
            for voucher in dossier.vouchers
        ]
        total = sum(value for value in totals if isinstance(value, int)) if totals else None
        cash = any(voucher.header.get("v_chuyenkhoan_tienmat") == "1" for voucher in dossier.vouchers)
        if code and code.casefold() not in current.code.casefold():
            continue
        if title and title.casefold() not in dossier.title.casefold():
            continue
        if state and state != current.state:
            continue
        if since is not None and (not changed_at or datetime.fromisoformat(changed_at) < since):
            continue
        found.append(Listed(path, current, dossier.title, total, cash, changed_at))
    return sorted(found, key=lambda one: one.changed_at, reverse=True)


def watch_once(root: Path, gateway: GatewayClient, profile: Profile, rules: WatchRules, now: datetime) -> list[Event]:
    """Ask once about everything that is open and return what is new; each alarm is given once.

    :raises RemoteFailed: the gateway cannot be asked.
    """
    seen = _seen(root)
    events: list[Event] = []
    listed = list_dossiers(root, profile)
    for one in listed:
        if not is_open(one.state):
            continue
        before = one.state
        after = refresh_folder(DossierFolder(one.path, profile), gateway, profile, now)
        if (after.state, after.gateway_status) != (before.state, before.gateway_status):
            code = "kbnn.watch_returned" if after.state == "returned" else "kbnn.watch_changed"
            words: dict[str, object] = {"state": after.state, "words": after.gateway_status, "title": one.title}
            events.append(Event("changed", code, before.code, words))
    for one in listed:
        events.extend(_unusual(one, rules, now))
    known = {one.state.code for one in listed}
    events.extend(_strangers(gateway, known, rules))
    fresh = [event for event in events if event.kind == "changed" or _key(event) not in seen]
    if fresh:
        _log(root, fresh, now)
        _keep_seen(root, seen | {_key(event) for event in fresh if event.kind == "alarm"})
    return fresh


def _unusual(one: Listed, rules: WatchRules, now: datetime) -> Iterable[Event]:
    """Judge one sent dossier by amount, by the time it was sent, and by being cash."""
    sent = next((line for line in one.state.history if line.get("event") == "sending"), None)
    if sent is None:
        return
    about: dict[str, object] = {"title": one.title, "amount": f"{one.total or 0:,}".replace(",", ".")}
    if rules.amount is not None and one.total is not None and one.total > rules.amount:
        limit = f"{rules.amount:,}".replace(",", ".")
        yield Event("alarm", "kbnn.watch_amount", one.state.code, {**about, "limit": limit})
    try:
        moment = datetime.fromisoformat(str(sent.get("time"))).astimezone(VIETNAM_TIME)
    except ValueError:
        moment = now
    if is_unusual(moment, rules):
        when = moment.strftime("%d/%m/%Y %H:%M:%S")
        yield Event("alarm", "kbnn.watch_hours", one.state.code, {**about, "time": when})


def is_unusual(moment: datetime, rules: WatchRules) -> bool:
    """Tell whether a time lies outside working hours, in Vietnam's zone."""
    local = moment.astimezone(VIETNAM_TIME)
    weekend = local.weekday() >= 5 and not rules.weekends
    return weekend or not rules.opens_at <= local.time() <= rules.closes_at


def _strangers(gateway: GatewayClient, known: set[str], rules: WatchRules) -> Iterable[Event]:
    """Ask for the codes that would come next; whoever knows one of them knows a dossier we did not make."""
    highest: dict[str, int] = {}
    for code in known:
        match = re.fullmatch(r"(.+_\d{4})(\d{5})", code, re.ASCII)
        if match:
            highest[match[1]] = max(highest.get(match[1], 0), int(match[2]))
    asked = [
        f"{stem}{number + offset:05}"
        for stem, number in sorted(highest.items())
        for offset in range(1, rules.probe + 1)
        if number + offset <= 99_999
    ][:_ASKED_AT_ONCE]
    answers: Sequence[StatusAnswer] = gateway.status(asked) if asked else ()
    for answer in answers:
        if answer.state != "unknown" and answer.code in asked and answer.words:
            about = {"title": answer.title, "words": answer.words, "time": answer.time, "amount": answer.amount or 0}
            yield Event("alarm", "kbnn.watch_stranger", answer.code, about)


# ------------------------------------------------------------------------------------------------------- telling


def tell(events: Sequence[Event], language: Language, addresses: Sequence[str], put: Callable[[str], None]) -> None:
    """Show events, and send alarms and returns to the configured services.

    :param addresses: Apprise addresses (e-mail, chat services and more).
    :param put: writes a line for a person.
    :raises RemoteFailed: a service did not take the message.
    """
    for event in events:
        put(event.message(language))
    important = [event for event in events if event.kind == "alarm" or event.code == "kbnn.watch_returned"]
    if not important or not addresses:
        return
    try:
        import apprise
    except ImportError as cause:
        raise RemoteFailed("kbnn.apprise_missing") from cause
    service = apprise.Apprise()
    for address in addresses:
        if not service.add(address):
            raise RemoteFailed("kbnn.notify_address_wrong")  # the address itself may hold a password
    body = "\n".join(event.message(language) for event in important)
    if not service.notify(title="kyso KBNN", body=body):
        raise RemoteFailed("kbnn.notify_failed")


def draft_notice(event: Event, unit_name: str, treasury: str, now: datetime) -> str:
    """Return the draft of a notice to the treasury about an unusual payment, in Vietnamese, to be completed."""
    day = now.astimezone(VIETNAM_TIME)
    return "\n".join(
        (
            f"Kính gửi: Kho bạc Nhà nước {treasury}",
            "",
            f"{unit_name} thông báo một giao dịch bất thường cần được kiểm tra và tạm dừng thanh toán:",
            f"- Mã hồ sơ: {event.dossier}",
            f"- Dấu hiệu: {event.message('vi')}",
            f"- Thời điểm phát hiện: {day:%d/%m/%Y %H:%M:%S}",
            "",
            "Đề nghị Kho bạc Nhà nước kiểm tra và thông báo lại cho đơn vị.",
            "",
            f"Ngày {day:%d} tháng {day:%m} năm {day:%Y}",
            "THỦ TRƯỞNG ĐƠN VỊ",
            "(Ký số hoặc ký, đóng dấu)",
            "",
        )
    )


def _folders(root: Path) -> list[Path]:
    if (root / STATE_FILE).is_file():
        return [root]
    if not root.is_dir():
        return []
    return sorted(path.parent for path in root.glob(f"*/{STATE_FILE}"))[:_GREATEST_FOLDERS]


def _key(event: Event) -> str:
    return f"{event.code}:{event.dossier}"


def _seen(root: Path) -> set[str]:
    try:
        raw: Any = json.loads((root / _SEEN_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as cause:
        raise InputRefused("kbnn.state_unreadable", name=str(root / _SEEN_FILE)) from cause
    return {str(item) for item in raw} if isinstance(raw, list) else set()


def _keep_seen(root: Path, seen: set[str]) -> None:
    temporary = root / f".{_SEEN_FILE}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(sorted(seen)), encoding="utf-8")
    temporary.replace(root / _SEEN_FILE)


def _log(root: Path, events: Sequence[Event], now: datetime) -> None:
    with (root / LOG_FILE).open("a", encoding="utf-8") as file:
        for event in events:
            line = {
                "time": now.astimezone(VIETNAM_TIME).isoformat(timespec="seconds"),
                "kind": event.kind,
                "code": event.code,
                "dossier": event.dossier,
                "message_vi": event.message("vi"),
                "message_en": event.message("en"),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def note_failure(root: Path, error: KysoError, now: datetime) -> None:
    """Keep in the log that the gateway could not be asked."""
    event = Event("changed", "kbnn.watch_failed", "-", {"reason": error.code})
    _log(root, [event], now)
