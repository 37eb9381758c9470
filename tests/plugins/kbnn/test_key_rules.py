"""Which keys sign for the State Treasury: people's, and of the one form that the unit uses (letter 7204/KBNN-CNTT)."""

from __future__ import annotations

import json

import pytest

from kyso.config import Config
from kyso.diagnosing.doctor import examination_of
from kyso.errors import ConfigWrong, KeyTrouble, SigningRefused
from kyso.plugins import create_plugin_manager
from kyso_kbnn.diagnostic import KbnnDiagnostic
from kyso_kbnn.settings import settings_of
from tests.plugins.kbnn.dossiers import raw_dossier
from tests.plugins.kbnn.test_commands import SIGNING, Desk, desk

__all__ = ["desk"]


def with_keys(desk: Desk, more: str, **uris: str) -> None:
    """Write the configuration with other keys and further lines of ``[plugins.kbnn]``."""
    desk.configure(more)
    path = desk.folder / "kyso.toml"
    text = path.read_text(encoding="utf-8")
    for name, uri in uris.items():
        text = text.replace(f'uri = "pfx:{desk.pki.pfx(name)}"', f'uri = "{uri}"\nrole = "{name}"')
    path.write_text(text, encoding="utf-8")


def envelope(desk: Desk, name: str = "d1") -> None:
    source = desk.folder / "ho-so.json"
    source.write_text(json.dumps(raw_dossier()), encoding="utf-8")
    desk.run("envelope", source, "--out", desk.folder / "kbnn" / name, *SIGNING)


@pytest.mark.parametrize(("form", "uri"), [("remote", "pkcs11:token=VAN%20THU"), ("token", "mysign:CMT_001099000001")])
def test_a_key_of_the_other_form_is_refused_before_it_is_opened(form: str, uri: str, desk: Desk) -> None:
    """The unit's form stands in its configuration; the other one is refused with both names, and nothing is asked."""
    with_keys(desk, f'key_form = "{form}"', accountant=uri)
    with pytest.raises(SigningRefused) as refused:
        envelope(desk)
    assert refused.value.code == "kbnn.other_key_form"
    assert "7204" in refused.value.message("vi")
    with_keys(desk, f'key_form = "{form}"\none_key_form = false', accountant="pkcs11:token=NOWHERE")
    with pytest.raises(KeyTrouble):
        envelope(desk, "d2")


def test_a_file_is_neither(desk: Desk) -> None:
    """A PFX file, which only tests use, is not held against the rule."""
    with_keys(desk, 'key_form = "token"')
    envelope(desk)
    assert (desk.folder / "kbnn" / "d1").is_dir()


def test_an_unknown_form_is_refused(desk: Desk) -> None:
    """A form that is none is told with the entry's name."""
    with_keys(desk, 'key_form = "phone"')
    with pytest.raises(ConfigWrong, match="key_form"):
        settings_of(Config.load(desk.folder / "kyso.toml"))


def test_the_signers_are_people(desk: Desk) -> None:
    """The organisation's certificate in the accountant's place is a warning, and a refusal with require_role."""
    with_keys(desk, "", accountant=f"pfx:{desk.pki.pfx('seal')}")
    path = desk.folder / "kyso.toml"
    path.write_text("[signing]\nrequire_role = true\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(KeyTrouble, match=r"key\.person_wanted"):
        envelope(desk)


def test_the_doctor_tells_mixed_forms(desk: Desk) -> None:
    """Keys of both forms, or of the form that the unit does not use, need mending before anybody signs."""
    with_keys(desk, 'key_form = "token"', accountant="pkcs11:token=A", holder="mysign:CMT_001099000001")
    config = Config.load(desk.folder / "kyso.toml")
    found = list(KbnnDiagnostic().examine(examination_of(config, create_plugin_manager())))
    states = [(line.code, line.state) for line in found]
    assert ("kbnn.mixed_key_forms", "failure") in states
    assert ("kbnn.other_key_form", "failure") in states
    nothing = KbnnDiagnostic().examine(examination_of(Config(), create_plugin_manager()))
    assert [line.code for line in nothing] == ["kbnn.state_none"]
