"""What is installed: versions, extras, plugins that do not load."""

from __future__ import annotations

import platform
import re
import struct
from collections.abc import Iterator
from importlib import metadata
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis

if TYPE_CHECKING:
    from kyso.contracts import Examination

LIBRARIES = ("pikepdf", "cryptography", "pypdfium2", "pyhanko", "pillow", "fonttools", "sqlalchemy", "python-pkcs11")
"""Libraries whose versions support asks for."""

# As pyproject.toml becomes metadata: `reportlab>=4.2; extra == "demo"`.
_EXTRA = re.compile(r"([A-Za-z0-9._-]+).*;.*\bextra\s*==\s*['\"]([\w-]+)['\"]")


class InstallationDiagnostic:
    """Looks at the program itself."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return versions, what is missing, and plugins that cannot be used."""
        yield Diagnosis(
            "diagnosing.program",
            "ok",
            {
                "version": version_of("kyso") or "?",
                "python": platform.python_version(),
                "bits": struct.calcsize("P") * 8,
                "system": platform.platform(terse=True),
            },
        )
        versions = [f"{name} {version}" for name in LIBRARIES if (version := version_of(name))]
        yield Diagnosis("diagnosing.libraries", "ok", {"libraries": versions})
        yield from _extras()
        registry = examination.registry
        for broken in registry.examine():
            about = {"name": broken.name, "distribution": broken.distribution or "-", "cause": broken.cause}
            yield Diagnosis("diagnosing.plugin_broken", "failure", {**about, "version": broken.version or "-"})
        for conflict in registry.conflicts:
            owners = [f"{plugin.name} ({plugin.distribution})" for plugin in conflict.plugins]
            yield Diagnosis("diagnosing.plugin_conflict", "warning", {"name": conflict.name, "owners": owners})
        if registry.disabled:
            yield Diagnosis("diagnosing.plugins_disabled", "warning", {"names": registry.disabled})
        loaded = [plugin.name for plugin in registry.plugins]
        yield Diagnosis("diagnosing.plugins", "ok", {"names": loaded, "count": len(loaded)})


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution, ``None`` where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _extras() -> Iterator[Diagnosis]:
    """Tell which optional parts are there, as the package's own metadata list them."""
    wanted: dict[str, list[str]] = {}
    for requirement in metadata.requires("kyso") or () if version_of("kyso") else ():
        found = _EXTRA.match(requirement)
        if found is not None and found[1].lower() != "kyso" and found[2] != "all":
            wanted.setdefault(found[2], []).append(found[1])
    missing = {extra: names for extra, names in wanted.items() if not all(map(version_of, names))}
    present = sorted(set(wanted) - set(missing))
    if present:
        yield Diagnosis("diagnosing.extras", "ok", {"extras": present})
    if missing:
        yield Diagnosis("diagnosing.extras_missing", "ok", {"extras": sorted(missing), "first": min(missing)})
