"""The example plugin under docs/, installed as a third party's distribution would be."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "kyso-example-plugin"


def install(target: Path) -> Path:
    """Lay the example plugin out in `target` as an installer does, without network or build tools.

    `target` then goes on ``sys.path`` or ``PYTHONPATH``. The metadata comes from the plugin's own pyproject.toml.
    """
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.copytree(SOURCE / "src" / "kyso_example", target / "kyso_example")
    info = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    lines = [f"{name} = {value}" for name, value in project["entry-points"]["kyso"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[kyso]", *lines, ""]), encoding="utf-8")
    return target
