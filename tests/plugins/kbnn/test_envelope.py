"""Envelopes: written from verified values only, checked to the last character, honest about what MD5 proves."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from kyso.cms.values import load_certificate
from kyso.demo.pki import ACCOUNTANT, DemoPki, KeyKind, Revoked, issue, list_revoked, write_pki
from kyso.plugin import InputRefused, KeyTrouble, SigningRefused
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.envelope import (
    Envelope,
    PreparedEnvelope,
    finish_envelope,
    prepare_envelope,
    read_envelope,
)
from kyso_kbnn.envelope_check import EnvelopeReport, check_envelope
from kyso_kbnn.profile import EnvelopeForm, Profile, default_profile
from kyso_kbnn.signing import sign_content
from tests.plugins.kbnn.dossiers import dossier
from tests.plugins.kbnn.keys import judge_of, key_of

PROFILE = default_profile()
NOW = datetime.now(UTC).replace(microsecond=0)


@cache
def content() -> bytes:
    return write_authentication_data(dossier(), PROFILE)


def with_form(**changes: object) -> Profile:
    """Return the profile with other entries in its envelope section."""
    form: EnvelopeForm = dataclasses.replace(PROFILE.envelope, **changes)  # type: ignore[arg-type]  # by name
    return dataclasses.replace(PROFILE, envelope=form)


def signed(pki: DemoPki, profile: Profile = PROFILE, who: str = "accountant") -> Envelope:
    role = "accountant" if who == "accountant" else "holder"
    return sign_content(content(), role, key_of(pki.identities[who]), NOW, profile, document_name="TEST")


def judged(pki: DemoPki, data: bytes, profile: Profile = PROFILE, what: bytes | None = None) -> EnvelopeReport:
    return check_envelope(content() if what is None else what, data, "accountant", profile, judge_of(pki), NOW)


def codes(report: EnvelopeReport) -> set[str]:
    return {reason.code for reason in report.reasons}


def test_a_good_envelope_is_valid_and_says_who_signed_when(pki: DemoPki) -> None:
    """Integrity, trust, revocation and the bound time are all there."""
    report = judged(pki, signed(pki).to_xml(PROFILE))
    assert (report.verdict, report.integrity, report.status, report.checked_with) == ("valid", "intact", "good", "crl")
    assert report.signer == ACCOUNTANT.common_name
    assert report.signed_at == NOW
    assert report.time_bound


def test_the_envelope_has_the_decisions_five_elements(pki: DemoPki) -> None:
    """Data is the MD5, SignedContent a bare signature by VII.1, Cert the certificate, the time milliseconds."""
    root = etree.fromstring(signed(pki).to_xml(PROFILE))
    assert [child.tag for child in root] == ["Data", "SignedContent", "EnvelopedData", "SignatureTimestamp", "Cert"]
    assert root.findtext("Data") == hashlib.md5(content(), usedforsecurity=False).hexdigest()
    certificate = base64.b64decode(root.findtext("Cert") or "")
    key = load_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(root.findtext("SignedContent") or ""), content(), padding.PKCS1v15(), hashes.SHA256())
    assert int(root.findtext("SignatureTimestamp") or 0) == int(NOW.timestamp()) * 1000


def test_openssl_accepts_the_cms(pki: DemoPki, tmp_path: Path) -> None:
    """An independent judge verifies EnvelopedData over the XML bytes with the demo's root."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "data.xml").write_bytes(content())
    (tmp_path / "data.p7s").write_bytes(base64.b64decode(signed(pki).enveloped_data or ""))
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"]
    command += ["-in", "data.p7s", "-content", "data.xml", "-CAfile", str(pki.root_pem), "-out", "out.xml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.xml").read_bytes() == content()


@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-3072", "p-256", "p-384"])
@pytest.mark.parametrize("ecdsa_form", ["der", "plain"])
def test_keys_of_every_kind(pki: DemoPki, kind: KeyKind, ecdsa_form: str) -> None:
    """RSA and elliptic curves sign and verify, whichever way the profile writes ECDSA values."""
    profile = with_form(ecdsa_form=ecdsa_form)
    key = key_of(issue(pki.issuing, ACCOUNTANT, kind=kind))
    envelope = sign_content(content(), "accountant", key, NOW, profile, document_name="TEST")
    report = judged(pki, envelope.to_xml(profile), profile)
    assert report.verdict == "valid"


