"""JSON Schema (draft 2020-12) of kyso's dossier form, made from the profile.

It says what a single value must look like; rules between values (C1 to C7, sums, codes) are beyond it and stand in the
descriptions. Where the profile is more lenient than a schema can be (a warning), the schema is lenient too.
"""

from __future__ import annotations

from typing import Any

from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Field, Form, Table

SCHEMA_ID = "kyso.kbnn.dossier/1"


def dossier_schema(profile: Profile) -> dict[str, Any]:
    """Return the schema of the JSON that `kyso kbnn` takes."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA_ID.replace('.', ':').replace('/', ':')}",
        "title": "Hồ sơ gửi Kho bạc Nhà nước",
        "description": f"{profile.source}; {profile.id} {profile.version}",
        "type": "object",
        "additionalProperties": False,
        "required": ["document", "vouchers"],
        "properties": {
            "schema": {"const": SCHEMA_ID},
            "unit": _record(profile, profile.unit, "Đơn vị (như đã đăng ký với KBNN)"),
            "document": _record(profile, profile.document, "Document (4.2)"),
            "vouchers": {
                "type": "array",
                "minItems": 1,
                "maxItems": profile.limits.vouchers,
                "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in profile.forms]},
            },
            "attachments": {
                "type": "array",
                "items": _record(profile, profile.attachment, "RefDetailAttach (4.13)"),
            },
        },
        "$defs": {name: _voucher(profile, form) for name, form in profile.forms.items()},
    }


def _voucher(profile: Profile, form: Form) -> dict[str, Any]:
    return {
        "title": f"{form.name} ({form.number}) {form.title}",
        "type": "object",
        "additionalProperties": False,
        "required": ["form", "header", "lines"],
        "properties": {
            "form": {"const": form.name},
            "header": _record(profile, form.header, form.header.source),
            "lines": {
                "type": "array",
                "minItems": 1,
                "maxItems": profile.limits.lines,
                "items": _record(profile, form.lines, form.lines.source),
            },
        },
    }


def _record(profile: Profile, table: Table, title: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in table.fields:
        if field.filled_by in ("signing", "upload", "gateway"):
            continue
        shape = _value(profile, field)
        for name in (field.key, *field.aliases):
            properties[name] = shape
        # Names with aliases are not listed as required: any of them may carry the value.
        if _needed(profile, field) and not field.aliases:
            required.append(field.key)
    schema: dict[str, Any] = {"title": title, "type": "object", "additionalProperties": False, "properties": properties}
    if required:
        schema["required"] = required
    return schema


def _needed(profile: Profile, field: Field) -> bool:
    proposed = field.proposed == "always" and profile.strictness.proposed_obligation == "error"
    return (field.said == "always" or proposed) and field.default is None and field.filled_by == "person"


def _value(profile: Profile, field: Field) -> dict[str, Any]:
    words = [field.label]
    for obligation, origin in ((field.said, "Quyết định 935"), (field.proposed, "đề xuất")):
        condition = profile.conditions.get(obligation or "")
        if condition is not None:
            words.append(f"{condition.name}: {condition.vi} ({origin})")
        elif obligation == "always":
            words.append(f"bắt buộc ({origin})")
    shape: dict[str, Any] = {"description": "; ".join(words)}
    match field.kind:
        case "text":
            shape["type"] = ["string", "null"]
            if field.hard_max is not None:
                shape["maxLength"] = field.hard_max
        case "choice":
            shape["enum"] = [None, "", *field.values, *(int(value) for value in field.values if value.isdigit())]
        case "integer":
            shape["type"] = ["integer", "string", "null"]
            shape["minimum"] = 0
            shape["pattern"] = "^([0-9]{1,18})?$"
        case "amount" | "foreign_amount":
            shape["type"] = ["number", "string", "null"]
            shape["minimum"] = 0
            shape["pattern"] = r"^([0-9]{1,18}(\.[0-9]{1,4})?)?$"
        case "date":
            shape["type"] = ["string", "null"]
            shape["pattern"] = "^([0-9]{2}/[0-9]{2}/[0-9]{4})?$"
        case "time":
            shape["type"] = ["string", "null"]
    return shape
