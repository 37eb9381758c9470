"""``kyso doctor`` as a page."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kyso_desk.desk import answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from kyso_desk.desk import Desk


async def examine(desk: Desk, request: Request) -> Response:
    """Examine this machine; takes some seconds where tokens are plugged in."""
    return answer(await asyncio.to_thread(_examined, desk))


def _examined(desk: Desk) -> dict[str, Any]:
    from kyso.diagnosing.answer import as_json
    from kyso.diagnosing.doctor import examination_of, examine_all

    now = datetime.now(UTC)
    chapters = examine_all(examination_of(desk.config, desk.registry, online=desk.online, now=now))
    table = as_json(chapters, examined_at=now, online=desk.online)
    for chapter in table["chapters"]:
        for line in chapter["diagnoses"]:
            line.pop("parameters")
    return table
