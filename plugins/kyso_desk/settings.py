"""The entries of ``[plugins.desk]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kyso.plugin import Setting, Text
from kyso_desk.agent.settings import AGENT_SETTINGS

if TYPE_CHECKING:
    from kyso.config import Config

SETTINGS = (
    Setting(
        "results",
        "text",
        Text(
            "Thư mục nhận văn bản đã ký (mặc định: thư mục kyso trong Tài liệu)",
            "Folder for signed letters (by default the folder kyso among your documents)",
        ),
    ),
    Setting(
        "largest_mb",
        "number",
        Text("Tệp lớn nhất được nhận, MB", "Largest file that is taken, MB"),
        default="300",
    ),
    Setting(
        "workers",
        "number",
        Text("Số tiến trình đọc và vẽ văn bản", "Processes that read and draw letters"),
        default="2",
    ),
    *AGENT_SETTINGS,
)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """How this desk works.

    :param results: where signed letters go and stay.
    :param largest_bytes: the largest file that is taken.
    :param workers: how many processes read and draw letters.
    """

    results: Path
    largest_bytes: int
    workers: int


def settings_of(config: Config) -> DeskSettings:
    """Read the settings. :raises WrongUse: one of them is wrong."""
    from kyso.placement.settings import parse_settings

    values: dict[str, Any] = parse_settings(SETTINGS, config.settings_for("desk", "desk"))
    given = values.get("results")
    if given is None:
        import platformdirs

        results = Path(platformdirs.user_documents_dir()) / "kyso"
    else:
        results = config.base_dir / Path(given).expanduser()
    return DeskSettings(
        results.absolute(), max(1, int(values["largest_mb"])) << 20, min(8, max(1, int(values["workers"])))
    )
