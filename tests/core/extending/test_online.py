"""Revocation data and issuers fetched from the addresses in certificates."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from kyso.cms.certificate import read_certificate
from kyso.demo.pki import DemoPki, Identity, certificate_der, make_crl
from kyso.extending.evidence import encoded, gather
from kyso.extending.online import EvidenceFetcher
from kyso.fetch import FetchPolicy
from kyso.verification.crl import read_crl
from kyso.verification.online import ocsp_request
from kyso.verification.settings import VerificationSettings
from tests.vectors.making import sign, signer_for

NEARBY = FetchPolicy(deadline_s=5, allow_private=True)


class Web:
    """A web server for the addresses; `pages` maps a path to what it answers to a body."""

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[bytes], bytes]] = {}
        self.asked: list[str] = []
        self.url = ""


@pytest.fixture
def web() -> Iterator[Web]:
    """The server on loopback."""
    state = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            state.asked.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            page = state.pages.get(self.path)
            data = b"" if page is None else page(body)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _answer  # noqa: N815 - the base class names them so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Keep the test's output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def issued(pki: DemoPki, web: Web, *, responder: bool) -> Identity:
    """Issue a signer's certificate that names the server's addresses; its chain is not carried along."""
    key = pki.identities["leader"].key
    source = pki.identities["leader"].certificate
    access = [(AuthorityInformationAccessOID.CA_ISSUERS, "/ca.cer")]
    if responder:
        access.append((AuthorityInformationAccessOID.OCSP, "/ocsp"))
    place = x509.UniformResourceIdentifier(web.url + "/list.crl")
    builder = (
        x509.CertificateBuilder()
        .subject_name(source.subject)
        .issuer_name(pki.issuing.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=90))
        .add_extension(
            x509.AuthorityInformationAccess(
                [x509.AccessDescription(m, x509.UniformResourceIdentifier(web.url + path)) for m, path in access]
            ),
            critical=False,
        )
        .add_extension(x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)]), critical=False)
    )
    return Identity(builder.sign(pki.issuing.key, hashes.SHA256()), key)


def signed_by(identity: Identity, letter_pdf: bytes, folder: Path) -> Path:
    """Sign the letter with an identity of the test."""
    path = folder / "signed.pdf"
    path.write_bytes(sign(letter_pdf, signer_for(identity)))
    return path


def settings_of(pki: DemoPki, folder: Path) -> VerificationSettings:
    """Trust the root and know the root's list, but nothing of the issuing CA."""
    (folder / "root.crl").write_bytes(make_crl(pki.root))
    return VerificationSettings(trust=(pki.root_pem,), crls=(folder / "root.crl",))


def answers(pki: DemoPki, identity: Identity) -> Callable[[bytes], bytes]:
    """Return an OCSP responder of the issuing CA that says "good"."""

    def respond(body: bytes) -> bytes:
        request = asn1_ocsp.OCSPRequest.load(body)["tbs_request"]["request_list"][0]["req_cert"]
        assert request["serial_number"].native == identity.certificate.serial_number
        now = datetime.now(UTC)
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=identity.certificate,
            issuer=pki.issuing.certificate,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=now - timedelta(minutes=1),
            next_update=now + timedelta(days=1),
            revocation_time=None,
            revocation_reason=None,
        )
        signed = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, pki.issuing.certificate)
        return signed.sign(pki.issuing.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    return respond


def test_issuer_and_list_are_fetched(web: Web, pki: DemoPki, letter_pdf: bytes, tmp_path: Path) -> None:
    """The chain is completed and the revocation list taken from the addresses in the signer's certificate."""
    web.pages["/ca.cer"] = lambda _: certificate_der(pki.issuing.certificate)
    web.pages["/list.crl"] = lambda _: make_crl(pki.issuing)
    path = signed_by(issued(pki, web, responder=False), letter_pdf, tmp_path)
    with EvidenceFetcher(NEARBY) as fetcher:
        data = gather(path, settings_of(pki, tmp_path), fetcher)
    assert data.missing == ()
    assert (len(data.certificates), len(data.crls), len(data.ocsp)) == (3, 2, 0)
    assert web.asked == ["/ca.cer", "/list.crl"]


def test_a_responders_answer_is_preferred(web: Web, pki: DemoPki, letter_pdf: bytes, tmp_path: Path) -> None:
    """Where OCSP answers, no list is fetched."""
    identity = issued(pki, web, responder=True)
    web.pages["/ca.cer"] = lambda _: certificate_der(pki.issuing.certificate)
    web.pages["/ocsp"] = answers(pki, identity)
    with EvidenceFetcher.within(allow_private=True) as fetcher:
        data = gather(signed_by(identity, letter_pdf, tmp_path), settings_of(pki, tmp_path), fetcher)
    assert data.missing == ()
    assert (len(data.crls), len(data.ocsp)) == (1, 1)
    assert "/list.crl" not in web.asked


@pytest.mark.parametrize("garbage", [b"", b"<html>", b"\x30\x80", b"\x30\x03\x0a\x01\x06"])
def test_garbage_is_no_evidence(web: Web, pki: DemoPki, letter_pdf: bytes, tmp_path: Path, garbage: bytes) -> None:
    """Whatever the addresses answer, what is missing is named and nothing of it is embedded."""
    for page in ("/ca.cer", "/ocsp", "/list.crl"):
        web.pages[page] = lambda _: garbage
    path = signed_by(issued(pki, web, responder=True), letter_pdf, tmp_path)
    with EvidenceFetcher(NEARBY) as fetcher:
        data = gather(path, settings_of(pki, tmp_path), fetcher)
    assert {notice.code for notice in data.missing} >= {"chain.issuer_missing"}
    assert not data.crls
    assert not data.ocsp


def test_private_networks_are_not_asked(web: Web, pki: DemoPki, letter_pdf: bytes, tmp_path: Path) -> None:
    """A certificate cannot make the office's own servers be asked."""
    path = signed_by(issued(pki, web, responder=True), letter_pdf, tmp_path)
    with EvidenceFetcher() as fetcher:
        data = gather(path, settings_of(pki, tmp_path), fetcher)
    assert web.asked == []
    assert data.missing
    assert {failure.code for failure in fetcher.failures} == {"verification.online_failed"}


def test_the_ocsp_request_is_rfc_6960(pki: DemoPki) -> None:
    """An independent parser reads the certificate's identity out of it."""
    certificate, issuer = (
        read_certificate(certificate_der(each))
        for each in (pki.identities["seal"].certificate, pki.issuing.certificate)
    )
    request = asn1_ocsp.OCSPRequest.load(ocsp_request(certificate, issuer), strict=True)
    identity = request["tbs_request"]["request_list"][0]["req_cert"].native
    assert identity["serial_number"] == certificate.serial
    assert identity["issuer_name_hash"] == hashlib.sha1(issuer.subject, usedforsecurity=False).digest()


def test_a_list_is_encoded_again_as_it_was(pki: DemoPki) -> None:
    """The embedded octets are those the CA signed."""
    raw = make_crl(pki.issuing)
    assert encoded(read_crl(raw)) == raw
