"""``kyso plugins``, ``keys list``, ``init``, ``config check`` and ``demo``."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from kyso.cli.init import QUESTIONS, compose
from kyso.config import Config, read
from tests.cli.conftest import Kyso
from tests.support.example_plugin import install


def test_plugins_are_listed(kyso: Kyso) -> None:
    """Name, version, distribution, hooks, and each contribution with its settings and availability."""
    answer = kyso("plugins", "--format", "json").json
    assert answer["schema"] == "kyso.plugins/1"
    decree30 = next(plugin for plugin in answer["plugins"] if plugin["name"] == "decree30")
    assert (decree30["distribution"], decree30["version"]) == ("kyso", "0.1.0")
    assert "register_placement_policies" in decree30["hooks"]
    seal = next(entry for entry in decree30["contributions"] if entry["name"] == "decree30.seal")
    assert seal["available"] is True
    assert "diameter_mm" in [setting["name"] for setting in seal["settings"]]
    shown = kyso("plugins").out
    assert "decree30.seal" in shown
    assert "diameter_mm" in shown


def test_broken_and_disabled_plugins_are_listed(kyso: Kyso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is broken is named with its cause, what is switched off by its name; the command succeeds."""
    monkeypatch.syspath_prepend(str(install(tmp_path)))
    (tmp_path / "kyso_example" / "__init__.py").write_text("1 / 0", encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith("kyso_example")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("KYSO_PLUGINS_DISABLE", "kbnn")
    result = kyso("plugins", "--format", "json")
    assert result.code == 0
    assert result.json["broken"] == [
        {
            "name": "example",
            "distribution": "kyso-example-plugin",
            "version": "1.0.0",
            "cause": "ZeroDivisionError: division by zero",
        }
    ]
    assert result.json["disabled"] == ["kbnn"]
    shown = kyso("plugins").out
    assert "kyso-example-plugin" in shown
    assert "Disabled: kbnn" in shown


def test_keys_are_listed_without_secrets(kyso: Kyso, office: Path) -> None:
    """The configured keys are listed with what is known, tab-separated where stdout is no terminal."""
    keys = kyso("keys", "list", "--format", "json").json["keys"]
    assert [key["name"] for key in keys[:2]] == ["leader", "seal"]
    lines = kyso("keys", "list").out.splitlines()
    assert lines[0].split("\t")[0] == "Name"
    assert lines[1].startswith("leader\tpfx:")


def test_a_key_that_cannot_be_asked_is_told(kyso: Kyso, office: Path) -> None:
    """A key of an unknown scheme is told on stderr, the others are listed."""
    with (office / "kyso.toml").open("a", encoding="utf-8") as file:
        file.write("\n[keys.vault]\nuri = 'vault:x'\n")
    result = kyso("keys", "list")
    assert result.code == 0
    assert "vault" in result.err
    assert "leader" in result.out
    failures = kyso("keys", "list", "--format", "json").json["failures"]
    assert [failure["name"] for failure in failures] == ["vault"]


def test_a_good_config_is_told_so(kyso: Kyso, office: Path) -> None:
    """A file that can be used ends with 0, and says which file it was."""
    result = kyso("config", "check")
    assert result.code == 0, result.err
    assert str(office / "kyso.toml") in result.err
    assert kyso("config", "check", "--format", "json").json["errors"] == []


def test_everything_wrong_in_a_config_is_told_at_once(kyso: Kyso, office: Path) -> None:
    """Schema problems all at once with exit 7; then missing files and unknown policies."""
    path = office / "kyso.toml"
    path.write_text("[seal]\nx = 1\ndiameter_mm = 'wide'\n[nothing]\n", encoding="utf-8")
    result = kyso("config", "check", "--format", "json")
    assert result.code == 7
    assert len(result.json["errors"]) == 3
    path.write_text("[seal]\nimage = 'no.png'\n[signing]\npolicy = 'no.policy'\n[plugins.gone]\n", encoding="utf-8")
    result = kyso("config", "check")
    assert result.code == 7
    assert "no.png" in result.err
    assert "no.policy" in result.err
    assert "gone" in result.err
    path.write_text("[plugins.gone]\n", encoding="utf-8")
    assert kyso("config", "check", "kyso.toml").code == 0


def test_a_section_without_its_plugin_warns(kyso: Kyso, office: Path) -> None:
    """Any command that uses the configuration says that such a section has no effect, and goes on."""
    with (office / "kyso.toml").open("a", encoding="utf-8") as file:
        file.write("\n[plugins.gone]\nx = 1\n")
    result = kyso("verify", "letter.pdf", "--format", "json")
    assert result.code == 3
    assert "[plugins.gone]" in result.err
    assert json.loads(result.out)["verdict"] == "unsigned"


def test_no_config_is_no_error(kyso: Kyso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any file `config check` says that defaults hold; a named file must exist."""
    monkeypatch.chdir(tmp_path)
    assert kyso("config", "check").code == 0
    assert kyso("config", "check", "none.toml").code == 7


def test_init_writes_a_config_that_checks(kyso: Kyso, office: Path) -> None:
    """Options answer every question; the file reads back as they say, with comments in the language asked for."""
    folder = office / "new"
    folder.mkdir()
    for name in ("sig.png", "seal.png", "root.pem"):
        (folder / name).write_bytes(b"")
    (folder / "crl").mkdir()
    arguments = {
        "--organisation": 'Sở "Nội vụ" \\ tỉnh',
        "--leader-key": "pfx:keys/leader.p12",
        "--leader-title": "GIÁM ĐỐC",
        "--leader-image": "sig.png",
        "--seal-key": "pfx:keys/seal.p12",
        "--seal-image": "seal.png",
        "--seal-diameter-mm": "36,5",
        "--trust": "root.pem",
        "--crl": "crl",
    }
    given = [part for pair in arguments.items() for part in pair]
    result = kyso("init", folder, *given, "--lang", "vi")
    assert result.code == 0, result.err
    config = Config.load(folder / "kyso.toml")
    assert config.organisation.name == 'Sở "Nội vụ" \\ tỉnh'
    assert config.keys["leader"].title == "GIÁM ĐỐC"
    assert config.keys["seal"].role == "seal"
    assert config.seal.diameter_mm == 36.5
    assert config.signing.key == "leader"
    assert config.locale.language == "vi"
    assert "# Tên đầy đủ" in (folder / "kyso.toml").read_text(encoding="utf-8")
    assert kyso("--config", folder / "kyso.toml", "config", "check").code == 0


def test_init_replaces_nothing(kyso: Kyso, office: Path) -> None:
    """An existing file is kept without --force; without answers and without a terminal nothing is asked."""
    before = (office / "kyso.toml").read_bytes()
    assert kyso("init", "--yes").code == 7
    assert (office / "kyso.toml").read_bytes() == before
    assert kyso("init", "--yes", "--force").code == 0
    (office / "other").mkdir()
    result = kyso("init", "other")
    assert result.code == 5
    assert "--organisation" in result.err
    assert not (office / "other" / "kyso.toml").exists()
    assert kyso("init", "nowhere", "--yes").code == 7
    assert kyso("init", "other", "--yes", "--seal-diameter-mm", "big").code == 7
    assert kyso("init", "other", "--yes", "--leader-title", "X").code == 7


@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_empty_config_reads(tmp_path: Path, language: str) -> None:
    """What `init --yes` writes without answers is a file without problems, all else in comments."""
    path = tmp_path / "kyso.toml"
    path.write_text(compose({}, language), encoding="utf-8")  # type: ignore[arg-type]
    config, problems = read(path)
    assert not problems
    assert config.keys == {}
    assert config.seal.diameter_mm is None


def test_init_asks_at_a_terminal(office: Path) -> None:
    """At a terminal each unanswered question is asked once, in order."""
    (office / "asked").mkdir()
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from kyso.cli import main; main()", "init", "asked", "--lang", "en"],
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(terminal)
    answers = {"organisation": "Sở Nội vụ", "seal_diameter_mm": "36"}
    os.write(controller, "".join(answers.get(name, "") + "\n" for name in QUESTIONS).encode())
    _, asked = process.communicate(timeout=60)
    os.close(controller)
    assert process.returncode == 0, asked
    assert asked.count(b":") >= len(QUESTIONS)
    config = Config.load(office / "asked" / "kyso.toml")
    assert config.organisation.name == "Sở Nội vụ"
    assert config.seal.diameter_mm == 36.0


def test_the_demo_runs(kyso: Kyso, tmp_path: Path) -> None:
    """`kyso demo DIR` plays the whole story there and refuses a folder with other things."""
    pytest.importorskip("reportlab")
    result = kyso("demo", tmp_path / "story")
    assert result.code == 0, result.err
    assert list((tmp_path / "story").rglob("*.pdf"))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.txt").write_text("mine", encoding="utf-8")
    assert kyso("demo", tmp_path / "used").code == 7
