"""The authentication data with an XML signature inside, for systems that ask for XAdES or plain XML-DSig.

An additional form: nothing in the decision asks for it, and the envelope of VIII.2 is made as well. signxml builds and
verifies the XML signature; the signature value comes from the same keys as everything else, so preparing and finishing
are apart here too.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from lxml import etree

from kyso.cms.values import load_certificate, value_matches
from kyso.models import VIETNAM_TIME, DigestName, DigestToSign, Notice, SchemeName
from kyso.plugin import KeyTrouble
from kyso.signing.xml_value import SIGNATURE_METHODS, Recorder, xml_value
from kyso_kbnn.envelope import Role
from kyso_kbnn.hardened_xml import parse_xml
from kyso_kbnn.profile import Profile

if TYPE_CHECKING:
    from kyso.verification.judgement import CertificateJudge

XmlSignatureForm = Literal["xades", "xmldsig"]

_DS = "http://www.w3.org/2000/09/xmldsig#"
_XADES = "http://uri.etsi.org/01903/v1.3.2#"
_ROLE_NAMES: dict[Role, str] = {"accountant": "Kế toán trưởng", "holder": "Chủ tài khoản"}


@dataclass(frozen=True, slots=True)
class PreparedXmlSignature:
    """An XML signature that waits for its value. Plain data.

    :param document: the XML with an empty SignatureValue.
    :param signed_info: the canonical SignedInfo: what the key signs.
    """

    document: bytes
    signed_info: bytes
    certificate: bytes
    scheme: SchemeName
    digest: DigestName

    def to_sign(self, document_name: str) -> list[DigestToSign]:
        """Return the request for the key source."""
        value = hashlib.new(self.digest, self.signed_info).digest()
        return [DigestToSign(value, self.digest, document_name, value.hex()[:32])]


def prepare_xml_signature(
    content: bytes,
    role: Role,
    certificates: Sequence[bytes],
    schemes: Sequence[tuple[SchemeName, DigestName]],
    signed_at: datetime,
    profile: Profile,
    *,
    form: XmlSignatureForm = "xades",
) -> PreparedXmlSignature:
    """Put an enveloped signature without value into the authentication data; no key is used.

    :param certificates: DER, the signer's first; all of them go into KeyInfo.
    :raises KeyTrouble: the key can do no algorithm that XML signatures name.
    """
    from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod, SignatureMethod
    from signxml.signer import XMLSigner
    from signxml.xades.xades import XAdESSigner

    chosen = next((pair for pair in schemes if pair in SIGNATURE_METHODS and pair[1] == profile.envelope.digest), None)
    if chosen is None:
        chosen = next((pair for pair in schemes if pair in SIGNATURE_METHODS), None)
    if chosen is None:
        raise KeyTrouble("key.scheme_unsupported", scheme="*", digest=profile.envelope.digest)
    scheme, digest = chosen
    moment = signed_at.astimezone(VIETNAM_TIME).isoformat(timespec="seconds")

    class TimedSigner(XAdESSigner):
        """Claims the time of this signing instead of the clock's."""

        def add_signing_time(self, signed_signature_properties: Any, sig_root: Any, signing_settings: Any) -> None:
            etree.SubElement(signed_signature_properties, f"{{{_XADES}}}SigningTime").text = moment

    options: dict[str, Any] = {
        "method": SignatureConstructionMethod.enveloped,
        "signature_algorithm": SignatureMethod[SIGNATURE_METHODS[chosen]],
        "digest_algorithm": digest,
        "c14n_algorithm": CanonicalizationMethod(profile.xades.canonicalization),
    }
    signer: Any = TimedSigner(claimed_roles=[_ROLE_NAMES[role]], **options) if form == "xades" else XMLSigner(**options)
    recorder = Recorder(certificates[0])
    chain = [load_certificate(der) for der in certificates]
    root = parse_xml(content, "XML", greatest_bytes=8 * profile.limits.authentication_data)
    made = signer.sign(root, key=recorder, cert=chain, always_add_key_value=False)
    value = made.find(f".//{{{_DS}}}SignatureValue")
    value.text = ""
    return PreparedXmlSignature(etree.tostring(made), recorder.signed_info, certificates[0], scheme, digest)


def finish_xml_signature(prepared: PreparedXmlSignature, value: bytes) -> bytes:
    """Write the signed XML; the value is verified first.

    :raises KeyTrouble: it does not verify.
    """
    digest = hashlib.new(prepared.digest, prepared.signed_info).digest()
    if not value_matches(prepared.certificate, value, digest, prepared.scheme, prepared.digest):
        raise KeyTrouble("kbnn.value_wrong", role="XML")
    root = parse_xml(prepared.document, "XML")
    element = root.find(f".//{{{_DS}}}SignatureValue")
    assert element is not None
    element.text = base64.b64encode(xml_value(value, prepared.scheme, prepared.certificate)).decode("ascii")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def check_xml_signature(
    data: bytes, content: bytes, judge: CertificateJudge | None, *, form: XmlSignatureForm = "xades"
) -> tuple[Literal["valid", "invalid", "undetermined"], tuple[Notice, ...]]:
    """Judge signed XML against the authentication data it must carry. Never raises for a bad one.

    :returns: the verdict, and why it is not valid.
    """
    from signxml.exceptions import InvalidCertificate, InvalidDigest, InvalidInput, InvalidSignature
    from signxml.verifier import SignatureConfiguration, XMLVerifier
    from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

    from kyso.cms.certificate import read_certificate
    from kyso.plugin import InputRefused

    try:
        root = parse_xml(data, "XML")
        stated = root.findtext(f".//{{{_DS}}}X509Certificate") or ""
        certificate = base64.b64decode("".join(stated.split()), validate=True)
        leaf = read_certificate(certificate)
        verifier: Any = XAdESVerifier() if form == "xades" else XMLVerifier()
        expected: Any = XAdESSignatureConfiguration() if form == "xades" else SignatureConfiguration()
        found = verifier.verify(root, x509_cert=load_certificate(certificate), expect_config=expected)
        results = found if isinstance(found, list) else [found]
        covered = results[0].signed_xml
    except (InputRefused, KeyTrouble) as refused:
        return "invalid", (Notice(refused.code, refused.parameters),)
    except (InvalidSignature, InvalidDigest, InvalidCertificate, InvalidInput, ValueError, etree.LxmlError):
        return "invalid", (Notice("kbnn.envelope_signature", {"element": "ds:Signature"}),)
    # What was verified is compared, not what the file claims to hold: signature wrapping ends here.
    if covered is None or etree.tostring(covered, method="c14n") != content:
        return "invalid", (Notice("kbnn.dossier_differs"),)
    if judge is None:
        return "undetermined", (Notice("kbnn.trust_not_checked"),)
    judged = judge.judge(leaf, "signing", None)
    reasons = (*judged.wrong, *judged.doubts)
    return ("invalid" if judged.wrong else "undetermined" if judged.doubts else "valid"), reasons
