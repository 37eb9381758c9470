"""Revocation lists, OCSP answers and issuers fetched from servers on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from kyso.config import Config, NetworkSection, VerificationSection
from kyso.demo.pki import LEADER, Identity, Revoked, Subject, certificate_pem, issue, make_crl, make_root
from kyso.verification.report import SignatureReport, VerificationReport
from kyso.verification.settings import VerificationSettings, settings_from
from kyso.verification.verify import verify_document
from tests.vectors.making import only, reasons, sign, signer_for

_AIA = AuthorityInformationAccessOID


class Responder:
    """What stands behind the addresses of a CA, and what was asked of it.

    :ivar answers: by path: the body, or a function of the request's body.
    """

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Callable[[bytes], bytes]] = {}
        self.asked: list[str] = []
        self.url = ""


@pytest.fixture
def responder() -> Iterator[Responder]:
    """A server on loopback."""
    behind = Responder()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            behind.asked.append(self.path)
            answer = behind.answers.get(self.path)
            data = answer(body) if callable(answer) else answer or b""
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - the names are http.server's

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    behind.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield behind
    server.shutdown()
    server.server_close()


class Office:
    """A root, an issuing CA that names the responder, and a signer."""

    def __init__(self, folder: Path, responder: Responder) -> None:
        self.folder = folder
        self.responder = responder
        self.root = make_root()
        self.issuing = issue(self.root, Subject("TEST Online CA", "TEST"), authority=True)
        self.root_pem = folder / "root.pem"
        self.root_pem.write_bytes(certificate_pem(self.root.certificate))
        self.signer = self.with_addresses(issue(self.issuing, LEADER), "crl", "ocsp")
        responder.answers["/ca.crl"] = make_crl(self.issuing)

    def with_addresses(self, identity: Identity, *kinds: str) -> Identity:
        """Return the certificate issued again with addresses of these kinds: ``crl``, ``ocsp``, ``issuer``."""
        old, url = identity.certificate, self.responder.url
        builder = (
            x509.CertificateBuilder()
            .subject_name(old.subject)
            .issuer_name(old.issuer)
            .public_key(old.public_key())
            .serial_number(old.serial_number)
            .not_valid_before(old.not_valid_before_utc)
            .not_valid_after(old.not_valid_after_utc)
        )
        for extension in old.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        if "crl" in kinds:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{url}/ca.crl")], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        accesses = {"ocsp": (_AIA.OCSP, "/ocsp"), "issuer": (_AIA.CA_ISSUERS, "/ca.cer")}
        descriptions = [
            x509.AccessDescription(method, x509.UniformResourceIdentifier(url + path))
            for kind, (method, path) in accesses.items()
            if kind in kinds
        ]
        if descriptions:
            builder = builder.add_extension(x509.AuthorityInformationAccess(descriptions), critical=False)
        return Identity(builder.sign(self.issuing.key, hashes.SHA256()), identity.key, identity.chain)

    def ocsp(
        self,
        status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
        *,
        by: Identity | None = None,
        made: timedelta = timedelta(minutes=-1),
        lasting: timedelta | None = timedelta(hours=1),
        reason: x509.ReasonFlags | None = None,
    ) -> Callable[[bytes], bytes]:
        """Return an OCSP responder: it reads the request and answers about the certificate asked for."""
        signer = by or self.issuing

        def answer(body: bytes) -> bytes:
            asked = ocsp.load_der_ocsp_request(body)
            assert asked.serial_number == self.signer.certificate.serial_number
            now = datetime.now(UTC) + made
            revoked = status is ocsp.OCSPCertStatus.REVOKED
            builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
                asked.issuer_name_hash,
                asked.issuer_key_hash,
                asked.serial_number,
                asked.hash_algorithm,
                status,
                now,
                None if lasting is None else now + lasting,
                now - timedelta(hours=2) if revoked else None,
                reason if revoked else None,
            )
            builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
            if signer is not self.issuing:
                builder = builder.certificates([signer.certificate])
            return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)  # type: ignore[arg-type] # RSA

        return answer

    def verify(self, data: bytes, **more: Any) -> VerificationReport:
        """Verify with the network permitted, also to loopback, and a cache of the test's own."""
        terms: dict[str, Any] = {
            "trust": (self.root_pem,),
            "revocation": "prefer",
            "online": True,
            "allow_private": True,
            "cache": self.folder / "cache",
        }
        return verify_document(data, VerificationSettings(**{**terms, **more}))


@pytest.fixture
def office(tmp_path: Path, responder: Responder) -> Office:
    """A CA behind the responder."""
    return Office(tmp_path, responder)


