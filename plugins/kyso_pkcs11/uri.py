"""PKCS#11 URIs (RFC 7512): reading, writing and matching.

Beside the attributes of RFC 7512, four vendor-specific path attributes (clause 2.3, ``pk11-v-attr``) choose a
certificate by what stands in it::

    thumbprint=          SHA-256 or SHA-1 of the certificate, hexadecimal, colons allowed
    certificate-serial=  the certificate's serial number, hexadecimal
    tax-code=            MST in the subject's UID
    citizen-id=          CCCD, CMND or passport number in the subject's UID

A PIN is never part of a URI: ``pin-value`` and ``pin-source`` are refused, because URIs end up in histories and logs.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from kyso.plugin import WrongUse

TEXT_ATTRIBUTES = frozenset(
    {
        "token",
        "manufacturer",
        "serial",
        "model",
        "library-manufacturer",
        "library-version",
        "library-description",
        "slot-description",
        "slot-manufacturer",
        "slot-id",
        "object",
        "type",
    }
)
CERTIFICATE_ATTRIBUTES = frozenset({"thumbprint", "certificate-serial", "tax-code", "citizen-id"})
_OBJECT_TYPES = frozenset({"cert", "private", "public"})
_URI_CAP = 4096
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 7512, 2.3: what may stand unencoded in a path attribute besides the unreserved characters.
_PATH_SAFE = ":[]@!$'()*+,="
_QUERY_SAFE = _PATH_SAFE + "/?|"


@dataclass(frozen=True, slots=True)
class TokenUri:
    """A parsed PKCS#11 URI.

    :param attributes: text path attributes, percent-decoded.
    :param id: CKA_ID of the object, or ``None``.
    :param module_path: ``module-path`` of the query part, or ``None``.
    :param module_name: ``module-name`` of the query part, or ``None``.
    """

    attributes: dict[str, str] = dataclasses.field(default_factory=dict)
    id: bytes | None = None
    module_path: str | None = None
    module_name: str | None = None

    def get(self, name: str) -> str | None:
        """Return a path attribute or ``None``."""
        return self.attributes.get(name)


def parse_uri(uri: str) -> TokenUri:
    """Parse a PKCS#11 URI.

    :raises WrongUse: it is not one, names an attribute twice or an unknown one, or carries a PIN.
    """
    if len(uri) > _URI_CAP or not uri.startswith("pkcs11:"):
        raise WrongUse("pkcs11.uri_bad", uri=uri[:200], detail="pkcs11:")
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    attributes: dict[str, str] = {}
    identifier: bytes | None = None
    for name, raw in _pairs(path, ";"):
        if name == "id":
            if identifier is not None:
                raise WrongUse("pkcs11.uri_twice", uri=uri, attribute=name)
            identifier = _decode(uri, raw)
        elif name in attributes:
            raise WrongUse("pkcs11.uri_twice", uri=uri, attribute=name)
        elif name in TEXT_ATTRIBUTES or name in CERTIFICATE_ATTRIBUTES:
            attributes[name] = _text(uri, raw)
        else:
            # RFC 7512, 2.5: an attribute one does not know must not be passed over, it could widen the match.
            raise WrongUse(
                "pkcs11.uri_unknown",
                uri=uri,
                attribute=name,
                known=sorted(TEXT_ATTRIBUTES | CERTIFICATE_ATTRIBUTES | {"id"}),
            )
    module: dict[str, str] = {}
    for name, raw in _pairs(query, "&"):
        if name in {"pin-value", "pin-source"}:
            raise WrongUse("pkcs11.uri_pin", attribute=name)
        if name in {"module-path", "module-name"}:
            if name in module:
                raise WrongUse("pkcs11.uri_twice", uri=uri, attribute=name)
            module[name] = _text(uri, raw)
    _check_values(uri, attributes)
    return TokenUri(attributes, identifier, module.get("module-path"), module.get("module-name"))


def _pairs(part: str, separator: str) -> list[tuple[str, str]]:
    pairs = []
    for item in part.split(separator) if part else []:
        name, equals, value = item.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            # The item may hold a PIN that was cut wrongly: only its name part is repeated.
            raise WrongUse("pkcs11.uri_bad", uri="pkcs11:", detail=name[:40])
        pairs.append((name, value))
    return pairs


def _decode(uri: str, raw: str) -> bytes:
    if _PERCENT.search(raw):
        raise WrongUse("pkcs11.uri_bad", uri=uri, detail=raw[:80])
    return unquote_to_bytes(raw)


def _text(uri: str, raw: str) -> str:
    try:
        text = _decode(uri, raw).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise WrongUse("pkcs11.uri_bad", uri=uri, detail=raw[:80]) from cause
    if "\x00" in text:
        raise WrongUse("pkcs11.uri_bad", uri=uri, detail=raw[:80])
    return text


def _check_values(uri: str, attributes: dict[str, str]) -> None:
    slot = attributes.get("slot-id")
    if slot is not None and not re.fullmatch(r"[0-9]{1,20}", slot):
        raise WrongUse("pkcs11.uri_bad", uri=uri, detail=f"slot-id={slot}")
    kind = attributes.get("type")
    if kind is not None and kind not in _OBJECT_TYPES:
        raise WrongUse("pkcs11.uri_bad", uri=uri, detail=f"type={kind}")
    for name in ("thumbprint", "certificate-serial"):
        value = attributes.get(name)
        if value is None:
            continue
        plain = plain_hexadecimal(value)
        if not re.fullmatch(r"[0-9a-f]+", plain) or (name == "thumbprint" and len(plain) not in (40, 64)):
            raise WrongUse("pkcs11.uri_bad", uri=uri, detail=f"{name}={value}")


def plain_hexadecimal(value: str) -> str:
    """Return hexadecimal text as programs compare it: lower case, without colons and spaces."""
    return value.replace(":", "").replace(" ", "").lower()


def format_uri(attributes: dict[str, str], identifier: bytes | None = None, module_path: str | None = None) -> str:
    """Write a PKCS#11 URI; :func:`parse_uri` reads the same values back."""
    parts = [f"{name}={quote(value, safe=_PATH_SAFE)}" for name, value in attributes.items() if value]
    if identifier:
        # RFC 7512, 2.3: the id attribute is written percent-encoded throughout.
        parts.append("id=" + "".join(f"%{octet:02X}" for octet in identifier))
    query = f"?module-path={quote(module_path, safe=_QUERY_SAFE)}" if module_path else ""
    return "pkcs11:" + ";".join(parts) + query
