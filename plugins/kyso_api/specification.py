"""The parts of the OpenAPI specification that routes share: request bodies from the declared fields, answers, problems.

What a person reads comes from the catalogues, in both languages, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kyso import text
from kyso.errors import InputRefused, KysoError
from kyso.serving.problems import MEDIA_TYPE, in_language, problem_of
from kyso_api.fields import Field
from kyso_api.idempotency import HEADER
from kyso_api.tokens import ScopeName

_EXAMPLE_INSTANCE = "0b3c1f6e-6a0e-4f53-9d8e-2b1f6f3f5a10"

PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "next": {"type": ["string", "null"]},
        "instance": {"type": "string"},
        **{f"message_{language}": {"type": "string"} for language in text.LANGUAGES},
        **{f"next_{language}": {"type": ["string", "null"]} for language in text.LANGUAGES},
    },
}
NOTICE: dict[str, Any] = {
    "type": "object",
    "required": ["code", "message_vi", "message_en"],
    "properties": {name: {"type": "string"} for name in ("code", "message_vi", "message_en")},
}
LINK: dict[str, Any] = {
    "type": "object",
    "required": ["id", "href", "media_type", "size", "sha256", "expires_at"],
    "properties": {
        "id": {"type": "string"},
        "href": {"type": "string"},
        "media_type": {"type": "string"},
        "size": {"type": "integer"},
        "sha256": {"type": "string"},
        "expires_at": {"type": "string", "format": "date-time"},
    },
}
SIGNED: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "status", "document"],
    "properties": {
        "schema": {"const": "kyso.signed/1"},
        "status": {"enum": ["signed", "sending", "pending", "failed", "cancelled"]},
        "document": {"type": "string"},
        "size": {"type": "integer"},
        "original_size": {"type": "integer"},
        "field": {"type": "string"},
        "page": {"type": "integer"},
        "rect_mm": {"type": ["array", "null"], "items": {"type": "number"}},
        "level": {"enum": ["b", "t", "lt", "lta"]},
        "policy": {"type": "string"},
        "signer": {"type": "string"},
        "signed_at": {"type": "string", "format": "date-time"},
        "notices": {"type": "array", "items": NOTICE},
        "prepared_id": {"type": "string"},
        "expires_at": {"type": "string", "format": "date-time"},
        "instruction": NOTICE,
        "error": {"type": "object"},
        "result": LINK,
    },
}
PREPARATION: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "prepared_id", "expires_at", "digest", "digest_algorithm", "scheme", "signed_attributes"],
    "properties": {
        "schema": {"const": "kyso.preparation/1"},
        "prepared_id": {"type": "string"},
        "expires_at": {"type": "string", "format": "date-time"},
        "digest": {"type": "string", "contentEncoding": "base64"},
        "digest_algorithm": {"enum": ["sha256", "sha384", "sha512"]},
        "scheme": {"enum": ["rsa-pkcs1v15", "rsa-pss", "ecdsa"]},
        "signed_attributes": {"type": "string", "contentEncoding": "base64"},
        **{name: SIGNED["properties"][name] for name in ("document", "level", "policy", "page", "rect_mm", "notices")},
    },
}
EXTENDED: dict[str, Any] = {
    "type": "object",
    "required": ["schema", "document", "level", "level_asked"],
    "properties": {
        "schema": {"const": "kyso.extended/1"},
        "document": {"type": "string"},
        "level": {"enum": ["b", "t", "lt", "lta"]},
        "level_asked": {"enum": ["lt", "lta"]},
        "notices": {"type": "array", "items": NOTICE},
        "result": LINK,
    },
}
ANY_OBJECT: dict[str, Any] = {"type": "object"}
OCTETS: dict[str, Any] = {"type": "string", "format": "binary"}

IDEMPOTENCY_PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": r"^[\x21-\x7e]{1,200}$", "maxLength": 200},
}

_REFUSALS: Mapping[int, str] = {
    400: "api.field_unknown",
    401: "api.token_missing",
    403: "api.scope_missing",
    404: "api.route_unknown",
    405: "api.method_wrong",
    408: "serving.upload_slow",
    409: "key.closed",
    413: "serving.body_too_large",
    415: "api.media_type",
    422: "document.encrypted",
    429: "serving.rate_exceeded",
    500: "serving.defect",
    502: "fetch.unreachable",
    503: "serving.busy",
}
"""An example of each status."""

_EXAMPLE_PARAMETERS: Mapping[str, object] = {
    "name": "cong-van.pdf",
    "known": ["leader", "seal"],
    "scope": "sign",
    "limit": 60,
    "seconds": 2,
    "log": "kyso-20261120T090000-1.log",
    "host": "tsa.example.vn",
}


_LANGUAGE_NAMES: Mapping[str, str] = {"vi": "Tiếng Việt", "en": "English"}
_EXAMPLE_DOCUMENTS: Mapping[str, str] = {"vi": "cong-van-12.pdf", "en": "letter-12.pdf"}
_EXAMPLE_PLACE: Mapping[str, Any] = {
    "level": "b",
    "policy": "decree30.leader",
    "field": "Kyso_0001",
    "page": 2,
    "rect_mm": [122.313, 196.244, 41.506, 18.701],
    "signed_at": "2026-11-20T09:00:00+07:00",
    "notices": [],
}
_EXAMPLES: Mapping[tuple[str, int], Mapping[str, Any]] = {
    ("kyso.signed/1", 200): {
        "schema": "kyso.signed/1",
        "status": "signed",
        "size": 103419,
        "original_size": 90077,
        **_EXAMPLE_PLACE,
        "signer": "Nguyễn Văn Mẫu",
        "result": {
            "id": "5f0c2a6d9be14c7d8a3e1f2b4c5d6e7f",
            "href": "/v1/results/5f0c2a6d9be14c7d8a3e1f2b4c5d6e7f",
            "media_type": "application/pdf",
            "size": 103419,
            "sha256": "24f5752877007e2f274d19c11b06cfc3fb973a454c6822ecacbeec288f33e395",
            "expires_at": "2026-11-21T02:00:00+00:00",
        },
    },
    ("kyso.signed/1", 202): {
        "schema": "kyso.signed/1",
        "status": "pending",
        "prepared_id": "9f1c0b7a2d3e4f50",
        "expires_at": "2026-11-20T02:05:00+00:00",
        "instruction": {
            "code": "remote.confirm_on_phone",
            "message_vi": "Mở ứng dụng trên điện thoại và xác nhận ký.",
            "message_en": "Open the app on the phone and confirm.",
        },
    },
    ("kyso.preparation/1", 201): {
        "schema": "kyso.preparation/1",
        "prepared_id": "9f1c0b7a2d3e4f50",
        "expires_at": "2026-11-20T03:00:00+00:00",
        "digest": "3q2+7w7cKZb6y1o2n0v5u9k4b8mC1d6e7fA2b3c4d5E=",
        "digest_algorithm": "sha256",
        "scheme": "rsa-pkcs1v15",
        "signed_attributes": "MYGjMBgGCSqGSIb3DQEJAzELBgkqhkiG9w0BBwE=",
        **_EXAMPLE_PLACE,
    },
}
"""True in form; (schema, status) -> the members besides ``document``."""


def both(code: str) -> str:
    """Return the words of a code in Vietnamese and English."""
    return " / ".join(text.message(code, language) for language in text.LANGUAGES)


def form_body(files: Mapping[str, bool], declared: Sequence[Field], *, required: Sequence[str] = ()) -> dict[str, Any]:
    """Describe a form.

    :param files: the parts that are files, and whether each must be there.
    :param required: fields that must be there.
    """
    properties: dict[str, Any] = {name: {**OCTETS, "description": both(f"api.field.{name}")} for name in files} | {
        entry.name: _schema_of(entry) for entry in declared
    }
    must = [*(name for name, needed in files.items() if needed), *required]
    encoding = {"document": {"contentType": "application/pdf"}}
    schema: dict[str, Any] = {
        "type": "object",
        "required": must,
        "properties": properties,
        "additionalProperties": False,
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema, "encoding": encoding}}}


def json_body(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a JSON object, all of whose members must be there."""
    schema: dict[str, Any] = {"type": "object", "required": list(properties), "properties": dict(properties)}
    schema["additionalProperties"] = False
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def answers(
    successes: Mapping[int, Mapping[str, Mapping[str, Any]]], refusals: Sequence[int], *, token: bool = True
) -> dict[int | str, dict[str, Any]]:
    """Describe a route's answers.

    :param successes: status -> media type -> schema.
    :param refusals: statuses of problems that the route itself may answer; those of every route are added.
    :param token: whether the route needs a token.
    """
    described: dict[int | str, dict[str, Any]] = {
        status: {
            "description": both(f"api.status.{status}"),
            "content": {media_type: _content(status, schema) for media_type, schema in content.items()},
        }
        for status, content in successes.items()
    }
    always = (400, 401, 403, 429, 500, 503) if token else (500, 503)
    for status in sorted({*refusals, *always}):
        described[status] = {"description": both(f"api.status.{status}"), "content": {MEDIA_TYPE: _problem(status)}}
    return described


