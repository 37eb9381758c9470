"""What a signer's certificate says, and whether it may sign now."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from kyso.cms.values import load_certificate, schemes_for
from kyso.contracts import Signer
from kyso.errors import KeyTrouble
from kyso.models import VIETNAM_TIME
from kyso.text import shown

if TYPE_CHECKING:
    from datetime import datetime

    from kyso.contracts import Key, KeyDescription
    from kyso.models import DigestName, SchemeName

_SHOWN_DATE = "%d/%m/%Y %H:%M:%S"


def _subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    return _attribute(certificate.subject, oid)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    value = values[0].value if values else ""
    return shown(value if isinstance(value, str) else value.decode("utf-8", "replace")).strip()


@lru_cache(maxsize=64)
def signer_of(der: bytes) -> Signer:
    """Read who the certificate belongs to. Vietnamese CAs put CCCD and MST into UID."""
    certificate = load_certificate(der)
    organisation = _subject(certificate, NameOID.ORGANIZATION_NAME)
    return Signer(
        name=_subject(certificate, NameOID.COMMON_NAME) or organisation,
        organisation=organisation,
        title=_subject(certificate, NameOID.TITLE),
        identifier=_subject(certificate, NameOID.USER_ID) or _subject(certificate, NameOID.SERIAL_NUMBER),
        issuer=_attribute(certificate.issuer, NameOID.COMMON_NAME),
        serial=f"{certificate.serial_number:x}",
    )


def check_certificate(der: bytes, now: datetime) -> None:
    """Refuse a certificate that is expired, not valid yet, or not made for signing (TT 15/2025, Điều 5.1.a).

    :param now: the present, aware; never the claimed signing time.
    :raises KeyTrouble: with the reason.
    """
    certificate = load_certificate(der)
    if now > certificate.not_valid_after_utc:
        raise KeyTrouble(
            "key.certificate_expired",
            name=signer_of(der).name,
            date=certificate.not_valid_after_utc.astimezone(VIETNAM_TIME).strftime(_SHOWN_DATE),
        )
    if now < certificate.not_valid_before_utc:
        raise KeyTrouble(
            "key.certificate_not_yet_valid",
            name=signer_of(der).name,
            date=certificate.not_valid_before_utc.astimezone(VIETNAM_TIME).strftime(_SHOWN_DATE),
        )
    _check_usage(der)


@lru_cache(maxsize=64)
def is_self_issued(der: bytes) -> bool:
    """Tell whether the certificate names itself as its issuer, as roots do."""
    certificate = load_certificate(der)
    return certificate.issuer == certificate.subject


@lru_cache(maxsize=64)
def _check_usage(der: bytes) -> None:
    try:
        usage = load_certificate(der).extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    except ValueError as error:
        raise KeyTrouble("key.certificate_unreadable") from error
    if not (usage.digital_signature or usage.content_commitment):
        raise KeyTrouble("key.not_for_signing", name=signer_of(der).name)


def choose_scheme(key: Key, scheme: SchemeName | None, digest: DigestName | None) -> tuple[SchemeName, DigestName]:
    """Choose scheme and digest: the key's first choice that matches what was asked for.

    :raises KeyTrouble: the key cannot do what was asked.
    """
    allowed = schemes_for(key.certificate)
    for candidate in key.schemes:
        if candidate in allowed and scheme in (None, candidate[0]) and digest in (None, candidate[1]):
            return candidate
    raise KeyTrouble("key.scheme_unsupported", scheme=scheme or "*", digest=digest or "*")


_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_cert_sign": "keyCertSign",
}


def describe(der: bytes, uri: str) -> KeyDescription:
    """Describe a key by its certificate, for `kyso keys list`."""
    from kyso.contracts import KeyDescription
    from kyso.signing.owner import owner_of

    certificate = load_certificate(der)
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        names = tuple(name for attribute, name in _USAGES.items() if getattr(usage, attribute))
    except (x509.ExtensionNotFound, ValueError):
        names = ()
    signer = signer_of(der)
    return KeyDescription(
        uri=uri,
        subject=signer.name or certificate.subject.rfc4514_string(),
        issuer=signer.issuer,
        serial=signer.serial,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        usage=names,
        owner=owner_of(der),
    )
