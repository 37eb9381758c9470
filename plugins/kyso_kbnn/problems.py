"""What is wrong with a dossier: every problem at once, each with its place, its Vietnamese label and its rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kyso import text
from kyso.plugin import InputRefused, Language, Text
from kyso_kbnn.tables import Severity


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth knowing, about one value.

    :param code: names it; its words are in the catalogues.
    :param path: where, as in the JSON input: ``vouchers[0].lines[2].v_so_tien``.
    :param label: the field's Vietnamese label.
    :param rule: the rule that is broken: ``length``, ``sum``, ``C1`` ...
    :param place: sheet and cell, where the input was a workbook.
    """

    code: str
    path: str
    label: str = ""
    rule: str = ""
    severity: Severity = "error"
    parameters: Mapping[str, object] = field(default_factory=dict)
    place: str | None = None

    @property
    def where(self) -> str:
        """The place a person looks at: the cell, or the path."""
        return self.place or self.path

    def at(self, place: str) -> Problem:
        """Return the same problem with its sheet and cell."""
        return dataclasses.replace(self, place=place)

    def message(self, language: Language) -> str:
        """Return the problem in words."""
        given = {
            key: value.of(language) if isinstance(value, Text) else value for key, value in self.parameters.items()
        }
        about = {"label": self.label or self.path, "where": self.where, "rule": self.rule, **given}
        return text.message(self.code, language, about)

    def as_json(self) -> dict[str, Any]:
        """Return the problem as it stands in JSON output."""
        return {
            "code": self.code,
            "severity": self.severity,
            "path": self.path,
            "place": self.place,
            "label": self.label,
            "rule": self.rule,
            "message_vi": self.message("vi"),
            "message_en": self.message("en"),
        }


class DossierRefused(InputRefused):
    """The dossier cannot be used as it is; `problems` holds everything that was found."""

    def __init__(self, code: str = "kbnn.dossier_refused", /, **parameters: object) -> None:
        super().__init__(code, **parameters)
        self.parameters.setdefault("count", len(errors_among(self.problems)))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Errors and warnings in the order of the dossier."""
        found = self.parameters.get("problems", ())
        return found if isinstance(found, tuple) else ()

    def message(self, language: Language = "en") -> str:
        """Return the headline and one line per error."""
        lines = [super().message(language)]
        for problem in errors_among(self.problems):
            rule = f" [{problem.rule}]" if problem.rule else ""
            lines.append(f"- {problem.where}: {problem.message(language)}{rule}")
        return "\n".join(lines)


def errors_among(problems: Iterable[Problem]) -> list[Problem]:
    """Return those that stop a dossier."""
    return [problem for problem in problems if problem.severity == "error"]


def refuse_errors(problems: Iterable[Problem], name: str) -> tuple[Problem, ...]:
    """Raise :class:`DossierRefused` if there is an error among `problems`; return the warnings otherwise."""
    found = tuple(problems)
    if errors_among(found):
        raise DossierRefused(name=name, problems=found)
    return found
