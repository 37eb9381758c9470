"""``kyso doctor`` on tokens: each module's state, PIN flags, certificates and configured keys, without a login."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kyso import Config
from kyso.config import KeySection
from kyso.contracts import Diagnosis
from kyso.diagnosing.doctor import examination_of
from kyso.text import LANGUAGES, has_text, message
from kyso_pkcs11.diagnostic import TokenDiagnostic
from kyso_pkcs11.library_file import native_bits
from tests.plugins.pkcs11.conftest import Tokens
from tests.plugins.registry import registry_with

Strange = Callable[..., Path]


def examined(*modules: Path, keys: dict[str, str] | None = None, **options: object) -> list[Diagnosis]:
    """Examine with these modules configured; every line must have words."""
    sections = {name: KeySection(uri=uri) for name, uri in (keys or {}).items()}
    config = Config(keys=sections, plugins={"pkcs11": {"modules": [str(module) for module in modules], **options}})
    found = list(TokenDiagnostic().examine(examination_of(config, registry_with("kyso_pkcs11"))))
    for line in found:
        assert has_text(line.code), line.code
        for language in LANGUAGES:
            assert "{" not in message(line.code, language, line.parameters)
    return found


def codes(found: list[Diagnosis]) -> list[tuple[str, str]]:
    return [(line.code, line.state) for line in found]


def test_every_module_and_token_is_one_line(softhsm_environment: Tokens) -> None:
    """The module, each of its tokens and each certificate are told; nothing needs mending."""
    found = examined(softhsm_environment.module)
    assert codes(found)[0] == ("pkcs11.state_module", "ok")
    tokens = [line for line in found if line.code in ("pkcs11.state_token", "pkcs11.state_low")]
    assert {line.parameters["token"] for line in tokens} >= {"LANH DAO", "VAN THU", "RIENG"}
    subjects = {line.parameters.get("subject") for line in found if line.code == "diagnosing.certificate"}
    assert {"Nguyễn Văn Mẫu (TEST)", "UBND XÃ MẪU (TEST)", "Trần Thị Mẫu (TEST)"} <= subjects
    assert not [line for line in found if line.state == "failure"]


def test_configured_keys_are_found_on_their_tokens(softhsm_environment: Tokens) -> None:
    """A key is examined by its name; one that is not there, or not alone, says so with what is there instead."""
    keys = {
        "leader": "pkcs11:token=LANH%20DAO",
        "gone": "pkcs11:token=MAT%20ROI",
        "both": "pkcs11:token=VAN%20THU",
        "hidden": "pkcs11:token=RIENG",
        "bad": "pkcs11:token=A?pin-value=1234",
    }
    found = examined(softhsm_environment.module, keys=keys)
    by_key = {str(line.parameters.get("key")): line for line in reversed(found)}
    assert by_key["leader"].code == "diagnosing.certificate"
    assert by_key["gone"].code == "pkcs11.token_not_found"
    assert by_key["both"].code == "pkcs11.certificate_ambiguous"
    assert by_key["hidden"].code == "pkcs11.state_hidden"
    assert by_key["bad"].code == "pkcs11.uri_pin"
    assert "1234" not in message(by_key["bad"].code, "vi", by_key["bad"].parameters)
    leaders = [line for line in found if line.parameters.get("subject") == "Nguyễn Văn Mẫu (TEST)"]
    assert len(leaders) == 1, "a configured certificate is told once"


@pytest.mark.parametrize(
    ("flags", "code", "state"),
    [
        ("40000", "pkcs11.state_locked", "failure"),
        ("20000", "pkcs11.state_final", "warning"),
        ("10000", "pkcs11.state_low", "warning"),
        ("80000", "pkcs11.state_to_be_changed", "warning"),
        ("100", "pkcs11.state_pinpad", "ok"),
    ],
)
def test_the_pin_state_is_told_without_a_try(
    flags: str, code: str, state: str, strange: Strange, tmp_path: Path
) -> None:
    """Locked, last try, few tries, to be changed and a PIN pad are read from the flags; nobody logs in."""
    log = tmp_path / "calls"
    found = examined(strange(flags=flags, log=str(log)))
    tokens = [line for line in found if line.parameters.get("token") == "LANH DAO"]
    assert (code, state) in codes(tokens) or (code == "pkcs11.state_pinpad" and "pkcs11.state_low" in codes(tokens)[0])
    assert not log.exists()


def test_a_module_that_crashes_or_hangs_does_not_stop_the_doctor(strange: Strange, softhsm_environment: Tokens) -> None:
    """Each is one line with the next step; the good module beside it is examined all the same."""
    started = time.monotonic()
    found = examined(strange(hang="token"), softhsm_environment.module, deadline_s=1.0)
    assert time.monotonic() - started < 8
    assert ("pkcs11.module_hangs", "failure") in codes(found)
    assert ("pkcs11.state_module", "ok") in codes(found)


def test_a_module_that_crashes_is_one_line(strange: Strange, softhsm_environment: Tokens) -> None:
    """The signal is named, and the other module's tokens are listed."""
    found = examined(strange(crash="token"), softhsm_environment.module)
    assert ("pkcs11.module_crashed", "failure") in codes(found)
    assert ("pkcs11.state_module", "ok") in codes(found)


def test_the_word_size_is_told(tmp_path: Path) -> None:
    """A module of another word size is named by its bits, with what to install."""
    module = tmp_path / "vendor32.so"
    bits = 32 if native_bits() == 64 else 64
    machine = 0x03 if bits == 32 else 0x3E
    module.write_bytes(b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine) + bytes(100))
    assert codes(examined(module)) == [("pkcs11.module_bitness", "failure")]


def test_a_machine_without_token_software_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """No module is nothing to mend as long as no key asks for one."""
    from kyso_pkcs11 import modules

    monkeypatch.setattr(modules, "installed_modules", lambda places=None: ())
    assert codes(examined()) == [("pkcs11.module_none", "ok")]
    assert codes(examined(keys={"leader": "pkcs11:token=A"})) == [("pkcs11.module_none", "failure")]
