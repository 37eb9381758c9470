"""Modules and tokens that do not behave: each trouble has a name, and the application goes on."""

from __future__ import annotations

import shutil
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kyso.plugin import ConfigWrong, KeyAccess, KeyTrouble
from kyso_pkcs11.library_file import native_bits
from kyso_pkcs11.source import TokenSource
from tests.plugins.pkcs11.conftest import PIN, Person, Tokens
from tests.plugins.pkcs11.test_tokens import digests

Access = Callable[..., KeyAccess]
Strange = Callable[..., Path]
LEADER = "pkcs11:token=LANH%20DAO"
COUNT_LOW, FINAL_TRY, LOCKED = "10000", "20000", "40000"


def sign_once(source: TokenSource, access: KeyAccess, count: int = 1) -> None:
    key = source.open(LEADER, access)
    try:
        key.sign(digests(count), "rsa-pkcs1v15")
    finally:
        key.close()


def trouble_of(source: TokenSource, access: KeyAccess, count: int = 1) -> KeyTrouble:
    with pytest.raises(KeyTrouble) as trouble:
        sign_once(source, access, count)
    for language in ("vi", "en"):
        assert trouble.value.message(language) != trouble.value.code
        assert "{" not in trouble.value.message(language)
        assert PIN not in trouble.value.message(language)
    return trouble.value


@pytest.mark.parametrize(("flags", "code"), [(LOCKED, "pkcs11.pin_locked"), (FINAL_TRY, "pkcs11.pin_final_try")])
def test_the_flags_are_read_before_the_pin(
    flags: str, code: str, source: TokenSource, access: Access, strange: Strange, person: Person
) -> None:
    """A locked token and a last try are refused before anyone types a PIN."""
    trouble = trouble_of(source, access(strange(flags=flags)))
    assert trouble.code == code
    assert person.asked == []


def test_the_last_try_is_spent_when_allowed(
    source: TokenSource, access: Access, strange: Strange, person: Person
) -> None:
    """With `last_try` the person is asked, and the prompt says that it is the last one."""
    sign_once(source, access(strange(flags=FINAL_TRY), last_try=True))
    assert person.asked == ["pkcs11.prompt_pin_final"]


def test_few_tries_are_said_at_the_prompt(
    source: TokenSource, access: Access, strange: Strange, person: Person
) -> None:
    """A token whose count is low says so where the PIN is typed."""
    sign_once(source, access(strange(flags=COUNT_LOW)))
    assert person.asked == ["pkcs11.prompt_pin_low"]


@pytest.mark.parametrize(
    ("after", "code"),
    [("0", "pkcs11.pin_wrong"), (FINAL_TRY, "pkcs11.pin_wrong_final"), (LOCKED, "pkcs11.pin_locked")],
)
def test_a_wrong_pin_says_what_is_left(
    after: str, code: str, source: TokenSource, access: Access, strange: Strange, person: Person, tokens: Tokens
) -> None:
    """After a wrong PIN the flags are read again: retype, take care, or have it unblocked."""
    sign_once(source, access(tokens.module))  # a right PIN clears SoftHSM's own count-low flag
    person.pins = ["999999"]
    person.asked.clear()
    trouble = trouble_of(source, access(strange(flags_after_wrong=after)))
    if code == "pkcs11.pin_wrong":
        assert trouble.code in {code, "pkcs11.pin_wrong_low"}  # SoftHSM itself sets count-low
    else:
        assert trouble.code == code


def test_a_wrong_pin_reaches_the_token_once(
    source: TokenSource, access: Access, strange: Strange, person: Person, tmp_path: Path
) -> None:
    """A whole batch with a wrong PIN from the environment costs a single try."""
    log = tmp_path / "calls"
    person.pins = ["999999"]
    module = strange(log=str(log))
    codes = [trouble_of(source, access(module)).code for _ in range(4)]
    assert codes[0].startswith("pkcs11.pin_wrong")
    assert codes[1:] == ["pkcs11.pin_rejected_before"] * 3
    assert log.read_text().splitlines() == ["login user", "wrong"]


