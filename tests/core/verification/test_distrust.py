"""The list of unsafe certificates: what it meets, and that a broken one is never ignored."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kyso.cms.certificate import Certificate, read_certificate
from kyso.demo.pki import ISSUING_CA, DemoPki, certificate_der, issue
from kyso.errors import ConfigWrong
from kyso.verification.distrust import FILE_NAME, DistrustEntry, distrust_list, distrusted, written
from kyso.verification.trust_folder import entry_about

SINCE = date(2026, 11, 20)


@pytest.fixture(scope="module")
def chain(pki: DemoPki) -> tuple[Certificate, ...]:
    """The leader's chain, up to the root."""
    leader = pki.identities["leader"]
    return tuple(read_certificate(certificate_der(each)) for each in (leader.certificate, *leader.chain))


def test_every_certificate_of_the_chain_is_held_against_the_list(chain: tuple[Certificate, ...]) -> None:
    """Signer, authority and root alike; the nearest to the signer is named."""
    assert distrusted(chain, ()) is None
    for certificate in chain:
        entry = entry_about(certificate, "reason", SINCE)
        assert distrusted(chain, [entry]) == (certificate, entry)
    entries = [entry_about(certificate, "reason", SINCE) for certificate in reversed(chain)]
    found = distrusted(chain, entries)
    assert found is not None
    assert found[0] == chain[0]


def test_the_same_key_in_another_certificate_is_met(pki: DemoPki, chain: tuple[Certificate, ...]) -> None:
    """An unsafe CA does not come back with a new certificate for its old key."""
    renewed = issue(pki.root, ISSUING_CA, key=pki.issuing.key, authority=True)
    certificate = read_certificate(certificate_der(renewed.certificate))
    assert certificate.sha256 != chain[1].sha256
    assert distrusted([certificate], [entry_about(chain[1], "reason", SINCE)]) is not None
    assert distrusted([certificate], [DistrustEntry(chain[1].sha256, "", "", "reason", SINCE)]) is None


def test_a_list_is_read_as_it_was_written(tmp_path: Path, chain: tuple[Certificate, ...]) -> None:
    """Quotes, backslashes and Vietnamese letters survive; control characters do not."""
    entry = DistrustEntry(chain[0].sha256, "", 'Ủy "ban" \\ xã', "lộ khóa", SINCE)
    (tmp_path / FILE_NAME).write_bytes(written([entry, entry_about(chain[1], "a\x07b", SINCE)]))
    first, second = distrust_list([tmp_path])
    assert first == entry
    assert second.subject == chain[1].display_name
    assert "\x07" not in second.reason


def test_folders_without_a_list_and_files_have_none(tmp_path: Path, pki: DemoPki) -> None:
    """Nothing to read is no error."""
    assert distrust_list([tmp_path, tmp_path / "nowhere", pki.root_pem]) == ()


@pytest.mark.parametrize(
    "source",
    [
        "[[distrusted",
        "[[distrusted]]\nsha256 = 'ab'\nsince = 2026-01-01",
        f"[[distrusted]]\nsha256 = '{'ab' * 32}'",
        f"[[distrusted]]\nsha256 = '{'ab' * 32}'\nsince = 2026-01-01\nresaon = 'x'",
        "distrusted = 3",
        "distrusted = [3]",
        "[[untrusted]]\nsha256 = 'x'",
        "\ufeff\x00",
    ],
)
def test_a_broken_list_is_an_error(tmp_path: Path, source: str) -> None:
    """A misspelt entry must not silently trust what a person ruled out."""
    (tmp_path / FILE_NAME).write_text(source, encoding="utf-8")
    with pytest.raises(ConfigWrong) as refused:
        distrust_list([tmp_path])
    assert refused.value.code == "trust.list_unreadable"
