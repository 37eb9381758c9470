"""What ``[plugins.api]`` of kyso.toml may hold, and how the service reads it. Without any, all is as here."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from kyso.frozen import dataclass
from kyso.plugin import ConfigWrong, Setting, Text, WrongUse
from kyso.text import Phrase

if TYPE_CHECKING:
    from kyso.config import Config

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "hosts",
        "text",
        Text(
            "Tên máy chủ được trả lời, cách nhau bằng dấu cách (mặc định: máy này; mở ra ngoài: mọi tên)",
            "Names the service answers to, separated by spaces (default: this machine; opened to others: any)",
        ),
    ),
    Setting("workers", "number", Text("Số tiến trình xử lý", "Worker processes"), "2"),
    Setting("waiting_limit", "number", Text("Số yêu cầu được chờ", "Requests that may wait"), "64"),
    Setting("deadline_s", "number", Text("Thời hạn xử lý một tệp, giây", "Seconds that work on a file may take"), "60"),
    Setting("memory_mib", "number", Text("Bộ nhớ mỗi tiến trình, MiB", "Memory of a worker process, MiB"), "2048"),
    Setting("upload_mib", "number", Text("Dung lượng gửi lên tối đa, MiB", "Greatest upload, MiB"), "100"),
    Setting("upload_s", "number", Text("Thời hạn gửi lên, giây", "Seconds that an upload may take"), "120"),
    Setting("header_s", "number", Text("Thời hạn gửi đầu đề, giây", "Seconds that a request's head may take"), "10"),
    Setting("connections", "number", Text("Số kết nối cùng lúc", "Connections at once"), "512"),
    Setting(
        "rate_per_minute", "number", Text("Số yêu cầu mỗi phút của một mã", "Requests a minute of one token"), "60000"
    ),
    Setting("concurrent", "number", Text("Số yêu cầu cùng lúc của một mã", "Requests at once of one token"), "32"),
    Setting("result_hours", "number", Text("Số giờ giữ kết quả", "Hours that results are kept"), "24"),
    Setting("prepared_minutes", "number", Text("Số phút chờ hoàn tất chữ ký", "Minutes to complete a signature"), "60"),
    Setting("poll_s", "number", Text("Chu kỳ hỏi chữ ký đang chờ, giây", "Seconds between asking what waits"), "5"),
    Setting(
        "webhook_hosts",
        "text",
        Text(
            "Máy chủ được nhận webhook, cách nhau bằng dấu cách (mặc định: mọi máy chủ công cộng)",
            "Hosts that may receive webhooks, separated by spaces (default: every public one)",
        ),
    ),
    Setting(
        "webhook_private",
        "flag",
        Text("Cho phép webhook tới địa chỉ nội bộ", "Permit webhooks to private addresses"),
        "false",
    ),
    Setting("open_metrics", "flag", Text("/metrics không cần mã", "/metrics without a token"), "false"),
    Setting("grace_s", "number", Text("Thời gian chờ khi dừng, giây", "Seconds to finish when stopping"), "20"),
)
"""The entries of ``[plugins.api]``."""

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The service's settings. See :data:`SETTINGS` for their meaning."""

    hosts: tuple[str, ...] = ()
    workers: int = 2
    waiting_limit: int = 64
    deadline_s: float = 60.0
    memory_mib: int = 2048
    upload_mib: float = 100.0
    upload_s: float = 120.0
    header_s: float = 10.0
    connections: int = 512
    rate_per_minute: int = 60000
    concurrent: int = 32
    result_hours: float = 24.0
    prepared_minutes: float = 60.0
    poll_s: float = 5.0
    webhook_hosts: tuple[str, ...] = ()
    webhook_private: bool = False
    open_metrics: bool = False
    grace_s: float = 20.0

    @property
    def upload_cap(self) -> int:
        """Greatest body of a request, in octets."""
        return int(self.upload_mib * (1 << 20))


def settings_of(config: Config) -> ApiSettings:
    """Read ``[plugins.api]``.

    :raises ConfigWrong: an unknown entry, or a value that cannot be right.
    """
    from kyso.placement.settings import parse_settings

    given = config.settings_for("api", "serve")
    file = config.path or "-"
    try:
        joined = {
            name: " ".join(map(str, value)) if isinstance(value, list) else value for name, value in given.items()
        }
        values: dict[str, Any] = dict(parse_settings(SETTINGS, joined))
    except WrongUse as error:
        raise ConfigWrong("api.setting_wrong", file=file, reason=Phrase(error.code, error.parameters)) from error
    for field in dataclasses.fields(ApiSettings):
        if field.name in ("hosts", "webhook_hosts"):
            values[field.name] = _hosts(field.name, values.get(field.name) or "", file)
        elif field.type == "int":
            values[field.name] = round(values[field.name])
        if field.type in ("int", "float") and not 0 < values[field.name] <= 1e9:
            raise ConfigWrong("api.setting_not_positive", file=file, name=field.name, value=values[field.name])
    return ApiSettings(**values)


def _hosts(name: str, text: str, file: object) -> tuple[str, ...]:
    hosts = tuple(text.lower().split())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ConfigWrong("api.setting_host", file=file, name=name, value=host)
    return hosts