def test_the_pin_pad_of_the_device_is_used(
    source: TokenSource, access: Access, strange: Strange, person: Person
) -> None:
    """With a protected authentication path no PIN is asked here, and the person is told to look at the device."""
    sign_once(source, access(strange(pinpad=PIN)), count=3)
    assert person.asked == []
    assert [notice.code for notice in person.told] == ["pkcs11.pinpad_wait"]


def test_a_cancelled_pin_pad_is_not_asked_again(
    source: TokenSource, access: Access, strange: Strange, tmp_path: Path
) -> None:
    """One refusal at the device ends the batch: the next letter does not make the device ask again."""
    log = tmp_path / "calls"
    key = source.open(LEADER, access(strange(pinpad="cancel", log=str(log))))
    for _ in range(3):
        with pytest.raises(KeyTrouble) as trouble:
            key.sign(digests(), "rsa-pkcs1v15")
        assert trouble.value.code == "pkcs11.cancelled"
    key.close()
    assert log.read_text().splitlines() == ["login user"]


def test_a_key_that_wants_the_pin_for_every_signature(
    source: TokenSource, access: Access, strange: Strange, person: Person, tmp_path: Path
) -> None:
    """CKA_ALWAYS_AUTHENTICATE: the person types once, the token gets a context login before each signature."""
    log = tmp_path / "calls"
    sign_once(source, access(strange(always=PIN, log=str(log))), count=2)
    assert [code.removesuffix("_low") for code in person.asked] == [
        "pkcs11.prompt_pin"
    ]  # another test may have spent a try
    assert log.read_text().splitlines() == ["login user", "login context", "sign", "login context", "sign"]


def test_a_separate_signing_pin(source: TokenSource, access: Access, strange: Strange, person: Person) -> None:
    """A key with its own signing PIN asks for it when the config says so."""
    person.pins = [PIN, "555555"]
    module = strange(always=PIN, always_code="555555")
    sign_once(source, access(module, key_options={"signing_pin": "separate"}))
    assert [code.removesuffix("_low") for code in person.asked] == ["pkcs11.prompt_pin", "pkcs11.prompt_signing_pin"]


def test_a_wrong_signing_pin_is_spent_once(
    source: TokenSource, access: Access, strange: Strange, tmp_path: Path
) -> None:
    """Where the login PIN is not the signing PIN, one context login fails and nothing tries again."""
    log = tmp_path / "calls"
    key = source.open(LEADER, access(strange(always=PIN, always_code="555555", log=str(log))))
    for _ in range(3):
        with pytest.raises(KeyTrouble) as trouble:
            key.sign(digests(2), "rsa-pkcs1v15")
        assert trouble.value.code == "pkcs11.signing_pin_wrong"
        assert "separate" in str(trouble.value.next_step("en"))
    key.close()
    assert log.read_text().splitlines() == ["login user", "login context"]


@pytest.mark.usefixtures("softhsm_environment")
def test_a_wrong_signing_pin_option_is_refused(source: TokenSource, access: Access) -> None:
    """An option with a wrong value is named, not passed over."""
    with pytest.raises(ConfigWrong):
        source.open(LEADER, access(key_options={"signing_pin": "maybe"}))


@pytest.mark.parametrize("scheme", ["rsa-pkcs1v15", "rsa-pss"])
def test_a_token_that_only_does_raw_rsa(scheme: str, source: TokenSource, access: Access, strange: Strange) -> None:
    """With CKM_RSA_X_509 alone the padding is made here; the source itself checks the value."""
    key = source.open(LEADER, access(strange(raw="1")))
    assert len(key.sign(digests(2), scheme).values) == 2  # type: ignore[arg-type]
    key.close()


