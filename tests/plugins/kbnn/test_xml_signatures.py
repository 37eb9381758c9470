"""XAdES and XML-DSig as additional forms: signed with the same keys, verified over what was really signed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kyso.demo.pki import ACCOUNTANT, DemoPki, KeyKind, issue
from kyso.models import Signed
from kyso.plugin import KeyTrouble
from kyso_kbnn.authentication_data import write_authentication_data
from kyso_kbnn.profile import default_profile
from kyso_kbnn.xades import (
    XmlSignatureForm,
    check_xml_signature,
    finish_xml_signature,
    prepare_xml_signature,
)
from tests.plugins.kbnn.dossiers import dossier
from tests.plugins.kbnn.keys import judge_of, key_of

PROFILE = default_profile()
NOW = datetime.now(UTC).replace(microsecond=0)


def content() -> bytes:
    return write_authentication_data(dossier(), PROFILE)


def signed(pki: DemoPki, form: XmlSignatureForm = "xades", kind: KeyKind = "rsa-2048") -> bytes:
    key = key_of(issue(pki.issuing, ACCOUNTANT, kind=kind))
    certificates = (key.certificate, *key.chain[:1])
    prepared = prepare_xml_signature(content(), "accountant", certificates, key.schemes, NOW, PROFILE, form=form)
    answer = key.sign(prepared.to_sign("TEST"), prepared.scheme)
    assert isinstance(answer, Signed)
    return finish_xml_signature(prepared, answer.values[0])


def verdict(pki: DemoPki, data: bytes, form: XmlSignatureForm = "xades", what: bytes | None = None) -> str:
    judge = judge_of(pki)
    from kyso.cms.certificate import read_certificate
    from kyso.demo.pki import certificate_der
    from kyso.verification.revocation import Evidence

    judge.learn([read_certificate(certificate_der(pki.issuing.certificate))], Evidence())
    return check_xml_signature(data, content() if what is None else what, judge, form=form)[0]


@pytest.mark.parametrize("form", ["xades", "xmldsig"])
@pytest.mark.parametrize("kind", ["rsa-2048", "p-256", "p-384"])
def test_signed_xml_is_valid(pki: DemoPki, form: XmlSignatureForm, kind: KeyKind) -> None:
    """Both forms, RSA and elliptic curves; the claimed time and role are under the signature in XAdES."""
    data = signed(pki, form, kind)
    assert verdict(pki, data, form) == "valid"
    assert (b"SigningTime>" in data) == (form == "xades")


def test_changed_data_are_invalid(pki: DemoPki) -> None:
    """One changed amount in the signed XML."""
    data = signed(pki).replace(b"<SO_TIEN>54000000<", b"<SO_TIEN>94000000<")
    assert verdict(pki, data) == "invalid"


def test_the_signature_of_another_dossier_is_invalid(pki: DemoPki) -> None:
    """The signed content is compared with the dossier's own authentication data."""
    assert verdict(pki, signed(pki), what=content().replace(b"54000000", b"94000000")) == "invalid"


def test_wrapping_is_found(pki: DemoPki) -> None:
    """The signed part moved aside and another root around it: what was verified is not what is shown."""
    data = signed(pki)
    body = data[data.index(b"?>") + 2 :].strip()
    wrapped = b"<GNHS_HOSO><MA_HO_SO>T26_1999999_009900009</MA_HO_SO>" + body + b"</GNHS_HOSO>"
    assert verdict(pki, wrapped) == "invalid"


@pytest.mark.parametrize("data", [b"", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"])
def test_broken_xml_is_a_verdict(pki: DemoPki, data: bytes) -> None:
    """No signature, no XML, an entity: invalid, no exception."""
    assert verdict(pki, data) == "invalid"


def test_a_wrong_value_is_never_written(pki: DemoPki) -> None:
    """A value that does not verify is refused."""
    key = key_of(pki.identities["accountant"])
    prepared = prepare_xml_signature(content(), "accountant", (key.certificate,), key.schemes, NOW, PROFILE)
    with pytest.raises(KeyTrouble):
        finish_xml_signature(prepared, bytes(256))
