"""Which installed distributions offer something under an entry point group.

`importlib.metadata` answers the same question, and importing it costs a cold command 30 ms, more than everything else
the plugin framework does. Ordinary installations are folders with an ``entry_points.txt``, which are read here; where
the interpreter finds distributions in any other way, `importlib.metadata` is asked.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kyso.frozen import dataclass


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """One line of a distribution's entry points.

    :param value: what is offered: ``module`` or ``module:attribute``.
    :param distribution: name of the distribution as it spells itself.
    """

    name: str
    value: str
    distribution: str
    version: str


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return what installed distributions offer under `group`, in the order of ``sys.path``.

    Of a distribution that is installed twice, the one that imports first counts.
    """
    if any(hasattr(finder, "find_distributions") and not _is_path_finder(finder) for finder in sys.meta_path):
        return _ask_metadata(group)
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path):
        path = Path(folder or ".")
        if path.is_dir():
            found += _in_folder(path, group, seen)
        elif path.is_file():  # a zip file of packages
            return _ask_metadata(group)
    return tuple(found)


def _is_path_finder(finder: object) -> bool:
    # The second is of the library importlib_metadata, which keyring brings along: it looks in the same folders.
    return getattr(finder, "__name__", "") == "PathFinder" or type(finder).__name__ == "MetadataPathFinder"


def _in_folder(folder: Path, group: str, seen: set[str]) -> list[EntryPoint]:
    found: list[EntryPoint] = []
    try:
        names = os.listdir(folder)  # noqa: PTH208 - a folder of packages holds hundreds of names, strings are enough
    except OSError:
        return found
    for name in sorted(names):
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - the same
        if suffix not in (".dist-info", ".egg-info"):
            continue
        project = stem.partition("-")[0].lower().replace("-", "_").replace(".", "_")
        if project in seen:
            continue
        seen.add(project)
        lines = _group_lines(folder / name / "entry_points.txt", group)
        if lines:
            spelt, version = _name_and_version(folder / name, stem)
            found += [EntryPoint(key, value, spelt, version) for key, value in lines]
    return found


def _group_lines(file: Path, group: str) -> list[tuple[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    if f"[{group}]" not in text:
        return []
    section, lines = "", []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == group and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            # Extras after the value are a relic that changes nothing (packaging specification of entry points).
            lines.append((name.strip(), value.partition("[")[0].strip()))
    return lines


def _name_and_version(folder: Path, stem: str) -> tuple[str, str]:
    name, _, version = stem.partition("-")
    for file in ("METADATA", "PKG-INFO"):
        try:
            head = (folder / file).read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
        except OSError:
            continue
        for line in head.splitlines():
            key, _, value = line.partition(":")
            if key == "Name":
                name = value.strip()
            elif key == "Version":
                version = value.strip()
        break
    return name, version


def _ask_metadata(group: str) -> tuple[EntryPoint, ...]:
    from importlib import metadata

    found = []
    for point in metadata.entry_points(group=group):
        distribution = point.dist
        name, version = (distribution.name, distribution.version) if distribution else ("", "")
        found.append(EntryPoint(point.name, point.value.partition("[")[0].strip(), name, version))
    return tuple(found)
