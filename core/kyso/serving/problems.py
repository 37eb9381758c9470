"""Errors as problem documents (RFC 9457): what every server here answers when it refuses.

::

    {"type": "urn:kyso:document.encrypted", "title": "Unprocessable Content", "status": 422,
     "detail": "...", "code": "document.encrypted", "next": "...",
     "message_vi": "...", "message_en": "...", "next_vi": "...", "next_en": "..."}

`detail` and `next` speak the language that the request asked for, the other members both. The status follows from the
error's place in the tree (:mod:`kyso.errors`); a server's own refusals name theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from kyso.errors import ConfigWrong, InputRefused, KeyTrouble, KysoError, RemoteFailed, WrongUse
from kyso.text import LANGUAGES, Language

MEDIA_TYPE = "application/problem+json"

_STATUSES: tuple[tuple[type[KysoError], int], ...] = (
    (ConfigWrong, 500),
    (WrongUse, 400),
    (InputRefused, 422),
    (KeyTrouble, 409),
    (RemoteFailed, 502),
)
"""The first that fits counts; whatever is none of them is a defect: 500."""

_OF_CODES: Mapping[str, int] = {
    "records.unusable": 503,
    "records.no_prepared": 404,
    "records.prepared_ended": 409,
    "prepared.not_found": 404,
}
"""Errors whose meaning over HTTP is nearer than that of their kind."""


class Refusal(KysoError):
    """A request that a server refuses by itself: who asks, how often, how much.

    :param status: HTTP status of the answer.
    :param headers: further headers of the answer, such as ``Retry-After``.
    """

    exit_code = 7

    def __init__(self, code: str, /, status: int, headers: Mapping[str, str] | None = None, **parameters: object):
        super().__init__(code, **parameters)
        self.status = status
        self.headers: dict[str, str] = dict(headers or {})


class ToldProblem(Exception):
    """A problem document that another process made, on its way to the one who asked."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("code", "")))
        self.document = dict(document)


def status_of(error: KysoError) -> int:
    """Return the HTTP status that says what `error` is."""
    if isinstance(error, Refusal):
        return error.status
    return _OF_CODES.get(error.code) or next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_of(error: KysoError, status: int | None = None) -> dict[str, Any]:
    """Return the problem document of `error`, still without `detail` and `next`: see :func:`in_language`."""
    status = status or status_of(error)
    return {
        "type": f"urn:kyso:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": error.code,
        **{f"message_{language}": error.message(language) for language in LANGUAGES},
        **{f"next_{language}": error.next_step(language) for language in LANGUAGES},
    }


def in_language(document: Mapping[str, Any], language: Language, instance: str | None = None) -> dict[str, Any]:
    """Return the document with `detail` and `next` in the reader's language.

    :param instance: names this occurrence, for the log (RFC 9457, 3.1.5).
    """
    told = {
        **document,
        "detail": document.get(f"message_{language}", ""),
        "next": document.get(f"next_{language}"),
    }
    if instance is not None:
        told["instance"] = f"urn:uuid:{instance}"
    return told


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return the document as the body of an answer; lone surrogates of odd file names become escapes."""
    return json.dumps(document, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace")


def asked_language(accept_language: str, default: Language = "vi") -> Language:
    """Choose the language of an answer by the request's ``Accept-Language`` (RFC 9110, 12.5.4)."""
    best: tuple[float, Language] | None = None
    for part in accept_language.split(",")[:20]:
        tag, _, parameters = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if name == language:
                weight = _weight(parameters)
                if weight > 0 and (best is None or weight > best[0]):
                    best = (weight, language)
    return best[1] if best is not None else default


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
