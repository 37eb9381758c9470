"""The pfx: key source with real PKCS#12 files of both generations."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import pkcs12

from kyso.cms.values import value_matches
from kyso.demo.pki import LEADER, DemoPki, KeyKind, certificate_der, issue, make_root, pfx_bytes
from kyso.errors import KeyTrouble
from kyso.models import DigestToSign, Signed
from kyso.plugin import KeyAccess, Secret
from kyso.plugins import create_plugin_manager
from kyso_pfx.source import PfxSource
from tests.support.judges import need_tool


@pytest.fixture(autouse=True)
def catalogues() -> None:
    """Load the plugins, whose texts the errors are told in."""
    create_plugin_manager(autoload=False)


def _access(folder: Path, password: str = "", asked: list[str] | None = None) -> KeyAccess:
    def ask(code: str, parameters: Mapping[str, object]) -> Secret:
        if asked is not None:
            asked.append(f"{code}:{parameters['name']}")
        return Secret(password)

    return KeyAccess(ask, folder)


@pytest.mark.parametrize("legacy", [False, True], ids=["PBES2", "3DES"])
@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-3072", "p-256", "p-384"])
def test_signs_with_every_kind_of_key(kind: KeyKind, legacy: bool, tmp_path: Path) -> None:
    """Each scheme a key offers gives values that its certificate verifies, in the order of the digests."""
    identity = issue(make_root(), LEADER, kind=kind)
    (tmp_path / "key.p12").write_bytes(pfx_bytes(identity, "mật khẩu", legacy=legacy))
    asked: list[str] = []
    key = PfxSource().open("pfx:key.p12", _access(tmp_path, "mật khẩu", asked))
    assert asked == ["pfx.ask_password:key.p12"], "the password is asked for once"
    assert key.certificate == certificate_der(identity.certificate)
    for scheme, digest in key.schemes:
        digests = [
            DigestToSign(hashlib.new(digest, bytes([number])).digest(), digest, "letter.pdf", str(number))
            for number in range(3)
        ]
        answer = key.sign(digests, scheme)
        assert isinstance(answer, Signed)
        for item, value in zip(digests, answer.values, strict=True):
            assert value_matches(key.certificate, value, item.value, scheme, digest)
    key.close()
    with pytest.raises(KeyTrouble, match=r"key\.closed"):
        key.sign([digests[0]], scheme)


def test_reads_rc2_files_of_older_authorities(tmp_path: Path, pki: DemoPki) -> None:
    """A file whose certificates are under RC2-40, as older tools write, is read."""
    need_tool("openssl")
    identity = pki.identities["leader"]
    (tmp_path / "key.pem").write_bytes(
        identity.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + identity.certificate.public_bytes(serialization.Encoding.PEM)
    )
    made = subprocess.run(
        ["openssl", "pkcs12", "-export", "-legacy", "-in", tmp_path / "key.pem", "-out", tmp_path / "old.pfx",
         "-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-passout", "pass:1234"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"this OpenSSL cannot write RC2 files: {made.stderr.strip()[:80]}")
    key = PfxSource().open("pfx:old.pfx", _access(tmp_path, "1234"))
    assert key.certificate == certificate_der(identity.certificate)


def test_the_chain_is_ordered_and_without_strangers(tmp_path: Path) -> None:
    """Certificates lead from the signer to the root in order, whatever else lies in the file."""
    root = make_root()
    stranger = make_root(LEADER)
    from kyso.demo.pki import ISSUING_CA

    issuing = issue(root, ISSUING_CA, authority=True)
    identity = issue(issuing, LEADER)
    shuffled = [root.certificate, stranger.certificate, issuing.certificate]
    (tmp_path / "key.p12").write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"k", identity.key, identity.certificate, shuffled, serialization.BestAvailableEncryption(b"1")
        )
    )
    key = PfxSource().open("pfx:key.p12", _access(tmp_path, "1"))
    assert key.chain == (certificate_der(issuing.certificate), certificate_der(root.certificate))


def _without_key(folder: Path, pki: DemoPki) -> None:
    data = pkcs12.serialize_key_and_certificates(
        b"k", None, pki.identities["leader"].certificate, None, serialization.BestAvailableEncryption(b"1")
    )
    (folder / "key.p12").write_bytes(data)


def _edwards(folder: Path, pki: DemoPki) -> None:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509

    secret = ed25519.Ed25519PrivateKey.generate()
    certificate = (
        x509.CertificateBuilder(LEADER.as_name(), LEADER.as_name(), secret.public_key(), 1)
        .not_valid_before(datetime.now(UTC))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(secret, None)
    )
    encryption = serialization.BestAvailableEncryption(b"1")
    (folder / "key.p12").write_bytes(pkcs12.serialize_key_and_certificates(b"k", secret, certificate, None, encryption))


@pytest.mark.parametrize(
    ("make", "password", "code"),
    [
        (lambda folder, pki: None, "1", "pfx.not_found"),
        (lambda folder, pki: shutil.copy(pki.pfx("leader"), folder / "key.p12"), "no", "pfx.wrong_password"),
        (lambda folder, pki: (folder / "key.p12").write_bytes(b"not a key file at all"), "1", "pfx.not_pkcs12"),
        (lambda folder, pki: (folder / "key.p12").write_bytes(b""), "1", "pfx.not_pkcs12"),
        (lambda folder, pki: (folder / "key.p12").write_bytes(bytes(5_000_000)), "1", "pfx.not_pkcs12"),
        (lambda folder, pki: (folder / "key.p12").mkdir(), "1", "pfx.unreadable"),
        (_without_key, "1", "pfx.no_key"),
        (_edwards, "1", "key.algorithm_unsupported"),
    ],
)  # fmt: skip
def test_unusable_files_are_refused_by_code(
    make: object, password: str, code: str, tmp_path: Path, pki: DemoPki
) -> None:
    """Each thing that can be wrong with a key file has its own code, with words and a next step."""
    assert callable(make)
    make(tmp_path, pki)
    with pytest.raises(KeyTrouble) as caught:
        PfxSource().open("pfx:key.p12", _access(tmp_path, password))
    assert caught.value.code == code
    assert caught.value.exit_code == 5
    for language in ("vi", "en"):
        assert caught.value.message(language) != code
        assert caught.value.next_step(language)
        assert password == "1" or password not in caught.value.message(language)


def test_lists_files_without_any_password(tmp_path: Path, pki: DemoPki) -> None:
    """Listing names the PFX files of the folder with an address to copy and asks for nothing."""
    (tmp_path / "seal.pfx").write_bytes(pki.pfx("seal").read_bytes())
    (tmp_path / "notes.txt").write_text("no key")
    asked: list[str] = []
    listed = list(PfxSource().list_keys(_access(tmp_path, asked=asked)))
    assert [entry.uri for entry in listed] == ["pfx:seal.pfx"]
    assert asked == []
