"""``kyso trust``: roots are trusted by a person, after comparing the fingerprint."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from kyso.cms.certificate import read_certificate
from kyso.demo.pki import ROOT_CA, DemoPki, Subject, certificate_der, certificate_pem, issue, make_root
from kyso.verification.known_roots import known_roots
from tests.cli.conftest import Kyso


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An office without configuration whose trust folder is the user's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "kyso" / "trust"


def sha256(file: Path) -> str:
    """Return the fingerprint of the PEM file's only certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    return read_certificate(x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)).sha256


def answer(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Let a person at a terminal type `words`."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(words + "\n"))


def test_a_person_confirms_after_seeing_the_fingerprint(
    kyso: Kyso, own_folder: Path, pki: DemoPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Subject, validity and fingerprint are shown first; the root is trusted on "yes" and is listed then."""
    answer(monkeypatch, "y")
    result = kyso("trust", "add", pki.root_pem)
    assert result.code == 0
    assert sha256(pki.root_pem).upper() in result.out.replace(" ", "")
    assert ROOT_CA.common_name in result.out
    assert "not among the known ones" in result.out
    (listed,) = kyso("trust", "list", "--format", "json").json["certificates"]
    assert (listed["role"], listed["sha256"]) == ("root", sha256(pki.root_pem))
    assert Path(listed["file"]).parent == own_folder


@pytest.mark.parametrize("words", ["n", "", "maybe"])
def test_anything_but_yes_adds_nothing(
    kyso: Kyso, own_folder: Path, pki: DemoPki, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """No, nothing and nonsense leave the folder as it was."""
    answer(monkeypatch, words)
    assert kyso("trust", "add", pki.root_pem).code == 7
    assert kyso("trust", "list", "--format", "json").json["certificates"] == []
    assert not own_folder.exists()


def test_without_a_terminal_nothing_is_trusted(kyso: Kyso, own_folder: Path, pki: DemoPki) -> None:
    """A script must give the fingerprint; --yes alone is refused."""
    assert kyso("trust", "add", pki.root_pem).code == 5
    assert kyso("trust", "add", pki.root_pem, "--yes").code == 7
    assert not own_folder.exists()


def test_a_script_adds_only_what_matches(kyso: Kyso, own_folder: Path, pki: DemoPki, tmp_path: Path) -> None:
    """--yes --fingerprint takes that certificate of the file and no other; a wrong fingerprint refuses the file."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(certificate_pem(make_root(Subject("Another TEST root")).certificate) + pki.root_pem.read_bytes())
    wrong = kyso("trust", "add", bundle, "--yes", "--fingerprint", "00" * 32)
    assert wrong.code == 4
    assert not own_folder.exists()
    colons = ":".join(sha256(pki.root_pem).upper()[place : place + 2] for place in range(0, 64, 2))
    assert kyso("trust", "add", bundle, "--yes", "--fingerprint", colons).code == 0
    assert [c["sha256"] for c in kyso("trust", "list", "--format", "json").json["certificates"]] == [
        sha256(pki.root_pem)
    ]
    assert kyso("trust", "add", bundle, "--yes", "--fingerprint", "beef").code == 7


def test_an_intermediate_is_said_to_be_no_anchor(kyso: Kyso, own_folder: Path, pki: DemoPki) -> None:
    """An issuing CA may be added, as a help to build chains; a signer's certificate may not."""
    result = kyso("trust", "add", pki.issuing_pem, "--yes", "--fingerprint", sha256(pki.issuing_pem))
    assert result.code == 0
    assert "not trusted by itself" in result.out
    assert kyso("trust", "list", "--format", "json").json["certificates"][0]["role"] == "intermediate"
    signer = own_folder.parent / "signer.pem"
    signer.write_bytes(certificate_pem(pki.identities["leader"].certificate))
    assert kyso("trust", "add", signer, "--yes", "--fingerprint", sha256(signer)).code == 4


def test_a_false_national_root_is_named(kyso: Kyso, own_folder: Path, tmp_path: Path) -> None:
    """A root that bears a known root's name without its fingerprint is met with a warning."""
    forged = tmp_path / "forged.pem"
    forged.write_bytes(certificate_pem(make_root(Subject("VIETNAM  National Root CA")).certificate))
    assert "DIFFERS" in kyso("trust", "show", forged).out


def test_known_roots_are_data_not_trust(kyso: Kyso, own_folder: Path) -> None:
    """The known fingerprints name the two national roots, are whole, and put nothing into the folder."""
    assert {root.name for root in known_roots()} == {"Vietnam National Root CA", "RootCA chuyên dùng Chính phủ G2"}
    assert all(len(bytes.fromhex(root.sha256)) == 32 for root in known_roots())
    assert kyso("trust", "list", "--format", "json").json["certificates"] == []


def test_remove_takes_one_away(kyso: Kyso, own_folder: Path, pki: DemoPki) -> None:
    """A fingerprint's first digits or a name suffice; what is not there or not clear is refused."""
    for file in (pki.root_pem, pki.issuing_pem):
        kyso("trust", "add", file, "--yes", "--fingerprint", sha256(file))
    assert kyso("trust", "remove", "ffffffff00").code == 7
    assert kyso("trust", "remove", sha256(pki.issuing_pem)[:10]).code == 0
    assert kyso("trust", "remove", ROOT_CA.common_name).code == 0
    assert list(own_folder.iterdir()) == []


def test_removing_keeps_the_rest_of_a_bundle(kyso: Kyso, own_folder: Path, pki: DemoPki) -> None:
    """A file with several certificates loses only the one that was named."""
    own_folder.mkdir(parents=True)
    (own_folder / "bundle.pem").write_bytes(pki.root_pem.read_bytes() + pki.issuing_pem.read_bytes())
    assert kyso("trust", "remove", sha256(pki.root_pem)).code == 0
    left = kyso("trust", "list", "--format", "json").json["certificates"]
    assert [each["sha256"] for each in left] == [sha256(pki.issuing_pem)]


def test_distrust_is_entered_shown_and_lifted(kyso: Kyso, own_folder: Path, pki: DemoPki) -> None:
    """An entry needs a reason, outlives the certificate in the folder, forbids adding it, and can be lifted."""
    assert kyso("trust", "distrust", pki.issuing_pem).code == 7
    entered = kyso("trust", "distrust", pki.issuing_pem, "--reason", 'lộ "khóa"', "--since", "2026-11-20")
    assert entered.code == 0
    (entry,) = kyso("trust", "list", "--format", "json").json["distrusted"]
    assert entry["reason"] == 'lộ "khóa"'
    assert entry["since"] == "2026-11-20"
    assert "UNSAFE since 20/11/2026" in kyso("trust", "show", pki.issuing_pem).out
    assert kyso("trust", "add", pki.issuing_pem, "--yes", "--fingerprint", sha256(pki.issuing_pem)).code == 4
    assert kyso("trust", "distrust", pki.issuing_pem, "--lift").code == 0
    assert kyso("trust", "list", "--format", "json").json["distrusted"] == []


def test_what_was_never_seen_can_be_distrusted(kyso: Kyso, own_folder: Path) -> None:
    """A whole fingerprint suffices; the beginning of one does not."""
    assert kyso("trust", "distrust", "ab" * 32, "--reason", "notice").code == 0
    assert kyso("trust", "distrust", "ab" * 8, "--reason", "notice").code == 7
    assert (own_folder / "distrust.toml").is_file()


def test_the_configured_folder_is_used(
    kyso: Kyso, tmp_path: Path, pki: DemoPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``[verification] trust`` says where; files alone are no folder to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roots").mkdir()
    (tmp_path / "kyso.toml").write_text('[verification]\ntrust = ["roots"]\n', encoding="utf-8")
    assert kyso("trust", "add", pki.root_pem, "--yes", "--fingerprint", sha256(pki.root_pem)).code == 0
    assert len(list((tmp_path / "roots").iterdir())) == 1
    (tmp_path / "kyso.toml").write_text(f'[verification]\ntrust = ["{pki.root_pem}"]\n', encoding="utf-8")
    assert kyso("trust", "list").code == 7


@pytest.mark.parametrize("data", [b"", b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", b"\x30\x82"])
def test_a_file_without_certificates_is_refused(kyso: Kyso, own_folder: Path, tmp_path: Path, data: bytes) -> None:
    """Damaged and empty files end with exit code 4."""
    path = tmp_path / "x.pem"
    path.write_bytes(data)
    assert kyso("trust", "add", path).code == 4
    assert kyso("trust", "show", path).code == 4


def test_names_cannot_climb_out_of_the_folder(kyso: Kyso, own_folder: Path, tmp_path: Path) -> None:
    """A certificate's name becomes a plain file name."""
    root = make_root(Subject("../../Đường dẫn/../x\x1b[31m"))
    file = tmp_path / "root.pem"
    file.write_bytes(certificate_pem(root.certificate))
    result = kyso("trust", "add", file, "--yes", "--fingerprint", sha256(file))
    assert result.code == 0
    assert "\x1b" not in result.out + result.err
    (placed,) = own_folder.iterdir()
    assert placed.name.startswith("duong-dan-x-31m-")


def test_der_is_read_too(kyso: Kyso, own_folder: Path, pki: DemoPki, tmp_path: Path) -> None:
    """A DER file is as good as PEM."""
    path = tmp_path / "root.cer"
    path.write_bytes(certificate_der(pki.root.certificate))
    assert kyso("trust", "show", path, "--format", "json").json["certificates"][0]["sha256"] == sha256(pki.root_pem)
    issued = tmp_path / "leaf.cer"
    issued.write_bytes(certificate_der(issue(pki.issuing, Subject("Ai đó THỬ NGHIỆM")).certificate))
    assert kyso("trust", "show", issued, "--format", "json").json["certificates"][0]["role"] == "other"
