"""SoftHSM tokens with keys and certificates, and C modules that behave as bad tokens do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kyso.demo.pki import Identity, Subject, issue, make_root
from kyso.models import Notice
from kyso.plugin import KeyAccess, Secret
from kyso.text import add_catalogue
from kyso_pkcs11.source import TokenSource
from tests.support.softhsm import PIN as PIN
from tests.support.softhsm import entry, make_tokens, softhsm_module


@dataclass(frozen=True, slots=True)
class Tokens:
    """Three SoftHSM tokens.

    ``LANH DAO``: the leader's RSA key and the CA certificates; ``VAN THU``: the seal (RSA) and an accountant (P-256);
    ``RIENG``: a key whose certificate is private.
    """

    module: Path
    configuration: Path
    leader: Identity
    seal: Identity
    accountant: Identity
    private: Identity


@dataclass(slots=True)
class Person:
    """The person at the keyboard: answers with a PIN, and remembers what was asked and shown."""

    pins: list[str] = field(default_factory=lambda: [PIN])
    asked: list[str] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)

    def ask(self, code: str, parameters: Mapping[str, object]) -> Secret:
        self.asked.append(code)
        return Secret(self.pins[min(len(self.asked), len(self.pins)) - 1])


@pytest.fixture(scope="session", autouse=True)
def catalogue() -> None:
    """Make the plugin's texts known, as loading the plugin does."""
    add_catalogue("kyso_pkcs11")


@pytest.fixture(scope="session")
def softhsm() -> Path:
    """Path of the SoftHSM 2 module; tests skip without it."""
    found = softhsm_module()
    if found is None:
        pytest.skip("SoftHSM 2 is not installed")
    return found


@pytest.fixture(scope="session")
def tokens(softhsm: Path, tmp_path_factory: pytest.TempPathFactory) -> Tokens:
    """Fill three tokens."""
    folder = tmp_path_factory.mktemp("softhsm")
    root = make_root()
    ca = issue(root, Subject("TEST CA (token)"), authority=True)
    leader = issue(ca, Subject("Nguyễn Văn Mẫu (TEST)", user_id="CCCD:001099000001"))
    seal = issue(ca, Subject("UBND XÃ MẪU (TEST)", user_id="MST:0100000001,MST:0100000001-001"))
    accountant = issue(ca, Subject("Trần Thị Mẫu (TEST)", user_id="CCCD:001099000002"), kind="p-256")
    private = issue(ca, Subject("Chứng thư riêng (TEST)"))
    configuration = make_tokens(
        folder,
        softhsm,
        {
            "LANH DAO": [entry("01", "Lãnh đạo", leader, ca, root)],
            "VAN THU": [entry("02", "Con dấu", seal, ca), entry("03", "Kế toán trưởng", accountant)],
            "RIENG": [entry("04", "Riêng", private) | {"hidden": True}],
        },
    )
    return Tokens(softhsm, configuration, leader, seal, accountant, private)


@pytest.fixture
def softhsm_environment(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Tokens:
    """Point SoftHSM at the filled tokens."""
    monkeypatch.setenv("SOFTHSM2_CONF", str(tokens.configuration))
    return tokens


@pytest.fixture
def source() -> Iterator[TokenSource]:
    """A fresh key source; every worker it started must be gone at the end."""
    made = TokenSource()
    yield made
    assert made._processes == {}


@pytest.fixture
def person() -> Person:
    """The person at the keyboard, who knows the PIN."""
    return Person()


@pytest.fixture
def access(tokens: Tokens, person: Person, tmp_path: Path) -> Callable[..., KeyAccess]:
    """Make a `KeyAccess` for SoftHSM, or for the modules given."""

    def make(*modules: Path, options: Mapping[str, Any] | None = None, **further: Any) -> KeyAccess:
        configured = {"modules": [str(module) for module in modules or (tokens.module,)], **(options or {})}
        return KeyAccess(person.ask, tmp_path, options=configured, tell=person.told.append, **further)

    return make


@pytest.fixture(scope="session")
def compile_module(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build ``modules.c``; tests skip without a C compiler."""
    folder = tmp_path_factory.mktemp("modules")

    def build(name: str, *options: str) -> Path:
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            pytest.skip("no C compiler")
        out = folder / f"{name}.so"
        if not out.exists():
            program = Path(__file__).with_name("modules.c")
            subprocess.run([compiler, "-shared", "-fPIC", "-o", str(out), str(program), "-ldl", *options], check=True)
        return out

    return build


@pytest.fixture
def strange(
    softhsm_environment: Tokens, compile_module: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """Return the module around SoftHSM with the behaviour given as ``TEST_P11_`` settings."""

    def make(**settings: str) -> Path:
        monkeypatch.setenv("TEST_P11_INNER", str(softhsm_environment.module))
        for name, value in settings.items():
            monkeypatch.setenv(f"TEST_P11_{name.upper()}", value)
        return compile_module("strange")

    return make
