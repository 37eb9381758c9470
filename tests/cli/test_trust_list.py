"""``kyso trust add LIST.xml``: the granted authorities of a trust list of ETSI TS 119 612, and nothing else."""

from __future__ import annotations

import base64
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from lxml import etree
from signxml import XMLSigner

from kyso.demo.pki import DemoPki, Identity, Subject, certificate_der, certificate_pem, make_root
from kyso.verification.settings import VerificationSettings
from kyso.verification.verify import verify_document
from tests.cli.conftest import Kyso
from tests.vectors.making import sign, signer_of

TYPE = "http://uri.etsi.org/TrstSvc/Svctype/"
STATUS = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An office without configuration whose trust folder is the user's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "kyso" / "trust"


@pytest.fixture(scope="module")
def operator() -> Identity:
    """Who signs the list."""
    return make_root(Subject("Cơ quan quản lý THỬ NGHIỆM", "Thử nghiệm"))


def _service(
    identity: Identity, status: str = "granted", kind: str = "CA/QC", since: str = "2024-01-01T00:00:00Z"
) -> str:
    der = base64.b64encode(certificate_der(identity.certificate)).decode()
    return (
        "<TSPService><ServiceInformation>"
        f"<ServiceTypeIdentifier>{TYPE}{kind}</ServiceTypeIdentifier>"
        f'<ServiceName><Name xml:lang="en">{status} &lt;service&gt;\u202e</Name></ServiceName>'
        f"<ServiceDigitalIdentity><DigitalId><X509Certificate>{der}</X509Certificate></DigitalId>"
        "</ServiceDigitalIdentity>"
        f"<ServiceStatus>{STATUS}{status}</ServiceStatus><StatusStartingTime>{since}</StatusStartingTime>"
        "</ServiceInformation></TSPService>"
    )


def _list(*services: str, next_update: str = "2099-01-01T00:00:00Z") -> str:
    return (
        '<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#"><SchemeInformation>'
        "<TSLSequenceNumber>7</TSLSequenceNumber>"
        f'<SchemeOperatorName><Name xml:lang="en">Body</Name><Name xml:lang="vi">{escape("Cơ quan")}</Name>'
        "</SchemeOperatorName><SchemeTerritory>VN</SchemeTerritory>"
        "<ListIssueDateTime>2026-11-01T00:00:00Z</ListIssueDateTime>"
        f"<NextUpdate><dateTime>{next_update}</dateTime></NextUpdate></SchemeInformation>"
        '<TrustServiceProviderList><TrustServiceProvider><TSPInformation><TSPName><Name xml:lang="vi">Nhà cung cấp'
        f"</Name></TSPName></TSPInformation><TSPServices>{''.join(services)}</TSPServices></TrustServiceProvider>"
        "</TrustServiceProviderList></TrustServiceStatusList>"
    )


