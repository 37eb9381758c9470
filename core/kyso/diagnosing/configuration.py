"""The configuration: is there one, can it be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kyso.contracts import Diagnosis

if TYPE_CHECKING:
    from kyso.contracts import Examination


class ConfigurationDiagnostic:
    """Looks at kyso.toml."""

    def examine(self, examination: Examination) -> Iterator[Diagnosis]:
        """Return everything that is wrong in the file, as `kyso config check` does."""
        from kyso.config import read
        from kyso.config_check import check

        path = examination.config.path
        if path is None:
            yield Diagnosis("diagnosing.no_config", "warning")
            return
        config, problems = read(path)
        for problem in problems:
            yield Diagnosis(problem.code, "failure", problem.parameters)
        remarks = () if problems else check(config, examination.registry)
        for remark in remarks:
            yield Diagnosis(remark.phrase.code, "failure" if remark.fatal else "warning", remark.phrase.parameters)
        if not problems and not any(remark.fatal for remark in remarks):
            yield Diagnosis("diagnosing.config_good", "ok", {"file": path})
