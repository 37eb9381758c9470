"""SignXML and VerifyXML: XML-DSig and XAdES signatures (W3C XML Signature 1.1; ETSI EN 319 132-1), by signxml.

The XML comes from a page: no document type, no entities, no network, bounded size and depth. A signature is enveloped:
it covers the whole document but itself, wherever a system then puts it. What a verification reports as covered is what
was digested, never what a file claims: a signature over a part is told as such, and two are refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput, InvalidSignature
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESSigner, XAdESVerifier

from kyso.cms.values import load_certificate
from kyso.frozen import dataclass
from kyso.plugin import DigestToSign, InputRefused, KysoError, Notice, SigningRefused
from kyso.signing.xml_value import SIGNATURE_METHODS, Recorder, xml_value
from kyso.strict_xml import XmlRefused, read_xml
from kyso_desk.agent.messages import check_value, opened_key

if TYPE_CHECKING:
    from kyso.engine import Engine
    from kyso.verification.judgement import CertificateJudge
    from kyso_desk.agent.keywork import KeyWork

_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
_GREATEST_BYTES: Final = 4 << 20
_MOST_ELEMENTS: Final = 200_000
_DEEPEST: Final = 200
_MOST_CERTIFICATES: Final = 8
_MOST_REFERENCES: Final = 8
_C14N: Final = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
# signxml digests the properties of XAdES where they do not stand yet; only the inclusive form gives the same later.
_XADES_C14N: Final = CanonicalizationMethod.CANONICAL_XML_1_1


@dataclass(frozen=True, slots=True)
class SignedXml:
    """A signed XML.

    :param document: all of it, with the signature as the last child of its root.
    :param signature: the element ``Signature`` alone.
    """

    document: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class XmlVerdict:
    """What is known of a signed XML.

    :param verdict: as for letters: ``valid``, ``invalid``, ``undetermined``, ``unsigned``.
    :param covers: whether the signature covers the whole document or a part.
    """

    verdict: str
    signer: str
    covers: str
    reasons: tuple[Notice, ...]


def parse_xml(data: bytes) -> etree._Element:
    """Parse XML from outside.

    :raises InputRefused: not well-formed, too large or too deep, or with a document type.
    """
    # Other encodings of Unicode could hide a document type from a search for its name.
    if re.match(rb"^(\xff\xfe|\xfe\xff|<\x00|\x00<)", data):
        raise InputRefused("agent.xml_doctype")
    try:
        root = read_xml(data, greatest_bytes=_GREATEST_BYTES, greatest_nodes=_MOST_ELEMENTS)
    except XmlRefused as refused:
        if refused.fault == "doctype":
            raise InputRefused("agent.xml_doctype") from refused
        if refused.fault in ("malformed", "not_utf8"):
            raise InputRefused("agent.xml_wrong", cause=refused.detail[:160]) from refused
        if refused.limit == _GREATEST_BYTES:
            raise InputRefused("agent.content_too_large", name="XML", limit=_GREATEST_BYTES) from refused
        raise InputRefused("agent.xml_too_deep", most=_MOST_ELEMENTS, deepest=_DEEPEST) from refused
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _DEEPEST:
            raise InputRefused("agent.xml_too_deep", most=_MOST_ELEMENTS, deepest=_DEEPEST)
    return root


def sign_xml(engine: Engine, work: KeyWork, key_name: str, content: bytes, *, xades: bool) -> SignedXml:
    """Sign an XML with an enveloped signature.

    :raises SigningRefused: it carries a signature already.
    :raises InputRefused: it is no XML that is accepted here.
    :raises KysoError: the key or its certificate does not allow it.
    """
    root = parse_xml(content)
    if root.find(f".//{{{_DS}}}Signature") is not None or root.tag == f"{{{_DS}}}Signature":
        raise SigningRefused("agent.xml_signed_already")
    moment = datetime.now(UTC)
    key, scheme, digest = opened_key(engine, key_name, moment)
    options: dict[str, Any] = {
        "method": SignatureConstructionMethod.enveloped,
        "signature_algorithm": SignatureMethod[SIGNATURE_METHODS[scheme, digest]],
        "digest_algorithm": digest,
        "c14n_algorithm": _XADES_C14N if xades else _C14N,
    }
    signer: Any = XAdESSigner(**options) if xades else XMLSigner(**options)
    recorder = Recorder(key.certificate)
    chain = [load_certificate(der) for der in (key.certificate, *key.chain)]
    made = signer.sign(root, key=recorder, cert=chain, always_add_key_value=False)
    to_sign = DigestToSign(
        hashlib.new(digest, recorder.signed_info).digest(), digest, "XML", hashlib.sha256(content).hexdigest()[:32]
    )
    value = work.sign_digest(key, to_sign, scheme)
    check_value(key.certificate, value, to_sign, scheme)
    element = made.find(f".//{{{_DS}}}Signature")
    place = element.find(f"{{{_DS}}}SignatureValue")
    place.text = base64.b64encode(xml_value(value, scheme, key.certificate)).decode("ascii")
    tail, element.tail = element.tail, None
    alone = etree.tostring(element)
    element.tail = tail
    return SignedXml(etree.tostring(made, xml_declaration=True, encoding="UTF-8"), alone)


def check_xml(data: bytes, judge: CertificateJudge) -> XmlVerdict:
    """Judge a signed XML. Never raises for a bad one.

    :param judge: judges the signer's certificate by the configured trust.
    """
    from kyso.cms.certificate import read_certificate
    from kyso.cms.der import DerError
    from kyso.cms.verify import readable
    from kyso.signing.certificates import signer_of
    from kyso.verification.revocation import Evidence

    try:
        root = parse_xml(data)
        signatures = list(root.iter(f"{{{_DS}}}Signature"))
        if not signatures:
            return XmlVerdict("unsigned", "", "none", ())
        if len(signatures) > 1:
            return XmlVerdict("invalid", "", "none", (Notice("agent.xml_several"),))
        stated = _stated_certificates(signatures[0])
        certificate = stated[0] if stated else b""
        leaf = read_certificate(certificate)
        signer = signer_of(certificate).name
        _without_tail(root, signatures[0])
    except KysoError as error:
        return XmlVerdict("invalid", "", "none", (Notice(error.code, error.parameters),))
    except (ValueError, DerError):
        return XmlVerdict("invalid", "", "none", (Notice("agent.xml_certificate"),))
    try:
        found = _verified(root, certificate)
    except (InvalidSignature, InvalidDigest, InvalidCertificate, InvalidInput, ValueError, etree.LxmlError):
        return XmlVerdict("invalid", signer, "none", (Notice("agent.xml_broken"),))
    results = found if isinstance(found, list) else [found]
    whole = any(_covers_all(result.signed_xml, data) for result in results)
    judge.learn(readable(stated[1:]), Evidence())
    judged = judge.judge(leaf, "signing", None)
    reasons = (*judged.wrong, *judged.doubts, *(() if whole else (Notice("agent.xml_part"),)))
    verdict = "invalid" if judged.wrong else "undetermined" if judged.doubts or not whole else "valid"
    return XmlVerdict(verdict, signer, "whole" if whole else "part", reasons)


def _verified(root: etree._Element, certificate: bytes) -> Any:
    """Check the signature's mathematics; an XAdES one must also name its certificate (EN 319 132-1, 5.2.2)."""
    xades = root.find(f".//{{{_XADES}}}SignedProperties") is not None
    verifier: Any = XAdESVerifier() if xades else XMLVerifier()
    kind: Any = XAdESSignatureConfiguration if xades else SignatureConfiguration
    references = len(root.findall(f".//{{{_DS}}}SignedInfo/{{{_DS}}}Reference"))
    if not 1 <= references <= _MOST_REFERENCES:
        raise InvalidInput("references")
    expected = kind(location=".//", expect_references=references)
    return verifier.verify(root, x509_cert=load_certificate(certificate), expect_config=expected)


def _stated_certificates(signature: etree._Element) -> list[bytes]:
    """Return the certificates in KeyInfo, the signer's first. :raises ValueError: one is no base64."""
    found = list(signature.iter(f"{{{_DS}}}X509Certificate"))[:_MOST_CERTIFICATES]
    return [base64.b64decode("".join((element.text or "").split()), validate=True) for element in found]


def _covers_all(covered: etree._Element | None, data: bytes) -> bool:
    """Tell whether what was digested is the whole document without its signature."""
    if covered is None:
        return False
    root = parse_xml(data)
    for element in list(root.iter(f"{{{_DS}}}Signature")):
        _remove(element)
    return bool(etree.tostring(covered, method="c14n") == etree.tostring(root, method="c14n"))


def _without_tail(root: etree._Element, signature: etree._Element) -> None:
    """Move a signature with text behind it to the end of the document, because signxml cannot read it there.

    Where it stands does not matter: it is taken out before the digest, and the text stays where it was.
    """
    if signature.tail and signature is not root:
        _remove(signature)
        signature.tail = None
        root.append(signature)


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
