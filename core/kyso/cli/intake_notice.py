"""``kyso intake notice``: write a letter's notice anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast, get_args

from kyso import text
from kyso.cli import letters, output
from kyso.cli.common import Common
from kyso.cli.intake_answers import desk_of
from kyso.cli.parsing import Argument, Option
from kyso.receiving.values import NoticeKind


def run(
    common: Common,
    reference: Annotated[str, Argument("LETTER")],
    kind: Annotated[str | None, Option("--kind", "receipt|return|suspicious|report|recall")] = None,
    number: Annotated[str, Option("--number", "NUMBER/SYMBOL")] = "",
    out: Annotated[Path | None, Option("--out", "DIR")] = None,
    organisation: Annotated[str | None, Option("--organisation", "NAME")] = None,
) -> int:
    """Write the notice that a letter's state asks for, or the one named, as DOCX and PDF."""
    letters.choice_from("--kind", kind, get_args(NoticeKind))
    with desk_of(common, organisation) as desk:
        paths = desk.notice(reference, cast("NoticeKind | None", kind), number=number, out=out)
    for path in paths:
        output.put(text.message("intake.notice_written", common.language, {"path": path}))
    if not paths:
        output.say("intake.no_notice", common.language, {"reference": reference})
    return 0
