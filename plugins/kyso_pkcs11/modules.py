"""Which PKCS#11 modules to ask: those of the config, or the known ones found on this machine.

A module is native code of a vendor. It is named by the command line or the config, or found under a known name in a
known place (``known_modules.toml``); nothing that arrives with a letter can name one.
"""

from __future__ import annotations

import dataclasses
import glob
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from kyso.plugin import ConfigWrong, KeyAccess, KeyTrouble
from kyso_pkcs11.uri import TokenUri


@dataclass(frozen=True, slots=True)
class Module:
    """A PKCS#11 module on this machine.

    :param path: the library file.
    :param vendor: whose it is, for people; empty when unknown.
    :param name: its short name among the known modules; else the file's stem.
    :param python: interpreter that can load it, for a module of another word size; ``None`` means this one.
    :param keep_environment: names of environment variables the worker needs although they look like secrets.
    """

    path: Path
    vendor: str = ""
    name: str = ""
    python: Path | None = None
    keep_environment: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownModule:
    """A vendor's module as ``known_modules.toml`` describes it for this operating system."""

    name: str
    vendor: str
    files: tuple[str, ...]


def _system() -> str:
    if sys.platform == "win32":
        return "windows"
    return "macos" if sys.platform == "darwin" else "linux"


@cache
def known_modules(system: str | None = None) -> tuple[tuple[KnownModule, ...], tuple[str, ...]]:
    """Return the known modules and the places to search on `system` (this one by default)."""
    system = system or _system()
    source = resources.files("kyso_pkcs11") / "known_modules.toml"
    tables = tomllib.loads(source.read_text(encoding="utf-8"))
    modules = tuple(
        KnownModule(str(table["name"]), str(table["vendor"]), tuple(table.get(system, ())))
        for table in tables["module"]
    )
    return modules, tuple(tables["places"][system])


def installed_modules(places: Sequence[str] | None = None) -> tuple[Module, ...]:
    """Return the known modules that are installed, each file once whatever links point to it.

    :param places: folder patterns to search instead of the known ones.
    """
    modules, known_places = known_modules()
    folders = [
        Path(folder)
        for pattern in (known_places if places is None else places)
        for folder in sorted(glob.glob(os.path.expandvars(pattern)))  # noqa: PTH207 - patterns are absolute
    ]
    listings = {folder: _listing(folder) for folder in folders}
    found: dict[Path, Module] = {}
    for known in modules:
        for file in known.files:
            for listing in listings.values():
                path = listing.get(file.lower())
                if path is not None:
                    found.setdefault(path.resolve(), Module(path, known.vendor, known.name))
    return tuple(found.values())


def _listing(folder: Path) -> dict[str, Path]:
    """Map lower-case file names to paths: Windows installers vary the case of the same DLL."""
    try:
        return {entry.name.lower(): Path(entry.path) for entry in os.scandir(folder)}
    except OSError:
        return {}  # a folder that cannot be read holds no module for this user


def chosen_modules(uri: TokenUri | None, access: KeyAccess) -> tuple[Module, ...]:
    """Return the modules to search for `uri`: the URI's own, the key's, the configured ones, or the installed ones.

    :raises KeyTrouble: none is installed, or the named one does not exist.
    :raises ConfigWrong: the config's list cannot be read.
    """
    configured = _configured(access)
    if uri is not None and uri.module_path is not None:
        return (_at(access.base_dir / uri.module_path, uri.module_name, configured),)
    if "module" in access.key_options:
        return (_from_entry(access.key_options["module"], access.base_dir),)
    modules = configured or installed_modules()
    if uri is not None and uri.module_name is not None:
        wanted = uri.module_name.lower()
        modules = tuple(
            module
            for module in modules
            if wanted in (module.name.lower(), _short(module.path), module.path.name.lower())
        )
        if not modules:
            raise KeyTrouble("pkcs11.module_unknown", name=uri.module_name)
    if not modules:
        raise KeyTrouble("pkcs11.module_none")
    return modules


def _configured(access: KeyAccess) -> tuple[Module, ...]:
    entries = access.options.get("modules", ())
    if isinstance(entries, str):
        entries = [entries]
    if not isinstance(entries, Sequence):
        raise ConfigWrong("pkcs11.modules_setting", entry=type(entries).__name__)
    return tuple(_from_entry(entry, access.base_dir) for entry in entries)


def _from_entry(entry: Any, base_dir: Path) -> Module:
    if isinstance(entry, str):
        entry = {"path": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("path"), str):
        raise ConfigWrong("pkcs11.modules_setting", entry=str(entry)[:120])
    unknown = sorted(set(entry) - {"path", "vendor", "python", "keep_environment"})
    if unknown:
        raise ConfigWrong("pkcs11.modules_setting", entry=unknown)
    python = entry.get("python")
    module = _at(base_dir / os.path.expandvars(entry["path"]), None, ())
    return dataclasses.replace(
        module,
        vendor=str(entry.get("vendor", module.vendor)),
        python=base_dir / str(python) if python else None,
        keep_environment=tuple(str(name) for name in entry.get("keep_environment", ())),
    )


def _at(path: Path, name: str | None, configured: tuple[Module, ...]) -> Module:
    """Return the module at `path`; RFC 7512, 2.4: a folder is completed by the module's name."""
    if path.is_dir() and name:
        candidates = [entry for entry in sorted(path.iterdir()) if _short(entry) == name.lower() or entry.name == name]
        if not candidates:
            raise KeyTrouble("pkcs11.module_missing", module=str(path / name))
        path = candidates[0]
    if not path.is_file():
        raise KeyTrouble("pkcs11.module_missing", module=str(path))
    for module in configured:
        if module.path.resolve() == path.resolve():
            return module
    known, _ = known_modules()
    for candidate in known:
        if path.name.lower() in (file.lower() for file in candidate.files):
            return Module(path, candidate.vendor, candidate.name)
    return Module(path, name=_short(path))


def _short(path: Path) -> str:
    return path.name.lower().split(".")[0].removeprefix("lib")
