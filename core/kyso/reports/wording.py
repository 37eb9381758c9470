"""How values become words: times, notices, lists. Shared by all report formats."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kyso import text
from kyso.models import VIETNAM_TIME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kyso.models import Notice
    from kyso.text import Language
    from kyso.verification.report import Change


def iso_time(moment: datetime) -> str:
    """Return a time as ISO 8601 in Vietnam's zone, to the second: ``2026-11-22T09:15:07+07:00``."""
    return moment.astimezone(VIETNAM_TIME).replace(microsecond=0).isoformat()


def shown_time(moment: datetime) -> str:
    """Return a time as letters write it, in Vietnam's zone: ``22/11/2026 09:15:07 +07:00``."""
    return moment.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M:%S +07:00")


def message(notice: Notice, language: Language) -> str:
    """Return a notice in words."""
    return text.message(notice.code, language, _shown(notice.parameters))


def next_step(notice: Notice, language: Language) -> str | None:
    """Return what to do about a notice, ``None`` where nothing is to be done."""
    return text.next_step(notice.code, language, _shown(notice.parameters))


def change_message(change: Change, language: Language) -> str:
    """Return a change in words."""
    return text.message(change.code, language, _shown(change.parameters))


def label(code: str, language: Language, **parameters: object) -> str:
    """Return one of the reports' own texts: ``report.CODE``."""
    return text.message(f"report.{code}", language, parameters)


def _shown(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: shown_time(value) if isinstance(value, datetime) else value for name, value in parameters.items()}
