"""Choosing one certificate among all that the modules show.

Nothing is guessed: a URI that matches two certificates is refused with the list of both, each with a URI that names it
alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from kyso.plugin import KeyTrouble
from kyso.text import Phrase
from kyso_pkcs11.uri import TokenUri, format_uri, plain_hexadecimal

_UID = x509.ObjectIdentifier("0.9.2342.19200300.100.1.1")
_UID_PARTS = re.compile(r"(MST|CCCD|CMND|HC|HOCHIEU)\s*:\s*([0-9A-Za-z-]+)", re.IGNORECASE)
_CERTIFICATE_CAP_OCTETS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its module describes it; texts are without padding.

    :param flags: the PIN flags that :mod:`kyso_pkcs11.cryptoki` names.
    """

    module_path: Path
    slot_id: int
    slot_description: str
    slot_manufacturer: str
    library: dict[str, str]
    label: str
    serial: str
    manufacturer: str
    model: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class TokenCertificate:
    """A certificate on a token.

    :param id: CKA_ID, which names the private key as well; may be empty.
    """

    token: Token
    id: bytes
    label: str
    der: bytes
    certificate: x509.Certificate

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the certificate, lower-case hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()


def read_inventory(
    module_path: Path, library: dict[str, Any], slots: Any
) -> tuple[list[Token], list[TokenCertificate]]:
    """Read a worker's inventory; what is not a certificate that can be parsed is passed over.

    The answer comes from beside a vendor's native code, so every field is checked.
    """
    tokens: list[Token] = []
    certificates: list[TokenCertificate] = []
    for slot in slots if isinstance(slots, list) else []:
        if not isinstance(slot, dict) or not slot.get("initialized"):
            continue
        token = Token(
            module_path,
            int(slot["slot_id"]),
            str(slot["description"]),
            str(slot["manufacturer"]),
            {name: str(value) for name, value in library.items()},
            str(slot["token"]),
            str(slot["serial"]),
            str(slot["token_manufacturer"]),
            str(slot["model"]),
            frozenset(slot["flags"]),
        )
        tokens.append(token)
        seen: set[bytes] = set()
        for entry in slot["certificates"]:
            der = bytes.fromhex(entry["der"])
            if der in seen or len(der) > _CERTIFICATE_CAP_OCTETS:
                continue
            seen.add(der)
            try:
                certificate = x509.load_der_x509_certificate(der)
                certificate.public_key()
            except (ValueError, TypeError, UnsupportedAlgorithm):
                continue
            certificates.append(TokenCertificate(token, bytes.fromhex(entry["id"]), entry["label"], der, certificate))
    return tokens, certificates


def token_matches(token: Token, uri: TokenUri) -> bool:
    """Tell whether the URI's token, slot and library attributes all hold for `token`."""
    facts = {
        "token": token.label,
        "serial": token.serial,
        "manufacturer": token.manufacturer,
        "model": token.model,
        "slot-id": str(token.slot_id),
        "slot-description": token.slot_description,
        "slot-manufacturer": token.slot_manufacturer,
        "library-manufacturer": token.library.get("manufacturer", ""),
        "library-description": token.library.get("description", ""),
        "library-version": token.library.get("version", ""),
    }
    return all(wanted.strip() == facts[name].strip() for name, wanted in uri.attributes.items() if name in facts)


def certificate_matches(found: TokenCertificate, uri: TokenUri) -> bool:
    """Tell whether the URI names this certificate."""
    if not token_matches(found.token, uri):
        return False
    if uri.id is not None and uri.id != found.id:
        return False
    label = uri.get("object")
    if label is not None and label != found.label:
        return False
    thumbprint = uri.get("thumbprint")
    if thumbprint is not None:
        plain = plain_hexadecimal(thumbprint)
        # SHA-1 only finds the certificate that a person copied from Windows' own dialog; it decides nothing.
        sha1 = hashlib.sha1(found.der, usedforsecurity=False).hexdigest()
        if plain not in (found.thumbprint, sha1):
            return False
    serial = uri.get("certificate-serial")
    if serial is not None and int(plain_hexadecimal(serial), 16) != found.certificate.serial_number:
        return False
    identifiers = subject_identifiers(found.certificate)
    tax_code, citizen_id = uri.get("tax-code"), uri.get("citizen-id")
    if tax_code is not None and tax_code not in identifiers.get("MST", ()):
        return False
    return citizen_id is None or any(
        citizen_id in identifiers.get(kind, ()) for kind in ("CCCD", "CMND", "HC", "HOCHIEU")
    )


def subject_identifiers(certificate: x509.Certificate) -> dict[str, tuple[str, ...]]:
    """Return the identifiers in the subject's UID: ``{"MST": (...), "CCCD": (...), ...}``."""
    found: dict[str, tuple[str, ...]] = {}
    for attribute in certificate.subject.get_attributes_for_oid(_UID):
        for kind, number in _UID_PARTS.findall(str(attribute.value)):
            found[kind.upper()] = (*found.get(kind.upper(), ()), number)
    return found


def is_ca(certificate: x509.Certificate) -> bool:
    """Tell whether the certificate is a CA's, which tokens often carry beside the person's."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except (x509.ExtensionNotFound, ValueError):
        return False


def choose(uri_text: str, uri: TokenUri, certificates: list[TokenCertificate], tokens: list[Token]) -> TokenCertificate:
    """Return the one certificate that `uri` names.

    :raises KeyTrouble: none or several match.
    """
    if not any(token_matches(token, uri) for token in tokens):
        raise KeyTrouble("pkcs11.token_not_found", uri=uri_text, found=[token.label for token in tokens] or ["-"])
    matching = [found for found in certificates if not is_ca(found.certificate) and certificate_matches(found, uri)]
    distinct = {found.der: found for found in matching}
    if len(distinct) > 1 or (len(matching) > 1 and len({found.token.serial for found in matching}) > 1):
        raise KeyTrouble("pkcs11.certificate_ambiguous", uri=uri_text, candidates=[_line(found) for found in matching])
    if not matching:
        others = [_line(found) for found in certificates if not is_ca(found.certificate)]
        raise KeyTrouble("pkcs11.certificate_not_found", uri=uri_text, found=others or [Phrase("pkcs11.no_candidate")])
    return matching[0]


def _line(found: TokenCertificate) -> Phrase:
    return Phrase("pkcs11.candidate", {"name": common_name(found.certificate.subject), "uri": uri_of(found)})


def uri_of(found: TokenCertificate) -> str:
    """Return a URI that names this certificate and nothing else here."""
    attributes = {"token": found.token.label, "serial": found.token.serial, "object": found.label}
    if not found.id:
        attributes["thumbprint"] = found.thumbprint
    return format_uri(attributes, found.id or None, str(found.token.module_path))


def chain_for(found: TokenCertificate, certificates: list[TokenCertificate]) -> tuple[bytes, ...]:
    """Return the issuing CA certificates that the same token carries, nearest first."""
    authorities = [
        other for other in certificates if other.token.serial == found.token.serial and is_ca(other.certificate)
    ]
    chain: list[bytes] = []
    current = found.certificate
    while current.issuer != current.subject and len(chain) < 8:
        issuer = next((other for other in authorities if _issued(current, other.certificate)), None)
        if issuer is None or issuer.der in chain:
            break
        chain.append(issuer.der)
        current = issuer.certificate
    return tuple(chain)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def common_name(name: x509.Name) -> str:
    """Return the name's CN, else the whole name."""
    for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME):
        return str(attribute.value)
    return name.rfc4514_string()
