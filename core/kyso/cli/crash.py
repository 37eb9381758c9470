"""The log file of an unexpected error: where it happened, and nothing of what the program held.

Exception messages and local variables are left out on purpose: either may hold a PIN, a password or a letter's text.
"""

from __future__ import annotations

import os
import platform
import traceback
from datetime import UTC, datetime
from pathlib import Path


def write_log(error: BaseException, folder: Path | None = None) -> str:
    """Write the log and return its path, or "" where none can be written.

    :param folder: where to write; by default the user's state folder.
    """
    now = datetime.now(UTC)
    try:
        if folder is None:
            import platformdirs

            folder = Path(platformdirs.user_state_dir("kyso", appauthor=False)) / "log"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"kyso-{now:%Y%m%dT%H%M%S}-{os.getpid()}.log"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as log:
            log.write(_report(error, now))
    except OSError:
        return ""
    return str(path)


def _report(error: BaseException, now: datetime) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        own = version("kyso")
    except PackageNotFoundError:
        own = "?"
    head = f"{now.isoformat()}  kyso {own}  Python {platform.python_version()}  {platform.platform()}\n\n"
    return head + "\n".join(_chain(error)) + "\n"


def _chain(error: BaseException) -> list[str]:
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kind = type(current)
        lines.append(f"{kind.__module__}.{kind.__qualname__}")
        lines += [line.rstrip("\n") for line in traceback.format_tb(current.__traceback__)]
        current = current.__cause__ or current.__context__
        if current is not None:
            lines.append("caused by")
    return lines