@pytest.mark.parametrize("signed_content", ["raw", "cms"])
@pytest.mark.parametrize("enveloped_data", ["cms", "same", "empty", "absent"])
@pytest.mark.parametrize("encoding", ["hex", "HEX", "base64"])
def test_every_choice_of_the_profile_is_written_and_checked(
    pki: DemoPki, signed_content: str, enveloped_data: str, encoding: str
) -> None:
    """Another agency's reading is an edit of the profile: what is written by it is valid by it and by no other."""
    profile = with_form(signed_content=signed_content, enveloped_data=enveloped_data, data_encoding=encoding)
    data = signed(pki, profile).to_xml(profile)
    expected = (
        "valid" if "cms" in (signed_content, enveloped_data) else "undetermined"
    )  # without a CMS no CA comes along
    assert (judged(pki, data, profile).verdict, judged(pki, data, profile).integrity) == (expected, "intact")
    other = with_form(signed_content=signed_content, enveloped_data=enveloped_data, timestamp_unit="s")
    assert judged(pki, data, other).verdict != "valid"


def test_without_a_cms_the_chain_needs_the_verifiers_own_certificates(pki: DemoPki) -> None:
    """A bare value brings no CA along: undetermined with the root alone, valid once the issuing CA is known."""
    profile = with_form(enveloped_data="same")
    data = signed(pki, profile).to_xml(profile)
    assert judged(pki, data, profile).verdict == "undetermined"
    from kyso.verification.judgement import CertificateJudge
    from kyso.verification.trust import load_trust

    judge = CertificateJudge(load_trust((pki.root_pem, pki.issuing_pem), (pki.crl_folder,)), NOW, "offline")
    report = check_envelope(content(), data, "accountant", profile, judge, NOW)
    assert (report.verdict, report.time_bound) == ("valid", False)


def test_a_profile_that_binds_only_the_md5_gives_undetermined(pki: DemoPki) -> None:
    """MD5 collisions are cheap: a signature over the MD5 alone never makes a dossier valid."""
    profile = with_form(signed_over="md5")
    report = judged(pki, signed(pki, profile).to_xml(profile), profile)
    assert report.verdict == "undetermined"
    assert "kbnn.only_md5_bound" in codes(report)


def test_no_changed_character_of_the_envelope_stays_valid(pki: DemoPki) -> None:
    """Every character of the envelope, one after the other: none can be changed and the verdict stay valid."""
    data = signed(pki).to_xml(PROFILE)
    left_valid = []
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 7)
        if judged(pki, bytes(changed)).verdict == "valid":
            left_valid.append(position)
    assert left_valid == []


def test_no_changed_character_of_the_data_stays_intact(pki: DemoPki) -> None:
    """Every character of the authentication data is under the signature."""
    data, original = signed(pki).to_xml(PROFILE), content()
    for position in range(0, len(original), 7):
        changed = bytearray(original)
        changed[position] ^= 1
        report = judged(pki, data, what=bytes(changed))
        assert (report.verdict, report.integrity) == ("invalid", "broken")


def test_a_repaired_md5_does_not_help_a_forger(pki: DemoPki) -> None:
    """The verdict rests on the signature, not on the MD5: a new MD5 over changed data is still invalid."""
    changed = content().replace(b"<SO_TIEN>54000000<", b"<SO_TIEN>94000000<")
    envelope = dataclasses.replace(signed(pki), data=hashlib.md5(changed, usedforsecurity=False).hexdigest())
    report = judged(pki, envelope.to_xml(PROFILE), what=changed)
    assert report.verdict == "invalid"
    assert "kbnn.envelope_signature" in codes(report)
    assert "kbnn.envelope_md5" not in codes(report)


def test_a_moved_time_is_found(pki: DemoPki) -> None:
    """The signing time is under the CMS signature."""
    envelope = signed(pki)
    moved = dataclasses.replace(envelope, timestamp=envelope.timestamp - 3_600_000)
    assert "kbnn.envelope_time_differs" in codes(judged(pki, moved.to_xml(PROFILE)))


def test_another_certificate_is_found(pki: DemoPki) -> None:
    """Somebody else's certificate in Cert does not verify."""
    other = signed(pki, who="holder")
    swapped = dataclasses.replace(signed(pki), certificate=other.certificate)
    assert judged(pki, swapped.to_xml(PROFILE)).verdict == "invalid"


def test_a_revoked_certificate_is_invalid(tmp_path: Path) -> None:
    """Revocation decides; a claimed time before it rescues nothing."""
    own = write_pki(tmp_path)
    hour = timedelta(hours=1)
    key = key_of(own.identities["accountant"])
    data = sign_content(content(), "accountant", key, NOW - hour, PROFILE, document_name="TEST").to_xml(PROFILE)
    list_revoked(own, [Revoked(own.identities["accountant"].certificate, NOW - hour / 2)])
    report = judged(own, data)
    assert (report.verdict, report.integrity, report.status) == ("invalid", "intact", "revoked")


