"""The house rules: what a plain command must not load, what an entry module may import, what no file may hold."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

HEAVY = (
    "pyhanko",
    "pyhanko_certvalidator",
    "asyncio",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "fontTools",
    "reportlab",
    "fastapi",
    "typer",
    "rich",
    "pypdfium2",
    "PIL",
    "numpy",
    "lxml",
    "multiprocessing",
    "importlib.metadata",
)
"""What an invisible signature and a plain verification must not load: each costs a tenth of a second or more."""

LIGHT = (*HEAVY, "pikepdf", "cryptography", "asn1crypto", "tomllib")
"""What a help page must not load."""

GREATEST_MODULE = 550
"""Lines; the house aims at 150 to 400."""

RUN = """
import json, sys
from kyso.cli.program import run
code = run(json.loads(sys.argv[1]))
print("MODULES " + json.dumps([code, sorted(sys.modules)]))
"""


def modules_of(arguments: list[str], folder: Path) -> tuple[int, set[str]]:
    """Run a command line in a process of its own and return its exit code and what it had loaded."""
    result = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    code, names = json.loads(result.stdout.rpartition("MODULES ")[2])
    return code, set(names)


@pytest.fixture
def folder(tmp_path: Path, pfx: Path, pfx_password: str, letter_pdf: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A letter and a key, without any configuration."""
    (tmp_path / "letter.pdf").write_bytes(letter_pdf)
    shutil.copy(pfx, tmp_path / "key.p12")
    monkeypatch.setenv("PW", pfx_password)
    return tmp_path


SIGN = ["sign", "letter.pdf", "--policy", "invisible", "--key", "pfx:key.p12", "--secret-env", "PW"]


@pytest.mark.parametrize("arguments", [["--help"], ["sign", "--help"], ["verify", "--help"]])
def test_help_is_light(folder: Path, arguments: list[str]) -> None:
    """A help page loads neither a PDF library nor cryptography nor a command-line framework."""
    code, loaded = modules_of(arguments, folder)
    assert code == 0
    assert not loaded & set(LIGHT)


def test_an_invisible_signature_is_light(folder: Path) -> None:
    """Signing without a stamp loads no font, picture, database or validation library."""
    code, loaded = modules_of(SIGN, folder)
    assert code == 0
    assert not loaded & set(HEAVY)


def test_a_plain_verification_is_light(folder: Path) -> None:
    """Verifying one signature that covers the whole file loads none of them either."""
    assert modules_of(SIGN, folder)[0] == 0
    code, loaded = modules_of(["verify", "letter.signed.pdf"], folder)
    assert code == 2
    assert not loaded & set(HEAVY)
    assert not [name for name in loaded if name.startswith("kyso_stamps")]


def test_importing_the_package_is_next_to_nothing() -> None:
    """`import kyso` loads no other module of kyso, and every public name is there when asked for."""
    source = "import sys, kyso; print(sorted(name for name in sys.modules if name.startswith('kyso')))"
    result = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "['kyso']"
    import kyso

    for name in kyso.__all__:
        assert getattr(kyso, name).__name__ == name
    assert dir(kyso) == kyso.__all__
    with pytest.raises(AttributeError):
        _ = kyso.nothing  # type: ignore[attr-defined]


def entry_modules() -> list[Path]:
    """Return the modules that kyso's own plugins are registered by."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["kyso"]
    return [ROOT / "plugins" / name / "__init__.py" for name in points.values() if name != "kyso.builtin"]


@pytest.mark.parametrize("module", entry_modules(), ids=lambda path: path.parent.name)
def test_entry_modules_are_light(module: Path) -> None:
    """A plugin's entry module imports `kyso.plugin` and the standard library at its top, the rest in functions."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            assert name == "kyso.plugin" or top in sys.stdlib_module_names, name


TEXT_FILES = [
    path
    for pattern in ("*.py", "*.toml", "*.md", "Makefile", "*.cfg", "*.txt", "*.yml")
    for path in sorted(ROOT.rglob(pattern))
    if not {".venv", "build", ".git", "dist"} & set(path.relative_to(ROOT).parts)
]


def test_no_file_names_a_registry_or_a_machine() -> None:
    """Nothing in the project names a package registry's host or a path of the machine it was written on."""
    forbidden = re.compile(
        "|".join((r"pypi" + r"\.org/simple", "index" + "-url", "--extra" + "-index", "/home" + r"/\w+"))
    )
    found = [str(path) for path in TEXT_FILES if forbidden.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert not found


def test_there_is_no_lock_file() -> None:
    """Lock files name the registry they were made with."""
    names = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml", "requirements.txt"}
    assert not {path.name for path in ROOT.iterdir()} & names


def test_the_package_carries_its_data() -> None:
    """Catalogues, migrations and typing marks lie inside the packages, where a wheel takes them along."""
    core = ROOT / "core" / "kyso"
    assert (core / "py.typed").is_file()
    assert (core / "messages.vi.toml").is_file()
    assert list((core / "records" / "migrations" / "versions").glob("core_0001*.py"))


def test_modules_keep_their_size() -> None:
    """No module grows beyond what a reader holds in mind."""
    modules = [path for folder in ("core", "stamps", "plugins") for path in (ROOT / folder).rglob("*.py")]
    sizes = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    assert not {name: size for name, size in sizes.items() if size > GREATEST_MODULE}
