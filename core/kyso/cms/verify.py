"""Checking the one signer of a CMS against the content it signs (RFC 5652, 5.4 to 5.6; RFC 5035; RFC 6211).

Only mathematics and structure are judged here: does the value fit the content, the attributes and the certificate.
Whether the certificate is trusted, valid or revoked is the business of `kyso.verification`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier, UnsupportedAlgorithm
from kyso.cms.certificate import read_certificate
from kyso.cms.read import (
    ALGORITHM_PROTECTION,
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    CmsError,
    SignedData,
    SignerInfo,
)
from kyso.frozen import dataclass
from kyso.models import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kyso.cms.certificate import Certificate

Status = Literal["intact", "broken", "unchecked"]


@dataclass(frozen=True, slots=True)
class Content:
    """What was signed.

    :param digest: its digest by the signer's digest algorithm.
    :param head: enough of its beginning to tell whether it could be a set of attributes; the whole of it where it is
        small.
    :param size: its length in bytes.
    :param whole: all of it, where the scheme needs the content itself (EdDSA without signed attributes).
    """

    digest: bytes
    head: bytes
    size: int
    whole: bytes | None = None


@dataclass(frozen=True, slots=True)
class CmsCheck:
    """The outcome.

    :param reasons: why it is not intact.
    :param weak: what is too weak though it fits.
    :param digest: name of the digest algorithm, as shown.
    :param scheme: name of the signature scheme, as shown.
    """

    status: Status
    certificate: Certificate | None = None
    signer: SignerInfo | None = None
    digest: str = ""
    scheme: str = ""
    key_bits: int | None = None
    reasons: tuple[Notice, ...] = ()
    weak: tuple[Notice, ...] = ()


def only_signer(signed: SignedData) -> SignerInfo:
    """Return the signer.

    :raises CmsError: there is none, or more than one (ISO 32000-2, 12.8.3.3.1 allows exactly one).
    """
    if not signed.signers:
        raise CmsError("cms.no_signer")
    if len(signed.signers) > 1:
        raise CmsError("cms.several_signers")
    return signed.signers[0]


def signer_digest(signer: SignerInfo) -> str:
    """Return the hashlib name of the signer's digest algorithm.

    :raises CmsError: it is not known here.
    """
    name = signer.digest_algorithm.digest
    if name is None:
        raise CmsError("algorithm.unsupported")
    return name


def readable(certificates: Iterable[bytes]) -> list[Certificate]:
    """Read what can be read of DER certificates; a broken one is of no use and is passed over."""
    found: list[Certificate] = []
    for raw in certificates:
        try:
            found.append(read_certificate(raw))
        except der.DerError:
            continue
    return found


def matching(signer: SignerInfo, certificates: Iterable[Certificate]) -> list[Certificate]:
    """Return the certificates that the signer identifier names."""
    from kyso.cms.certificate import normal_name

    if signer.key_id is not None:
        return [certificate for certificate in certificates if _key_id(certificate) == signer.key_id]
    assert signer.issuer is not None
    name = normal_name(signer.issuer)
    return [
        certificate
        for certificate in certificates
        if certificate.serial == signer.serial
        and (certificate.issuer == signer.issuer or certificate.issuer_name == name)
    ]


def _key_id(certificate: Certificate) -> bytes | None:
    try:
        return certificate.subject_key_id
    except der.DerError:
        return None


def check_signer(
    signer: SignerInfo, content_type: str, expected_type: str, content: Content, certificates: Sequence[Certificate]
) -> CmsCheck:
    """Check `signer` over `content`.

    :param content_type: eContentType of the CMS.
    :param expected_type: what the content-type attribute must say, besides agreeing with `content_type`.
    :param certificates: where the signer's certificate may be, best places first.
    """
    digest = signer.digest_algorithm.digest or signer.digest_algorithm.oid
    try:
        scheme = algorithms.scheme_of(signer.signature_algorithm, signer.digest_algorithm.digest)
    except UnsupportedAlgorithm as error:
        return CmsCheck("unchecked", None, signer, digest, "", None, (_unsupported(error),))
    candidates = list(dict.fromkeys(matching(signer, certificates)))
    if not candidates:
        return CmsCheck("unchecked", None, signer, digest, scheme.name, None, (Notice("cms.certificate_missing"),))
    outcome: CmsCheck | None = None
    for certificate in candidates[:8]:
        outcome = _check_with(certificate, signer, scheme, content_type, expected_type, content)
        if outcome.status == "intact":
            break
    assert outcome is not None
    return outcome


def _check_with(
    certificate: Certificate,
    signer: SignerInfo,
    scheme: algorithms.SignatureScheme,
    content_type: str,
    expected_type: str,
    content: Content,
) -> CmsCheck:
    digest = signer.digest_algorithm.digest or signer.digest_algorithm.oid
    key_bits: int | None = None
    reasons: tuple[Notice, ...] = ()
    status: Status = "intact"
    weak: list[Notice] = []
    try:
        key = certificate.public_key
        key_bits = key.bits
        weak = _weaknesses(key, scheme, digest)
        _check_attributes(signer, certificate, content_type, expected_type, content.digest)
        if not _value_fits(signer, key, scheme, content):
            raise CmsError("cms.signature_wrong")
    except CmsError as error:
        status, reasons = "broken", (Notice(error.code),)
    except UnsupportedAlgorithm as error:
        status, reasons = "unchecked", (_unsupported(error),)
    except der.DerError:
        status, reasons = "broken", (Notice("cms.malformed"),)
    return CmsCheck(
        status,
        certificate,
        signer,
        digest,
        scheme.name,
        key_bits,
        reasons,
        tuple(weak),
    )


def _unsupported(error: UnsupportedAlgorithm) -> Notice:
    return Notice("algorithm.unsupported", {"algorithm": str(error)})


def _weaknesses(key: algorithms.PublicKey, scheme: algorithms.SignatureScheme, digest: str) -> list[Notice]:
    weak = sorted({name for name in (digest, scheme.digest, scheme.mgf_digest) if name in algorithms.WEAK_DIGESTS})
    found = [Notice("algorithm.weak_digest", {"algorithm": name.upper()}) for name in weak if name]
    if key.weak:
        found.append(Notice("algorithm.weak_key", {"algorithm": key.kind, "bits": key.bits}))
    return found


def _check_attributes(
    signer: SignerInfo, certificate: Certificate, content_type: str, expected_type: str, content_digest: bytes
) -> None:
    """Check everything the signed attributes promise.

    :raises CmsError: a promise is not kept.
    """
    if signer.signed_attributes_raw is None:
        return
    stated_type = signer.signed(CONTENT_TYPE)
    if stated_type is None:
        raise CmsError("cms.content_type")
    stated = der.oid(der.read_all(stated_type))
    if stated != content_type or stated != expected_type:
        raise CmsError("cms.content_type")
    message_digest = signer.signed(MESSAGE_DIGEST)
    if message_digest is None:
        raise CmsError("cms.message_digest_missing")
    if der.octets(der.read_all(message_digest)) != content_digest:
        raise CmsError("cms.digest_differs")
    protection = signer.signed(ALGORITHM_PROTECTION)
    if protection is not None:
        _check_protection(protection, signer)
    reference = signer.certificate_reference
    if reference is None:
        return
    if reference.digest is None:
        raise UnsupportedAlgorithm("signing-certificate")
    if algorithms.digest_of(reference.digest, certificate.raw) != reference.value:
        raise CmsError("cms.certificate_reference")
    if reference.issuer_serial is not None:
        issuer, serial = reference.issuer_serial
        from kyso.cms.certificate import normal_name

        if serial != certificate.serial or normal_name(issuer) != certificate.issuer_name:
            raise CmsError("cms.certificate_reference")


def _check_protection(value: bytes, signer: SignerInfo) -> None:
    """Compare the algorithms with what CMSAlgorithmProtection says they are (RFC 6211, clause 2)."""
    parts = der.Parts(der.read_all(value))
    digest = AlgorithmIdentifier.parse(parts.take(der.SEQUENCE))
    signature = parts.optional(0xA1)
    if digest.oid != signer.digest_algorithm.oid:
        raise CmsError("cms.algorithm_protection")
    if signature is None or AlgorithmIdentifier.parse(signature) != signer.signature_algorithm:
        raise CmsError("cms.algorithm_protection")


def _value_fits(
    signer: SignerInfo, key: algorithms.PublicKey, scheme: algorithms.SignatureScheme, content: Content
) -> bool:
    raw = signer.signed_attributes_raw
    if raw is not None:
        if algorithms.verify(key, scheme, signer.signature, data=raw):
            return True
        # RFC 5652, 5.4 signs the DER; a few producers send the attributes in another order than they signed.
        sorted_form = der.canonical(der.read_all(raw))
        return sorted_form != raw and algorithms.verify(key, scheme, signer.signature, data=sorted_form)
    if _could_be_attributes(content):
        raise CmsError("cms.content_is_attributes")
    if scheme.digest is None:
        return algorithms.verify(key, scheme, signer.signature, data=content.whole)
    if scheme.digest != signer.digest_algorithm.digest:
        if content.whole is None:
            raise UnsupportedAlgorithm(f"{scheme.name} {scheme.digest}")
        return algorithms.verify(key, scheme, signer.signature, data=content.whole)
    return algorithms.verify(key, scheme, signer.signature, digest=content.digest)


def _could_be_attributes(content: Content) -> bool:
    """Tell whether the content could be read as SET OF Attribute (rule 9); judged by its outer shape when large."""
    from kyso.cms.read import is_attribute_set

    if len(content.head) >= content.size:
        return is_attribute_set(content.head)
    if content.head[:1] != b"\x31" or len(content.head) < 10:
        return False
    length = content.head[1]
    if length == 0x80:
        return True
    count = length & 0x7F
    if length < 0x80 or not 1 <= count <= 8:
        return False
    return 2 + count + int.from_bytes(content.head[2 : 2 + count], "big") == content.size
