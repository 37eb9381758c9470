"""The dossier as JSON: kyso's own form for files, and the body of SendDocument for the gateway."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from kyso_kbnn.dossier import Dossier, Record
from kyso_kbnn.envelope import ROLES, Envelope, Role, md5_text
from kyso_kbnn.json_schema import SCHEMA_ID
from kyso_kbnn.profile import Profile
from kyso_kbnn.tables import Table
from kyso_kbnn.values import on_the_wire, written

_SIGNATURE_FIELDS: Mapping[Role, tuple[str, str, str]] = {
    "accountant": ("v_chu_ky_so_ktt", "v_tg_ky_so_ktt", "v_username_ktt"),
    "holder": ("v_chu_ky_so_ctk", "v_tg_ky_so_ctk", "v_username_ctk"),
}
# NUL stands in no value, so what carries it can only be a number written here.
_NUMBER_MARK = "\x00number:"
_MARKED_NUMBER = re.compile(r'"\\u0000number:([0-9.]+)"')


def own_json(dossier: Dossier, profile: Profile) -> dict[str, Any]:
    """Return the dossier in kyso's form; reading it gives the same dossier."""
    return {
        "schema": SCHEMA_ID,
        "unit": _own(dossier.unit, profile.unit, profile),
        "document": _own(dossier.document, profile.document, profile),
        "vouchers": [
            {
                "form": voucher.form,
                "header": _own(voucher.header, profile.forms[voucher.form].header, profile),
                "lines": [_own(line, profile.forms[voucher.form].lines, profile) for line in voucher.lines],
            }
            for voucher in dossier.vouchers
        ],
        "attachments": [_own(one, profile.attachment, profile) for one in dossier.attachments],
    }


def _own(record: Record, table: Table, profile: Profile) -> dict[str, Any]:
    return {
        field.name: value if isinstance(value := record[field.name], int) else written(value, profile)
        for field in table.fields
        if field.name in record
    }


def signed_dossier(
    dossier: Dossier,
    content: bytes,
    envelopes: Mapping[Role, Envelope],
    usernames: Mapping[Role, str],
    profile: Profile,
) -> Dossier:
    """Fill in what the signatures give: data, digests, envelopes, times and user names (4.2 and the headers)."""
    document: dict[str, Any] = {
        "v_du_lieu_toan_van": md5_text(content, profile),
        "v_du_lieu_xac_thuc": content.decode("utf-8"),
    }
    headers: dict[str, Any] = {}
    for role in ROLES:
        if role not in envelopes:
            continue
        signature, time, username = _SIGNATURE_FIELDS[role]
        text = envelopes[role].to_xml(profile).decode("utf-8")
        document[signature] = text
        if profile.envelope.voucher_signatures == "dossier":
            headers[signature] = text
        headers[time] = envelopes[role].signed_at(profile)
        if usernames.get(role):
            headers[username] = usernames[role]
    return dossier.with_document(**document).with_headers(**headers)


def gateway_objects(dossier: Dossier, profile: Profile) -> dict[str, Any]:
    """Return the objects of the body of SendDocument without LoginInfo, named as the profile says."""
    names = profile.json
    body: dict[str, Any] = {names.document: _wire(dossier.document, profile.document, profile)}
    for form in profile.forms.values():
        vouchers = [voucher for voucher in dossier.vouchers if voucher.form == form.name]
        if not vouchers:
            continue
        headers = [_wire(voucher.header, form.header, profile) for voucher in vouchers]
        body[names.voucher.format(form=form.name)] = headers[0] if len(headers) == 1 else headers
        body[names.lines.format(form=form.name)] = [
            _wire(line, form.lines, profile) for voucher in vouchers for line in voucher.lines
        ]
    body[names.attachments] = [_wire(one, profile.attachment, profile) for one in dossier.attachments]
    return body


def _wire(record: Record, table: Table, profile: Profile) -> dict[str, Any]:
    return {field.key: on_the_wire(field, record.get(field.name), profile) for field in table.fields if field.sent}


def to_json_bytes(value: Any, *, indent: int | None = None) -> bytes:
    """Return JSON in UTF-8; amounts with decimals are written as the exact numbers they are."""
    text = json.dumps(_marked(value), ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))
    return _MARKED_NUMBER.sub(r"\1", text).encode("utf-8")


def _marked(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{_NUMBER_MARK}{value:f}"
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return value
