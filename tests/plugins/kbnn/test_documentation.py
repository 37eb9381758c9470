"""The commands of the KBNN pages are run, in a folder with the page's own configuration, against the simulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from kyso.demo.pki import DEMO_PASSWORD, DemoPki
from kyso.serving.server import BackgroundServer
from kyso_kbnn.simulator import GatewaySimulator
from kyso_kbnn.simulator_world import DEMO_PASSWORD as GATEWAY_PASSWORD
from tests.docs.pages import DOCS, blocks, commands
from tests.plugins.kbnn.test_workbook import filled

PAGE = DOCS / "vi" / "kbnn" / "README.md"


def test_the_page_can_be_typed(pki: DemoPki, tmp_path: Path) -> None:
    """Configuration, template (filled in by the test), signing, sending, watching: every line ends as stated."""
    page = blocks(PAGE)
    (configuration,) = [block.code for block in page if block.language == "toml"]
    for role in ("accountant", "holder"):
        (tmp_path / f"{role}.p12").write_bytes(pki.pfx(role).read_bytes())
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "KTT": DEMO_PASSWORD,
        "CTK": DEMO_PASSWORD,
        "DVC": GATEWAY_PASSWORD,
    }
    simulator = GatewaySimulator()
    with BackgroundServer(simulator.application()) as server:
        further = [
            f'gateway_url = "{server.url}"',
            "gateway_private = true",
            f'[verification]\ntrust = ["{pki.root_pem}"]\ncrl = ["{pki.crl_folder}"]',
            f'[records]\nurl = "sqlite:///{tmp_path}/records.sqlite3"',
        ]
        text = configuration.replace('prefix = "K"', 'prefix = "T"') + "\n".join(further)
        (tmp_path / "kyso.toml").write_text(text, encoding="utf-8")
        for block in page:
            if block.language != "sh":
                continue
            for command in commands(block):
                done = subprocess.run(
                    ["bash", "-c", command.line],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                )
                assert done.returncode == command.exit_code, f"{command.line}\n{done.stdout}\n{done.stderr}"
            if (tmp_path / "mau.xlsx").exists() and not (tmp_path / "kbnn").exists():
                (tmp_path / "mau.xlsx").write_bytes(filled())
    assert len(simulator.received) == 1
    assert (tmp_path / "kbnn" / "hs1" / "answers" / "giay-bao-no.pdf").exists()


def test_the_english_page_has_the_same_commands() -> None:
    """The pages differ in their words only."""
    english = DOCS / "en" / "kbnn" / "README.md"
    found = [[commands(block) for block in blocks(page) if block.language == "sh"] for page in (PAGE, english)]
    assert found[0] == found[1]
    assert found[0]


def test_every_rule_of_watching_is_documented() -> None:
    """Each watch_ setting of the plugin stands on the pages."""
    from kyso_kbnn.contributions import SETTINGS

    names = {setting.name for setting in SETTINGS if setting.name.startswith("watch_")}
    for page in (PAGE, DOCS / "en" / "kbnn" / "README.md"):
        assert names <= set(re.findall(r"watch_[a-z_]+", page.read_text(encoding="utf-8")))
