"""Does each signature's value fit the bytes it covers: one pass over the file, all SubFilters met in the wild.

ISO 32000-2, table 260: ``adbe.pkcs7.detached``, ``ETSI.CAdES.detached`` and ``ETSI.RFC3161`` sign the bytes in a CMS;
``adbe.pkcs7.sha1`` signs their SHA-1 as the CMS's content; ``adbe.x509.rsa_sha1`` is a bare PKCS #1 value.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kyso.cms import algorithms, der
from kyso.cms.algorithms import AlgorithmIdentifier, UnsupportedAlgorithm
from kyso.cms.read import ID_DATA, CmsError, SignedData, padded, read_signed_data
from kyso.cms.verify import CmsCheck, Content, check_signer, only_signer, readable, signer_digest
from kyso.frozen import dataclass
from kyso.models import Notice
from kyso.verification.coverage import CoverageCheck, DigestJob, Digests
from kyso.verification.timestamps import Token, TokenCheck, check_token, read_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.cms.certificate import Certificate
    from kyso.verification.discovery import FoundSignature
    from kyso.verification.source import ByteSource

DETACHED: Final = frozenset({"adbe.pkcs7.detached", "ETSI.CAdES.detached"})
_SHA1_IN_CMS: Final = "adbe.pkcs7.sha1"
_BARE_RSA: Final = "adbe.x509.rsa_sha1"
_KNOWN: Final = DETACHED | {_SHA1_IN_CMS}
_DIFFERS: Final = frozenset({"cms.digest_differs", "cms.signature_wrong"})
_MAX_WHOLE_CONTENT: Final = 128 << 20


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signature read far enough to know which digest it needs.

    :param signed_data: its CMS, where it has one.
    :param token: its timestamp token, for document timestamps.
    :param bare: value and certificate of a bare RSA signature.
    :param job: the digest it needs; ``None`` where it cannot be checked.
    :param outcome: the final outcome where there is nothing to compute.
    """

    found: FoundSignature
    coverage: CoverageCheck
    signed_data: SignedData | None = None
    token: Token | None = None
    bare: tuple[bytes, Certificate] | None = None
    job: DigestJob | None = None
    outcome: CmsCheck | None = None


def prepare(found: FoundSignature, coverage: CoverageCheck) -> Prepared:
    """Read a signature's /Contents. Never raises for a malformed one: that is an outcome."""
    contents = coverage.contents if coverage.contents is not None else found.contents
    if contents is None or not contents.strip(b"\x00"):
        return Prepared(found, coverage, outcome=CmsCheck("unchecked", reasons=(Notice("signature.empty"),)))
    if coverage.byte_range is None:
        return Prepared(found, coverage, outcome=CmsCheck("broken", reasons=coverage.broken))
    try:
        return _prepare(found, coverage, contents)
    except CmsError as error:
        # What RFC 5652 allows but PDF does not, or what cannot be computed here, leaves the bytes unchecked.
        unclear = error.code in ("cms.several_signers", "algorithm.unsupported", "cms.certificate_missing")
        outcome = CmsCheck("unchecked" if unclear else "broken", reasons=(Notice(error.code),))
        return Prepared(found, coverage, outcome=outcome)
    except UnsupportedAlgorithm as error:
        notice = Notice("algorithm.unsupported", {"algorithm": str(error)})
        return Prepared(found, coverage, outcome=CmsCheck("unchecked", reasons=(notice,)))
    except der.DerError:
        return Prepared(found, coverage, outcome=CmsCheck("broken", reasons=(Notice("cms.malformed"),)))


def _prepare(found: FoundSignature, coverage: CoverageCheck, contents: bytes) -> Prepared:
    assert coverage.byte_range is not None
    if found.sub_filter == "ETSI.RFC3161":
        token = read_token(contents)
        job = DigestJob(token.imprint_digest, coverage.byte_range)
        return Prepared(found, coverage, token.signed_data, token, job=job)
    if found.sub_filter == _BARE_RSA:
        return _prepare_bare(found, coverage, contents)
    try:
        signed_data = read_signed_data(padded(contents))
    except CmsError:
        if found.sub_filter in _KNOWN:
            raise
        return Prepared(found, coverage, outcome=CmsCheck("unchecked", reasons=(_unknown_form(found),)))
    algorithm = signer_digest(only_signer(signed_data))
    if found.sub_filter == _SHA1_IN_CMS:
        algorithm = "sha1"
    return Prepared(found, coverage, signed_data, job=DigestJob(algorithm, coverage.byte_range))


def _unknown_form(found: FoundSignature) -> Notice:
    return Notice("signature.sub_filter", {"sub_filter": found.sub_filter or "-"})