@pytest.fixture
def letter(letter_pdf: bytes, office: Office) -> bytes:
    """A letter signed by the office's signer."""
    return sign(letter_pdf, signer_for(office.signer))


def _status(signature: SignatureReport) -> tuple[str, str]:
    assert signature.certificate is not None
    return signature.certificate.status, signature.certificate.checked_with


def _warnings(report: VerificationReport) -> set[str]:
    return {notice.code for notice in report.warnings}


def test_a_responder_that_knows_the_certificate_makes_it_valid(letter: bytes, office: Office) -> None:
    """OCSP is asked first; with its answer the list is not fetched and the letter is valid."""
    office.responder.answers["/ocsp"] = office.ocsp()
    report = office.verify(letter)
    assert report.verdict == "valid"
    assert _status(only(report)) == ("good", "ocsp")
    assert office.responder.asked == ["/ocsp"]


def test_nothing_is_fetched_unless_permitted(letter: bytes, office: Office) -> None:
    """Offline mode, or no permission for the network: no request, and the revocation state stays unknown."""
    office.responder.answers["/ocsp"] = office.ocsp()
    for more in ({"online": False}, {"revocation": "offline"}, {"online": False, "revocation": "require"}):
        report = office.verify(letter, **more)
        assert report.verdict == "undetermined"
        assert "certificate.revocation_unknown" in reasons(only(report))
    assert office.responder.asked == []


def test_a_list_is_fetched_where_no_responder_answers(letter: bytes, office: Office) -> None:
    """A dead responder is followed by the revocation list, and then is not worth a warning."""
    report = office.verify(letter)
    assert (report.verdict, _status(only(report))) == ("valid", ("good", "crl"))
    assert office.responder.asked == ["/ocsp", "/ca.crl"]
    assert "verification.online_failed" not in _warnings(report)


def test_without_any_answer_the_letter_stays_undetermined(letter: bytes, office: Office) -> None:
    """When nothing can be fetched, the state is unknown, and each failure is told; required or not."""
    office.responder.answers.clear()
    for mode in ("prefer", "require"):
        report = office.verify(letter, revocation=mode)
        assert report.verdict == "undetermined"
        assert _warnings(report) >= {"verification.online_failed", "verification.revocation_not_checked"}


def test_required_evidence_about_the_authorities_too(letter: bytes, office: Office) -> None:
    """The issuing CA names no list: that is a remark when evidence is preferred, a doubt when it is required."""
    office.responder.answers["/ocsp"] = office.ocsp()
    assert "chain.ca_revocation_unknown" in _warnings(office.verify(letter))
    report = office.verify(letter, revocation="require")
    assert report.verdict == "undetermined"
    assert reasons(only(report)) == {"chain.ca_revocation_unknown"}


@pytest.mark.parametrize("source", ["ocsp", "crl"])
def test_a_revoked_certificate_is_invalid(source: str, letter: bytes, office: Office) -> None:
    """Revoked by OCSP or by the list, before any proven time: invalid."""
    if source == "ocsp":
        office.responder.answers["/ocsp"] = office.ocsp(
            ocsp.OCSPCertStatus.REVOKED, reason=x509.ReasonFlags.key_compromise
        )
    else:
        at = datetime.now(UTC) - timedelta(hours=2)
        revoked = Revoked(office.signer.certificate, at, x509.ReasonFlags.key_compromise)
        office.responder.answers["/ca.crl"] = make_crl(office.issuing, [revoked])
    report = office.verify(letter)
    assert (report.verdict, _status(only(report))) == ("invalid", ("revoked", source))


def test_a_suspended_certificate_is_undetermined(letter: bytes, office: Office) -> None:
    """On hold is not revoked."""
    office.responder.answers["/ocsp"] = office.ocsp(
        ocsp.OCSPCertStatus.REVOKED, reason=x509.ReasonFlags.certificate_hold
    )
    office.responder.answers.pop("/ca.crl")
    report = office.verify(letter)
    assert (report.verdict, _status(only(report))) == ("undetermined", ("suspended", "ocsp"))


def test_answers_of_strangers_say_nothing(letter: bytes, office: Office) -> None:
    """An answer signed by nobody the issuer named is refused, even when it says what one would like to hear."""
    stranger = make_root(Subject("TEST Stranger", "TEST"))
    office.responder.answers["/ocsp"] = office.ocsp(by=stranger)
    office.responder.answers["/ca.crl"] = make_crl(Identity(office.issuing.certificate, stranger.key))
    report = office.verify(letter)
    assert report.verdict == "undetermined"
    assert "verification.online_failed" in _warnings(report)


