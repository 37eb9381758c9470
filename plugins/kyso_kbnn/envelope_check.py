"""Checking envelopes against the authentication data: every changed character is found, trust is judged by the engine.

The verdict rests on the signatures over the XML bytes and on the certificate, never on the MD5 in Data. A profile that
has only the MD5 signed cannot give better than undetermined.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from kyso.cms import algorithms, der
from kyso.cms.algorithms import SignatureScheme, UnsupportedAlgorithm
from kyso.cms.build import signed_data
from kyso.cms.certificate import COMMON_NAME, ORGANISATION, USER_ID, Certificate, first_attribute, read_certificate
from kyso.cms.read import ID_DATA, CmsError, SignedData, SignerInfo, is_attribute_set, read_signed_data
from kyso.cms.verify import Content, check_signer, only_signer
from kyso.models import Notice
from kyso.plugin import InputRefused, KysoError
from kyso_kbnn.envelope import Envelope, Role, md5_text, plain_to_der, read_envelope, signed_bytes
from kyso_kbnn.profile import Profile

if TYPE_CHECKING:
    from kyso.models import DigestName, SchemeName
    from kyso.verification.judgement import CertificateJudge

Verdict = Literal["valid", "invalid", "undetermined"]
_CLOCK_TOLERANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class EnvelopeReport:
    """One signer's envelope, judged.

    :param integrity: whether signature, data and certificate fit; trust left aside.
    :param signed_at: the claimed time.
    :param time_bound: whether the claimed time is under the signature.
    :param status: the certificate's state as `kyso verify` says it.
    :param checked_with: what that state was read from.
    :param reasons: why it is not valid.
    """

    role: Role
    verdict: Verdict
    integrity: Literal["intact", "broken"]
    signer: str = ""
    organisation: str = ""
    identifier: str = ""
    issuer: str = ""
    serial: str = ""
    certificate: bytes = b""
    signed_at: datetime | None = None
    time_bound: bool = False
    status: str = "unknown"
    checked_with: str = "none"
    not_before: datetime | None = None
    not_after: datetime | None = None
    reasons: tuple[Notice, ...] = ()


@dataclass(slots=True)
class _Findings:
    """`wrong` breaks the envelope, `doubts` leave it undetermined."""

    wrong: list[Notice] = field(default_factory=list)
    doubts: list[Notice] = field(default_factory=list)

    def break_(self, code: str, **parameters: object) -> None:
        self.wrong.append(Notice(code, parameters))

    def doubt(self, code: str, **parameters: object) -> None:
        self.doubts.append(Notice(code, parameters))


def check_envelope(
    content: bytes, data: bytes, role: Role, profile: Profile, judge: CertificateJudge | None, now: datetime
) -> EnvelopeReport:
    """Judge one envelope. Never raises for a bad one: that is a verdict.

    :param content: the authentication data's bytes.
    :param data: the envelope's bytes.
    :param judge: judges the certificate; ``None`` leaves the verdict undetermined at best.
    """
    findings = _Findings()
    try:
        envelope = read_envelope(data, profile, role)
        if envelope.to_xml(profile) != data:
            findings.doubt("kbnn.envelope_not_canonical")
    except InputRefused as refused:
        return EnvelopeReport(role, "invalid", "broken", reasons=(Notice(refused.code, refused.parameters),))
    certificate = _certificate(envelope, findings)
    report = _about(role, certificate)
    if envelope.data != md5_text(content, profile):
        findings.break_("kbnn.envelope_md5")
    if certificate is not None:
        report = _check_time(report, envelope, certificate, profile, now, findings)
        cms = _check_values(content, envelope, certificate, profile, findings)
        if cms is None:
            _check_strength(certificate, findings)
        report = replace(report, time_bound=cms is not None)
        _check_trust(certificate, cms, judge, findings)
        if judge is not None:
            judged = judge.judge(certificate, "signing", None)
            findings.wrong.extend(judged.wrong)
            findings.doubts.extend(judged.doubts)
            report = replace(report, status=judged.status, checked_with=judged.checked_with)
            broken_by_trust = judged.wrong
        else:
            findings.doubt("kbnn.trust_not_checked")
            broken_by_trust = ()
    else:
        broken_by_trust = ()
    if profile.envelope.signed_over != "xml":
        findings.doubt("kbnn.only_md5_bound")
    verdict: Verdict = "invalid" if findings.wrong else "undetermined" if findings.doubts else "valid"
    broken = len(findings.wrong) > len(broken_by_trust)
    return replace(
        report,
        verdict=verdict,
        integrity="broken" if broken else "intact",
        reasons=(*findings.wrong, *findings.doubts),
    )


def _certificate(envelope: Envelope, findings: _Findings) -> Certificate | None:
    raw = _exact64(envelope.certificate)
    certificate = _readable(raw) if raw is not None else None
    if certificate is None:
        findings.break_("kbnn.envelope_certificate")
    return certificate


def _readable(raw: bytes) -> Certificate | None:
    """Read a certificate together with its key: one whose key makes no sense is of no use to any later step.

    The outer signature algorithm is under no signature; it must be the inner one, parameters included (RFC 5280,
    4.1.1.2), or a changed bit in it would go unnoticed.
    """
    try:
        certificate = read_certificate(raw)
        outer = der.Parts(der.read_all(raw))
        inner = der.Parts(outer.take(der.SEQUENCE))
        inner.optional(0xA0)
        inner.take(der.INTEGER)
        same = inner.take(der.SEQUENCE).raw == outer.take(der.SEQUENCE).raw
        return certificate if same and certificate.public_key.bits else None
    except (der.DerError, UnsupportedAlgorithm, ValueError, OverflowError):
        return None


def _about(role: Role, certificate: Certificate | None) -> EnvelopeReport:
    if certificate is None:
        return EnvelopeReport(role, "undetermined", "intact")
    return EnvelopeReport(
        role,
        "undetermined",
        "intact",
        signer=first_attribute(certificate.subject, COMMON_NAME) or certificate.display_name,
        organisation=first_attribute(certificate.subject, ORGANISATION),
        identifier=first_attribute(certificate.subject, USER_ID),
        issuer=first_attribute(certificate.issuer, COMMON_NAME),
        serial=f"{certificate.serial:x}",
        certificate=certificate.raw,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )


def _check_time(
    report: EnvelopeReport,
    envelope: Envelope,
    certificate: Certificate,
    profile: Profile,
    now: datetime,
    findings: _Findings,
) -> EnvelopeReport:
    """A claimed time proves nothing, but one that cannot be is a sign that something is wrong."""
    try:
        signed_at = envelope.signed_at(profile)
    except (OverflowError, ValueError):
        findings.break_("kbnn.envelope_time", name=report.role, value=envelope.timestamp)
        return report
    if signed_at > now + _CLOCK_TOLERANCE:
        findings.doubt("kbnn.time_in_future", time=signed_at.isoformat())
    elif not certificate.not_before <= signed_at <= certificate.not_after:
        findings.doubt("kbnn.time_outside_certificate", time=signed_at.isoformat())
    return replace(report, signed_at=signed_at)


def _check_values(
    content: bytes, envelope: Envelope, certificate: Certificate, profile: Profile, findings: _Findings
) -> SignedData | None:
    """Verify SignedContent and EnvelopedData; return the CMS whose signed attributes bind certificate and time."""
    form = profile.envelope
    what = signed_bytes(content, profile)
    cms: SignedData | None = None
    if form.signed_content == "raw":
        if not _raw_fits(envelope.signed_content, what, certificate, profile):
            findings.break_("kbnn.envelope_signature", element="SignedContent")
    else:
        cms = _check_cms(envelope.signed_content, what, envelope, certificate, profile, findings)
    match form.enveloped_data:
        case "cms":
            cms = _check_cms(envelope.enveloped_data or "", what, envelope, certificate, profile, findings)
        case "same":
            if envelope.enveloped_data != envelope.signed_content:
                findings.break_("kbnn.envelope_signature", element="EnvelopedData")
        case _:
            if envelope.enveloped_data:
                findings.break_("kbnn.envelope_signature", element="EnvelopedData")
    return cms


def _raw_fits(text: str, what: bytes, certificate: Certificate, profile: Profile) -> bool:
    """Verify a bare signature value. It names no algorithm: the profile's digest is tried first, then the others."""
    value = _exact64(text)
    if value is None or is_attribute_set(what):
        return False
    try:
        key = certificate.public_key
        if key.kind == "EC" and profile.envelope.ecdsa_form == "plain":
            value = plain_to_der(value)
    except (UnsupportedAlgorithm, der.DerError, ValueError):
        return False
    digests = dict.fromkeys((profile.envelope.digest, "sha256", "sha384", "sha512"))
    for name in digests:
        digest = hashlib.new(name, what).digest()
        for scheme in (
            SignatureScheme("RSA", name),
            SignatureScheme("RSA-PSS", name, name, hashlib.new(name).digest_size),
            SignatureScheme("ECDSA", name),
        ):
            try:
                if algorithms.verify(key, scheme, value, digest=digest):
                    return True
            except UnsupportedAlgorithm:
                continue
    return False