def _prepare_bare(found: FoundSignature, coverage: CoverageCheck, contents: bytes) -> Prepared:
    """Read a PKCS #1 value; its DigestInfo names the digest (RFC 8017, 9.2)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import padding

    assert coverage.byte_range is not None
    element = der.read(contents)
    value = der.octets(element)
    if contents[element.end :].strip(b"\x00"):
        raise CmsError("cms.hidden_data")
    certificates = readable(found.certificates)
    if not certificates:
        raise CmsError("cms.certificate_missing")
    key = certificates[0].public_key
    if key.kind != "RSA":
        raise UnsupportedAlgorithm(key.kind)
    try:
        info = der.Parts(der.read_all(key.key.recover_data_from_signature(value, padding.PKCS1v15(), None)))
    except InvalidSignature as error:
        raise CmsError("cms.signature_wrong") from error
    name = AlgorithmIdentifier.parse(info.take(der.SEQUENCE)).digest
    if name is None:
        raise CmsError("algorithm.unsupported")
    return Prepared(found, coverage, bare=(value, certificates[0]), job=DigestJob(name, coverage.byte_range))


def check(
    prepared: Prepared, digests: Digests, source: ByteSource, more_certificates: Sequence[Certificate]
) -> tuple[CmsCheck, TokenCheck | None]:
    """Check one signature with the digests of the document.

    :param more_certificates: certificates found elsewhere in the document, where the CMS lacks its signer's.
    """
    if prepared.outcome is not None or prepared.job is None:
        return prepared.outcome or CmsCheck("unchecked"), None
    digest = digests.values.get(prepared.job)
    if digest is None:
        return CmsCheck("broken", reasons=(Notice("byte_range.beyond_end"),)), None
    if prepared.token is not None:
        known = {prepared.job.algorithm: digest}
        token = check_token(prepared.token, lambda name: known.get(name, b""), more_certificates)
        return token.cms, token
    if prepared.bare is not None:
        return _check_bare(prepared.bare, prepared.job.algorithm, digest), None
    assert prepared.signed_data is not None
    try:
        outcome = _check_cms(prepared, prepared.signed_data, digest, source, more_certificates)
    except CmsError as error:
        if prepared.found.sub_filter not in _KNOWN and error.code not in _DIFFERS:
            return CmsCheck("unchecked", reasons=(_unknown_form(prepared.found),)), None
        return CmsCheck("broken", reasons=(Notice(error.code),)), None
    except UnsupportedAlgorithm as error:
        return CmsCheck("unchecked", reasons=(Notice("algorithm.unsupported", {"algorithm": str(error)}),)), None
    except der.DerError:
        return CmsCheck("broken", reasons=(Notice("cms.malformed"),)), None
    if outcome.status == "intact" and prepared.found.sub_filter not in _KNOWN:
        # It fits when taken for a detached CMS; whether it was meant as one nobody says. What differs is broken anyhow.
        outcome = replace(outcome, status="unchecked", reasons=(_unknown_form(prepared.found),))
    return outcome, None


def _check_bare(bare: tuple[bytes, Certificate], algorithm: str, digest: bytes) -> CmsCheck:
    value, certificate = bare
    key = certificate.public_key
    weak: list[Notice] = []
    if algorithm in algorithms.WEAK_DIGESTS:
        weak.append(Notice("algorithm.weak_digest", {"algorithm": algorithm.upper()}))
    if key.weak:
        weak.append(Notice("algorithm.weak_key", {"algorithm": key.kind, "bits": key.bits}))
    fits = algorithms.verify(key, algorithms.SignatureScheme("RSA", algorithm), value, digest=digest)
    reasons = () if fits else (Notice("cms.digest_differs"),)
    return CmsCheck("intact" if fits else "broken", certificate, None, algorithm, "RSA", key.bits, reasons, tuple(weak))


def _check_cms(
    prepared: Prepared,
    signed_data: SignedData,
    digest: bytes,
    source: ByteSource,
    more_certificates: Sequence[Certificate],
) -> CmsCheck:
    signer = only_signer(signed_data)
    certificates = [*readable(signed_data.certificates), *more_certificates]
    if prepared.found.sub_filter == _SHA1_IN_CMS:
        content = signed_data.content
        if content != digest:
            raise CmsError("cms.digest_differs")
        wrapped = Content(algorithms.digest_of(signer_digest(signer), content), content, len(content), content)
        outcome = check_signer(signer, signed_data.content_type, ID_DATA, wrapped, certificates)
        weak = (*outcome.weak, Notice("algorithm.weak_digest", {"algorithm": "SHA1"}))
        return CmsCheck(
            outcome.status,
            outcome.certificate,
            signer,
            outcome.digest,
            outcome.scheme,
            outcome.key_bits,
            outcome.reasons,
            tuple({notice.parameters.get("algorithm"): notice for notice in weak}.values()),
        )
    if signed_data.content:
        # A detached signature signs what is outside; content inside would be a second answer to "what was signed".
        raise CmsError("cms.content_inside")
    assert prepared.coverage.byte_range is not None
    _, first, second, rest = prepared.coverage.byte_range
    needs_whole = signer.signed_attributes_raw is None and first + rest <= _MAX_WHOLE_CONTENT
    whole = source.read(0, first) + source.read(second, rest) if needs_whole else None
    content_seen = Content(digest, source.read(0, min(first, 64)), first + rest, whole)
    return check_signer(signer, signed_data.content_type, ID_DATA, content_seen, certificates)
