"""Every command and every Python block of the documentation is run, in a folder that `kyso demo` made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kyso.demo.display import quiet
from kyso.demo.story import run
from tests.docs.pages import DOCS, ROOT, blocks, commands, own_pages
from tests.support.judges import need_tool


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `kyso demo` leaves it."""
    folder = tmp_path_factory.mktemp("documentation") / "demo"
    assert run(folder, "vi", quiet) == 0
    return folder


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _runnable(page: Path) -> bool:
    return any(block.language in ("sh", "python") for block in blocks(page))


# The English pages hold the same blocks, which another test makes sure of; running them once is enough.
PAGES = [page for page in own_pages() if page.parts[-2] != "en" and "en" not in page.relative_to(ROOT).parts]


@pytest.mark.parametrize("page", [page for page in PAGES if _runnable(page)], ids=_name)
def test_blocks_run(page: Path, demo: Path, tmp_path: Path) -> None:
    """The page's blocks, run in order in one fresh copy of the demo's folder, end with the exit codes they state."""
    lines = "\n".join(command.line for block in blocks(page) if block.language == "sh" for command in commands(block))
    for tool in ("curl", "openssl"):
        if f"{tool} " in lines:
            need_tool(tool)
    folder = tmp_path / "demo"
    shutil.copytree(demo, folder)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "KYSO_LANG": "vi",
    }
    for block in blocks(page):
        if block.language == "sh":
            runs = [(["bash", "-c", command.line], command.exit_code) for command in commands(block)]
        elif block.language == "python":
            runs = [([sys.executable, "-c", block.code], 0)]
        else:
            continue
        for command, expected in runs:
            result = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
            )
            assert result.returncode == expected, f"{command[-1]}\n{result.stdout}\n{result.stderr}"
            assert "Traceback" not in result.stderr, result.stderr


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=_name)
def test_english_page_has_the_same_commands(page: Path) -> None:
    """Each Vietnamese page has an English one beside it that runs the same commands."""
    english = DOCS / "en" / page.relative_to(DOCS / "vi")
    assert english.is_file()

    def run_lines(path: Path) -> list[object]:
        return [commands(block) for block in blocks(path) if block.language == "sh"]

    assert run_lines(english) == run_lines(page)
    languages = [[block.language for block in blocks(path)] for path in (page, english)]
    assert languages[0] == languages[1]
