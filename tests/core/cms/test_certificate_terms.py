"""What a certificate says of its use is read and shown: scope, the issuer's notice, the limit of liability."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from kyso.cms import encode
from kyso.cms.certificate import read_certificate
from kyso.cms.certificate_terms import CertificateTerms, LiabilityLimit, terms_of
from kyso.demo.pki import DemoPki, Identity
from kyso.reports.html import HtmlReport
from kyso.reports.json import JsonReport
from kyso.reports.text import TextReport
from tests.vectors.making import sign, signer_for, verify

NOTICE = "Chỉ dùng cho giao dịch của Kho bạc <b>\u202e"
QC = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")


def _qc(*statements: bytes) -> bytes:
    return encode.sequence(*statements)


def _statement(oid: str, *value: bytes) -> bytes:
    return encode.sequence(encode.object_identifier(oid), *value)


def _number(value: int) -> bytes:
    return encode.tlv(encode.INTEGER, value.to_bytes(3, "big", signed=True))


def _limit(currency: bytes, amount: int, exponent: int) -> bytes:
    return _statement("0.4.0.1862.1.2", encode.sequence(currency, _number(amount), _number(exponent)))


VND = encode.tlv(0x13, b"VND")
DISCLOSURE = encode.sequence(encode.sequence(encode.tlv(0x16, b"https://ca.example/pds"), encode.tlv(0x13, b"vi")))
ALL = _qc(
    _statement("0.4.0.1862.1.1"),
    _limit(VND, 5, 8),
    _statement("0.4.0.1862.1.4"),
    _statement("0.4.0.1862.1.5", DISCLOSURE),
    _statement("0.4.0.1862.1.6", encode.sequence(encode.object_identifier("0.4.0.1862.1.6.2"))),
)


def _identity(pki: DemoPki, qc: bytes, *, policies: bool = True) -> Identity:
    """Return the leader's identity with a certificate that states its terms."""
    leader = pki.identities["leader"]
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(leader.certificate.subject)
        .issuer_name(pki.issuing.certificate.subject)
        .public_key(leader.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=100))
        .add_extension(x509.UnrecognizedExtension(QC, qc), critical=False)
    )
    if policies:
        information = x509.PolicyInformation(
            x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), ["https://ca.example/cps", x509.UserNotice(None, NOTICE)]
        )
        builder = builder.add_extension(x509.CertificatePolicies([information]), critical=False)
        for extension in leader.certificate.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
    return Identity(builder.sign(pki.issuing.key, hashes.SHA256()), leader.key, leader.chain)


def _terms(pki: DemoPki, qc: bytes) -> CertificateTerms:
    return terms_of(read_certificate(_identity(pki, qc, policies=False).certificate.public_bytes(Encoding.DER)))


def test_a_report_shows_scope_and_limit_of_liability(letter_pdf: bytes, pki: DemoPki) -> None:
    """Text, HTML and JSON carry what the issuer states, cleaned of what would turn or act."""
    report = verify(sign(letter_pdf, signer_for(_identity(pki, ALL))), pki)
    assert report.verdict == "valid"
    table = json.loads(JsonReport().render(report, "vi"))["signatures"][0]["certificate"]["terms"]
    assert table["liability_limit"] == {"currency": "VND", "amount": 500_000_000}
    assert table["key_usage"] == ["digital_signature", "non_repudiation"]
    assert table["policies"] == ["1.3.6.1.4.1.99999.1"]
    assert table["statements"] == ["https://ca.example/cps", "https://ca.example/pds"]
    assert (table["qualified"], table["device"], table["kinds"]) == (True, True, ["eseal"])
    for shown in (TextReport().render(report, "vi").decode(), HtmlReport().render(report, "vi").decode()):
        flat = " ".join(shown.split())
        assert "500 000 000 VND" in flat
        assert "Chỉ dùng cho giao dịch của Kho bạc" in flat
        assert "con dấu điện tử của tổ chức" in flat
        assert "\u202e" not in flat
    assert "<b>" not in HtmlReport().render(report, "vi").decode().split("Kho bạc")[1][:10]


def test_a_certificate_that_states_nothing_says_so(letter_pdf: bytes, pki: DemoPki) -> None:
    """Nothing stated is shown as not stated, never left out."""
    text = TextReport().render(verify(sign(letter_pdf, signer_for(pki.identities["leader"])), pki), "en").decode()
    assert "Limit of liability stated in the certificate: not stated" in text


@pytest.mark.parametrize(
    ("qc", "limit"),
    [
        (_qc(_limit(encode.integer(704), 1, 2)), LiabilityLimit("704", 100)),
        (_qc(_limit(VND, 1, 1000)), None),
        (_qc(_limit(VND, -5, 1)), None),
        (_qc(_limit(VND, 1, -3)), None),
        (_qc(_statement("0.4.0.1862.1.2")), None),
        (_qc(_statement("0.4.0.1862.1.2", encode.sequence())), None),
        (b"\x30\x80\x00", None),
        (b"\x05\x00", None),
    ],
)
def test_odd_limits(pki: DemoPki, qc: bytes, limit: LiabilityLimit | None) -> None:
    """A number for a currency is read; powers beyond any sum, negative sums and broken statements are no limit."""
    assert _terms(pki, qc).limit == limit
