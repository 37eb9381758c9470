"""The embedding guide: its snippets run, and what it promises is what there is."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import kyso
from kyso.demo.pki import DemoPki
from tests.docs.pages import DOCS, blocks
from tests.plugins.api.running import new_token, running, write_config
from tests.support.judges import need_tool, pdfsig

PAGES = [DOCS / language / "howto" / "embedding.md" for language in ("vi", "en")]


def snippet(language: str) -> str:
    """Return the only block of a language; both pages hold the same."""
    found = [[block.code for block in blocks(page) if block.language == language] for page in PAGES]
    assert found[0] == found[1]
    (code,) = found[0]
    return code


@pytest.fixture
def service_config(pki: DemoPki, signature_image: Path, tmp_path: Path) -> Path:
    """A service with the leader's key."""
    trust = f'[verification]\ntrust = ["{pki.root_pem}"]\ncrl = ["{pki.crl_folder}"]\n'
    more = f'[leader]\nimage = "{signature_image}"\n{trust}'
    return write_config(tmp_path, {"leader": f"pfx:{pki.pfx('leader')}"}, more=more)


def test_java_signs_and_verifies(service_config: Path, pfx_password: str, letter_path: Path, tmp_path: Path) -> None:
    """The Java snippet, as it stands, signs a letter through the service and prints a valid report."""
    java = need_tool("java")
    program = tmp_path / "SignLetter.java"
    program.write_text(snippet("java"), encoding="utf-8")
    signed = tmp_path / "signed.pdf"
    token = new_token(service_config, "java", "sign", "verify")
    with running(service_config, "--secret-env", "leader=LEADER", environment={"LEADER": pfx_password}) as service:
        command = [java, "-Xshare:auto", str(program), service.url, token, str(letter_path), str(signed)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert result.returncode == 0, result.stderr
        wrong = [*command[:3], service.url, "wrong", str(letter_path), str(signed)]
        refused = subprocess.run(wrong, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(result.stdout)["verdict"] == "valid"
    (signature,) = pdfsig(signed)
    assert signature.valid
    assert refused.returncode == 1
    assert "401 {" in refused.stderr


@pytest.mark.skipif(shutil.which("dotnet") is None, reason="the .NET SDK is not installed")
def test_csharp_signs_and_verifies(service_config: Path, pfx_password: str, letter_path: Path, tmp_path: Path) -> None:
    """The C# snippet, as it stands, does the same."""
    project = tmp_path / "SignLetter"
    subprocess.run(["dotnet", "new", "console", "-o", str(project)], check=True, capture_output=True, timeout=300)
    (project / "Program.cs").write_text(snippet("csharp"), encoding="utf-8")
    signed = tmp_path / "signed.pdf"
    token = new_token(service_config, "csharp", "sign", "verify")
    with running(service_config, "--secret-env", "leader=LEADER", environment={"LEADER": pfx_password}) as service:
        command = ["dotnet", "run", "--project", str(project), "--", service.url, token, str(letter_path), str(signed)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert json.loads(result.stdout)["verdict"] == "valid", result.stderr


def test_java_and_csharp_ask_for_the_same() -> None:
    """Both snippets call the same paths with the same headers, so that one is no older than the other."""
    java, csharp = snippet("java"), snippet("csharp")
    for part in (
        "/v1/sign?key=leader&policy=decree30.leader",
        "/v1/verify",
        "Idempotency-Key",
        "application/pdf",
        "Bearer",
    ):
        assert part in java
        assert part in csharp


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parts[-3])
def test_every_public_name_is_promised(page: Path) -> None:
    """The promise names exactly what `kyso` exports."""
    text = page.read_text(encoding="utf-8")
    begun = ("các tên của `kyso`: ", "the names of `kyso`: ")
    (line,) = [part for part in text.split("\n- ") if part.startswith(begun)]
    names = line.partition(": ")[2].strip(" ;\n").replace("\n", " ").split(", ")
    assert {name.strip("`") for name in names} == set(kyso.__all__)
