"""Whose certificate it is: a person's or an organisation's, and whether that is who a signature needs.

Decree 30 has two kinds of signatures on a letter: the authorised person's and the organisation's (the seal). A seal put
with the leader's personal certificate, or a leader's signature made with the organisation's, is a letter that its
receiver may send back.

What Vietnamese CAs write into the subject decides: ``UID=CCCD:...`` (CMND, HC for a passport) names a person, also one
of an organisation; ``UID=MST:...`` alone an organisation. Then the natural person's and legal person's attributes of
ETSI EN 319 412-2 and -3, a title, and a common name that is the organisation's own. Certificates of the official-duty
CAs often say none of this: their owner is unknown, and the role that a person configured for the key decides.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from kyso.cms.certificate import (
    COMMON_NAME,
    ORGANISATION,
    ORGANISATION_IDENTIFIER,
    SERIAL_NUMBER,
    SURNAME,
    USER_ID,
    attributes_of,
    read_certificate,
)
from kyso.cms.der import DerError
from kyso.errors import KeyTrouble
from kyso.models import Notice
from kyso.signing.certificates import signer_of

if TYPE_CHECKING:
    from kyso.config import Config, Role
    from kyso.contracts import Owner

_GIVEN_NAME = "2.5.4.42"
_TITLE = "2.5.4.12"
_PERSON_NUMBER = re.compile(r"\b(?:CCCD|CMND|CMT|HC|HOCHIEU|HO CHIEU|PASSPORT)\s*[:\-]", re.IGNORECASE)
_BODY_NUMBER = re.compile(r"\b(?:MST|MSDN|MSNS|MDVQHNS)\s*[:\-]", re.IGNORECASE)
# ETSI EN 319 412-1, 5.1.3 and 5.1.4: the identity types of natural and of legal persons.
_PERSON_SEMANTICS = re.compile(r"(?:PAS|IDC|PNO|TIN)[A-Z]{2}-")
_BODY_SEMANTICS = re.compile(r"(?:VAT|NTR|PSD|LEI)[A-Z]{2}-")
_ROLES: dict[str, Owner] = {
    "leader": "person",
    "accountant": "person",
    "holder": "person",
    "person": "person",
    "seal": "organisation",
    "organisation": "organisation",
}


def owner_for(role: Role | None) -> Owner | None:
    """Return whose certificate a key of this configured role has."""
    return None if role is None else _ROLES.get(role)


@lru_cache(maxsize=256)
def owner_of(der: bytes) -> Owner | None:
    """Tell whose certificate it is, ``None`` where it does not say."""
    try:
        attributes = attributes_of(read_certificate(der).subject)
    except DerError:
        return None
    by_kind: dict[str, str] = {}
    for identifier, value in attributes:
        by_kind[identifier] = f"{by_kind.get(identifier, '')} {value}".strip()
    numbers = " ".join(by_kind.get(kind, "") for kind in (USER_ID, SERIAL_NUMBER))
    if _PERSON_NUMBER.search(numbers) or _PERSON_SEMANTICS.search(numbers):
        return "person"
    if any(by_kind.get(kind) for kind in (SURNAME, _GIVEN_NAME, _TITLE)):
        return "person"
    if _BODY_NUMBER.search(numbers) or _BODY_SEMANTICS.search(numbers) or by_kind.get(ORGANISATION_IDENTIFIER):
        return "organisation"
    common, organisation = _folded(by_kind.get(COMMON_NAME, "")), _folded(by_kind.get(ORGANISATION, ""))
    return "organisation" if organisation and common in ("", organisation) else None


def owner_doubt(der: bytes, wanted: Owner) -> Notice | None:
    """Return what is to be said where the certificate is not `wanted`'s; nothing where it does not say whose it is."""
    found = owner_of(der)
    if found is None or found == wanted:
        return None
    code = "signing.person_wanted" if wanted == "person" else "signing.organisation_wanted"
    return Notice(code, {"name": signer_of(der).name})


def check_owner(der: bytes, wanted: Owner | None, key: str, config: Config) -> tuple[Notice, ...]:
    """Check that a key's certificate and its configured role are those of the one who is to sign.

    :param wanted: whose certificate the placement policy asks for; ``None`` leaves it open.
    :param key: the key's configured name or URI.
    :returns: what does not fit.
    :raises KeyTrouble: it does not fit, or nothing says whether it does, and ``[signing] require_role`` is set.
    """
    section = config.keys.get(key)
    configured = owner_for(section.role) if section is not None else None
    wanted = wanted or configured
    if wanted is None:
        return ()
    strict = config.signing.require_role
    name = signer_of(der).name
    doubt = owner_doubt(der, wanted)
    if doubt is None and configured not in (None, wanted):
        # The certificate does not contradict, but the person who wrote the configuration does.
        role = section.role if section is not None else None
        doubt = Notice("signing.other_role", {"key": key, "role": role, "name": name})
    if doubt is not None:
        if strict:
            raise KeyTrouble(doubt.code.replace("signing.", "key."), **doubt.parameters)
        return (doubt,)
    if strict and owner_of(der) is None and configured is None:
        raise KeyTrouble("key.owner_unknown", name=name, key=key)
    return ()


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
