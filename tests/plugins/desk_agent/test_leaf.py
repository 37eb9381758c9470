"""The agent's TLS certificate: for this machine alone, with nothing left that could issue more, trusted by consent."""

from __future__ import annotations

import ipaddress
import ssl
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kyso.plugin import InputRefused
from kyso_desk.agent import browsers
from kyso_desk.agent.leaf import KEY_FILE, ends_soon, forget_leaf, make_leaf, read_leaf, usable_leaf
from tests.support.judges import need_tool

pytestmark = pytest.mark.xdist_group("desk_agent")


def names_of(certificate: x509.Certificate) -> set[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_the_leaf_is_for_this_machine_alone(tmp_path: Path) -> None:
    """It names the loopback addresses and localhost, can issue nothing, and its key is the user's own."""
    leaf = make_leaf(tmp_path / "agent")
    certificate = x509.load_pem_x509_certificate(leaf.certificate)
    assert names_of(certificate) == {"localhost", "127.0.0.1", "::1"}
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.issuer == certificate.subject
    assert leaf.authority is None
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(days=398)
    assert stat.S_IMODE((tmp_path / "agent" / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "agent").stat().st_mode) == 0o700
    assert leaf.server_context().minimum_version >= ssl.TLSVersion.TLSv1_2


def test_an_authority_can_issue_nothing_else(tmp_path: Path) -> None:
    """Where an authority is needed it is limited to the loopback names, and its key is nowhere."""
    leaf = make_leaf(tmp_path, with_authority=True)
    assert leaf.authority is not None
    authority = x509.load_pem_x509_certificate(leaf.authority)
    certificate = x509.load_pem_x509_certificate(leaf.certificate)
    certificate.verify_directly_issued_by(authority)
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert {name.value for name in limits.value.permitted_subtrees or ()} == {
        "localhost",
        ipaddress.ip_network("127.0.0.1/32"),
        ipaddress.ip_network("::1/128"),
    }
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    keys = [path for path in tmp_path.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert [path.name for path in keys] == [KEY_FILE]
    key = load_pem_private_key(keys[0].read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    assert key.public_key() != authority.public_key()


@pytest.mark.parametrize(("name", "accepted"), [("127.0.0.1", True), ("10.0.0.1", False)])
def test_openssl_holds_it_to_its_names(tmp_path: Path, name: str, accepted: bool) -> None:
    """OpenSSL accepts the leaf through its authority for this machine and for no other address."""
    leaf = make_leaf(tmp_path, with_authority=True)
    command = [need_tool("openssl"), "verify", "-purpose", "sslserver", "-verify_ip", name]
    command += ["-CAfile", str(leaf.authority_file), str(leaf.certificate_file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) is accepted, result.stderr


def test_an_old_leaf_is_made_anew(tmp_path: Path) -> None:
    """A leaf is kept while it holds and replaced when its time is over or it cannot be read."""
    first, new = usable_leaf(tmp_path)
    assert new
    assert usable_leaf(tmp_path) == (first, False)
    later = first.not_after + timedelta(seconds=1)
    second, new = usable_leaf(tmp_path, now=later)
    assert new
    assert second.not_after > first.not_after
    assert not ends_soon(first)
    assert ends_soon(first, now=later)
    second.certificate_file.write_bytes(b"damaged")
    with pytest.raises(InputRefused, match="cannot be read"):
        read_leaf(tmp_path)
    assert usable_leaf(tmp_path)[1]
    assert forget_leaf(tmp_path)
    assert not forget_leaf(tmp_path)
    with pytest.raises(InputRefused, match="no certificate"):
        read_leaf(tmp_path)


def test_browsers_stores_are_found_and_changed(tmp_path: Path) -> None:
    """Chromium's store gets the leaf itself, a Firefox profile the authority; uninstalling takes both out again."""
    need_tool("certutil")
    profile = tmp_path / ".mozilla" / "firefox" / "abc.default"
    profile.mkdir(parents=True)
    subprocess.run(["certutil", "-N", "--empty-password", "-d", f"sql:{profile}"], check=True, capture_output=True)
    leaf = make_leaf(tmp_path / "agent", with_authority=True)
    stores = browsers.find_stores(tmp_path)
    assert [(store.family, store.folder) for store in stores] == [
        ("chromium", tmp_path / ".pki" / "nssdb"),
        ("firefox", profile),
    ]
    browsers.install(leaf, stores)
    assert all(browsers.is_installed(leaf, store) for store in stores)
    listed = {store.family: _trust(store) for store in stores}
    assert listed == {"chromium": "P,,", "firefox": "C,,"}
    newer = make_leaf(tmp_path / "agent", with_authority=True)
    assert not any(browsers.is_installed(newer, store) for store in stores)
    browsers.install(newer, stores)
    assert all(browsers.is_installed(newer, store) for store in stores)
    assert set(browsers.uninstall(stores)) == set(stores)
    assert browsers.uninstall(stores) == ()


def _trust(store: browsers.BrowserStore) -> str:
    result = subprocess.run(["certutil", "-L", "-d", store.address], capture_output=True, text=True, check=True)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith(browsers.NICKNAME)]
    return line.split()[-1]


def test_a_store_with_a_password_is_named(tmp_path: Path) -> None:
    """A store that asks for a password of its own is told as such, and nobody waits."""
    need_tool("certutil")
    folder = tmp_path / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text("store-password\n")
    command = ["certutil", "-N", "-d", f"sql:{folder}", "-f", str(secret)]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(InputRefused) as refused:
        browsers.install(make_leaf(tmp_path / "agent"), browsers.find_stores(tmp_path))
    assert refused.value.code == "agent.browser_store"


@pytest.mark.parametrize(
    ("platform", "code"),
    [("darwin", "agent.install_macos"), ("win32", "agent.install_windows"), ("linux", "agent.install_by_hand")],
)
def test_other_systems_are_told_how(tmp_path: Path, platform: str, code: str) -> None:
    """Where certutil cannot help, the person is told the command or the place in the browser."""
    from kyso.text import message, next_step

    leaf = make_leaf(tmp_path)
    assert browsers.by_hand(leaf, platform) == code
    words = message(code, "en", {"file": leaf.certificate_file, "sha256": leaf.sha256})
    assert str(leaf.certificate_file) in words + str(next_step(code, "en", {"file": leaf.certificate_file}))
