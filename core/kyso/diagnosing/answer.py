"""The chapters of `kyso doctor` as one JSON object, ``kyso.doctor/1``.

::

    schema        "kyso.doctor/1"
    examined_at   ISO 8601 with a zone
    online        whether the network was used
    state         ok | warning | failure                      the worst of all lines
    counts        {ok, warning, failure}
    chapters[]    name, plugin, title_vi, title_en, state, diagnoses[]
    diagnoses[]   {state, code, message_vi, message_en, next_vi, next_en, parameters}
    removed[]     leftover files that --sweep removed

`parameters` holds what the words mention as plain values; which there are may grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from kyso import text
from kyso.diagnosing.doctor import worst

if TYPE_CHECKING:
    from pathlib import Path

    from kyso.contracts import Diagnosis
    from kyso.diagnosing.doctor import Chapter

SCHEMA = "kyso.doctor/1"
STATES: tuple[Literal["ok", "warning", "failure"], ...] = ("ok", "warning", "failure")


def as_json(
    chapters: Sequence[Chapter], *, examined_at: datetime, online: bool, removed: Sequence[Path] = ()
) -> dict[str, Any]:
    """Return the answer."""
    states = [diagnosis.state for chapter in chapters for diagnosis in chapter.diagnoses]
    return {
        "schema": SCHEMA,
        "examined_at": examined_at.isoformat(),
        "online": online,
        "state": worst(chapters),
        "counts": {state: states.count(state) for state in STATES},
        "chapters": [
            {
                "name": chapter.name,
                "plugin": chapter.plugin,
                "title_vi": chapter.title.vi,
                "title_en": chapter.title.en,
                "state": worst([chapter]),
                "diagnoses": [_line(diagnosis) for diagnosis in chapter.diagnoses],
            }
            for chapter in chapters
        ],
        "removed": [str(path) for path in removed],
    }


def _line(diagnosis: Diagnosis) -> dict[str, Any]:
    code, parameters = diagnosis.code, diagnosis.parameters
    return {
        "state": diagnosis.state,
        "code": code,
        "message_vi": text.message(code, "vi", parameters),
        "message_en": text.message(code, "en", parameters),
        "next_vi": text.next_step(code, "vi", parameters),
        "next_en": text.next_step(code, "en", parameters),
        "parameters": _plain(parameters),
    }


def _plain(parameters: Mapping[str, object]) -> dict[str, Any]:
    return {name: _value(value) for name, value in parameters.items()}


def _value(value: object) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (text.Text, text.Phrase)):
        return value.of("en")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(item) for item in value]
    return text.shown(value)
