"""The agent's entries of ``[plugins.desk]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.placement.settings import parse_settings
from kyso.plugin import Setting, Text

if TYPE_CHECKING:
    from kyso.config import Config

AGENT_SETTINGS = (
    Setting(
        "agent",
        "flag",
        Text("Chạy trình ký cho trang web cùng với bàn làm việc", "Run the agent for web pages together with the desk"),
        default="no",
    ),
    Setting(
        "agent_port",
        "number",
        Text("Cổng của trình ký cho trang web", "Port of the agent for web pages"),
        default="8987",
    ),
    Setting(
        "agent_largest_mb",
        "number",
        Text("Văn bản lớn nhất được tải về để ký, MB", "Largest letter that the agent fetches, MB"),
        default="100",
    ),
    Setting(
        "agent_deadline_s",
        "number",
        Text("Thời hạn tải về hoặc gửi đi một văn bản, giây", "Seconds for fetching or delivering one letter"),
        default="60",
    ),
    Setting(
        "agent_decision_s",
        "number",
        Text("Thời gian chờ người ký trả lời mỗi câu hỏi, giây", "Seconds that a person has for each question"),
        default="600",
    ),
    Setting(
        "agent_ca_file",
        "text",
        Text(
            "Tệp PEM chứa CA riêng của hệ thống văn bản, thay cho kho của máy",
            "PEM file with the document system's own TLS roots, instead of the system's",
        ),
    ),
    Setting(
        "agent_workers",
        "number",
        Text("Số tiến trình đọc và vẽ văn bản của trình ký", "Processes of the agent that read and draw letters"),
        default="2",
    ),
)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How this agent works.

    :param with_desk: run together with ``kyso desk``.
    :param largest_bytes: greatest letter that is fetched.
    :param deadline_s: seconds for fetching or delivering one letter.
    :param decision_s: seconds that a person has for each question.
    """

    port: int
    largest_bytes: int
    deadline_s: float
    decision_s: float
    ca_file: Path | None
    workers: int
    with_desk: bool = False


def agent_settings(config: Config) -> AgentSettings:
    """Read the settings. :raises WrongUse: one of them is wrong."""
    known = {setting.name for setting in AGENT_SETTINGS}
    given = {name: value for name, value in config.settings_for("desk", "desk").items() if name in known}
    values: dict[str, Any] = parse_settings(AGENT_SETTINGS, given)
    ca_file = values.get("agent_ca_file")
    return AgentSettings(
        port=min(max(int(values["agent_port"]), 0), 65535),
        largest_bytes=max(1, int(values["agent_largest_mb"])) << 20,
        deadline_s=max(1.0, float(values["agent_deadline_s"])),
        decision_s=max(5.0, float(values["agent_decision_s"])),
        ca_file=None if ca_file is None else config.base_dir / Path(ca_file).expanduser(),
        workers=min(8, max(1, int(values["agent_workers"]))),
        with_desk=values["agent"],
    )