def test_a_token_removed_in_the_middle_says_where(source: TokenSource, access: Access, strange: Strange) -> None:
    """Pulling the token out after two of five letters is told with both numbers."""
    trouble = trouble_of(source, access(strange(remove="2")), count=5)
    assert trouble.code == "pkcs11.token_removed"
    assert (trouble.parameters["done"], trouble.parameters["total"]) == (2, 5)


@pytest.mark.parametrize("calls", ["3", "4"])
def test_a_token_pulled_out_before_the_first_signature_is_named(
    calls: str, source: TokenSource, access: Access, strange: Strange
) -> None:
    """A token that is gone between the list and the login is told with its name."""
    trouble = trouble_of(source, access(strange(vanish=calls)))
    assert trouble.code == "pkcs11.token_removed"
    assert trouble.parameters["token"] == "LANH DAO"


@pytest.mark.parametrize("call", ["load", "token", "login", "sign"])
def test_a_crash_is_an_error_with_a_name(
    call: str, source: TokenSource, access: Access, strange: Strange, tokens: Tokens
) -> None:
    """A module that crashes at any call ends its worker only; the next key works."""
    trouble = trouble_of(source, access(strange(crash=call)))
    assert trouble.code == "pkcs11.module_crashed"
    assert trouble.parameters["cause"] == "SIGSEGV"
    sign_once(source, access(tokens.module))


@pytest.mark.parametrize("call", ["token", "login", "sign"])
def test_a_hang_ends_at_the_deadline(call: str, source: TokenSource, access: Access, strange: Strange) -> None:
    """A module that never answers is killed when its time is over."""
    started = time.monotonic()
    trouble = trouble_of(source, access(strange(hang=call), options={"deadline_s": 1.0}))
    assert trouble.code == "pkcs11.module_hangs"
    assert time.monotonic() - started < 6


def test_a_bad_module_does_not_hide_a_good_one(
    source: TokenSource, access: Access, strange: Strange, tokens: Tokens, person: Person
) -> None:
    """Among several modules one that crashes is told, and the others' certificates are listed."""
    names = {key.subject for key in source.list_keys(access(strange(crash="token"), tokens.module))}
    assert "Nguyễn Văn Mẫu (TEST)" in names
    assert "pkcs11.module_crashed" in [notice.code for notice in person.told]


def test_two_modules_that_show_one_token_are_no_ambiguity(
    source: TokenSource, access: Access, strange: Strange, tokens: Tokens
) -> None:
    """A vendor's module and another one that both see the token still name one key."""
    sign_once(source, access(strange(), tokens.module))


def test_what_a_module_prints_does_not_reach_the_pipe(source: TokenSource, access: Access, strange: Strange) -> None:
    """Vendors' modules print to standard output; the protocol is not disturbed."""
    sign_once(source, access(strange(noise="loading driver...")))


def test_a_library_of_another_word_size_is_named(source: TokenSource, access: Access, tmp_path: Path) -> None:
    """A 32-bit module (here: its header) is told by its bits, not by the loader's words."""
    module = tmp_path / "vendor32.so"
    bits = 32 if native_bits() == 64 else 64
    machine = 0x03 if bits == 32 else 0x3E
    module.write_bytes(b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9) + struct.pack("<HH", 3, machine) + bytes(100))
    trouble = trouble_of(source, access(module))
    assert trouble.code == "pkcs11.module_bitness"
    assert trouble.parameters["module_bits"] == bits