def _signed(text: str, operator: Identity) -> bytes:
    signer = XMLSigner(c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")
    root = signer.sign(etree.fromstring(text), key=operator.key, cert=[operator.certificate])
    return etree.tostring(root)


@pytest.fixture
def files(tmp_path: Path, pki: DemoPki, operator: Identity) -> tuple[Path, Path]:
    """A signed list: the issuing authority granted, one withdrawn, one granted later, a timestamp service."""
    other = make_root(Subject("Tổ chức đã bị rút", "Thử nghiệm"))
    later = make_root(Subject("Tổ chức về sau", "Thử nghiệm"))
    text = _list(
        _service(pki.issuing),
        _service(other, "withdrawn"),
        _service(later, since="2098-01-01T00:00:00Z"),
        _service(other, kind="TSA/QTST"),
    )
    listing, signer = tmp_path / "list.xml", tmp_path / "operator.pem"
    listing.write_bytes(_signed(text, operator))
    signer.write_bytes(certificate_pem(operator.certificate))
    return listing, signer


def test_granted_authorities_of_a_checked_list(
    kyso: Kyso, own_folder: Path, files: tuple[Path, Path], pki: DemoPki, letter_pdf: bytes
) -> None:
    """With the signer's certificate, --yes adds what is granted now; the authority is an anchor without its root."""
    listing, signer = files
    result = kyso("trust", "add", listing, "--yes", "--list-signer", signer)
    assert result.code == 0
    assert "withdrawn since" in result.out
    assert "Cơ quan" in result.out
    assert "1 services of other kinds" in result.out
    assert "\u202e" not in result.out
    (held,) = kyso("trust", "list", "--format", "json").json["certificates"]
    assert held["role"] == "listed"
    assert "number 7" in Path(held["file"]).read_text(encoding="utf-8")
    report = verify_document(
        sign(letter_pdf, signer_of(pki)), VerificationSettings(trust=(own_folder,), crls=(pki.crl_folder,))
    )
    assert report.verdict == "valid"
    assert report.signatures[0].chain.names[-1] == report.signatures[0].chain.anchor


def test_the_same_authority_as_an_ordinary_file(pki: DemoPki, letter_pdf: bytes) -> None:
    """Without the list's word an intermediate stays an intermediate."""
    settings = VerificationSettings(trust=(pki.issuing_pem,), crls=(pki.crl_folder,))
    assert verify_document(sign(letter_pdf, signer_of(pki)), settings).verdict == "undetermined"


def test_json_has_all_services(kyso: Kyso, own_folder: Path, files: tuple[Path, Path]) -> None:
    """Shown or added, every service is there with its status and date."""
    shown = kyso("trust", "show", files[0], "--format", "json").json
    assert [(each["status"], each["granted"]) for each in shown["services"]] == [
        ("granted", True),
        ("withdrawn", False),
        ("granted", False),
    ]
    assert shown["list"]["checked"] is False
    added = kyso("trust", "add", files[0], "--yes", "--list-signer", files[1], "--format", "json").json
    assert added["list"]["checked"] is True
    assert len(added["certificates"]) == 1
    assert not kyso("trust", "show", files[0]).out.startswith("{")


def test_a_list_that_nobody_vouches_for(kyso: Kyso, own_folder: Path, files: tuple[Path, Path], pki: DemoPki) -> None:
    """Without the signer's certificate there is a warning, and a script must give the fingerprint."""
    assert kyso("trust", "add", files[0], "--yes").code == 7
    fingerprint = kyso("trust", "show", pki.issuing_pem, "--format", "json").json["certificates"][0]["sha256"]
    result = kyso("trust", "add", files[0], "--yes", "--fingerprint", fingerprint)
    assert result.code == 0
    assert "NOT checked" in result.err
    assert kyso("trust", "add", files[0], "--yes", "--fingerprint", "00" * 32).code == 4


def test_a_list_signed_by_somebody_else(
    kyso: Kyso, own_folder: Path, files: tuple[Path, Path], pki: DemoPki, tmp_path: Path
) -> None:
    """Another signer, a changed status and a list beside the signed part are refused."""
    listing, signer = files
    assert kyso("trust", "add", listing, "--yes", "--list-signer", pki.root_pem).code == 4
    changed = tmp_path / "changed.xml"
    changed.write_bytes(listing.read_bytes().replace(b"Svcstatus/withdrawn", b"Svcstatus/granted"))
    result = kyso("trust", "add", changed, "--yes", "--list-signer", signer)
    assert (result.code, "trust.list_signature_wrong" in result.err) == (4, True)
    wrapped = tmp_path / "wrapped.xml"
    outer = etree.fromstring(_list(_service(make_root(Subject("Kẻ giả", "Giả")))))
    outer.append(etree.fromstring(listing.read_bytes()))
    wrapped.write_bytes(etree.tostring(outer))
    assert kyso("trust", "add", wrapped, "--yes", "--list-signer", signer).code == 4
    assert not own_folder.exists()


def test_what_was_trusted_and_is_withdrawn(
    kyso: Kyso, own_folder: Path, files: tuple[Path, Path], pki: DemoPki, tmp_path: Path
) -> None:
    """A newer list that withdraws an authority names it, with the command that removes it."""
    assert kyso("trust", "add", files[0], "--yes", "--list-signer", files[1]).code == 0
    newer = tmp_path / "newer.xml"
    newer.write_text(_list(_service(pki.issuing, "withdrawn"), next_update="2020-01-01T00:00:00Z"), encoding="utf-8")
    result = kyso("trust", "show", newer)
    assert "kyso trust remove" in result.err
    assert "should have been updated" in result.err
    assert "no signature" in result.err
    assert kyso("trust", "add", newer, "--yes", "--list-signer", files[1]).code == 4


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "trust.list_doctype"),
        (b"<x/>", "trust.not_a_list"),
        (b"<x", "trust.not_a_list"),
        (b"<\xff\xfe", "trust.not_a_list"),
    ],
)
def test_what_is_no_list(kyso: Kyso, own_folder: Path, tmp_path: Path, content: bytes, code: str) -> None:
    """Document types, other XML and damaged files are refused before anything of them is believed."""
    file = tmp_path / "list.xml"
    file.write_bytes(content)
    result = kyso("trust", "show", file)
    assert result.code == 4
    assert code in result.err


def test_the_signers_certificate_goes_with_a_list(kyso: Kyso, own_folder: Path, pki: DemoPki) -> None:
    """--list-signer with a plain certificate is a mistake that is said."""
    assert kyso("trust", "add", pki.root_pem, "--yes", "--list-signer", pki.root_pem).code == 7


def test_an_unsafe_authority_of_a_list(kyso: Kyso, own_folder: Path, files: tuple[Path, Path], pki: DemoPki) -> None:
    """The office's own list of unsafe certificates outranks every trust list."""
    assert kyso("trust", "distrust", pki.issuing_pem, "--reason", "unsafe").code == 0
    result = kyso("trust", "add", files[0], "--yes", "--list-signer", files[1])
    assert result.code == 7
    assert kyso("trust", "list", "--format", "json").json["certificates"] == []