def route_words(name: str, scope: ScopeName | None) -> dict[str, Any]:
    """Return a route's name, summary and description.

    :param scope: what its token must permit.
    """
    description = text.message(f"api.route.{name}.about", "vi") + "\n\n" + text.message(f"api.route.{name}.about", "en")
    if scope is not None:
        description += f"\n\nScope: `{scope}`."
    return {"operation_id": name, "summary": both(f"api.route.{name}"), "description": description}


def _schema_of(entry: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"description": both(f"api.field.{entry.name}"), "examples": [entry.example]}
    if entry.kind == "settings":
        items = {"type": "string", "pattern": "^[^=]*[^=\\s][^=]*=", "maxLength": 500}
        return {**described, "type": "array", "items": items, "examples": [[entry.example]]}
    if entry.kind in ("whole", "number"):
        bounds = {"minimum": entry.least, "maximum": entry.most}
        return {**described, "type": "integer" if entry.kind == "whole" else "number", **bounds}
    if entry.kind == "flag":
        return {**described, "type": "boolean"}
    if entry.kind == "choice":
        return {**described, "type": "string", "enum": list(entry.choices)}
    if entry.kind == "time":
        return {**described, "type": "string", "format": "date-time"}
    return {**described, "type": "string", "maxLength": entry.longest}


def _content(status: int, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Describe an answer's content, with an example in each language where there is one for its schema."""
    name = schema.get("properties", {}).get("schema", {}).get("const", "")
    example = _EXAMPLES.get((name, status))
    if example is None:
        return {"schema": dict(schema)}
    examples = {
        language: {"summary": _LANGUAGE_NAMES[language], "value": {**example, "document": _EXAMPLE_DOCUMENTS[language]}}
        for language in text.LANGUAGES
    }
    return {"schema": dict(schema), "examples": examples}


def _problem(status: int) -> dict[str, Any]:
    error: KysoError = InputRefused(_REFUSALS[status], **_EXAMPLE_PARAMETERS)
    document = problem_of(error, status)
    examples = {
        language: {"summary": _LANGUAGE_NAMES[language], "value": _told(document, language)}
        for language in text.LANGUAGES
    }
    return {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}


def _told(document: Mapping[str, Any], language: text.Language) -> dict[str, Any]:
    return in_language(document, language, _EXAMPLE_INSTANCE)
