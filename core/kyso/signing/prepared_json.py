"""A prepared signature as JSON (``kyso.prepared/1``): what survives a crash, a restart, a move to another machine."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from kyso.errors import InputRefused
from kyso.geometry import RectMm
from kyso.models import Notice, PreparedSignature

SCHEMA = "kyso.prepared/1"


def to_json(prepared: PreparedSignature) -> str:
    """Write `prepared` as JSON text."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "id": prepared.id,
            "document_name": prepared.document_name,
            "file_size": prepared.file_size,
            "byte_range": list(prepared.byte_range),
            "digest": prepared.digest,
            "document_digest": _encode(prepared.document_digest),
            "scheme": prepared.scheme,
            "signed_attributes": _encode(prepared.signed_attributes),
            "certificates": [_encode(certificate) for certificate in prepared.certificates],
            "level": prepared.level,
            "signature_format": prepared.signature_format,
            "field": prepared.field,
            "page": prepared.page,
            "rect_mm": None if prepared.rect_mm is None else list(prepared.rect_mm.as_tuple()),
            "signed_at": prepared.signed_at.isoformat(),
            "policy": prepared.policy,
            "key": prepared.key,
            "signature_number": prepared.signature_number,
            "original_size": prepared.original_size,
            "notices": [
                {"code": notice.code, "parameters": {name: str(value) for name, value in notice.parameters.items()}}
                for notice in prepared.notices
            ],
        },
        ensure_ascii=False,
        indent=1,
    )


def from_json(source: str) -> PreparedSignature:
    """Read what :func:`to_json` wrote.

    :raises InputRefused: it is something else, or has been damaged.
    """
    try:
        table: dict[str, Any] = json.loads(source)
        if table["schema"] != SCHEMA:
            raise InputRefused("prepared.unreadable", cause=str(table["schema"]))
        rect = table["rect_mm"]
        first, second, third, fourth = (int(value) for value in table["byte_range"])
        signed_at = datetime.fromisoformat(table["signed_at"])
        if signed_at.tzinfo is None:
            raise ValueError("signed_at")
        return PreparedSignature(
            id=str(table["id"]),
            document_name=str(table["document_name"]),
            file_size=int(table["file_size"]),
            byte_range=(first, second, third, fourth),
            digest=_one_of(table["digest"], "sha256", "sha384", "sha512"),
            document_digest=_decode(table["document_digest"]),
            scheme=_one_of(table["scheme"], "rsa-pkcs1v15", "rsa-pss", "ecdsa"),
            signed_attributes=_decode(table["signed_attributes"]),
            certificates=tuple(_decode(value) for value in table["certificates"]),
            level=_one_of(table["level"], "b", "t", "lt", "lta"),
            signature_format=_one_of(table["signature_format"], "pades", "pkcs7"),
            field=str(table["field"]),
            page=int(table["page"]),
            rect_mm=None if rect is None else RectMm(*(float(value) for value in rect)),
            signed_at=signed_at,
            policy=str(table["policy"]),
            key=str(table["key"]),
            signature_number=int(table["signature_number"]),
            original_size=int(table["original_size"]),
            notices=tuple(Notice(str(item["code"]), dict(item["parameters"])) for item in table["notices"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputRefused("prepared.unreadable", cause=type(error).__name__) from error


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("base64") from error


def _one_of(value: Any, *allowed: str) -> Any:
    if value not in allowed:
        raise ValueError(value)
    return value
