"""What GetCertInfo tells of a certificate, in the words that client code reads."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from kyso.cms.values import load_certificate
from kyso.models import VIETNAM_TIME

if TYPE_CHECKING:
    from datetime import datetime

    from kyso_desk.agent.profile import AgentProfile

_NAMES = {
    NameOID.COMMON_NAME: "CN",
    NameOID.TITLE: "T",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.COUNTRY_NAME: "C",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.USER_ID: "OID.0.9.2342.19200300.100.1.1",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
}


def certificate_table(der: bytes, profile: AgentProfile) -> dict[str, Any]:
    """Return the entries of ``CertInfo``."""
    certificate = load_certificate(der)

    def shown(moment: datetime) -> str:
        return moment.astimezone(VIETNAM_TIME).strftime(profile.certificate_time_pattern)

    return {
        "Base64Data": base64.b64encode(der).decode("ascii"),
        "Subject": _line(certificate.subject),
        "Issuer": _line(certificate.issuer),
        "SerialNumber": f"{certificate.serial_number:X}",
        "ValidFrom": shown(certificate.not_valid_before_utc),
        "ValidTo": shown(certificate.not_valid_after_utc),
    }


def _line(name: x509.Name) -> str:
    """Write a name as Windows programs show it: the most particular part first, so that clients find ``CN=`` there."""
    parts = []
    for attribute in reversed(list(name)):
        label = _NAMES.get(attribute.oid, f"OID.{attribute.oid.dotted_string}")
        value = attribute.value if isinstance(attribute.value, str) else attribute.value.decode("utf-8", "replace")
        quoted = '"' + value.replace('"', '""') + '"' if any(mark in value for mark in ',+="<>#;') else value
        parts.append((label != "CN", f"{label}={quoted}"))
    return ", ".join(text for _, text in sorted(parts, key=lambda part: part[0]))
