"""``kyso doctor``: what is well on this computer, what is not, and what to do about it.

Exit codes: 0 where nothing needs mending (there may be warnings), 1 where something does, 7 for wrong options. The
lines go to stdout, one for each finding, so that a clerk can read them to support on the telephone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.parsing import Argument, Flag, Option
from kyso.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kyso.config import Config
    from kyso.contracts import Examination
    from kyso.diagnosing.doctor import Chapter

NEEDS_MENDING = 1
GREATEST_DEADLINE_S = 600


def run(
    common: Common,
    folders: Annotated[list[Path] | None, Argument("DIR")] = None,
    sweep: Annotated[bool, Flag("--sweep")] = False,
    deadline_s: Annotated[int, Option("--deadline", "SECONDS")] = 60,
    answer_format: Annotated[str, Option("--format", "text|json")] = "text",
) -> int:
    """Examine, and return 0 where nothing needs mending, else 1."""
    from kyso.diagnosing.answer import as_json
    from kyso.diagnosing.doctor import examination_of, examine_all, worst
    from kyso.plugins import create_plugin_manager

    json_wanted = letters.choice_from("--format", answer_format, ("text", "json")) == "json"
    if not 1 <= deadline_s <= GREATEST_DEADLINE_S:
        raise WrongUse("cli.bad_deadline", value=deadline_s, limit=GREATEST_DEADLINE_S)
    if folders and not sweep:
        raise WrongUse("cli.folders_without_sweep", folders=folders)
    now = datetime.now(UTC)
    config = _readable_config(common)
    registry = create_plugin_manager()
    online = common.online or config.network.online
    examination = examination_of(config, registry, online=online, now=now, deadline_s=deadline_s)
    removed = _sweep(examination, folders or [], common) if sweep else []
    chapters = examine_all(examination)
    if json_wanted:
        output.put_json(as_json(chapters, examined_at=now, online=online, removed=removed))
    else:
        _show(chapters, common)
    return NEEDS_MENDING if worst(chapters) == "failure" else 0


def _readable_config(common: Common) -> Config:
    """Return as much of the configuration as can be read: what is wrong in it is a finding, not the end."""
    from kyso.config import Config, find, read

    path = find(common.config_path)
    return Config() if path is None else read(path)[0]


def _sweep(examination: Examination, folders: Sequence[Path], common: Common) -> list[Path]:
    from kyso.diagnosing.disk import waiting_letters
    from kyso.diagnosing.leftovers import find_leftovers, flat, sweep, usual_places

    for folder in folders:
        if not folder.is_dir():
            raise WrongUse("cli.no_folder", name=folder)
    prepared, waited_for = waiting_letters(examination)
    now = examination.now
    found = {each.path.absolute(): each for each in flat(usual_places(examination), now)}
    further = find_leftovers(folders, now, prepared=prepared, waited_for=waited_for)
    found.update({each.path.absolute(): each for each in further})
    removed, failed = sweep(found.values())
    size = sum(found[path.absolute()].size for path in removed)
    about = {"count": len(removed), "size": f"{size / 1e6:.1f} MB"}
    output.say("diagnosing.sweep_removed", common.language, about)
    for path, cause in failed:
        output.say("diagnosing.sweep_failed", common.language, {"file": path, "cause": cause})
    return removed


def _show(chapters: Sequence[Chapter], common: Common) -> None:
    from kyso.diagnosing.doctor import worst

    language = common.language
    counts = {"ok": 0, "warning": 0, "failure": 0}
    marks = {state: text.message(f"diagnosing.state_{state}", language) for state in counts}
    width = max(map(len, marks.values()))
    for chapter in chapters:
        if not chapter.diagnoses:
            continue
        output.put(chapter.title.of(language))
        for diagnosis in chapter.diagnoses:
            counts[diagnosis.state] += 1
            words = " ".join(text.message(diagnosis.code, language, diagnosis.parameters).split())
            output.put(f"  {marks[diagnosis.state]:<{width}}  {words}")
            step = text.next_step(diagnosis.code, language, diagnosis.parameters)
            if step and diagnosis.state != "ok":
                output.put(f"  {'':<{width}}  → {' '.join(step.split())}")
    state = worst(chapters)
    summary = f"diagnosing.summary_{state}"
    output.put("")
    output.put(text.message(summary, language, counts))
    step = text.next_step(summary, language, counts)
    if step:
        output.put(f"→ {step}")
