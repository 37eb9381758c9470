"""``kyso stamps list``: the stamp templates, where each comes from, and what it shows.

::

    schema       "kyso.stamps/1"
    templates[]  {name, origin: built_in|plugin|folder, file, hides[], summary_vi, summary_en, width_mm, height_mm,
                 image, variables[] {name, kind, required, message_vi, message_en}, problems[]}
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kyso import text
from kyso.cli import letters, output, stamps
from kyso.cli.common import Common
from kyso.cli.parsing import Option

if TYPE_CHECKING:
    from kyso_stamps.template import Template, Variable

SCHEMA = "kyso.stamps/1"


def run(
    common: Common,
    folder: Annotated[Path | None, Option("--folder", "DIR")] = None,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """List the templates; one that is wrong is listed with what is wrong."""
    from kyso_stamps.templates import check_template

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    with stamps.refused():
        listed = stamps.library(common, folder).listed()
    rows: list[dict[str, Any]] = []
    for name, entry in listed.items():
        template, problems = check_template(entry.source)
        rows.append(
            {
                "name": name,
                "origin": entry.source.origin,
                "file": str(entry.source.path),
                "hides": [str(hidden.path) for hidden in entry.hidden],
                **({} if template is None else _described(template)),
                "problems": [output.in_both(problem.code, problem.parameters) for problem in problems],
            }
        )
    if as_json:
        output.put_json({"schema": SCHEMA, "templates": rows})
        return 0
    _show(rows, common)
    return 0


def _described(template: Template) -> dict[str, Any]:
    return {
        "summary_vi": template.vi,
        "summary_en": template.en,
        "width_mm": template.width_mm,
        "height_mm": template.height_mm,
        "image": template.takes_image,
        "variables": [
            {
                "name": variable.name,
                "kind": variable.kind,
                "required": variable.name in template.required,
                "message_vi": _meaning(variable, "vi"),
                "message_en": _meaning(variable, "en"),
            }
            for variable in template.variables
        ],
    }


def _meaning(variable: Variable, language: text.Language) -> str:
    own = variable.vi if language == "vi" else variable.en
    return own or text.message(f"stamp.variable.{variable.name}", language)


def _show(rows: list[dict[str, Any]], common: Common) -> None:
    language = common.language
    heads = [text.message(f"stamps.head_{head}", language) for head in ("name", "size", "from", "variables", "summary")]
    shown = []
    for row in rows:
        origin = text.message(f"stamps.origin_{row['origin']}", language)
        if row["hides"]:
            origin = text.message("stamps.origin_hides", language, {"origin": origin})
        if row["problems"]:
            shown.append([row["name"], "-", origin, "-", row["problems"][0][f"message_{language}"]])
            continue
        names = [variable["name"] + ("" if variable["required"] else "?") for variable in row["variables"]]
        size = f"{row['width_mm']:g} x {row['height_mm']:g} mm"
        shown.append([row["name"], size, origin, " ".join(names), row[f"summary_{language}"]])
    output.table(heads, shown)
