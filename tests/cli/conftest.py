"""An office to run commands in: a configuration, keys, a letter, and a runner inside this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kyso.cli.program import run
from kyso.demo.pki import DemoPki

CONFIG = """
[organisation]
name = "Ủy ban nhân dân xã An Bình Thử Nghiệm"

[keys.leader]
uri = "pfx:{leader}"
role = "leader"

[keys.seal]
uri = "pfx:{seal}"
role = "seal"

[leader]
image = "signature.png"
max_width_mm = 40

[seal]
image = "seal.png"
diameter_mm = 36

[signing]
key = "leader"
policy = "decree30.leader"

[verification]
trust = ["{root}"]
crl = ["{crl}"]
"""


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        (found,) = self.lines
        return found

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Kyso = Callable[..., Result]


@pytest.fixture
def kyso(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pfx_password: str) -> Kyso:
    """Run a command line in this process, in English unless it says otherwise; $PW holds the keys' password."""
    monkeypatch.setenv("KYSO_LANG", "en")
    monkeypatch.setenv("PW", pfx_password)

    def call(*arguments: str | Path) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def office(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pki: DemoPki,
    letter_pdf: bytes,
    signature_image: Path,
    seal_image: Path,
) -> Path:
    """A folder with kyso.toml, pictures and ``letter.pdf``, made the working folder."""
    folder = tmp_path / "office"
    folder.mkdir()
    shutil.copy(signature_image, folder / "signature.png")
    shutil.copy(seal_image, folder / "seal.png")
    (folder / "letter.pdf").write_bytes(letter_pdf)
    places = {"leader": pki.pfx("leader"), "seal": pki.pfx("seal"), "root": pki.root_pem, "crl": pki.crl_folder}
    (folder / "kyso.toml").write_text(CONFIG.format(**places), encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder
