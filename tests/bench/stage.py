"""What all measurements share: a folder with test keys, a letter, a picture, and ways to run commands and clocks."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from PIL import Image

from kyso.demo.letter import draw_letter
from kyso.demo.pictures import seal_png
from kyso.demo.pki import DEMO_PASSWORD, DemoPki, write_pki
from kyso.demo.typeface import face_file
from kyso.engine import Engine
from kyso.secret import Secret

PLUGIN_FOLDER = Path(__file__).parent / "plugin"
_LAUNCHER = Path(__file__).with_name("launcher.py")

_CONFIG = """\
[organisation]
name = "Ủy ban nhân dân xã An Bình"
[keys.leader]
uri = "pfx:pki/leader.p12"
[verification]
trust = ["pki/root.pem"]
crl = ["pki/crl"]
"""

_PYHANKO_CONFIG = """\
stamp-styles:
    default:
        type: text
        background: picture.png
        stamp-text: "Ký bởi: Nguyễn Văn Mẫu (THỬ NGHIỆM)\\nCơ quan: Ủy ban nhân dân xã An Bình\\nThời gian: %(ts)s"
        text-box-style:
            font: font.ttf
"""


@dataclass(frozen=True)
class Run:
    """What one command cost.

    :param wall_s: from start to end.
    :param cpu_s: user and system time.
    :param peak_mib: greatest resident memory.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True)
class Stage:
    """A folder to measure in; everything in it is made by the bench itself."""

    folder: Path
    pki: DemoPki
    letter: Path

    @property
    def picture(self) -> Path:
        """A seal of 400 x 400 pixels with transparency."""
        return self.folder / "picture.png"

    @property
    def font(self) -> Path:
        """The font that kyso chooses on this machine, for pyHanko as well."""
        return self.folder / "font.ttf"

    @property
    def config(self) -> Path:
        """The kyso.toml."""
        return self.folder / "kyso.toml"

    def engine(self) -> Engine:
        """Return an engine whose key asks nobody."""
        return Engine.from_config(self.config, ask_secret=lambda code, about: Secret(DEMO_PASSWORD))

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the commands: caches of their own, the bench plugin on the path."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KYSO_")}
        home = self.folder / "home"
        return {
            **kept,
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "PYTHONPATH": str(PLUGIN_FOLDER),
            "KYSO_BENCH_PASSWORD": DEMO_PASSWORD,
        }

    def run(self, *command: str | Path) -> Run:
        """Run a command in the folder, once, and return what it cost.

        :raises RuntimeError: it failed.
        """
        report = self.folder / "run.json"
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(report), *map(str, command)]
        subprocess.run(launcher, cwd=self.folder, env=dict(self.environment()), check=True)
        result = json.loads(report.read_text(encoding="utf-8"))
        if result["exit_code"]:
            raise RuntimeError(f"{command[0]} {command[1]} failed: {result['errors']}")
        return Run(result["wall_s"], result["cpu_s"], result["peak_mib"])

    def fresh(self, name: str) -> Path:
        """Return a path in the folder where nothing stands."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        return path


def script(name: str) -> Path:
    """Return an installed console script of this environment."""
    return Path(sys.executable).with_name(name)


@contextmanager
def built_stage() -> Iterator[Stage]:
    """Build the folder with keys (RSA-2048), the two-page letter, picture and font; it vanishes at the end."""
    with tempfile.TemporaryDirectory(prefix="kyso-bench-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        stage = Stage(folder, write_pki(folder / "pki"), folder / "letter.pdf")
        stage.letter.write_bytes(draw_letter(date(2026, 11, 20)))
        picture = folder / "seal.png"
        picture.write_bytes(seal_png())
        with Image.open(picture) as seal:
            seal.resize((400, 400), Image.Resampling.LANCZOS).save(stage.picture)
        stage.font.write_bytes(face_file())
        stage.config.write_text(_CONFIG, encoding="utf-8")
        (folder / "pyhanko.yml").write_text(_PYHANKO_CONFIG, encoding="utf-8")
        sys.path.insert(0, str(PLUGIN_FOLDER))
        before = os.environ.get("PYTHONPATH")
        # Worker processes find the bench plugin the same way.
        os.environ["PYTHONPATH"] = str(PLUGIN_FOLDER)
        try:
            yield stage
        finally:
            sys.path.remove(str(PLUGIN_FOLDER))
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before


def median_ms(work: Callable[[], object], count: int, *, warm_up: int = 1) -> float:
    """Return the median time of `count` calls in milliseconds, after `warm_up` calls that do not count."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000
