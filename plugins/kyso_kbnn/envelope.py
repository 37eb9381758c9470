"""The signature envelope (VIII.2): what one signer adds to the authentication data.

Preparing and finishing are apart, with plain data between them, so that a key that answers at once, a token and a
phone that answers in four minutes all take the same way: the key signs digests, this module writes the envelope and
believes no value that does not verify.

By the packaged profile SignedContent is the bare signature value over the XML (VII.1), EnvelopedData a detached CMS
over the same bytes whose signed attributes bind certificate and time. The MD5 in Data is the standard's demand;
nothing rests on it here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

from kyso.cms.build import signed_attributes, signed_data
from kyso.cms.read import is_attribute_set
from kyso.cms.values import value_matches
from kyso.models import VIETNAM_TIME, DigestName, DigestToSign, SchemeName
from kyso.plugin import InputRefused, KeyTrouble, SigningRefused
from kyso_kbnn.hardened_xml import parse_xml, plain_children
from kyso_kbnn.profile import Profile

Role = Literal["accountant", "holder"]
ROLES: tuple[Role, ...] = ("accountant", "holder")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


@dataclass(frozen=True, slots=True)
class PreparedEnvelope:
    """An envelope that waits for its signature values. Plain data.

    :param role: who signs.
    :param content_sha256: SHA-256 of the authentication data, lower-case hex; kept with the dossier.
    :param certificates: DER, the signer's first.
    :param signed_at: the time claimed, whole seconds.
    :param attributes: DER of the CMS's signed attributes, empty where the profile asks for no CMS.
    :param digests: what the key signs, in order.
    """

    role: Role
    content_sha256: str
    certificates: tuple[bytes, ...]
    scheme: SchemeName
    digest: DigestName
    signed_at: datetime
    attributes: bytes
    digests: tuple[bytes, ...]

    def to_sign(self, document_name: str) -> list[DigestToSign]:
        """Return the request for the key source; `document_name` is what a phone shows."""
        return [
            DigestToSign(value, self.digest, document_name, f"{self.content_sha256[:16]}-{self.role}-{number}")
            for number, value in enumerate(self.digests, 1)
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "role": self.role,
            "content_sha256": self.content_sha256,
            "certificates": [_text64(certificate) for certificate in self.certificates],
            "scheme": self.scheme,
            "digest": self.digest,
            "signed_at": self.signed_at.isoformat(),
            "attributes": _text64(self.attributes),
            "digests": [_text64(digest) for digest in self.digests],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PreparedEnvelope:
        """Read what :meth:`as_json` wrote.

        :raises InputRefused: it is something else.
        """
        try:
            if raw["role"] not in ROLES:
                raise ValueError("role")
            return cls(
                raw["role"],
                str(raw["content_sha256"]),
                tuple(base64.b64decode(item, validate=True) for item in raw["certificates"]),
                cast(SchemeName, str(raw["scheme"])),
                cast(DigestName, str(raw["digest"])),
                datetime.fromisoformat(raw["signed_at"]),
                base64.b64decode(raw["attributes"], validate=True),
                tuple(base64.b64decode(item, validate=True) for item in raw["digests"]),
            )
        except (KeyError, TypeError, ValueError) as cause:
            raise InputRefused("kbnn.prepared_unreadable") from cause


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope as it stands in the XML; texts are base64 unless the profile says otherwise.

    :param enveloped_data: ``None`` where the profile leaves the element out.
    :param timestamp: SignatureTimestamp, in the profile's unit.
    """

    data: str
    signed_content: str
    enveloped_data: str | None
    timestamp: int
    certificate: str

    def signed_at(self, profile: Profile) -> datetime:
        """Return the claimed time, in Vietnam's zone.

        :raises OverflowError: it is no time at all.
        """
        form = profile.envelope
        unit = (
            timedelta(milliseconds=self.timestamp) if form.timestamp_unit == "ms" else timedelta(seconds=self.timestamp)
        )
        return (_EPOCH + unit - timedelta(minutes=form.timestamp_zone_minutes)).astimezone(VIETNAM_TIME)

    def to_xml(self, profile: Profile) -> bytes:
        """Return the envelope's bytes, canonical like the authentication data.

        :raises InputRefused: it is longer than the standard allows (4.2: 32,000 characters).
        """
        texts = {
            "Data": self.data,
            "SignedContent": self.signed_content,
            "EnvelopedData": self.enveloped_data,
            "SignatureTimestamp": str(self.timestamp),
            "Cert": self.certificate,
        }
        root = etree.Element(profile.envelope.root)
        for tag in profile.envelope.elements:
            text = texts.get(tag)
            if text is not None:
                etree.SubElement(root, tag).text = text
        data = etree.tostring(root, method="c14n")
        if profile.envelope.declaration:
            data = _DECLARATION + data
        if len(data) > profile.limits.envelope:
            raise InputRefused("kbnn.envelope_too_long", length=len(data), limit=profile.limits.envelope)
        return data


def md5_text(content: bytes, profile: Profile) -> str:
    """Return the MD5 of the authentication data as the profile writes it (Data, v_du_lieu_toan_van)."""
    value = hashlib.md5(content, usedforsecurity=False)
    match profile.envelope.data_encoding:
        case "hex":
            return value.hexdigest()
        case "HEX":
            return value.hexdigest().upper()
        case "base64":
            return _text64(value.digest())


def signed_bytes(content: bytes, profile: Profile) -> bytes:
    """Return what the signatures are made over: the XML (VII.1), or only the text of Data by a profile that says so."""
    return content if profile.envelope.signed_over == "xml" else md5_text(content, profile).encode("ascii")


