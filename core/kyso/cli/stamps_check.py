"""``kyso stamps check``: whether templates are right, and what is wrong where.

::

    schema      "kyso.stamps-check/1", one object a file
    file        as named
    ok          true | false
    problems[]  {code, message_vi, message_en, next_vi, next_en, file, line, entry}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from kyso import text
from kyso.cli import letters, output, stamps
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse

SCHEMA = "kyso.stamps-check/1"


def run(
    common: Common,
    files: Annotated[list[Path], Argument("FILE...")],
    out: Annotated[Path | None, Option("--out", "PNG")] = None,
    force: Annotated[bool, Flag("--force")] = False,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Read and draw each template, and return 7 where one is wrong."""
    from kyso.update.files import write_output

    as_json = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    if out is not None:
        if len(files) > 1:
            raise WrongUse("stamps.one_picture")
        letters.refuse_existing(out, force=force)
    wrong = False
    for file in files:
        problems, png = _judged(common, file)
        wrong = wrong or bool(problems)
        if out is not None and png is not None:
            write_output(out, (png,), overwrite=force)
        if as_json:
            output.put_json({"schema": SCHEMA, "file": str(file), "ok": not problems, "problems": problems})
        elif not problems:
            output.put(text.message("stamps.right", common.language, {"file": file}))
        for problem in () if as_json else problems:
            output.put(str(problem[f"message_{common.language}"]))
            output.note(problem[f"next_{common.language}"])
    return WrongUse.exit_code if wrong else 0


def _judged(common: Common, file: Path) -> tuple[list[dict[str, Any]], bytes | None]:
    """Return what is wrong with a template, and its picture where nothing is."""
    from kyso_stamps import StampError
    from kyso_stamps.templates import TemplateSource, check_template

    template, problems = check_template(TemplateSource.of_file(file))
    if template is None:
        return [_told(problem.code, problem.parameters) for problem in problems], None
    try:
        return [], stamps.picture(common, template, stamps.sample_values(template))
    except StampError as error:
        # What can be read may still not be drawn: a text that does not fit, a letter that the font lacks.
        return [_told(error.code, {"file": file.name, **error.parameters})], None


def _told(code: str, parameters: Mapping[str, object]) -> dict[str, Any]:
    return {
        **output.in_both(code, parameters),
        "next_vi": text.next_step(code, "vi", parameters),
        "next_en": text.next_step(code, "en", parameters),
        **{name: parameters[name] for name in ("file", "line", "entry") if name in parameters},
    }
