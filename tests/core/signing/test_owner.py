"""Whose certificate signs: told from the subject, held against the policy and the key's configured role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from kyso import Config, Engine, KeyTrouble, Secret, SignRequest
from kyso.config import KeySection, SigningSection
from kyso.demo.pki import DEMO_PASSWORD, ISSUING_CA, Identity, Subject, certificate_der, issue, make_root, pfx_bytes
from kyso.models import SignedDocument
from kyso.signing.owner import owner_for, owner_of

BODY = "ỦY BAN NHÂN DÂN XÃ MẪU (TEST)"
PERSON = Subject("Nguyễn Văn Mẫu (TEST)", BODY, title="Chủ tịch", user_id="CCCD:001099000001")
SEAL = Subject(BODY, BODY, user_id="MST:0100000001")
SILENT = Subject("Văn phòng (TEST)", "CƠ QUAN KHÁC (TEST)")


@pytest.fixture(scope="module")
def authority() -> Identity:
    return issue(make_root(), ISSUING_CA, authority=True, kind="p-256")


class _Named(Subject):
    """A subject with attributes that the demo's subjects do not have."""

    def __init__(self, *attributes: tuple[x509.ObjectIdentifier, str]) -> None:
        super().__init__("")
        object.__setattr__(self, "_attributes", attributes)

    def as_name(self) -> x509.Name:
        attributes: Any = self._attributes  # type: ignore[attr-defined]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


CN, ORG, UID, SERIAL = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.USER_ID,
    NameOID.SERIAL_NUMBER,
)


@pytest.mark.parametrize(
    ("attributes", "owner"),
    [
        ([(CN, "Nguyễn Văn A"), (UID, "CCCD:001099000001")], "person"),
        ([(CN, "Nguyễn Văn A"), (UID, "CMND:012345678")], "person"),
        ([(CN, "Jane Roe"), (UID, "HC:B1234567")], "person"),
        ([(CN, "Nguyễn Văn A"), (ORG, "CÔNG TY A"), (UID, "MST:0100000001"), (UID, "CCCD:001099000001")], "person"),
        ([(CN, "Nguyễn Văn A"), (ORG, BODY), (NameOID.TITLE, "Giám đốc")], "person"),
        ([(CN, "Nguyễn Văn A"), (NameOID.SURNAME, "Nguyễn"), (NameOID.GIVEN_NAME, "Văn A")], "person"),
        ([(CN, "Nguyễn Văn A"), (SERIAL, "IDCVN-001099000001")], "person"),
        ([(CN, "CÔNG TY A"), (UID, "MST:0100000001")], "organisation"),
        ([(CN, "CÔNG TY A"), (SERIAL, "VATVN-0100000001")], "organisation"),
        ([(CN, "CÔNG TY A"), (NameOID.ORGANIZATION_IDENTIFIER, "VATVN-0100000001")], "organisation"),
        ([(CN, "UBND xã Mẫu"), (ORG, "Ubnd  XÃ MẪU")], "organisation"),
        ([(ORG, BODY)], "organisation"),
        ([(CN, "Văn phòng"), (ORG, "CƠ QUAN KHÁC")], None),
        ([(CN, "Nguyễn Văn A")], None),
    ],
)
def test_the_subject_says_whose_it_is(attributes: list[Any], owner: str | None, authority: Identity) -> None:
    """Vietnamese UIDs, the ETSI attributes, a title and an organisation's own name decide; else it is unknown."""
    identity = issue(authority, _Named(*attributes), kind="p-256")
    assert owner_of(certificate_der(identity.certificate)) == owner


def test_what_is_no_certificate_belongs_to_nobody() -> None:
    """Unreadable octets have no owner, and a role without an owner asks for none."""
    assert owner_of(b"no certificate") is None
    assert owner_for(None) is None


def _sign(folder: Path, identity: Identity, letter: Path, policy: str, **section: Any) -> SignedDocument:
    (folder / "key.p12").write_bytes(pfx_bytes(identity))
    require = section.pop("require_role", False)
    key = KeySection(uri=f"pfx:{folder / 'key.p12'}", **section)
    config = Config(keys={"mine": key}, signing=SigningSection(require_role=require))
    with Engine.from_config(config, ask_secret=lambda code, about: Secret(DEMO_PASSWORD)) as engine:
        signed = engine.sign(SignRequest(letter, "mine", policy, settings={"copy_form": "SAO Y", "show": "text"}))
    assert isinstance(signed, SignedDocument)
    return signed


def _about_the_owner(signed: SignedDocument) -> list[str]:
    kinds = ("signing.person_wanted", "signing.organisation_wanted", "signing.other_role")
    return [notice.code for notice in signed.notices if notice.code in kinds]


def test_the_policy_asks_for_an_owner(authority: Identity, letter_path: Path, tmp_path: Path) -> None:
    """A copy's mark with a personal certificate is told, and refused where the configuration says so."""
    person = issue(authority, PERSON)
    assert _about_the_owner(_sign(tmp_path, person, letter_path, "decree30.copy")) == ["signing.organisation_wanted"]
    with pytest.raises(KeyTrouble) as refused:
        _sign(tmp_path, person, letter_path, "decree30.copy", require_role=True)
    assert (refused.value.code, refused.value.exit_code) == ("key.organisation_wanted", 5)
    assert "Nguyễn Văn Mẫu" in refused.value.message("vi")
    body = issue(authority, SEAL)
    assert not _about_the_owner(_sign(tmp_path, body, letter_path, "decree30.copy", require_role=True))


def test_the_configured_role_asks_too(authority: Identity, letter_path: Path, tmp_path: Path) -> None:
    """Where the policy leaves it open, the key's role decides: a leader's key has a person's certificate."""
    from dataclasses import replace

    body = issue(authority, SEAL)
    (tmp_path / "key.p12").write_bytes(pfx_bytes(body))
    config = Config(keys={"mine": KeySection(uri=f"pfx:{tmp_path / 'key.p12'}", role="leader")})
    for given, codes in ((config, ["signing.person_wanted"]), (replace(config, keys={"mine": replace(
        config.keys["mine"], role=None)}), [])):  # fmt: skip
        with Engine.from_config(given, ask_secret=lambda code, about: Secret(DEMO_PASSWORD)) as engine:
            signed = engine.sign(SignRequest(letter_path, "mine", "invisible"))
        assert isinstance(signed, SignedDocument)
        assert _about_the_owner(signed) == codes


def test_a_silent_certificate_is_the_roles(authority: Identity, letter_path: Path, tmp_path: Path) -> None:
    """A certificate that does not say whose it is: the configured role speaks for it; strictly, something must."""
    silent = issue(authority, SILENT)
    assert not _about_the_owner(_sign(tmp_path, silent, letter_path, "decree30.copy"))
    assert not _about_the_owner(_sign(tmp_path, silent, letter_path, "decree30.copy", role="seal", require_role=True))
    with pytest.raises(KeyTrouble, match=r"key\.owner_unknown"):
        _sign(tmp_path, silent, letter_path, "decree30.copy", require_role=True)
    assert _about_the_owner(_sign(tmp_path, silent, letter_path, "decree30.copy", role="leader")) == [
        "signing.other_role"
    ]
    with pytest.raises(KeyTrouble, match=r"key\.other_role"):
        _sign(tmp_path, silent, letter_path, "decree30.copy", role="leader", require_role=True)