def _check_strength(certificate: Certificate, findings: _Findings) -> None:
    """A bare value has no CMS reader that would tell a key that is too short."""
    try:
        key = certificate.public_key
        if key.weak:
            findings.doubt("algorithm.weak_key", algorithm=key.kind, bits=key.bits)
    except (UnsupportedAlgorithm, der.DerError):
        findings.doubt("algorithm.unsupported", algorithm=certificate.display_name)


def _check_cms(
    text: str, what: bytes, envelope: Envelope, certificate: Certificate, profile: Profile, findings: _Findings
) -> SignedData | None:
    raw = _exact64(text)
    try:
        if raw is None:
            raise CmsError("cms.malformed")
        cms = read_signed_data(raw)
        signer = only_signer(cms)
        if cms.content is not None or signer.signed_attributes_raw is None or signer.signing_time is None:
            raise CmsError("cms.malformed")
        digest = algorithms.digest_of(str(signer.digest_algorithm.digest), what)
        found = check_signer(signer, cms.content_type, ID_DATA, Content(digest, what, len(what)), [certificate])
    except (CmsError, UnsupportedAlgorithm, der.DerError) as error:
        findings.break_("kbnn.envelope_cms", reason=getattr(error, "code", "algorithm.unsupported"))
        return None
    if found.status != "intact":
        findings.break_("kbnn.envelope_cms", reason=[notice.code for notice in found.reasons])
        return None
    findings.doubts.extend(found.weak)
    if not cms.certificates or cms.certificates[0] != certificate.raw:
        findings.break_("kbnn.envelope_certificate")
    try:
        apart = abs(signer.signing_time - envelope.signed_at(profile))
    except (OverflowError, ValueError):
        apart = timedelta.max
    if apart >= timedelta(seconds=1):
        findings.break_("kbnn.envelope_time_differs")
    elif apart:
        findings.doubt("kbnn.envelope_not_canonical")  # the attribute has whole seconds, so has what kyso writes
    if _written_again(cms, signer) != raw:
        findings.doubt("kbnn.envelope_not_canonical")
    return cms


