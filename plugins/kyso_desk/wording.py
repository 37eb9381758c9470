"""Words for the page: its own texts, and errors and notices in both languages.

Next steps are written for the command line; where a clerk at a page has another way, the catalogue has an entry
``desk.step.CODE`` that is shown instead. A step about options that are boxes on the page, and has no such entry,
becomes a general one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kyso import text
from kyso.errors import KysoError
from kyso.models import VIETNAM_TIME
from kyso.text import LANGUAGES, Language

PAGE = "desk.page."
"""Codes of the page's own texts begin so."""

_ABOUT_THE_FORM = ("decree30.", "kbnn.", "placement.", "setting.")
_PACKAGE = "kyso_desk"


def page_words(language: Language) -> dict[str, str]:
    """Return the page's own texts by code, without the common beginning."""
    entries = text.read_catalogue(_PACKAGE, language)
    return {code.removeprefix(PAGE): entry.message for code, entry in entries.items() if code.startswith(PAGE)}


def told(code: str, parameters: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Return a code with its words and its next step in both languages."""
    shown = {name: _shown(value) for name, value in (parameters or {}).items()}
    step = f"desk.step.{code}"
    answer: dict[str, Any] = {"code": code}
    for language in LANGUAGES:
        answer[f"message_{language}"] = text.message(code, language, shown)
        usual = text.next_step(code, language, shown)
        if text.has_text(step):
            answer[f"next_{language}"] = text.message(step, language, shown)
        elif usual is not None and "--" in usual and code.startswith(_ABOUT_THE_FORM):
            answer[f"next_{language}"] = text.message("desk.step.any", language, {"code": code})
        else:
            answer[f"next_{language}"] = usual
    return answer


def told_error(error: KysoError) -> dict[str, Any]:
    """Return an error as the page shows it."""
    return told(error.code, error.parameters)


def _shown(value: object) -> object:
    return value.astimezone(VIETNAM_TIME).strftime("%d/%m/%Y %H:%M:%S") if isinstance(value, datetime) else value
