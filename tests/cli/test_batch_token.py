"""``kyso batch sign`` with a token (SoftHSM): one PIN for all, and a token that is pulled out in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Kyso
from tests.cli.test_batch import assert_each_signed_once, letters
from tests.plugins.pkcs11.conftest import (
    PIN,
    Tokens,
    compile_module,
    softhsm,
    softhsm_environment,
    strange,
    tokens,
)

# Fixtures of the token tests, used here as they are.
__all__ = ["compile_module", "softhsm", "softhsm_environment", "strange", "tokens"]

TOKEN = ("batch", "sign", "in", "--into", "out", "--key", "token", "--policy", "invisible", "--secret-env", "PIN")


def use_module(office: Path, module: Path) -> None:
    """Let the key ``token`` be on the leader's token, read by `module`."""
    config = office / "kyso.toml"
    lines = config.read_text(encoding="utf-8").split("\n# token\n")[0]
    uri = f"pkcs11:token=LANH%20DAO?module-path={module}"
    config.write_text(f'{lines}\n# token\n[keys.token]\nuri = "{uri}"\n', encoding="utf-8")


def test_a_token_signs_many_and_a_rerun_asks_it_for_nothing(
    kyso: Kyso, office: Path, softhsm_environment: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The PIN is given once; the second run finds everything done."""
    monkeypatch.setenv("PIN", PIN)
    use_module(office, softhsm_environment.module)
    names = letters(office, 6)
    assert kyso(*TOKEN, "--workers", "2").code == 0
    assert_each_signed_once(office, names)
    before = [(office / "out" / name).read_bytes() for name in names]
    again = kyso(*TOKEN)
    assert (again.code, "Done by an earlier run\t6\t" in again.out) == (0, True)
    assert [(office / "out" / name).read_bytes() for name in names] == before


def test_a_token_that_was_pulled_out_is_put_back(
    kyso: Kyso,
    office: Path,
    softhsm_environment: Tokens,
    strange: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three letters are signed before it is gone; the others fail by its name, and the next run signs only them."""
    monkeypatch.setenv("PIN", PIN)
    names = letters(office, 6)
    use_module(office, strange(remove="3"))
    first = kyso(*TOKEN)
    assert first.code == 5
    assert "Signed\t3\t" in first.out
    assert "pkcs11.token_removed\t3\t" in first.out
    done = {path: path.read_bytes() for path in (office / "out").rglob("*.pdf")}
    assert len(done) == 3
    use_module(office, softhsm_environment.module)
    second = kyso(*TOKEN)
    assert second.code == 0, second.err
    assert_each_signed_once(office, names)
    assert all(path.read_bytes() == data for path, data in done.items())