def _written_again(cms: SignedData, signer: SignerInfo) -> bytes | None:
    """Write the CMS anew: a byte that is under no signature must still be the one byte it can be."""
    names: dict[str, SchemeName] = {"RSA": "rsa-pkcs1v15", "RSA-PSS": "rsa-pss", "ECDSA": "ecdsa"}
    try:
        scheme = names[algorithms.scheme_of(signer.signature_algorithm, signer.digest_algorithm.digest).name]
        digest: DigestName
        match signer.digest_algorithm.digest:
            case "sha256" | "sha384" | "sha512" as known:
                digest = known
            case _:
                return None
        assert signer.signed_attributes_raw is not None
        return signed_data(signer.signed_attributes_raw, signer.signature, cms.certificates, scheme, digest)
    except (KeyError, UnsupportedAlgorithm, KysoError):
        return None


def _check_trust(
    certificate: Certificate,
    cms: SignedData | None,
    judge: CertificateJudge | None,
    findings: _Findings,
) -> None:
    """Let the CMS's further certificates help to build the chain; each of them must then be part of it."""
    if cms is None:
        return
    others: list[Certificate] = []
    for raw in cms.certificates[1:]:
        other = _readable(raw)
        if other is None:
            findings.break_("kbnn.envelope_certificate")
            return
        others.append(other)
    if judge is None or not others:
        return
    from kyso.verification.revocation import Evidence

    judge.learn(others, Evidence())
    path = judge.judge(certificate, "signing", None).chain.path
    if any(other not in path for other in others):
        findings.doubt("kbnn.envelope_strange_certificate")


def _exact64(text: str) -> bytes | None:
    """Decode base64 that is written the one way it can be; a changed bit behind the last octet counts as changed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if raw and base64.b64encode(raw).decode("ascii") == text else None


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst of several verdicts."""
    if "invalid" in verdicts:
        return "invalid"
    return "undetermined" if "undetermined" in verdicts else "valid"