def prepare_envelope(
    content: bytes,
    role: Role,
    certificates: Sequence[bytes],
    schemes: Sequence[tuple[SchemeName, DigestName]],
    signed_at: datetime,
    profile: Profile,
) -> PreparedEnvelope:
    """Prepare one signer's envelope; no key is used.

    :param content: the authentication data.
    :param certificates: DER, the signer's first.
    :param schemes: what the key can sign with, preferred first.
    :param signed_at: the time to claim; aware.
    :raises SigningRefused: the content could be read as CMS attributes, or is no authentication data at all.
    :raises KeyTrouble: the key can sign with nothing.
    """
    form = profile.envelope
    what = signed_bytes(content, profile)
    if not content or is_attribute_set(what):
        # A bare signature over such bytes would also be a signature over something else (rule 9 of the design).
        raise SigningRefused("kbnn.content_ambiguous")
    if not schemes:
        raise KeyTrouble("key.scheme_unsupported", scheme="*", digest=form.digest)
    scheme, digest = next((pair for pair in schemes if pair[1] == form.digest), schemes[0])
    moment = signed_at.astimezone(VIETNAM_TIME).replace(microsecond=0)
    content_digest = hashlib.new(digest, what).digest()
    attributes = b""
    digests = [content_digest] if form.signed_content == "raw" else []
    if "cms" in (form.signed_content, form.enveloped_data):
        attributes = signed_attributes(content_digest, certificates[0], "pkcs7", moment)
        digests.append(hashlib.new(digest, attributes).digest())
    return PreparedEnvelope(
        role,
        hashlib.sha256(content).hexdigest(),
        tuple(certificates),
        scheme,
        digest,
        moment,
        attributes,
        tuple(digests),
    )


def finish_envelope(prepared: PreparedEnvelope, content: bytes, values: Sequence[bytes], profile: Profile) -> Envelope:
    """Write the envelope from signature values, each of which is verified first.

    :raises InputRefused: the authentication data are not those that were prepared.
    :raises KeyTrouble: a value is missing or does not verify with the certificate.
    """
    if hashlib.sha256(content).hexdigest() != prepared.content_sha256:
        raise InputRefused("kbnn.content_changed", role=prepared.role)
    if len(values) != len(prepared.digests):
        raise KeyTrouble("kbnn.value_wrong", role=prepared.role)
    certificate = prepared.certificates[0]
    for value, digest in zip(values, prepared.digests, strict=True):
        if not value_matches(certificate, value, digest, prepared.scheme, prepared.digest):
            raise KeyTrouble("kbnn.value_wrong", role=prepared.role)
    form = profile.envelope
    cms = ""
    if prepared.attributes:
        cms = _text64(
            signed_data(prepared.attributes, values[-1], prepared.certificates, prepared.scheme, prepared.digest)
        )
    raw = "" if form.signed_content == "cms" else _text64(_ecdsa_form(values[0], prepared, profile))
    signed_content = cms if form.signed_content == "cms" else raw
    enveloped: str | None
    match form.enveloped_data:
        case "cms":
            enveloped = cms
        case "same":
            enveloped = signed_content
        case "empty":
            enveloped = ""
        case "absent":
            enveloped = None
    seconds = int((prepared.signed_at - _EPOCH).total_seconds()) + form.timestamp_zone_minutes * 60
    timestamp = seconds * 1000 if form.timestamp_unit == "ms" else seconds
    envelope = Envelope(md5_text(content, profile), signed_content, enveloped, timestamp, _text64(certificate))
    envelope.to_xml(profile)
    return envelope


def read_envelope(data: bytes, profile: Profile, name: str = "XML") -> Envelope:
    """Read an envelope.

    :raises InputRefused: it is not one of this profile.
    """
    form = profile.envelope
    if len(data) > 4 * profile.limits.envelope:
        raise InputRefused("kbnn.envelope_too_long", length=len(data), limit=profile.limits.envelope)
    root = parse_xml(data, name)
    if root.tag != form.root:
        raise InputRefused("kbnn.xml_element", name=name, expected=form.root, found=str(root.tag)[:80])
    children = plain_children(root, name)
    optional = {"EnvelopedData"} if form.enveloped_data == "absent" else set()
    expected = [tag for tag in form.elements if tag not in optional]
    found = [str(child.tag) for child in children]
    if found != expected:
        raise InputRefused("kbnn.xml_element", name=name, expected=expected, found=[tag[:40] for tag in found[:10]])
    texts = {str(child.tag): child.text or "" for child in children}
    if any(len(child) for child in children):
        raise InputRefused("kbnn.xml_unexpected", name=name, tag=form.root)
    stamp = texts.get("SignatureTimestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
        raise InputRefused("kbnn.envelope_time", name=name, value=stamp[:40])
    return Envelope(
        texts.get("Data", ""),
        texts.get("SignedContent", ""),
        texts.get("EnvelopedData"),
        int(stamp),
        texts.get("Cert", ""),
    )


def _ecdsa_form(value: bytes, prepared: PreparedEnvelope, profile: Profile) -> bytes:
    if prepared.scheme != "ecdsa" or profile.envelope.ecdsa_form == "der":
        return value
    r, s = decode_dss_signature(value)
    size = _curve_size(prepared.certificates[0])
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def plain_to_der(value: bytes) -> bytes:
    """Turn r || s into an Ecdsa-Sig-Value.

    :raises ValueError: it cannot be halved.
    """
    if len(value) < 2 or len(value) % 2:
        raise ValueError("length")
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _curve_size(certificate: bytes) -> int:
    from cryptography.hazmat.primitives.asymmetric import ec

    from kyso.cms.values import load_certificate

    key = load_certificate(certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise KeyTrouble("key.algorithm_unsupported", algorithm=type(key).__name__)
    return (key.key_size + 7) // 8


def _text64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