def test_a_delegated_responder_is_heard(letter: bytes, office: Office) -> None:
    """A responder that the issuer certified for OCSP signing answers for it; one certified for else does not."""
    office.responder.answers.pop("/ca.crl")
    delegate = issue(office.issuing, Subject("TEST Responder", "TEST"), purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
    office.responder.answers["/ocsp"] = office.ocsp(by=delegate)
    assert office.verify(letter).verdict == "valid"
    office.responder.answers["/ocsp"] = office.ocsp(by=issue(office.issuing, Subject("TEST Person", "TEST")))
    assert office.verify(letter, cache=office.folder / "other").verdict == "undetermined"


def test_an_old_answer_says_nothing_about_now(letter: bytes, office: Office) -> None:
    """An expired response is no answer; one without an end is good only while it is fresh."""
    office.responder.answers.pop("/ca.crl")
    cases = {
        (timedelta(days=-2), timedelta(days=1)): "undetermined",
        (timedelta(days=-2), None): "undetermined",
        (timedelta(minutes=-2), None): "valid",
    }
    for number, ((made, lasting), verdict) in enumerate(cases.items()):
        office.responder.answers["/ocsp"] = office.ocsp(made=made, lasting=lasting)
        assert office.verify(letter, cache=office.folder / str(number)).verdict == verdict


def test_answers_are_kept_while_they_are_current(letter: bytes, office: Office) -> None:
    """A second verification asks nothing; an answer without an end is asked for again; spoilt files are as none."""
    office.responder.answers["/ocsp"] = office.ocsp()
    office.verify(letter)
    assert office.verify(letter).verdict == "valid"
    assert office.responder.asked == ["/ocsp"]
    for file in (office.folder / "cache").iterdir():
        file.write_bytes(b"\x30\x03spoilt")
    assert office.verify(letter).verdict == "valid"
    assert office.responder.asked == ["/ocsp", "/ocsp"]
    office.responder.answers["/ocsp"] = office.ocsp(lasting=None)
    for _ in range(2):
        assert office.verify(letter, cache=office.folder / "other").verdict == "valid"
    assert len(office.responder.asked) == 4


def test_private_addresses_are_refused_by_default(letter: bytes, office: Office) -> None:
    """A certificate cannot make the verifier call a machine of the inner network."""
    office.responder.answers["/ocsp"] = office.ocsp()
    report = office.verify(letter, allow_private=False)
    assert (report.verdict, office.responder.asked) == ("undetermined", [])
    assert "verification.online_failed" in _warnings(report)


def test_nothing_is_asked_about_a_chain_that_nobody_trusts(letter: bytes, office: Office) -> None:
    """Without a trusted root no responder is called: strangers' addresses are not worth a request."""
    assert office.verify(letter, trust=()).verdict == "undetermined"
    assert office.responder.asked == []


def test_a_missing_issuer_is_fetched(letter_pdf: bytes, office: Office) -> None:
    """A signature without its CA's certificate is completed from the address in the signer's certificate."""
    alone = office.with_addresses(issue(office.issuing, LEADER), "crl", "issuer")
    data = sign(letter_pdf, signer_for(Identity(alone.certificate, alone.key)))
    assert reasons(only(office.verify(data, online=False))) >= {"chain.issuer_missing"}
    office.responder.answers["/ca.cer"] = office.issuing.certificate.public_bytes(Encoding.DER)
    report = office.verify(data)
    assert (report.verdict, only(report).chain.complete) == ("valid", True)
    office.responder.answers["/ca.cer"] = make_root(Subject("TEST Online CA", "TEST")).certificate.public_bytes(
        Encoding.DER
    )
    assert office.verify(data, cache=office.folder / "other").verdict == "undetermined"


def test_hostile_answers_are_harmless(letter: bytes, office: Office) -> None:
    """Rubbish, nothing, and far too much are no answers."""
    for number, rubbish in enumerate((b"", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"0" * (2 << 20))):
        office.responder.answers.update({"/ocsp": rubbish, "/ca.crl": rubbish})
        report = office.verify(letter, cache=office.folder / str(number))
        assert report.verdict == "undetermined"
        assert "verification.online_failed" in _warnings(report)


def test_the_mode_follows_the_permission() -> None:
    """Permitting the network means using it, unless the command or the configuration names a mode."""
    plain = Config()
    offline = Config(verification=VerificationSection(revocation="offline"))
    assert settings_from(plain).revocation == "offline"
    assert settings_from(plain, online=True).revocation == "prefer"
    assert settings_from(plain, online=True, revocation="offline").revocation == "offline"
    assert settings_from(offline, online=True).revocation == "offline"
    assert settings_from(Config(network=NetworkSection(allow_private=True)), online=True).allow_private
