"""What watching found, told: on the console, in a log, by any service of Apprise, and as the draft of a notice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from kyso import text
from kyso.models import VIETNAM_TIME
from kyso.plugin import KysoError, Language, RemoteFailed

LOG_FILE = "watch.jsonl"
RETURNED = "kbnn.watch_returned"

Kind = Literal["changed", "alarm"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something a person should know; its words are in the catalogues under `code`.

    :param kind: ``changed`` is the ordinary course of things, ``alarm`` is not.
    :param dossier: code of the dossier, ``-`` where it is about none.
    :param occasion: tells apart what may happen again, so that each is told once.
    """

    kind: Kind
    code: str
    dossier: str
    parameters: dict[str, object] = field(default_factory=dict)
    occasion: str = ""

    def message(self, language: Language) -> str:
        """Return the event in words."""
        return text.message(self.code, language, {"dossier": self.dossier, **self.parameters})

    @property
    def key(self) -> str:
        """What tells this event from others."""
        return ":".join(part for part in (self.code, self.dossier, self.occasion) if part)


def log(root: Path, events: Sequence[Event], now: datetime) -> None:
    """Append events to the log of the folder `root`, in both languages."""
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
    log(root, [Event("changed", "kbnn.watch_failed", "-", {"reason": error.code})], now)


def tell(events: Sequence[Event], language: Language, addresses: Sequence[str], put: Callable[[str], None]) -> None:
    """Show events, and send alarms and returns to the configured services.

    :param addresses: Apprise addresses (e-mail, chat services and more).
    :param put: writes a line for a person.
    :raises RemoteFailed: a service did not take the message.
    """
    for event in events:
        put(event.message(language))
    important = [event for event in events if event.kind == "alarm" or event.code == RETURNED]
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


def draft_notice(events: Sequence[Event], unit_name: str, treasury: str, now: datetime) -> str:
    """Return the draft of a notice to the treasury about an unusual payment, in Vietnamese, to be completed.

    :param events: the alarms about one dossier.
    """
    day = now.astimezone(VIETNAM_TIME)
    return "\n".join(
        (
            f"Kính gửi: Kho bạc Nhà nước {treasury}",
            "",
            f"{unit_name} thông báo một giao dịch bất thường cần được kiểm tra và tạm dừng thanh toán:",
            f"- Mã hồ sơ: {events[0].dossier}",
            *(f"- Dấu hiệu: {event.message('vi')}" for event in events),
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
