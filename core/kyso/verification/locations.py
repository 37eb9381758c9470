"""Where a certificate says that its issuer, revocation list and OCSP responder are (RFC 5280, 4.2.1.13, 4.2.2.1).

The addresses were written by whoever issued the certificate, who may be anybody: they are only ever given to the
fetch guard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kyso.cms import der
from kyso.cms.certificate import CRL_DISTRIBUTION_POINTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kyso.cms.certificate import Certificate

AUTHORITY_INFORMATION: Final = "1.3.6.1.5.5.7.1.1"
_OCSP: Final = "1.3.6.1.5.5.7.48.1"
_CA_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"
MAX_LOCATIONS: Final = 4
MAX_URL_LENGTH: Final = 2000


def crl_urls(certificate: Certificate) -> tuple[str, ...]:
    """Return the web addresses of the revocation lists, in order. Points kept by another issuer are left out."""
    extension = certificate.extensions.get(CRL_DISTRIBUTION_POINTS)
    if extension is None:
        return ()
    found: list[str] = []
    try:
        for point in der.read_all(extension.value).children():
            members = point.children()
            if any(member.tag == 0xA2 for member in members):
                continue
            for member in members:
                if member.tag == 0xA0:
                    found.extend(url for form in member.children() if form.tag == 0xA0 for url in _urls(form))
    except der.DerError:
        return ()
    return tuple(dict.fromkeys(found))[:MAX_LOCATIONS]


def ocsp_urls(certificate: Certificate) -> tuple[str, ...]:
    """Return the web addresses of the OCSP responders, in order."""
    return _access(certificate, _OCSP)


def issuer_urls(certificate: Certificate) -> tuple[str, ...]:
    """Return the web addresses of the issuer's certificate, in order."""
    return _access(certificate, _CA_ISSUERS)


def _access(certificate: Certificate, method: str) -> tuple[str, ...]:
    extension = certificate.extensions.get(AUTHORITY_INFORMATION)
    if extension is None:
        return ()
    found: list[str] = []
    try:
        for description in der.read_all(extension.value).children():
            parts = description.children()
            if len(parts) == 2 and der.oid(parts[0]) == method:
                found.extend(_url(parts[1]))
    except der.DerError:
        return ()
    return tuple(dict.fromkeys(found))[:MAX_LOCATIONS]


def _urls(names: der.Element) -> Iterator[str]:
    for name in names.children():
        yield from _url(name)


def _url(name: der.Element) -> Iterator[str]:
    """Yield the address where a GeneralName is one that can be fetched; directories (LDAP) cannot."""
    if name.tag != 0x86 or len(name.content) > MAX_URL_LENGTH:
        return
    try:
        url = name.content.decode("ascii")
    except UnicodeDecodeError:
        return
    if url.lower().startswith(("http://", "https://")):
        yield url