def test_an_unknown_root_or_no_judge_is_undetermined(pki: DemoPki, tmp_path: Path) -> None:
    """Not known is not good."""
    data = signed(pki).to_xml(PROFILE)
    stranger = write_pki(tmp_path)
    assert check_envelope(content(), data, "accountant", PROFILE, judge_of(stranger), NOW).verdict == "undetermined"
    assert check_envelope(content(), data, "accountant", PROFILE, None, NOW).verdict == "undetermined"


def test_a_time_in_the_future_is_doubtful(pki: DemoPki) -> None:
    """A claimed time that cannot be leaves the envelope undetermined."""
    data = signed(pki).to_xml(PROFILE)
    earlier = NOW - timedelta(hours=1)
    report = check_envelope(content(), data, "accountant", PROFILE, judge_of(pki), earlier)
    assert report.verdict == "undetermined"
    assert "kbnn.time_in_future" in codes(report)


def test_preparing_survives_a_restart(pki: DemoPki) -> None:
    """A prepared envelope is JSON and finishes in another process."""
    import json

    key = key_of(pki.identities["holder"])
    prepared = prepare_envelope(content(), "holder", (key.certificate,), key.schemes, NOW, PROFILE)
    again = PreparedEnvelope.from_json(json.loads(json.dumps(prepared.as_json())))
    assert again == prepared
    answer = key.sign(again.to_sign("TEST"), again.scheme)
    assert finish_envelope(again, content(), answer.values, PROFILE).signed_at(PROFILE) == NOW  # type: ignore[union-attr]


def test_a_wrong_value_is_never_written(pki: DemoPki) -> None:
    """A value that does not verify, a missing one, or other data: refused before anything is written."""
    key = key_of(pki.identities["holder"])
    prepared = prepare_envelope(content(), "holder", (key.certificate,), key.schemes, NOW, PROFILE)
    answer = key.sign(prepared.to_sign("TEST"), prepared.scheme)
    values = answer.values  # type: ignore[union-attr]  # a file answers at once
    for wrong in ((values[1], values[0]), values[:1], (values[0], bytes(256))):
        with pytest.raises(KeyTrouble):
            finish_envelope(prepared, content(), wrong, PROFILE)
    with pytest.raises(InputRefused):
        finish_envelope(prepared, content() + b" ", values, PROFILE)


def test_what_could_be_signed_attributes_is_not_signed(pki: DemoPki) -> None:
    """Rule 9: a bare signature over a set of CMS attributes would be a signature over another document."""
    from kyso.cms.build import signed_attributes

    key = key_of(pki.identities["holder"])
    attributes = signed_attributes(bytes(32), key.certificate, "pades", NOW)
    for bad in (attributes, b""):
        with pytest.raises(SigningRefused):
            prepare_envelope(bad, "holder", (key.certificate,), key.schemes, NOW, PROFILE)


def test_an_envelope_beyond_32000_characters_is_refused(pki: DemoPki) -> None:
    """32,001 characters are refused, when written and when read."""
    envelope = signed(pki)
    spare = 32000 - len(envelope.to_xml(PROFILE))
    longest = dataclasses.replace(envelope, data=envelope.data + "a" * spare)
    assert len(longest.to_xml(PROFILE)) == 32000
    with pytest.raises(InputRefused) as caught:
        dataclasses.replace(longest, data=longest.data + "a").to_xml(PROFILE)
    assert caught.value.parameters == {"length": 32001, "limit": 32000}
    with pytest.raises(InputRefused):
        read_envelope(b"<SignatureInfo>" + b" " * 200_000 + b"</SignatureInfo>", PROFILE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<SignatureInfo/>",
        b"<Other></Other>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><SignatureInfo>&b;</SignatureInfo>',
        b"<SignatureInfo><Data>x</Data><SignedContent/><EnvelopedData/><SignatureTimestamp>1e9</SignatureTimestamp>"
        b"<Cert/></SignatureInfo>",
        b"<SignatureInfo><Data>x</Data><SignedContent/><EnvelopedData/><SignatureTimestamp>999999999999999"
        b"</SignatureTimestamp><Cert/></SignatureInfo>",
    ],
)
def test_a_broken_envelope_is_a_verdict_not_an_exception(pki: DemoPki, data: bytes) -> None:
    """Whatever arrives, the answer is a report."""
    assert judged(pki, data).verdict == "invalid"