def test_a_windows_library_elsewhere_is_named(source: TokenSource, access: Access, tmp_path: Path) -> None:
    """A DLL on Linux or macOS is told as built for another system."""
    module = tmp_path / "viettel-ca_v6.dll"
    module.write_bytes(b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", 0x8664) + bytes(100))
    if sys.platform != "win32":
        assert trouble_of(source, access(module)).code == "pkcs11.module_foreign"


def test_a_file_that_is_no_library_is_named(source: TokenSource, access: Access, tmp_path: Path) -> None:
    """A text file in place of a module is told as such."""
    module = tmp_path / "readme.so"
    module.write_text("GROUP ( libc.so.6 )")
    assert trouble_of(source, access(module)).code == "pkcs11.module_not_library"


def test_a_library_that_is_no_module_is_named(
    source: TokenSource, access: Access, compile_module: Callable[..., Path], softhsm_environment: Tokens
) -> None:
    """A library without C_GetFunctionList is told as no PKCS#11 module."""
    assert trouble_of(source, access(compile_module("plain", "-DPLAIN"))).code == "pkcs11.module_not_pkcs11"


def test_a_broken_library_is_named(source: TokenSource, access: Access, tokens: Tokens, tmp_path: Path) -> None:
    """A module cut off in the middle is told as one that cannot be loaded."""
    module = tmp_path / "cut.so"
    module.write_bytes(tokens.module.read_bytes()[:60])
    assert trouble_of(source, access(module)).code == "pkcs11.module_load_failed"


def test_secrets_in_the_environment_stay_out_of_the_worker(
    source: TokenSource, access: Access, softhsm_environment: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module's process sees its own settings and no variable that looks like a secret."""
    monkeypatch.setenv("LEADER_PIN", "424242")
    monkeypatch.setenv("SMTP_PASSWORD", "424242")
    key = source.open(LEADER, access())
    process = key._process._process.pid
    environment = Path(f"/proc/{process}/environ")
    if not environment.exists():
        pytest.skip("no /proc")
    seen = environment.read_bytes()
    key.close()
    assert b"424242" not in seen
    assert b"SOFTHSM2_CONF" in seen


def test_an_interpreter_that_does_not_start_is_named(source: TokenSource, access: Access, tokens: Tokens) -> None:
    """A wrong `python` for a module is told, and the entry's unknown options are refused."""
    entry = {"path": str(tokens.module), "python": "/nowhere/python.exe"}
    assert trouble_of(source, access(options={"modules": [entry]})).code == "pkcs11.worker_failed"
    with pytest.raises(ConfigWrong):
        source.open(LEADER, access(options={"modules": [entry | {"pin": "1"}]}))


def test_a_hanging_worker_dies_with_the_application(source: TokenSource, access: Access, strange: Strange) -> None:
    """A worker that is stuck in a call ends when the pipe is closed, so it cannot keep the token."""
    key = source.open(LEADER, access(strange(hang="login")))
    worker = key._process._process
    troubles: list[str] = []

    def sign() -> None:
        try:
            key.sign(digests(), "rsa-pkcs1v15")
        except KeyTrouble as trouble:
            troubles.append(trouble.code)

    stuck = threading.Thread(target=sign)
    stuck.start()
    time.sleep(0.3)
    assert worker.poll() is None
    assert worker.stdin is not None
    worker.stdin.close()
    stuck.join(5)
    assert worker.wait(5) == 0
    assert troubles == ["pkcs11.module_crashed"]
    key.close()


def test_modules_are_found_in_known_places(tmp_path: Path, tokens: Tokens) -> None:
    """A known file name in a searched folder is found once, whatever the case of its name and links to it."""
    from kyso_pkcs11.modules import installed_modules, known_modules

    shutil.copy(tokens.module, tmp_path / "LibSoftHSM2.so")
    (tmp_path / "fptca_v4.so").symlink_to(tmp_path / "LibSoftHSM2.so")
    (tmp_path / "other.so").write_bytes(b"")
    if sys.platform == "linux":
        found = installed_modules([str(tmp_path)])
        assert [(module.name, module.path.name) for module in found] == [("softhsm2", "LibSoftHSM2.so")]
    for system in ("windows", "linux", "macos"):
        modules, places = known_modules(system)
        assert places
        assert {"opensc", "softhsm2"} <= {module.name for module in modules if module.files}
        assert len({module.name for module in modules}) == len(modules)
