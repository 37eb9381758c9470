"""Trust lists of ETSI TS 119 612: which services a supervisory body has granted, as a signed XML file.

::

    read = read_trust_list(Path("TL.xml").read_bytes(), "TL.xml", signer=None, now=now)
    [service.name for service in read.services if service.granted]

A list says who may be trusted; whether the list itself may be is a person's decision. Its signature (XML-DSig,
enveloped) is checked against the certificate that the person gives, and then only what was signed is read. Without
one everything is read and nothing is vouched for, which the caller must say.

Parsing: UTF-8, no document type, no entities, no network, bounded size. What this does not do: it follows no pointer
to other lists, and it takes no service but certification authorities for qualified certificates (CA/QC).
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kyso.cms import der
from kyso.cms.certificate import Certificate, read_certificate
from kyso.errors import InputRefused, WrongUse
from kyso.frozen import dataclass
from kyso.strict_xml import XmlRefused, read_xml
from kyso.text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LIST_BYTES: Final = 32 << 20
MAX_ELEMENTS: Final = 500_000
MAX_SERVICES: Final = 20_000
_MAX_NAME: Final = 300
_TSL: Final = "{http://uri.etsi.org/02231/v2#}"
_ROOT: Final = f"{_TSL}TrustServiceStatusList"
_SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
CA_QC: Final = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"
GRANTED: Final = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"


@dataclass(frozen=True, slots=True)
class TrustService:
    """One certification service of a list (TS 119 612, 5.5).

    :param provider: the trust service provider's name.
    :param name: the service's own name.
    :param status: the last word of the status' URI: ``granted``, ``withdrawn``, ...
    :param since: when that status began; aware, ``None`` where the list does not say.
    :param certificates: the certificates that stand for the service.
    :param granted: whether its certificates may be taken now.
    """

    provider: str
    name: str
    status: str
    since: datetime | None
    certificates: tuple[Certificate, ...]
    granted: bool


@dataclass(frozen=True, slots=True)
class TrustList:
    """A list as read.

    :param checked: whether its signature was checked with a certificate that a person gave.
    :param signed: whether it has a signature at all.
    :param left_out: services of other kinds (timestamps, validation, delivery ...), which are not taken.
    """

    operator: str
    territory: str
    sequence: str
    issued: datetime | None
    next_update: datetime | None
    checked: bool
    signed: bool
    services: tuple[TrustService, ...]
    left_out: int


def read_trust_list(data: bytes, name: str, *, signer: Certificate | None, now: datetime) -> TrustList:
    """Read a list.

    :param name: the file's name, for errors.
    :param signer: the certificate that must have signed it; ``None`` leaves the signature unchecked.
    :raises InputRefused: no list, or not signed with `signer`.
    :raises WrongUse: the packages that read XML are not installed.
    """
    try:
        root = _parsed(data, name)
        signed = root.find(_SIGNATURE) is not None
        if signer is not None:
            root = _signed_by(root, signer, name)
    except ImportError as error:
        raise WrongUse("trust.list_packages_missing", package=error.name or "lxml") from error
    scheme = root.find(f"{_TSL}SchemeInformation")
    if root.tag != _ROOT or scheme is None:
        raise InputRefused("trust.not_a_list", name=name)
    services: list[TrustService] = []
    left_out = 0
    for provider, service in _services(root):
        information = service.find(f"{_TSL}ServiceInformation")
        if information is None or _text(information, "ServiceTypeIdentifier") != CA_QC:
            left_out += 1
            continue
        if len(services) >= MAX_SERVICES:
            raise InputRefused("trust.list_too_large", name=name)
        services.append(_service(provider, information, now))
    return TrustList(
        operator=_name(scheme.find(f"{_TSL}SchemeOperatorName")),
        territory=_text(scheme, "SchemeTerritory")[:_MAX_NAME],
        sequence=_text(scheme, "TSLSequenceNumber")[:20],
        issued=_moment(_text(scheme, "ListIssueDateTime")),
        next_update=_moment(_text(scheme, "NextUpdate", "dateTime")),
        checked=signer is not None,
        signed=signed,
        services=tuple(services),
        left_out=left_out,
    )


def _parsed(data: bytes, name: str) -> Any:
    """Return the root element; nothing that a document type could do can begin."""
    try:
        return read_xml(data, greatest_bytes=MAX_LIST_BYTES, greatest_nodes=MAX_ELEMENTS)
    except XmlRefused as refused:
        code = {"too_large": "trust.list_too_large", "doctype": "trust.list_doctype"}.get(refused.fault)
        raise InputRefused(code or "trust.not_a_list", name=name) from refused


def _signed_by(root: Any, signer: Certificate, name: str) -> Any:
    """Return the part that `signer` signed, which must be the whole list without its signature."""
    from cryptography.x509 import load_der_x509_certificate
    from lxml import etree
    from signxml.exceptions import InvalidInput, SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    try:
        results = XMLVerifier().verify(
            root,
            x509_cert=load_der_x509_certificate(signer.raw),
            # XAdES signs its own properties beside the list (TS 119 612, 5.7.1), so there may be two references.
            expect_config=SignatureConfiguration(expect_references=True, location="./"),
        )
    except (SignXMLException, InvalidInput, etree.LxmlError, ValueError, TypeError, KeyError) as error:
        raise InputRefused("trust.list_signature_wrong", name=name, subject=signer.display_name) from error
    for result in results if isinstance(results, list) else [results]:
        if result.signed_xml is not None and result.signed_xml.tag == _ROOT:
            return result.signed_xml
    raise InputRefused("trust.list_signature_wrong", name=name, subject=signer.display_name)


def _services(root: Any) -> Iterator[tuple[str, Any]]:
    for provider in root.iterfind(f"{_TSL}TrustServiceProviderList/{_TSL}TrustServiceProvider"):
        name = _name(provider.find(f"{_TSL}TSPInformation/{_TSL}TSPName"))
        for service in provider.iterfind(f"{_TSL}TSPServices/{_TSL}TSPService"):
            yield name, service


def _service(provider: str, information: Any, now: datetime) -> TrustService:
    status = _text(information, "ServiceStatus")
    since = _moment(_text(information, "StatusStartingTime"))
    certificates: dict[Certificate, None] = {}
    for value in information.iterfind(f"{_TSL}ServiceDigitalIdentity/{_TSL}DigitalId/{_TSL}X509Certificate"):
        try:
            certificates[read_certificate(base64.b64decode("".join((value.text or "").split()), validate=True))] = None
        except (binascii.Error, der.DerError, ValueError):
            continue  # the service keeps its other certificates; one without any is shown as it is
    return TrustService(
        provider,
        _name(information.find(f"{_TSL}ServiceName")),
        status.rstrip("/").rpartition("/")[2][:_MAX_NAME],
        since,
        tuple(certificates),
        status == GRANTED and since is not None and since <= now,
    )


def _text(element: Any, *path: str) -> str:
    found = element.find("/".join(f"{_TSL}{step}" for step in path))
    return "" if found is None else " ".join((found.text or "").split())


def _name(element: Any) -> str:
    """Return a name that stands there in several languages: the Vietnamese one, else the English, else the first."""
    if element is None:
        return ""
    names = {
        child.get(_LANGUAGE, ""): child.text or "" for child in reversed(list(element)) if child.tag == f"{_TSL}Name"
    }
    chosen = names.get("vi") or names.get("en") or next(reversed(names.values()), "")
    return " ".join(shown(chosen).split())[:_MAX_NAME]


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
