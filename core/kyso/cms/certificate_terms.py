"""What a certificate says about its use: scope, the issuer's conditions, limits of liability.

Sources: key usage and extended key usage (RFC 5280, 4.2.1.3 and 4.2.1.12), certificate policies with the issuer's
notice and the address of its practice statement (4.2.1.4), qualified certificate statements with the limit on the
value of transactions (RFC 3739, 3.2.6; ETSI EN 319 412-5, 4.2 and 4.3). TT 15/2025/TT-BKHCN, Annex II 1.4, and TT
28/2015/TT-NHNN, Điều 16 want the receiver to see them. They are statements of the issuer and decide no verdict here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from kyso.cms import der
from kyso.cms.certificate import CERTIFICATE_POLICIES
from kyso.frozen import dataclass

if TYPE_CHECKING:
    from kyso.cms.certificate import Certificate

QC_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"
_CPS: Final = "1.3.6.1.5.5.7.2.1"
_USER_NOTICE: Final = "1.3.6.1.5.5.7.2.2"
_QC_COMPLIANCE: Final = "0.4.0.1862.1.1"
_QC_LIMIT: Final = "0.4.0.1862.1.2"
_QC_DEVICE: Final = "0.4.0.1862.1.4"
_QC_DISCLOSURE: Final = "0.4.0.1862.1.5"
_QC_TYPE: Final = "0.4.0.1862.1.6"
_TYPES: Final = {"0.4.0.1862.1.6.1": "esign", "0.4.0.1862.1.6.2": "eseal", "0.4.0.1862.1.6.3": "web"}
KEY_USAGES: Final = (
    "digital_signature",
    "non_repudiation",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
_MAX_TEXTS: Final = 20
_MAX_TEXT: Final = 2000


@dataclass(frozen=True, slots=True)
class LiabilityLimit:
    """The greatest value of a transaction for which the issuer is liable (ETSI EN 319 412-5, 4.3.2).

    :param currency: ISO 4217, letters or number.
    :param amount: in that currency, `value` times ten to the `exponent`.
    """

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class CertificateTerms:
    """The statements of one certificate; empty where it says nothing.

    :param key_usage: names of :data:`KEY_USAGES`.
    :param purposes: extended key usages as dotted identifiers.
    :param policies: certificate policies as dotted identifiers.
    :param notices: the issuer's notices to whoever relies on the certificate.
    :param statements: web addresses of practice and disclosure statements.
    :param qualified: whether it is issued as a qualified certificate, and `device` whether its key is in one.
    :param kinds: ``esign``, ``eseal``, ``web``.
    """

    key_usage: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    limit: LiabilityLimit | None = None
    qualified: bool = False
    device: bool = False
    kinds: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def terms_of(certificate: Certificate) -> CertificateTerms:
    """Read a certificate's statements. A malformed extension says nothing."""
    policies: list[str] = []
    notices: list[str] = []
    statements: list[str] = []
    for element in _members(certificate, CERTIFICATE_POLICIES):
        try:
            _read_policy(element, policies, notices, statements)
        except der.DerError:
            continue
    limit: LiabilityLimit | None = None
    found: set[str] = set()
    kinds: list[str] = []
    for element in _members(certificate, QC_STATEMENTS):
        try:
            parts = element.children()
            name = der.oid(parts[0])
            found.add(name)
            if name == _QC_LIMIT and len(parts) > 1:
                limit = _limit(parts[1])
            elif name == _QC_TYPE and len(parts) > 1:
                kinds += [_TYPES.get(der.oid(kind), der.oid(kind)) for kind in parts[1].children()]
            elif name == _QC_DISCLOSURE and len(parts) > 1:
                statements += [_cut(location.children()[0]) for location in parts[1].children()]
        except (der.DerError, IndexError):
            continue
    try:
        usage, purposes = certificate.key_usage or frozenset(), certificate.extended_key_usage or frozenset()
    except der.DerError:
        usage, purposes = frozenset(), frozenset()
    return CertificateTerms(
        key_usage=tuple(name for bit, name in enumerate(KEY_USAGES) if bit in usage),
        purposes=tuple(sorted(purposes)),
        policies=tuple(dict.fromkeys(policies))[:_MAX_TEXTS],
        notices=tuple(dict.fromkeys(filter(None, notices)))[:_MAX_TEXTS],
        statements=tuple(dict.fromkeys(filter(None, statements)))[:_MAX_TEXTS],
        limit=limit,
        qualified=_QC_COMPLIANCE in found,
        device=_QC_DEVICE in found,
        kinds=tuple(kinds)[:_MAX_TEXTS],
    )


def _members(certificate: Certificate, oid: str) -> list[der.Element]:
    extension = certificate.extensions.get(oid)
    try:
        return [] if extension is None else der.read_all(extension.value).children()
    except der.DerError:
        return []


def _read_policy(element: der.Element, policies: list[str], notices: list[str], statements: list[str]) -> None:
    parts = element.children()
    if not parts:
        return
    policies.append(der.oid(parts[0]))
    for qualifier in parts[1].children() if len(parts) > 1 else ():
        members = qualifier.children()
        if len(members) < 2:
            continue
        kind = der.oid(members[0])
        if kind == _CPS:
            statements.append(_cut(members[1]))
        elif kind == _USER_NOTICE:
            notices += [_cut(part) for part in members[1].children() if part.tag != der.SEQUENCE]


def _limit(value: der.Element) -> LiabilityLimit | None:
    parts = value.children()
    if len(parts) < 3:
        return None
    currency, amount, exponent = parts[:3]
    number, power = der.integer(amount), der.integer(exponent)
    named = str(der.integer(currency)) if currency.tag == der.INTEGER else der.text(currency)
    # A power beyond any sum of money is a mistake or a trap for whoever computes it.
    if not 0 <= power <= 18 or not 0 <= number < 10**18:
        return None
    return LiabilityLimit(named[:10], number * 10**power)


def _cut(element: der.Element) -> str:
    return der.text(element)[:_MAX_TEXT]
