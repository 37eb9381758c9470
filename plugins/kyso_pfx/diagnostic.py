"""What `kyso doctor` says about PFX files: are they there, readable, and readable by nobody else. No password."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from kyso.diagnosing.doctor import failure_of
from kyso.plugin import Diagnosis, Examination, KeyTrouble
from kyso_pfx.source import PfxSource, is_old_encryption


class PfxDiagnostic:
    """Looks at the configured PFX files."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return one or two lines for each file."""
        for name, section in examination.config.keys.items():
            if not section.uri.startswith("pfx:"):
                continue
            try:
                path, data = PfxSource.read_file(section.uri, examination.access(name))
            except KeyTrouble as error:
                yield failure_of(error, key=name)
                continue
            if PfxSource.is_none(data):
                yield Diagnosis("pfx.not_pkcs12", "failure", {"name": path.name, "key": name})
                continue
            yield Diagnosis("pfx.state_file", "ok", {"key": name, "name": path})
            if is_old_encryption(data):
                yield Diagnosis("pfx.state_old", "warning", {"key": name, "name": path.name})
            if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield Diagnosis("pfx.state_open", "warning", {"key": name, "name": path})
