"""The example plugin under docs/, installed by pip as a third party's distribution would be."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "kyso-example-plugin"


def install(target: Path) -> Path:
    """Install the example plugin into `target`, which then goes on ``sys.path`` or ``PYTHONPATH``."""
    shutil.copytree(_installed(), target, dirs_exist_ok=True)
    return target


@cache
def _installed() -> Path:
    """Let pip build and install the plugin once per run; hatchling is in the test group, so no network is needed."""
    folder = Path(tempfile.mkdtemp(prefix="kyso-example-"))
    source, target = folder / "source", folder / "target"
    shutil.copytree(SOURCE, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--target", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target
